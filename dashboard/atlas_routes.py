"""The addresses of the atlas: maps, mosaics, tiles and the effects on one class, all by a version
that changes when they do."""

from collections.abc import Callable
from typing import Any

import numpy as np
from flask import Flask, Response, request

from analysis.classes import Categories
from analysis.classgroups import groups
from cache.errors import UserError
from dashboard.answers import answered, as_json, immutable
from dashboard.atlas_desk import AtlasDesk
from dashboard.atlas_maps import Map
from dashboard.protocol import VISIBLE
from dashboard.service import Service

JSON = "application/json"


def register(server: Flask, service: Service, desk: AtlasDesk) -> None:
    """Adds the addresses."""
    _offers(server, service, desk)
    _builds(server, service, desk)
    _maps(server, desk)


def _offers(server: Flask, service: Service, desk: AtlasDesk) -> None:
    @server.get("/api/atlases")
    def offered() -> Response:
        model = request.args.get("model") or service.config.model
        return answered(lambda: desk.offered(model))

    @server.get("/api/names-of-classes")
    def classes() -> Response:
        model = request.args.get("model")
        return answered(lambda: _named(service.model(model)["classes"]))


def _builds(server: Flask, service: Service, desk: AtlasDesk) -> None:
    @server.post("/api/atlas")
    def build() -> Response:
        """Begins a build, or finds the one under way."""
        given = request.args
        asked: dict[str, Any] = {"model": given.get("model", ""), "layer": given.get("layer", "")}
        if given.get("classes"):
            asked["classes"] = [int(c) for c in given["classes"].split(",") if c.isdecimal()][:2]
        return answered(
            lambda: {"job": service.jobs.submit("atlas", priority=VISIBLE, again=True, **asked)}
        )

    @server.get("/api/atlas")
    def building() -> Response:
        """How far a build is, and the map as it is now: {state, phase, done, total, left, map}."""
        return answered(lambda: _building(service, desk, request.args.get("job", "")))


def _maps(server: Flask, desk: AtlasDesk) -> None:
    def of_version(key: str, version: str, make: Callable[[Map], Response]) -> Response:
        """What ``make`` makes of the map; what is newer than the address says is not kept."""
        try:
            found = desk.open(key)
            answer = make(found)
        except UserError as error:
            return as_json({"error": str(error)}, 404)
        if found.version != version:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    @server.get("/atlas/<key>/<version>/map.json")
    def document(key: str, version: str) -> Response:
        return of_version(
            key, version,
            lambda found: immutable(found.document(words="words" in request.args), JSON),
        )  # fmt: skip

    @server.get("/atlas/<key>/<version>/<int:side>.webp")
    def mosaic(key: str, version: str, side: int) -> Response:
        return of_version(key, version, lambda found: immutable(found.mosaic(side), "image/webp"))

    @server.get("/atlas/<key>/<version>/icon/<int:side>/<int:index>.png")
    def icon(key: str, version: str, side: int, index: int) -> Response:
        def made(found: Map) -> Response:
            data = found.icon(side, index)
            return immutable(data, "image/png") if data else Response("", 404)

        return of_version(key, version, made)

    @server.get("/atlas/<key>/<version>/tiles/<int:side>/<int:level>/<int:x>/<int:y>.webp")
    def tile(key: str, version: str, side: int, level: int, x: int, y: int) -> Response:
        def made(found: Map) -> Response:
            inside = level <= 12 and x < 2**level and y < 2**level
            data = found.tile(side, (level, x, y)) if inside else None
            return immutable(data, "image/webp") if data else Response("", 404)

        return of_version(key, version, made)

    @server.get("/atlas/<key>/<version>/class/<int:side>/<int:index>")
    def on_class(key: str, version: str, side: int, index: int) -> Response:
        def made(found: Map) -> Response:
            values = found.grid(side).on_class(index).astype(np.float32)
            return immutable(values.tobytes(), "application/octet-stream")

        return of_version(key, version, made)


def _named(names: list[str]) -> dict[str, list[str]]:
    """The words of a map: the classes' names, and those of the groups, which count on after
    them."""
    found = groups(Categories.of(names))
    return {"classes": names, "groups": [group.word for group in found]}


def _building(service: Service, desk: AtlasDesk, job: str) -> dict[str, Any]:
    status = service.jobs.status(job)
    told = status.result if status.state == "done" else status.partial
    found = dict(told or {})
    address = None
    if "key" in found:
        try:
            address = f"{desk.open(found['key']).base}/map.json"
        except UserError:
            address = None  # not laid out yet
    return {**found, "state": status.state, "error": status.error, "map": address}
