"""Is an explanation true? Take away the neurons that it names and run the rest of the network.

Beside the measured change of the margin stand the change without as many random others and without
as many others that are equally active on this picture (the fair control), and the smallest set, in
order of effect, without which the network gives another answer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analysis.ablation import logits_of, without
from analysis.activations import checked_channel
from analysis.attribution import Array, LayerEffect, Target, position
from analysis.controls import Control, Drawn, draw_equal, draw_random, summary
from analysis.layers import Layer, to_positions
from analysis.tail import Tail
from cache.errors import UserError

DRAWS = 20
SHARE = 0.05
"""The part of a layer's neurons that is removed where nothing else is asked for."""


@dataclass(frozen=True)
class Flip:
    """The smallest set found, in order of effect, that changes the answer: what is left then."""

    count: int
    channels: tuple[int, ...]
    margin: float
    answer: int


@dataclass(frozen=True)
class Shift:
    """A class whose probability the removal changed: logits and probabilities before and after."""

    index: int
    logits: tuple[float, float]
    probabilities: tuple[float, float]


@dataclass(frozen=True)
class Check:
    """A claim measured: margins in logits, ``effect`` as attributed, ``without - before`` as it is.

    ``random`` and ``equal`` are None where too few other neurons are left to draw; ``flip`` is
    None when no number of neurons in order of effect changes the answer (or it was not asked for).
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
    shifts: tuple[Shift, ...]

    @property
    def measured(self) -> float:
        """The measured effect: what the neurons really give the margin."""
        return self.before - self.without

    @property
    def confirmed(self) -> bool:
        """Whether the removal moves the margin as attributed, and beyond all equally active others.

        Further than two standard deviations above the mean of the fair control (random others
        where there is none), and in the direction that the effect says.
        """
        control = self.equal or self.random
        if control is None or self.measured * self.effect <= 0:
            return False
        moves = np.abs(np.asarray(control.margins) - self.before)
        spread = float(moves.std(ddof=1)) if len(moves) > 1 else 0.0
        return abs(self.measured) > float(moves.mean()) + 2 * spread


def carriers(
    one: LayerEffect, before: float, target: Target, *, place: tuple[int, int] | None = None
) -> list[int]:
    """The neurons that speak for the side that is ahead, strongest first.

    ``before`` is the margin: where it is negative the other class leads, and its neurons, those
    with a negative effect, carry it. Swapping the two classes gives the same neurons.
    """
    effect = one.at(place) * leading(before, target)
    return [int(c) for c in np.argsort(-effect, kind="stable") if effect[c] > 0]


def leading(before: float, target: Target) -> int:
    """1 when class ``a`` is ahead, -1 when the class that it is compared with is."""
    return -1 if target.rather_than is not None and before < 0 else 1


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
    flipped = _first_flip(tail, one, target, before, place, column) if flip else None
    return Check(
        tuple(chosen), place, float(one.at(place)[chosen].sum()), before, float(margins[0]),
        int(tail.logits[0].argmax()), int(logits[0].argmax()),
        *_controls(random, equal, margins[1:], before), flipped, shifts(tail, logits[0], target),
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


def margins_of(target: Target, logits: Array) -> Array:
    """(N,) from logits (N, classes)."""
    margins: Array = target.margin(torch.from_numpy(logits)).numpy()
    return margins


def _controls(
    random: list[Drawn], equal: list[Drawn], margins: Array, before: float
) -> tuple[Control | None, Control | None]:
    cut = len(random)
    return summary(random, margins[:cut], before), summary(equal, margins[cut:], before)


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


# ---- the smallest set that flips the answer ----


def _first_flip(
    tail: Tail,
    one: LayerEffect,
    target: Target,
    before: float,
    place: tuple[int, int] | None,
    column: int | None,
) -> Flip | None:
    order = carriers(one, before, target, place=place)
    flips = flip_rule(tail, target, before)
    if flips is None or not order:
        return None

    def run(counts: Sequence[int]) -> Array:
        return logits_of(tail, one.layer, (without(one.layer, order[:k], column) for k in counts))

    found = smallest(run, flips, len(order))
    if found is None:
        return None
    count, logits = found
    margin = float(margins_of(target, logits[None])[0])
    return Flip(count, tuple(order[:count]), margin, int(logits.argmax()))


def flip_rule(tail: Tail, target: Target, before: float) -> Callable[[Array], bool] | None:
    """Tells from logits (classes,) whether the answer in question has changed.

    Where the leading class of the two is the network's answer: when the answer is another. Else:
    when the margin has changed its sign. None for the logit of one class that is not the answer.
    """
    answer = int(tail.logits[0].argmax())
    leader = target.a if leading(before, target) > 0 else target.rather_than
    if leader == answer:
        return lambda logits: int(logits.argmax()) != answer
    if target.rather_than is None:
        return None
    return lambda logits: float(margins_of(target, logits[None])[0]) * before <= 0


def smallest(
    run: Callable[[Sequence[int]], Array], flips: Callable[[Array], bool], most: int
) -> tuple[int, Array] | None:
    """The smallest count up to ``most`` at which ``flips`` holds for its logits (classes,).

    Every count up to 8 is tried, then steps of a fifth, and the gap before the first that flips is
    closed. The margin need not fall steadily, so behind 8 a smaller set may slip through a gap.
    """
    below = 0
    for counts in _ladder(most):
        hit = _first(run, flips, counts)
        if hit is None:
            below = counts[-1]
            continue
        below = max([k for k in counts if k < hit[0]], default=below)
        while hit[0] - below > 1:
            inner = sorted({int(k) for k in np.linspace(below + 1, hit[0] - 1, 8)})
            nearer = _first(run, flips, inner)
            below = inner[-1] if nearer is None else _before(inner, nearer[0], below)
            hit = nearer or hit
        return hit
    return None


def _before(counts: Sequence[int], hit: int, below: int) -> int:
    return max([k for k in counts if k < hit], default=below)


def _first(
    run: Callable[[Sequence[int]], Array], flips: Callable[[Array], bool], counts: Sequence[int]
) -> tuple[int, Array] | None:
    for count, logits in zip(counts, run(counts), strict=True):
        if flips(logits):
            return count, logits
    return None


def _ladder(most: int) -> Iterator[list[int]]:
    """Counts in eights: 1 to 8, then each about a fifth larger, the last one ``most``."""
    counts = list(range(1, min(8, most) + 1))
    while counts[-1] < most:
        counts.append(min(most, max(counts[-1] + 1, round(counts[-1] * 1.2))))
    for start in range(0, len(counts), 8):
        yield counts[start : start + 8]
