"""The two ways to reach a worker: in a process of its own, or in a thread of this one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol, cast

from dashboard.protocol import Message, QueueChannel, StreamChannel, encode
from dashboard.worker import serve

# `-P` keeps the current directory off the path: a folder named `cache` or a file `random.py`
# that lies where the user stands must not be taken for ours or for Python's own.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from dashboard.worker import main; main()"
)


class Link(Protocol):
    """A worker as `Jobs` sees it. `send` never blocks."""

    pid: int | None

    def send(self, message: Message) -> None: ...

    def receive(self) -> Message | None:
        """The next message; None when the worker has gone."""

    def hang_up(self) -> None:
        """Ask the worker to finish: it closes its generators and ends."""

    def end(self, grace: float) -> str:
        """Wait `grace` seconds at most for the end, then force it; say how it ended."""


def _import_path() -> list[str]:
    """This process' path without the current directory, and with our own root."""
    path = [entry for entry in sys.path if entry]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return path if root in path else [root, *path]


class ProcessLink:
    """A fresh interpreter, not a fork, that shares nothing with this one but two pipes.

    It has a process group of its own, so that Ctrl-C in the terminal reaches only the page's
    process, which then closes the worker in order. When the page's process dies, however that
    happens, its end of the pipe closes and the worker leaves.
    """

    def __init__(self, registry: str, config: Any) -> None:
        group: dict[str, Any] = {"process_group": 0}
        if sys.platform == "win32":
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, json.dumps(_import_path()), "neuronscope-worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **group,
        )
        self.pid: int | None = self._process.pid
        self._stdin = cast(BinaryIO, self._process.stdin)
        self._channel = StreamChannel(cast(BinaryIO, self._process.stdout), self._stdin)
        self._outbox: SimpleQueue[Message | None] = SimpleQueue()
        self.send({"registry": registry, "config": config})
        threading.Thread(target=self._deliver, name="neuronscope-send", daemon=True).start()

    def _deliver(self) -> None:
        """Write what is to be sent; a pipe that is full must not hold up a callback."""
        # A broken pipe is a dead worker: the reading side notices it and sends everything again.
        with contextlib.suppress(OSError):
            while (message := self._outbox.get()) is not None:
                self._channel.post(encode(message))
        with contextlib.suppress(OSError):
            self._stdin.close()

    def send(self, message: Message) -> None:
        self._outbox.put(message)

    def receive(self) -> Message | None:
        return self._channel.receive()

    def hang_up(self) -> None:
        self._outbox.put(None)

    def end(self, grace: float) -> str:
        self.hang_up()
        try:
            code = self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code < 0:
            return f"signal {-code}: {signal.strsignal(-code)}"
        return f"exit status {code}"


class ThreadLink:
    """The same loop in a thread of this process, for a live module handed in from a notebook.

    `config` and the module in it are handed over as they are; everything else is JSON as well.
    """

    def __init__(self, registry: str, config: Any) -> None:
        self.pid: int | None = None
        there: SimpleQueue[bytes | None] = SimpleQueue()
        back: SimpleQueue[bytes | None] = SimpleQueue()
        self._channel = QueueChannel(incoming=back, outgoing=there)
        far = QueueChannel(incoming=there, outgoing=back)

        def work() -> None:
            try:
                serve(far, registry, config)
            finally:
                far.hang_up()

        self._thread = threading.Thread(target=work, name="neuronscope-worker", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        self._channel.post(encode(message))

    def receive(self) -> Message | None:
        return self._channel.receive()

    def hang_up(self) -> None:
        self._channel.hang_up()

    def end(self, grace: float) -> str:
        self.hang_up()
        self._thread.join(grace)
        return "thread still busy" if self._thread.is_alive() else "thread ended"
