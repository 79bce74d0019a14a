"""A whole cache as one file, and back, trusting nothing that the file says.

The archive is a zip: ``neuronscope.json`` (what it is) and ``objects/KEY``, each the entry's file
as it lies in the cache, so that every entry still vouches for itself.
"""

import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cache.entries import FORMAT, BadEntry, Packed, unpack
from cache.errors import UserError
from cache.files import disk_errors
from cache.keys import is_key
from cache.objects import Objects

MANIFEST = "neuronscope.json"
_FOLDER = "objects/"
_MANIFEST_LIMIT = 1 << 20
# What zipfile raises on bytes that are no zip, or ask for a password or an unknown compression.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same entries make the same archive, byte for byte


def write_archive(objects: Objects, path: Path) -> dict[str, Any]:
    """Write every sound entry to ``path``, in one step; entries found wrong are dropped.
    UserError: the place cannot be written, or its disk is full."""
    part = path.with_name(f".{path.name}.part")
    count = size = 0
    with disk_errors(path.parent):
        try:
            with zipfile.ZipFile(part, "w") as archive:
                about = {"format": FORMAT, "what": "neuronscope cache"}
                archive.writestr(_member(MANIFEST), json.dumps(about))
                for key in objects.all_keys():
                    data = _sound(objects, key)
                    if data is not None:
                        archive.writestr(_member(_FOLDER + key), data)
                        count, size = count + 1, size + len(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return {"file": str(path), "entries": count, "bytes": size}


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.external_attr = 0o644 << 16
    return member


def _sound(objects: Objects, key: str) -> bytes | None:
    data = objects.bytes_of(key)
    if data is None:
        return None
    try:
        unpack(data, key)
    except BadEntry as bad:
        objects.drop(key, data, str(bad))
        return None
    return data


class Archive:
    """An archive that was checked to its last byte before the first entry is handed out.

    UserError, in one line and before anything is taken over: it is no such archive, it names a
    file outside of the cache or one twice, an entry's bytes differ from their digest, or there
    are more bytes than ``max_bytes``.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        with self._open() as archive:
            self._members = self._checked(archive, max_bytes)
            for member in self._members:
                self._entry(archive, member)
        self.count = len(self._members)

    def entries(self) -> Iterator[tuple[bytes, Packed]]:
        """(the file's bytes, what they hold) of every entry, one at a time."""
        with self._open() as archive:
            for member in self._members:
                yield self._entry(archive, member)

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self._path) as archive:
                yield archive
        except _BROKEN as error:
            raise self._refused(f"it is broken or no archive at all ({error})") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"the archive {self._path} cannot be read: {reason}") from error

    def _refused(self, why: str) -> UserError:
        return UserError(
            f"the archive {self._path} is refused, nothing was taken from it: {why}; "
            "export it again with `neuronscope cache export`"
        )

    def _checked(self, archive: zipfile.ZipFile, max_bytes: int) -> list[zipfile.ZipInfo]:
        members = archive.infolist()
        self._check_manifest(archive)
        seen: set[str] = set()
        for member in members:
            name = member.filename
            if name in seen:
                raise self._refused(f"it holds {name!r} twice")
            seen.add(name)
            if name != MANIFEST and not (name[:8] == _FOLDER and is_key(name[8:])):
                raise self._refused(f"it holds {name!r}, which is no entry of a cache")
        size = sum(member.file_size for member in members)
        if size > max_bytes:
            raise self._refused(f"it holds {size} bytes, the cache may only hold {max_bytes}")
        return [member for member in members if member.filename != MANIFEST]

    def _check_manifest(self, archive: zipfile.ZipFile) -> None:
        try:
            member = archive.getinfo(MANIFEST)
        except KeyError as error:
            raise self._refused(f"it has no {MANIFEST}") from error
        if member.file_size > _MANIFEST_LIMIT:
            raise self._refused(f"its {MANIFEST} is too long")
        try:
            about = json.loads(archive.read(member))
        except (ValueError, RecursionError) as error:
            raise self._refused(f"its {MANIFEST} cannot be read") from error
        kept = about.get("format") if isinstance(about, dict) else None
        if kept != FORMAT:
            raise self._refused(f"it has format {kept}, this version reads format {FORMAT}")

    def _entry(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, Packed]:
        """Reads no more than the size that was declared and counted, whatever it unpacks to."""
        data = archive.read(member)
        try:
            return data, unpack(data, member.filename[len(_FOLDER) :])
        except BadEntry as bad:
            raise self._refused(f"its entry {member.filename!r} is wrong: {bad}") from bad
