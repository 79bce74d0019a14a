"""All pictures of a pair together: sums and flips by hand, and two real pictures."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch

from analysis.attribution import Target
from analysis.models import Classifier, load
from analysis.photos import samples
from analysis.together import DRAWS, SharedCheck, Sum, check_together, summed
from tests.toys import Votes, classifier

AB = Target(0, 1)


def through(steps: Generator[int, None, Any]) -> tuple[list[int], Any]:
    """What it counts, and what it returns."""
    counted = []
    while True:
        try:
            counted.append(next(steps))
        except StopIteration as end:
            return counted, end.value


@pytest.fixture
def votes() -> Classifier:
    """Margin of a pixel v: 5.5 v + 2; without neurons 0 and 2: -2.5 v + 2."""
    module = Votes()
    with torch.no_grad():
        module.fc.bias.copy_(torch.tensor([0.0, -2.0]))
    return classifier(module, (1, 1, 1))


def pixels(*values: float) -> list[torch.Tensor]:
    return [torch.full((1, 1, 1, 1), v) for v in values]


def sum_of(net: Classifier, inputs: list[torch.Tensor]) -> Sum:
    found: Sum = through(summed(net, inputs, "relu", AB))[1]
    return found


def checked(
    net: Classifier, inputs: list[torch.Tensor], channels: list[int], **given: Any
) -> SharedCheck:
    total = sum_of(net, inputs)
    found: SharedCheck = through(check_together(net, inputs, total, channels, **given))[1]
    return found


def test_the_sums_by_hand(votes: Classifier) -> None:
    counted, total = through(summed(votes, pixels(1.0, 0.5), "relu", AB))
    assert counted == [1, 2]
    assert total.margin == pytest.approx((7.5 + 4.75) / 2)
    np.testing.assert_allclose(total.effect, 0.75 * np.array([5, -4, 3, 0, 1.5, 0]))
    np.testing.assert_allclose(total.mean, 0.75 * np.array([5, 4, 3, 2, 1.5, 0]))
    np.testing.assert_allclose(total.active, total.mean)
    assert total.claimed() == [0, 2, 4]  # no others speak for it
    assert total.claimed(2) == [0, 2]


def test_how_many_answers_change(votes: Classifier) -> None:
    inputs = pixels(1.0, 0.5, 0.9)
    total = sum_of(votes, inputs)
    counted, found = through(check_together(votes, inputs, total, [0, 2]))
    assert counted == [1, 2, 3]
    assert found.channels == (0, 2)
    assert found.pictures == 3
    assert found.before == pytest.approx(5.5 * 0.8 + 2)
    assert found.without == pytest.approx(-2.5 * 0.8 + 2)
    assert found.effect == pytest.approx(8 * 0.8)
    assert found.flips.claimed == 2  # -.5, .75, -.25
    assert found.flips.random == found.flips.equal == 0.0
    pairs = {5.5 * 0.8 + 2 - 0.8 * (a + b) for a, b in ((-4, 0), (-4, 1.5), (0, 1.5), (0, 0))}
    pairs |= {5.5 * 0.8 + 2 + 4 * 0.8, 5.5 * 0.8 + 2 - 1.5 * 0.8}
    for control in (found.random, found.equal):
        assert control is not None
        assert len(control.margins) == DRAWS
        for margin in control.margins:
            assert min(abs(margin - p) for p in pairs) < 1e-4


def test_a_claim_that_is_none(votes: Classifier) -> None:
    found = checked(votes, pixels(1.0), [])
    assert found.before == found.without == pytest.approx(7.5)
    assert (found.random, found.equal) == (None, None)
    assert (found.flips.claimed, found.flips.random, found.flips.equal) == (0, None, None)
    assert found.verdict == "not confirmed"


def test_too_few_others_are_no_control(votes: Classifier) -> None:
    found = checked(votes, pixels(1.0), [0, 2, 4, 3])
    assert (found.random, found.equal, found.flips.equal) == (None, None, None)
    assert found.verdict == "no fair control"


def test_the_same_seed_draws_the_same(votes: Classifier) -> None:
    one, same = (checked(votes, pixels(1.0, 0.5), [0], seed=3) for _ in range(2))
    assert one == same


def test_two_jeeps_together() -> None:
    """The mean of two pictures, each removal by a plain hook."""
    net, layer = load("squeezenet1_1"), "features.12"
    some = [p for p in samples() if p.name in ("car in the desert", "car on rocks")]
    inputs = [net.tensor(net.pixels(p.decode(min_side=net.resize))) for p in some]
    target = Target(net.categories.find("convertible"), net.categories.find("jeep"))
    total: Sum = through(summed(net, inputs, layer, target))[1]
    channels = total.claimed()
    assert len(channels) == 6
    found: SharedCheck = through(check_together(net, inputs, total, channels))[1]

    def drop(_module: Any, _given: Any, out: torch.Tensor) -> torch.Tensor:
        kept = out.clone()
        kept[:, channels] = 0
        return kept

    with torch.no_grad():
        before = torch.cat([net.module(x) for x in inputs])
        handle = net.module.get_submodule(layer).register_forward_hook(drop)
        after = torch.cat([net.module(x) for x in inputs])
        handle.remove()
    assert found.before == pytest.approx(float(target.margin(before).mean()), abs=1e-3)
    assert total.margin == pytest.approx(found.before, abs=1e-3)
    assert found.without == pytest.approx(float(target.margin(after).mean()), abs=1e-3)
    assert found.flips.claimed == int((before.argmax(1) != after.argmax(1)).sum())
    assert found.effect > 0
    assert found.before - found.without > 1
