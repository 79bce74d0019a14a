"""The addresses of Errors: how far the pass is, the matrix, and a neuron's strongest patches."""

import json
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, request

from cache.errors import UserError
from dashboard.answers import answered, as_json
from dashboard.error_desk import ErrorDesk, known_of
from dashboard.markup import markup
from dashboard.protocol import BACKGROUND, VISIBLE
from dashboard.selection import Selection, parse
from dashboard.service import Service
from dashboard.tables import records_as_csv
from dashboard.views.context import Context
from dashboard.views.errors_claim_layers import step
from dashboard.views.errors_list import next_pairs
from dashboard.views.errors_wall import next_cards

MOST = 9  # patches at once


def register(server: Flask, service: Service, desk: ErrorDesk) -> None:
    """Adds the addresses: of the answers to all pictures, and of what panels wait for."""
    _of_answers(server, service, desk)
    _of_panels(server, service)


def _of_answers(server: Flask, service: Service, desk: ErrorDesk) -> None:
    @server.get("/api/evaluation")
    def evaluation() -> Response:
        given = request.args
        model = given.get("model") or service.config.model
        return answered(lambda: _standing(desk, model))

    @server.post("/api/evaluation")
    def again() -> Response:
        """Begins it anew where it was cancelled."""
        model = request.args.get("model") or service.config.model
        return answered(lambda: {"job": desk.status(model, again=True).id})

    @server.get("/api/matrix")
    def matrix() -> Response:
        model = request.args.get("model") or service.config.model
        chosen = parse("", request.query_string.decode())
        return answered(lambda: _matrix(service, desk, model, chosen))

    @server.get("/api/errors/<which>")
    def page_of(which: str) -> Response:
        """The next page of a long list, from ``first`` on: {markup}."""
        make = {"pairs": next_pairs, "wall": next_cards}.get(which) or abort(404)
        first = max(0, request.args.get("first", 0, int))
        here = Context(parse("", request.query_string.decode()), service)
        return answered(lambda: {"markup": markup(make(here, desk, first))})

    @server.get("/errors.<kind>")
    def all_answers(kind: str) -> Response:
        """The answers to all open pictures: a record a picture (csv), or all that is known."""
        model = request.args.get("model") or service.config.model
        try:
            found = service.ask("answers_table", model=model, known=desk.known(model))
        except UserError as error:
            return as_json({"error": str(error)}, 404)
        if kind not in ("csv", "json"):
            abort(404)
        text = records_as_csv(found["answers"]) if kind == "csv" else json.dumps(found, indent=1)
        headers = {"Content-Disposition": f'attachment; filename="answers.{kind}"'}
        return Response(text, mimetype=f"{'text' if kind == 'csv' else 'application'}/{kind}",
                        headers=headers)  # fmt: skip


def _of_panels(server: Flask, service: Service) -> None:
    @server.get("/api/job")
    def job() -> Response:
        """How far a job is that a panel waits for."""
        status = service.jobs.status(request.args.get("id", ""))
        return as_json({"state": status.state, "done": status.done, "total": status.total,
                        "left": status.seconds_left, "error": status.error})  # fmt: skip

    @server.get("/api/claim/layers")
    def claim_layers() -> Response:
        """What each layer's own claim does, as far as it is measured: {state, layers: {name:
        markup}}."""
        return answered(lambda: _layers(service, parse("errors", request.query_string.decode())))

    @server.get("/api/patches")
    def patches() -> Response:
        """A neuron's strongest patches: {state, patches: [{url, picture, name}]}."""
        return answered(lambda: _patches(service, request.args))


def _standing(desk: ErrorDesk, model: str) -> dict[str, Any]:
    status = desk.status(model)
    return {
        "state": status.state, "known": known_of(status), "done": status.done,
        "total": status.total, "left": status.seconds_left, "error": status.error,
    }  # fmt: skip


def _matrix(service: Service, desk: ErrorDesk, model: str, chosen: Selection) -> dict[str, Any]:
    found = desk.ask("matrix", chosen, model)
    names = service.model(model)["classes"]
    return {**found, "names": [names[index] for index in found["order"]]}


def _layers(service: Service, chosen: Selection) -> dict[str, Any]:
    here = Context(chosen, service)
    more = {} if chosen.layer is None else {"layer": chosen.layer}
    job = service.jobs.submit(
        "claim_ladder", priority=VISIBLE, **here.question, tab=chosen.tab, **more
    )
    status = service.jobs.status(job)
    found = status.result if status.state == "done" else status.partial
    return {
        "state": status.state, "error": status.error,
        "layers": {name: markup(step(one)) for name, one in (found or {}).items()},
    }  # fmt: skip


def _patches(service: Service, given: Any) -> dict[str, Any]:
    try:
        model, layer, unit = given["model"], given["layer"], int(given["unit"])
        count = min(MOST, int(given.get("count", 3)))
    except (KeyError, ValueError):
        raise UserError("model, layer and unit name a neuron") from None
    status = service.jobs.status(
        service.jobs.submit("examples", priority=BACKGROUND, model=model, layer=layer)
    )
    if status.state != "done":
        return {"state": status.state, "error": status.error, "patches": []}
    rows = service.ask("patches", model=model, layer=layer, channel=unit)[:count]
    shown = []
    for row in rows:
        found = service.library.find(row["picture"])
        asked = {"model": model, "layer": layer, "picture": row["picture"], "place": row["place"]}
        name = found.name if found else "picture"
        shown.append({"url": f"/patch?{urlencode(asked)}", "picture": row["picture"], "name": name})
    return {"state": "done", "patches": shown}
