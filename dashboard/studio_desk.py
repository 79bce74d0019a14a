"""Asks the worker for the pictures that a person compares on the Neuron page, and says how far each
is.

The page sends what it shows; what no page has asked for lately is given up.
"""

import json
import threading
import time
from typing import Any

from flask import Flask, Response, request

from cache.errors import UserError
from dashboard.answers import answered
from dashboard.protocol import VISIBLE, JobStatus
from dashboard.service import Service

TASKS = {
    "rendering": {"model": str, "layer": str, "unit": int, "recipe": str},
    "blending": {"model": str, "layer": str, "unit": int, "other": int},
}
MOST = 8
STALE = 2.0  # seconds; the page asks three times a second, and once more when it has left


class StudioDesk:
    """Thread-safe. A picture that the user has cancelled stays so until it is asked for again."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._jobs: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self._lock = threading.Lock()

    def pictures(self, wanted: list[Any], again: Any = None) -> list[dict[str, Any]]:
        """For each request what there is of it. ``again``: the one to begin anew."""
        given = [_checked(one) for one in wanted[:MOST]]
        anew = _name(_checked(again)) if again is not None else None
        with self._lock:
            if anew is not None:
                self._jobs.pop(anew, None)
            now = time.monotonic()
            self._asked |= {_name(one): now for one in given}
            self._leave(now)
            return [self._picture(one) for one in given]

    def _leave(self, now: float) -> None:
        """What nobody looks at any more is given up; it begins anew when it is asked for."""
        for name, job in list(self._jobs.items()):
            if now - self._asked[name] > STALE:
                del self._jobs[name], self._asked[name]
                self.service.jobs.cancel(job)

    def _picture(self, one: dict[str, Any]) -> dict[str, Any]:
        name = _name(one)
        status = self.service.jobs.status(self._jobs.get(name, ""))
        if status.state == "unknown":
            words = {k: v for k, v in one.items() if k != "task"}
            self._jobs[name] = self.service.jobs.submit(one["task"], priority=VISIBLE, **words)
            status = self.service.jobs.status(self._jobs[name])
        return _answer(status)


def _answer(status: JobStatus) -> dict[str, Any]:
    shown = status.result or status.partial or {}
    left = None if status.seconds_left is None else round(status.seconds_left)
    return {**shown, "state": status.state, "error": status.error, "left": left}


def _name(one: dict[str, Any]) -> str:
    return json.dumps(one, sort_keys=True)


def _checked(one: Any) -> dict[str, Any]:
    """A request of a known task with all its words; UserError for anything else."""
    kinds = TASKS.get(one.get("task", "")) if isinstance(one, dict) else None
    words = {k: v for k, v in one.items() if k != "task"} if kinds else {}
    fits = kinds and words.keys() == kinds.keys()
    if not fits or not all(type(words[k]) is kind for k, kind in (kinds or {}).items()):
        raise UserError("there is no such picture")
    return {"task": one["task"], **words}


def register(server: Flask, service: Service) -> None:
    """Adds the address that ``assets/studio.js`` asks."""
    desk = StudioDesk(service)

    @server.get("/api/studio")
    def studio() -> Response:
        def ask() -> list[dict[str, Any]]:
            try:
                wanted = json.loads(request.args.get("wanted", "[]"))
                again = json.loads(request.args.get("again", "null"))
            except ValueError as error:
                raise UserError("there is no such picture") from error
            if not isinstance(wanted, list):
                raise UserError("there is no such picture")
            return desk.pictures(wanted, again)

        return answered(ask)
