"""One entry as one file that can vouch for itself.

    3 bytes  NSC        1 byte  version of this format
    32 bytes SHA-256 of all that follows
    4 bytes  length of the header (big endian)
    header   JSON: key, kind, mime, meta, pinned
    payload  the value's bytes

The digest covers the header too, so a changed kind or meta is noticed like a changed picture; and
because the header names its key, the index can always be made again from the files.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from cache import codecs

FORMAT = 1
MAGIC = b"NSC"
_PREFIX = struct.Struct(">3sB32sI")
_LENGTH = struct.Struct(">I")
_BODY_AT = _PREFIX.size - _LENGTH.size
HEADER_LIMIT = 1 << 20


class BadEntry(Exception):  # noqa: N818 - a finding about bytes, answered by rendering again
    """These bytes are not the entry they should be; the text says why."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An entry whose digest was right: its value still as bytes."""

    key: str
    kind: str
    mime: str
    meta: dict[str, Any]
    pinned: bool
    payload: bytes


def pack(entry: Packed) -> bytes:
    """The file's bytes. TypeError or ValueError: the meta is not JSON, or longer than 1 MiB."""
    fields = {
        "key": entry.key,
        "kind": entry.kind,
        "mime": entry.mime,
        "meta": entry.meta,
        "pinned": entry.pinned,
    }
    header = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(header) > HEADER_LIMIT:
        raise ValueError("the meta of an entry must stay below 1 MiB: keep it as a value")
    length = _LENGTH.pack(len(header))
    digest = hashlib.sha256(length)
    digest.update(header)
    digest.update(entry.payload)
    return b"".join([MAGIC, bytes([FORMAT]), digest.digest(), length, header, entry.payload])


def unpack(data: bytes, key: str) -> Packed:
    """The entry ``key`` out of its file's bytes. BadEntry: anything at all is wrong with them."""
    length = _prefix(data)
    digest = hashlib.sha256(memoryview(data)[_BODY_AT:]).digest()
    if digest != data[len(MAGIC) + 1 : _BODY_AT]:
        raise BadEntry("its bytes differ from their digest")
    header_end = _PREFIX.size + length
    if header_end > len(data):
        raise BadEntry("it ends before its header does")
    return _from_header(data[_PREFIX.size : header_end], key, data[header_end:])


def peek(file: BinaryIO, key: str) -> Packed:
    """The header alone, without the digest's word and with an empty payload: for the index."""
    length = _prefix(prefix := file.read(_PREFIX.size))
    header = file.read(min(length, HEADER_LIMIT))
    if len(prefix) != _PREFIX.size or len(header) != length:
        raise BadEntry("it ends before its header does")
    return _from_header(header, key, b"")


def is_current(prefix: bytes) -> bool:
    """Whether a file that starts with these 4 bytes is an entry in this version's format."""
    return prefix == MAGIC + bytes([FORMAT])


def _prefix(data: bytes) -> int:
    """The header's length, once it is clear that this is an entry of this format."""
    if len(data) < _PREFIX.size:
        raise BadEntry("it is cut off")
    magic, version, _, length = _PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise BadEntry("it is not a cache entry")
    if version != FORMAT:
        raise BadEntry(f"it has format {version}, this version keeps format {FORMAT}")
    return int(length)


def _from_header(header: bytes, key: str, payload: bytes) -> Packed:
    try:
        fields = json.loads(header)
        entry = Packed(**fields, payload=payload)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadEntry("its header cannot be read") from error
    if entry.key != key:
        raise BadEntry("it belongs to another key")
    if not isinstance(entry.meta, dict) or not isinstance(entry.pinned, bool):
        raise BadEntry("its header cannot be read")
    if not isinstance(entry.kind, str) or not isinstance(entry.mime, str):
        raise BadEntry("its header cannot be read")
    if not codecs.allowed(entry.kind, entry.mime):
        raise BadEntry(f"it holds {entry.kind!r} as {entry.mime!r}, which is not kept here")
    return entry
