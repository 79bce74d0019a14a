"""The claim that Errors makes of one picture: which neurons, and which places, gave class A the
lead over class B; measured by taking them away, beside random and equally active others.

What is claimed are few neurons, so that a person can look at each: as few as turn the margin round,
between three and six; six where even those do not. They are chosen by one gradient or in turn
(`analysis.turns`), whichever the removal bears out better.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.ablation import logits_of, without
from analysis.attribution import Array, LayerEffect, Target
from analysis.controls import Control, draw_equal, draw_random, summaries
from analysis.faithfulness import DRAWS, Check, Verdict, carriers, check, judged
from analysis.flips import Flip, leading, margins_of, turning_points
from analysis.layers import Layer, run_to, to_positions
from analysis.tail import Tail
from analysis.turns import InTurn, chosen

if TYPE_CHECKING:
    from analysis.models import Classifier

FEWEST, MOST = 3, 6
PLACES = 0.05  # of a layer's places are claimed, at least one
NORM = 12  # pictures that are the norm, at most
SILENT = 1e-6  # of the layer's largest mean: what fires less is silent


@dataclass(frozen=True, eq=False)
class Norm:
    """How a layer answers to the pictures that are compared with: ``mean`` (C,) over all places of
    all of them, and how many they are."""

    mean: Array
    pictures: int


@dataclass(frozen=True)
class PlaceCheck:
    """The margin without the claimed places: as ``Check``, of all neurons there."""

    places: tuple[tuple[int, int], ...]
    effect: float
    before: float
    without: float
    random: Control | None
    equal: Control | None

    @property
    def verdict(self) -> Verdict:
        """Whether the removal moves the margin as attributed, and beyond the fair control."""
        moved = self.before - self.without
        return judged(moved, self.effect, self.before, self.equal, self.random)


def norm_of(classifier: "Classifier", layer: Layer, inputs: Sequence[Tensor]) -> Norm | None:
    """The mean answer of a layer to some pictures, each (1, C, H, W); None to none of them."""
    some = list(inputs)[:NORM]
    if not some:
        return None
    means = []
    with torch.no_grad():
        for x in some:
            raw = run_to(classifier.module, layer.name, x)
            means.append(to_positions(raw, layer)[0].mean(1).float().cpu().numpy())
    mean: Array = np.asarray(np.mean(means, axis=0), np.float32)
    return Norm(mean, len(some))


def times(here: Array, norm: Norm | None) -> list[float | None]:
    """How many times as strongly each neuron fires here; None where the norm is silent, so that no
    number says it. ``here`` (C,): mean over all places."""
    if norm is None:
        return [None] * len(here)
    floor = SILENT * max(float(np.abs(norm.mean).max()), 1e-12)
    return [
        float(h / n) if abs(n) > floor and h * n >= 0 else None
        for h, n in zip(here, norm.mean, strict=True)
    ]


def claimed(tail: Tail, one: LayerEffect, target: Target) -> InTurn:
    """The neurons that are claimed to carry the margin, strongest first, with their effects."""
    return chosen(tail, one, target, MOST, least=FEWEST)


def check_claim(
    tail: Tail,
    one: LayerEffect,
    target: Target,
    claim: InTurn,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Check:
    """A claim, or a part of it, measured: as `check`, with the effects that it was chosen by and
    without the smallest sets (`smallest`)."""
    found = check(tail, one, target, channels=claim.channels, draws=draws, seed=seed, flip=False)
    return replace(found, effect=claim.effect)


def smallest(
    tail: Tail, one: LayerEffect, target: Target, claim: InTurn
) -> tuple[Flip | None, Flip | None]:
    """The smallest sets that change the answer, and that turn the margin round, when the claimed
    neurons go first and then the others in order of effect."""
    before = float(target.margin(tail.logits)[0])
    others = (c for c in carriers(one, before, target) if c not in claim.channels)
    order = [*claim.channels, *others]
    return turning_points(tail, one.layer, target, order, lambda part: without(one.layer, part))


def leading_places(one: LayerEffect, before: float, target: Target) -> list[tuple[int, int]]:
    """The places that speak most for the side that is ahead, strongest first: a twentieth of the
    grid, one at least; none where no place speaks for it."""
    effect = one.per_place * leading(before, target)
    count = max(1, round(PLACES * effect.size))
    order = np.argsort(-effect, axis=None, kind="stable")[:count]
    spots = [divmod(int(i), effect.shape[1]) for i in order]
    return [spot for spot in spots if effect[spot] > 0]


def check_places(
    tail: Tail,
    one: LayerEffect,
    target: Target,
    places: Sequence[tuple[int, int]],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> PlaceCheck:
    """The margin without all neurons at some places, beside as many random and as many equally
    active other places."""
    layer, before = one.layer, float(target.margin(tail.logits)[0])
    width = one.per_place.shape[1]
    chosen = [row * width + col for row, col in places]
    rng = np.random.default_rng(seed)
    activity = np.abs(one.activation[:, layer.extras :]).sum(0)
    random = draw_random(chosen, activity, draws, rng)
    equal = draw_equal(chosen, activity, draws, rng)
    sets = [chosen, *(d.channels.tolist() for d in [*random, *equal])]
    keeps = (_without_places(layer, places) for places in sets)
    margins = margins_of(target, logits_of(tail, layer, keeps))
    return PlaceCheck(
        tuple(places), float(one.per_place.reshape(-1)[chosen].sum()), before, float(margins[0]),
        *summaries(random, equal, margins[1:], before),
    )  # fmt: skip


def _without_places(layer: Layer, places: Sequence[int]) -> NDArray[np.float32]:
    keep = np.ones((layer.channels, layer.positions), np.float32)
    keep[:, [layer.extras + p for p in places]] = 0
    return keep
