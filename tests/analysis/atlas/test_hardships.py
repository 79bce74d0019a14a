"""What a build meets in the world: it is killed, the disk is full, there are many samples."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from analysis import projection
from tests.analysis.atlas.actors import SIDES, contents, toy
from tests.cache.test_full_disk import can_mount, fields, in_small_disk

ROOT = Path(__file__).resolve().parents[3]


# ---- killed ----


def in_order(folder: Path) -> list[Path]:
    """Its files as they were written."""
    return sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_mtime_ns)


@pytest.mark.slow
def test_whatever_part_was_the_last_the_bytes_are_the_same(root: Path, tmp_path: Path) -> None:
    """What is there after a kill is what was written until then, and perhaps half a draft."""
    files, right = in_order(root), contents(root)
    for count in (0, 1, 2, 3, 5, 9, 10, 11, 12, 14, len(files) - 1):
        work = tmp_path / str(count)
        for path in files[:count]:
            there = work / path.relative_to(root)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, there)
        build = toy(work)
        for folder in (build.folder.root, build.shards.folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".a.npy.0badcafe.draft").write_bytes(b"half")
        for _ in build.run(SIDES):
            pass
        assert contents(work) == right, f"{count} of {len(files)} files were there"


def started(root: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.analysis.atlas.actors", "photographs", str(root)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()


def timed(root: Path) -> dict[str, float]:
    """Builds to the end; seconds of each phase, by its first word."""
    began: dict[str, float] = {}
    process = started(root)
    for line in lines(process):
        began.setdefault(line.split()[0], time.monotonic())
    assert process.wait() == 0
    words = list(began)
    return {a: began[b] - began[a] for a, b in pairwise(words)}


@pytest.mark.slow
def test_killed_ten_times_it_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    lasts = timed(tmp_path / "through")
    dice = random.Random(0)
    plan = ["looking"] * 4 + ["laying"] + ["drawing"] * 5
    part = {"looking": 0.5, "laying": 0.9, "drawing": 0.35}
    work, tries = tmp_path / "killed", 0
    while plan:
        tries += 1
        assert tries < 25, f"{len(plan)} kills came too late, again and again"
        process = started(work)
        came = any(line.startswith(plan[0]) for line in lines(process))
        time.sleep(dice.uniform(0, part[plan[0]] * lasts[plan[0]]) if came else 0)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL and came:
            plan.pop(0)
        else:  # on a machine that is quicker now than it was, a build ends before its kill
            shutil.rmtree(work)
        assert process.stdout is not None
        process.stdout.close()
    timed(work)
    assert contents(work) == contents(tmp_path / "through")
    assert not list(work.rglob("*.draft"))
    assert not list((tmp_path / "temporary").iterdir())


# ---- a full disk ----


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_build_goes_on_afterwards(root: Path, tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    actor = [sys.executable, "-m", "tests.analysis.atlas.actors", "full", str(tmp_path)]
    done = subprocess.run(
        in_small_disk(tmp_path, *actor), cwd=ROOT, capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stderr
    told = fields(done.stdout)
    assert int(told["times"]) > 3
    assert (told["all told"], told["lines"], told["drafts"]) == ("True", "1", "0")
    assert told["contents"] == hashlib.sha256(repr(contents(root)).encode()).hexdigest()


# ---- memory ----

LARGE = """
import resource, sys, json
from pathlib import Path
import numpy as np
import analysis.atlas.build
from analysis import projection
from analysis.atlas.cells import gridded, main_box, alike_at_random
from analysis.atlas.icons import unmixed
from cache.vectors import Column, Shards

shards = Shards(Path(sys.argv[1]), ("vectors", "effects"))
draws = np.random.default_rng(0)
axes = draws.normal(size=(8, 512)).astype(np.float32)
for number in range(100):
    rows = np.maximum(draws.normal(size=(1000, 8)).astype(np.float32) @ axes, 0)
    effects = draws.normal(size=(1000, 1000)).astype(np.float16)
    shards.write(number, {"vectors": rows.astype(np.float16), "effects": effects})
vectors, effects = shards.column("vectors"), shards.column("effects")
everything = vectors[np.arange(len(vectors))].astype(np.float32)
points = projection.laid_out(everything, projection.LayoutRequest(method="pca"))
checked, trust = projection.trustworthiness(everything, points)
box = main_box(points)
del everything
for side in (20, 40):
    halves = vectors.all()
    cells = gridded(points, box, side, halves, effects)
    alike_at_random(halves, cells)
inverse = unmixed(projection.second_moment(halves))
there, _, _ = projection.placed(cells.means[:64], vectors, points)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([len(points), len(checked), float(trust.mean()), len(cells), peak >> 10]))
"""


@pytest.mark.slow
def test_a_hundred_thousand_samples_within_two_gigabytes(tmp_path: Path) -> None:
    """Of 512 channels and 1,000 classes; torch and the network's code are in it, too."""
    command = [sys.executable, "-c", LARGE, str(tmp_path / "rows")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    points, checked, trust, cells, mebibytes = json.loads(done.stdout)
    assert (points, checked) == (100_000, projection.CHECKED)
    assert cells > 400
    assert trust > 0.6
    assert mebibytes < 2048, f"{mebibytes} MiB"
