"""Neurons chosen in turn, on networks whose every removal can be worked out."""

import pytest
import torch
from torch import Tensor, nn

from analysis.attribution import LayerEffect, Target, attribute
from analysis.faithfulness import carriers, check
from analysis.layers import find_layer
from analysis.tail import Tail
from analysis.turns import InTurn, chosen, in_turn
from tests.toys import Votes, classifier, one_by_one

AB = Target(0, 1)


class StandIn(nn.Module):
    """Neurons (4, 3, 1) times the pixel (or another ``second``); class 0's logit is the larger of
    the first two plus the third, class 1's is nothing: neuron 1 stands in for neuron 0 once that is
    gone."""

    def __init__(self, second: float = 3.0) -> None:
        super().__init__()
        self.conv = one_by_one([[4.0], [second], [1.0]])
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.conv(x)).flatten(1)
        first = torch.maximum(h[:, 0], h[:, 1]) + h[:, 2]
        return torch.stack([first, 0 * first], 1)


def stand_in() -> tuple[Tail, torch.Tensor]:
    x = torch.ones(1, 1, 1, 1)
    return Tail(classifier(StandIn(), (1, 1, 1)).module, "relu", x), x


def test_what_stands_in_is_found_once_the_first_is_gone() -> None:
    net = classifier(StandIn(), (1, 1, 1))
    tail, x = stand_in()
    layer = find_layer(net, "relu")
    one = attribute(net, x, ["relu"], AB).layers["relu"]
    plain = carriers(one, 5.0, AB)[:2]
    found = in_turn(tail, layer, AB, 2)
    assert plain == [0, 2]  # neuron 1 has no gradient while 0 is there
    assert (found.channels, found.effects) == ((0, 1), (4, 3))
    assert check(tail, one, AB, channels=plain).measured == pytest.approx(2)
    assert check(tail, one, AB, channels=found.channels).measured == pytest.approx(4)
    assert in_turn(tail, layer, AB, 2, rounds=1).channels == (0, 2)


def test_where_all_adds_up_turns_change_nothing() -> None:
    net, x = classifier(Votes(), (1, 1, 1)), torch.ones(1, 1, 1, 1)
    tail, layer = Tail(net.module, "relu", x), find_layer(net, "relu")
    assert in_turn(tail, layer, AB, 2).channels == (0, 2)
    assert in_turn(tail, layer, AB, 9).channels == (0, 2, 4)  # no more speak for it
    back = in_turn(tail, layer, Target(1, 0), 2)  # the other class leads: its neurons
    assert (back.channels, back.effect) == ((0, 2), pytest.approx(-8))
    assert in_turn(tail, layer, AB, 0).channels == ()


def opened(module: nn.Module) -> tuple[Tail, LayerEffect]:
    net, x = classifier(module, (1, 1, 1)), torch.ones(1, 1, 1, 1)
    return Tail(net.module, "relu", x), attribute(net, x, ["relu"], AB).layers["relu"]


def test_no_more_than_turn_the_margin_round() -> None:
    tail, one = opened(Votes())  # margin 5.5; effects 5, -4, 3, 0, 1.5, 0
    assert in_turn(tail, one.layer, AB, 6, least=1).channels == (0, 2)
    found = in_turn(tail, one.layer, AB, 6, least=3)
    assert (found.channels, found.gradients) == ((0, 2, 4), 3)


def test_the_choice_that_moves_the_margin_further_is_taken() -> None:
    assert chosen(*opened(StandIn()), AB, 2) == InTurn((0, 1), (4, 3), 2)
    # in turn 4.1 - 1.1 + 1.1 = 4 where one gradient moves it by 3.9: hardly further
    assert chosen(*opened(StandIn(1.1)), AB, 2) == InTurn((0, 2), (4, 1))
    assert chosen(*opened(Votes()), AB, 2) == InTurn((0, 2), (5, 3))  # both are the same
    assert chosen(*opened(Votes()), AB, 0) == InTurn((), ())


def test_of_two_choices_that_turn_it_the_one_with_fewer_is_taken() -> None:
    class Behind(StandIn):
        """Class 1 has 1.5: the margin is 3.5. Without 0 and 2 it is 1.5, without 0 and 1 -.5."""

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + torch.tensor([[0.0, 1.5]])

    found = chosen(*opened(Behind()), AB, 3, least=1)
    assert (found.channels, found.gradients) == ((0, 1), 2)


def test_a_part_of_a_choice_keeps_the_effects_of_its_turns() -> None:
    whole = InTurn((7, 3, 5), (4.0, 2.0, 1.0), 3)
    assert whole.only([5, 7, 9]) == InTurn((7, 5), (4.0, 1.0), 3)
    assert (whole.effect, whole.only([]).effect) == (7.0, 0.0)
