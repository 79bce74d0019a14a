"""The long-lived worker: the only process that owns torch, and the loop that shares it out.

The loop is cooperative. A task that is a generator is advanced one step at a time; between two
steps the worker listens, serves whoever waits, and takes the next step of whatever comes first
(`protocol.standing`). A task that is a plain function runs in one piece.
"""

import importlib
import inspect
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, cast

from cache.errors import UserError
from dashboard.protocol import (
    Channel,
    Message,
    Priority,
    Progress,
    StreamChannel,
    Task,
    encode,
    is_streamed,
    standing,
)

log = logging.getLogger("neuronscope.worker")

# How long a step may go on after the page's process has gone, in seconds.
GRACE = 1.0
# After a frame of a stream other work waits so long for the next one, in seconds, but gets a step
# at the latest so long after its last: a camera must not be starved, nor starve.
HOLD, SHARE = 0.06, 0.3

Inbox = SimpleQueue[Message | None]
Steps = Generator[Progress, None, Any]


@dataclass
class _Work:
    ticket: int
    task: str
    kwargs: dict[str, Any]
    priority: int
    order: int
    steps: Steps | None = None
    seconds: float = 0.0

    def standing(self) -> tuple[int, bool, int]:
        return standing(self.priority, self.order, self.steps is not None)


class Loop:
    """Runs what the inbox asks for until the inbox says None."""

    def __init__(
        self, channel: Channel, inbox: Inbox, tasks: Mapping[str, Task], state: Any
    ) -> None:
        self._channel = channel
        self._inbox = inbox
        self._tasks = tasks
        self._state = state
        self._work: dict[int, _Work] = {}
        self._current: int | None = None
        self._stepping = 0.0  # seconds spent in the steps of all generators
        self._stepped = 0.0  # when the last of them ended
        self._expected = 0.0  # until when the next frame of a stream is waited for

    def run(self) -> None:
        try:
            while self._listen():
                if self._work:
                    self._advance(min(self._work.values(), key=_Work.standing))
        finally:
            for work in list(self._work.values()):
                self._drop(work)

    def _listen(self) -> bool:
        """Take in everything that has arrived; wait only when there is nothing else to do, or for
        the next frame of a stream."""
        while not self._work or not self._inbox.empty() or self._awaits():
            patience = max(0.0, self._expected - time.monotonic()) if self._work else None
            try:
                message = self._inbox.get(timeout=patience)
            except Empty:
                return True
            if message is None:
                return False
            self._take(message)
        return True

    def _awaits(self) -> bool:
        """Whether a frame is about to come and nobody waits for anything else."""
        if time.monotonic() >= self._expected:
            return False
        return all(work.priority < Priority.INTERACTIVE for work in self._work.values())

    def _take(self, message: Message) -> None:
        op, ticket = message.pop("op"), message["ticket"]
        if op == "run":
            self._work[ticket] = _Work(**message)
        elif ticket in self._work:  # else it has ended meanwhile
            work = self._work[ticket]
            if op == "cancel":
                self._drop(work)
            else:
                work.priority, work.order = message["priority"], message["order"]

    def _advance(self, work: _Work) -> None:
        if self._current != work.ticket:
            self._current = work.ticket
            # If the worker dies now, the page's process knows which job did it.
            self._send({"op": "begin", "ticket": work.ticket})
        try:
            answer = self._step(work)
            data = encode({"ticket": work.ticket, **answer})
        except UserError as error:
            self._fail(work, str(error), mendable=True)
        except (Exception, SystemExit) as error:
            log.exception("the task %s failed", work.task)
            self._fail(work, f"{work.task} failed: {_one_line(error)}", mendable=False)
        else:
            if answer["op"] == "done":
                self._drop(work)
            self._channel.post(data)

    def _step(self, work: _Work) -> Message:
        began = time.monotonic()
        if work.steps is None:
            if work.task not in self._tasks:
                raise LookupError(f"there is no task of this name ({', '.join(self._tasks)})")
            task = self._tasks[work.task]
            outcome = task(self._state, **work.kwargs)
            if not inspect.isgenerator(outcome):
                if is_streamed(task):
                    self._expected = min(time.monotonic() + HOLD, self._stepped + SHARE)
                return {"op": "done", "result": outcome}
            work.steps = cast(Steps, outcome)
        try:
            progress = next(work.steps)
        except StopIteration as stop:
            return {"op": "done", "result": stop.value}
        finally:
            self._stepped = time.monotonic()
            self._stepping += self._stepped - began
            work.seconds += self._stepped - began
        return self._progress(work, progress)

    def _progress(self, work: _Work, progress: Progress) -> Message:
        # The job's own clock stands still while other generators step: jobs that come first are
        # counted by their own estimates. Short calls in between are part of the pace.
        clock = time.monotonic() - (self._stepping - work.seconds)
        return {
            "op": "progress",
            "done": progress.done,
            "total": progress.total,
            "partial": progress.partial,
            "clock": clock,
        }

    def _fail(self, work: _Work, error: str, *, mendable: bool) -> None:
        self._drop(work)
        failed = {"op": "failed", "ticket": work.ticket, "error": error, "mendable": mendable}
        self._send(failed)

    def _send(self, message: Message) -> None:
        self._channel.post(encode(message))

    def _drop(self, work: _Work) -> None:
        del self._work[work.ticket]
        if self._current == work.ticket:
            self._current = None
        if work.steps is not None:
            try:
                work.steps.close()
            except UserError as error:  # what is kept at the end was refused, as by a full disk
                log.warning("%s, when it was closed: %s", work.task, error)
            except Exception:
                log.exception("the task %s failed while it was closed", work.task)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if len(text) > 300:
        text = text[:299] + "…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def serve(
    channel: Channel, registry: str, config: Any, *, hung_up: Callable[[bool], None] | None = None
) -> None:
    """Load `registry` (TASKS and make_state), then work until the other end hangs up.

    `hung_up(started)` is called in the listening thread when the other end is gone.
    """
    inbox: Inbox = SimpleQueue()
    started = threading.Event()

    def listen() -> None:
        while (message := channel.receive()) is not None:
            inbox.put(message)
        inbox.put(None)
        if hung_up is not None:
            hung_up(started.is_set())

    threading.Thread(target=listen, name="neuronscope-listen", daemon=True).start()
    try:
        module = importlib.import_module(registry)
        state = module.make_state(config)
    except UserError as error:
        channel.post(encode({"op": "unable", "error": str(error), "mendable": True}))
        return
    except (Exception, SystemExit) as error:
        log.exception("the worker cannot start")
        line = f"The worker cannot start: {_one_line(error)}"
        channel.post(encode({"op": "unable", "error": line, "mendable": False}))
        return
    started.set()
    channel.post(encode({"op": "ready"}))
    Loop(channel, inbox, module.TASKS, state).run()


def _take_pipes() -> StreamChannel:
    """Keep stdin and stdout for the messages; whatever libraries print goes to stderr."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return StreamChannel(reader, writer)


def _leave(started: bool) -> None:
    """The page's process is gone: let the present step end, but never stay as an orphan."""
    if started:
        time.sleep(GRACE)
    os._exit(0)


def main() -> None:
    """Entry of the worker process (see `links.ProcessLink`). Does not return."""
    channel = _take_pipes()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    status = 0
    try:
        hello = channel.receive()
        if hello is not None:
            serve(channel, hello["registry"], hello["config"], hung_up=_leave)
    except BrokenPipeError:
        status = 0  # the page's process ended while we answered: nobody is left to tell
    except BaseException:
        log.exception("the worker stopped")
        status = 1
    logging.shutdown()
    sys.stdout.flush()
    # Not sys.exit: a library's thread or exit handler must not hold up the closing.
    os._exit(status)
