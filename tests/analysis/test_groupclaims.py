"""Groups in a claim and on faders, on networks whose groups can be worked out by hand."""

import numpy as np
import pytest
import torch

from analysis.attribution import LayerEffect, Target, attribute
from analysis.faders import GroupFade, cost, faded
from analysis.groupchecks import claimed_groups
from analysis.groups import Groups, find_groups
from analysis.tail import Tail
from cache.errors import UserError
from tests.toys import Patterns, classifier

AB, BA = Target(0, 1), Target(1, 0)


def pictured(red: list[list[float]], green: list[list[float]]) -> torch.Tensor:
    """(1, 2, 2, 2)."""
    return torch.tensor([[red, green]])


RED_AND_GREEN = pictured([[1.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]])


def patterned(target: Target = AB) -> tuple[Tail, LayerEffect, Groups]:
    """Red on the left, green at the right top: group 0 is red (2, 1, 0, 0), group 1 green
    (0, 0, 1, -3); logits 9 and -2."""
    net = classifier(Patterns(), (2, 2, 2))
    one = attribute(net, RED_AND_GREEN, ["conv"], target).layers["conv"]
    tail = Tail(net.module, "conv", RED_AND_GREEN)
    return tail, one, find_groups(one.layer, one.activation, count=2)


# ---- the claim ----


def test_as_few_groups_as_carry_it_and_leave_as_much_to_compare_with() -> None:
    tail, one, groups = patterned()
    # group 0 gives 9 of 11, group 1 the other 2; of the activation, 9 and 4 of 13
    assert claimed_groups(tail, groups, one, AB) == [0]
    tail, one, groups = patterned(BA)
    assert claimed_groups(tail, groups, one, BA) == [0]  # the other way round the same


def test_no_group_is_claimed_where_none_speaks_for_it() -> None:
    tail, one, groups = patterned()
    silent = LayerEffect(one.layer, one.activation, 0 * one.gradient)
    assert claimed_groups(tail, groups, silent, AB) == []


# ---- the same groups on another picture ----


def test_groups_are_found_again_in_another_picture() -> None:
    _, one, groups = patterned()
    other = pictured([[0.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]])
    net = classifier(Patterns(), (2, 2, 2))
    there = groups.on(attribute(net, other, ["conv"], AB).layers["conv"].activation)
    # at their strongest on their own picture red is 2 and green 1
    np.testing.assert_allclose(there.spatial[0], [[0, 0], [0, 2]], atol=0.02)
    np.testing.assert_allclose(there.spatial[1], [[1, 0], [0, 0]], atol=0.02)
    assert there.explained == pytest.approx(1, abs=1e-3)
    own = groups.on(one.activation)
    np.testing.assert_allclose(own.spatial, groups.spatial, atol=0.02)
    empty = groups.on(np.zeros_like(one.activation))
    assert not empty.spatial.any()


# ---- faders ----


def test_a_groups_fader_by_hand() -> None:
    tail, one, groups = patterned()
    before, now = faded(tail, one.layer, {}, AB, groups=GroupFade(groups, {1: 0.0, 0: 2.0}))
    assert before.logits == pytest.approx((9, -2), abs=0.05)
    assert now.logits == pytest.approx((18, 0), abs=0.1)
    both = faded(tail, one.layer, {3: 0.0}, AB, groups=GroupFade(groups, {1: 2.0}))[1]
    assert both.logits == pytest.approx((9, 2), abs=0.05)  # neuron 2 twice, neuron 3 not at all


@pytest.mark.parametrize("wrong", [{2: 1.0}, {0: 2.5}, dict.fromkeys(range(17), 1.0)])
def test_group_faders_that_make_no_sense_are_refused(wrong: dict[int, float]) -> None:
    _, _, groups = patterned()
    with pytest.raises(UserError):
        GroupFade(groups, wrong).keep()


def test_in_other_pictures_only_what_looks_like_the_group_is_faded() -> None:
    _, one, groups = patterned()
    alone = find_groups(one.layer, one.activation * (np.arange(4) < 2)[:, None], count=1)  # red
    other = np.array([[2, 1, 1, -3], [0, 0, 1, -3]], np.float32).T  # red and green; green alone
    keep = GroupFade(alone, {0: 0.0}).keep_on(np.repeat(other, 2, 1))
    np.testing.assert_allclose(keep[:, 0], [0, 0, 1, 1], atol=0.02)
    np.testing.assert_allclose(keep[:, 2], [1, 1, 1, 1], atol=0.02)
    assert len(groups) == 2


def test_what_a_groups_fader_costs_is_counted_in_every_picture() -> None:
    _, one, groups = patterned()
    net = classifier(Patterns(), (2, 2, 2))
    red = np.zeros((2, 2, 2), np.uint8)
    red[..., 0] = 255
    shots = [(red, 0), (red, 0), (red, 1)]
    (without,) = cost(net, one.layer, {}, shots, AB, groups=GroupFade(groups, {0: 0.0}))
    assert (without.right, without.pictures) == ((2, 2), 3)  # 0 and 0: the first class is named
    (kept,) = cost(net, one.layer, {}, shots, AB, groups=GroupFade(groups, {1: 0.0}))
    assert kept.right == (2, 2)
