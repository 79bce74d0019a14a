"""The atlases that can be shown, read in the page's process, without the network."""

import threading
from pathlib import Path
from typing import Any, Protocol

from analysis.atlas.reading import ICON_RECIPE, opened
from cache.atlas import MANIFEST, Folder, atlas_folder, atlases
from cache.errors import UserError
from cache.keys import is_key
from cache.location import cache_dir
from cache.maps import available_maps, shipped_maps
from dashboard.atlas_maps import STARTER, BuiltMap, Map, StarterMap, built_head
from dashboard.config import Config

KEPT = 3  # atlases in memory, with their icons


class Known(Protocol):
    """What the desk must know: how the program was started, and a network's fingerprint."""

    @property
    def config(self) -> Config: ...
    def model(self, name: str | None) -> dict[str, Any]: ...


class AtlasDesk:
    """Finds and opens atlases: those that were built here first, then those that came with the
    program. Thread-safe."""

    def __init__(self, service: Known, shipped: Path | None = None) -> None:
        self.service = service
        self.root = Path(cache_dir(service.config.cache))
        self.shipped = shipped or shipped_maps()
        self._open: dict[str, BuiltMap] = {}
        self._manifests: dict[str, tuple[int, dict[str, Any]]] = {}
        self._starter: dict[str, StarterMap] | None = None
        self._lock = threading.Lock()

    def offered(self, model: str) -> list[dict[str, Any]]:
        """The heads of all atlases of a network, the newest first, those of the program last."""
        mark, found = self.service.model(model)["fingerprint"], []
        for folder in atlases(self.root):
            made, version = self._manifest(folder), version_of(folder)
            if made["fingerprint"] == mark and has_cells(version):
                found.append(built_head(folder.key, version, made))
        starter = [one.head() for one in self._shipped(mark).values()]
        return [*found, *starter]

    def open(self, key: str) -> Map:
        """The atlas of a key as it is now. UserError: there is none."""
        if key.startswith(STARTER) and (known := self._starters().get(key)):
            return known
        if not is_key(key) or not (folder := atlas_folder(self.root, key)).has("layout"):
            raise UserError("this atlas is not here any more; build it again")
        return self._built(folder)

    def for_layer(self, model: str, layer: str, key: str | None) -> Map | None:
        """The atlas that was asked for, or else the newest one of the layer."""
        offered = self.offered(model)
        chosen = [one["key"] for one in offered if one["key"] == key and one["layer"] == layer]
        usual = [o["key"] for o in offered if o["layer"] == layer and not o["classes"]]
        keys = [*chosen, *usual]
        return self.open(keys[0]) if keys else None

    def usual(self, model: str, layer: str | None) -> str | None:
        """The key of the layer's atlas, or else of the newest one of the network that is of no
        class."""
        found = self.for_layer(model, layer, None) if layer else None
        if found is not None:
            return found.key
        return next((one["key"] for one in self.offered(model) if not one["classes"]), None)

    def beside(self, model: str, key: str | None) -> Map | None:
        """The atlas of a key, if it is of this network."""
        known = [one["key"] for one in self.offered(model)] if key else []
        return self.open(key) if key and key in known else None

    def others(self, model: str, found: Map) -> list[BuiltMap]:
        """The newest atlas of each other layer that was built here."""
        layers: dict[str, str] = {}
        for one in self.offered(model):
            plain = not one["classes"] and one["layer"] != found.layer
            if plain and one["source"] == "own":
                layers.setdefault(one["layer"], one["key"])
        return [self._built(atlas_folder(self.root, key)) for key in layers.values()]

    def _built(self, folder: Folder) -> BuiltMap:
        version = version_of(folder)
        with self._lock:
            known = self._open.pop(folder.key, None)
            if known is None or (known.version, known.stamp) != (version, _stamp(folder)):
                known = BuiltMap(opened(self.root, folder.key), version, _stamp(folder))
            self._open[folder.key] = known
            while len(self._open) > KEPT:
                self._open.pop(next(iter(self._open)))
        return known

    def _manifest(self, folder: Folder) -> dict[str, Any]:
        """What an atlas was made from, read when it is new: it names every picture."""
        with self._lock:
            stamp, known = self._manifests.get(folder.key, (0, {}))
        if stamp != (now := _stamp(folder)):
            known = folder.get(MANIFEST, "json")
            with self._lock:
                self._manifests[folder.key] = now, known
        return known

    def _starters(self) -> dict[str, StarterMap]:
        with self._lock:
            if self._starter is None:
                found = map(StarterMap, available_maps(self.shipped).values())
                self._starter = {one.key: one for one in found}
            return self._starter

    def _shipped(self, fingerprint: str) -> dict[str, StarterMap]:
        """Those that came with the program, if they are of this network."""
        return {
            key: one for key, one in self._starters().items()
            if one.found.about["fingerprint"] == fingerprint
        }  # fmt: skip


def version_of(folder: Folder) -> str:
    """How much of an atlas there is: grids, and batches of icons."""
    count = sum(1 for _ in folder.root.glob(f"icons-*.{ICON_RECIPE}/*.judged.npy"))
    grids = sum(1 for _ in folder.root.glob("cells-*.safetensors"))
    return f"{grids}-{count}"


def _stamp(folder: Folder) -> int:
    """The time of what an atlas says of itself: names and labels may change, and the map stays.
    -1: it is not there any more."""
    try:
        return folder.path(MANIFEST, "json").stat().st_mtime_ns
    except FileNotFoundError:
        return -1


def has_cells(version: str) -> bool:
    """Whether there is a grid to be shown."""
    return not version.startswith("0-")
