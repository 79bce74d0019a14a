"""Numbers on a grid, made small enough for the page."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def blocks(values: NDArray[Any], most: int, how: str) -> NDArray[np.float64]:
    """(h, w) in at most ``most`` cells a side: the mean or the sum of what falls into each cell."""
    rows, cols = (_block_of(size, most) for size in values.shape)
    sums = np.zeros((rows.max() + 1, cols.max() + 1))
    counts = np.zeros_like(sums)
    np.add.at(sums, (rows[:, None], cols[None, :]), values)
    np.add.at(counts, (rows[:, None], cols[None, :]), 1)
    return sums / counts if how == "mean" else sums


def _block_of(size: int, most: int) -> NDArray[np.int64]:
    return np.arange(size) * min(size, most) // size


def numbers(values: Any) -> list[float]:
    """Row by row in four digits: what a picture of them needs."""
    return [float(f"{v:.4g}") for v in np.asarray(values, np.float64).ravel()]
