"""All pictures of one confusion together: the neurons that give the wrong class its lead in the
mean over them, taken away in every one of them, beside random and equally active others.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from analysis.ablation import logits_of, without
from analysis.attribution import Array, Target, attribute
from analysis.controls import Control, draw_equal, draw_random, summaries
from analysis.faithfulness import Verdict, judged
from analysis.flips import margins_of
from analysis.layers import Layer
from analysis.tail import Tail

if TYPE_CHECKING:
    from analysis.models import Classifier

CLAIMED = 6
DRAWS = 8
MOST = 50  # pictures; of more a sample would do as well


@dataclass(frozen=True, eq=False)
class Sum:
    """Over the pictures: the mean margin, each neuron's mean effect on it, how active it is
    (sum of |h| over the places) and its activation (mean over the places), each (C,)."""

    layer: Layer
    target: Target
    margin: float
    effect: Array
    active: Array
    mean: Array

    def claimed(self, count: int = CLAIMED) -> list[int]:
        """The neurons that carry the mean margin, strongest first."""
        order = np.argsort(-self.effect, kind="stable")[:count]
        return [int(c) for c in order if self.effect[c] > 0]


@dataclass(frozen=True)
class Flips:
    """Of how many pictures the answer changed without the neurons, and of how many, in the mean
    over the draws, without random and without equally active others (None where none are left)."""

    claimed: int
    random: float | None
    equal: float | None


@dataclass(frozen=True)
class SharedCheck:
    """The mean margin over all pictures, before and without; the controls are means over them of
    each draw."""

    channels: tuple[int, ...]
    pictures: int
    effect: float
    before: float
    without: float
    random: Control | None
    equal: Control | None
    flips: Flips

    @property
    def verdict(self) -> Verdict:
        """Whether the removal moves the mean margin as attributed, beyond the fair control."""
        moved = self.before - self.without
        return judged(moved, self.effect, self.before, self.equal, self.random)


def summed(
    classifier: "Classifier", inputs: Sequence[Tensor], layer: str, target: Target
) -> Generator[int, None, Sum]:
    """Goes through the pictures, each (1, C, H, W); yields how many are through, and returns the
    sum of all."""
    effects, active, means, margins = [], [], [], []
    for done, x in enumerate(inputs, 1):
        found = attribute(classifier, x, [layer], target)
        one = found.layers[layer]
        effects.append(one.per_channel)
        active.append(np.abs(one.activation).sum(1))
        means.append(one.activation.mean(1))
        margins.append(found.margin)
        yield done
    mean = [np.mean(values, axis=0) for values in (effects, active, means)]
    return Sum(one.layer, target, float(np.mean(margins)), *mean)


def check_together(
    classifier: "Classifier",
    inputs: Sequence[Tensor],
    found: Sum,
    channels: Sequence[int],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Generator[int, None, SharedCheck]:
    """Takes the neurons away in every picture; yields and returns as `summed`."""
    rng = np.random.default_rng(seed)
    random = draw_random(channels, found.active, draws, rng)
    equal = draw_equal(channels, found.active, draws, rng)
    sets = [list(channels), *(d.channels.tolist() for d in [*random, *equal])]
    margins, changed, before = [], [], []
    for done, x in enumerate(inputs, 1):
        tail = Tail(classifier.module, found.layer.name, x)
        logits = logits_of(tail, found.layer, (without(found.layer, s) for s in sets))
        margins.append(margins_of(found.target, logits))
        before.append(float(found.target.margin(tail.logits)[0]))
        changed.append(logits.argmax(1) != int(tail.logits[0].argmax()))
        yield done
    mean, flips, was = np.mean(margins, 0), np.sum(changed, 0), float(np.mean(before))
    cut = 1 + len(random)
    return SharedCheck(
        tuple(channels), len(inputs), float(found.effect[list(channels)].sum()), was,
        float(mean[0]), *summaries(random, equal, mean[1:], was),
        Flips(int(flips[0]), _mean(flips[1:cut]), _mean(flips[cut:])),
    )  # fmt: skip


def _mean(values: NDArray[np.int64]) -> float | None:
    return float(values.mean()) if len(values) else None
