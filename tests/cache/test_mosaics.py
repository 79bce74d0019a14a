"""Mosaics and tiles, by their pixels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cache.mosaics import TILE, columns, levels, mosaic, tile


def plain(*greys: int, side: int = 8) -> np.ndarray[Any, Any]:
    images = np.empty((len(greys), side, side, 3), np.uint8)
    for image, grey in zip(images, greys, strict=True):
        image[:] = grey
    return images


def opened(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def test_a_mosaic_is_read_row_by_row() -> None:
    whole = mosaic(plain(10, 20, 30, 40, 50))
    assert columns(5) == 3
    assert whole.shape == (16, 24, 3)
    assert [int(whole[4, 8 * i + 4, 0]) for i in range(3)] == [10, 20, 30]
    assert [int(whole[12, 8 * i + 4, 0]) for i in range(3)] == [40, 50, 128]


def test_what_is_not_drawn_is_grey() -> None:
    whole = mosaic(plain(10, 20), drawn=np.array([True, False]))
    assert int(whole[4, 4, 0]) == 10
    assert int(whole[4, 12, 0]) == 128


@pytest.mark.parametrize(("side", "icon", "expected"), [(2, 80, 1), (40, 80, 4), (100, 80, 5)])
def test_the_last_level_has_icons_at_about_their_own_size(
    side: int, icon: int, expected: int
) -> None:
    assert levels(side, icon) == expected
    pixels = TILE * 2 ** (levels(side, icon) - 1) / side
    assert pixels <= icon or expected == 1


def test_icons_stand_in_the_middle_of_their_cells_at_their_size() -> None:
    col, row, size = np.array([0, 1]), np.array([0, 1]), np.array([1.0, 0.5])
    data = tile(plain(200, 100), col, row, size, 2, (0, 0, 0))
    assert data is not None
    seen = opened(data)
    assert seen.shape == (TILE, TILE, 4)
    assert abs(seen[64, 64, 0] - 200) < 4
    assert seen[64, 64, 3] == 255
    assert seen[64, 192, 3] == 0  # no cell there
    assert abs(seen[192, 192, 0] - 100) < 4
    assert seen[140, 140, 3] == 0  # beside the smaller icon


def test_an_icon_across_two_tiles_is_in_both() -> None:
    col, row, size = np.array([1]), np.array([1]), np.array([1.0])
    tiles = [tile(plain(90), col, row, size, 3, (1, x, y)) for y in (0, 1) for x in (0, 1)]
    assert all(data is not None for data in tiles)
    shares = [(opened(data)[..., 3] > 0).sum() for data in tiles if data]
    assert sum(shares) == pytest.approx((2 * TILE / 3) ** 2, rel=0.02)


def test_a_tile_without_icons_is_none() -> None:
    one = (np.array([0]), np.array([0]), np.array([1.0]))
    assert tile(plain(90), *one, 4, (1, 1, 1)) is None
    apart = (np.array([-3]), np.array([0]), np.array([1.0]))
    assert tile(plain(90), *apart, 4, (0, 0, 0)) is None
