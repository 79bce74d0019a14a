"""The claim about one picture: few neurons and places, worked out by hand on toys, and on Grace
Hopper beside plain torch."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis.attribution import LayerEffect, Target, attribute, default_target
from analysis.claim import (
    FEWEST,
    MOST,
    NORM,
    Norm,
    check_claim,
    check_places,
    claimed,
    leading_places,
    norm_of,
    smallest,
    times,
)
from analysis.faithfulness import check
from analysis.layers import find_layer
from analysis.models import Classifier, load
from analysis.photos import samples
from analysis.tail import Tail
from tests.analysis.test_turns import StandIn
from tests.toys import Patterns, Sum, Votes, classifier, linear, one_by_one

AB, BA = Target(0, 1), Target(1, 0)


class Ten(nn.Module):
    """Ten neurons, each the pixel; each gives class 0 two logits; class 1 has ``other`` logits."""

    def __init__(self, other: float) -> None:
        super().__init__()
        self.conv = one_by_one([[1.0]] * 10)
        self.relu = nn.ReLU()
        self.pool = Sum()
        self.fc = linear([[2.0] * 10, [0.0] * 10], [0.0, other])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.pool(self.relu(self.conv(x))))
        return out


def opened(
    module: nn.Module, x: Tensor, target: Target = AB, layer: str = "relu"
) -> tuple[Tail, LayerEffect]:
    net = classifier(module, tuple(x.shape[1:]))
    return Tail(net.module, layer, x), attribute(net, x, [layer], target).layers[layer]


ONE = torch.ones(1, 1, 1, 1)


# ---- which neurons ----


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (15.0, FEWEST),  # margin 5, two a neuron: three turn it round
        (11.0, 5),  # margin 9
        (10.0, 5),  # margin 10: at five it is nothing, which is turned round
        (9.0, MOST),  # margin 11: six
        (0.0, MOST),  # margin 20: not even six do
        (19.9, FEWEST),  # one would do
    ],
)
def test_as_few_neurons_as_turn_the_margin_round(other: float, count: int) -> None:
    tail, one = opened(Ten(other), ONE)
    assert claimed(tail, one, AB).channels == tuple(range(count))


def test_only_neurons_that_speak_for_it_are_claimed() -> None:
    tail, one = opened(Votes(), ONE)
    assert claimed(tail, one, AB).channels == (0, 2, 4)  # effects 5, -4, 3, 0, 1.5, 0
    tail, one = opened(Votes(), ONE, BA)
    assert claimed(tail, one, BA).channels == (0, 2, 4)  # the other way round the same
    tail, one = opened(Votes(), 0 * ONE)
    assert claimed(tail, one, AB).channels == ()


def test_signed_layers_have_carriers_of_either_sign() -> None:
    x = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)  # neurons 0, 0, 1, -3: logits 0, -2
    tail, one = opened(Patterns(), x, layer="conv")
    assert claimed(tail, one, AB).channels == (3,)
    assert check(tail, one, AB, channels=[3]).without == pytest.approx(-1.0)


def test_a_claim_chosen_in_turn_is_measured_with_its_own_effects() -> None:
    """The neurons 4, 3 and 1 of `StandIn`: the first two stand in for each other."""
    tail, one = opened(StandIn(), ONE)
    claim = claimed(tail, one, AB)
    assert (claim.channels, claim.effects) == ((0, 2, 1), (4, 1, 3)) or (
        (claim.channels, claim.effects) == ((0, 1, 2), (4, 3, 1))
    )
    found = check_claim(tail, one, AB, claim)
    assert (found.effect, found.before, found.without) == pytest.approx((8, 5, 0))
    part = check_claim(tail, one, AB, claim.only([1, 2]))
    assert (set(part.channels), part.effect) == ({1, 2}, pytest.approx(4))
    flip, turned = smallest(tail, one, AB, claim)
    assert turned is not None
    assert (turned.count, turned.margin) == (3, 0)
    assert flip is None or flip.count == 3


# ---- which places ----


def ramp(rows: int, cols: int) -> Tensor:
    """Pixel i is i / (number of pixels), so that the last is the strongest."""
    count = rows * cols
    return (torch.arange(count) / count).view(1, 1, rows, cols)


@pytest.mark.parametrize(("rows", "cols", "count"), [(1, 1, 1), (2, 5, 1), (4, 10, 2), (8, 10, 4)])
def test_a_twentieth_of_the_places_is_claimed(rows: int, cols: int, count: int) -> None:
    _, one = opened(Votes(), ramp(rows, cols) + 0.1)
    last = rows * cols - np.arange(count) - 1
    assert leading_places(one, 5.5, AB) == [divmod(int(i), cols) for i in last]


def test_places_speak_for_the_side_that_is_ahead() -> None:
    _, one = opened(Votes(), ramp(4, 10), BA)
    assert leading_places(one, -5.0, BA) == [(3, 9), (3, 8)]
    assert leading_places(one, 5.0, BA) == []  # all places speak for the other
    _, one = opened(Votes(), torch.zeros(1, 1, 4, 10))
    assert leading_places(one, 0.0, AB) == []


def test_the_margin_without_places_by_hand() -> None:
    x = ramp(4, 10)
    tail, one = opened(Votes(), x)
    found = check_places(tail, one, AB, [(3, 9), (3, 8)])
    values = x.view(-1).numpy()
    assert found.before == pytest.approx(5.5 * values.sum(), rel=1e-5)
    assert found.effect == pytest.approx(5.5 * (values[39] + values[38]), rel=1e-5)
    assert found.without == pytest.approx(found.before - found.effect, rel=1e-5)
    assert found.places == ((3, 9), (3, 8))
    possible = 5.5 * np.add.outer(values[:38], values[:38])
    for control in (found.random, found.equal):
        assert control is not None
        assert len(control.margins) == 20
        for margin in control.margins:
            assert np.abs(possible - (found.before - margin)).min() < 1e-3
    assert found.equal is not None
    assert found.random is not None
    assert found.equal.moved > found.random.moved  # as active: nearly as strong
    assert found.equal.fair


def test_the_same_seed_draws_the_same_places() -> None:
    tail, one = opened(Votes(), ramp(4, 10))
    first, same, other = (
        check_places(tail, one, AB, [(3, 9)], seed=seed) for seed in (1, 1, 2)
    )  # fmt: skip
    assert first == same
    assert first.random != other.random


def test_a_single_place_has_no_others_to_compare_with() -> None:
    tail, one = opened(Votes(), ONE)
    found = check_places(tail, one, AB, [(0, 0)])
    assert (found.without, found.random, found.equal) == (0.0, None, None)
    assert found.verdict == "no fair control"


# ---- against the norm ----


def test_the_norm_is_the_mean_over_places_and_pictures() -> None:
    net = classifier(Votes(), (1, 2, 2))
    layer = find_layer(net, "relu")
    first, second = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    first[0, 0, 0, 0] = 2  # mean .5
    found = norm_of(net, layer, [first, second])
    assert found is not None
    assert found.pictures == 2
    np.testing.assert_allclose(found.mean, 0.75 * np.array([5, 4, 3, 2, 1.5, 0]), rtol=1e-6)
    many = norm_of(net, layer, [second] * NORM + [100 * second])
    assert many is not None
    assert many.pictures == NORM
    np.testing.assert_allclose(many.mean, [5, 4, 3, 2, 1.5, 0], rtol=1e-6)
    assert norm_of(net, layer, []) is None


def test_how_many_times_as_strongly() -> None:
    norm = Norm(np.array([1, 0.5, 2, 0, -4, 1e-7, 1, 0], np.float32), 3)
    here = np.array([4, 0.25, 0, 3, -2, 1, -1, 0], np.float32)
    assert times(here, norm) == [4.0, 0.5, 0.0, None, 0.5, None, None, None]
    assert times(here, None) == [None] * 8
    assert times(here[:2], Norm(np.zeros(2, np.float32), 1)) == [None, None]


# ---- Grace Hopper ----


@pytest.fixture(scope="module")
def squeeze() -> Classifier:
    return load("squeezenet1_1")


def test_the_claim_about_grace_hopper(squeeze: Classifier) -> None:
    first = samples().pictures[0]
    x = squeeze.tensor(squeeze.pixels(first.decode(min_side=squeeze.resize)))
    names = squeeze.categories.names
    tail = Tail(squeeze.module, "features.12", x)
    target = default_target(tail.logits, true=squeeze.categories.index_of_label(first.label))
    assert (names[target.a], names[target.rather_than]) == ("bow tie", "military uniform")
    one = attribute(squeeze, x, ["features.12"], target).layers["features.12"]
    channels = list(claimed(tail, one, target).channels)
    assert FEWEST <= len(channels) <= MOST
    found = check(tail, one, target, channels=channels, flip=False)
    assert found.confirmed
    assert found.without == pytest.approx(removed(squeeze, x, target, channels=channels), abs=1e-3)
    assert found.measured > 2
    places = leading_places(one, found.before, target)
    assert len(places) == 8  # of 13 x 13
    spots = check_places(tail, one, target, places)
    assert spots.without == pytest.approx(removed(squeeze, x, target, places=places), abs=1e-3)
    assert spots.verdict == "confirmed"
    assert {row for row, _ in places} & set(range(5, 12))  # about her collar, not in a corner
    norm = norm_of(squeeze, one.layer, [x])
    ratios = times(one.activation.mean(1), norm)
    assert all(r is None or r == pytest.approx(1.0, rel=1e-3) for r in ratios)
    assert all(ratios[c] is not None for c in channels)


def removed(
    net: Classifier, x: Tensor, target: Target, *, channels: list[int] | None = None,
    places: list[tuple[int, int]] | None = None,
) -> float:  # fmt: skip
    """The margin by a plain hook."""

    def drop(_module: nn.Module, _given: object, out: Tensor) -> Tensor:
        kept = out.clone()
        if channels is not None:
            kept[:, channels] = 0
        for row, col in places or ():
            kept[:, :, row, col] = 0
        return kept

    handle = net.module.get_submodule("features.12").register_forward_hook(drop)
    try:
        with torch.no_grad():
            return float(target.margin(net.module(x))[0])
    finally:
        handle.remove()
