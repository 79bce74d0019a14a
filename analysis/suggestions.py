"""The program looks for the baseball itself: which patch, laid on the open picture, pushes one
class over the other?

Candidates come from what the layer's atlas and the real patches say of the two classes; each is
then laid on the picture at several places and measured. Only what is measured ranks them, and it
stands against noise of the same size that had the choice of the same places: first those that make
the network name the class (others may only hide the first class, or bring a third one in), then by
how far they leave noise behind. Source of the idea: "Activation Atlas" (Carter et al., Distill
2019), where a person searched the map.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.attribution import Array, LayerEffect, Target
from analysis.counterfactual import Reading, compared, logits_on, readings, spread
from analysis.pasting import Patch, Pixels, composed, noise_like

if TYPE_CHECKING:
    from analysis.models import Classifier

Side = Literal["a", "b"]
"""Which class is to be pushed over the other."""
PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
"""(x, y): the middle and the corners, where the object often is not."""
DRAWS = 6


@dataclass(frozen=True, eq=False)
class Candidate:
    """A patch to be tried; ``texture`` (h, w, C) as ``composed`` wants it."""

    patch: Patch
    texture: Pixels | None


@dataclass(frozen=True)
class Suggestion:
    """A candidate at its best place: where the network names the class that is pushed, or else
    where the margin moved furthest towards it.

    ``push``: by how much, in logits, in that direction. ``by_noise``: mean and sd over draws of
    noise, each at its own best of the same places. ``turned``: the network names that class now,
    and did not before.
    """

    patch: Patch
    push: float
    by_noise: tuple[float, float]
    before: Reading
    now: Reading
    turned: bool

    @property
    def lead(self) -> float:
        """How much further than noise."""
        return self.push - self.by_noise[0]

    @property
    def rank(self) -> tuple[bool, float]:
        """Sorted by this the best come first."""
        return not self.turned, -self.lead

    @property
    def beyond(self) -> bool:
        """Whether it is more than two sd further than noise."""
        return self.lead > 2 * self.by_noise[1]


def pushing_channels(
    one: LayerEffect, usual: Array, *, count: int, towards: Side = "b"
) -> list[int]:
    """Neurons that would speak for a class if they fired as they can: the mean gradient of the
    margin a - b over the places of the open picture, times ``usual`` (C,), what they reach."""
    gradient = one.gradient[:, one.layer.extras :].mean(1)
    push = gradient * usual * (-1 if towards == "b" else 1)
    return [int(c) for c in np.argsort(-push, kind="stable")[:count] if push[c] > 0]


def suggest(
    classifier: "Classifier", picture: Pixels, candidates: Sequence[Candidate], target: Target, *,
    towards: Side = "b", places: Sequence[tuple[float, float]] = PLACES, draws: int = DRAWS,
) -> Iterator[list[Suggestion]]:  # fmt: skip
    """Lays each candidate on the picture at every place; after each the suggestions so far, the
    best first."""
    a, b = compared(target, len(classifier.categories))
    wanted = a if towards == "a" else b
    before = readings(logits_on(classifier, [picture]), target)[0]
    noise: dict[tuple[float, tuple[int, ...]], tuple[float, float]] = {}
    found: list[Suggestion] = []
    for one in candidates:
        shape = (1, 1) if one.texture is None else one.texture.shape[:2]
        scale = (one.patch.size, tuple(round(20 * n / max(shape)) for n in shape))
        if scale not in noise:  # of this size and, nearly, these proportions
            noise[scale] = _by_noise(classifier, picture, one, before, target, towards, places,
                                     draws)  # fmt: skip
        patches = [one.patch.at(x, y) for x, y in places]
        shown = [composed(picture, patch, one.texture) for patch in patches]
        told = readings(logits_on(classifier, shown), target)
        pushes = [pushed(before, reading, towards) for reading in told]
        turns = [reading.answer == wanted != before.answer for reading in told]
        best = max(range(len(places)), key=lambda i: (turns[i], pushes[i]))
        found.append(Suggestion(
            patches[best], pushes[best], noise[scale], before, told[best], turns[best]
        ))  # fmt: skip
        found.sort(key=lambda s: s.rank)
        yield list(found)


def pushed(before: Reading, now: Reading, towards: Side) -> float:
    """How far the margin moved towards a class, in logits."""
    change = now.margin - before.margin
    return change if towards == "a" else -change


def _by_noise(
    classifier: "Classifier", picture: Pixels, one: Candidate, before: Reading, target: Target,
    towards: Side, places: Sequence[tuple[float, float]], draws: int,
) -> tuple[float, float]:  # fmt: skip
    """Mean and sd over the draws of how far noise pushes at the best of the places: what is chosen
    among several places must be compared with what had the same choice."""
    shown = [composed(picture, noise_like(one.patch.at(x, y), 1 + k), one.texture)
             for k in range(draws) for x, y in places]  # fmt: skip
    told = readings(logits_on(classifier, shown), target)
    pushes = np.array([pushed(before, reading, towards) for reading in told])
    return spread(pushes.reshape(draws, len(places)).max(1).tolist())
