"""Builds of an atlas in processes of their own, which are killed for real or meet a full disk.

python -m tests.analysis.atlas.actors photographs ROOT      says each step
python -m tests.analysis.atlas.actors full ROOT             ROOT is a small disk
"""

import errno
import hashlib
import sys
from pathlib import Path

from analysis.processor import settle

settle()  # before torch is imported

from analysis import photos  # noqa: E402
from analysis.atlas import sweep  # noqa: E402
from analysis.atlas.build import Build, requested  # noqa: E402
from analysis.models import load  # noqa: E402
from cache.errors import UserError  # noqa: E402
from tests.analysis.atlas.nets import LAYER, network, pictures  # noqa: E402

SIDES = (2, 3)
SHARD, BATCH = 5, 2  # of the small network's pictures


def contents(root: Path) -> dict[str, str]:
    """Every file below, with the digest of its bytes."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def photographs(root: Path) -> None:
    """An atlas of six sample photographs, laid out by umap, with two grids and their icons."""
    sweep.SHARD, sweep.BATCH = 2, 1
    net = load("squeezenet1_1", device="cpu")
    request, kept = requested(net, "features.12", photos.samples().pictures[:6], points=120)
    for step in Build(net, request, kept, root).run(SIDES):
        print(f"{step.phase} {step.done} of {step.total}", flush=True)
    print("finished", flush=True)


def toy(root: Path) -> Build:
    """An atlas of the small network, laid out flat."""
    net = network()
    request, kept = requested(net, LAYER, pictures(12), points=240, method="pca")
    return Build(net, request, kept, root)


def full(root: Path) -> None:
    """Builds on a disk with less room than it takes, then with a little more, to the end; says how
    often it was full, and what the folder then holds."""
    sweep.SHARD, sweep.BATCH = SHARD, BATCH
    ballast, told = root / "ballast", []
    for room in range(0, 400_000, 12_288):
        _fill(ballast, room)
        try:
            for _ in toy(root).run(SIDES):
                pass
        except UserError as error:
            told.append(str(error))
            continue
        break
    ballast.unlink()
    print(f"times: {len(told)}")
    print(f"all told: {all('the disk is full' in line for line in told)}")
    print(f"lines: {max(line.count(chr(10)) for line in told) + 1}")
    print(f"drafts: {len(list(root.rglob('*.draft')))}")
    print(f"contents: {hashlib.sha256(repr(contents(root)).encode()).hexdigest()}")


def _fill(ballast: Path, room: int) -> None:
    """A file that leaves about so many bytes of the disk."""
    ballast.unlink(missing_ok=True)
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        file.truncate(max(0, file.tell() - room))


if __name__ == "__main__":
    {"photographs": photographs, "full": full}[sys.argv[1]](Path(sys.argv[2]))
