"""What neurons are called: the user's names over the automatic ones; and the list of all neurons of
a layer that the wall of the Neuron page shows.
"""

import json
from typing import Any, Protocol

import numpy as np
from flask import Flask, Response, request

from analysis.selectivity import HOLDS, LISTED
from cache.errors import UserError
from cache.names import Names, read_names
from cache.reference import Reference
from dashboard.answers import answered, as_json
from dashboard.service import Service
from dashboard.starter import ENOUGH, reference_of


class Desk(Protocol):
    """Who knows the automatic names."""

    def names(self, model: str, layer: str) -> dict[str, str] | None:
        """{neuron: automatic name}; None while they are looked for."""


def own_names(service: Service, model: str, layer: str) -> dict[int, str]:
    """{neuron: the name that the user gave}."""
    return names_of(service).of(service.model(model)["fingerprint"], layer)


def names_of(service: Service) -> Names:
    """Where the user's names are kept."""
    return Names(service.store.root)


def register(server: Flask, service: Service, desk: Desk) -> None:
    """Adds the addresses by which the page reads and writes names."""

    @server.post("/api/name")
    def name() -> Response:
        return answered(lambda: {"name": _give(service, request.args, request.get_data())})

    @server.get("/api/names")
    def export() -> Response:
        model = request.args.get("model", service.config.model)
        try:
            document = names_of(service).export(service.model(model)["fingerprint"])
        except UserError as error:
            return as_json({"error": str(error)}, 422)
        text = json.dumps({**document, "model": model}, indent=1, ensure_ascii=False)
        attached = {"Content-Disposition": 'attachment; filename="neuron-names.json"'}
        return Response(text, mimetype="application/json", headers=attached)

    @server.post("/api/names")
    def import_() -> Response:
        return answered(lambda: {"count": _take_over(service, request.args, request.get_data())})

    @server.get("/api/wall")
    def wall() -> Response:
        return answered(lambda: _wall(service, desk, request.args))


def _give(service: Service, given: Any, data: bytes) -> str:
    known = service.model(given.get("model"))
    layer, unit = given.get("layer", ""), given.get("unit", "")
    shape = next((s for s in known["layers"] if s["layer"] == layer), None)
    if shape is None or not unit.isdecimal() or int(unit) >= shape["channels"]:
        raise UserError(f"there is no neuron {unit} in {layer!r} to be named")
    text = data[:2000].decode("utf-8", "replace")
    return names_of(service).set(known["fingerprint"], layer, int(unit), text)


def _take_over(service: Service, given: Any, data: bytes) -> int:
    known = service.model(given.get("model"))
    return names_of(service).import_(known["fingerprint"], read_names(data))


def _wall(service: Service, desk: Desk, given: Any) -> dict[str, Any]:
    """Every neuron of a layer: how it fires on the open picture, and what it does there."""
    known = service.model(given.get("model"))
    picture, layer = service.picture_key(given.get("picture")), given.get("layer", "")
    a, b = (int(given[k]) if given.get(k, "").isdecimal() else None for k in ("a", "b"))
    asked = {"model": known["name"], "picture": picture, "layer": layer, "a": a, "b": b}
    answer = service.ask("wall", **asked)
    own, names = own_names(service, known["name"], layer), desk.names(known["name"], layer)
    return {
        **answer, "own": {str(k): v for k, v in own.items()}, "names": names,
        "profiles": _profiles(service, known, layer, names is not None),
        "layers": [{"layer": s["layer"], "channels": s["channels"]} for s in known["ladder"]],
    }  # fmt: skip


def _profiles(
    service: Service, known: dict[str, Any], layer: str, passed: bool
) -> dict[str, Any] | None:
    """What the neurons speak for: of the open pictures once they are ``passed``, of the reference
    photographs where these are few; None where neither is there."""
    reference = reference_of(service, known["name"], layer)
    if reference is not None and len(service.library.pictures()) < ENOUGH:
        return _lent(reference, known["classes"])
    if not passed:
        return None
    try:
        found: dict[str, Any] = service.ask("profiles", model=known["name"], layer=layer)
    except UserError:
        return None
    return found


def _lent(known: Reference, names: list[str]) -> dict[str, Any]:
    """The reference numbers in the form of the task ``profiles``."""
    shares = known.class_means / np.maximum(known.class_means[:, :1], 1e-6)
    held = (known.class_means > 0) & (shares >= HOLDS)
    holds = [[int(c) for c in row[some][:LISTED]]
             for row, some in zip(known.classes, held, strict=True)]  # fmt: skip
    return {
        "pictures": known.pictures, "measure": "class selectivity", "reference": True,
        "selectivity": [round(float(v), 3) for v in known.selectivity], "holds": holds,
        "classes": {str(i): names[i] for row in holds for i in row},
    }  # fmt: skip
