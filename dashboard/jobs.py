"""The page's side of the worker: one job for each request, progress, estimate, cancel, restart.

Every method may be called from any thread; only `call`, `wait`, `wait_ready` and `close` wait.
The worker starts in the background, so that the page can be served before torch is imported.
"""

import atexit
import json
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from dashboard.ledger import Change, Job, Ledger, restart_notice
from dashboard.links import Link, ProcessLink, ThreadLink
from dashboard.protocol import (
    BACKGROUND,
    INTERACTIVE,
    VISIBLE,
    JobCancelledError,
    JobError,
    JobStatus,
    JobTimeoutError,
    Message,
    Progress,
    encode,
)

__all__ = ["BACKGROUND", "INTERACTIVE", "VISIBLE", "JobCancelledError", "JobError"]
__all__ += ["JobStatus", "JobTimeoutError", "Jobs", "Progress"]

log = logging.getLogger("neuronscope.jobs")

CLOSING_GRACE = 1.5  # seconds for the present step and the generators' `finally` at closing
START_TRIES = 3  # a worker that dies this often in a row before it is ready is given up
DEATHS_ALLOWED = 2  # a job during which the worker dies this often is failed


class Jobs:
    """All work that needs torch, done by one worker.

    `config` (JSON-able, unless `in_thread`) goes to `make_state` of the module `registry`, whose
    TASKS are the tasks by name; their arguments must be JSON-able and have names other than
    `timeout`, `priority` and `again`. `keep` is how many finished jobs stay known, least recently
    used out first. Close it, or use it in a `with`; it closes itself when the interpreter exits.
    """

    def __init__(
        self,
        config: Any,
        *,
        registry: str = "dashboard.tasks",
        in_thread: bool = False,
        keep: int = 512,
    ) -> None:
        if not in_thread:
            config = json.loads(encode(config))
        kind: Callable[[str, Any], Link] = ThreadLink if in_thread else ProcessLink
        self._open_link: Callable[[], Link] = lambda: kind(registry, config)
        self._lock = threading.RLock()
        self._ledger = Ledger(keep)
        self._link: Link | None = None
        self._settled = threading.Event()  # ready, or never going to be
        self._ready = False
        self._problem: str | None = None
        self._problem_mendable = False
        self._failed_starts = 0
        self._current: Job | None = None
        self._notices: list[str] = []
        self._closing = False
        self._supervisor = threading.Thread(
            target=self._supervise, name="neuronscope-jobs", daemon=True
        )
        self._supervisor.start()
        atexit.register(self.close)

    # Asking

    def call(self, task: str, /, *, timeout: float = 60, **kwargs: Any) -> Any:
        """Run `task` before everything else and return its result; the caller waits.

        Never answered from memory, but joined with the same request where that is under way.
        The wait includes the start of the worker. Raises UserError as the task raised it,
        JobError (one plain line) for any other failure, JobTimeoutError, JobCancelledError.
        The result is shared with others who asked the same: do not change it.
        """
        with self._lock:
            job = self._enter(task, kwargs, INTERACTIVE, again=True)
            job.callers += 1
        try:
            in_time = job.over.wait(timeout)
        finally:
            with self._lock:
                job.callers -= 1
                if not (job.over.is_set() or job.callers or job.submitted):
                    self._cancel(job)  # nobody is left who wants it
        if in_time:
            return job.answer()
        reason = "it is busy" if self.ready else "the worker is still starting"
        raise JobTimeoutError(f"{task}: no answer within {timeout:g} seconds ({reason}).")

    def submit(
        self, task: str, /, *, priority: int = BACKGROUND, again: bool = False, **kwargs: Any
    ) -> str:
        """Have `task` done some time; return the job's id at once.

        The same request is the same job: asked again with a higher priority it is raised, and
        when it is done it stays done unless `again`. A failed or cancelled job is begun anew.
        """
        with self._lock:
            job = self._enter(task, kwargs, priority, again=again)
            self._ledger.remember(job)
            return job.id

    def rank(self, job_id: str, priority: int) -> None:
        """Let the job go before or behind others from its next step on, also lower than it was."""
        with self._lock:
            job = self._ledger.live(job_id)
            if job is not None and job.priority != priority:
                self._ledger.rank(job, priority)
                self._say(job, "rank")

    def status(self, job_id: str) -> JobStatus:
        """The job now; its state is "unknown" when it is no longer remembered."""
        with self._lock:
            return self._ledger.status(job_id)

    def wait(self, job_id: str, *, timeout: float | None = None) -> JobStatus:
        """The job's status when it has ended, or after `timeout` seconds."""
        with self._lock:
            job = self._ledger.live(job_id)
        if job is None:
            return self.status(job_id)
        job.over.wait(timeout)
        with self._lock:
            return self._ledger.describe(job)

    def cancel(self, job_id: str) -> None:
        """Stop the job for everybody who asked for it; nothing happens when it has ended.

        A generator is closed after its present step (its `finally` runs). A plain function
        cannot be interrupted: it is not begun any more, or its result is dropped.
        """
        with self._lock:
            job = self._ledger.live(job_id)
            if job is not None:
                self._cancel(job)

    def running(self) -> list[JobStatus]:
        """Every job that has not ended, in the order in which they get their steps."""
        with self._lock:
            return [self._ledger.describe(job) for job in self._ledger.unfinished()]

    def notices(self) -> list[str]:
        """What happened to the worker so far, oldest first; one sentence each."""
        with self._lock:
            return list(self._notices)

    @property
    def ready(self) -> bool:
        """Whether the worker has made its state (loaded the network) and answers."""
        return self._ready

    @property
    def problem(self) -> str | None:
        """Why there is no worker and will be none, in one line; None as long as there is hope."""
        return self._problem

    @property
    def worker_pid(self) -> int | None:
        """The process that owns torch; None in a thread, or when there is none."""
        link = self._link
        return link.pid if link else None

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until the worker is ready (True), cannot start, or the time is over (False)."""
        self._settled.wait(timeout)
        return self._ready

    def close(self) -> None:
        """End the worker within about two seconds, whatever it does. May be called twice."""
        atexit.unregister(self.close)
        with self._lock:
            if self._closing:
                return
            self._closing, self._ready = True, False
            link = self._link
            for job in self._ledger.unfinished():
                self._ledger.finish(job, "cancelled", error="Neuronscope was closed.")
        self._settled.set()
        if link is not None:
            link.end(CLOSING_GRACE)
        self._supervisor.join(CLOSING_GRACE)

    def __enter__(self) -> "Jobs":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Below, the lock is held wherever anything is read or changed

    def _enter(self, task: str, kwargs: dict[str, Any], priority: int, *, again: bool) -> Job:
        job, change = self._ledger.enter(task, kwargs, priority, again=again)
        if change != "none":
            self._tell(job, change)
        return job

    def _tell(self, job: Job, change: Change) -> None:
        if self._closing:
            self._ledger.finish(job, "cancelled", error="Neuronscope was closed.")
        elif self._problem is not None:
            self._fail(job, self._problem, mendable=self._problem_mendable)
        else:
            self._say(job, change)

    def _say(self, job: Job, op: str) -> None:
        if self._link is not None:  # else it is said when the link opens
            self._link.send(job.message(op))

    def _cancel(self, job: Job) -> None:
        self._say(job, "cancel")
        self._ledger.finish(job, "cancelled", error="Cancelled.")

    def _fail(self, job: Job, error: str, *, mendable: bool = False) -> None:
        job.mendable = mendable
        self._ledger.finish(job, "failed", error=error)

    def _supervise(self) -> None:
        """Open the worker, hear it until it is gone, and open the next one."""
        while (link := self._open()) is not None:
            while (message := link.receive()) is not None:
                with self._lock:
                    self._hear(message)
            how = link.end(CLOSING_GRACE)
            with self._lock:
                self._link = None
                if not self._closing and self._problem is None:
                    self._recover(how)

    def _open(self) -> Link | None:
        if self._closing or self._problem is not None:
            return None
        try:
            link = self._open_link()  # without the lock: nobody who asks waits for a process
        except OSError as error:
            log.exception("the worker's process cannot be started")
            with self._lock:
                self._give_up(f"The worker cannot start: {error}.")
            return None
        with self._lock:
            if not self._closing:
                self._link = link
                for job in self._ledger.unfinished():
                    self._tell(job, "run")
                return link
        link.end(CLOSING_GRACE)
        return None

    def _hear(self, message: Message) -> None:
        op = message["op"]
        if op == "ready":
            self._ready, self._failed_starts = not self._closing, 0
            self._settled.set()
        elif op == "unable":
            self._give_up(message["error"], mendable=message["mendable"])
        else:
            job = self._ledger.by_ticket(message["ticket"])
            if op == "begin":
                self._current = job
            if job is not None:
                self._hear_of(job, message)

    def _hear_of(self, job: Job, message: Message) -> None:
        op = message["op"]
        if op == "begin":
            job.state = "running"
        elif op == "progress":
            job.mark(message["done"], message["total"], message["partial"], message["clock"])
        elif op == "done":
            self._ledger.finish(job, "done", result=message["result"])
        else:
            self._fail(job, message["error"], mendable=message["mendable"])

    def _recover(self, how: str) -> None:
        """The worker died. What it had is sent again when the next one opens."""
        log.warning("the worker stopped (%s)", how)
        self._failed_starts += not self._ready
        self._ready = False
        self._settled.clear()
        if self._failed_starts >= START_TRIES:
            self._give_up(f"The worker stops whenever it starts ({how}); the log says why.")
            return
        self._blame()
        unfinished = self._ledger.unfinished()
        for job in unfinished:
            job.reset()
        self._notices.append(restart_notice(len(unfinished)))

    def _blame(self) -> None:
        """Count the death against the job that was in hand, and fail it at the second one."""
        job, self._current = self._current, None
        if job is None or self._ledger.by_ticket(job.ticket) is not job:
            return
        job.deaths += 1
        if job.deaths >= DEATHS_ALLOWED:
            line = f"The worker stopped twice while it did this ({job.task}); not tried again."
            self._fail(job, line)

    def _give_up(self, line: str, *, mendable: bool = False) -> None:
        self._problem, self._problem_mendable = line, mendable
        for job in self._ledger.unfinished():
            self._fail(job, line, mendable=mendable)
        self._settled.set()
