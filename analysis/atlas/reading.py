"""An atlas that is laid out, to be read. Imports no torch: the page's process reads atlases too."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Box, Cells
from cache.atlas import MANIFEST, Folder, atlas_folder, sweep_folder
from cache.errors import UserError
from cache.vectors import Column, Shards

Array = NDArray[Any]
COLUMNS = ("vectors", "effects", "samples")  # of a sweep's shards
PICTURE, PLACE, LABEL, SAID = range(4)  # the columns of ``samples``
ICONS = ("images", "centres", "judged")
BATCH = 16  # icons drawn at once
ICON_RECIPE = 1  # raise when icons come out otherwise: they are drawn anew, the layout stays


def drawing_order(cells: Cells) -> list[NDArray[np.int64]]:
    """The cells in batches, those with the most samples first: what is seen first is drawn
    first."""
    order = np.argsort(-cells.count, kind="stable")
    return [order[i : i + BATCH] for i in range(0, len(order), BATCH)]


class Atlas:
    """An atlas that is laid out, to be read: its points, samples, cells and icons."""

    def __init__(self, folder: Folder, shards: Shards) -> None:
        self.folder, self.shards = folder, shards
        self.manifest: dict[str, Any] = folder.get(MANIFEST, "json")
        self.layout: dict[str, Array] = folder.get("layout")
        self.points, self.trust = self.layout["points"], self.layout["trust"]
        self.box = Box(**self.manifest["box"])
        self._cells: dict[int, Cells] = {}

    @cached_property
    def vectors(self) -> Column:
        """The mapped samples' activations (N, C)."""
        return self._mapped("vectors")

    @cached_property
    def effects(self) -> Column:
        """The mapped samples' effects (N, classes)."""
        return self._mapped("effects")

    @cached_property
    def samples(self) -> Column:
        """The mapped samples' picture, place, label and answer (N, 4)."""
        return self._mapped("samples")

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(N,): the numbers of the mapped samples among those of the sweep as it is now: it may
        have been removed, and made again with other pictures left out. UserError: some are gone."""
        rows: NDArray[np.int64] = self.layout["rows"]
        samples = self.shards.column("samples")
        whose = self.layout.get("whose")  # layouts of earlier versions do not say it
        inside = not len(rows) or rows.max() < len(samples)
        if inside and (whose is None or np.array_equal(samples[rows][:, : PLACE + 1], whose)):
            return rows
        found = None if whose is None else _found_again(whose, samples)
        if found is None:
            raise UserError(
                f"samples of the atlas of {self.manifest['layer']} are not there any more: build "
                "it again, and its map stays as it is; where its pictures have changed, remove "
                f"{self.folder.root} before"
            )
        return found

    def labels(self, samples: Array) -> NDArray[np.int64]:
        """(M,): the class that the pictures of these samples (M, 4) are labelled with, as when the
        atlas was last built; -1 where none is known."""
        told = self.manifest.get("labels")
        own = samples[:, LABEL] if told is None else np.array(told)[samples[:, PICTURE]]
        return np.asarray(own, np.int64)

    def _mapped(self, name: str) -> Column:
        whole, rows = self.shards.column(name), self.rows
        same = len(rows) == len(whole) and np.array_equal(rows, np.arange(len(rows)))
        return whole if same else Column([whole[rows]])

    def grids(self) -> list[int]:
        """The sides of the grids that are cut, coarse first."""
        found = (path.stem for path in self.folder.root.glob("cells-*.safetensors"))
        return sorted(int(stem.removeprefix("cells-")) for stem in found)

    def cells(self, side: int) -> Cells:
        """The cells of a grid."""
        if side not in self._cells:
            self._cells[side] = Cells.of_arrays(self.folder.get(f"cells-{side}"))
        return self._cells[side]

    def icons(self, side: int) -> Shards:
        """The icons of a grid, in batches of ``icons.drawing_order``."""
        return Shards(self.folder.root / f"icons-{side}.{ICON_RECIPE}", ICONS)


def _found_again(whose: Array, samples: Column) -> NDArray[np.int64] | None:
    """(N,): where the samples with these pictures and places (N, 2) are; None where one is not."""
    if not len(samples):
        return None
    there = _one_number(samples.all())
    order = np.argsort(there, kind="stable")
    wanted = _one_number(whose)
    at = order[np.minimum(np.searchsorted(there[order], wanted), len(order) - 1)]
    return at if np.array_equal(there[at], wanted) else None


def _one_number(samples: Array) -> NDArray[np.int64]:
    """(N,): picture and place together."""
    return samples[:, PICTURE].astype(np.int64) << 32 | samples[:, PLACE]


def opened(cache: Path, key: str) -> Atlas:
    """The atlas of a key below the cache's folder. UserError: it is not laid out, or damaged."""
    folder = atlas_folder(cache, key)
    swept = folder.get(MANIFEST, "json")["sweep"]
    return Atlas(folder, Shards(sweep_folder(cache, swept), COLUMNS))
