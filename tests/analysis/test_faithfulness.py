"""Checks against networks whose every removal can be worked out, and the promise on photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from analysis import images, photos
from analysis.ablation import logits_of, without
from analysis.attribution import LayerEffect, Target, attribute, default_target
from analysis.controls import Control, Drawn, draw_equal, draw_random, summary
from analysis.faithfulness import Check, carriers, check, judged
from analysis.flips import Removals
from analysis.groupchecks import check_groups, without_groups
from analysis.groups import Groups, find_groups
from analysis.layers import find_layer, ladder, to_positions
from analysis.models import Classifier, load
from analysis.tail import Tail
from benchmarks.faithfulness import pictures
from cache.errors import UserError
from tests.toys import ChannelsLast, Patterns, Tokens, TwoNeurons, Votes, classifier

AB = Target(0, 1)


def opened(
    net: Classifier, x: torch.Tensor, layer: str, target: Target
) -> tuple[Tail, LayerEffect]:
    return Tail(net.module, layer, x), attribute(net, x, [layer], target).layers[layer]


def votes(target: Target = AB) -> tuple[Tail, LayerEffect]:
    return opened(classifier(Votes(), (1, 1, 1)), torch.ones(1, 1, 1, 1), "relu", target)


# ---- what is removed, by hand ----


def test_the_margin_without_neurons() -> None:
    tail, one = votes()
    found = check(tail, one, AB, channels=[0])
    assert (found.before, found.without) == pytest.approx((5.5, 0.5))
    assert found.measured == found.effect == pytest.approx(5.0)
    assert (found.answer_before, found.answer_without) == (0, 0)
    assert check(tail, one, AB, channels=[0, 2]).answer_without == 1


def test_the_top_neurons_are_those_that_carry_the_margin() -> None:
    tail, one = votes()
    assert check(tail, one, AB).channels == (0,)  # 5 % of six, at least one
    assert check(tail, one, AB, top=2).channels == (0, 2)
    assert check(tail, one, AB, top=9).channels == (0, 2, 4)  # no more speak for it


def test_the_other_way_round_the_same_neurons_carry_it() -> None:
    tail, one = votes(Target(1, 0))
    found = check(tail, one, Target(1, 0), top=2)
    assert (found.channels, found.before, found.without) == ((0, 2), -5.5, 2.5)
    assert carriers(one, -5.5, Target(1, 0)) == [0, 2, 4]
    assert found.reversal is not None
    assert found.reversal.channels == (0, 2)


def test_the_smallest_set_that_flips_the_answer() -> None:
    tail, one = votes()
    found = check(tail, one, AB, channels=[4])
    assert found.flip == found.reversal
    assert found.flip is not None
    assert (found.flip.count, found.flip.channels, found.flip.answer) == (2, (0, 2), 1)
    assert found.flip.margin == pytest.approx(-2.5)
    assert check(tail, one, AB, flip=False).flip is None


def test_what_cannot_be_flipped_is_said_to_be_so() -> None:
    x = torch.tensor([[[[1.0]]]])
    tail, one = opened(classifier(TwoNeurons(), (1, 1, 1)), x, "conv", AB)
    found = check(tail, one, AB, channels=[0])
    assert found.without == pytest.approx(0.0)  # a draw, so the margin has turned
    assert found.reversal is not None
    assert found.flip is None  # at equal logits the first class is still the answer
    single = check(tail, one, Target(1), channels=[0])
    assert (single.flip, single.reversal) == (None, None)


def test_at_one_place_only() -> None:
    x = torch.tensor([[[[1.0, 0.5]]]])
    tail, one = opened(classifier(TwoNeurons(), (1, 1, 2)), x, "relu", AB)
    found = check(tail, one, AB, channels=[0], place=(0, 1))
    assert (found.before, found.without) == pytest.approx((1.5, 1.0))
    assert found.effect == pytest.approx(0.5)
    assert check(tail, one, AB, channels=[0, 1], place=(0, 1)).without == pytest.approx(1.5)


def test_negative_activations_are_removed_like_any() -> None:
    x = torch.tensor([[[[1.0]], [[1.0]]]])
    tail, one = opened(classifier(Patterns(), (2, 1, 1)), x, "conv", AB)
    found = check(tail, one, AB, channels=[3])
    assert (found.before, found.without, found.effect) == pytest.approx((5.0, 2.0, 3.0))


@pytest.mark.parametrize("layer", ["patch", "mix", "block"])
def test_tokens(layer: str) -> None:
    """Channel 0 makes logit 0: as much of it is lost as its effect says, extra token included."""
    x = torch.arange(16.0).view(1, 1, 4, 4) / 16
    tail, one = opened(classifier(Tokens(), (1, 4, 4)), x, layer, Target(0))
    found = check(tail, one, Target(0), channels=[0])
    assert found.effect > 0.1
    assert found.measured == pytest.approx(found.effect, rel=1e-5)


def test_channels_last() -> None:
    tail, one = opened(
        classifier(ChannelsLast(), (1, 1, 2)), torch.tensor([[[[1.0, 2.0]]]]), "act", Target(1, 0)
    )
    found = check(tail, one, Target(1, 0), channels=[3])
    assert found.measured == pytest.approx(3.0)
    assert check(tail, one, Target(1, 0), channels=[3], place=(0, 0)).measured == pytest.approx(1.0)


def test_many_removals_do_not_depend_on_their_batch() -> None:
    tail, one = votes()
    keeps = [without(one.layer, [i % 6, i // 6 % 6]) for i in range(70)]
    together = logits_of(tail, one.layer, keeps)
    alone = np.concatenate([logits_of(tail, one.layer, [keep]) for keep in keeps])
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_what_is_not_there_cannot_be_removed() -> None:
    tail, one = votes()
    for wrong in ({"channels": [6]}, {"channels": [-1]}, {"top": 0}, {"place": (0, 1)}):
        with pytest.raises(UserError):
            check(tail, one, AB, **wrong)


# ---- controls ----


def test_controls_are_of_the_others_and_measured() -> None:
    tail, one = votes()
    found = check(tail, one, AB, channels=[0], draws=50)
    alone = {round(5.5 - e, 4) for e in (-4.0, 3.0, 0.0, 1.5, 0.0)}
    assert found.random is not None
    assert {round(m, 4) for m in found.random.margins} == alone
    assert found.random.mean == pytest.approx(np.mean(found.random.margins))
    assert found.random.sd == pytest.approx(np.std(found.random.margins, ddof=1))
    assert found.random.moved == pytest.approx(
        np.mean(np.abs(np.subtract(found.random.margins, 5.5)))
    )


def test_the_same_seed_draws_the_same_controls() -> None:
    tail, one = votes()
    assert check(tail, one, AB, seed=3) == check(tail, one, AB, seed=3)
    assert check(tail, one, AB, seed=3).random != check(tail, one, AB, seed=4).random


def test_too_few_others() -> None:
    tail, one = votes()
    found = check(tail, one, AB, channels=[0, 1, 2, 3])
    assert (found.random, found.equal, found.confirmed) == (None, None, False)


def test_equally_active_others_are_equally_active() -> None:
    rng = np.random.default_rng(0)
    activity = np.exp(rng.normal(size=400)).astype(np.float32)
    middle = np.argsort(activity)[180:220:4]
    for drawn in draw_equal(middle.tolist(), activity, 30, rng):
        assert len(set(drawn.channels.tolist())) == len(middle)
        assert not set(drawn.channels.tolist()) & set(middle.tolist())
        assert drawn.match == pytest.approx(1.0, abs=0.1)
        assert drawn.unmatched == 0
    random = draw_random(middle.tolist(), activity, 30, rng)
    assert np.mean([d.unmatched for d in random]) > 5


def test_a_neuron_without_an_equal_is_reported() -> None:
    activity = np.full(50, 1.0, np.float32)
    activity[7] = 100.0
    for drawn in draw_equal([7, 8], activity, 5, np.random.default_rng(0)):
        assert drawn.unmatched == 1
        assert drawn.match == pytest.approx(2 / 101)


def test_silent_neurons_are_matched_with_silent_ones() -> None:
    activity = np.array([0, 0, 0, 0, 0, 0, 5, 6, 7, 8], np.float32)
    for drawn in draw_equal([0], activity, 20, np.random.default_rng(0)):
        assert activity[drawn.channels[0]] == 0
        assert (drawn.match, drawn.unmatched) == (1.0, 0)


def test_confirmed_needs_direction_and_distance() -> None:
    control = Control(5.0, 0.1, 0.5, 1.0, 0.0, (5.1, 4.9, 5.0), fair=True)
    assert judged(3.0, 2.0, 5.5, control, None) == "confirmed"
    assert judged(3.0, -2.0, 5.5, control, None) == "not confirmed"
    assert judged(0.6, 2.0, 5.5, control, None) == "not confirmed"


def test_without_a_fair_control_nothing_is_confirmed() -> None:
    weak = Control(5.0, 0.1, 0.5, 0.6, 0.0, (5.1, 4.9, 5.0), fair=False)
    assert judged(3.0, 2.0, 5.5, weak, None) == "no fair control"
    assert judged(3.0, 2.0, 5.5, None, weak) == "no fair control"
    assert judged(3.0, 2.0, 5.5, None, None) == "no fair control"
    assert judged(0.6, 2.0, 5.5, weak, None) == "not confirmed"  # random others do as much
    assert judged(3.0, -2.0, 5.5, None, None) == "not confirmed"


@pytest.mark.parametrize(
    ("matches", "unmatched", "fair"),
    [((1.0, 0.9), (0, 1), True), ((0.7, 0.75), (0, 0), False), ((1.0, 1.0), (2, 1), False)],
)
def test_a_control_is_fair_where_most_have_an_equal(
    matches: tuple[float, float], unmatched: tuple[int, int], fair: bool
) -> None:
    draws = [Drawn(np.array([1, 2]), m, u) for m, u in zip(matches, unmatched, strict=True)]
    found = summary(draws, np.array([1.0, 2.0]), 3.0)
    assert found is not None
    assert found.fair is fair


# ---- the smallest set ----


@pytest.mark.parametrize("wanted", [1, 2, 7, 8, 9, 10, 15, 16, 33, 77, 120, 121, None])
def test_the_smallest_count_is_found_exactly(wanted: int | None) -> None:
    """Where the rule holds from one count on, that count is found, each count run at most once."""
    net = classifier(Votes(), (1, 1, 1))
    layer, tail = find_layer(net, "relu"), Tail(net.module, "relu", torch.ones(1, 1, 1, 1))
    asked: list[int] = []

    def keep(part: list[int]) -> np.ndarray:
        asked.append(len(part))
        return np.full((6, 1), len(part), np.float32)  # logits grow with the count: 9.5 k

    removals = Removals(tail, layer, list(range(121)), keep)
    bound = 9.5 * (wanted or 1000) - 1
    assert removals.smallest(lambda logits: float(logits[0]) > bound) == wanted
    assert len(asked) == len(set(asked)) < 50


# ---- groups ----


def patterned() -> tuple[Tail, LayerEffect, Groups]:
    """Red on the left column, green at the right top: two groups that do not overlap."""
    x = torch.zeros(1, 2, 2, 2)
    x[0, 0, :, 0] = torch.tensor([1.0, 2.0])
    x[0, 1, 0, 1] = 1.0
    tail, one = opened(classifier(Patterns(), (2, 2, 2)), x, "conv", AB)
    return tail, one, find_groups(one.layer, one.activation, count=2)


def test_groups_find_the_patterns_that_are_there() -> None:
    _, one, groups = patterned()
    assert groups.explained == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(groups.spatial[0], [[0.5, 0], [1, 0]], atol=0.02)
    np.testing.assert_allclose(groups.spatial[1], [[0, 1], [0, 0]], atol=0.02)
    np.testing.assert_allclose(groups.channels, [[4, 2, 0, 0], [0, 0, 1, -3]], atol=0.05)
    np.testing.assert_allclose(groups.effects(one), [9.0, 2.0], atol=0.05)


def test_a_group_taken_away_is_measured() -> None:
    tail, one, groups = patterned()
    found = check_groups(tail, groups, one, AB, [1])
    assert (found.before, found.without) == pytest.approx((11.0, 9.0), abs=0.05)
    np.testing.assert_allclose(without_groups(tail, groups, [0, 1]), [0, 0], atol=0.05)
    assert found.equal is not None
    assert 0 < found.equal.match <= 1 + 1e-6


def test_groups_divide_the_activation_between_them() -> None:
    net = load("squeezenet1_1", device="cpu")
    x = net.probe()
    one = attribute(net, x, ["features.9"], AB).layers["features.9"]
    groups = find_groups(one.layer, one.activation)
    assert len(groups) == 6
    shares = sum(groups.shares)
    owned = shares > 0
    np.testing.assert_allclose(shares[owned], 1, atol=1e-4)
    np.testing.assert_allclose(
        groups.effects(one).sum(), one.effect[owned].sum(), atol=1e-3 * np.abs(one.effect).sum()
    )
    again = find_groups(one.layer, one.activation)
    np.testing.assert_array_equal(groups.spatial, again.spatial)


def test_a_layer_where_nothing_is_active_has_no_groups() -> None:
    layer = find_layer(classifier(Patterns(), (2, 2, 2)), "conv")
    assert len(find_groups(layer, np.zeros((4, 4), np.float32))) == 0
    with pytest.raises(UserError):
        find_groups(layer, np.zeros((4, 4), np.float32)).share([0])


def test_a_layer_without_places_has_no_groups() -> None:
    layer = find_layer(classifier(Patterns(), (2, 2, 2)), "pool")
    with pytest.raises(UserError, match="no grid"):
        find_groups(layer, np.ones((4, 1), np.float32))


# ---- photographs ----


def test_grace_hopper_says_bow_tie_rather_than_military_uniform() -> None:
    """DESIGN.md: margin about 6; without 25 of the 512 neurons about -6.6."""
    net = load("squeezenet1_1", device="cpu")
    hopper = photos.samples().pictures[0]
    x = net.tensor(net.pixels(images.decode(hopper.read(), min_side=net.resize)))
    target = Target(net.categories.find("bow tie"), net.categories.find("military uniform"))
    tail, one = opened(net, x, "features.12", target)
    found = check(tail, one, target, top=25)
    assert found.before == pytest.approx(6.1, abs=0.3)
    assert found.without == pytest.approx(-6.6, abs=0.5)
    assert found.answer_without == target.rather_than
    assert found.equal is not None
    assert found.equal.match == pytest.approx(1, abs=0.1)
    assert found.confirmed


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize(
    "where", ["squeezenet1_1 features.9", "bvlc_googlenet.py:load inception4c"]
)
def test_the_top_neurons_move_the_margin_further(shared: Path, where: str) -> None:
    """At least 8 times as far as random ones and 4 times as far as equally active ones."""
    name, layer = where.split()
    net = load(name if ":" not in name else str(shared / "models" / name), device="cpu")
    checks: list[Check] = []
    for path, true in pictures(shared / "photos" / "imagenet-sample", 16):
        x = net.tensor(net.pixels(images.decode(path, min_side=net.resize)))
        target = default_target(net.module(x), true=true)
        tail, one = opened(net, x, layer, target)
        checks.append(check(tail, one, target, draws=10, flip=False))
    moved = np.mean([abs(c.measured) for c in checks])
    assert moved > 8 * np.mean([c.random.moved for c in checks if c.random])
    assert moved > 4 * np.mean([c.equal.moved for c in checks if c.equal])
    assert np.mean([c.equal.match for c in checks if c.equal]) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "alexnet", "googlenet", "vit_b_16", "efficientnet_lite0"]
)
def test_every_kind_of_network_is_checked_from_edges_to_objects(name: str) -> None:
    if name == "efficientnet_lite0":
        pytest.importorskip("timm")
    trained = name == "efficientnet_lite0"
    net = load(name, weights=None if trained else "random", device="cpu")
    x = net.probe()
    names = [layer.name for layer in ladder(net, 3)]
    found = attribute(net, x, names)
    assert len(names) == 3
    for one in found.layers.values():
        tail = Tail(net.module, one.layer.name, x)
        there = to_positions(tail.activation, one.layer)[0].numpy()
        np.testing.assert_allclose(there, one.activation, rtol=1e-4, atol=1e-4)
        checked = check(tail, one, found.target, draws=3, flip=False)
        assert checked.before == pytest.approx(found.margin, rel=1e-3, abs=1e-4)
        assert checked.random is not None
        assert checked.equal is not None
        assert checked.channels
        groups = find_groups(one.layer, one.activation, count=3)
        assert len(groups) == 3
        by_group = check_groups(tail, groups, one, found.target, [0], draws=2, flip=False)
        assert np.isfinite(by_group.without)
