"""What the answers to labelled pictures say of a network: how often it is right, how far its
confidence can be believed, which classes it takes for which.

Everything here is counting; imports no torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

Array = NDArray[Any]
BINS = 10
ROWS = 4096  # pictures at a time in double precision
NONE = -1  # the label of a picture that has none, or none that the network knows


@dataclass(frozen=True)
class Pair:
    """Pictures of class ``true`` that the network calls ``said``: their rows, the surest first."""

    true: int
    said: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Bin:
    """Pictures whose answer the network is about as sure of: ``count`` of them between ``low`` and
    ``high``, their mean confidence, and the part that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers beside labels: ``logits`` (N, classes), ``labels`` (N,), ``NONE`` where unknown."""

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def said(self) -> NDArray[np.int64]:
        """(N,): the answers."""
        answer: NDArray[np.int64] = self.logits.argmax(1)
        return answer

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(N,): the probability of each answer."""
        return self.probability(self.said)

    def probability(self, classes: Array | int) -> NDArray[np.float64]:
        """(N,): the probability of one class, or of one for each picture."""
        index = np.broadcast_to(np.asarray(classes), (len(self),))
        own = self.logits[np.arange(len(self)), index].astype(np.float64)
        chance: NDArray[np.float64] = np.exp(own - self._whole)
        return chance

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """(N,): the probability of each label's class; NaN without a label."""
        chance = self.probability(np.maximum(self.labels, 0))
        known: NDArray[np.float64] = np.where(self.labelled, chance, np.nan)
        return known

    @cached_property
    def _whole(self) -> NDArray[np.float64]:
        """(N,): the logarithm of what the probabilities are parts of."""
        parts = [logsumexp(self.logits[i : i + ROWS].astype(np.float64), axis=1)
                 for i in range(0, len(self), ROWS)]  # fmt: skip
        total: NDArray[np.float64] = np.concatenate([np.zeros(0), *parts])
        return total

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """(N,): whose class is known."""
        known: NDArray[np.bool_] = self.labels != NONE
        return known

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """(N,): labelled, and answered otherwise."""
        found: NDArray[np.bool_] = self.labelled & (self.said != self.labels)
        return found

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(N,): labelled, and answered so."""
        found: NDArray[np.bool_] = self.labelled & (self.said == self.labels)
        return found

    def among_first(self, k: int) -> float | None:
        """The part of the labelled pictures whose class is among the first ``k`` answers (ties
        count against the network); None without labels."""
        mine = np.flatnonzero(self.labelled)
        if not len(mine):
            return None
        logits = self.logits[mine]
        own = logits[np.arange(len(mine)), self.labels[mine]][:, None]
        others = np.arange(logits.shape[1]) != self.labels[mine][:, None]
        ahead = ((logits >= own) & others).sum(1)
        return float((ahead < k).mean())

    def bins(self) -> list[Bin]:
        """The labelled pictures by confidence, in tenths; empty ones are left out."""
        sure, right = self.confidence[self.labelled], self.right[self.labelled]
        where = np.minimum((sure * BINS).astype(int), BINS - 1)
        return [
            Bin(b / BINS, (b + 1) / BINS, int(mine.sum()), float(sure[mine].mean()),
                float(right[mine].mean()))
            for b in range(BINS) if (mine := where == b).any()
        ]  # fmt: skip

    def calibration_error(self) -> float | None:
        """How far confidence lies from accuracy, mean over the pictures (expected calibration
        error, Guo et al. 2017, ten bins); None without labels."""
        total = int(self.labelled.sum())
        gaps = [b.count * abs(b.confidence - b.accuracy) for b in self.bins()]
        return sum(gaps) / total if total else None

    def per_class(self) -> list[dict[str, Any]]:
        """[{index, pictures, said, right, precision, recall}] of every class that is a label or an
        answer; None for what cannot be known."""
        count = self.logits.shape[1]
        some = self.labelled
        of, said, hit = (
            np.bincount(values, minlength=count)
            for values in (self.labels[some], self.said[some], self.labels[self.right])
        )
        return [
            {"index": int(i), "pictures": int(of[i]), "said": int(said[i]), "right": int(hit[i]),
             "precision": float(hit[i] / said[i]) if said[i] else None,
             "recall": float(hit[i] / of[i]) if of[i] else None}
            for i in np.flatnonzero(of + said)
        ]  # fmt: skip

    def pairs(self, rows: Sequence[int] | Array | None = None) -> list[Pair]:
        """What is taken for what, the most frequent first, then the surest; of these ``rows``
        alone, where they are given."""
        mine = np.flatnonzero(self.wrong)
        if rows is not None:
            mine = np.intersect1d(mine, np.asarray(rows, np.int64))
        order = mine[np.argsort(-self.confidence[mine], kind="stable")]
        found: dict[tuple[int, int], list[int]] = {}
        for row in order:
            found.setdefault((int(self.labels[row]), int(self.said[row])), []).append(int(row))
        pairs = [Pair(true, said, tuple(own)) for (true, said), own in found.items()]
        return sorted(pairs, key=lambda pair: -len(pair.rows))  # stable: then the surest


def confusion_order(judged: Judged) -> NDArray[np.int64]:
    """The classes that are a label or an answer, so ordered that those lie together that are taken
    for each other: the leaves of average linkage on how often each is taken for what, a picture's
    probabilities counting as parts of an answer."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    some = np.flatnonzero(judged.labelled)
    classes = np.union1d(judged.labels[some], judged.said[some])
    if len(classes) < 3:
        return classes
    chances = np.exp(log_softmax(judged.logits[some].astype(np.float64), axis=1))[:, classes]
    mean = np.zeros((len(classes), len(classes)))
    np.add.at(mean, np.searchsorted(classes, judged.labels[some]), chances)
    mean /= np.maximum(mean.sum(1, keepdims=True), 1e-12)
    near = mean + mean.T
    np.fill_diagonal(near, 0)
    near /= max(float(near.max()), 1e-12)
    rows, cols = np.triu_indices(len(classes), 1)
    order: NDArray[np.int64] = classes[leaves_list(linkage(1 - near[rows, cols], "average"))]
    return order
