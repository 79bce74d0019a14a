"""Where the page sends the camera's frames and gets all maps of a layer back, as bytes.

A frame passes through memory and is gone: no file, no cache entry, no log line is made of it, and
no answer may be kept by the browser.

The answer: the length of a JSON head (4 bytes, small end first), the head, and the maps, uint8
(channels, rows, cols), as ``analysis.maps.Packed`` writes them.
"""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request

from cache.errors import UserError
from dashboard.answers import as_json
from dashboard.protocol import JobError
from dashboard.service import Service

IN_MEMORY = 32 * 2**20
"""Bytes up to which waitress holds a body, coming or going, in memory instead of in a file."""
PATIENCE = 20  # seconds; a frame that waited longer shows nothing that is still there


def register(server: Flask, service: Service) -> None:
    """Adds the two addresses: a frame's maps, and the opened picture's."""

    @server.post("/api/live")
    def frame() -> Response:
        return _packed(lambda: _of_frame(service))

    @server.get("/api/maps")
    def maps() -> Response:
        given = request.args
        return _packed(lambda: service.jobs.call(
            "maps", timeout=PATIENCE, model=given.get("model") or service.config.model,
            picture=service.picture_key(given.get("picture")), layer=given.get("layer", ""),
        ))  # fmt: skip


def _of_frame(service: Service) -> dict[str, Any]:
    """Straight to the worker: ``Service.ask`` would keep question and answer."""
    known = service.model(request.args.get("model"))
    c, h, w = known["input_size"]
    if request.content_length != c * h * w or c * h * w > IN_MEMORY:
        raise UserError(f"a frame for this network has {h} x {w} x {c} bytes")
    pixels = base64.b64encode(request.get_data(cache=False)).decode("ascii")
    answer: dict[str, Any] = service.jobs.call(
        "frame", timeout=PATIENCE, model=known["name"], layer=request.args.get("layer", ""),
        pixels=pixels,
    )  # fmt: skip
    return answer


def _packed(ask: Callable[[], dict[str, Any]]) -> Response:
    try:
        answer = ask()
    except (UserError, JobError) as error:
        return as_json({"error": str(error)}, 422)
    head = json.dumps({k: v for k, v in answer.items() if k != "maps"}).encode()
    body = struct.pack("<I", len(head)) + head + base64.b64decode(answer["maps"])
    return Response(
        body, mimetype="application/octet-stream", headers={"Cache-Control": "no-store"}
    )
