"""What a removal is compared with: other neurons, drawn at random or because they are as active.

Taking strongly active neurons away disturbs any network, whether or not they matter for the class
in question. The fair control therefore takes away as many others that are *equally active on this
very picture*: for each removed neuron one of similar total activation, without replacement. The
strongest neurons of a picture may have no equal; how well they matched is part of the result.

The removed neurons themselves are never drawn. Where they were chosen because they speak for a
class, the active ones that are left tend to speak against it, so the control may move the margin
the other way; that is so, and its spread is taken about its own mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.attribution import Array

NEAREST = 5
"""Each partner is one of so many nearest in activation: fewer match better, more vary more."""
ALIKE = 1.25
"""A partner within this factor counts as equally active."""
FAIR = 0.75
"""Others that hold less of the activation than this part are no equal control."""


@dataclass(frozen=True)
class Control:
    """The margin without others, over several draws.

    ``mean`` and ``sd`` of the margin; ``moved``: mean distance from the margin before; ``match``:
    activation that the others held, as a part of that of the removed neurons; ``unmatched``: how
    many of a draw, on average, were not within a quarter of their partner; ``margins``: all draws.
    ``fair``: they held enough of the activation, and at least half of them had an equal.
    """

    mean: float
    sd: float
    moved: float
    match: float
    unmatched: float
    margins: tuple[float, ...]
    fair: bool


@dataclass(frozen=True, eq=False)
class Drawn:
    """One draw: the other neurons and how well their activation matches."""

    channels: NDArray[np.int64]
    match: float
    unmatched: int


def summary(drawn: Sequence[Drawn], margins: Array, before: float) -> Control | None:
    """The control of these draws and the margins (draws,) measured without them; None of none."""
    if not len(drawn):
        return None
    match = float(np.mean([d.match for d in drawn]))
    unmatched = float(np.mean([d.unmatched for d in drawn]))
    return Control(
        mean=float(margins.mean()),
        sd=float(margins.std(ddof=1)) if len(margins) > 1 else 0.0,
        moved=float(np.abs(margins - before).mean()),
        match=match,
        unmatched=unmatched,
        margins=tuple(float(m) for m in margins),
        fair=match >= FAIR and unmatched <= len(drawn[0].channels) / 2,
    )


def summaries(
    random: Sequence[Drawn], equal: Sequence[Drawn], margins: Array, before: float
) -> tuple[Control | None, Control | None]:
    """Both controls, of the margins measured without the random draws and then the equal ones."""
    cut = len(random)
    return summary(random, margins[:cut], before), summary(equal, margins[cut:], before)


def draw_random(
    removed: Sequence[int], activity: Array, draws: int, rng: np.random.Generator
) -> list[Drawn]:
    """As many others as were removed, each draw without replacement; none when too few are left."""
    others = _others(removed, len(activity))
    if len(others) < len(removed) or not len(removed):
        return []
    sets = (rng.choice(others, len(removed), replace=False) for _ in range(draws))
    return [_drawn(list(removed), chosen, activity) for chosen in sets]


def draw_equal(
    removed: Sequence[int], activity: Array, draws: int, rng: np.random.Generator
) -> list[Drawn]:
    """As many others of similar ``activity`` (C,): one partner for each, without replacement.

    The strongest choose first, since they have the fewest equals; each partner is drawn from the
    ``NEAREST`` of the still free ones by the ratio of the activities.
    """
    others = _others(removed, len(activity))
    if len(others) < len(removed) or not len(removed):
        return []
    order = sorted(removed, key=lambda c: -activity[c])
    floor = max(float(activity.max()) * 1e-6, 1e-12)
    size = np.log(activity.astype(np.float64) + floor)
    sets = (_partners(order, others, size, rng) for _ in range(draws))
    return [_drawn(order, chosen, activity) for chosen in sets]


def _others(removed: Sequence[int], count: int) -> NDArray[np.int64]:
    return np.setdiff1d(np.arange(count), np.asarray(list(removed), np.int64))


def _partners(
    order: Sequence[int],
    others: NDArray[np.int64],
    size: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """One free neuron for each of ``order``; ties among the nearest fall at random."""
    free = rng.permutation(others)
    chosen = []
    for channel in order:
        away = np.abs(size[free] - size[channel])
        near = min(NEAREST, len(free))
        at = rng.choice(np.argpartition(away, near - 1)[:near])
        chosen.append(free[at])
        free = np.delete(free, at)
    return np.asarray(chosen, np.int64)


def _drawn(order: Sequence[int], chosen: NDArray[np.int64], activity: Array) -> Drawn:
    mine, theirs = activity[list(order)], activity[chosen]
    total = float(mine.sum())
    apart = np.maximum(mine, theirs) > ALIKE * np.minimum(mine, theirs)
    return Drawn(chosen, float(theirs.sum()) / total if total > 0 else 1.0, int(apart.sum()))
