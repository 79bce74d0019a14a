"""Icons of cells: towards the mean, true to it, drawn again where they go astray, and where they
land."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis import photos
from analysis.atlas import icons
from analysis.atlas.cells import Box, gridded
from analysis.atlas.icons import Drawn, drawn, landed, seen, unmixed
from analysis.atlas.reading import BATCH, drawing_order
from analysis.atlas.sampling import Sampler, drawn_places
from analysis.featurevis.icons import IconRequest
from analysis.featurevis.memory import MOST
from analysis.models import Classifier, load
from analysis.projection import second_moment
from cache.vectors import Column, unit
from tests.analysis.featurevis.nets import places

Array = NDArray[Any]
LAYER = "features.12"


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


@pytest.fixture(scope="module")
def samples(squeezenet: Classifier) -> tuple[Array, Array]:
    """Activations at features.12 of eight photographs, forty places each, and whose they are."""
    sampler, vectors = Sampler(squeezenet, LAYER), []
    for picture in photos.samples().pictures[:8]:
        x = squeezenet.tensor(squeezenet.pixels(picture.decode(min_side=squeezenet.resize)))
        vectors.append(sampler.take(x, [drawn_places(picture.key, (13, 13), 40, 0)]).vectors)
    return np.concatenate(vectors), np.repeat(np.arange(8), 40)


def means_of(samples: tuple[Array, Array], pictures: list[int]) -> Array:
    vectors, owner = samples
    return np.stack([vectors[owner == i].mean(axis=0) for i in pictures])


def last(found: Any) -> tuple[int, Drawn]:
    """How many steps it took, and what came of it."""
    steps = list(found)
    assert all(one is None for one in steps[:-1])
    return len(steps) - 1, steps[-1]


# ---- on a real network ----


@pytest.mark.slow
def test_icons_are_true_to_their_cells(
    squeezenet: Classifier, samples: tuple[Array, Array]
) -> None:
    means = means_of(samples, [0, 2, 4, 6])
    inverse = unmixed(second_moment(samples[0]))
    _, found = last(drawn(squeezenet, LAYER, means, inverse, seed=0))
    assert found.images.shape == (4, 80, 80, 3)
    assert found.images.dtype == np.uint8
    assert (found.cosine > 0.6).all(), found.cosine
    centres = seen(squeezenet, LAYER, found.images, icons.PRESET.input_size)
    np.testing.assert_allclose(found.centres, centres, rtol=1e-4, atol=1e-4)
    right = (unit(centres) * unit(means)).sum(axis=1)
    np.testing.assert_allclose(found.cosine, right, atol=1e-5)
    others = unit(centres) @ unit(means).T
    assert others.argmax(axis=1).tolist() == [0, 1, 2, 3]  # each is nearest to its own
    assert found.images.std(axis=(1, 2, 3)).min() > 10  # and no grey square


@pytest.mark.slow
def test_an_icon_that_goes_astray_is_drawn_again(
    squeezenet: Classifier, samples: tuple[Array, Array]
) -> None:
    """The matrix turns the second mean round: its icon avoids all that the cell has. The first
    keeps its picture, the second gets that of the plain direction."""
    means = means_of(samples, [0, 4])
    second = unit(means)[1]
    spoiled = np.eye(512) - 2 * np.outer(second, second)
    once, plain = last(drawn(squeezenet, LAYER, means, np.eye(512), seed=0))
    twice, found = last(drawn(squeezenet, LAYER, means, spoiled, seed=0))
    assert twice == 2 * once
    assert not np.array_equal(found.images[0], plain.images[0])
    # alone in its batch: the same but for rounding
    assert np.abs(found.images[1].astype(int) - plain.images[1]).mean() < 8
    assert found.cosine[1] == pytest.approx(plain.cosine[1], abs=0.05)
    assert (found.cosine > icons.ASTRAY).all()
    for part in (found.centres, found.cosine):
        assert len(part) == 2


def test_the_better_of_both_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is good enough here: what the second attempt does not better stays."""
    net = places([1.0, -1.0], [0.0, 1.0])
    means = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    monkeypatch.setattr(icons, "ASTRAY", -2.0)
    _, never = last(drawn(net, "act", means, np.eye(2), seed=0))
    monkeypatch.setattr(icons, "ASTRAY", 2.0)
    _, always = last(drawn(net, "act", means, np.eye(2), seed=0))
    np.testing.assert_array_equal(never.images, always.images)
    assert (always.cosine >= never.cosine).all()


# ---- by hand ----


def test_towards_brightness_and_darkness() -> None:
    """Channels relu(v) and relu(1 - v): the first mean is drawn white at its middle, the second
    black."""
    net = places([1.0, -1.0], [0.0, 1.0])
    means = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    _, found = last(drawn(net, "act", means, np.eye(2), seed=0))
    assert found.images.shape == (2, 16, 16, 3)  # no larger than the network's own pictures
    assert found.images[0, 7:9, 7:9].mean() > 200
    assert found.images[1, 7:9, 7:9].mean() < 55
    assert (found.cosine > 0.95).all()
    # a network of grey pictures is shown the mean of the colours
    grey = found.images[:, 8, 8].mean(axis=1) / 255
    np.testing.assert_allclose(found.centres, np.stack([grey, 1 - grey], 1), atol=0.02)


def test_the_same_request_draws_the_same() -> None:
    net = places([1.0, -1.0, 2.0], [0.0, 1.0, -1.0])
    means = np.abs(np.random.default_rng(0).normal(size=(3, 3))).astype(np.float32)
    one, two = (last(drawn(net, "act", means, np.eye(3), seed=0))[1] for _ in range(2))
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.centres, two.centres)
    _, other = last(drawn(net, "act", means, np.eye(3), seed=1))
    assert not np.array_equal(other.images, one.images)


def test_the_inverse_of_the_second_moment() -> None:
    moment = np.diag([4.0, 1.0, 1.0, 0.0])  # mean 1.5, damped by a tenth of it
    np.testing.assert_allclose(unmixed(moment), np.diag(1 / (np.array([4, 1, 1, 0]) + 0.15)))
    assert np.isfinite(unmixed(np.zeros((3, 3)))).all()
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = unmixed(turn @ np.diag([2.0, 0.4]) @ turn.T)
    np.testing.assert_allclose(turned, turn @ np.diag(1 / np.array([2.12, 0.52])) @ turn.T)


def test_what_does_not_fit_into_memory_is_drawn_in_parts() -> None:
    net = places([1.0, -1.0], [0.0, 1.0])
    count = MOST + 3
    towards = [(float(i), 1.0) for i in range(count)]
    near = [(1.0, float(i)) for i in range(count)]
    request = IconRequest(
        layer="act", objective="direction", directions=tuple(towards), near=tuple(near), size=16,
        input_size=16,
    )  # fmt: skip
    parts = icons._affordable(net, request)
    assert [len(part.directions) for part in parts] == [MOST, 3]
    assert [v for part in parts for v in part.directions] == towards
    assert [v for part in parts for v in part.near] == near


@torch.no_grad()
def test_what_the_layer_sees_in_a_picture() -> None:
    net = places([1.0, -1.0], [0.0, 1.0])
    images = np.zeros((2, 16, 16, 3), np.uint8)
    images[0, 8, 8] = 255
    images[1] = [0, 51, 102]
    np.testing.assert_allclose(seen(net, "act", images, 16), [[1, 0], [0.2, 0.8]], atol=1e-6)


# ---- on the map ----


@pytest.fixture(scope="module")
def mapped() -> tuple[Array, Array, Box]:
    """Samples whose direction turns from left to right and whose tilt rises from top to bottom."""
    draws = np.random.default_rng(0)
    points = draws.random((3000, 2))
    angle = points * [np.pi / 2, np.pi / 3]
    vectors = np.stack(
        [np.cos(angle[:, 0]) * np.cos(angle[:, 1]), np.sin(angle[:, 0]) * np.cos(angle[:, 1]),
         np.sin(angle[:, 1])], axis=1,
    )  # fmt: skip
    return vectors * draws.uniform(1, 9, (3000, 1)), points, Box(0.0, 0.0, 1.0, 1.0)


def test_the_means_of_cells_land_in_their_cells(mapped: tuple[Array, Array, Box]) -> None:
    vectors, points, box = mapped
    cells = gridded(points, box, 8, vectors, np.ones((3000, 1)))
    everyone = np.arange(len(cells))
    for rows in (vectors, Column([vectors[:1000], vectors[1000:]])):
        away = landed(cells.means, cells, everyone, box, rows, points)
        assert (away == 0).mean() > 0.95
        assert away.max() <= 1


def test_how_far_off_an_icon_lands(mapped: tuple[Array, Array, Box]) -> None:
    """A sample's copy lies on it: so many cells off, sideways or upwards, whichever is more."""
    vectors, points, box = mapped
    cells = gridded(points, box, 8, vectors, np.ones((3000, 1)))
    home = cells.find(2, 3)
    assert home is not None
    there = np.flatnonzero((points[:, 0] > 5 / 8) & (points[:, 0] < 6 / 8))[:40]
    rows = np.floor(points[there, 1] * 8).astype(int)
    away = landed(5 * vectors[there], cells, np.full(40, home), box, vectors, points)
    assert away.tolist() == np.maximum(3, np.abs(rows - 3)).tolist()


def test_the_cells_with_most_samples_are_drawn_first(mapped: tuple[Array, Array, Box]) -> None:
    vectors, points, box = mapped
    cells = gridded(points, box, 8, vectors, np.ones((3000, 1)))
    order = drawing_order(cells)
    assert [len(part) for part in order] == [BATCH] * 4
    counts = cells.count[np.concatenate(order)]
    assert counts.tolist() == sorted(cells.count.tolist(), reverse=True)
    assert sorted(np.concatenate(order).tolist()) == list(range(64))
