"""Every mode that Pillow gives out, turned into 8 bit RGB; what is transparent stands on white.

16 bit values keep their high byte (``v >> 8``): that is what Pillow does for 16 bit colour, so grey
and colour agree. Colours are taken as they are stored: like the pictures that networks were trained
on, no colour profile is applied. CMYK from JPEG files is stored inverted (Adobe's habit, which
browsers and Pillow assume as well) and is turned the right way round by Pillow's reader.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image

from cache.errors import UserError

GREY_STEPS = {"L;2": 85, "L;4": 17}  # what one step of grey becomes in 8 bits
STRIP_PIXELS = 4_000_000  # a picture is converted in strips, so that no second whole copy exists


def to_rgb(image: Image.Image, *, stored: str = "") -> Image.Image:
    """An RGB picture of the same size.

    ``stored``: Pillow's raw mode of the file (``RGB;16B``, ``L;4``), since a PNG names its
    transparent colour in the file's own depth, while the pixels here have 8 bits.
    Raises UserError for floating point values that are not a photograph's.
    """
    if image.mode.startswith("I"):
        return _by_strips(image, _integers(image))
    if image.mode == "F":
        return _by_strips(image, _floats(image))
    clear = image.info.get("transparency")
    if isinstance(clear, tuple) and stored.startswith("RGB;16"):
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    if isinstance(clear, int) and stored in GREY_STEPS:
        image.info["transparency"] = clear * GREY_STEPS[stored]
    if image.has_transparency_data:
        return _by_strips(image, lambda strip: strip.convert("RGBA"))
    if image.mode == "RGB":
        return image
    return _by_strips(image, lambda strip: strip.convert("RGB"))


def _by_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """A white canvas with the converted strips of ``image`` laid on it, through their alpha."""
    canvas = Image.new("RGB", image.size, "white")
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        strip = convert(image.crop(box))
        canvas.paste(strip, box, strip if strip.mode in ("RGBA", "LA") else None)
    return canvas


def _integers(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Grey of 16 bits (or of 32 bits that hold 8 or 16), its transparent value included."""
    clear = image.info.get("transparency")
    small = image.mode == "I" and _range(image)[1] <= 255

    def convert(strip: Image.Image) -> Image.Image:
        values = np.clip(np.asarray(strip).astype(np.int64), 0, 65535)
        grey = (values if small else values >> 8).astype(np.uint8)
        alpha = np.where(values == clear, 0, 255).astype(np.uint8)
        return Image.fromarray(np.stack([grey, alpha], axis=2))

    return convert


def _floats(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Grey in 0..1 or in 0..255; anything else has no plain meaning as a photograph."""
    low, high = _range(image)
    if not (low >= 0.0 and high <= 255.0):  # also where a value is not a number
        raise UserError(
            f"holds floating point values from {low:g} to {high:g} instead of 0 to 1 or 0 to 255: "
            "save it as an 8 bit picture first"
        )
    scale = 255.0 if high <= 1.0 else 1.0

    def convert(strip: Image.Image) -> Image.Image:
        return Image.fromarray(np.rint(np.asarray(strip) * scale).astype(np.uint8))

    return convert


def _range(image: Image.Image) -> tuple[float, float]:
    values = np.asarray(image)
    return float(values.min()), float(values.max())
