"""A layout in a process of its own: it takes a minute or more, cannot be interrupted, and holds the
interpreter; the worker must stay able to answer, and to cancel.

    python -m analysis.layout_process FOLDER

reads FOLDER/vectors.npy and FOLDER/request.json and writes FOLDER/points.npy. The process ends when
the one that started it does: its standard input ends then.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
    with tempfile.TemporaryDirectory(prefix="neuronscope-") as name:
        folder = Path(name)
        with disk_errors(folder.parent, named_by="TMPDIR"):
            with (folder / "vectors.npy").open("wb") as file:
                # numpy's own way to write to a file hides why that failed
                np.save(SimpleNamespace(write=file.write), np.asarray(vectors, np.float32))
            (folder / "request.json").write_text(json.dumps(asdict(request)))
        command = [sys.executable, "-P", "-m", "analysis.layout_process", name]
        # what it prints goes to a file: a pipe that nobody reads would stop it
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as running,
        ):
            try:
                while running.poll() is None:
                    yield None
                    _wait(running)
            finally:
                running.kill()
        if running.returncode:
            last = (folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
            raise UserError(f"the map could not be laid out: {' '.join(last) or 'it was ended'}")
        yield np.load(folder / "points.npy", allow_pickle=False)


def _wait(running: "subprocess.Popen[bytes]") -> None:
    try:
        running.wait(LOOK)
    except subprocess.TimeoutExpired:
        return


def _end_with_parent(folder: Path) -> None:
    """A parent that was killed removes nothing: its vectors would stay for good."""
    while os.read(0, 1):  # not sys.stdin: its lock would be held when the interpreter ends
        continue
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(folder: Path) -> None:
    """The process itself."""
    threading.Thread(target=_end_with_parent, args=[folder], daemon=True).start()
    vectors = np.load(folder / "vectors.npy", allow_pickle=False)
    request = LayoutRequest(**json.loads((folder / "request.json").read_text()))
    np.save(folder / "points.npy", laid_out(vectors, request))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
