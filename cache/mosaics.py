"""Many small pictures in few files: mosaics, and pyramids of 256 pixel tiles of a map."""

import io
from math import ceil, log2, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
TILE = 256
MOST_IN_MOSAIC = 2_500  # icons, beyond which one picture is more than a browser should decode
QUALITY = 80


def columns(count: int) -> int:
    """How many pictures stand in a row of a mosaic of so many."""
    return max(1, ceil(sqrt(count)))


def mosaic(images: NDArray[np.uint8], *, drawn: Array | None = None) -> NDArray[np.uint8]:
    """(n, S, S, 3) as one picture, row by row, ``columns(n)`` in a row; grey where there is none
    (not ``drawn``)."""
    count, side = len(images), images.shape[1]
    wide = columns(count)
    out = np.full((ceil(count / wide) * side, wide * side, 3), 128, np.uint8)
    for i in range(count):
        if drawn is None or drawn[i]:
            row, col = divmod(i, wide)
            out[row * side : (row + 1) * side, col * side : (col + 1) * side] = images[i]
    return out


def webp(image: Array, *, quality: int = QUALITY, method: int = 4) -> bytes:
    """A picture (H, W, 3 or 4) as WebP."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", quality=quality, method=method)
    return file.getvalue()


def levels(side: int, icon: int) -> int:
    """How many levels a pyramid has: the last shows icons of a ``side`` x ``side`` map at their own
    size, or a little smaller."""
    return max(1, 1 + int(log2(max(1.0, side * icon / TILE))))


def tile(
    images: NDArray[np.uint8],
    col: Array,
    row: Array,
    size: Array,
    side: int,
    at: tuple[int, int, int],
) -> bytes | None:
    """One tile of a map whose main square is cut into ``side`` x ``side`` cells: at (level, x, y),
    level L being 2^L x 2^L tiles. Pictures (n, S, S, 3) stand in the middle of their cells, each
    at its part ``size`` of the cell's side, on a transparent ground. None where there is nothing.
    """
    level, x, y = at
    cell = TILE * 2**level / side  # pixels
    first_col, last_col = x * TILE / cell - 1, (x + 1) * TILE / cell
    first_row, last_row = y * TILE / cell - 1, (y + 1) * TILE / cell
    inside = (col > first_col) & (col < last_col) & (row > first_row) & (row < last_row)
    inside &= (col >= 0) & (row >= 0) & (col < side) & (row < side)
    if not inside.any():
        return None
    canvas = Image.new("RGBA", (TILE, TILE), (0, 0, 0, 0))
    for i in np.flatnonzero(inside):
        wide = max(1, round(cell * float(size[i])))
        left = round((col[i] + 0.5) * cell - wide / 2) - x * TILE
        top = round((row[i] + 0.5) * cell - wide / 2) - y * TILE
        one = Image.fromarray(images[i]).resize((wide, wide), Image.Resampling.BOX)
        canvas.paste(one, (left, top))
    return webp(np.asarray(canvas))
