"""The starter pack on the page: pictures that are there at once, and names and numbers out of the
reference photographs."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, request

from cache.reference import Reference
from cache.starter import CLASSES, Pack, available, shipped
from dashboard.answers import answered

if TYPE_CHECKING:
    from dashboard.service import Service

FOREVER = "public, max-age=31536000, immutable"


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
    return f"{_base(pack)}/{layer}/{unit}.webp"


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


def _base(pack: Pack) -> str:
    return f"/starter/{pack.digest}"


def register(server: Flask, service: "Service") -> None:
    """Adds the addresses of the pack."""

    @server.get("/api/starter")
    def starter() -> Response:
        return answered(lambda: _offer(service.pack(request.args.get("model", ""))))

    @server.get("/starter/<digest>/<layer>/<int:unit>.webp")
    def starter_picture(digest: str, layer: str, unit: int) -> Response:
        pack = service.starter.pack
        found = pack.picture(layer, unit) if pack is not None and pack.digest == digest else None
        if found is None:
            abort(404)
        return Response(found.data, mimetype="image/webp", headers={"Cache-Control": FOREVER})


def _offer(pack: Pack | None) -> dict[str, Any]:
    """Where the pictures are, and of which units: {base, layers: {layer: [[first, last], ...]}}."""
    if pack is None:
        return {"base": None, "layers": {}}
    return {"base": _base(pack), "layers": {n: _runs(p.drawn) for n, p in pack.parts.items()}}


def _runs(units: list[int]) -> list[list[int]]:
    """Ascending numbers as [first, last] of each unbroken run."""
    runs: list[list[int]] = []
    for unit in units:
        if runs and unit == runs[-1][1] + 1:
            runs[-1][1] = unit
        else:
            runs.append([unit, unit])
    return runs
