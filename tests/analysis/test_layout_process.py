"""A layout in a process of its own: what it gives, and that it never outlives who asked."""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from analysis import layout_process
from analysis.projection import LayoutRequest, laid_out
from cache.errors import UserError

FLAT = LayoutRequest(method="pca")
ASK = """
import numpy as np, os, sys
from analysis import layout_process
from analysis.projection import LayoutRequest
for _ in layout_process.steps(np.random.default_rng(0).random((3000, 64)), LayoutRequest()):
    print("asked", flush=True)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, also by processes started from here."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_it_gives_the_points_of_this_process(temporary: Path) -> None:
    vectors = np.random.default_rng(0).random((50, 7)).astype(np.float16)
    *waiting, points = layout_process.steps(vectors, FLAT)
    assert waiting
    assert all(one is None for one in waiting)
    np.testing.assert_array_equal(points, laid_out(vectors.astype(np.float32), FLAT))
    assert list(temporary.iterdir()) == []


def test_closing_ends_it(temporary: Path) -> None:
    going = layout_process.steps(np.random.default_rng(0).random((3000, 64)), LayoutRequest())
    assert next(going) is None
    going.close()
    assert list(temporary.iterdir()) == []


def test_what_went_wrong_is_told_in_one_line(temporary: Path) -> None:
    with pytest.raises(UserError, match="could not be laid out") as error:
        list(layout_process.steps(np.zeros((20, 3)), LayoutRequest(dimensions=-1, method="pca")))
    assert "\n" not in str(error.value)
    assert list(temporary.iterdir()) == []


def test_it_ends_with_the_one_that_asked_and_leaves_nothing(temporary: Path) -> None:
    asking = subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE)
    assert asking.stdout is not None
    assert asking.stdout.readline() == b"asked\n"
    (laying,) = children(asking.pid)
    assert list(temporary.iterdir()) == []  # at whatever moment it is killed
    time.sleep(1)
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    asking.stdout.close()
    until = time.monotonic() + 30
    while laying.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not laying.exists()
    assert list(temporary.iterdir()) == []


def children(pid: int) -> list[Path]:
    """The processes that this one started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [Path("/proc") / one for one in text.split()]
