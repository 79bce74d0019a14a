"""The addresses by which the page keeps findings, shows them and hands them out as files.

What changes something is a POST, which carries the page's own header (``routes.py``).
"""

import json
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, request

from cache.errors import UserError
from cache.finding import Finding
from cache.findings import read_findings
from dashboard.answers import answered, as_json, immutable
from dashboard.error_desk import ErrorDesk
from dashboard.finding_offers import at, draft_of
from dashboard.findings import findings_of, illustrated, keep
from dashboard.findings_export import FORMATS, exported
from dashboard.markup import markup
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.errors_findings import listing

LONGEST = 20_000  # bytes of an address with its sentence


def register(server: Flask, service: Service, desk: ErrorDesk) -> None:
    """Adds the addresses of findings."""
    _reading(server, service, desk)
    _writing(server, service, desk)
    _files(server, service)


def _reading(server: Flask, service: Service, desk: ErrorDesk) -> None:
    @server.get("/api/findings")
    def findings() -> Response:
        return _told(service, lambda: {})

    @server.get("/api/findings/offer")
    def finding_offer() -> Response:
        return _asked(lambda: {"sentence": _offered(service, desk, request.args.get("href", ""))})

    @server.get("/finding/<key>")
    def finding_picture(key: str) -> Response:
        data = findings_of(service).picture(key)
        if data is None:
            abort(404)
        return immutable(data, "image/png" if data.startswith(b"\x89PNG") else "image/webp")


def _writing(server: Flask, service: Service, desk: ErrorDesk) -> None:
    @server.post("/api/findings/keep")
    def finding_keep() -> Response:
        return _told(service, lambda: {"id": _keep(service, desk, request.get_data()).id})

    @server.post("/api/findings/edit")
    def finding_edit() -> Response:
        text = request.get_data()[:LONGEST].decode("utf-8", "replace")
        kept, id = findings_of(service), request.args.get("id", "")
        return _told(service, lambda: {"sentence": kept.edit(id, text).sentence})

    @server.post("/api/findings/remove")
    def finding_remove() -> Response:
        kept, id = findings_of(service), request.args.get("id", "")
        return _told(service, lambda: {"removed": kept.remove(id)})

    @server.post("/api/findings/import")
    def finding_import() -> Response:
        kept, data = findings_of(service), request.get_data()
        return _told(service, lambda: {"new": kept.import_(read_findings(data))})


def _files(server: Flask, service: Service) -> None:
    @server.get("/findings.<ending>")
    def findings_file(ending: str) -> Response:
        suffix = f".{ending}"
        if suffix not in FORMATS:
            abort(404)
        kept = findings_of(service)
        try:
            if suffix == ".html":
                illustrated(service, kept.all())
            data = exported(kept, suffix, lambda: service.starter.pack)
        except (UserError, JobError) as error:
            return as_json({"error": str(error)}, 422)
        attached = {"Content-Disposition": f'attachment; filename="neuronscope-findings{suffix}"'}
        return Response(data, mimetype=FORMATS[suffix], headers=attached)


def _asked(ask: Callable[[], Any]) -> Response:
    """Like ``answered``, also where it is the worker that cannot."""
    try:
        return answered(ask)
    except JobError as error:
        return as_json({"error": str(error)}, 422)


def _told(service: Service, act: Callable[[], dict[str, Any]]) -> Response:
    """What ``act`` returns, with the list as it stands then."""

    def ask() -> dict[str, Any]:
        done, found = act(), findings_of(service).all()
        return {**done, "count": len(found), "markup": markup(listing(service, found))}

    return _asked(ask)


def _offered(service: Service, desk: ErrorDesk, href: str) -> str:
    return draft_of(at(service, href), desk).sentence


def _keep(service: Service, desk: ErrorDesk, data: bytes) -> Finding:
    wrong = UserError("this is no view that can be kept")
    if len(data) > LONGEST:
        raise wrong
    try:
        given = json.loads(data)
        href, sentence = given["href"], given["sentence"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise wrong from error
    if not (isinstance(href, str) and isinstance(sentence, str)):
        raise wrong
    return keep(service, desk, href, sentence)
