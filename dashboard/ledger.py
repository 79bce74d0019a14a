"""What the page's process knows of every job: one entry for each request, bounded in number.

Plain book-keeping without threads; `jobs.Jobs` holds its lock around every use.
"""

import hashlib
import json
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Literal

from cache.errors import UserError
from dashboard.protocol import (
    INTERACTIVE,
    JobCancelledError,
    JobError,
    JobStatus,
    Message,
    encode,
    standing,
)

_PACE_MARKS = 16  # progress marks that the pace of a job is measured over

Change = Literal["run", "rank", "none"]


@dataclass(eq=False)
class Job:
    id: str
    task: str
    kwargs: dict[str, Any]
    priority: int
    order: int
    ticket: int  # one run of the job; what a former run still says is not heard
    submitted: bool = False
    callers: int = 0
    state: str = "waiting"
    done: int = 0
    total: int = 0
    partial: Any = None
    result: Any = None
    error: str | None = None
    mendable: bool = False
    deaths: int = 0  # how often the worker died while it did this
    marks: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_PACE_MARKS))
    over: threading.Event = field(default_factory=threading.Event)

    def standing(self) -> tuple[int, bool, int]:
        return standing(self.priority, self.order, bool(self.marks))

    def message(self, op: str) -> Message:
        """What the worker is told: "run", "rank" or "cancel" this job."""
        message: Message = {"op": op, "ticket": self.ticket}
        if op != "cancel":
            message |= {"priority": self.priority, "order": self.order}
        if op == "run":
            message |= {"task": self.task, "kwargs": self.kwargs}
        return message

    def mark(self, done: int, total: int, partial: Any, clock: float) -> None:
        """One step further; `clock` are the seconds of the job's own clock."""
        self.done, self.total = done, total
        if partial is not None:
            self.partial = partial
        if not self.marks or self.marks[-1][0] != done:  # a step within a unit is none
            self.marks.append((done, clock))

    def reset(self) -> None:
        """Back to the start, for the next worker. What could be shown of it already stays."""
        self.state, self.done = "waiting", 0
        self.marks.clear()

    def own_seconds(self) -> float | None:
        """Seconds for the steps that are left, from measured steps; None while none is known.

        The time up to the first mark is not counted: it holds what is paid only once.
        """
        if len(self.marks) < 2 or self.total <= 0:
            return None
        (done, clock), (now_done, now_clock) = self.marks[0], self.marks[-1]
        if now_done <= done:
            return None
        return (now_clock - clock) / (now_done - done) * max(0, self.total - now_done)

    def answer(self) -> Any:
        """The result of a job that has ended, or its error raised."""
        if self.state == "done":
            return self.result
        if self.state == "cancelled":
            raise JobCancelledError(self.error)
        raise (UserError if self.mendable else JobError)(self.error)


class Ledger:
    """All jobs that have not ended, and the `keep` that ended and were asked for last."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._live: dict[str, Job] = {}
        self._tickets: dict[int, Job] = {}
        self._finished: OrderedDict[str, Job] = OrderedDict()
        self._count = 0

    def enter(
        self, task: str, kwargs: dict[str, Any], priority: int, *, again: bool
    ) -> tuple[Job, Change]:
        """The job of this request, and what the worker must be told of it."""
        request = encode([task, kwargs], canonical=True)
        job_id = hashlib.sha256(request).hexdigest()[:24]
        if job_id in self._live:
            return self._raise(self._live[job_id], priority)
        former = self._finished.get(job_id)
        if former is not None and former.state == "done" and not again:
            self._finished.move_to_end(job_id)
            return former, "none"
        self._count += 1
        # The arguments as they are now: the caller may change his own afterwards.
        arguments = json.loads(request)[1]
        job = Job(job_id, task, arguments, int(priority), self._count, self._count)
        # A call that repeats a submitted job takes its place; the id must stay known.
        job.submitted = former is not None
        self._finished.pop(job_id, None)
        self._live[job_id] = self._tickets[job.ticket] = job
        return job, "run"

    def _raise(self, job: Job, priority: int) -> tuple[Job, Change]:
        if priority <= job.priority:
            return job, "none"
        self.rank(job, priority)
        return job, "rank"

    def rank(self, job: Job, priority: int) -> None:
        """Give a live job another priority; it comes after those that have it already."""
        self._count += 1
        job.priority, job.order = int(priority), self._count

    def finish(self, job: Job, state: str, *, result: Any = None, error: str | None = None) -> None:
        """End the job and wake whoever waits for it."""
        job.state, job.result, job.error = state, result, error
        job.marks.clear()
        del self._live[job.id]
        del self._tickets[job.ticket]
        if job.submitted:
            self._keep_finished(job)
        job.over.set()

    def remember(self, job: Job) -> None:
        """Keep the job known when it has ended: somebody holds its id."""
        job.submitted = True
        if job.over.is_set():
            self._keep_finished(job)

    def _keep_finished(self, job: Job) -> None:
        self._finished[job.id] = job
        self._finished.move_to_end(job.id)
        while len(self._finished) > self._keep:
            self._finished.popitem(last=False)

    def by_ticket(self, ticket: int) -> Job | None:
        """The live job of this run; None when it has ended (it was cancelled, say)."""
        return self._tickets.get(ticket)

    def live(self, job_id: str) -> Job | None:
        return self._live.get(job_id)

    def unfinished(self) -> list[Job]:
        """Every live job, in the order in which they get their steps."""
        return sorted(self._live.values(), key=Job.standing)

    def status(self, job_id: str) -> JobStatus:
        job = self._live.get(job_id) or self._finished.get(job_id)
        if job is None:
            forgotten = "This job is no longer remembered; ask for it again."
            return JobStatus(id=job_id, task="", state="unknown", error=forgotten)
        if job_id in self._finished:
            self._finished.move_to_end(job_id)
        return self.describe(job)

    def describe(self, job: Job) -> JobStatus:
        names = ("id", "task", "state", "done", "total", "partial", "result", "error")
        left = self._seconds_left(job) if job.state == "running" else None
        return JobStatus(seconds_left=left, **{name: getattr(job, name) for name in names})

    def _seconds_left(self, job: Job) -> float | None:
        """The job's own steps, and those of every job that goes before it."""
        total = job.own_seconds()
        for other in self._live.values():
            # A call has no steps to count; it is short, and part of the measured pace.
            short = other.priority == INTERACTIVE and not other.marks
            if other is job or short or other.standing() > job.standing():
                continue
            own = other.own_seconds()
            total = None if total is None or own is None else total + own
        return total


def restart_notice(count: int) -> str:
    """What the page is told when the worker was started again with so many jobs."""
    go_on = {0: "", 1: "; 1 job goes on"}.get(count, f"; {count} jobs go on")
    return f"The worker stopped and was started again{go_on}."
