"""Regions of a map, on grids worked out by hand, and on the map that ships."""

import numpy as np
import pytest

from analysis.atlas.cells import Cells
from analysis.atlas.regions import LEAST, connected, regions, told
from analysis.atlas.shown import shipped_grid
from analysis.classgroups import CLASSES, imagenet_groups
from cache.maps import read_maps, shipped_maps

WORDS = [group.word for group in imagenet_groups()]
DOGS, CARS = (imagenet_groups()[WORDS.index(word)].classes for word in ("dogs", "cars"))


def drawn(*rows: str) -> Cells:
    """A grid out of letters: d speaks for dogs, c for cars, o for nothing, a dot is no cell."""
    spots = [(x, y, k) for y, row in enumerate(rows) for x, k in enumerate(row) if k != "."]
    count = len(spots)
    effects = np.zeros((count, CLASSES), np.float32)
    for i, (_, _, kind) in enumerate(spots):
        if kind in "dc":
            effects[i, list(DOGS if kind == "d" else CARS)[:9]] = 1.0
    col, row = (np.array([spot[axis] for spot in spots], np.int32) for axis in (0, 1))
    return Cells(
        len(rows), col, row, np.full(count, 10, np.int32), np.ones(count, np.float32),
        np.zeros((count, 2), np.float32), effects, np.argsort(-effects, axis=1)[:, :12],
        np.zeros(0, np.int32), np.zeros(count + 1, np.int64), np.ones(count, np.float32),
    )  # fmt: skip


def words(grid: Cells) -> dict[str, int]:
    return {WORDS[one.group]: len(one.cells) for one in regions(grid)}


def test_cells_side_by_side_that_speak_for_a_group_are_its_region() -> None:
    grid = drawn("ddd.oo", "ddd.oo", "......", "...ccc", "o..ccc", "o..ccc")
    assert words(grid) == {"animals": 6, "dogs": 6, "vehicles": 9, "cars": 9}
    found = {WORDS[one.group]: one for one in regions(grid)}
    assert (found["cars"].x, found["cars"].y) == pytest.approx((4.5 / 6, 4.5 / 6))
    assert found["dogs"].share == pytest.approx(1)
    assert regions(grid)[0].group in (WORDS.index("vehicles"), WORDS.index("cars")), "largest first"


def test_a_word_stands_on_a_cell_of_its_region() -> None:
    grid = drawn("ddddd", "do..d", "d.o.d", "d..od", "ddddd")  # a ring: none of it in its middle
    (dogs,) = (one for one in regions(grid) if WORDS[one.group] == "dogs")
    cell = grid.find(int(dogs.x * 5), int(dogs.y * 5))
    assert cell in dogs.cells


def test_few_cells_are_no_region_and_two_regions_are_two() -> None:
    assert words(drawn("dd...", ".....", "....c", ".....", ".....")) == {}
    grid = drawn("dddo..", "o.....", "......", "......", ".....o", "..oddd")
    assert [WORDS[one.group] for one in regions(grid)].count("dogs") == 2
    assert LEAST == 3


def test_a_lone_cell_amid_strangers_is_none() -> None:
    grid = drawn("ooooo", "odood", "ooooo", "odood", "ooooo")
    assert words(grid) == {}


def test_what_lies_apart_belongs_to_no_region() -> None:
    grid = drawn("ddd", "ddd", "ooo")
    object.__setattr__(grid, "col", grid.col + 5)
    assert words(grid) == {}


def test_runs_of_neighbours() -> None:
    near = np.eye(5, dtype=bool)
    near[0, 2] = near[2, 0] = near[2, 4] = near[4, 2] = True
    assert connected(np.ones(5, bool), near) == [[0, 2, 4], [1], [3]]
    assert connected(np.array([1, 0, 0, 0, 1], bool), near) == [[0], [4]]
    assert connected(np.zeros(5, bool), near) == []


def test_the_shipped_maps_have_regions_where_their_words_stand() -> None:
    for found in read_maps(shipped_maps()).values():
        grids = [shipped_grid(found, side) for side in sorted(found.grids)]
        listed = told(grids)
        assert sum(one["great"] for one in listed) >= 8
        named = {WORDS[one["index"] - CLASSES] for one in listed}
        assert {"animals", "people and clothes", "buildings", "dogs"} <= named
        for one in listed:
            grid = grids[0] if one["great"] else grids[-1]
            assert grid.find(int(one["x"] * grid.side), int(one["y"] * grid.side)) is not None
            assert 0 < one["part"] < 1
