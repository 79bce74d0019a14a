"""Which size and place of a patch: on a network whose answers are sums, and on a real picture."""

from math import log

import numpy as np
import pytest

from analysis.attribution import Target
from analysis.counterfactual import Reading, logits_on, readings
from analysis.pasting import Patch, composed
from analysis.patch_search import FINER, NOISES, ROUNDS, Search, nearness
from analysis.suggestions import Candidate
from tests.toys import Votes, classifier

BLACK = np.zeros((4, 4, 1), np.uint8)
SIZES, PLACES = (0.5, 1.0), ((0.5, 0.5), (0.25, 0.25))
NEAR = 6  # neighbours of a patch: four places, two sizes


def test_how_near_a_class_is() -> None:
    named = Reading((2.0, 1.0), (0.6, 0.2), 0, 0.6)
    assert nearness(named, "a") == 0
    assert nearness(named, "b") == pytest.approx(log(0.2 / 0.6))
    third = Reading((0.0, 0.0), (0.1, 0.0), 7, 0.8)
    assert nearness(third, "a") == pytest.approx(log(1 / 8))
    assert nearness(third, "b") == pytest.approx(log(1e-12 / 0.8))


def test_the_best_of_all_that_were_tried() -> None:
    """Votes adds up the pixels: the white patch that covers all speaks most for a."""
    votes = classifier(Votes(), (1, 4, 4))
    white, black = (Candidate(Patch("flat", (c,)), None) for c in ("ffffff", "000000"))
    search = Search(votes, BLACK, [black, white], Target(0, 1), towards="a", sizes=SIZES,
                    places=PLACES)  # fmt: skip
    steps = list(search.run())
    last = steps[-1]
    cells = len(SIZES) * len(PLACES)
    assert [s.tried for s in steps[:2]] == [cells, 2 * cells]
    assert last.tried == 2 * cells + 2 * ROUNDS * NEAR
    assert FINER >= 2
    assert last.noise_tried == NOISES * cells
    assert last.done == last.total == search.total
    assert [one.number for one in last.best] == [1, 0]
    best = last.best[0]
    assert (best.patch.x, best.patch.y, best.patch.size) == (0.5, 0.5, 1.0)
    again = readings(logits_on(votes, [composed(BLACK, best.patch)]), Target(0, 1))[0]
    assert best.now.logits == pytest.approx(again.logits, abs=1e-4)
    assert last.there is not None
    assert [len(control.draws) for control in last.there] == [NOISES, NOISES]
    assert last.noise_best is not None
    assert last.noise_best.logits[0] < best.now.logits[0]


def test_nothing_to_lay() -> None:
    votes = classifier(Votes(), (1, 4, 4))
    with pytest.raises(ValueError, match="no patches"):
        next(Search(votes, BLACK, [], Target(0, 1)).run())
