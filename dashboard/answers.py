"""How addresses that are no page answer: JSON, and a user's mistake as one line with status 422."""

import json
from collections.abc import Callable
from typing import Any

from flask import Response

from cache.errors import UserError

FOREVER = "public, max-age=31536000, immutable"


def as_json(data: Any, status: int = 200) -> Response:
    """The data as a JSON document."""
    return Response(json.dumps(data), status, mimetype="application/json")


def answered(ask: Callable[[], Any]) -> Response:
    """What ``ask`` returns, or the line of its UserError."""
    try:
        return as_json(ask())
    except UserError as error:
        return as_json({"error": str(error)}, 422)


def immutable(data: bytes, mime: str) -> Response:
    """Bytes that the browser may keep for ever: their address names their content."""
    return Response(data, mimetype=mime, headers={"Cache-Control": FOREVER})
