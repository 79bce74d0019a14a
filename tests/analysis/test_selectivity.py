"""Selectivity by hand."""

import numpy as np
import pytest

from analysis.selectivity import class_selectivity, lifetime_sparseness, selectivity, spoken_for
from analysis.tally import Examples, Kept, Tally


def tallied(responses: list[list[float]], classes: list[int], *, signed: bool = False) -> Examples:
    """A pass over pictures whose responses, (pictures, neurons), are given."""
    values = np.array(responses, np.float32).T
    tally = Tally(len(values), 10, kept=2, signed=signed)
    picture = np.broadcast_to(np.arange(values.shape[1], dtype=np.int32), values.shape).copy()
    place = np.zeros_like(picture)
    tally.add(np.array(classes), Kept(values, picture, place), Kept(-values, picture, place))
    return tally.result()


def test_the_index_of_morcos_by_hand() -> None:
    profile = np.array([[4, 0, 0], [2, 2, 2], [3, 1, 1], [0, 0, 0], [-5, 2, 0]], np.float32)
    assert class_selectivity(profile).tolist() == pytest.approx([1, 0, 0.5, 0, 1])
    assert class_selectivity(np.ones((2, 1), np.float32)).tolist() == [0, 0]


def test_lifetime_sparseness_by_hand() -> None:
    found = tallied([[4, 1, 3, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]], [0, 1, 2, 3])
    # one picture of four: 1; all alike: 0; (3, 1, 0, 0): 1 - 1 / 2.5 = 0.6, over 3/4: 0.8
    assert lifetime_sparseness(found).tolist() == pytest.approx([1, 0, 0.8, 0], abs=1e-6)
    assert selectivity(found).kind == "lifetime sparseness"


def test_below_zero_counts_as_none() -> None:
    found = tallied([[2.0], [-1.0], [-3.0], [-2.0]], [0, 1, 2, 3], signed=True)
    assert lifetime_sparseness(found)[0] == pytest.approx(1, abs=1e-6)


def test_classes_are_compared_where_they_have_pictures_enough() -> None:
    found = tallied([[2, 0], [4, 0], [1, 0], [1, 6]], [7, 7, 3, 3])
    measured = selectivity(found)
    assert measured.kind == "class selectivity"
    assert measured.values.tolist() == pytest.approx([0.5, 1])  # (3 - 1) / (3 + 1); (3 - 0) / 3


def test_the_classes_that_a_neuron_speaks_for() -> None:
    found = tallied([[4, 0, 1], [3, 0, 1], [1, 0, 1]], [5, 2, 8])
    assert spoken_for(found) == [[5, 2], [], [2, 5, 8]]
    assert spoken_for(found, top=1) == [[5], [], [2]]
