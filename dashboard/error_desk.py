"""The page's side of Errors: begins the pass over the open pictures, and asks by how far it is."""

import threading
from typing import Any

from dashboard.protocol import BACKGROUND, JobStatus
from dashboard.selection import Selection
from dashboard.service import Service

PATIENCE = 2.0  # seconds in which a small set is answered, so that nothing need be said of it


class ErrorDesk:
    """One pass a network; what was cancelled begins anew when it is asked for (``again``).
    Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._begun: dict[str, str] = {}
        self._lock = threading.Lock()

    def status(self, model: str, *, again: bool = False) -> JobStatus:
        """How far the pass over the open pictures is; begins it where it was not."""
        jobs = self.service.jobs
        with self._lock:
            status = jobs.status(self._begun.get(model, ""))
            over = status.state in ("cancelled", "failed") and again
            if status.state == "unknown" or over:
                self._begun[model] = jobs.submit(
                    "evaluate", priority=BACKGROUND, again=True, model=model
                )
                status = jobs.status(self._begun[model])
        return status

    def wait(self, model: str) -> JobStatus:
        """The status, after a moment where the pass is under way."""
        status = self.status(model)
        if status.state in ("waiting", "running"):
            self.service.jobs.wait(status.id, timeout=PATIENCE)
        return self.status(model)

    def known(self, model: str) -> int:
        """How many pictures are known to be answered: part of every question about them."""
        return known_of(self.status(model))

    def ask(self, task: str, chosen: Selection, model: str, **given: Any) -> Any:
        """A question about the answered pictures, among those that the filters let through."""
        asked = {"sure": chosen.sure, "among": chosen.among, **given}
        return self.service.ask(task, model=model, known=self.known(model), **asked)

    def keys(self, chosen: Selection, model: str) -> list[str]:
        """The pictures of the open wall, those that matter most first."""
        found = self.ask("wall_pictures", chosen, model, wall=chosen.wall or "wrong")
        return [one["key"] for one in found["pictures"]]


def known_of(status: JobStatus) -> int:
    """How many pictures a pass has answered."""
    told = status.result if status.state == "done" else status.partial
    return int((told or {}).get("answered", 0))
