"""Is a neuron group's effect true? Take its part of the activation away and run the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.ablation import logits_of
from analysis.attribution import Array, LayerEffect, Target
from analysis.controls import Control, Drawn, summary
from analysis.faithfulness import DRAWS, Shift, Verdict, judged, shifts
from analysis.flips import Flip, leading, margins_of, turning_points
from analysis.groups import Groups
from analysis.tail import Tail

CLAIMED = 3
HALF = 0.5
"""Groups that are claimed hold no more of the activation, so that as much is left to compare with;
a single one may."""


@dataclass(frozen=True)
class GroupCheck:
    """Groups taken away, in logits of the margin; the fields are those of a ``Check``.

    ``random``: the same parts taken from as many random neurons. ``equal``: as much activation of
    the other groups, by whole neurons (its ``match`` is below 1 only where there is not so much).
    In ``channels`` of ``flip`` and ``reversal`` stand groups.
    """

    groups: tuple[int, ...]
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
        """The measured effect: what the groups really give the margin."""
        return self.before - self.without

    @property
    def verdict(self) -> Verdict:
        """As for neurons: moved as attributed, and beyond the fair control."""
        return judged(self.measured, self.effect, self.before, self.equal, self.random)

    @property
    def confirmed(self) -> bool:
        """Nothing else may be called true."""
        return self.verdict == "confirmed"


def without_groups(tail: Tail, groups: Groups, which: Iterable[int]) -> Array:
    """Logits (classes,) of the picture without these groups."""
    logits: Array = logits_of(tail, groups.layer, [1 - groups.share(which)])[0]
    return logits


def check_groups(
    tail: Tail,
    groups: Groups,
    one: LayerEffect,
    target: Target,
    which: Sequence[int],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    flip: bool = True,
) -> GroupCheck:
    """Takes groups away together and measures the margin, beside both controls."""
    layer, before = groups.layer, float(target.margin(tail.logits)[0])
    share = groups.share(which)
    rng = np.random.default_rng(seed)
    size = np.abs(groups.activation)
    wanted = float((size * share).sum())
    others = [_permuted(share, rng) for _ in range(draws)]
    equals = [_as_much(size, share, wanted, rng) for _ in range(draws)]
    logits = logits_of(tail, layer, (1 - taken for taken in [share, *others, *equals]))
    margins = margins_of(target, logits)
    controls = [
        summary([_drawn(size, t, wanted) for t in taken], found, before) if wanted > 0 else None
        for taken, found in ((others, margins[1 : 1 + draws]), (equals, margins[1 + draws :]))
    ]
    order = by_effect(groups, one, leading(before, target)) if flip else []
    flips = turning_points(tail, layer, target, order, lambda part: 1 - groups.share(part))
    return GroupCheck(
        tuple(dict.fromkeys(which)), float((one.effect * share).sum()), before, float(margins[0]),
        int(tail.logits[0].argmax()), int(logits[0].argmax()),
        controls[0], controls[1], *flips, shifts(tail, logits[0], target),
    )  # fmt: skip


def claimed_groups(tail: Tail, groups: Groups, one: LayerEffect, target: Target) -> list[int]:
    """The groups that are claimed to carry the margin, strongest first: as few as turn it round, at
    most `CLAIMED`, and together no more than `HALF` of the activation."""
    before = float(target.margin(tail.logits)[0])
    order = by_effect(groups, one, leading(before, target))[:CLAIMED]
    size = np.abs(groups.activation)
    held = np.cumsum([float((size * groups.shares[g]).sum()) for g in order])
    order = order[: max(1, int((held <= HALF * size.sum()).sum()))]
    keeps = (1 - groups.share(order[:k]) for k in range(1, len(order) + 1))
    margins = margins_of(target, logits_of(tail, groups.layer, keeps))
    turned = (k for k, margin in enumerate(margins, 1) if margin * before <= 0)
    return order[: next(turned, len(order))]


def by_effect(groups: Groups, one: LayerEffect, sign: int) -> list[int]:
    """The groups that speak for a side (``sign`` 1: class a), strongest first."""
    effect = groups.effects(one) * sign
    return [int(g) for g in np.argsort(-effect, kind="stable") if effect[g] > 0]


def _permuted(share: Array, rng: np.random.Generator) -> Array:
    """The same parts, of other neurons: the rows in random order."""
    return share[rng.permutation(len(share))]


def _as_much(size: Array, share: Array, wanted: float, rng: np.random.Generator) -> Array:
    """What is not the groups' of random neurons, one after the other until as much is taken."""
    rest = 1 - share
    order = rng.permutation(len(size))
    reached = np.cumsum((size * rest).sum(1)[order], dtype=np.float64)
    last = int(np.searchsorted(reached, wanted))
    taken = np.zeros_like(share)
    taken[order[:last]] = rest[order[:last]]
    if last < len(order):
        before = float(reached[last - 1]) if last else 0.0
        part = (wanted - before) / max(float(reached[last]) - before, 1e-30)
        taken[order[last]] = rest[order[last]] * part
    return taken


def _drawn(size: Array, taken: Array, wanted: float) -> Drawn:
    return Drawn(np.flatnonzero(taken.any(1)), float((size * taken).sum()) / wanted, 0)
