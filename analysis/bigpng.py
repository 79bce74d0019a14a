"""PNG files too large to be held in memory, read strip by strip and made smaller on the way.

Pillow inflates a PNG whole: 800 MB for 200 megapixels. Here the stream is inflated a strip at a
time; each strip, with the last row before it (its filters refer to that row), is handed to Pillow
as a small PNG of its own: its code undoes the filters, and memory stays at a few strips.
Format: W3C, Portable Network Graphics (third edition), sections 5, 7 and 9.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STRIP_BYTES = 16 * 2**20
MAX_STRIP_BYTES = 128 * 2**20
PIECE = 2**18
BYTES_PER_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> bytes, at 8 bits a channel


@dataclass(frozen=True)
class Header:
    """What stands before the pixels: IHDR's fields, and palette and transparency as they are."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    extra: bytes

    @property
    def row_bytes(self) -> int:
        """Length of one filtered row: its filter's number and its pixels."""
        return 1 + self.width * BYTES_PER_PIXEL[self.colour]


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_header(stream: IO[bytes]) -> Header:
    """The header of a PNG stream at its start; leaves the stream at the first IDAT chunk."""
    stream.seek(len(SIGNATURE))
    fields: tuple[int, ...] = ()
    extra = b""
    while True:
        length, kind = _chunk_head(stream)
        if kind == b"IEND":
            raise ValueError("image file is truncated (no pixels are there)")
        if kind == b"IDAT":
            stream.seek(-8, 1)
            width, height, depth, colour, _, _, interlaced = fields
            return Header(width, height, depth, colour, bool(interlaced), extra)
        data = stream.read(length) if kind in (b"IHDR", b"PLTE", b"tRNS") else b""
        stream.seek(length + 4 - len(data), 1)
        if kind == b"IHDR":
            fields = struct.unpack(">IIBBBBB", data)
        elif data:
            extra += chunk(kind, data)


def readable(header: Header, factor: int) -> bool:
    """Whether ``reduced`` can read it: 8 bits a channel, rows in order, rows of a sane length."""
    return (
        header.depth == 8 and not header.interlaced and header.row_bytes * factor <= MAX_STRIP_BYTES
    )


def reduced(
    stream: IO[bytes],
    header: Header,
    factor: int,
    convert: Callable[[Image.Image], Image.Image],
) -> Image.Image:
    """The picture, ``factor`` times smaller on both sides (means of factor x factor pixels), RGB.

    ``stream`` stands where ``read_header`` left it; ``convert`` turns a strip into RGB. Raises
    ValueError or zlib.error where the data ends early or is damaged.
    """
    size = (-(-header.width // factor), -(-header.height // factor))
    canvas = Image.new("RGB", size)
    rows = max(1, STRIP_BYTES // (header.row_bytes * factor)) * factor
    before = bytes(header.row_bytes - 1)
    top = 0
    for filtered in _inflated(stream, rows * header.row_bytes):
        count = min(len(filtered) // header.row_bytes, header.height - top)
        strip = _decode_strip(header, before, filtered[: count * header.row_bytes], count)
        before = np.asarray(strip)[-1].tobytes()
        part = convert(strip.crop((0, 1, header.width, count + 1))).reduce(factor)
        canvas.paste(part, (0, top // factor))
        top += count
        if top == header.height:
            return canvas
        if count < rows:
            break
    raise ValueError(f"image file is truncated ({top} of {header.height} rows are there)")


def _decode_strip(header: Header, before: bytes, filtered: bytes, count: int) -> Image.Image:
    """``count`` rows below the row ``before`` (mode of the file), undone by Pillow."""
    shape = struct.pack(">IIBBBBB", header.width, count + 1, 8, header.colour, 0, 0, 0)
    packed = zlib.compress(b"\0" + before + filtered, level=0)
    data = SIGNATURE + chunk(b"IHDR", shape) + header.extra + chunk(b"IDAT", packed)
    strip = Image.open(BytesIO(data + chunk(b"IEND", b"")), formats=["PNG"])
    strip.load()
    return strip


def _inflated(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """The inflated rows in pieces of ``size`` bytes; the last may be shorter."""
    inflate = zlib.decompressobj()
    held = bytearray()
    for packed in _image_data(stream):
        while packed:
            held += inflate.decompress(packed, size - len(held))
            packed = inflate.unconsumed_tail
            if len(held) == size:
                yield bytes(held)
                held.clear()
    held += inflate.flush()
    if held:
        yield bytes(held)


def _image_data(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of the IDAT chunks, a piece at a time; ends early where the file does."""
    while True:
        length, kind = _chunk_head(stream)
        if kind != b"IDAT":
            return
        while length:
            data = stream.read(min(length, PIECE))
            if not data:
                return
            length -= len(data)
            yield data
        stream.seek(4, 1)


def _chunk_head(stream: IO[bytes]) -> tuple[int, bytes]:
    head = stream.read(8)
    if len(head) < 8:
        return 0, b"IEND"
    length, kind = struct.unpack(">I4s", head)
    return length, kind
