"""Which labels to look at before anybody explains them, and which pictures are there twice.

A label is doubted where two witnesses that do not know it contradict it: the network, which is sure
of another class, and the pictures that lie nearest in activation space, more of which carry that
other class. What both share, the network, can be wrong in both: a doubt asks for a look, no more.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.mistakes import Judged
from cache.vectors import nearest, unit

Array = NDArray[Any]
NEIGHBOURS = 10
SURE = 0.5  # the network's probability of the other class, at least
SLIGHT = 0.1  # and of the label's, at most
TWICE = 0.98  # cosine of activations, and correlation of grey thumbnails, of near duplicates


@dataclass(frozen=True, eq=False)
class Doubts:
    """``check`` (N,): whose label to look at; ``own`` and ``other`` (N,): the weight of the nearest
    pictures that carry its label, and of those that carry the answer; ``twins`` (N,): the row of a
    near duplicate, or -1."""

    check: NDArray[np.bool_]
    own: NDArray[np.float32]
    other: NDArray[np.float32]
    twins: NDArray[np.int64]


def doubts(judged: Judged, vectors: Array, thumbs: Array) -> Doubts:
    """Looks at every labelled picture that is answered otherwise. ``vectors`` (N, C), ``thumbs``
    (N, pixels)."""
    twins = near_duplicates(vectors, thumbs)
    own, other = (np.zeros(len(judged), np.float32) for _ in range(2))
    rows, known = np.flatnonzero(judged.wrong), np.flatnonzero(judged.labelled)
    if len(rows) and len(known) > 1:
        cosines, found = nearest(
            vectors[known], vectors[rows], NEIGHBOURS,
            leave_out=np.searchsorted(known, rows),
        )  # fmt: skip
        weights, labels = np.maximum(cosines, 0), judged.labels[known][found]
        own[rows] = (weights * (labels == judged.labels[rows][:, None])).sum(1)
        other[rows] = (weights * (labels == judged.said[rows][:, None])).sum(1)
    sure = judged.wrong & (judged.confidence >= SURE)
    slight = judged.probability(np.maximum(judged.labels, 0)) <= SLIGHT
    return Doubts(sure & slight & (other > own), own, other, twins)


def near_duplicates(vectors: Array, thumbs: Array) -> NDArray[np.int64]:
    """(N,): the row of the picture that each shows again, or -1: alike to the network and, in grey
    and 16 x 16, to the eye."""
    count = len(vectors)
    if count < 2:
        return np.full(count, -1, np.int64)
    cosines, found = nearest(vectors, vectors, 1, leave_out=np.arange(count))
    grey = thumbs.astype(np.float32)
    grey = unit(grey - grey.mean(1, keepdims=True))
    alike = (grey * grey[found[:, 0]]).sum(1)
    twice = (cosines[:, 0] >= TWICE) & (alike >= TWICE)
    twins: NDArray[np.int64] = np.where(twice, found[:, 0], -1)
    return twins


def right_twin(judged: Judged, vectors: Array, row: int, wanted: int) -> int | None:
    """The row of the picture of class ``wanted`` that is answered right and lies nearest to
    ``row`` in activation space; None where there is none."""
    mine = np.flatnonzero(judged.right & (judged.labels == wanted))
    mine = mine[mine != row]
    if not len(mine):
        return None
    _, found = nearest(vectors[mine], vectors[[row]], 1)
    return int(mine[found[0, 0]])
