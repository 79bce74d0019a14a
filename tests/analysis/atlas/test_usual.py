"""What activations usually do to a class, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.atlas.usual import evened, usual_effects
from cache.vectors import Column


def cut(rows: np.ndarray) -> Column:
    """In parts of unequal length."""
    return Column([rows[:7], rows[7:100], rows[100:]])


def made(noise: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, what they truly do to three classes, and that with chance on it."""
    draws = np.random.default_rng(0)
    vectors = np.maximum(0, draws.normal(size=(count, 6))).astype(np.float16)
    weights = np.array([[2, -1, 0], [0, 1, 0], [0, 0, 3], [-1, 0, 0], [0, 0, 0], [1, 1, 1.0]])
    true = vectors.astype(np.float64) @ weights + [0, 0.5, -0.25]
    chance = noise * draws.normal(size=true.shape)
    return vectors, true, (true + chance).astype(np.float16)


def test_where_the_effects_are_linear_they_are_the_usual_ones() -> None:
    vectors, true, effects = made(0)
    found = usual_effects(cut(vectors), cut(effects), [2, 0])
    for column, index in enumerate((2, 0)):
        assert np.corrcoef(found[:, column], true[:, index])[0, 1] > 0.99


def test_chance_is_left_out() -> None:
    """With four times as much chance as sense, the usual effects tell what is true much better."""
    vectors, true, effects = made(4 * 2.0)
    found = usual_effects(cut(vectors), cut(effects), [0])[:, 0]
    plain = np.corrcoef(effects[:, 0].astype(float), true[:, 0])[0, 1]
    assert plain < 0.3
    assert np.corrcoef(found, true[:, 0])[0, 1] > 0.95


def test_a_silent_layer_speaks_for_nothing() -> None:
    found = usual_effects(Column([np.zeros((9, 4))]), Column([np.zeros((9, 3))]), [1])
    assert found.shape == (9, 1)
    assert not found.any()


def test_evened_by_hand() -> None:
    found = evened(np.array([0.1, -5, 100, 0, -0.001, 0.2]))
    assert found == pytest.approx([1 / 3, -1, 1, 0, -0.5, 2 / 3])
    assert evened(np.array([3.0])).tolist() == [1]
    assert evened(np.zeros(0)).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), unique=True))
def test_order_and_sides_stay(values: list[float]) -> None:
    given_ = np.array(values)
    found = evened(given_)
    assert (np.sign(found) == np.sign(given_)).all()
    assert (np.diff(found[np.argsort(given_)]) > 0).all()
    assert (np.abs(found) <= 1).all()
