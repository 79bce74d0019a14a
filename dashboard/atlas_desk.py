"""The atlases that can be shown: those that were built here and those that came with the program,
read in the page's process, without the network."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Cells
from analysis.atlas.reading import COLUMNS, Atlas
from analysis.atlas.shown import Shown, document, pictures, shown
from cache import mosaics
from cache.atlas import Folder, atlas_folder, atlases, sweep_folder
from cache.codecs import encode
from cache.errors import UserError
from cache.keys import is_key
from cache.location import cache_dir
from cache.vectors import Shards
from dashboard.service import Service

KEPT = 3  # atlases in memory, with their icons


class Map:
    """One atlas at one state of its making. ``version`` changes with every icon that is drawn, and
    is part of every address."""

    def __init__(self, atlas: Atlas, version: str) -> None:
        self.atlas, self.version = atlas, version
        self._made: dict[Any, Any] = {}
        self._lock = threading.Lock()

    @property
    def key(self) -> str:
        return self.atlas.folder.key

    @property
    def layer(self) -> str:
        """The layer that it is a map of."""
        return str(self.atlas.manifest["layer"])

    @property
    def base(self) -> str:
        """Where its pictures are."""
        return f"/atlas/{self.key}/{self.version}"

    def grid(self, side: int) -> Shown:
        """A grid as the page shows it. UserError: the atlas has no such grid."""
        if side not in self.sides:
            raise UserError(f"this atlas has no grid of {side}")
        found: Shown = self._once(("grid", side), lambda: shown(self.atlas, side))
        return found

    def cells(self, side: int) -> Cells | None:
        """The cells of a grid with their samples; None for a map that came without them."""
        return self.atlas.cells(side)

    @property
    def sides(self) -> list[int]:
        """The grids that are cut."""
        found: list[int] = self._once("sides", self.atlas.grids)
        return found

    def document(self) -> bytes:
        """The map as ``assets/atlas.js`` reads it."""
        return document(self.base, self.head(), [self.grid(side) for side in self.sides])

    def head(self) -> dict[str, Any]:
        """What the atlas is, in a few words and numbers."""
        made = self.atlas.manifest
        count = len(made["pictures"]) - len(made["skipped"])
        return {
            "key": self.key, "version": self.version, "model": made["model"],
            "layer": made["layer"], "title": made["title"], "source": "own", "pictures": count,
            "points": made["points"], "classes": made["classes"], "quality": made["quality"],
        }  # fmt: skip

    def mosaic(self, side: int) -> bytes:
        """All icons of a grid in one picture."""

        def made() -> bytes:
            drawn = self.grid(side).drawn
            return mosaics.webp(mosaics.mosaic(self._icons(side), drawn=drawn), method=2)

        data: bytes = self._once(("mosaic", side), made)
        return data

    def icon(self, side: int, index: int) -> bytes | None:
        """One icon, as it was drawn; None where it is not drawn."""
        grid = self.grid(side)
        if not 0 <= index < len(grid) or not grid.drawn[index]:
            return None
        return encode("png", np.asarray(self._icons(side)[index]))[0]

    def tile(self, side: int, at: tuple[int, int, int]) -> bytes | None:
        """One tile of the map; None where nothing is."""
        grid = self.grid(side)
        images = self._icons(side)[grid.drawn]
        col, row, size = (v[grid.drawn] for v in (grid.col, grid.row, grid.size))
        return mosaics.tile(images, col, row, size, side, at)

    def _icons(self, side: int) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = self._once(("icons", side), lambda: pictures(self.atlas, side))
        return found

    def _once(self, name: Any, make: Callable[[], Any]) -> Any:
        with self._lock:
            known = name in self._made
        if not known:
            made = make()
            with self._lock:
                self._made[name] = made
        return self._made[name]


class AtlasDesk:
    """Finds and opens atlases. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.root = Path(cache_dir(service.config.cache))
        self._open: dict[str, Map] = {}
        self._lock = threading.Lock()

    def offered(self, model: str) -> list[dict[str, Any]]:
        """The heads of all atlases of a network, the newest first."""
        mark = self.service.model(model)["fingerprint"]
        found = []
        for folder in atlases(self.root):
            if folder.get("atlas", "json")["fingerprint"] == mark and folder.has("layout"):
                found.append(self.open(folder.key))
        return [one.head() for one in found if one.sides]

    def open(self, key: str) -> Map:
        """The atlas of a key as it is now. UserError: there is none."""
        if not is_key(key) or not (folder := atlas_folder(self.root, key)).has("layout"):
            raise UserError("this atlas is not here any more; build it again")
        version = _version(folder)
        with self._lock:
            known = self._open.pop(key, None)
            if known is None or known.version != version:
                known = Map(self._read(folder), version)
            self._open[key] = known
            while len(self._open) > KEPT:
                self._open.pop(next(iter(self._open)))
        return known

    def for_layer(self, model: str, layer: str, key: str | None) -> Map | None:
        """The atlas that was asked for, or else the newest one of the layer."""
        offered = self.offered(model)
        chosen = [one["key"] for one in offered if one["key"] == key and one["layer"] == layer]
        usual = [o["key"] for o in offered if o["layer"] == layer and not o["classes"]]
        keys = [*chosen, *usual]
        return self.open(keys[0]) if keys else None

    def beside(self, model: str, key: str | None) -> Map | None:
        """The atlas of a key, if it is of this network."""
        known = [one["key"] for one in self.offered(model)] if key else []
        return self.open(key) if key and key in known else None

    def others(self, model: str, found: Map) -> list[Map]:
        """The newest atlas of each other layer."""
        layers: dict[str, str] = {}
        for one in self.offered(model):
            if not one["classes"] and one["layer"] != found.layer:
                layers.setdefault(one["layer"], one["key"])
        return [self.open(key) for key in layers.values()]

    def _read(self, folder: Folder) -> Atlas:
        swept = folder.get("atlas", "json")["sweep"]
        return Atlas(folder, Shards(sweep_folder(self.root, swept), COLUMNS))


def _version(folder: Folder) -> str:
    """How much of an atlas there is."""
    count = sum(1 for _ in folder.root.glob("icons-*/*.judged.npy"))
    grids = sum(1 for _ in folder.root.glob("cells-*.safetensors"))
    return f"{grids}-{count}"
