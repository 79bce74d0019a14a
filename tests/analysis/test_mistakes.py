"""Counting, against tables that were filled in by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import mistakes
from analysis.mistakes import NONE, Bin, Judged, Pair, confusion_order


def of(logits: list[list[float]], labels: list[int]) -> Judged:
    return Judged(np.array(logits, np.float32), np.array(labels, np.int64))


def shares(rows: list[list[float]], labels: list[int]) -> Judged:
    """Pictures whose probabilities are these."""
    return of(np.log(np.array(rows)).tolist(), labels)


# Six pictures of three classes; the last has no label.
# is 0: said 0 .72, 0 .42, 1 .83;  is 1: said 1 .52, 0 .91;  unknown: said 2 .6
SIX = shares(
    [[.72, .2, .08], [.42, .3, .28], [.07, .83, .1], [.25, .52, .23], [.91, .05, .04],
     [.2, .2, .6]],
    [0, 0, 0, 1, 1, NONE],
)  # fmt: skip


def test_what_was_said_and_how_surely() -> None:
    assert SIX.said.tolist() == [0, 0, 1, 1, 0, 2]
    np.testing.assert_allclose(SIX.confidence, [0.72, 0.42, 0.83, 0.52, 0.91, 0.6], rtol=1e-6)
    np.testing.assert_allclose(SIX.probability(1), [0.2, 0.3, 0.83, 0.52, 0.05, 0.2], rtol=1e-6)
    np.testing.assert_allclose(
        SIX.probability(np.array([2, 1, 0, 0, 0, 0])), [0.08, 0.3, 0.07, 0.25, 0.91, 0.2], rtol=1e-6
    )
    np.testing.assert_allclose(SIX.own, [0.72, 0.42, 0.07, 0.52, 0.05, np.nan], rtol=1e-6)
    assert SIX.wrong.tolist() == [False, False, True, False, True, False]
    assert SIX.right.tolist() == [True, True, False, True, False, False]
    assert SIX.labelled.tolist() == [True] * 5 + [False]


def test_large_logits_are_no_trouble() -> None:
    far = of([[10_000.0, 9_999.0], [-10_000.0, -9_990.0]], [0, 0])
    np.testing.assert_allclose(far.confidence, [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-10))])


def test_probabilities_are_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mistakes, "ROWS", 4)
    again = Judged(SIX.logits, SIX.labels)
    np.testing.assert_array_equal(again.confidence, SIX.confidence)


def test_among_the_first() -> None:
    assert SIX.among_first(1) == pytest.approx(3 / 5)
    assert SIX.among_first(2) == pytest.approx(4 / 5)  # .91 .05 .04 is of class 1: second
    assert SIX.among_first(3) == SIX.among_first(5) == 1.0


def test_ties_count_against_the_network() -> None:
    flat = of([[1.0, 1.0, 1.0]] * 3, [0, 1, 2])
    assert flat.among_first(1) == flat.among_first(2) == 0.0
    assert flat.among_first(3) == 1.0
    half = of([[2.0, 2.0, 1.0]], [0])
    assert (half.among_first(1), half.among_first(2)) == (0.0, 1.0)


# ---- how far confidence can be believed ----


def test_a_worked_example_of_calibration() -> None:
    bins = SIX.bins()
    found = [(b.low, b.count, b.accuracy) for b in bins]
    assert found == [(0.4, 1, 1.0), (0.5, 1, 1.0), (0.7, 1, 1.0), (0.8, 1, 0.0), (0.9, 1, 0.0)]
    # (.28 + .58 + .83 + .48 + .91) / 5
    assert SIX.calibration_error() == pytest.approx(0.616)


def test_pictures_of_one_bin_are_taken_together() -> None:
    # .72, .78: one right; both bins' gaps: |.75 - .5| x 2, |1.0 - 1| x 1
    some = shares([[0.72, 0.28], [0.78, 0.22], [1 - 1e-9, 1e-9]], [0, 1, 0])
    first, last = some.bins()
    assert (first.low, first.high, first.count, first.accuracy) == (0.7, 0.8, 2, 0.5)
    assert first.confidence == pytest.approx(0.75, rel=1e-5)
    assert last == Bin(0.9, 1.0, 1, pytest.approx(1.0), 1.0)
    assert some.calibration_error() == pytest.approx(0.25 * 2 / 3, rel=1e-4)


# ---- class by class ----


def test_precision_and_recall_by_hand() -> None:
    assert SIX.per_class() == [
        {"index": 0, "pictures": 3, "said": 3, "right": 2, "precision": 2 / 3, "recall": 2 / 3},
        {"index": 1, "pictures": 2, "said": 2, "right": 1, "precision": 0.5, "recall": 0.5},
    ]  # what was said of pictures without a label counts nowhere


def test_what_cannot_be_known_of_a_class_is_none() -> None:
    found = shares([[0.1, 0.9, 0.0 + 1e-9], [0.2, 0.8, 1e-9]], [0, 0]).per_class()
    assert found == [
        {"index": 0, "pictures": 2, "said": 0, "right": 0, "precision": None, "recall": 0.0},
        {"index": 1, "pictures": 0, "said": 2, "right": 0, "precision": 0.0, "recall": None},
    ]


# ---- what is taken for what ----


def test_pairs_most_frequent_first_then_the_surest() -> None:
    rows = [[.1, .6, .3], [.1, .7, .2], [.1, .2, .7], [.8, .1, .1], [.9, .05, .05]]  # fmt: skip
    found = shares(rows, [0, 0, 0, 1, 2]).pairs()
    assert found == [Pair(0, 1, (1, 0)), Pair(2, 0, (4,)), Pair(1, 0, (3,)), Pair(0, 2, (2,))]


def test_pairs_of_some_rows_alone() -> None:
    assert SIX.pairs() == [Pair(1, 0, (4,)), Pair(0, 1, (2,))]
    assert SIX.pairs([0, 1, 2, 5]) == [Pair(0, 1, (2,))]
    assert SIX.pairs([]) == []


def test_confused_classes_lie_side_by_side() -> None:
    """Classes 0 and 4, 1 and 3 are taken for each other; 2 for none."""
    likely, taken, else_ = 0.6, 0.3, 0.1 / 3
    partner = {0: 4, 4: 0, 1: 3, 3: 1, 2: None}
    rows = []
    for true, other in partner.items():
        row = [else_] * 5
        row[true] = likely if other is not None else 1 - 4 * else_
        if other is not None:
            row[other] = taken
        rows.append(row)
    order = confusion_order(shares(rows, [0, 4, 1, 3, 2])).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert abs(order.index(0) - order.index(4)) == 1
    assert abs(order.index(1) - order.index(3)) == 1


def test_every_class_that_is_said_or_shown_has_its_place_once() -> None:
    rng = np.random.default_rng(0)
    judged = Judged(rng.normal(size=(300, 40)).astype(np.float32), rng.integers(-1, 20, 300))
    order = confusion_order(judged).tolist()
    mine = judged.labels[judged.labelled].tolist() + judged.said[judged.labelled].tolist()
    assert sorted(order) == sorted(set(mine))


def test_two_classes_or_one_need_no_order() -> None:
    assert confusion_order(shares([[0.1, 0.9]], [0])).tolist() == [0, 1]
    assert confusion_order(shares([[0.9, 0.1]], [0])).tolist() == [0]


# ---- sets in which there is nothing to count ----


def test_without_labels_nothing_is_known() -> None:
    none = shares([[0.9, 0.1], [0.2, 0.8]], [NONE, NONE])
    assert none.among_first(1) is None
    assert none.calibration_error() is None
    assert none.bins() == none.per_class() == none.pairs() == []
    assert confusion_order(none).tolist() == []
    assert not none.wrong.any()
    assert np.isnan(none.own).all()


def test_a_set_of_one_class() -> None:
    one = shares([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], [0, 0, 0])
    assert one.among_first(1) == pytest.approx(1 / 3)
    assert one.pairs() == [Pair(0, 1, (2, 1))]
    assert [r["recall"] for r in one.per_class()] == [pytest.approx(1 / 3), None]
    assert confusion_order(one).tolist() == [0, 1]


def test_a_set_without_any_picture() -> None:
    empty = Judged(np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    assert len(empty) == 0
    assert empty.among_first(1) is None
    assert empty.pairs() == []
    assert len(empty.confidence) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(2, 7), st.integers(0, 2**16))
def test_the_parts_add_up(count: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes)).astype(np.float32)
    judged = Judged(logits, rng.integers(-1, classes, count))
    wrong, labelled = int(judged.wrong.sum()), int(judged.labelled.sum())
    assert sum(len(p.rows) for p in judged.pairs()) == wrong
    assert wrong + int(judged.right.sum()) == labelled
    assert sum(b.count for b in judged.bins()) == labelled
    table = judged.per_class()
    assert sum(r["pictures"] for r in table) == sum(r["said"] for r in table) == labelled
    if labelled:
        assert judged.among_first(1) == pytest.approx(1 - wrong / labelled)
        first = [judged.among_first(k) or 0.0 for k in range(1, classes + 1)]
        assert first == sorted(first)
        assert first[-1] == 1.0
