"""What the benchmark ``errors`` measures of one wrongly answered picture in one layer: the margin
without the top neurons, without single ones, and along curves on which neurons go and come."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid
from scipy.stats import spearmanr

from analysis.ablation import logits_of, without
from analysis.attribution import Array, LayerEffect, Target
from analysis.controls import Control
from analysis.faithfulness import activity_of, check, judged
from analysis.flips import margins_of
from analysis.tail import Tail
from analysis.turns import InTurn

Record = dict[str, Any]
POINTS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
"""Parts of a layer's neurons at which the curves are measured: as dense at either end, so that the
curve of a random order is, read backwards, an insertion curve of the order turned round."""


def removal(
    tail: Tail,
    one: LayerEffect,
    target: Target,
    *,
    draws: int,
    seed: int,
    turns: InTurn | None = None,
) -> Record:
    """The claim's check: the top 5 % removed, or those chosen in ``turns``, beside random and
    equally active others.

    ``measured`` counts in the direction of the effect: negative where it went the other way; so
    does ``signed``, the mean loss without equally active others, of which ``equal`` is the mean
    distance.
    """
    began = time.perf_counter()
    channels = None if turns is None else turns.channels
    found = check(tail, one, target, channels=channels, draws=draws, seed=seed, flip=False)
    seconds, equal = time.perf_counter() - began, found.equal
    effect = found.effect if turns is None else turns.effect
    way = 1 if effect >= 0 else -1
    return {
        "seconds": seconds, "neurons": len(found.channels), "before": found.before,
        "turns": turns is not None and turns.gradients > 1,
        "effect": effect * way, "measured": found.measured * way,
        "verdict": judged(found.measured, effect, found.before, equal, found.random),
        "random": _moved(found.random), "equal": _moved(equal),
        "signed": (found.before - equal.mean) * way if equal else None,
        "match": equal.match if equal else None, "fair": bool(equal and equal.fair),
    }  # fmt: skip


def _moved(control: Control | None) -> float | None:
    return None if control is None else control.moved


def sampled(tail: Tail, one: LayerEffect, most: int) -> list[int]:
    """Up to ``most`` of the neurons that fire, in an order that is the layer's own: every picture
    measures the same ones, as far as they fire on it."""
    order = np.random.default_rng(0).permutation(one.layer.channels)
    active = activity_of(tail, one.layer)
    return [int(c) for c in order if active[c] > 0][:most]


def singles(
    tail: Tail, one: LayerEffect, target: Target, channels: Sequence[int]
) -> NDArray[np.float32]:
    """(N,): what the margin loses without each of these neurons alone."""
    keeps = (without(one.layer, [c]) for c in channels)
    margins = margins_of(target, logits_of(tail, one.layer, keeps))
    lost: Array = float(target.margin(tail.logits)[0]) - margins
    return lost


def rank(effects: Array, lost: Array) -> float | None:
    """Spearman's correlation of what was attributed with what was lost; None where one of them is
    the same for all."""
    if len(effects) < 3 or np.ptp(effects) == 0 or np.ptp(lost) == 0:
        return None
    return float(spearmanr(effects, lost).statistic)


def walks(tail: Tail, one: LayerEffect, target: Target, orders: Sequence[Sequence[int]]) -> Array:
    """(N, len(POINTS)): the margin while neurons go in each of these orders, until none is left."""
    keeps = [without(one.layer, range(one.layer.channels))]
    for order in orders:
        keeps += [without(one.layer, order[: round(p * len(order))]) for p in POINTS[1:-1]]
    margins = margins_of(target, logits_of(tail, one.layer, keeps))
    full = np.full(len(orders), float(target.margin(tail.logits)[0]), np.float32)
    inner = margins[1:].reshape(len(orders), -1)
    return np.column_stack([full, inner, np.full_like(full, margins[0])])


def curves(
    tail: Tail, one: LayerEffect, target: Target, effects: Array, *, orders: int, seed: int
) -> Record:
    """Areas below the curves, each the mean of the margin along its curve, in logits.

    By attribution: the strongest go first (``deletion``) or come first (``insertion``: who comes
    first goes last). ``random``: of several random orders, which is the same area both ways.
    """
    strongest = [int(c) for c in np.argsort(-effects, kind="stable")]
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(len(effects)).tolist() for _ in range(orders)]
    margins = walks(tail, one, target, [strongest, strongest[::-1], *drawn])
    areas = [float(a) for a in trapezoid(margins, POINTS, axis=1)]
    return {"deletion": areas[0], "insertion": areas[1], "random": areas[2:]}


def ranked(
    tail: Tail, one: LayerEffect, target: Target, *, most: int, orders: int, seed: int
) -> Record:
    """Rank correlation with single removals, and the curves."""
    channels = sampled(tail, one, most)
    lost = singles(tail, one, target, channels)
    found = {"singles": len(channels), "rank": rank(one.per_channel[channels], lost)}
    return found | curves(tail, one, target, one.per_channel, orders=orders, seed=seed)
