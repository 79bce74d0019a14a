"""Of a patch, which size and place brings a network nearest to naming a class?

Each patch is laid on the picture in a few sizes at a few places, the best ones then moved and
sized a little further; every picture so made is counted. What is found among so many is not
compared with noise laid once: noise has the same sizes and places to choose from, and beside every
patch stands noise of its very size and place. Source of the question: the patches of "Activation
Atlas" (Carter et al., Distill 2019).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING

from analysis.attribution import Target
from analysis.counterfactual import Control, Reading, logits_on, readings
from analysis.pasting import Patch, Pixels, composed, noise_like
from analysis.suggestions import Candidate, Side

if TYPE_CHECKING:
    from analysis.models import Classifier

SIZES = (0.25, 0.4, 0.6)
PLACES = tuple((x, y) for y in (0.2, 0.5, 0.8) for x in (0.2, 0.5, 0.8))
NOISES = 3  # draws of noise over all sizes and places, and at each place that was found
FINER, ROUNDS = 4, 4  # patches that are moved further, and how often
STEP, GROWTH = 0.12, 1.25  # of the first half of those rounds; then half as far
LEAST = 1e-12  # of a probability whose logarithm is taken


def nearness(one: Reading, towards: Side) -> float:
    """How near the class is to being named: the logarithm of its probability over the answer's; 0
    where it is the answer."""
    own = one.probabilities[0 if towards == "a" else 1]
    return log(max(own, LEAST)) - log(max(one.share, LEAST))


@dataclass(frozen=True)
class Laid:
    """A patch where it was laid, and what the network then says; ``number``: of its candidate."""

    number: int
    patch: Patch
    now: Reading

    def rank(self, towards: Side) -> tuple[float, float]:
        """Sorted by this those come first that are named, or nearest to it."""
        own = self.now.probabilities[0 if towards == "a" else 1]
        return -nearness(self.now, towards), -own


@dataclass(frozen=True)
class Searched:
    """What was found so far on one picture. ``tried``: pictures with a patch that were measured,
    ``total``: what they and the noise will come to, ``done``: so far. ``best``: each candidate at
    its best, the best first. ``noise_best``: the best of ``noise_tried`` with noise, of the same
    sizes and places; ``there``: noise at the place of each of ``best``; None until it is known."""

    before: Reading
    tried: int
    done: int
    total: int
    best: tuple[Laid, ...]
    noise_tried: int = 0
    noise_best: Reading | None = None
    there: tuple[Control, ...] | None = None


class Search:
    """Candidates on one picture (H, W, C), for the class ``towards`` of a target."""

    def __init__(
        self, classifier: "Classifier", picture: Pixels, candidates: Sequence[Candidate],
        target: Target, *, towards: Side = "b", sizes: Sequence[float] = SIZES,
        places: Sequence[tuple[float, float]] = PLACES,
    ) -> None:  # fmt: skip
        self.classifier, self.picture, self.candidates = classifier, picture, candidates
        self.target, self.towards = target, towards
        self.grid = [(x, y, size) for size in sizes for x, y in places]

    @property
    def total(self) -> int:
        """How many pictures will be measured, noise and all."""
        finer = min(FINER, len(self.candidates)) * ROUNDS * 6
        cells, count = len(self.grid), len(self.candidates)
        return count * cells + NOISES * cells + finer + NOISES * count

    def run(self) -> Iterator[Searched]:
        """Yields after each candidate, and what is known in the end. ValueError: none is given."""
        if not self.candidates:
            raise ValueError("no patches to be tried")
        before = self._told([self.picture])[0]
        best: list[Laid] = []
        now = Searched(before, 0, 0, self.total, ())
        for number in range(len(self.candidates)):
            found = self._laid(number, [(x, y, size) for x, y, size in self.grid])
            best = self._sorted([*best, min(found, key=lambda one: one.rank(self.towards))])
            now = self._on(now, len(found), best)
            yield now
        noise = self._noise(self.candidates[best[0].number])
        named = max(noise, key=lambda r: (nearness(r, self.towards), r.share))
        now = replace(now, done=now.done + len(noise), noise_tried=len(noise), noise_best=named)
        yield now
        for one in best[:FINER]:
            moved, tried = self._finer(one)
            best = self._sorted([moved if other is one else other for other in best])
            now = self._on(now, tried, best)
            yield now
        there = tuple(self._there(one) for one in best)
        yield replace(now, done=self.total, there=there)

    def _on(self, now: Searched, tried: int, best: list[Laid]) -> Searched:
        return replace(now, tried=now.tried + tried, done=now.done + tried, best=tuple(best))

    def _sorted(self, found: list[Laid]) -> list[Laid]:
        return sorted(found, key=lambda one: one.rank(self.towards))

    def _laid(self, number: int, where: Sequence[tuple[float, float, float]]) -> list[Laid]:
        """A candidate at each (x, y, size)."""
        one = self.candidates[number]
        patches = [one.patch.at(x, y, size=size) for x, y, size in where]
        told = self._told([composed(self.picture, patch, one.texture) for patch in patches])
        return [Laid(number, p, r) for p, r in zip(patches, told, strict=True)]

    def _finer(self, one: Laid) -> tuple[Laid, int]:
        """The best of it and its neighbours in size and place, ``ROUNDS`` times; how many were
        tried."""
        tried = 0
        for k in range(ROUNDS):
            far = 1.0 if 2 * k < ROUNDS else 0.5
            x, y, size, step, grown = *_where(one.patch), STEP * far, GROWTH**far
            near = [(x - step, y, size), (x + step, y, size), (x, y - step, size),
                    (x, y + step, size), (x, y, size * grown), (x, y, size / grown)]  # fmt: skip
            found = [one, *self._laid(one.number, near)]
            one, tried = min(found, key=lambda laid: laid.rank(self.towards)), tried + len(near)
        return one, tried

    def _noise(self, like: Candidate) -> list[Reading]:
        """Noise in every size and place, of the proportions of ``like``."""
        shown = [
            composed(self.picture, noise_like(like.patch.at(x, y, size=size), 1 + k), like.texture)
            for k in range(NOISES) for x, y, size in self.grid
        ]  # fmt: skip
        return self._told(shown)

    def _there(self, one: Laid) -> Control:
        texture = self.candidates[one.number].texture
        shown = [composed(self.picture, noise_like(one.patch, 1 + k), texture)
                 for k in range(NOISES)]  # fmt: skip
        return Control(tuple(self._told(shown)))

    def _told(self, shown: Sequence[Pixels]) -> list[Reading]:
        return readings(logits_on(self.classifier, shown), self.target)


def _where(patch: Patch) -> tuple[float, float, float]:
    return patch.x, patch.y, patch.size
