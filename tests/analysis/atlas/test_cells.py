"""Cells, worked out by hand."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.atlas import cells as cells_module
from analysis.atlas.cells import LEAST, Box, Cells, alike_at_random, gridded, main_box, owners
from cache.atlas import Folder
from cache.vectors import Column

Array = NDArray[Any]
UNIT = Box(0.0, 0.0, 1.0, 1.0)


def spots(*spec: tuple[float, float, int]) -> Array:
    """So many points at each (x, y)."""
    return np.concatenate([np.tile([[x, y]], (n, 1)) for x, y, n in spec])


# ---- the main square ----


def test_the_box_goes_round_all_points() -> None:
    points = np.random.default_rng(0).random((500, 2)) * [4, 10] + [3, -5]
    box = main_box(points)
    assert [box.left, box.top] == points.min(axis=0).tolist()
    np.testing.assert_allclose([box.width, box.height], np.ptp(points, axis=0), rtol=1e-5)
    scaled = box.scaled(points)
    assert scaled.min() == 0
    assert scaled.max() < 1


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6, width=32), st.floats(-1, 1, width=32)), min_size=1),
    st.sampled_from([2, 20, 160]),
)
def test_every_point_of_the_box_is_in_a_cell(spec: list[tuple[float, float]], side: int) -> None:
    """Also that on the right edge; those beyond lie apart, and nothing is clipped."""
    points = np.array(spec, np.float32)
    box = main_box(points)
    scaled = box.scaled(points)
    inside = ((scaled >= 0) & (scaled < 1)).all(axis=1)
    assert inside.any()
    col, row = owners(points, box, side)
    assert np.array_equal(inside, (col >= 0) & (col < side) & (row >= 0) & (row < side))
    kept = points[inside]
    assert ([box.left, box.top] == kept.min(axis=0)).all()


def test_the_point_on_the_right_edge_is_inside() -> None:
    points = np.array([[0, 0], [1, 1], [0.5, 0.25]], np.float32)
    col, row = owners(points, main_box(points), 4)
    assert col.tolist() == [0, 3, 1]
    assert row.tolist() == [0, 3, 0]


def test_points_far_away_are_not_part_of_the_box_but_keep_their_place() -> None:
    points = np.concatenate([np.random.default_rng(0).random((1000, 2)), [[30, 0.5], [0.5, -8]]])
    box = main_box(points)
    assert box.width < 1
    assert box.height < 1
    col, row = owners(points, box, 10)
    assert col[1000] > 290
    assert row[1001] < -70
    assert (col[:1000] < 10).all()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_an_extent_however_small_counts(scale: float) -> None:
    points = np.array([[0, 0], [1, 2], [2, 4]]) * scale
    assert [owner.tolist() for owner in owners(points, main_box(points), 4)] == [[0, 1, 3]] * 2


def test_points_without_an_extent_have_a_box_too() -> None:
    for points in (np.full((5, 2), 3.0), np.array([[1.0, 7], [2, 7], [3, 7]])):
        box = main_box(points)
        assert min(box.width, box.height) > 0
        assert owners(points, box, 20)[1].tolist() == [0] * len(points)


# ---- cells by hand ----


@pytest.fixture
def made() -> tuple[Cells, Array]:
    """A grid of 2 x 2: 6 samples top left, 8 bottom right, 5 top right (too few), and two samples
    far to the right and above, in cells of their own. 3 channels, 2 classes."""
    points = spots((0.9, 0.6, 4), (0.1, 0.1, 6), (0.7, 0.2, 5), (3.2, 0.1, 1), (0.6, 0.9, 4),
                   (0.2, -0.4, 1))  # fmt: skip
    vectors = np.zeros((21, 3), np.float16)
    vectors[:4] = [1, 0, 0]  # bottom right, one half
    vectors[16:20] = [0, 1, 0]  # and the other
    vectors[4:10] = [[0, 0, i] for i in (1, 2, 3, 4, 5, 9)]  # top left
    vectors[10:15] = 50
    vectors[15], vectors[20] = [7, 0, 0], [0, 0, 2]
    effects = np.zeros((21, 2), np.float16)
    effects[:4], effects[16:20] = [2, 0], [0, 3]
    effects[4:10, 0] = [1, 1, 1, 1, 1, 7]
    effects[15], effects[20] = [-1, -2], [0, 0]
    return gridded(points, UNIT, 2, vectors, effects), vectors


def test_which_cells_there_are(made: tuple[Cells, Array]) -> None:
    """Row by row; a cell of the main square needs six samples, one apart does not."""
    cells, _ = made
    assert LEAST == 6
    places = list(zip(cells.col.tolist(), cells.row.tolist(), strict=True))
    assert places == [(0, -1), (0, 0), (6, 0), (1, 1)]
    assert cells.count.tolist() == [1, 6, 1, 8]
    assert len(cells) == 4
    assert [cells.find(*place) for place in places] == [0, 1, 2, 3]
    assert cells.find(1, 0) is None


def test_what_the_samples_of_a_cell_have_in_common(made: tuple[Cells, Array]) -> None:
    cells, _ = made
    np.testing.assert_allclose(cells.means, [[0, 0, 2], [0, 0, 4], [7, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(cells.effects, [[0, 0], [2, 0], [-1, -2], [1, 1.5]])
    assert cells.top.tolist() == [[0, 1], [0, 1], [0, 1], [1, 0]]
    np.testing.assert_allclose(cells.alike, [1, 1, 1, 0.5**0.5], rtol=1e-6)
    # the mean cell has 16 / 4 = 4 samples
    np.testing.assert_allclose(cells.size, [0.5, 1, 0.5, 1])


def test_whose_cell_a_sample_is(made: tuple[Cells, Array]) -> None:
    cells, _ = made
    members = [cells.of(i).tolist() for i in range(4)]
    assert members == [[20], [4, 5, 6, 7, 8, 9], [15], [0, 1, 2, 3, 16, 17, 18, 19]]
    assert cells.begins.tolist() == [0, 1, 7, 8, 16]


def test_cells_come_back_from_the_disk(made: tuple[Cells, Array], tmp_path: Any) -> None:
    cells, _ = made
    folder = Folder(tmp_path)
    folder.put("cells-2", "arrays", cells.arrays())
    again = Cells.of_arrays(folder.get("cells-2"))
    assert again.side == 2
    for field in fields(Cells):
        a, b = getattr(cells, field.name), getattr(again, field.name)
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_a_map_too_thin_for_its_grid_has_no_cells() -> None:
    points = np.random.default_rng(0).random((30, 2))
    cells = gridded(points, UNIT, 80, np.ones((30, 3)), np.ones((30, 2)))
    assert len(cells) == 0
    assert (cells.means.shape, cells.effects.shape, cells.members.shape) == ((0, 3), (0, 2), (0,))
    assert np.isnan(alike_at_random(np.ones((30, 3)), cells))


def test_twelve_classes_are_listed_and_equal_ones_in_order() -> None:
    effects = np.tile(np.array([3.0] + [0] * 20 + [5, 5, -1]), (6, 1))
    cells = gridded(np.full((6, 2), 0.5), UNIT, 2, np.ones((6, 2)), effects)
    assert cells.top[0].tolist() == [21, 22, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_the_same_cells_whatever_shards_the_samples_lie_in() -> None:
    draws = np.random.default_rng(0)
    points = draws.random((900, 2))
    vectors, effects = draws.random((900, 7)).astype(np.float16), draws.normal(size=(900, 30))
    whole = gridded(points, UNIT, 8, vectors, effects)
    parts = [
        Column(np.split(rows, np.sort(draws.integers(0, 900, 9)))) for rows in (vectors, effects)
    ]
    split = gridded(points, UNIT, 8, *parts)
    for field in fields(Cells):
        a, b = getattr(whole, field.name), getattr(split, field.name)
        np.testing.assert_allclose(a, b, rtol=1e-6)
    for i in range(len(whole)):
        own = (np.floor(points * 8) == [whole.col[i], whole.row[i]]).all(axis=1)
        assert whole.of(i).tolist() == np.flatnonzero(own).tolist()
        np.testing.assert_allclose(whole.means[i], vectors[own].astype(float).mean(0), rtol=1e-5)
        np.testing.assert_allclose(whole.effects[i], effects[own].mean(0), rtol=1e-4, atol=1e-6)


# ---- against chance ----


def test_alike_at_random() -> None:
    """Two kinds of samples at right angles. A cell of one kind is wholly alike; of eight drawn from
    both, k of one kind have a mean cosine of sqrt(k^2 + (8 - k)^2) / 8 to their mean."""
    vectors = np.repeat(np.eye(2), 400, axis=0)
    points = spots((0.1, 0.1, 400), (0.9, 0.9, 400))
    points += np.random.default_rng(0).uniform(-0.09, 0.09, points.shape)
    cells = gridded(points, UNIT, 40, vectors, np.ones((800, 1)))
    np.testing.assert_allclose(cells.alike, 1)
    found = alike_at_random(vectors, cells)
    sizes = cells.count
    expected = np.mean([np.mean(_cosines(int(n), 4000)) for n in sizes])
    assert found == pytest.approx(expected, abs=0.02)
    assert alike_at_random(vectors, cells) == found
    assert alike_at_random(vectors, cells, seed=1) != found


def _cosines(size: int, times: int) -> Array:
    k = np.random.default_rng(5).hypergeometric(400, 400, size, times)
    cosines: Array = np.sqrt(k**2 + (size - k) ** 2) / size
    return cosines


def test_groups_at_random_are_no_larger_than_what_there_is() -> None:
    cells = gridded(np.full((6, 2), 0.5), UNIT, 2, np.eye(6), np.ones((6, 1)))
    assert alike_at_random(np.eye(6), cells) == pytest.approx(1 / 6**0.5)


def test_sums_of_groups_that_share_rows() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    groups = [np.array([0, 5]), np.array([5, 1, 2]), np.array([3])]
    for given_rows in (rows, Column([rows[:1], rows[1:]])):
        found = cells_module._summed(given_rows, groups)
        assert found.tolist() == [[10, 12], [16, 19], [6, 7]]
