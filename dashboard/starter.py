"""The starter pack on the page: pictures that are there at once, and names and numbers out of the
reference photographs."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.reference import Reference
from cache.starter import CLASSES, Pack, available, shipped

if TYPE_CHECKING:
    from dashboard.service import Service

ENOUGH = 100  # pictures, below which a class profile is no name


class Starter:
    """The pack of a folder, read when it is first asked for. Thread-safe.

    Without a pack, or with a damaged one, everything goes on as if there were none; one line says
    so.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or shipped()
        self._read = False
        self._pack: Pack | None = None
        self._lock = threading.Lock()

    @property
    def pack(self) -> Pack | None:
        """The pack, or None."""
        with self._lock:
            if not self._read:
                self._read, self._pack = True, available(self.folder)
            return self._pack

    def fitting(self, fingerprint: str, seed: int) -> Pack | None:
        """The pack, if it is of this network and of pictures of this seed."""
        pack = self.pack
        fits = pack is not None and (pack.fingerprint, pack.seed) == (fingerprint, seed)
        return pack if fits else None


def picture_url(pack: Pack | None, layer: str, unit: int) -> str | None:
    """The lasting address of a unit's picture; None where the pack has none."""
    if pack is None or pack.picture(layer, unit) is None:
        return None
    return f"{base_url(pack)}/{layer}/{unit}.webp"


def class_url(pack: Pack | None, index: int) -> str | None:
    """The address of a class's picture."""
    return picture_url(pack, CLASSES, index)


def icons_of(pack: Pack | None, layer: str, tokens: list[str]) -> dict[str, dict[str, Any]]:
    """{token: {url, state}} of the plain neurons among ``tokens`` that the pack has."""
    found = {}
    for token in tokens:
        unit = int(token) if token.isdecimal() and len(token) < 8 else -1
        if (url := picture_url(pack, layer, unit)) and pack is not None:
            stored = pack.picture(layer, unit)
            dead = stored is not None and stored.dead
            found[token] = {"url": url, "state": "dead" if dead else "done"}
    return found


def reference_of(service: "Service", model: str, layer: str) -> Reference | None:
    """How the layer's neurons answer to the reference photographs."""
    pack = service.pack(model)
    return None if pack is None else pack.reference(layer)


def base_url(pack: Pack) -> str:
    """Where the pictures of a pack are."""
    return f"/starter/{pack.digest}"
