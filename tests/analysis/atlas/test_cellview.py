"""A cell from close by, and what the page shows of a grid: on a small atlas made by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.atlas import cellview
from analysis.atlas.cells import gridded, main_box
from analysis.atlas.info import cell_trust, described, judgement
from analysis.atlas.reading import COLUMNS, Atlas, drawing_order
from analysis.atlas.shown import document, filled, pictures, placed_by_cells, shown
from cache.atlas import MANIFEST, Folder
from cache.vectors import Shards

PER = 7  # samples of a corner, one of each picture
CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)


def made(root: Path, name: str, order: list[int]) -> Atlas:
    """Four corners of seven samples: corner i looks like channel ``order[i]``, speaks for class i,
    and lies in the picture's own corner i of a 4 x 4 grid."""
    draws = np.random.default_rng(0)
    which = np.repeat(np.arange(4), PER)
    vectors = np.eye(4, dtype=np.float32)[np.array(order)][which] * 3 + 0.1 * draws.random((28, 4))
    effects = np.eye(4)[which] * 2.0
    place = np.array([0, 3, 12, 15])[which]
    number = np.tile(np.arange(PER), 4)
    samples = np.stack([number, place, np.full(28, -1), which], axis=1).astype(np.int32)
    shards = Shards(root / "samples" / name, COLUMNS)
    shards.write(0, {"vectors": vectors.astype(np.float16), "effects": effects.astype(np.float16),
                     "samples": samples})  # fmt: skip
    points = CORNERS[which] * 9 + draws.random((28, 2)).astype(np.float32)
    box, folder = main_box(points), Folder(root / name)
    keys = [{"key": f"{i:064x}", "name": f"{i}.jpg"} for i in range(PER)]
    folder.put(MANIFEST, "json", {
        "title": name, "model": "net", "layer": name, "grid": [4, 4], "points": 28, "places": 4,
        "classes": [], "layout": {}, "quality": {"trust": 0.9, "pca": 0.5, "k": 15},
        "pictures": keys, "skipped": [], "judged_at": 96,
        "box": {"left": box.left, "top": box.top, "width": box.width, "height": box.height},
    })  # fmt: skip
    trust = np.full(28, np.nan, np.float32)
    trust[::2] = 0.5
    arrays = {"points": points, "trust": trust, "rows": np.arange(28)}
    folder.put("layout", "arrays", arrays)
    cells = gridded(points, box, 2, vectors, effects)
    random = np.array([0.25], np.float32)
    folder.put("cells-2", "arrays", {**cells.arrays(), "random": random})
    return Atlas(folder, shards)


@pytest.fixture
def atlas(tmp_path: Path) -> Atlas:
    return made(tmp_path, "one", [0, 1, 2, 3])


def test_the_samples_of_a_cell_are_one_of_each_picture(atlas: Atlas) -> None:
    cells = atlas.cells(2)
    cell = next(i for i in range(4) if (cells.col[i], cells.row[i]) == (1, 0))
    found = cellview.typical(atlas, cells, cell)
    assert len(found) == PER
    assert len({one.key for one in found}) == PER
    assert {one.place for one in found} == {3}
    assert {one.said for one in found} == {1}
    assert [one.cosine for one in found] == sorted((o.cosine for o in found), reverse=True)
    assert len(cellview.typical(atlas, cells, cell, most=3)) == 3


def test_its_neurons_are_those_that_are_stronger_than_elsewhere(atlas: Atlas) -> None:
    cells = atlas.cells(2)
    means = np.array([[5, 1, 0], [5, 0, 2]], np.float32)
    assert cellview.neurons(means, np.array([6, 6]), 0) == [(1, 1.0, 2.0)]
    cell = next(i for i in range(4) if (cells.col[i], cells.row[i]) == (0, 1))
    (first, mean, times), *_ = cellview.neurons(cells.means, cells.count, cell)
    assert first == 2
    assert mean == pytest.approx(3.05, abs=0.1)
    assert times == pytest.approx(4, rel=0.1)


def test_the_same_places_are_found_on_another_layers_map(atlas: Atlas, tmp_path: Path) -> None:
    other = made(tmp_path, "two", [3, 2, 1, 0])
    cells, there = atlas.cells(2), other.cells(2)
    for cell in range(4):
        ((found, share),) = cellview.elsewhere(atlas, cells, cell, other, there)
        assert (there.col[found], there.row[found]) == (cells.col[cell], cells.row[cell])
        assert share == 1


def test_what_the_page_shows_grows_with_the_icons(atlas: Atlas) -> None:
    before = shown(atlas, 2)
    assert not before.drawn.any()
    told = json.loads(document("/base", {"key": "k"}, [before]))
    assert told["grids"][0]["mosaic"] is None
    (order,) = drawing_order(atlas.cells(2))
    images = np.full((4, 8, 8, 3), 200, np.uint8)
    judged = np.array([[0.9, 0], [0.8, 1], [0.7, 2], [0.6, 0]], np.float32)
    centres = np.zeros((4, 4), np.float32)
    atlas.icons(2).write(0, {"images": images, "centres": centres, "judged": judged})
    after = shown(atlas, 2)
    assert after.drawn.all()
    np.testing.assert_array_equal(after.cosine[order], judged[:, 0])
    assert after.at_home[order].tolist() == [True, True, False, True]
    grid = json.loads(document("/base", {"key": "k"}, [after]))["grids"][0]
    assert grid["mosaic"] == "/base/2.webp"
    assert grid["icon"] == 8
    assert grid["tiles"] is None
    assert sorted(zip(grid["col"], grid["row"], strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert (pictures(atlas, 2) == 200).all()


def spotted(side: int, reach: int) -> np.ndarray[Any, Any]:
    """Grey icons with a checked square of this half-width in their middle."""
    images = np.full((4, side, side, 3), 128, np.uint8)
    y, x = np.mgrid[:side, :side]
    inside = np.maximum(abs(y - (side - 1) / 2), abs(x - (side - 1) / 2)) < reach
    images[:, inside & ((x + y) % 2 == 0)] = 255
    return images


@pytest.mark.parametrize("reach", [20, 28])
def test_icons_are_shown_as_far_as_they_have_shapes(reach: int) -> None:
    begin, end = filled(spotted(80, reach))
    assert begin + end == 80, "the middle stays in the middle"
    assert reach <= (end - begin) / 2 <= reach + 4


def test_an_icon_that_is_full_is_shown_whole_and_of_a_dot_not_only_the_dot() -> None:
    assert filled(spotted(80, 40)) == (0, 80)
    assert filled(spotted(80, 3)) == (30, 50)
    assert filled(np.full((2, 80, 80, 3), 7, np.uint8)) == (0, 80)
    assert filled(np.zeros((2, 3, 3, 3), np.uint8)) == (0, 3)


def test_trust_of_a_cell_is_the_mean_of_what_was_checked(atlas: Atlas) -> None:
    np.testing.assert_allclose(cell_trust(atlas, atlas.cells(2)), 0.5)


def test_a_vector_belongs_into_the_cell_that_it_is_like(atlas: Atlas) -> None:
    there = placed_by_cells(np.eye(4, dtype=np.float32)[[1, 2]], shown(atlas, 2))
    np.testing.assert_allclose(there, [[0.75, 0.25], [0.25, 0.75]])


def test_the_figures_say_what_is_there(atlas: Atlas) -> None:
    found: dict[str, Any] = described(atlas)
    (grid,) = found["grids"]
    assert found["pictures"] == PER
    assert (grid["cells"], grid["samples"], grid["apart"], grid["icons"]) == (4, 28, 0, 0)
    assert grid["alike"] > 0.99
    assert grid["at_random"] == 0.25
    assert grid["doubtful"] == 4
    assert "icon_cosine" not in grid
    assert np.isnan(judgement(atlas, 2)).all()
