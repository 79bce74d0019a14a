"""What the page's process and the worker say to each other, and the words for it.

A message is one JSON object behind its length (8 bytes, big end first), so that nothing that
crosses is ever unpickled. This module imports neither torch nor dash: both sides load it.

Page to worker (the first message is the hello, the end of the stream means "finish"):
    {registry, config}    {op: run, ticket, task, kwargs, priority, order}
    {op: rank, ticket, priority, order}    {op: cancel, ticket}
Worker to page:
    {op: ready}    {op: unable, error, mendable}    {op: begin, ticket}
    {op: progress, ticket, done, total, partial, clock}
    {op: done, ticket, result}    {op: failed, ticket, error, mendable}
"""

import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol

Message = dict[str, Any]
Task = Callable[..., Any]

_LENGTH = struct.Struct(">Q")


class Priority(IntEnum):
    """Who goes first between two steps."""

    UNSEEN = -1  # long work that was left to go on: behind all that anybody may look at
    BACKGROUND = 0  # nobody looks at it yet
    BEHIND = 1  # it is on the screen, but not what one looks at, or there in draft already
    VISIBLE = 2  # it is on the screen
    INTERACTIVE = 3  # somebody waits for it


UNSEEN, BACKGROUND, BEHIND, VISIBLE, INTERACTIVE = Priority


@dataclass(frozen=True)
class Progress:
    """What a task that is a generator yields after each step: `done` of `total` units of work.

    `partial` (JSON-able) is what can be shown already. While the task rests at its `yield` other
    tasks run in the same thread on the same network: leave no hook and no `torch.no_grad()` open
    across a `yield`.
    """

    done: int
    total: int
    partial: Any = None


def streamed(task: Task) -> Task:
    """Marks a task that is asked for again as soon as it has answered, frame by frame."""
    task.streamed = True  # type: ignore[attr-defined]
    return task


def is_streamed(task: Task) -> bool:
    """Whether the next frame is to be expected after this task."""
    return bool(getattr(task, "streamed", False))


@dataclass(frozen=True)
class JobStatus:
    """One job as the page sees it.

    `state` is "waiting", "running", "done", "failed", "cancelled", or "unknown" for a job that is
    no longer remembered. `seconds_left` is wall time from measured steps, None until it can be
    known. `error` is one plain line.
    """

    id: str
    task: str
    state: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    partial: Any = None
    result: Any = None
    error: str | None = None


class JobError(Exception):
    """A job came to nothing, by no fault that the user can mend; the log has the traceback."""


class JobCancelledError(JobError):
    """Somebody cancelled the job, or the application was closed."""


class JobTimeoutError(JobError):
    """The answer did not come in the time that the caller would wait."""


def standing(priority: int, order: int, started: bool) -> tuple[int, bool, int]:
    """Sort key of the jobs: the smallest gets the next step.

    Interactive work that has not begun comes first, oldest first; then interactive generators,
    the newest first, since that is where the user looks now; then the rest, oldest first, so
    that few generators are ever open at once.
    """
    if priority < INTERACTIVE:
        return -priority, False, order
    return -priority, started, -order if started else order


def encode(message: Any, *, canonical: bool = False) -> bytes:
    """JSON bytes; numpy scalars, arrays and paths are written as numbers, lists and strings."""
    return json.dumps(message, default=_plain, sort_keys=canonical).encode()


def decode(data: bytes) -> Message:
    message: Message = json.loads(data)
    return message


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent to or from the worker")


class Channel(Protocol):
    """One end of the line. `post` raises OSError when the other end is gone."""

    def post(self, data: bytes) -> None:
        """Send one message that `encode` has made."""

    def receive(self) -> Message | None:
        """The next message; None at the end of the stream."""


class StreamChannel:
    """Over two pipes."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer

    def post(self, data: bytes) -> None:
        self._writer.write(_LENGTH.pack(len(data)) + data)
        self._writer.flush()

    def receive(self) -> Message | None:
        header = self._reader.read(_LENGTH.size)
        if len(header) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(header)
        data = self._reader.read(length)
        # A worker that is killed while it writes leaves half a message: the end as well.
        return decode(data) if len(data) == length else None


class QueueChannel:
    """Over two queues, between threads. The bytes are the same, so that both ways behave alike."""

    def __init__(
        self, incoming: "SimpleQueue[bytes | None]", outgoing: "SimpleQueue[bytes | None]"
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def post(self, data: bytes) -> None:
        self._outgoing.put(data)

    def receive(self) -> Message | None:
        data = self._incoming.get()
        return None if data is None else decode(data)

    def hang_up(self) -> None:
        self._outgoing.put(None)
