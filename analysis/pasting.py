"""A patch on a picture: what it is, as a word of the address, and how it is laid on.

The patch lies on the picture as the network sees it, with a hard edge, and what hangs over the
border is cut off, as in the tests of the atlas article (Carter et al., "Activation Atlas", Distill
2019). Imports no torch: the page's process reads patches too.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cache.errors import UserError

Pixels = NDArray[np.uint8]
KINDS: dict[str, int] = {"crop": 2, "icon": 2, "cell": 2, "noise": 0, "blur": 1, "flat": 1}
"""Kinds of patches, and how many words say where each comes from."""
SMALLEST, LARGEST = 0.04, 1.0
SHARPEST, SOFTEST = 0.005, 0.2
SEEDS = 10_000
_LOST = "this address names no patch that can be laid on a picture; choose one again"


@dataclass(frozen=True)
class Patch:
    """What is laid on a picture and where. ``x``, ``y``: its centre, in parts of the picture's
    width and height; ``size``: its longer side, in parts of the picture's shorter one; ``opacity``
    0 to 1; ``seed`` draws the noise.

    ``source`` by kind: a crop's picture and "top,left,bottom,right" in parts of it; an icon's layer
    and number; a cell's map and "side,number"; a blur's sd in parts of the picture's shorter side;
    a flat colour's "rrggbb"; nothing for noise.
    """

    kind: str
    source: tuple[str, ...] = ()
    x: float = 0.5
    y: float = 0.5
    size: float = 0.4
    opacity: float = 1.0
    seed: int = 0

    @classmethod
    def parse(cls, word: str) -> "Patch":
        """The patch that a word means (``word``). UserError where it means none."""
        kind, *rest = word.split(":")
        if KINDS.get(kind) != len(rest) - 1:
            raise UserError(_LOST)
        x, y, size, opacity, *seed = _numbers(rest[-1], 4, 5)
        found = cls(kind, tuple(rest[:-1]), seed=int(seed[0]) % SEEDS if seed else 0)
        _ = {"crop": found.box, "blur": found.sd, "flat": found.colour}.get(kind)
        return found.at(x, y, size=size, opacity=opacity)

    def at(
        self, x: float, y: float, *, size: float | None = None, opacity: float | None = None
    ) -> "Patch":
        """The same patch elsewhere; kept within what makes sense."""
        size = self.size if size is None else size
        opacity = self.opacity if opacity is None else opacity
        return replace(
            self, x=_within(x, 0, 1), y=_within(y, 0, 1),
            size=_within(size, SMALLEST, LARGEST), opacity=_within(opacity, 0, 1),
        )  # fmt: skip

    @property
    def word(self) -> str:
        """For the address: ``flat:ff0000:0.5,0.5,0.4,1``."""
        place = [f"{v:.3f}".rstrip("0").rstrip(".") for v in
                 (self.x, self.y, self.size, self.opacity)]  # fmt: skip
        seed = [str(self.seed)] if self.seed else []
        return ":".join([self.kind, *self.source, ",".join([*place, *seed])])

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """A crop's (top, left, bottom, right), in parts of its picture; None for other kinds."""
        if self.kind != "crop":
            return None
        top, left, bottom, right = (_within(v, 0, 1) for v in _numbers(self.source[1], 4))
        if bottom - top < 0.01 or right - left < 0.01:
            raise UserError("this crop is too small to be seen; drag a larger box")
        return top, left, bottom, right

    @property
    def colour(self) -> tuple[int, int, int] | None:
        """A flat patch's red, green and blue; None for other kinds."""
        if self.kind != "flat":
            return None
        try:
            r, g, b = bytes.fromhex(self.source[0])
        except ValueError as error:
            raise UserError(_LOST) from error
        return r, g, b

    @property
    def sd(self) -> float:
        """How far a blur reaches; 0 for other kinds."""
        if self.kind != "blur":
            return 0.0
        return _within(_numbers(self.source[0], 1)[0], SHARPEST, SOFTEST)


def _numbers(text: str, *counts: int) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise UserError(_LOST) from error
    if len(found) not in counts or not np.isfinite(found).all():
        raise UserError(_LOST)
    return found


def _within(value: float, least: float, most: float) -> float:
    return float(min(max(value, least), most))


def cut(pixels: Pixels, box: tuple[float, float, float, float]) -> Pixels:
    """The part (top, left, bottom, right) of a picture (H, W, C), at least a pixel."""
    height, width = pixels.shape[:2]
    top, left = (min(int(v * n), n - 1) for v, n in ((box[0], height), (box[1], width)))
    bottom, right = max(top + 1, round(box[2] * height)), max(left + 1, round(box[3] * width))
    return pixels[top:bottom, left:right]


def extent(patch: Patch, picture: tuple[int, ...], texture: Pixels | None) -> tuple[int, int]:
    """Height and width of a patch in pixels of a picture (H, W, C): its texture's proportions."""
    longest = max(1, round(patch.size * min(picture[:2])))
    if texture is None:
        return longest, longest
    height, width = texture.shape[:2]
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def composed(picture: Pixels, patch: Patch, texture: Pixels | None = None) -> Pixels:
    """The picture (H, W, C) with the patch on it, the same shape.

    ``texture`` (h, w, 3 or C): what a crop, an icon or a cell shows; it also gives the proportions
    of noise that is to be as large.
    """
    height, width = extent(patch, picture.shape, texture)
    top = round(patch.y * picture.shape[0] - height / 2)
    left = round(patch.x * picture.shape[1] - width / 2)
    rows = slice(max(0, top), max(0, min(picture.shape[0], top + height)))
    cols = slice(max(0, left), max(0, min(picture.shape[1], left + width)))
    out = picture.copy()
    if patch.kind == "blur":
        laid = _blurred(picture, patch.sd)[rows, cols]
    else:
        surface = _surface(patch, texture, (height, width, picture.shape[2]))
        laid = surface[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    mixed = patch.opacity * laid + (1 - patch.opacity) * picture[rows, cols].astype(np.float32)
    out[rows, cols] = np.round(mixed).astype(np.uint8)
    return out


def _surface(patch: Patch, texture: Pixels | None, shape: tuple[int, int, int]) -> Pixels:
    """The whole patch in the picture's pixels: uint8 (h, w, C)."""
    if patch.kind == "noise":
        return np.random.default_rng(patch.seed).integers(0, 256, shape, np.uint8)
    if patch.colour is not None:
        texture = np.array(patch.colour, np.uint8).reshape(1, 1, 3)
    if texture is None:
        raise ValueError(f"a patch of the kind {patch.kind} needs its texture")
    image = _image(texture).convert("L" if shape[2] == 1 else "RGB")
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8).reshape(shape)


def _blurred(picture: Pixels, sd: float) -> Pixels:
    radius = sd * min(picture.shape[:2])
    found: Any = _image(picture).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(found, np.uint8).reshape(picture.shape)


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def noise_like(patch: Patch, seed: int) -> Patch:
    """The control: noise of the same place, size and opacity, drawn by ``seed``."""
    return replace(patch, kind="noise", source=(), seed=seed)
