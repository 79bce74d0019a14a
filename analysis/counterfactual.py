"""What would the network say, were something else there? Patches laid on pictures, and measured.

Beside every patch stands its control: noise of the same size, at the same place, several draws
with their spread. Any patch hides what lies below it, and a network may answer to that alone.
Source: the attacks on classifiers in "Activation Atlas" (Carter et al., Distill 2019).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.attribution import Target
from analysis.pasting import Patch, Pixels, composed, noise_like
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

BATCH = 8
"""Pictures in one forward pass: on a processor more are hardly faster."""
DRAWS = 8
SIZES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)


@dataclass(frozen=True)
class Reading:
    """What the network says of one picture: logits and probabilities of the two classes (a, b),
    the class that it names, and how probable it finds that one."""

    logits: tuple[float, float]
    probabilities: tuple[float, float]
    answer: int
    share: float

    @property
    def margin(self) -> float:
        """Logit of a minus logit of b."""
        return self.logits[0] - self.logits[1]


@dataclass(frozen=True)
class Control:
    """Several noise patches of one size at one place: each reading, means and spreads."""

    draws: tuple[Reading, ...]

    @property
    def margin(self) -> tuple[float, float]:
        """Mean and sd of the margin."""
        return spread([r.margin for r in self.draws])

    @property
    def logits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and sd of the logit of a, and of b."""
        return spread([r.logits[0] for r in self.draws]), spread([r.logits[1] for r in self.draws])

    @property
    def probabilities(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and sd of the probability of a, and of b."""
        first = spread([r.probabilities[0] for r in self.draws])
        return first, spread([r.probabilities[1] for r in self.draws])

    def answered(self, index: int) -> float:
        """The part of the draws at which the network names this class."""
        return float(np.mean([r.answer == index for r in self.draws]))


@dataclass(frozen=True)
class Trial:
    """A picture before and with the patch, and with noise instead. ``size``: the patch's."""

    before: Reading
    now: Reading
    noise: Control
    size: float

    @property
    def change(self) -> float:
        """How far the patch moved the margin."""
        return self.now.margin - self.before.margin

    @property
    def by_noise(self) -> tuple[float, float]:
        """How far noise moved the margin: mean and sd."""
        mean, sd = self.noise.margin
        return mean - self.before.margin, sd

    @property
    def beyond(self) -> bool:
        """Whether the patch moved the margin further than two sd away from what noise does."""
        mean, sd = self.by_noise
        return len(self.noise.draws) > 1 and abs(self.change - mean) > 2 * sd


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample sd; sd 0 of a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def compared(target: Target, classes: int) -> tuple[int, int]:
    """The two classes of a target. UserError where it names but one."""
    if target.checked(classes).rather_than is None:
        raise UserError("a patch is measured between two classes: name the other one too")
    assert target.rather_than is not None
    return target.a, target.rather_than


def logits_on(classifier: "Classifier", pictures: Sequence[Pixels]) -> NDArray[np.float32]:
    """Logits (N, classes) of pictures (H, W, C) as the network sees them, in batches."""
    rows = []
    for first in range(0, len(pictures), BATCH):
        x = torch.cat([classifier.tensor(p) for p in pictures[first : first + BATCH]])
        with torch.no_grad():
            rows.append(classifier.module(x).float().cpu().numpy())
    return np.concatenate(rows)


def readings(logits: NDArray[np.float32], target: Target) -> list[Reading]:
    """What logits (N, classes) say of the two classes. UserError where they are not finite."""
    a, b = compared(target, logits.shape[1])
    if not np.isfinite(logits).all():
        raise UserError("the network answers with numbers that are not finite")
    chances = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
    chances /= chances.sum(1, keepdims=True)
    return [
        Reading(
            (float(row[a]), float(row[b])), (float(p[a]), float(p[b])), int(row.argmax()),
            float(p.max()),
        )
        for row, p in zip(logits, chances, strict=True)
    ]  # fmt: skip


def trial(
    classifier: "Classifier", picture: Pixels, patch: Patch, target: Target, *,
    texture: Pixels | None = None, draws: int = DRAWS, before: Reading | None = None,
) -> Trial:  # fmt: skip
    """One patch on one picture (H, W, C), with ``draws`` noise patches: one batch of ``2 + draws``,
    or one less where ``before`` is known."""
    noise = (composed(picture, noise_like(patch, patch.seed + 1 + k), texture)
             for k in range(max(1, draws)))  # fmt: skip
    shown = [composed(picture, patch, texture), *noise]
    if before is None:
        shown.append(picture)
    found = readings(logits_on(classifier, shown), target)
    untouched = found.pop() if before is None else before
    return Trial(untouched, found[0], Control(tuple(found[1:])), patch.size)


def curve(
    classifier: "Classifier", picture: Pixels, patch: Patch, target: Target, *,
    texture: Pixels | None = None, sizes: Sequence[float] = SIZES, draws: int = 3,
) -> Iterator[Trial]:  # fmt: skip
    """The same patch at the same place in each of the sizes."""
    before = readings(logits_on(classifier, [picture]), target)[0]
    for size in sizes:
        yield trial(
            classifier, picture, replace(patch, size=size), target, texture=texture, draws=draws,
            before=before,
        )  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One of many pictures with the patch on it."""

    picture: str
    trial: Trial

    def changed(self, index: int) -> bool:
        """Whether the patch made the network name this class, which it did not before."""
        return self.trial.now.answer == index != self.trial.before.answer


@dataclass(frozen=True)
class Summary:
    """Many pictures together, for the class ``towards`` (an index). ``could``: pictures that were
    not answered with it before; ``changed``: how many of them are now; ``by_noise``: how many are
    with noise instead, on average. ``probabilities``: means of (a, b) before, now and with noise;
    ``margin``: the mean before, now and with noise."""

    pictures: int
    towards: int
    could: int
    changed: int
    by_noise: float
    probabilities: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    margin: tuple[float, float, float]


def on_all(
    classifier: "Classifier", pictures: Iterator[tuple[str, Pixels]], patch: Patch,
    target: Target, *, texture: Pixels | None = None, draws: int = 3,
) -> Iterator[Row]:  # fmt: skip
    """The same patch on many pictures, (key, (H, W, C)) each: a row as each is measured."""
    for key, pixels in pictures:
        yield Row(key, trial(classifier, pixels, patch, target, texture=texture, draws=draws))


def summary(rows: Sequence[Row], towards: int) -> Summary:
    """The rows together. ValueError without any."""
    if not rows:
        raise ValueError("no pictures")
    trials = [row.trial for row in rows]
    could = [t for t in trials if t.before.answer != towards]

    def mean(pick: int) -> tuple[float, float, float]:
        with_noise = [t.noise.probabilities[pick][0] for t in trials]
        first = (float(np.mean([t.before.probabilities[pick] for t in trials])),
                 float(np.mean([t.now.probabilities[pick] for t in trials])))  # fmt: skip
        return *first, float(np.mean(with_noise))

    of_a, of_b = mean(0), mean(1)
    margins = [(t.before.margin, t.now.margin, t.noise.margin[0]) for t in trials]
    before, now, noise = (float(v) for v in np.mean(margins, axis=0))
    return Summary(
        len(rows), towards, len(could), sum(row.changed(towards) for row in rows),
        float(sum(t.noise.answered(towards) for t in could)),
        ((of_a[0], of_b[0]), (of_a[1], of_b[1]), (of_a[2], of_b[2])), (before, now, noise),
    )  # fmt: skip
