"""A map as the page shows it: one that was built here, or one that came with the program."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.atlas import regions
from analysis.atlas.cells import Cells
from analysis.atlas.reading import Atlas
from analysis.atlas.shown import Shown, document, pictures, shipped_grid, shown
from cache import mosaics
from cache.codecs import encode
from cache.errors import UserError
from cache.maps import ShippedMap

STARTER = "starter-"  # what the keys of maps that came with the program begin with


class Map(ABC):
    """One atlas at one state of its making. ``version`` changes with every icon that is drawn, and
    is part of every address."""

    def __init__(self, key: str, version: str) -> None:
        self.key, self.version = key, version
        self._made: dict[Any, Any] = {}
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def layer(self) -> str:
        """The layer that it is a map of."""

    @property
    @abstractmethod
    def places(self) -> tuple[int, int]:
        """Rows and columns of the layer's grid."""

    @property
    @abstractmethod
    def sides(self) -> list[int]:
        """The grids that are cut, coarse first."""

    @abstractmethod
    def head(self) -> dict[str, Any]:
        """What the atlas is, in a few words and numbers."""

    @abstractmethod
    def cells(self, side: int) -> Cells | None:
        """The cells of a grid with their samples; None for a map that came without them."""

    @abstractmethod
    def _grid(self, side: int) -> Shown: ...

    @abstractmethod
    def _pictures(self, side: int) -> NDArray[np.uint8]: ...

    @property
    def base(self) -> str:
        """Where its pictures are."""
        return f"/atlas/{self.key}/{self.version}"

    def grid(self, side: int) -> Shown:
        """A grid as the page shows it. UserError: the atlas has no such grid."""
        if side not in self.sides:
            raise UserError(f"this atlas has no grid of {side}")
        found: Shown = self._once(("grid", side), lambda: self._grid(side))
        return found

    def document(self, *, words: bool = False) -> bytes:
        """The map as ``assets/atlas.js`` reads it; ``words``: with its regions, for a network with
        ImageNet's classes."""
        grids = [self.grid(side) for side in self.sides]
        named = {"regions": self._once("regions", lambda: regions.told(grids))} if words else {}
        return document(self.base, {**self.head(), **named}, grids)

    def mosaic(self, side: int) -> bytes:
        """All icons of a grid in one picture."""

        def made() -> bytes:
            drawn = self.grid(side).drawn
            return mosaics.webp(mosaics.mosaic(self._icons(side), drawn=drawn), method=2)

        data: bytes = self._once(("mosaic", side), made)
        return data

    def icon(self, side: int, index: int) -> bytes | None:
        """One icon; None where it is not drawn."""
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
        found: NDArray[np.uint8] = self._once(("icons", side), lambda: self._pictures(side))
        return found

    def _once(self, name: Any, make: Callable[[], Any]) -> Any:
        with self._lock:
            known = name in self._made
        if not known:
            made = make()
            with self._lock:
                self._made[name] = made
        return self._made[name]


class BuiltMap(Map):
    """An atlas that was built on this machine."""

    def __init__(self, atlas: Atlas, version: str, stamp: int = 0) -> None:
        """``stamp``: the time of its manifest."""
        super().__init__(atlas.folder.key, version)
        self.atlas, self.stamp = atlas, stamp

    @property
    def layer(self) -> str:
        return str(self.atlas.manifest["layer"])

    @property
    def places(self) -> tuple[int, int]:
        rows, cols = self.atlas.manifest["grid"]
        return int(rows), int(cols)

    @property
    def sides(self) -> list[int]:
        found: list[int] = self._once("sides", self.atlas.grids)
        return found

    def head(self) -> dict[str, Any]:
        return built_head(self.key, self.version, self.atlas.manifest)

    def cells(self, side: int) -> Cells:
        return self.atlas.cells(side)

    def _grid(self, side: int) -> Shown:
        return shown(self.atlas, side)

    def _pictures(self, side: int) -> NDArray[np.uint8]:
        return pictures(self.atlas, side)


class StarterMap(Map):
    """An atlas that came with the program: icons and numbers, no photographs."""

    def __init__(self, found: ShippedMap) -> None:
        super().__init__(STARTER + str(found.about["layer"]), found.digest[:20])
        self.found = found

    @property
    def layer(self) -> str:
        return str(self.found.about["layer"])

    @property
    def places(self) -> tuple[int, int]:
        rows, cols = self.found.about["grid"]
        return int(rows), int(cols)

    @property
    def sides(self) -> list[int]:
        return sorted(self.found.grids)

    def head(self) -> dict[str, Any]:
        about = self.found.about
        return {
            "key": self.key, "version": self.version, "model": about["model"],
            "layer": self.layer, "title": "reference photographs", "source": "starter",
            "pictures": about["pictures"], "points": about["points"], "classes": [],
            "quality": about["quality"],
        }  # fmt: skip

    def cells(self, side: int) -> None:
        return None

    def _grid(self, side: int) -> Shown:
        return shipped_grid(self.found, side)

    def _pictures(self, side: int) -> NDArray[np.uint8]:
        return self.found.images(side)

    def mosaic(self, side: int) -> bytes:
        """As it was shipped."""
        return self.found.icons[side]


def built_head(key: str, version: str, made: dict[str, Any]) -> dict[str, Any]:
    """What an atlas that was built here is, by its manifest."""
    count = len(made["pictures"]) - len(made["skipped"])
    return {
        "key": key, "version": version, "model": made["model"], "layer": made["layer"],
        "title": made["title"], "source": "own", "pictures": count, "points": made["points"],
        "classes": made["classes"], "quality": made["quality"],
    }  # fmt: skip
