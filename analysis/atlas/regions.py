"""The regions of a map: cells side by side that speak for one group of classes ("animals", "dogs"),
and where its word stands. For networks with ImageNet's classes (``analysis.classgroups``)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Cells
from analysis.atlas.shown import Shown
from analysis.classgroups import CLASSES, imagenet_groups, shares

Array = NDArray[Any]
PART = 0.25  # of what sets a cell apart must be the group's
BEYOND = 1.5  # times as much as a group's share of all classes, for the large ones
LEAST = 3  # cells
FINEST = 40  # cells of a finer grid are too small for a word, and have too few samples


@dataclass(frozen=True)
class Region:
    """``group``: its number in ``imagenet_groups``; ``cells``: numbers of the grid's cells;
    ``share``: the mean part of what sets these apart that is the group's; ``x``, ``y``: the middle
    of the cell where its word stands, in the main square."""

    group: int
    cells: tuple[int, ...]
    share: float
    x: float
    y: float


def regions(grid: Cells | Shown) -> list[Region]:
    """Those of one grid, the largest first."""
    near = _near(grid)
    own = shares(grid.effects, grid.count)
    weight = near * np.asarray(grid.count, np.float32)
    # a cell of strangers amid a region is in it, and a cell by itself is none
    smooth = (own + weight @ own / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)) / 2
    found = []
    for number, group in enumerate(imagenet_groups()):
        needed = max(PART, BEYOND * len(group.classes) / CLASSES)
        for cells in connected(smooth[:, number] >= needed, near):
            if len(cells) >= LEAST:
                found.append(_region(grid, number, cells, own[cells, number]))
    return sorted(found, key=lambda one: -len(one.cells))


def told(grids: list[Shown]) -> list[dict[str, Any]]:
    """As the map's document has it: the great groups of the coarsest grid and the smaller ones of a
    finer, [{index, x, y, great, part}]; ``index`` counts on after the classes, ``part``: of the
    main square."""
    if not grids or grids[0].effects.shape[1] != CLASSES:
        return []
    groups, out = imagenet_groups(), []
    coarse = grids[0]
    fine = max((g for g in grids if g.side <= FINEST), key=lambda g: g.side, default=coarse)
    for grid, great in ((coarse, True), (fine, False)):
        for one in regions(grid):
            if groups[one.group].great == great:
                out.append({
                    "index": CLASSES + one.group, "x": round(one.x, 4), "y": round(one.y, 4),
                    "great": int(great), "part": round(len(one.cells) / grid.side**2, 5),
                })  # fmt: skip
    return out


def connected(chosen: NDArray[np.bool_], near: NDArray[np.bool_]) -> list[list[int]]:
    """The chosen ones (n,) in runs of neighbours; ``near`` (n, n)."""
    left, found = {int(i) for i in np.flatnonzero(chosen)}, []
    while left:
        cells = [left.pop()]
        for i in cells:  # grows meanwhile
            beside = [j for j in left if near[i, j]]
            left.difference_update(beside)
            cells += beside
        found.append(sorted(cells))
    return found


def _near(grid: Cells | Shown) -> NDArray[np.bool_]:
    """(n, n): side by side, or the same, and both within the main square."""
    col, row = np.asarray(grid.col, np.int64), np.asarray(grid.row, np.int64)
    inside = (col >= 0) & (row >= 0) & (col < grid.side) & (row < grid.side)
    far = np.maximum(np.abs(col[:, None] - col), np.abs(row[:, None] - row))
    near: NDArray[np.bool_] = (far <= 1) & inside[:, None] & inside
    return near


def _region(grid: Cells | Shown, number: int, cells: list[int], own: Array) -> Region:
    """Its word stands on the cell nearest to the middle of what speaks for it."""
    place = (np.stack([grid.col[cells], grid.row[cells]], axis=1) + 0.5) / grid.side
    middle = np.average(place, axis=0, weights=own + 1e-6)
    x, y = place[int(np.argmin(np.square(place - middle).sum(axis=1)))]
    return Region(number, tuple(cells), float(own.mean()), float(x), float(y))
