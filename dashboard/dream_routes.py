"""The addresses by which the page dreams, saves what was made, and opens it again.

What changes something is a POST, which carries the page's own header (``routes.py``).
"""

import json
import re
from typing import Any

from flask import Flask, Response, abort, request

from cache.dreams import KINDS
from cache.errors import UserError
from dashboard import dream_wish
from dashboard.answers import answered, as_json, immutable
from dashboard.dream_desk import DreamDesk
from dashboard.dream_wish import Wish
from dashboard.protocol import JobError


def register(server: Flask, desk: DreamDesk) -> None:
    """Adds the addresses that ``assets/dream.js`` asks."""
    _forming(server, desk)
    _kept(server, desk)


def _wish() -> Wish:
    try:
        return dream_wish.read(json.loads(request.args.get("wish", "")))
    except ValueError as error:
        raise UserError("there is no such dream") from error


def _asked(ask: Any) -> Response:
    """Like ``answered``, also where it is the worker that cannot."""
    try:
        return answered(ask)
    except JobError as error:
        return as_json({"error": str(error)}, 422)


def _end() -> dict[str, Any]:
    """Which frames of a stream without end are asked for, and how many."""
    end, many = request.args.get("end"), request.args.get("many", "")
    given = {"end": end} if end else {}
    return {**given, "many": int(many)} if many.isascii() and many.isdecimal() else given


def _forming(server: Flask, desk: DreamDesk) -> None:
    @server.get("/api/dream")
    def dream_look() -> Response:
        again, seen = (request.args.get(name) == "1" for name in ("again", "seen"))
        return _asked(lambda: desk.look(_wish(), again=again, seen=seen))

    @server.get("/api/dream/making")
    def dream_making() -> Response:
        return _asked(desk.line.making)

    @server.get("/api/dream/cost")
    def dream_cost() -> Response:
        return _asked(lambda: desk.cost(_wish()))

    @server.post("/api/dream/stop")
    def dream_stop() -> Response:
        return _asked(lambda: desk.stop(_wish()))

    @server.post("/api/dream/end")
    def dream_end() -> Response:
        return _asked(lambda: desk.line.end(request.args.get("id", "")))

    @server.post("/api/dream/again")
    def dream_again() -> Response:
        return _asked(lambda: {"picture": desk.again(request.args.get("id", ""))})


def _kept(server: Flask, desk: DreamDesk) -> None:
    @server.post("/api/dream/keep")
    def dream_keep() -> Response:
        return _asked(lambda: desk.keep(_wish()))

    @server.post("/api/dream/remove")
    def dream_remove() -> Response:
        return _asked(lambda: desk.kept.remove(request.args.get("id", "")))

    @server.post("/api/dream/open")
    def dream_open() -> Response:
        name, model = (request.args.get(k, "") for k in ("name", "model"))
        return _asked(lambda: desk.open(request.get_data(), name[:200], model))

    @server.get("/api/dream/film.<kind>")
    def dream_film(kind: str) -> Response:
        try:
            data = desk.film(_wish(), kind, **_end())
        except (UserError, JobError) as error:
            return as_json({"error": str(error)}, 422)
        attached = {"Content-Disposition": f'attachment; filename="dream.{kind}"'}
        return Response(data, mimetype=KINDS[kind], headers=attached)

    @server.get("/api/dream/held")
    def dream_held() -> Response:
        return _asked(lambda: desk.held(_wish()))

    @server.post("/api/dream/clear")
    def dream_clear() -> Response:
        return _asked(lambda: desk.held(_wish(), clear=True))

    @server.get("/dreams/<id>.<kind>")
    def dream_file(id: str, kind: str) -> Response:
        try:
            data, own, words = desk.file(id)
        except (UserError, JobError):
            abort(404)
        if own != kind:
            abort(404)
        if not request.args.get("save"):
            return immutable(data, KINDS[own])
        name = re.sub(r"[^A-Za-z0-9.]+", "-", words)[:80].strip("-.") or "dream"
        attached = {"Content-Disposition": f'attachment; filename="{name}.{own}"'}
        return Response(data, mimetype=KINDS[own], headers=attached)

    @server.get("/dreams/<id>/<which>.webp")
    def dream_thumb(id: str, which: str) -> Response:
        data = desk.kept.thumb(id, which)
        if data is None:
            abort(404)
        return immutable(data, "image/webp")
