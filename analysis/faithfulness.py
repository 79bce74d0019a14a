"""Is an explanation true? Take away the neurons that it names and run the rest of the network.

Beside the measured change of the margin stand the change without as many random others and without
as many others that are equally active on this picture (the fair control), and the smallest set, in
order of effect, without which the network gives another answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from analysis.ablation import logits_of, without
from analysis.activations import checked_channel
from analysis.attribution import Array, LayerEffect, Target, position
from analysis.controls import Control, draw_equal, draw_random, summaries
from analysis.flips import Flip, leading, margins_of, turning_points
from analysis.layers import Layer, to_positions
from analysis.tail import Tail
from cache.errors import UserError

DRAWS = 20
SHARE = 0.05
"""The part of a layer's neurons that is removed where nothing else is asked for."""


Verdict = Literal["confirmed", "not confirmed", "no fair control"]


@dataclass(frozen=True)
class Shift:
    """A class whose probability the removal changed: logits and probabilities before and after."""

    index: int
    logits: tuple[float, float]
    probabilities: tuple[float, float]


@dataclass(frozen=True)
class Check:
    """A claim measured: margins in logits, ``effect`` as attributed, ``without - before`` as it is.

    ``random`` and ``equal`` are None where too few other neurons are left to draw. ``flip`` is
    the smallest set in order of effect that changes the network's answer, ``reversal`` the smallest
    that turns the margin round; None where no number of neurons does (or it was not asked for).
    """

    channels: tuple[int, ...]
    place: tuple[int, int] | None
    effect: float
    before: float
    without: float
    answer_before: int
    answer_without: int
    random: Control | None
    equal: Control | None
    flip: Flip | None
    reversal: Flip | None
    shifts: tuple[Shift, ...]

    @property
    def measured(self) -> float:
        """The measured effect: what the neurons really give the margin."""
        return self.before - self.without

    @property
    def verdict(self) -> Verdict:
        """Whether the removal moves the margin as attributed, and beyond the fair control."""
        return judged(self.measured, self.effect, self.before, self.equal, self.random)

    @property
    def confirmed(self) -> bool:
        """Nothing else may be called true."""
        return self.verdict == "confirmed"


def judged(
    measured: float, effect: float, before: float, equal: Control | None, random: Control | None
) -> Verdict:
    """The verdict on a claim. Where nothing else on this picture is as active, what random others
    do can refute a claim, but not confirm it."""
    if equal is not None and equal.fair:
        return "confirmed" if beyond(measured, effect, before, equal) else "not confirmed"
    held = beyond(measured, effect, before, equal or random) or (equal, random) == (None, None)
    return "no fair control" if held and measured * effect > 0 else "not confirmed"


def beyond(measured: float, effect: float, before: float, control: Control | None) -> bool:
    """In the direction of the effect, and further than two sd above the mean of the control.

    Both distances are counted from the margin before, whatever the direction of the control.
    """
    if control is None or measured * effect <= 0:
        return False
    moves = np.abs(np.asarray(control.margins) - before)
    spread = float(moves.std(ddof=1)) if len(moves) > 1 else 0.0
    return abs(measured) > float(moves.mean()) + 2 * spread


def carriers(
    one: LayerEffect, before: float, target: Target, *, place: tuple[int, int] | None = None
) -> list[int]:
    """The neurons that speak for the side that is ahead, strongest first.

    ``before`` is the margin: where it is negative the other class leads, and its neurons, those
    with a negative effect, carry it. Swapping the two classes gives the same neurons.
    """
    effect = one.at(place) * leading(before, target)
    return [int(c) for c in np.argsort(-effect, kind="stable") if effect[c] > 0]


def check(
    tail: Tail,
    one: LayerEffect,
    target: Target,
    *,
    channels: Sequence[int] | None = None,
    top: int | None = None,
    place: tuple[int, int] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    flip: bool = True,
) -> Check:
    """Removes neurons of one layer, on the whole picture or at one place, and measures the margin.

    Which: ``channels``, else the ``top`` ones that carry the margin (default: 5 % of the layer).
    The same seed draws the same controls. UserError for a neuron or place that is not there.
    """
    layer, before = one.layer, float(target.margin(tail.logits)[0])
    chosen = chosen_channels(one, before, target, channels=channels, top=top, place=place)
    column = None if place is None else position(layer, place)
    rng = np.random.default_rng(seed)
    activity = activity_of(tail, layer, column)
    random = draw_random(chosen, activity, draws, rng)
    equal = draw_equal(chosen, activity, draws, rng)
    sets = [chosen, *(d.channels.tolist() for d in [*random, *equal])]
    logits = logits_of(tail, layer, (without(layer, s, column) for s in sets))
    margins = margins_of(target, logits)
    order = carriers(one, before, target, place=place) if flip else []
    flips = turning_points(tail, layer, target, order, lambda part: without(layer, part, column))
    return Check(
        tuple(chosen), place, float(one.at(place)[chosen].sum()), before, float(margins[0]),
        int(tail.logits[0].argmax()), int(logits[0].argmax()),
        *summaries(random, equal, margins[1:], before), *flips, shifts(tail, logits[0], target),
    )  # fmt: skip


def chosen_channels(
    one: LayerEffect,
    before: float,
    target: Target,
    *,
    channels: Sequence[int] | None,
    top: int | None,
    place: tuple[int, int] | None,
) -> list[int]:
    """The neurons that a check removes, without doubles, in order of effect or as given."""
    if channels is not None:
        return list(dict.fromkeys(checked_channel(one.layer, c) for c in channels))
    count = max(1, round(SHARE * one.layer.channels)) if top is None else top
    if count < 1:
        raise UserError(f"at least one neuron must be removed, not {count}")
    return carriers(one, before, target, place=place)[:count]


def activity_of(tail: Tail, layer: Layer, column: int | None = None) -> Array:
    """(C,): how active each neuron is on this picture (or at one position): the sum of |h|."""
    h = to_positions(tail.activation, layer)[0].abs()
    amount = h.sum(1) if column is None else h[:, column]
    values: Array = amount.float().cpu().numpy()
    return values


def shifts(tail: Tail, after: Array, target: Target, *, most: int = 5) -> tuple[Shift, ...]:
    """The other classes whose probability changed most, at least by 1 %."""
    pair = torch.stack([tail.logits[0].float().cpu(), torch.from_numpy(after)])
    chances = pair.softmax(1)
    moved = (chances[1] - chances[0]).abs()
    order = [int(i) for i in moved.argsort(descending=True, stable=True)[: most + 2]]
    named = {target.a, target.rather_than}
    return tuple(
        Shift(i, _two(pair[:, i]), _two(chances[:, i]))
        for i in order if i not in named and float(moved[i]) >= 0.01
    )[:most]  # fmt: skip


def _two(values: torch.Tensor) -> tuple[float, float]:
    return float(values[0]), float(values[1])
