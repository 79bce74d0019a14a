"""The addresses of the patch bench: a patch measured while it is dragged, the picture with it, and
the longer works with their tables."""

import base64
import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from analysis.pasting import Patch
from cache.errors import UserError
from dashboard.answers import answered, as_json
from dashboard.atlas_desk import AtlasDesk
from dashboard.bench_desk import BenchDesk
from dashboard.bench_records import curve_document, curve_rows
from dashboard.markup import markup
from dashboard.protocol import JobError
from dashboard.selection import Selection
from dashboard.service import Service
from dashboard.tables import records_as_csv
from dashboard.views.context import Context
from dashboard.views.errors_bench_sources import pane
from dashboard.views.errors_bench_tables import rendered

PATIENCE = 30  # seconds; what waited longer shows nothing that is still there
DRAGGED, SETTLED = 1, 8  # draws of noise while the patch moves, and when it lies


def register(server: Flask, service: Service, atlases: AtlasDesk) -> None:
    """Adds the addresses."""
    _pictures(server, service)
    _measured(server, service)
    _works(server, service, BenchDesk(service, atlases))
    _choices(server, service, atlases)


def _pictures(server: Flask, service: Service) -> None:
    def png(task: str, **given: Any) -> Response:
        """A picture that the worker makes; not kept, for icons may yet be drawn better."""
        try:
            data = base64.b64decode(service.jobs.call(task, timeout=PATIENCE, **given))
        except (UserError, JobError) as error:
            return as_json({"error": str(error)}, 404)
        return Response(data, mimetype="image/png", headers={"Cache-Control": "no-store"})

    @server.get("/bench/seen.png")
    def bench_seen() -> Response:
        given = request.args
        return png("bench_picture", model=_model(service), picture=given.get("picture", ""),
                   patch=given.get("patch"))  # fmt: skip

    @server.get("/bench/texture.png")
    def bench_texture() -> Response:
        return png("bench_texture", model=_model(service), patch=request.args.get("patch", ""))


def _model(service: Service) -> str:
    return request.args.get("model") or service.config.model


def _measured(server: Flask, service: Service) -> None:
    def asked(*names: str) -> dict[str, Any]:
        given = {name: request.args.get(name, "") for name in ("picture", *names)}
        classes = {name: request.args.get(name, type=int) for name in ("a", "b")}
        if None in classes.values():
            raise UserError("two classes are compared: name them as a and b")
        return {"model": _model(service), **given, **classes}

    def spoken(task: str, given: dict[str, Any]) -> dict[str, Any]:
        """What is measured, with the name of the class that is now said."""
        found = service.jobs.call(task, timeout=PATIENCE, **given)
        names = service.model(given["model"])["classes"]
        return {**found, "says": names[found["now"]["answer"]]}

    def answer(ask: Callable[[], Any]) -> Response:
        try:
            return answered(ask)
        except JobError as error:
            return as_json({"error": str(error)}, 503)

    @server.get("/api/bench/trial")
    def bench_trial() -> Response:
        """The patch where it is now; ``moving``: with as little noise as can be."""
        draws = DRAGGED if request.args.get("moving") else SETTLED

        return answer(lambda: spoken("bench_trial", {**asked("patch"), "draws": draws}))

    @server.get("/api/bench/curve")
    def bench_curve() -> Response:
        return answer(lambda: service.ask("bench_curve", **asked("patch")))

    @server.get("/bench/curve.<kind>")
    def curve_table(kind: str) -> Response:
        """The curve over size as a table: csv or json."""
        try:
            given = asked("patch")
            names = service.model(given["model"])["classes"]
            found = service.ask("bench_curve", **given)
            return taken_out("curve", kind, lambda: curve_rows(found, names),
                             curve_document(given, found, names))  # fmt: skip
        except (UserError, JobError) as error:
            return as_json({"error": str(error)}, 404)

    @server.get("/api/bench/fade")
    def bench_fade() -> Response:
        return answer(lambda: spoken("bench_fade", asked("layer", "fade")))


def _works(server: Flask, service: Service, desk: BenchDesk) -> None:
    @server.post("/api/bench/job")
    def bench_begin() -> Response:
        def begun() -> dict[str, str]:
            given = request.get_json(silent=True)
            if not isinstance(given, dict):
                raise UserError("there is no such work on the bench")
            return {"job": desk.begin(given)}

        return answered(begun)

    @server.get("/api/bench/job")
    def bench_look() -> Response:
        """{state, done, total, left, markup: what there is to show, result once it is done}."""
        return answered(lambda: _looked(service, desk, request.args.get("job", "")))

    @server.get("/bench/table.<kind>")
    def bench_table(kind: str) -> Response:
        """A finished work's table: csv or json."""
        job = request.args.get("job", "")
        try:
            return taken_out("patch-bench", kind, lambda: desk.rows(job), desk.table(job))
        except UserError as error:
            return as_json({"error": str(error)}, 404)


def taken_out(
    name: str, kind: str, rows: Callable[[], list[dict[str, Any]]], whole: dict[str, Any]
) -> Response:
    """A table as a file, ``kind`` csv or json. UserError: another kind."""
    if kind == "csv":
        text, mime = records_as_csv(rows()), "text/csv"
    elif kind == "json":
        text, mime = json.dumps(whole, indent=1), "application/json"
    else:
        raise UserError("tables come as csv or json")
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(text, mimetype=mime, headers=headers)


def _choices(server: Flask, service: Service, atlases: AtlasDesk) -> None:
    @server.get("/api/bench/choose")
    def bench_choose() -> Response:
        """What a pane of choices shows: {markup}. ``kind``: crop, icon or cell."""

        def shown() -> dict[str, str]:
            given = request.args
            chosen = Selection(
                model=given.get("model"), picture=given.get("picture"), layer=given.get("layer"),
                a=given.get("a", type=int), b=given.get("b", type=int),
            )  # fmt: skip
            place = Patch.parse(given["patch"]) if given.get("patch") else Patch("noise")
            return {"markup": markup(pane(Context(chosen, service), given.get("kind", ""), place,
                                          atlases))}  # fmt: skip

        return answered(shown)


def _looked(service: Service, desk: BenchDesk, job: str) -> dict[str, Any]:
    asked, status = desk.look(job)
    done = status.state == "done"
    found = status.result if done else status.partial
    shown = rendered(service, asked, found, job if done else None) if found else None
    told = {k: found[k] for k in ("picture", "a", "b", "pictured") if found and k in found}
    if found and found.get("suggestions"):
        told["patch"] = found["suggestions"][0]["patch"]
    left = None if status.seconds_left is None else round(status.seconds_left)
    return {
        "task": asked["task"], "state": status.state, "error": status.error, "done": status.done,
        "total": status.total, "left": left, "markup": markup(shown), "found": told,
    }  # fmt: skip
