"""The boxes that an MP4 file is made of, as far as its notes need: no decoder runs.

Format: ISO/IEC 14496-12, section 4.2; the comment lies where iTunes puts it, moov.udta.meta.ilst.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

_WAY = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")
Bytes = bytes | mmap.mmap
_SKIPPED = {b"meta": 4, b"data": 8}  # bytes between a box's head and what it holds


def is_film(data: bytes) -> bool:
    """Whether the bytes begin as an MP4 does, and not as a picture in the same wrapping."""
    return data[4:8] == b"ftyp" and not data[8:12].startswith((b"avi", b"he", b"mif", b"msf"))


def boxes(data: Bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of every box that lies whole within ``data[start:end]``; start is behind
    its head."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,), head = struct.unpack_from(">Q", data, start + 8), 16
        last = end if size == 0 else start + size
        if last > end or last < start + head:
            return
        yield kind, start + head, last
        start = last


def comment(data: bytes) -> str | None:
    """The film's comment, None where it has none; ValueError where that is no text."""
    start, end = 0, len(data)
    for wanted in _WAY:
        inner = (place for kind, *place in boxes(data, start, end) if kind == wanted)
        found = next(inner, None)
        if found is None:
            return None
        start, end = found[0] + _SKIPPED.get(wanted, 0), found[1]
    return data[start:end].decode()


def fragments(path: Path) -> tuple[int, int]:
    """(bytes, frames) of the whole fragments at the start of a film that may be cut off."""
    if not path.stat().st_size:
        return 0, 0
    length = frames = coming = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for kind, start, end in boxes(data):
            if kind == b"moof":
                coming = _samples(data, start, end)
            elif kind == b"mdat":
                frames, coming, length = frames + coming, 0, end
    return length, frames


def _samples(data: Bytes, start: int, end: int) -> int:
    """How many frames a fragment's head announces."""
    count = 0
    for kind, inner, last in boxes(data, start, end):
        if kind == b"traf":
            runs = (place for name, place, _ in boxes(data, inner, last) if name == b"trun")
            count += sum(struct.unpack_from(">I", data, place + 4)[0] for place in runs)
    return count
