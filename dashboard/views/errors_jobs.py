"""Panels of Errors that wait for a job: its result, or a line that ``assets/errors.js`` follows."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.protocol import VISIBLE
from dashboard.views.context import Context

PATIENCE = 1.5  # seconds that a panel waits before it says so


def finished(here: Context, task: str, doing: str, **given: Any) -> Any:
    """The job's result; while it is under way the line that says so. UserError: it failed, or was
    cancelled."""
    jobs = here.service.jobs
    job = jobs.submit(task, priority=VISIBLE, **given)
    status = jobs.wait(job, timeout=PATIENCE)
    if status.state in ("waiting", "running"):
        text: list[Any] = [f"{doing}\u2026", html.Span(className="so-far num")]
        line: Component = html.P(text, className="note busy", **{"data-job": job})
        return line
    if status.state != "done":
        raise UserError(status.error or "this was cancelled; open it again to go on")
    return status.result
