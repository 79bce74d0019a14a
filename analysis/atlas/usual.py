"""What activations usually do to a class, over all samples of a sweep.

The effect of one sample is its activation times the gradient in its own picture. For a class that
is nowhere near the answer, a single gradient is mostly chance: what speaks most for "golden
retriever" in inception4d is then a pencil or a watch. The part of the effects that is linear in the
activation (ridge regression over all samples) is what such activations do in most pictures, and
finds noses and fur. Behind a layer from which the network is linear both are the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.vectors import Column

Array = NDArray[Any]
RIDGE = 0.1  # of the mean second moment; from .001 to 1 held-out pictures are told about as well


def usual_effects(vectors: Column, effects: Column, classes: Sequence[int]) -> NDArray[np.float32]:
    """(N, k): what each of N samples usually does to k classes, in logits, from ``vectors`` (N, C)
    and ``effects`` (N, classes)."""
    wide, own = vectors.shape[1] + 1, list(classes)
    moment, mixed = np.zeros((wide, wide)), np.zeros((wide, len(own)))
    for (_, rows), (_, speak) in zip(vectors.blocks(), effects.blocks(), strict=True):
        x = _with_one(rows)
        moment += x.T @ x
        mixed += x.T @ speak[:, own].astype(np.float64)
    moment[np.diag_indices(wide)] += RIDGE * max(float(np.trace(moment)) / wide, 1e-30)
    weights = np.linalg.solve(moment, mixed)
    parts = [_with_one(rows) @ weights for _, rows in vectors.blocks()]
    return np.concatenate(parts).astype(np.float32)


def evened(values: Array) -> NDArray[np.float32]:
    """(N,): from -1 to 1, with the sign of ``values`` and in their order: on either side of zero
    one is as far from the next as any other. Most samples say nearly as much for one class as for
    another; by the plain difference they would all lie in the middle, and the few that tell them
    apart in cells too thin to be drawn."""
    out = np.zeros(len(values), np.float32)
    for sign in (-1, 1):
        side = np.flatnonzero(np.sign(values) == sign)
        order = np.argsort(np.abs(values[side]), kind="stable")
        out[side[order]] = sign * np.arange(1, len(side) + 1) / max(1, len(side))
    return out


def _with_one(rows: Array) -> NDArray[np.float64]:
    return np.concatenate([rows.astype(np.float64), np.ones((len(rows), 1))], axis=1)
