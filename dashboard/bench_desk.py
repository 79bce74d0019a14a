"""The longer works of the patch bench for the page: begun, looked at while they go on, and taken
out as tables."""

import threading
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode

from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.bench_records import records_of
from dashboard.protocol import INTERACTIVE, VISIBLE, JobStatus
from dashboard.selection import parse
from dashboard.service import Service

KEPT = 64  # works whose question is remembered
_COMMON = ("model", "a", "b")
_LISTED = ("wall", "sure", "among")
TASKS: dict[str, tuple[str, ...]] = {
    "bench_all": (*_COMMON, "patch", "towards", "pictures", *_LISTED),
    "bench_suggest": (*_COMMON, "picture", "layer", "towards", "size", "atlas"),
    "bench_cost": (*_COMMON, "picture", "layer", "fade"),
    "bench_recipe": ("model", "recipe", "atlas"),
}
# Who looks for a patch waits for it; what may take minutes must not keep the page's icons back.
_RANKS = {
    "bench_all": VISIBLE, "bench_cost": VISIBLE, "bench_recipe": VISIBLE,
    "bench_suggest": INTERACTIVE,
}  # fmt: skip
_KINDS: dict[str, type] = {"a": int, "b": int, "size": float, "pictures": list, "among": int}


class BenchDesk:
    """Thread-safe."""

    def __init__(self, service: Service, atlases: AtlasDesk) -> None:
        self.service, self.atlases = service, atlases
        self._asked: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, asked: dict[str, Any]) -> str:
        """The job of a question that the page asks: {task, ...}. UserError where it is none."""
        task = asked.get("task")
        if task not in TASKS:
            raise UserError("there is no such work on the bench")
        model = asked.get("model") or self.service.config.model
        words = {**asked, "atlas": self.atlases.usual(model, asked.get("layer"))}
        words |= _a_list(asked)
        given = {name: words[name] for name in TASKS[task] if words.get(name) is not None}
        for name, value in given.items():
            if type(value) not in (_KINDS.get(name, str), int):
                raise UserError(f"{name} of this work makes no sense; load the page again")
        job = self.service.jobs.submit(task, priority=_RANKS[task], again=True, **given)
        with self._lock:
            self._asked[job] = {"task": task, **given}
            self._asked.move_to_end(job)
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)
        return job

    def look(self, job: str) -> tuple[dict[str, Any], JobStatus]:
        """What was asked, and how far it is. UserError: forgotten."""
        with self._lock:
            asked = self._asked.get(job)
        status = self.service.jobs.status(job)
        if asked is None or status.state == "unknown":
            raise UserError("this is not remembered any more; begin it again")
        return asked, status

    def table(self, job: str) -> dict[str, Any]:
        """A finished work as a document: {asked, classes: names of a and b, found}."""
        asked, status = self.look(job)
        if status.state != "done":
            raise UserError("this is not finished yet; wait for it")
        names = self.service.model(asked["model"])["classes"]
        found = status.result
        pair = [asked.get("a", found.get("a")), asked.get("b", found.get("b"))]
        return {"asked": asked, "classes": [names[i] for i in pair], "found": found}

    def rows(self, job: str) -> list[dict[str, Any]]:
        """The same as records, one for each picture or patch."""
        whole = self.table(job)
        names = self.service.model(whole["asked"]["model"])["classes"]
        return records_of(whole["found"], names)


def _a_list(asked: dict[str, Any]) -> dict[str, Any]:
    """The list and its filters, as far as they make sense; the matrix is none."""
    given = {name: asked[name] for name in _LISTED if asked.get(name) is not None}
    chosen = parse("", urlencode(given))
    wall = None if chosen.wall == "matrix" else chosen.wall
    return {"wall": wall, "sure": chosen.sure, "among": chosen.among}
