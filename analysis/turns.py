"""Neurons chosen in turn: the effects are worked out anew once the strongest are gone.

Gradient x activation tells of each neuron what it does while all the others are there. Where
neurons stand in for each other, as they do in a network's first layers, the strongest few together
do not make the strongest few-fold: those that matter once the first are gone are missed, and what
the set costs is told wrong. Taking away some at a time, with a new gradient each time, follows the
way from the whole activation to the one without them; the effects, each of its own turn, are a
Riemann sum of the margin's change along it.

Neither choice is always the better one, so `chosen` measures both and takes the one without which
the margin moves further.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.ablation import logits_of, without
from analysis.attribution import Array, LayerEffect, Target, as_array
from analysis.flips import leading, margins_of
from analysis.layers import Layer, from_positions, to_positions
from analysis.tail import Tail

FURTHER = 1.05
"""Neurons chosen in turn are told harder: they must move the margin so much further to be taken."""
ROUNDS = 6
"""Gradients that are worked out, at most: each costs about as much as three removals."""


@dataclass(frozen=True)
class InTurn:
    """Neurons in the order in which they were chosen, and the effect of each at its turn (logits of
    the margin: positive where the neuron speaks for class ``a``). ``gradients``: so many were
    worked out; of one alone the effects are the usual ones."""

    channels: tuple[int, ...]
    effects: tuple[float, ...]
    gradients: int = 1

    @property
    def effect(self) -> float:
        """What the set gives the margin, as attributed."""
        return float(sum(self.effects))

    def only(self, channels: Iterable[int]) -> "InTurn":
        """The same without the neurons that are not among these."""
        some = set(channels)
        kept = [(c, e) for c, e in zip(self.channels, self.effects, strict=True) if c in some]
        return InTurn(tuple(c for c, _ in kept), tuple(e for _, e in kept), self.gradients)


def in_turn(
    tail: Tail, layer: Layer, target: Target, count: int, *, rounds: int = ROUNDS,
    least: int | None = None,
) -> InTurn:  # fmt: skip
    """Up to ``count`` neurons that carry the margin, chosen in so many rounds; fewer where no more
    speak for the side that is ahead, or where ``least`` or more already turn the margin round."""
    before = float(target.margin(tail.logits)[0])
    side, gradients = leading(before, target), 0
    chosen: list[int] = []
    effects: list[float] = []
    rounds = min(rounds, count)
    for turn in range(rounds):
        most = -(-(count - len(chosen)) // (rounds - turn))
        effect, margin = _without_effect(tail, layer, target, chosen)
        if least is not None and len(chosen) >= least and margin * before <= 0:
            break
        gradients += 1
        order = [int(c) for c in (-effect * side).argsort(kind="stable")[:most]]
        some = [c for c in order if effect[c] * side > 0]
        chosen += some
        effects += [float(effect[c]) for c in some]
        if len(some) < most:
            break
    return InTurn(tuple(chosen), tuple(effects), max(1, gradients))


def chosen(
    tail: Tail, one: LayerEffect, target: Target, count: int, *, least: int | None = None
) -> InTurn:
    """Up to ``count`` neurons that carry the margin: by one gradient or in turn, whichever moves it
    (clearly) further, measured. With ``least`` as few as turn it round, so many at least: then
    whichever needs fewer.
    """
    before = float(target.margin(tail.logits)[0])
    side = leading(before, target)
    effect = one.per_channel * side
    order = [int(c) for c in (-effect).argsort(kind="stable")[:count] if effect[c] > 0]
    turns = in_turn(tail, one.layer, target, count, least=least)
    sizes = list(range(len(order) if least is None else min(least, len(order)), len(order) + 1))
    sets = [*(order[:k] for k in sizes), list(turns.channels)]
    logits = logits_of(tail, one.layer, (without(one.layer, some) for some in sets))
    *margins, last = (float(m) for m in margins_of(target, logits))
    at = next((i for i, m in enumerate(margins) if m * before <= 0), len(margins) - 1)
    plain = order[: sizes[at]]

    def worth(size: int, margin: float, part: float = 1) -> tuple[float, ...]:
        turned, moved = margin * before <= 0, (before - margin) * side * part
        return (moved,) if least is None else (turned, -size * turned, moved)

    if set(plain) != set(turns.channels) and (
        worth(len(turns.channels), last, 1 / FURTHER) > worth(len(plain), margins[at])
    ):
        return turns
    return InTurn(tuple(plain), tuple(float(one.per_channel[c]) for c in plain))


def _without_effect(
    tail: Tail, layer: Layer, target: Target, gone: Sequence[int]
) -> tuple[Array, float]:
    """(C,): gradient x activation of each neuron while some are gone, 0 for those; and the margin
    then."""
    raw = tail.activation
    keep = torch.from_numpy(without(layer, gone)[None]).to(raw)
    h: Tensor = from_positions(to_positions(raw, layer) * keep, layer, like=raw).requires_grad_()
    with torch.enable_grad():
        margin = target.margin(tail(h)).sum()
    (gradient,) = torch.autograd.grad(margin, h, materialize_grads=True, allow_unused=True)
    total: Array = as_array(gradient * h.detach(), layer).sum(1)
    return total, float(margin.detach())
