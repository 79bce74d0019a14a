"""What an atlas is worth, in the figures that ``atlas info`` prints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Cells
from analysis.atlas.reading import Atlas, drawing_order

DOUBT = 0.7  # trust of a cell, below which its neighbours on the map are not to be relied on


def described(atlas: Atlas) -> dict[str, Any]:
    """{layer, model, pictures, points, places, skipped, layout, quality, grids, bytes, ...}."""
    made = atlas.manifest
    kept = ("title", "model", "layer", "grid", "points", "places", "classes", "layout", "quality")
    return {
        "key": atlas.folder.key, **{name: made[name] for name in kept},
        "pictures": len(made["pictures"]) - len(made["skipped"]),
        "skipped": [made["pictures"][i]["name"] for i in made["skipped"]]
        + made.get("unread", []),
        "grids": [of_grid(atlas, side) for side in atlas.grids()],
        "bytes": atlas.folder.size(), "folder": str(atlas.folder.root),
    }  # fmt: skip


def of_grid(atlas: Atlas, side: int) -> dict[str, Any]:
    """One grid: how many cells, how alike their samples are, and how true their icons.

    ``alike``: the mean cosine of a cell's samples to their mean, ``at_random`` the same of random
    groups of the same sizes; each sample is part of its own mean, in small groups a good part.
    ``icon_cosine``: the median over the icons drawn of the cosine between what the layer puts out
    at the icon's middle place and the cell's mean; ``icons_at_home``: the part of icons that land
    in their own cell or one beside it.
    """
    cells = atlas.cells(side)
    random = float(atlas.folder.get(f"cells-{side}")["random"][0])
    judged = judgement(atlas, side)
    drawn = ~np.isnan(judged[:, 0])
    alike = float(cells.alike.mean()) if len(cells) else float("nan")
    trust = cell_trust(atlas, cells)
    found: dict[str, Any] = {
        "side": side, "cells": len(cells), "apart": int(apart(cells).sum()),
        "samples": int(cells.count.sum()), "alike": alike, "at_random": random,
        "doubtful": int((trust < DOUBT).sum()), "icons": int(drawn.sum()),
    }  # fmt: skip
    if drawn.any():
        found["icon_cosine"] = float(np.median(judged[drawn, 0]))
        found["icons_at_home"] = float((judged[drawn, 1] <= 1).mean())
        found["judged_at"] = atlas.manifest["judged_at"]
    return found


def judgement(atlas: Atlas, side: int) -> NDArray[np.float32]:
    """(n, 2): cosine of each cell's icon to its mean, and how many cells off it lands; not a number
    where it is not drawn yet."""
    cells = atlas.cells(side)
    out = np.full((len(cells), 2), np.nan, np.float32)
    store = atlas.icons(side)
    for number, chosen in enumerate(drawing_order(cells)):
        if store.has(number):
            out[chosen] = store.part(number, "judged")
    return out


def cell_trust(atlas: Atlas, cells: Cells) -> NDArray[np.float32]:
    """(n,): the mean trust of those samples of each cell that were checked; not a number where none
    was."""
    out = np.full(len(cells), np.nan, np.float32)
    for i in range(len(cells)):
        own = atlas.trust[cells.of(i)]
        known = own[~np.isnan(own)]
        if len(known):
            out[i] = known.mean()
    return out


def apart(cells: Cells) -> NDArray[np.bool_]:
    """(n,): which cells lie beyond the main square."""
    inside = (cells.col >= 0) & (cells.row >= 0)
    inside &= (cells.col < cells.side) & (cells.row < cells.side)
    return ~inside
