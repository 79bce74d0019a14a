"""GIF, frame by frame: each frame with its own 256 colours, so that a film whose colours change
needs no palette that suits all of it.

Format: CompuServe, Graphics Interchange Format 89a; the loop is Netscape's extension. Pillow packs
each frame as a GIF of its own, and its blocks are taken over.
"""

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TRAILER = b";"
MOST = 65_535  # pixels of a side
_SAMPLED = (
    20_000  # pixels that the colours are found from: all of them would take six times as long
)
_FASTEST = 2  # hundredths of a second; browsers show anything faster at ten frames a second


def opening(size: tuple[int, int], note: str) -> bytes:
    """What comes before the first frame of a GIF of ``size`` (w, h): it repeats for ever, and
    ``note`` (ASCII) is its comment."""
    screen = struct.pack("<HHBBB", *size, 0x70, 0, 0)
    loop = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    text = note.encode("ascii")
    parts = [text[i : i + 255] for i in range(0, len(text), 255)]
    comment = b"!\xfe" + b"".join(bytes([len(p)]) + p for p in parts) + b"\0"
    return b"GIF89a" + screen + loop + comment


def frame_bytes(pixels: NDArray[np.uint8], hundredths: int) -> bytes:
    """The blocks of one frame (h, w, 3), shown for so long: the colours cut at the median, errors
    spread by Floyd and Steinberg."""
    whole = Image.fromarray(pixels)
    stride = max(1, round((pixels.shape[0] * pixels.shape[1] / _SAMPLED) ** 0.5))
    sample = Image.fromarray(np.ascontiguousarray(pixels[::stride, ::stride]))
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT)
    frame = whole.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    buffer = BytesIO()
    frame.save(buffer, "GIF", optimize=False, interlace=0)
    return _control(hundredths) + _local(buffer.getvalue())


def hundredths(fps: float) -> int:
    """How long a frame is shown, in the unit that GIF has."""
    return max(_FASTEST, round(100 / fps))


def _control(time: int) -> bytes:
    return b"!\xf9\x04" + struct.pack("<BHB", 0x04, time, 0) + b"\0"


def _local(whole: bytes) -> bytes:
    """The picture's blocks of a GIF of one frame, its colour table put beside them."""
    flags = whole[10]
    end = 13 + (3 << ((flags & 7) + 1))
    colours, at = whole[13:end], end
    while whole[at : at + 1] == b"!":  # extensions: their blocks, each with its length, up to a 0
        at += 2
        while whole[at]:
            at += whole[at] + 1
        at += 1
    place, rest = whole[at : at + 9], whole[at + 10 : -1]
    return place + bytes([0x80 | (flags & 7)]) + colours + rest
