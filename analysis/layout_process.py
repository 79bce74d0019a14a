"""A layout in a process of its own: it takes a minute or more, cannot be interrupted, and holds the
interpreter; the worker must stay able to answer, and to cancel.

    python -m analysis.layout_process VECTORS POINTS REQUEST

reads the vectors out of one open file and writes the points into another, both given by descriptor:
files without a name, of which nothing stays, whoever is killed and when. The process ends when the
one that started it does: its standard input ends then.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from analysis.projection import LayoutRequest, laid_out
from cache.errors import UserError
from cache.files import disk_errors

Array = NDArray[Any]
LOOK = 0.1  # seconds between two looks at whether it has ended
BASE, EACH = 25.0, 0.0035  # seconds of two cores: to import and compile, and a sample


def expected(count: int) -> float:
    """About how many seconds a layout of so many samples takes."""
    return BASE + EACH * count


def steps(vectors: Array, request: LayoutRequest) -> Iterator[NDArray[np.float32] | None]:
    """Yields None while the layout is under way, and then its points; closing ends it."""
    with ExitStack() as opened:
        with disk_errors(Path(tempfile.gettempdir()), named_by="TMPDIR"):
            given, points, log = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            # numpy's own way to write to a file hides why that failed
            np.save(SimpleNamespace(write=given.write), np.asarray(vectors, np.float32))
            given.seek(0)
        with _started(given, points, log, request) as running:
            try:
                while running.poll() is None:
                    yield None
                    _wait(running)
            finally:
                running.kill()
        if running.returncode:
            log.seek(0)
            last = log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise UserError(f"the map could not be laid out: {' '.join(last) or 'it was ended'}")
        points.seek(0)
        yield np.load(points, allow_pickle=False)


def _started(
    given: IO[bytes], points: IO[bytes], log: IO[bytes], request: LayoutRequest
) -> "subprocess.Popen[bytes]":
    """What it prints goes to a file: a pipe that nobody reads would stop it."""
    files = given.fileno(), points.fileno()
    words = [*map(str, files), json.dumps(asdict(request))]
    command = [sys.executable, "-P", "-m", "analysis.layout_process", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=files)


def _wait(running: "subprocess.Popen[bytes]") -> None:
    try:
        running.wait(LOOK)
    except subprocess.TimeoutExpired:
        return


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        continue
    os._exit(1)


def main(given: int, points: int, request: LayoutRequest) -> None:
    """The process itself; the files by their descriptors."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with open(given, "rb") as file:
        vectors = np.load(file, allow_pickle=False)
    with open(points, "wb") as file:
        np.save(file, laid_out(vectors, request))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), LayoutRequest(**json.loads(sys.argv[3])))
