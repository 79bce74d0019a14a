"""The same picture at several layers."""

import numpy as np
import pytest

from analysis.dream.ladder import GAP, LINE, climbed, previewed, rungs, sheet
from analysis.dream.settings import Dream
from analysis.layers import ladder
from analysis.models import load
from cache.errors import UserError


def test_rungs_of_a_real_network() -> None:
    net = load("squeezenet1_1", device="cpu")
    dream = Dream(octaves=1, iterations=1, size=64)
    dreams = rungs(net, dream, 6)
    assert [d.layer for d in dreams] == [layer.name for layer in ladder(net, 6)]
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    ends = [r for r in climbed(net, dreams, picture) if r.frame.finished]
    assert [(r.number, r.count, r.dream.layer) for r in ends] == [
        (i, 6, d.layer) for i, d in enumerate(dreams, start=1)
    ]
    with pytest.raises(UserError, match="whole layers"):
        rungs(net, Dream(class_index=3))


def test_a_sheet() -> None:
    pictures = [np.full((20, 60, 3), v, np.uint8) for v in (0, 100, 200)]
    whole = sheet(pictures, ["one", "two", "a name that is much too long"], columns=2)
    assert whole.shape == (2 * (20 + LINE + GAP) + GAP, 2 * (60 + GAP) + GAP, 3)
    assert (whole[GAP : GAP + 20, GAP + 60 + GAP : 2 * (GAP + 60)] == 100).all()
    assert whole[GAP + 20 :, :].min() < 100  # letters
    assert (whole[:, -GAP:] == 255).all()  # none beyond its cell


def test_a_preview_goes_as_far_in_half_the_steps() -> None:
    small = previewed(Dream(octaves=4, iterations=9, step=1.5))
    assert (small.octaves, small.iterations) == (3, 5)
    assert small.iterations * small.step == pytest.approx(9 * 1.5)
    assert previewed(Dream(octaves=2, iterations=1)) == Dream(octaves=2, iterations=1)
