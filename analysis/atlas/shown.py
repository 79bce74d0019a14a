"""What the page shows of one grid of an atlas, built here or shipped with the program."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Cells
from analysis.atlas.info import DOUBT, cell_trust, judgement
from analysis.atlas.reading import Atlas, drawing_order
from analysis.classgroups import CLASSES, evidence, imagenet_groups
from cache.errors import UserError
from cache.maps import ShippedMap
from cache.mosaics import MOST_IN_MOSAIC, columns, levels
from cache.vectors import unit

Array = NDArray[Any]
FAINT = 0.2
TOLD = 3  # classes of a cell in the map's document; the cell's own panel tells more


@dataclass(frozen=True, eq=False)
class Shown:
    """The n cells of a grid: where they are, how many samples, how large and how true their icons,
    and for which classes they speak. ``trust`` (n,): not a number where no sample of the cell was
    checked; ``cosine`` (n,): of the icon to the cell's mean; ``at_home`` (n,) bool: it lands in its
    own cell or one beside it. ``icon``: pixels."""

    side: int
    icon: int
    col: Array
    row: Array
    count: Array
    size: Array
    trust: Array
    drawn: Array
    cosine: Array
    at_home: Array
    top: Array
    means: Array
    effects: Array

    def __len__(self) -> int:
        return len(self.col)

    def find(self, col: int, row: int) -> int | None:
        """The number of the cell at a place; None where there is none."""
        found = np.flatnonzero((self.col == col) & (self.row == row))
        return int(found[0]) if len(found) else None

    def on_class(self, index: int) -> NDArray[np.float32]:
        """(n,): the mean effect on one class, in logits; of numbers beyond the classes on a group
        of them (``classgroups.evidence``). UserError: no such class."""
        classes = self.effects.shape[1]
        groups = imagenet_groups() if classes == CLASSES else ()
        if not 0 <= index < classes + len(groups):
            raise UserError(f"there is no class {index}: this network has {classes}")
        if index >= classes:
            return evidence(self.effects, groups[index - classes])
        values: NDArray[np.float32] = np.asarray(self.effects[:, index], np.float32)
        return values

    @cached_property
    def told(self) -> dict[str, Any]:
        """As the map's document has it (see ``document``)."""
        few = self.top[:, :TOLD]
        effect = np.take_along_axis(np.asarray(self.effects), few, 1)
        trust = np.where(np.isnan(self.trust), 1.0, self.trust)
        return {
            "side": self.side, "icon": self.icon,
            "col": self.col.tolist(), "row": self.row.tolist(), "count": self.count.tolist(),
            "size": _rounded(self.size), "trust": _rounded(trust),
            "drawn": self.drawn.astype(int).tolist(), "top": few.tolist(),
            "effect": [_rounded(line) for line in effect], "perRow": columns(len(self)),
        }  # fmt: skip


def shown(atlas: Atlas, side: int) -> Shown:
    """A grid of an atlas that was built here, as far as it is drawn."""
    cells, judged = atlas.cells(side), judgement(atlas, side)
    return Shown(
        side, icon_side(atlas), cells.col, cells.row, cells.count, cells.size,
        cell_trust(atlas, cells), ~np.isnan(judged[:, 0]), judged[:, 0], judged[:, 1] <= 1,
        cells.top, cells.means, cells.effects,
    )  # fmt: skip


def shipped_grid(found: ShippedMap, side: int) -> Shown:
    """A grid of a map that came with the program."""
    own = found.grids[side]
    size = found.images(side).shape[1]
    plain = {n: own[n] for n in ("col", "row", "count", "size", "trust", "cosine", "top")}
    return Shown(
        side=side, icon=size, **plain, drawn=np.ones(len(own["col"]), bool),
        at_home=own["at_home"].astype(bool), means=own["means"], effects=own["effects"],
    )  # fmt: skip


def icon_side(atlas: Atlas) -> int:
    """Pixels of an icon as it is shown; 80 while there is none."""
    begin, end = _window(atlas) or (0, 80)
    return end - begin


def pictures(atlas: Atlas, side: int) -> NDArray[np.uint8]:
    """(n, S, S, 3): the icons of a grid, as much of them as the layer's places see; grey where one
    is not drawn yet."""
    cells, store, size = atlas.cells(side), atlas.icons(side), icon_side(atlas)
    out = np.full((len(cells), size, size, 3), 128, np.uint8)
    begin, end = _window(atlas) or (0, size)
    for number, chosen in enumerate(drawing_order(cells)):
        if store.has(number):
            out[chosen] = store.part(number, "images")[:, begin:end, begin:end]
    return out


def filled(images: NDArray[np.uint8]) -> tuple[int, int]:
    """(begin, end), along either side, of the middle square of icons (n, S, S, 3) that has shapes
    in it: a place of an early layer sees a small part of the picture, and the rest stays grey.
    What lies further out has less than ``FAINT`` of the detail of the middle."""
    whole = images.shape[1]
    values = images.astype(np.float32)
    down, right = (np.abs(np.diff(values, axis=axis)).mean(axis=(0, 3)) for axis in (1, 2))
    detail = down[:, :-1] + right[:-1]
    away = np.abs(np.arange(whole - 1) - (whole - 2) / 2)
    ring = np.maximum(away[:, None], away)
    wide = max(1, whole // 20)
    rings = [detail[(ring <= h) & (ring > h - wide)].mean() for h in range(wide, whole // 2)]
    if not rings or max(rings) <= 0:
        return 0, whole
    furthest = wide + int(np.flatnonzero(np.array(rings) >= FAINT * max(rings))[-1])
    begin = max(0, min(whole // 2 - furthest - 1, 3 * whole // 8))
    return begin, whole - begin


def _window(atlas: Atlas) -> tuple[int, int] | None:
    """The part of every icon that is shown, by the first that were drawn; None while none is."""
    for side in atlas.grids():
        store = atlas.icons(side)
        if store.has(0):
            return filled(store.part(0, "images"))
    return None


def document(base: str, head: dict[str, Any], grids: list[Shown]) -> bytes:
    """The map as the page's script reads it (``assets/atlas.js``): ``head`` says what it is,
    ``base`` is where its pictures are."""
    listed = []
    for grid in grids:
        many = len(grid) > MOST_IN_MOSAIC
        tiles = {"base": f"{base}/tiles/{grid.side}", "levels": levels(grid.side, grid.icon)}
        listed.append({
            **grid.told, "tiles": tiles if many else None,
            "mosaic": None if many or not grid.drawn.any() else f"{base}/{grid.side}.webp",
        })  # fmt: skip
    whole = {**head, "doubt": DOUBT, "grids": listed}
    return json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()


def placed_by_cells(vectors: Array, grid: Shown) -> NDArray[np.float64]:
    """(M, 2): where vectors (M, C) belong by the cells' means alone, for a map whose samples are
    not there: the middle of the cell with the largest cosine."""
    best = (unit(vectors) @ unit(grid.means).T).argmax(axis=1)
    place: NDArray[np.float64] = (np.stack([grid.col, grid.row], axis=1)[best] + 0.5) / grid.side
    return place


def neighbours(cells: Cells | Shown, cell: int) -> list[int]:
    """The cells beside one."""
    near = np.maximum(np.abs(cells.col - cells.col[cell]), np.abs(cells.row - cells.row[cell])) == 1
    return [int(i) for i in np.flatnonzero(near)]


def _rounded(values: Array) -> list[float]:
    return [round(float(v), 3) for v in values]
