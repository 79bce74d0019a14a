"""Cells: a map of points cut into a grid, and what the samples of each cell have in common.

Source: Carter et al., Activation Atlas (Distill 2019): the mean activation and the mean effects of
all samples of a cell, cells with more than five samples only, icons drawn at min(1, sqrt(density)).
Points that a layout put far away from all others keep their place: the main square is drawn around
the rest, and theirs are cells beyond it.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.vectors import Column, unit

Array = NDArray[Any]
LEAST = 6
FAR = 0.25  # of the extent of nearly all points: what lies further out than this lies apart
NEARLY = (0.01, 0.99)
LISTED = 12


@dataclass(frozen=True)
class Box:
    """The main square on the layout's own plane."""

    left: float
    top: float
    width: float
    height: float

    def scaled(self, points: Array) -> NDArray[np.float64]:
        """Points (N, 2) with the main square as [0, 1) x [0, 1)."""
        spread = np.array([self.width, self.height])
        scaled: NDArray[np.float64] = (
            np.asarray(points, np.float64) - (self.left, self.top)
        ) / spread
        return scaled


def main_box(points: Array) -> Box:
    """Around all points but those that lie apart; never without an extent."""
    low, high = (np.quantile(points, q, axis=0) for q in NEARLY)
    reach = FAR * (high - low)
    inside = ((points >= low - reach) & (points <= high + reach)).all(axis=1)
    kept = points[inside] if inside.any() else points
    first, last = kept.min(axis=0).astype(float), kept.max(axis=0).astype(float)
    spread = (last - first) * (1 + 1e-6)  # the last point lies inside, too
    spread = np.where(spread > 0, spread, 1.0)
    return Box(float(first[0]), float(first[1]), float(spread[0]), float(spread[1]))


@dataclass(frozen=True, eq=False)
class Cells:
    """The n cells of one grid of ``side`` x ``side`` over the main square, row by row.

    ``col``, ``row`` (n,): below 0 or from ``side`` on for cells that lie apart. ``count`` (n,):
    samples; ``size`` (n,): min(1, sqrt(density)), beside the mean of all cells. ``means`` (n, C):
    mean activation; ``effects`` (n, classes): mean effect in logits, and ``top`` (n, 12) the
    classes with the largest, best first. ``members`` (m,): numbers of the samples, cell by cell,
    and ``begins`` (n + 1,) where each cell's begin. ``alike`` (n,): mean cosine of the members to
    their mean.
    """

    side: int
    col: NDArray[np.int32]
    row: NDArray[np.int32]
    count: NDArray[np.int32]
    size: NDArray[np.float32]
    means: NDArray[np.float32]
    effects: NDArray[np.float32]
    top: NDArray[np.int32]
    members: NDArray[np.int32]
    begins: NDArray[np.int64]
    alike: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.col)

    def of(self, cell: int) -> NDArray[np.int32]:
        """The samples of one cell."""
        return self.members[self.begins[cell] : self.begins[cell + 1]]

    def find(self, col: int, row: int) -> int | None:
        """The number of the cell at a place; None where there is none."""
        found = np.flatnonzero((self.col == col) & (self.row == row))
        return int(found[0]) if len(found) else None

    def arrays(self) -> dict[str, Array]:
        """As plain arrays."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "side"}
        return {**plain, "side": np.array([self.side], np.int32)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, Array]) -> "Cells":
        """Back from ``arrays``."""
        rest = {f.name: arrays[f.name] for f in fields(cls) if f.name != "side"}
        return cls(side=int(arrays["side"][0]), **rest)


def owners(points: Array, box: Box, side: int) -> tuple[Array, Array]:
    """Column and row (N,) of the cell that each point falls into."""
    place = np.floor(box.scaled(points) * side).astype(np.int64)
    return place[:, 0], place[:, 1]


def gridded(
    points: Array, box: Box, side: int, vectors: Column | Array, effects: Column | Array
) -> Cells:
    """The cells of a grid: those of the main square that have enough samples, and those apart."""
    col, row = owners(points, box, side)
    order = np.lexsort((np.arange(len(col)), col, row))
    change = np.flatnonzero((np.diff(col[order]) != 0) | (np.diff(row[order]) != 0)) + 1
    groups = np.split(order, change) if len(order) else []
    inside = [0 <= col[g[0]] < side and 0 <= row[g[0]] < side for g in groups]
    kept = [g for g, main in zip(groups, inside, strict=True) if len(g) >= LEAST or not main]
    count = np.array([len(g) for g in kept], np.int32)
    means, alike = _means(vectors, kept)
    speak = _summed(effects, kept) / np.maximum(1, count)[:, None]
    order = np.argsort(-speak, axis=1, kind="stable")[:, :LISTED]
    first = np.array([g[0] for g in kept], np.int64)
    return Cells(
        side, col[first].astype(np.int32), row[first].astype(np.int32), count,
        np.sqrt(np.minimum(1, count / max(1.0, float(count.mean()) if len(count) else 1.0))).astype(
            np.float32
        ),
        means, speak.astype(np.float32), order.astype(np.int32),
        np.concatenate(kept).astype(np.int32) if kept else np.zeros(0, np.int32),
        np.concatenate([[0], np.cumsum(count)]).astype(np.int64), alike,
    )  # fmt: skip


def _means(vectors: Column | Array, groups: list[Array]) -> tuple[Array, Array]:
    """Mean vectors (n, C), and the mean cosine of the members of each group to it (n,)."""
    count = np.array([len(g) for g in groups])
    means = (_summed(vectors, groups) / np.maximum(1, count)[:, None]).astype(np.float32)
    directions = unit(means)
    alike = np.array(
        [float((unit(vectors[g]) @ directions[i]).mean()) for i, g in enumerate(groups)], np.float32
    )
    return means, alike


def _summed(rows: Column | Array, groups: list[Array]) -> NDArray[np.float64]:
    """(n, C): the sum of the rows of each group, in one pass over the rows: they may lie in
    thousands of files, and each group in all of them."""
    column = rows if isinstance(rows, Column) else Column([rows])
    out = np.zeros((len(groups), rows.shape[1]))
    members = np.concatenate([np.zeros(0, np.int64), *groups])
    owner = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    order = np.argsort(members, kind="stable")
    members, owner = members[order], owner[order]
    for begin, block in column.blocks():
        first, last = np.searchsorted(members, (begin, begin + len(block)))
        mine = first + np.argsort(owner[first:last], kind="stable")
        starts = np.flatnonzero(np.diff(owner[mine], prepend=-1))
        found = np.asarray(block[members[mine] - begin], np.float64)
        if len(found):
            out[owner[mine][starts]] += np.add.reduceat(found, starts, axis=0)
    return out


def alike_at_random(vectors: Column | Array, cells: Cells, seed: int = 0) -> float:
    """What ``alike`` is, in the mean, of groups as large as the cells, drawn at random: what a
    grid that says nothing would have."""
    draws = np.random.default_rng(seed)
    every = len(vectors)
    groups = [draws.choice(every, min(every, int(n)), replace=False) for n in cells.count]
    return float(_means(vectors, groups)[1].mean()) if groups else float("nan")
