"""Asks the worker for the pictures that are on the screen, and says how far each is.

A request names what the page shows now. What the cache has is answered at once; what it lacks is
rendered in small batches, newest request first; what is no longer shown goes on in the background
and is kept.
"""

import threading
from typing import Any

from dashboard.protocol import BACKGROUND, VISIBLE, JobStatus
from dashboard.service import Service

BATCH = 4
LABELS = {
    "icons": "drawing what neurons look for",
    "mosaic": "drawing the grid",
    "examples": "looking for real patches",
}


class IconDesk:
    """Icons, names and grids for the page. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._done: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._jobs: dict[tuple[str, str, int], str] = {}
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        self._begun: dict[tuple[str, ...], str] = {}
        self._grid: dict[str, str] = {}
        self._lock = threading.Lock()

    def icons(self, model: str, layer: str, channels: list[int]) -> dict[int, dict[str, Any]]:
        """{channel: {url, state, name}} of what is there; what is missing starts to be rendered."""
        with self._lock:
            self._look_up(model, layer, channels)
            self._start(model, layer, channels)
            names = self._names_of(model, layer)
            answer = {c: self._state(model, layer, c) for c in channels}
        return {c: {**icon, "name": names.get(str(c), "")} for c, icon in answer.items()}

    def _look_up(self, model: str, layer: str, channels: list[int]) -> None:
        """Asks once for every channel that is neither known nor being rendered."""
        new = [c for c in channels if (model, layer, c) not in {**self._done, **self._jobs}]
        if not new:
            return
        found = self.service.jobs.call(
            "icons_known", model=model, layer=layer, channels=sorted(new)
        )
        for channel, icon in found.items():
            self._done[(model, layer, int(channel))] = icon

    def _start(self, model: str, layer: str, channels: list[int]) -> None:
        new = [c for c in channels if (model, layer, c) not in {**self._done, **self._jobs}]
        for first in range(0, len(new), BATCH):
            batch = new[first : first + BATCH]
            job = self.service.jobs.submit(
                "icons", priority=VISIBLE, model=model, layer=layer, channels=batch
            )
            self._jobs |= {(model, layer, c): job for c in batch}

    def _state(self, model: str, layer: str, channel: int) -> dict[str, Any]:
        key = (model, layer, channel)
        if key in self._done:
            return self._done[key]
        status = self.service.jobs.status(self._jobs[key])
        icon = ((status.result or status.partial) or {}).get(str(channel))
        if status.state in ("failed", "cancelled"):
            self._done[key] = {"state": "failed", "error": status.error}
            return self._done[key]
        if status.state == "unknown":  # too long ago to be remembered: the cache has it, or not
            del self._jobs[key]
        if icon and icon["state"] in ("done", "dead"):
            self._done[key] = icon
            self._jobs.pop(key, None)
        return icon or {"state": "waiting"}

    def _names_of(self, model: str, layer: str) -> dict[str, str]:
        """Automatic names, when the pass over the open pictures is through."""
        if (model, layer) not in self._names:
            status = self._once("examples", BACKGROUND, model=model, layer=layer)
            if status.state == "done":
                self._names[(model, layer)] = status.result["names"]
        return self._names.get((model, layer), {})

    def grid(self, model: str, picture: str, layer: str) -> dict[str, Any]:
        """The activation grid of a picture: {url, done, text} as it forms."""
        wanted = {"model": model, "picture": picture, "layer": layer}
        with self._lock:
            self._leave_grid(wanted)
            status = self._once("mosaic", BACKGROUND, **wanted)
        shown = (status.result or status.partial) or {}
        url = f"/blob/{shown['key']}" if shown.get("key") else None
        done = status.state in ("done", "failed", "cancelled", "unknown")
        return {"url": url, "done": done, "text": _grid_text(status.state, status.error, shown)}

    def _leave_grid(self, wanted: dict[str, str]) -> None:
        """Another grid is looked at: the one before stops, unless it is done."""
        if self._grid and self._grid != wanted:
            job = self._begun.pop(("mosaic", *self._grid.values()), "")
            self.service.jobs.cancel(job)
        self._grid = wanted

    def _once(self, task: str, priority: int, **given: str) -> JobStatus:
        """The status of a job that is begun only once: what was cancelled stays cancelled."""
        key = (task, *given.values())
        status = self.service.jobs.status(self._begun.get(key, ""))
        if status.state == "unknown":
            self._begun[key] = self.service.jobs.submit(task, priority=priority, **given)
            status = self.service.jobs.status(self._begun[key])
        return status

    def status(self, seen: int | None) -> dict[str, Any]:
        """Running background jobs, and the notices after the ``seen`` first; None: only count
        them."""
        with self._lock:
            notices = self.service.jobs.notices()
        running = [
            {"id": job.id, "label": LABELS[job.task], "done": job.done, "total": job.total,
             "left": job.seconds_left}
            for job in self.service.jobs.running() if job.task in LABELS
        ]  # fmt: skip
        new = [] if seen is None else notices[seen:]
        return {"running": running, "notices": new, "seen": len(notices)}


def _grid_text(state: str, error: str | None, shown: dict[str, Any]) -> str:
    if state == "failed":
        return error or "the grid could not be drawn"
    if state == "cancelled":
        return "Drawing was cancelled; the squares show the picture itself."
    if not shown.get("key"):
        return "The squares show the picture itself until their icons are drawn."
    size = "Size: how strongly the place fires. Edge: blue for the answer, orange against it."
    return size if state == "done" else f"{size} Still forming."
