"""An atlas as plain files: its grids as pictures, its cells as a document, its samples as rows."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.info import apart, judgement
from analysis.atlas.reading import PICTURE, PLACE, SAID, Atlas
from analysis.atlas.shown import Shown, pictures, shown

CLASSES = 6  # of a cell, best first
COLUMNS = ("picture", "row", "col", "label", "said", "x", "y", "label_index", "said_index")
EMPTY = 128


def picture(atlas: Atlas, side: int) -> NDArray[np.uint8]:
    """A grid (H, W, 3): every icon at its own size where its cell lies, what lies apart in rows
    below the square (``spots``); grey where there is none."""
    icons, grid = pictures(atlas, side), shown(atlas, side)
    size, at = grid.icon, spots(atlas, side)
    rows = side + ceil(int(apart(atlas.cells(side)).sum()) / side)
    out = np.full((rows * size, side * size, 3), EMPTY, np.uint8)
    for i in np.flatnonzero(grid.drawn):
        x, y = at[i]
        out[y : y + size, x : x + size] = icons[i]
    return out


def spots(atlas: Atlas, side: int) -> NDArray[np.int64]:
    """(n, 2): the left and upper edge of each cell in ``picture``, in pixels."""
    cells, size = atlas.cells(side), shown(atlas, side).icon
    at = np.stack([cells.col, cells.row], axis=1).astype(np.int64)
    beyond = np.flatnonzero(apart(cells))
    number = np.arange(len(beyond))
    at[beyond] = np.stack([number % side, side + number // side], axis=1)
    return at * size


def document(atlas: Atlas, names: Sequence[str]) -> dict[str, Any]:
    """What the atlas is, and every cell of every grid; ``names``: the network's classes."""
    made = atlas.manifest
    kept = ("model", "layer", "channels", "grid", "points", "classes", "layout", "quality")
    return {
        "key": atlas.folder.key, **{name: made[name] for name in kept},
        "grids": [
            {"side": side, "icon": shown(atlas, side).icon, "cells": _cells(atlas, side, names)}
            for side in atlas.grids()
        ],
    }  # fmt: skip


def _cells(atlas: Atlas, side: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """``at``: its left and upper edge in the picture; ``icon_off``: how many cells off its own the
    icon lands; None for what is not known."""
    grid, cells, judged = shown(atlas, side), atlas.cells(side), judgement(atlas, side)
    at = spots(atlas, side)
    return [
        {
            "col": int(grid.col[i]), "row": int(grid.row[i]), "at": at[i].tolist(),
            "samples": int(grid.count[i]), "size": _number(grid.size[i]),
            "alike": _number(cells.alike[i]), "trust": _number(grid.trust[i]),
            "icon_cosine": _number(judged[i, 0]),
            "icon_off": None if np.isnan(judged[i, 1]) else int(judged[i, 1]),
            "classes": _speaks(grid, i, names),
        }
        for i in range(len(grid))
    ]  # fmt: skip


def _speaks(grid: Shown, cell: int, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"class": names[c], "index": int(c), "effect": _number(grid.effects[cell, c])}
        for c in grid.top[cell][:CLASSES]
    ]


def rows(atlas: Atlas, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Every sample as ``COLUMNS``: its picture's name, its place in the layer's grid, label and
    answer, and where it lies on the map, whose main square is 0 to 1."""
    columns, listed = atlas.manifest["grid"][1], atlas.manifest["pictures"]
    there = atlas.box.scaled(atlas.points)
    samples = atlas.samples.all()
    for sample, label, (x, y) in zip(samples, atlas.labels(samples), there, strict=True):
        said = int(sample[SAID])
        known = label >= 0
        yield (
            listed[sample[PICTURE]]["name"], *divmod(int(sample[PLACE]), columns),
            names[label] if known else "", names[said], round(float(x), 5), round(float(y), 5),
            int(label) if known else "", said,
        )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
