"""Neurons chosen in turn: the effects are worked out anew once the strongest are gone.

Gradient x activation tells of each neuron what it does while all the others are there. Where
neurons stand in for each other, as they do in a network's first layers, the strongest few together
do not make the strongest few-fold: those that matter once the first are gone are missed, and what
the set costs is told wrong. Taking away some at a time, with a new gradient each time, follows the
way from the whole activation to the one without them; the effects, each of its own turn, are a
Riemann sum of the margin's change along it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.ablation import without
from analysis.attribution import Array, Target, as_array
from analysis.flips import leading
from analysis.layers import Layer, from_positions, to_positions
from analysis.tail import Tail

ROUNDS = 6
"""Gradients that are worked out, at most: each costs about as much as three removals."""


@dataclass(frozen=True)
class InTurn:
    """Neurons in the order in which they were chosen, and the effect of each at its turn (logits of
    the margin: positive where the neuron speaks for class ``a``)."""

    channels: tuple[int, ...]
    effects: tuple[float, ...]

    @property
    def effect(self) -> float:
        """What the set gives the margin, as attributed."""
        return float(sum(self.effects))


def in_turn(
    tail: Tail, layer: Layer, target: Target, count: int, *, rounds: int = ROUNDS
) -> InTurn:
    """Up to ``count`` neurons that carry the margin, chosen in so many rounds; fewer where no more
    speak for the side that is ahead."""
    side = leading(float(target.margin(tail.logits)[0]), target)
    chosen: list[int] = []
    effects: list[float] = []
    rounds = min(rounds, count)
    for turn in range(rounds):
        most = -(-(count - len(chosen)) // (rounds - turn))
        effect = _without_effect(tail, layer, target, chosen)
        order = [int(c) for c in (-effect * side).argsort(kind="stable")[:most]]
        some = [c for c in order if effect[c] * side > 0]
        chosen += some
        effects += [float(effect[c]) for c in some]
        if len(some) < most:
            break
    return InTurn(tuple(chosen), tuple(effects))


def _without_effect(tail: Tail, layer: Layer, target: Target, gone: Sequence[int]) -> Array:
    """(C,): gradient x activation of each neuron while some are gone; 0 for those."""
    raw = tail.activation
    keep = torch.from_numpy(without(layer, gone)[None]).to(raw)
    h: Tensor = from_positions(to_positions(raw, layer) * keep, layer, like=raw).requires_grad_()
    with torch.enable_grad():
        margin = target.margin(tail(h)).sum()
    (gradient,) = torch.autograd.grad(margin, h, materialize_grads=True, allow_unused=True)
    total: Array = as_array(gradient * h.detach(), layer).sum(1)
    return total
