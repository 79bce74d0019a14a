"""How choosy each neuron of a layer is, and which classes it speaks for, out of a pass over
pictures.

Two measures from the literature, both 0 for a neuron that answers to all alike and 1 for one that
answers to one thing only. Where classes have several pictures each: the class selectivity index of
Morcos et al. ("On the importance of single directions for generalization", 2018). Where they have
hardly more than one, a class mean says nothing about a class: lifetime sparseness, the measure of
Treves and Rolls (1991) in the form of Vinje and Gallant (2000). A response is a neuron's activation
at its strongest place of a picture; below zero it counts as none.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.tally import BINS, Array, Examples

ENOUGH = 2.0
"""Pictures a class, on average, from which on class means are compared."""
HOLDS = 0.5
"""A neuron speaks for the classes that it answers at least this much of its best one."""
LISTED = 6
"""And for so many at the most."""


@dataclass(frozen=True, eq=False)
class Selectivity:
    """``values`` (C,), 0 to 1; ``kind`` says by which measure."""

    kind: Literal["class selectivity", "lifetime sparseness"]
    values: Array


def selectivity(examples: Examples) -> Selectivity:
    """By classes where they have pictures enough, else over single pictures."""
    several = len(examples.per_class) > 1 and float(examples.per_class.mean()) >= ENOUGH
    if several:
        return Selectivity("class selectivity", class_selectivity(examples.profile))
    return Selectivity("lifetime sparseness", lifetime_sparseness(examples))


def class_selectivity(profile: Array) -> Array:
    """(C,) from mean responses (C, K): the best class's mean minus the mean of the others', over
    their sum; 0 for a neuron that answers nothing, and for fewer than two classes."""
    if profile.shape[1] < 2:
        return np.zeros(len(profile), np.float32)
    means = np.maximum(profile, 0)
    best = means.max(axis=1)
    others = (means.sum(axis=1) - best) / (profile.shape[1] - 1)
    total = best + others
    index: Array = np.divide(best - others, total, out=np.zeros_like(total), where=total > 0)
    return index


def lifetime_sparseness(examples: Examples) -> Array:
    """(C,): (1 - mean(r)^2 / mean(r^2)) / (1 - 1/n) over the n pictures; 0 for a neuron that
    answers nothing or where there is one picture only."""
    mean, square = _moments(examples)
    if examples.pictures < 2:
        return np.zeros(len(mean), np.float32)
    dense = np.divide(mean**2, square, out=np.ones_like(square), where=square > 0)
    return np.clip((1 - dense) / (1 - 1 / examples.pictures), 0, 1).astype(np.float32)


def _moments(examples: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and mean square of the responses without what is below zero: exact, but for neurons that
    were below zero at every place of some picture, which are taken off the histogram."""
    mean = examples.mean.astype(np.float64)
    square = examples.sd.astype(np.float64) ** 2 + mean**2
    below = examples.counts[:, : BINS // 2].any(axis=1)
    if below.any():
        middles = (np.arange(BINS // 2) + 0.5) * 2 / BINS
        size = np.ldexp(middles, examples.exponent[below, None])
        share = examples.counts[below, BINS // 2 :] / max(1, examples.pictures)
        mean[below], square[below] = (share * size).sum(1), (share * size**2).sum(1)
    return mean, square


def spoken_for(examples: Examples, *, top: int = LISTED) -> list[list[int]]:
    """For each neuron the indices of the classes that it answers most, best first, at most ``top``;
    none for a neuron that answers nothing."""
    order = np.argsort(-examples.profile, axis=1, kind="stable")[:, :top]
    values = np.take_along_axis(examples.profile, order, 1)
    holds = (values > 0) & (values >= HOLDS * values[:, :1])
    return [
        [int(examples.classes[i]) for i in row[held]]
        for row, held in zip(order, holds, strict=True)
    ]
