"""Decoding pictures within limits, and fitting them to a network's input.

Whatever the file holds, `decode` gives an upright 8 bit RGB picture on white, or one plain line
that says what is wrong with the file. What comes from a stranger is bounded: bytes, pixels declared
and pixels held in memory each have a limit, and only the formats below are tried.
"""

import hashlib
import stat
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from analysis import bigpng
from analysis.filekinds import advice, printable
from analysis.rgb import to_rgb
from cache.errors import UserError

MAX_BYTES = 256 * 2**20  # of a file
MAX_PIXELS = 512_000_000  # that a file may declare
MAX_DECODED = 64_000_000  # held in memory: 256 MB, as Pillow takes 4 bytes for a pixel
MAX_COEFFICIENTS = 640 * 2**20  # bytes that libjpeg keeps of a progressive JPEG
DRAFT_MARGIN = 2  # times the side asked for is the least that a drafted picture keeps
MAX_DRAFT = 8  # the smallest scale of libjpeg is 1/8
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
ORIENTATION = 0x0112  # EXIF's tag; the turns that undo its values (EXIF 2.32, table 4)
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MAX_STRETCH = 16  # pictures longer than this many times their width are cut before they are resized

# decode() answers for a bad file with its own one line; Pillow's warnings would be further ones.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
_opening = threading.Lock()
_switching = threading.Lock()


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, in hex: the name of a picture by its content."""
    return hashlib.sha256(data).hexdigest()


def decode(
    source: Path | bytes, *, name: str | None = None, min_side: int | None = None
) -> Image.Image:
    """An upright RGB picture: the first frame, transparent parts on white, 16 bits cut to 8.

    ``min_side``: the short side that the caller will resize to. JPEG files are then decoded at 1/2,
    1/4 or 1/8 as long as twice that side is left: closer to it, libjpeg's own averaging shows in
    the resized pixels, and answers of networks change. JPEG and PNG files of more than MAX_DECODED
    pixels come out smaller even without it, other formats are refused. ``name`` stands in errors
    in place of the path. Raises UserError, one line, for anything that is no whole picture; also
    for files cut off: half a picture would be classified as if it were one.
    """
    path = str(source) if isinstance(source, Path) else "the picture"
    shown = printable(path if name is None else name)
    with _opened(source, shown) as stream:
        head = stream.read(4096)
        try:
            with _whole_files_only():
                return _decode(stream, min_side)
        except UserError as error:
            raise UserError(f"{shown} {error}") from error
        except MemoryError as error:
            raise UserError(f"{shown} needs more memory than is free: make it smaller") from error
        except Exception as error:  # a decoder may fail in any way on bytes that are wrong
            raise UserError(f"{shown} {advice(head, error)}") from error


def read_bytes(path: Path, *, name: str | None = None) -> bytes:
    """A file's bytes, within MAX_BYTES; UserError where it is absent, empty or no ordinary file."""
    with _opened(path, printable(str(path) if name is None else name)) as stream:
        return stream.read()


@contextmanager
def _whole_files_only() -> Iterator[None]:
    """Pillow's switch that lets cut files pass is off, even where a user's code turned it on."""
    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        yield
        return
    with _switching:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = True


@contextmanager
def _opened(source: Path | bytes, shown: str) -> Iterator[IO[bytes]]:
    """The bytes as a stream, checked for what can be told without decoding."""
    if isinstance(source, bytes):
        _check_size(len(source), shown)
        with BytesIO(source) as stream:
            yield stream
        return
    try:
        about = source.stat()
        _check_kind(about.st_mode, shown)
        _check_size(about.st_size, shown)
        opened = source.open("rb")
    except FileNotFoundError as error:
        raise UserError(f"there is no file {shown}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{shown} cannot be opened: {reason}") from error
    with opened:
        yield opened


def _check_kind(mode: int, shown: str) -> None:
    if stat.S_ISDIR(mode):
        raise UserError(f"{shown} is a folder: name a picture in it")
    if not stat.S_ISREG(mode):
        raise UserError(f"{shown} is no ordinary file: name a picture")


def _check_size(size: int, shown: str) -> None:
    if size == 0:
        raise UserError(f"{shown} is empty")
    if size > MAX_BYTES:
        raise UserError(
            f"{shown} has {size / 2**20:.0f} MB, more than the {MAX_BYTES // 2**20} MB that are "
            "read: save it smaller"
        )


def opened(stream: IO[bytes]) -> ImageFile.ImageFile:
    """A picture's head, whatever size it claims; nothing is decoded yet."""
    with _opening:  # Pillow's own limit is one number for the process, and below 200 megapixels
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(stream, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decode(stream: IO[bytes], min_side: int | None) -> Image.Image:
    """`decode` without the file's name in its errors."""
    image = opened(stream)
    if image.width * image.height > MAX_PIXELS:
        raise UserError(
            f"claims {image.width} x {image.height} pixels, more than the "
            f"{MAX_PIXELS // 10**6} megapixels that are read: make it smaller"
        )
    factor = _needed_factor(image)
    spare = min(MAX_DRAFT, min(image.size) // (DRAFT_MARGIN * min_side)) if min_side else 1
    if isinstance(image, JpegImageFile):
        _draft(image, factor, spare)
    elif factor > 1 and isinstance(image, PngImageFile):
        return _upright(_reduced_png(stream, max(factor, spare)), _orientation(image))
    if image.width * image.height > MAX_DECODED:
        raise _too_large(image)
    stored = _stored_as(image)
    image.load()
    return _upright(to_rgb(image, stored=stored), _orientation(image))


def _stored_as(image: ImageFile.ImageFile) -> str:
    """Pillow's name for how the file holds its pixels, such as ``RGB;16B``; gone once loaded."""
    args = image.tile[0].args if image.tile else None
    return str(args[0] if isinstance(args, tuple) and args else args)


def _too_large(image: Image.Image) -> UserError:
    return UserError(
        f"has {image.width * image.height / 1e6:.0f} megapixels, more than the "
        f"{MAX_DECODED // 10**6} that fit into memory in its format: save it as a JPEG, or smaller"
    )


def _needed_factor(image: Image.Image) -> int:
    """By how much the sides must shrink for the picture to stay within MAX_DECODED."""
    factor = 1
    while -(-image.width // factor) * -(-image.height // factor) > MAX_DECODED:
        factor += 1
    return factor


def _draft(image: JpegImageFile, factor: int, spare: int) -> None:
    """Let libjpeg decode at 1/2, 1/4 or 1/8: as far as ``spare`` allows or ``factor`` needs."""
    held = sum(h * v for _, h, v, _ in image.layer) * 2 * image.width * image.height
    held //= max(h for _, h, _, _ in image.layer) * max(v for _, _, v, _ in image.layer)
    if image.info.get("progressive") and held > MAX_COEFFICIENTS:
        raise UserError(
            f"is a progressive JPEG of {image.width * image.height / 1e6:.0f} megapixels, which "
            "can only be read whole: save it as a baseline JPEG, or smaller"
        )
    scale = max(s for s in (1, 2, 4, MAX_DRAFT) if s == 1 or s <= spare or s < 2 * factor)
    image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))


def _reduced_png(stream: IO[bytes], factor: int) -> Image.Image:
    header = bigpng.read_header(stream)
    if not bigpng.readable(header, factor):
        kind = "an interlaced" if header.interlaced else f"a {header.depth} bit"
        raise UserError(
            f"is {kind} PNG of {header.width * header.height / 1e6:.0f} megapixels, which does not "
            "fit into memory: save it as a JPEG, or smaller"
        )
    return bigpng.reduced(stream, header, factor, to_rgb)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 (upright) where there is none.

    A camera's note that cannot be read counts as none: it does not make the picture unreadable.
    """
    if isinstance(image, PngImageFile) and "exif" not in image.info:
        return 1  # Pillow would load a huge picture to look for it
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        return 1
    return value if isinstance(value, int) else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def fit(
    image: Image.Image,
    *,
    resize: int,
    size: tuple[int, int],
    mode: Literal["crop", "squeeze"] = "crop",
    channels: int = 3,
) -> NDArray[np.uint8]:
    """The pixels that a network sees: uint8 (H, W, channels) with ``size`` = (H, W).

    'crop': the short side becomes ``resize`` (bilinear, antialiased), then the centre is cut out;
    the very pixels of torchvision's Resize and CenterCrop, black where the crop is larger.
    'squeeze': the whole picture, its proportions lost. ``channels`` 1 is grey (ITU-R 601).
    """
    if channels not in (1, 3):
        raise UserError(f"this network takes {channels} channels, and pictures have 3 or 1 (grey)")
    wanted = "RGB" if channels == 3 else "L"
    source = image if image.mode == wanted else image.convert(wanted)  # which copies
    height, width = size
    if mode == "squeeze":
        fitted = source.resize((width, height), Image.Resampling.BILINEAR)
    else:
        fitted = _crop(_resized(_shortened(source), resize), width, height)
    return np.array(fitted, dtype=np.uint8).reshape(height, width, channels)


def _shortened(image: Image.Image) -> Image.Image:
    """The middle of a picture so long that resizing it whole would fill the memory."""
    longest = MAX_STRETCH * min(image.size)
    return _crop(image, min(image.width, longest), min(image.height, longest))


def _resized(image: Image.Image, short: int) -> Image.Image:
    scaled = [int(short * side / min(image.size)) for side in image.size]
    return image.resize((scaled[0], scaled[1]), Image.Resampling.BILINEAR)


def _crop(image: Image.Image, width: int, height: int) -> Image.Image:
    """The centre, rounded as torchvision's center_crop does; black beyond the picture."""
    left = _centre_offset(image.width, width)
    top = _centre_offset(image.height, height)
    return image.crop((left, top, left + width, top + height))


def _centre_offset(have: int, want: int) -> int:
    return round((have - want) / 2.0) if have >= want else -((want - have) // 2)


def thumbnail(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """The whole picture within ``side`` x ``side``, never enlarged: uint8 (h, w, 3)."""
    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(small, dtype=np.uint8)
