"""The addresses of the starter pack: its pictures, and which there are."""

from typing import Any

from flask import Flask, Response, abort, request

from cache.starter import Pack
from dashboard.answers import answered, immutable
from dashboard.service import Service
from dashboard.starter import base_url


def register(server: Flask, service: Service) -> None:
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
        return immutable(found.data, "image/webp")


def _offer(pack: Pack | None) -> dict[str, Any]:
    """Where the pictures are, and of which units: {base, layers: {layer: [[first, last], ...]}}."""
    if pack is None:
        return {"base": None, "layers": {}}
    return {"base": base_url(pack), "layers": {n: _runs(p.drawn) for n, p in pack.parts.items()}}


def _runs(units: list[int]) -> list[list[int]]:
    """Ascending numbers as [first, last] of each unbroken run."""
    runs: list[list[int]] = []
    for unit in units:
        if runs and unit == runs[-1][1] + 1:
            runs[-1][1] = unit
        else:
            runs.append([unit, unit])
    return runs
