"""The longer works of the patch bench for the page: begun, looked at while they go on, and taken
out as tables."""

import threading
from collections import OrderedDict
from typing import Any

from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.error_desk import ErrorDesk
from dashboard.protocol import INTERACTIVE, VISIBLE, JobError, JobStatus
from dashboard.selection import Selection
from dashboard.service import Service
from dashboard.tables import records_as_csv

KEPT = 64  # works whose question is remembered
_COMMON = ("model", "a", "b")
TASKS: dict[str, tuple[str, ...]] = {
    "bench_all": (*_COMMON, "patch", "towards", "pictures"),
    "bench_suggest": (*_COMMON, "picture", "layer", "towards", "size", "atlas"),
    "bench_cost": (*_COMMON, "picture", "layer", "fade"),
    "bench_recipe": ("model", "recipe", "atlas"),
}
# Who looks for a patch waits for it; what may take minutes must not keep the page's icons back.
_RANKS = {
    "bench_all": VISIBLE, "bench_cost": VISIBLE,
    "bench_suggest": INTERACTIVE, "bench_recipe": INTERACTIVE,
}  # fmt: skip
_KINDS: dict[str, type] = {"a": int, "b": int, "size": float, "pictures": list}


class BenchDesk:
    """Thread-safe."""

    def __init__(self, service: Service, atlases: AtlasDesk, errors: ErrorDesk) -> None:
        self.service, self.atlases, self.errors = service, atlases, errors
        self._asked: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, asked: dict[str, Any]) -> str:
        """The job of a question that the page asks: {task, ...}. UserError where it is none."""
        task = asked.get("task")
        if task not in TASKS:
            raise UserError("there is no such work on the bench")
        words = {**asked, "atlas": self.atlas(asked.get("model"), asked.get("layer"))}
        if task == "bench_all":
            words.setdefault("pictures", self.wall(asked))
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

    def atlas(self, model: str | None, layer: str | None) -> str | None:
        """The key of the layer's atlas, or else of the newest one of the network."""
        name = model or self.service.config.model
        found = self.atlases.for_layer(name, layer, None) if layer else None
        if found is not None:
            return found.key
        offered = [one["key"] for one in self.atlases.offered(name) if not one["classes"]]
        return offered[0] if offered else None

    def wall(self, asked: dict[str, Any]) -> list[str]:
        """The pictures of the list that one comes from; all open ones where it is empty, or the
        pass over the pictures has not come to it."""
        model = asked.get("model") or self.service.config.model
        try:
            keys = self.errors.keys(Selection(wall=asked.get("wall")), model)
        except (UserError, JobError):
            keys = []
        return keys or [p.key for p in self.service.library.main.pictures]

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

    def rows(self, job: str) -> str:
        """The same as CSV, a row for each picture or patch."""
        whole = self.table(job)
        names = self.service.model(whole["asked"]["model"])["classes"]
        found = whole["found"]
        if "rows" in found:
            lines = [_picture_line(row, names) for row in found["rows"]]
        elif "suggestions" in found:
            lines = [_patch_line(row, names) for row in found["suggestions"]]
        else:
            lines = [_cost_line(found)]
        return records_as_csv(lines)


def _said(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Answers, probabilities of both classes and margins, before and now."""
    before, now = row["before"], row["now"]
    line = {"said_before": names[before["answer"]], "said_now": names[now["answer"]]}
    for side, letter in enumerate("ab"):
        line[f"probability_{letter}_before"] = before["probabilities"][side]
        line[f"probability_{letter}_now"] = now["probabilities"][side]
    return {**line, "margin_before": before["margin"], "margin_now": now["margin"]}


def _picture_line(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    noise = row["noise"]
    line = {"picture": row["name"], "key": row["picture"], **_said(row, names)}
    for side, letter in enumerate("ab"):
        mean, sd = noise["probabilities"][side]
        line |= {f"probability_{letter}_noise": mean, f"probability_{letter}_noise_sd": sd}
    mean, sd = noise["margin"]
    return {**line, "margin_noise": mean, "margin_noise_sd": sd, "changed": row["changed"]}


def _patch_line(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    mean, sd = row["by_noise"]
    return {
        "patch": row["patch"], "what": row["told"], "push": row["push"], "push_by_noise": mean,
        "push_by_noise_sd": sd, "turned": row["turned"], **_said(row, names),
    }  # fmt: skip


def _cost_line(found: dict[str, Any]) -> dict[str, Any]:
    before, now = found["right"]
    return {
        "pictures": found["pictures"], "right_before": before, "right_now": now,
        "gained": found["gained"], "lost": found["lost"],
    }  # fmt: skip
