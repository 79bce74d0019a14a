"""Pictures as the world makes them, and files that are none: each written on the fly, none kept.

A function takes the path to write and gives it back. `PIXELS` is a 3 x 2 picture whose six colours
differ, so that every turn and mirroring of it can be told from every other.
"""

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.bigpng import SIGNATURE, chunk

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CYAN, MAGENTA, YELLOW = (0, 255, 255), (255, 0, 255), (255, 255, 0)
PIXELS = np.array([[RED, GREEN, BLUE], [CYAN, MAGENTA, YELLOW]], dtype=np.uint8)
GREY_DC = 128  # a JPEG of coefficients that are all zero


def write_png(
    path: Path,
    size: tuple[int, int],
    rows: Iterable[bytes],
    *,
    depth: int = 8,
    colour: int = 2,
    interlaced: int = 0,
    before: bytes = b"",
) -> Path:
    """A PNG whose filtered rows (filter's number first) stream through zlib into 64 kB chunks."""
    shape = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    packer = zlib.compressobj(1)
    with path.open("wb") as out:
        out.write(SIGNATURE + chunk(b"IHDR", shape) + before)
        held = b""
        for row in rows:
            held += packer.compress(row)
            if len(held) > 2**16:
                out.write(chunk(b"IDAT", held))
                held = b""
        out.write(chunk(b"IDAT", held + packer.flush()) + chunk(b"IEND", b""))
    return path


def png_200_megapixels(path: Path, *, interlaced: int = 0) -> Path:
    """20,000 x 10,000, columns left of the middle red, right of it blue: 600 MB once inflated."""
    row = b"\0" + bytes(RED) * 10_000 + bytes(BLUE) * 10_000
    same = b"\2" + bytes(len(row) - 1)  # filter "up" with no difference
    rows = (row if i == 0 else same for i in range(10_000))
    return write_png(path, (20_000, 10_000), rows, interlaced=interlaced)


def jpeg_200_megapixels(path: Path) -> Path:
    """20,000 x 10,000, one grey: a small JPEG's coefficients, repeated under a larger header."""
    return repeat_jpeg(path, (20_000, 10_000))


def repeat_jpeg(path: Path, size: tuple[int, int]) -> Path:
    """A baseline JPEG of one colour and any size in multiples of 8, without its pixels.

    Every 8 x 8 block of grey 128 is the same few bits: difference of the mean 0, end of block.
    With the tables of a small JPEG these bits are read off once and packed as often as needed.
    """
    small = io.BytesIO()
    Image.new("L", (8, 8), GREY_DC).save(small, "JPEG", quality=75)
    data = small.getvalue()
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    start = scan + 2 + struct.unpack(">H", data[scan + 2 : scan + 4])[0]
    head = data[: frame + 5] + struct.pack(">HH", size[1], size[0]) + data[frame + 9 : start]
    # standard luminance tables: DC category 0 is 00, end of block is 1010; 6 bits a block
    blocks = (size[0] // 8) * (size[1] // 8)
    four = int("001010" * 4, 2).to_bytes(3, "big")
    body = four * (-(-blocks // 4))
    path.write_bytes(head + body + b"\xff\xd9")
    return path


def big_photograph(path: Path, size: tuple[int, int] = (6000, 4000)) -> Path:
    """24 megapixels of a smooth gradient in JPEG: red grows to the right, green downwards."""
    across = np.linspace(0, 255, size[0], dtype=np.uint8)[None, :]
    down = np.linspace(0, 255, size[1], dtype=np.uint8)[:, None]
    red, green = np.broadcast_arrays(across, down)
    pixels = np.stack([red, green, np.full_like(red, 128)], axis=2)
    Image.fromarray(pixels).save(path, "JPEG", quality=90)
    return path


def png_alpha(path: Path) -> Path:
    """Four pixels: black at alpha 0, 128 and 255, red at alpha 51."""
    pixels = np.array([[[0, 0, 0, 0], [0, 0, 0, 128], [0, 0, 0, 255], [255, 0, 0, 51]]], np.uint8)
    Image.fromarray(pixels).save(path, "PNG")
    return path


def png_grey_alpha(path: Path) -> Path:
    """Two grey pixels of 100, at alpha 255 and 0."""
    Image.fromarray(np.array([[[100, 255], [100, 0]]], np.uint8)).save(path, "PNG")
    return path


def png_16_bit_grey(path: Path, *, clear: int | None = None) -> Path:
    """Values 0, 0x7FFF, 0x80FF and 65535; ``clear`` names one of them transparent."""
    row = b"\0" + struct.pack(">4H", 0, 0x7FFF, 0x80FF, 65535)
    before = b"" if clear is None else chunk(b"tRNS", struct.pack(">H", clear))
    return write_png(path, (4, 1), [row], depth=16, colour=0, before=before)


def png_16_bit_colour(path: Path, *, clear: tuple[int, int, int] | None = None) -> Path:
    """Two pixels: (0, 0x7FFF, 65535) and (0x80FF, 0x0100, 0x00FF)."""
    row = b"\0" + struct.pack(">6H", 0, 0x7FFF, 65535, 0x80FF, 0x0100, 0x00FF)
    before = b"" if clear is None else chunk(b"tRNS", struct.pack(">3H", *clear))
    return write_png(path, (2, 1), [row], depth=16, colour=2, before=before)


def png_4_bit_grey(path: Path) -> Path:
    """Values 0, 3, 9 and 15 of 15, where 9 is transparent."""
    before = chunk(b"tRNS", struct.pack(">H", 9))
    return write_png(path, (4, 1), [b"\0\x03\x9f"], depth=4, colour=0, before=before)


def jpeg_cmyk(path: Path, ink: tuple[int, int, int, int]) -> Path:
    """A CMYK JPEG of one ink mixture, inverted and with Adobe's marker as printers' files are."""
    Image.new("CMYK", (16, 16), ink).save(path, "JPEG", quality=100)
    assert b"Adobe" in path.read_bytes()
    return path


def exif_orientation(path: Path, orientation: int, form: str = "PNG") -> Path:
    """A file whose upright picture is `PIXELS`, stored the way a camera in this position does."""
    undone = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, 1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    block = 1 if form != "JPEG" else 16  # JPEG smears single pixels
    stored = np.ascontiguousarray(undone.repeat(block, axis=0).repeat(block, axis=1))
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}
    Image.fromarray(stored).save(path, form, exif=exif, **options.get(form, {}))
    return path


def jpeg_broken_exif(path: Path) -> Path:
    """A sound JPEG (grey 100) whose EXIF block is noise."""
    noise = b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(range(200))
    Image.new("RGB", (16, 16), (100, 100, 100)).save(path, "JPEG", exif=noise)
    return path


def webp(path: Path) -> Path:
    """`PIXELS` in lossless WebP."""
    Image.fromarray(PIXELS).save(path, "WEBP", lossless=True)
    return path


def animated(path: Path, form: str) -> Path:
    """Three frames of 8 x 8: red, green, blue."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=50, **options)
    return path


def palette_transparent(path: Path, form: str = "PNG") -> Path:
    """Two pixels of a palette: blue, and a black that is transparent."""
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 1)
    image.save(path, form, transparency=0)
    return path


def one_pixel(path: Path, form: str = "PNG") -> Path:
    """One pixel, (200, 100, 50)."""
    Image.new("RGB", (1, 1), (200, 100, 50)).save(path, form)
    return path


def long_line(path: Path) -> Path:
    """60,000 x 1 pixels, grey 90: resized by its short side it would have four gigapixels."""
    Image.new("L", (60_000, 1), 90).save(path, "PNG")
    return path


def tiff_float(path: Path, values: Iterable[float]) -> Path:
    """A TIFF of one row of 32 bit floating point values."""
    Image.fromarray(np.array([list(values)], np.float32)).save(path, "TIFF")
    return path


def renamed_text(path: Path) -> Path:
    """A letter that was named like a picture; it begins with BM as Windows' bitmaps do."""
    path.write_text(
        "BMW, to whom it may concern:\nthis is a letter, not a picture. Grüße\n", "utf-8"
    )
    return path


def web_page(path: Path) -> Path:
    """What a download gives when the picture needs a login."""
    path.write_text("<!DOCTYPE html>\n<html><body>Please log in</body></html>")
    return path


def svg(path: Path) -> Path:
    """A drawing."""
    path.write_text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')
    return path


def header_only(path: Path, brand: bytes) -> Path:
    """The first box of an ISO media file (heic, avif, isom) and nothing after it."""
    path.write_bytes(struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 0, b"mif1", brand) + bytes(40))
    return path


def cut(path: Path, whole: Path, share: float) -> Path:
    """The first part of a file."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def noisy(path: Path, form: str, size: tuple[int, int] = (200, 150), **options: object) -> Path:
    """A picture of noise: nothing in it compresses, so that a cut takes pixels away."""
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, form, **options)
    return path


def empty(path: Path) -> Path:
    """No bytes at all."""
    path.write_bytes(b"")
    return path


def bomb_gif(path: Path) -> Path:
    """A few bytes that claim 65,535 x 65,535 pixels."""
    path.write_bytes(b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b"," + bytes(4) + b"\xff" * 4)
    with path.open("ab") as out:
        out.write(b"\0\x02\x02\x4c\x01\0;")
    return path


ODD_NAMES = (
    "with space.png",
    "Zoë 猫 🐈.png",
    "two\nlines.png",
    "quote'\"s.png",
    "-dash.png",
    "percent%20.png",
)


def odd_names(folder: Path) -> list[Path]:
    """One-pixel pictures under names that people and programs do use."""
    return [one_pixel(folder / name) for name in ODD_NAMES]
