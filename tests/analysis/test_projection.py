"""Layouts: by hand, against scikit-learn, and where new points go."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from analysis import projection
from analysis.projection import (
    FEW,
    LayoutRequest,
    described,
    flattened,
    laid_out,
    placed,
    second_moment,
    trustworthiness,
    whitener,
)
from cache.vectors import Column, unit

Array = NDArray[Any]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def in_parts(rows: Array) -> Column:
    return Column(np.split(rows, [3, 3, len(rows) // 2]))


# ---- trustworthiness ----


@pytest.mark.parametrize(("count", "k"), [(20, 3), (61, 15), (300, 15)])
def test_trust_is_that_of_scikit_learn(count: int, k: int) -> None:
    vectors, stray = normal(count, 12), normal(count, 2, seed=1)
    for points in (vectors[:, :2] + 0.5 * stray, stray, flattened(vectors)):
        right = sklearn_trustworthiness(
            vectors.astype(np.float64), points, n_neighbors=k, metric="cosine"
        )
        for rows in (vectors, in_parts(vectors)):
            numbers, trust = trustworthiness(rows, points, k=k)
            assert numbers.tolist() == list(range(count))
            assert trust.mean() == pytest.approx(right, abs=1e-6)


def test_trust_by_hand() -> None:
    """Directions of 0, 10, 30, 60, 100 degrees; on the map the first and the last lie together.

    k = 1, so the worst is rank 4: 1 - (rank - 1) / 3. Neighbours on the map: of the first the last
    (rank 4), of the second the third (rank 2), of the third the second (1), of the fourth the third
    (1), of the last the first (4).
    """
    angle = np.radians([0, 10, 30, 60, 100])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1) * [[1], [5], [1], [2], [1]]
    points = np.array([[0, 0], [5, 0], [6, 0], [7.5, 0], [0, 1]], np.float32)
    _, trust = trustworthiness(vectors, points, k=1)
    np.testing.assert_allclose(trust, [0, 2 / 3, 1, 1, 0], atol=1e-6)


def test_some_points_stand_for_all() -> None:
    vectors, points = normal(400, 6), normal(400, 2, seed=1)
    _, whole = trustworthiness(vectors, points)
    numbers, some = trustworthiness(vectors, points, checked=50)
    assert len(set(numbers.tolist())) == 50
    assert numbers.tolist() == sorted(numbers.tolist())
    np.testing.assert_allclose(some, whole[numbers], atol=1e-6)
    again, _ = trustworthiness(vectors, points, checked=50)
    other, _ = trustworthiness(vectors, points, checked=50, seed=1)
    assert again.tolist() == numbers.tolist() != other.tolist()


def test_how_many_pairs_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, points = normal(90, 6), normal(90, 2, seed=1)
    _, whole = trustworthiness(vectors, points)
    for pairs in (1, 700):
        monkeypatch.setattr(projection, "COMPARED", pairs)
        np.testing.assert_allclose(trustworthiness(vectors, points)[1], whole, atol=1e-6)


# ---- flat layouts and moments ----


def test_flat_by_hand() -> None:
    """Along (3, 4) the points spread most, across it less; the middle is taken off."""
    along, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    steps = np.array([(2, 0), (-2, 0), (0, 1), (0, -1)])
    found = flattened(7 + steps @ np.stack([along, across]))
    # the largest part of each direction counts upwards: .8 of the one, -.8 of the other
    np.testing.assert_allclose(found, steps * [1, -1], atol=1e-6)
    assert found.dtype == np.float32


def test_flat_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "BLOCK", 64)
    values = normal(200, 9) * np.arange(1, 10) + 3
    for dimensions in (1, 2):
        right = PCA(dimensions, svd_solver="full").fit_transform(values.astype(np.float64))
        found = flattened(values, dimensions)
        sign = np.sign((found * right).sum(axis=0))
        np.testing.assert_allclose(found, right * sign, atol=1e-3)


def test_a_direction_that_is_missing_is_zero() -> None:
    found = flattened(np.array([[1.0], [2.0], [6.0]]))
    np.testing.assert_allclose(found, [[-2, 0], [-1, 0], [3, 0]], atol=1e-6)
    assert not flattened(np.full((4, 3), 5.0)).any()


def test_moments_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array([[1, 2], [3, -4], [0, 6]], np.float16)
    right = [[10 / 3, -10 / 3], [-10 / 3, 56 / 3]]
    np.testing.assert_allclose(second_moment(values), right)
    monkeypatch.setattr(projection, "BLOCK", 2)
    np.testing.assert_allclose(second_moment(values), right)
    np.testing.assert_allclose(
        second_moment(values, np.array([1, 2])), [[5 / 3, -16 / 3], [-16 / 3, 52 / 3]]
    )
    assert second_moment(np.zeros((0, 3))).tolist() == [[0.0] * 3] * 3


def test_whitened_vectors_have_the_unit_second_moment() -> None:
    values = np.abs(normal(500, 8)) * np.geomspace(0.1, 10, 8).astype(np.float32)
    white = values @ whitener(values, damping=1e-9)
    np.testing.assert_allclose(second_moment(white), np.eye(8), atol=1e-3)


def test_whitening_does_not_blow_up_what_hardly_varies() -> None:
    values = np.stack([10 * normal(500), 1e-6 * normal(500, seed=1)], axis=1)
    white = values @ whitener(values)
    moments = np.diag(second_moment(white))
    assert moments[0] == pytest.approx(1, abs=0.01)
    assert moments[1] < 1e-9
    assert np.isfinite(np.zeros((5, 3), np.float32) @ whitener(np.zeros((5, 3)))).all()


def test_a_request_is_kept_with_what_made_the_layout() -> None:
    told = described(LayoutRequest(seed=3))
    assert (told["seed"], told["neighbors"], told["metric"]) == (3, 50, "cosine")
    assert set(told["versions"]) == {"umap-learn", "numba", "pynndescent", "numpy"}


def test_few_points_are_laid_out_flat() -> None:
    values = normal(FEW - 1, 5)
    np.testing.assert_array_equal(laid_out(values, LayoutRequest()), flattened(values))


def test_the_light_alternative() -> None:
    values = normal(40, 5)
    flat = LayoutRequest(method="pca")
    np.testing.assert_array_equal(laid_out(values, flat), flattened(values))
    white = laid_out(values, LayoutRequest(method="pca", whitened=True))
    np.testing.assert_array_equal(white, flattened(values @ whitener(values)))


# ---- new points ----


def test_a_copy_of_a_sample_lies_on_that_sample() -> None:
    vectors, points = normal(300, 16).astype(np.float16), normal(300, 2, seed=1)
    there, cosine, _ = placed(3 * vectors[50:90].astype(np.float32), in_parts(vectors), points)
    np.testing.assert_array_equal(there, points[50:90])
    np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_a_copy_lies_on_it_though_all_its_neighbours_lie_elsewhere() -> None:
    vectors = np.concatenate([[[1, 0]], np.tile([[1, 0.2]], (30, 1))])
    points = np.concatenate([[[9, 9]], normal(30, 2)])
    there, _, apart = placed(np.array([[2.0, 0.0]]), vectors, points)
    assert there.tolist() == [[9, 9]]
    assert apart[0] > 5  # and it is told that the neighbours are far


def islands(parts: list[int]) -> tuple[Array, Array, Array]:
    """A query, and ``parts`` of its ten nearest on islands of their own; further samples there."""
    query = np.zeros((1, 8))
    query[0, 0] = 1
    draws = np.random.default_rng(sum(i * p for i, p in enumerate(parts)))
    which = np.repeat(np.arange(len(parts)), parts)
    near = query + 0.1 * draws.normal(size=(len(which), 8))
    far = np.tile(np.arange(len(parts)), 20)
    vectors = np.concatenate([near, -query + 0.1 * draws.normal(size=(len(far), 8))])
    home = np.array([(0, 0), (30, 0), (0, 40), (50, 60), (-40, 20)])[np.concatenate([which, far])]
    return query, vectors, home + draws.random((len(home), 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_never_into_the_void_between_islands(parts: list[int]) -> None:
    query, vectors, points = islands(parts)
    there, _, _ = placed(query, vectors, points)
    assert np.linalg.norm(points - there, axis=1).min() < 1


def test_most_of_the_neighbours_decide() -> None:
    query, vectors, points = islands([2, 6, 2])
    there, cosine, _ = placed(query, vectors, points)
    assert np.linalg.norm(there[0] - (30, 0)) < 2
    right = (unit(query) @ unit(vectors).T).max()
    assert cosine[0] == pytest.approx(right, abs=1e-6)


def test_a_map_of_few_points_places_too() -> None:
    there, cosine, apart = placed(np.array([[1.0, 0.9]]), np.eye(2), np.array([[0, 0], [4.0, 0]]))
    assert there.tolist() == [[0, 0]]
    assert cosine[0] == pytest.approx(1 / 1.81**0.5)
    assert apart.shape == (1,)


# ---- umap: the first layout of a process compiles for a minute ----


@pytest.fixture(scope="module")
def groups() -> tuple[Array, Array]:
    """Three directions with samples around them; which each belongs to."""
    which = np.repeat(np.arange(3), 80)
    return np.eye(20, dtype=np.float32)[which] * 4 + np.abs(normal(240, 20)), which


@pytest.mark.slow
def test_umap_keeps_groups_and_gives_the_same_map_again(groups: tuple[Array, Array]) -> None:
    vectors, which = groups
    points = laid_out(vectors, LayoutRequest())
    assert points.shape == (240, 2)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(laid_out(vectors, LayoutRequest()), points)
    assert not np.array_equal(laid_out(vectors, LayoutRequest(seed=1)), points)
    assert laid_out(vectors, LayoutRequest(dimensions=1)).shape == (240, 1)
    middles = np.stack([points[which == i].mean(axis=0) for i in range(3)])
    nearest_middle = np.square(points[:, None] - middles).sum(axis=2).argmin(axis=1)
    assert (nearest_middle == which).mean() > 0.95


@pytest.mark.slow
def test_umap_gives_every_sample_a_place(groups: tuple[Array, Array]) -> None:
    """Also silent ones, copies, and as few as a layout by neighbours is made of."""
    vectors = groups[0].copy()
    vectors[7] = 0
    vectors[20:30] = 0
    vectors[40:60] = vectors[40]
    assert np.isfinite(laid_out(vectors, LayoutRequest())).all()
    assert np.isfinite(laid_out(vectors[:FEW], LayoutRequest())).all()
    signed = normal(60, 4)
    assert np.isfinite(laid_out(signed, LayoutRequest(whitened=True))).all()
