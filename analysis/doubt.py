"""Which labels to look at before anybody explains them, and which pictures are there twice.

A label is doubted where two witnesses that do not know it contradict it: the network, which is sure
of another class, and the pictures that lie nearest in activation space: those of the other class
are clearly more alike to it than those of its own. What both share, the network, can be wrong in
both: a doubt asks for a look, no more.

With a tenth of the labels changed at random, 75 % and 88 % of the marks on two shared sets lay on
changed ones, and a third to a half of those were found; of labels changed to the class that the
network takes the picture for next, half of the marks did (`benchmarks/labels.py`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.mistakes import Judged
from cache.vectors import nearest, unit

Array = NDArray[Any]
TOLD_BY = 3  # nearest pictures of a class, whose mean cosine says how alike it is
WITNESSES = 2  # pictures of the other class, at least
CLEARLY = 0.05  # by so much more alike
SURE, SLIGHT = 0.3, 0.01  # probability of the other class at least, of its own at most
ROWS = 1024  # pictures at a time that are compared with all
EXACTLY = 1e-3  # how far, in parts of its length, the activations of a blank picture's copy may lie
SAME, ALIKE = 0.99, 0.6  # of near duplicates: correlation of grey thumbnails, cosine of activations


@dataclass(frozen=True, eq=False)
class Doubts:
    """``check`` (N,): whose label to look at; ``own`` and ``other`` (N,): how alike the nearest
    pictures of its label are, and those of the answer (cosine; NaN where nothing was asked);
    ``twins`` (N,): the row of a near duplicate, or -1."""

    check: NDArray[np.bool_]
    own: NDArray[np.float32]
    other: NDArray[np.float32]
    twins: NDArray[np.int64]


def doubts(judged: Judged, vectors: Array, thumbs: Array) -> Doubts:
    """Looks at every labelled picture that is answered otherwise. ``vectors`` (N, C), ``thumbs``
    (N, pixels)."""
    own, other = (np.full(len(judged), np.nan, np.float32) for _ in range(2))
    check = np.zeros(len(judged), bool)
    directions = unit(vectors - vectors.mean(0, dtype=np.float64))
    of_class = {int(c): np.flatnonzero(judged.labels == c) for c in np.unique(judged.labels)}
    asked = judged.wrong & (judged.confidence >= SURE) & (judged.own <= SLIGHT)
    for row in map(int, np.flatnonzero(asked)):
        others = of_class.get(int(judged.said[row]), np.empty(0, np.int64))
        own[row] = _alike(directions, row, of_class[int(judged.labels[row])])
        other[row] = _alike(directions, row, others)
        check[row] = len(others) >= WITNESSES and other[row] > own[row] + CLEARLY
    return Doubts(check, own, other, near_duplicates(vectors, thumbs))


def _alike(directions: Array, row: int, those: NDArray[np.int64]) -> float:
    """Mean cosine of the nearest of ``those`` rows, itself left out; 0 where there is none."""
    cosines = directions[those[those != row]] @ directions[row]
    return float(np.sort(cosines)[-TOLD_BY:].mean()) if len(cosines) else 0.0


def near_duplicates(vectors: Array, thumbs: Array) -> NDArray[np.int64]:
    """(N,): the row of the picture that each shows again, or -1: the same to the eye, in grey and
    16 x 16, and alike to the network. A photograph saved anew at half its size or at quality 60
    keeps .997 of the one, but of the other as little as .64; unlike ones come to .82. A blank
    picture shows again what is as bright and has the same activations."""
    count = len(vectors)
    twins = np.full(count, -1, np.int64)
    directions, grey = unit(vectors), thumbs.astype(np.float32)
    grey = unit(grey - grey.mean(1, keepdims=True))
    for begin in range(0, count if count > 1 else 0, ROWS):
        rows = np.arange(begin, min(begin + ROWS, count))
        same = grey[rows] @ grey.T
        same[rows - begin, rows] = -np.inf
        found = same.argmax(1)
        alike = (directions[rows] * directions[found]).sum(1)
        twice = (same[rows - begin, found] >= SAME) & (alike >= ALIKE)
        twins[rows] = np.where(twice, found, -1)
    return _with_blanks(twins, vectors, thumbs)


def _with_blanks(twins: NDArray[np.int64], vectors: Array, thumbs: Array) -> NDArray[np.int64]:
    """The same, with the blank pictures that are there again: in grey they all look alike, so their
    activations must be the same; where the network is silent nothing is said."""
    blank = np.flatnonzero((thumbs.min(1) == thumbs.max(1)) & np.any(vectors != 0, axis=1))
    for row in map(int, blank):
        others = blank[(blank != row) & (thumbs[blank, 0] == thumbs[row, 0])]
        apart = np.linalg.norm((vectors[others] - vectors[row]).astype(np.float64), axis=1)
        length = np.linalg.norm(vectors[row].astype(np.float64))
        near = others[apart <= EXACTLY * length]
        if len(near):
            twins[row] = near[0]
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
