"""A disk that is really full: a small tmpfs in a namespace of its own, or a limit of file size."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cache.files import Draft

ROOT = Path(__file__).resolve().parents[2]
# 1.2 MB: room for sqlite's own files (about 100 kB with their journal) and some fifty entries.
SIZE = "1200k"
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && shift && exec "$@"'


def in_small_disk(folder: Path, *command: str, size: str = SIZE) -> list[str]:
    """The command line that mounts a tmpfs over ``folder`` for its own eyes, and runs ``command``
    there; the mount is gone with the process."""
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", MOUNT, str(folder), size,
            *command]  # fmt: skip


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(in_small_disk(folder, "true"), capture_output=True).returncode == 0


@contextmanager
def only_small_files(room: int) -> Iterator[None]:
    """No file grows beyond ``room`` bytes in this process. Never around a whole test: the file
    that the tests are reported to is one of them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fields(output: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in output.splitlines())


def check(command: list[str]) -> dict[str, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = fields(done.stdout)
    assert int(told["kept"]) > 3
    assert told["readable"] == told["kept"]
    assert told["drafts"] == "0"
    assert int(told["removed"]) >= int(told["kept"])
    assert told["after"] == "fits again"
    return told


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    # Small entries also let sqlite meet the end of the disk; large ones surely end in a draft.
    for size, causes in ((2_000, ("sqlite", "ENOSPC")), (150_000, ("ENOSPC",))):
        actor = [sys.executable, "-m", "tests.cache.actors", str(tmp_path), str(size)]
        told = check(in_small_disk(tmp_path, *actor))
        assert "the disk is full" in told["refused"]
        assert "--cache DIR" in told["refused"]
        assert told["cause"] in causes


def test_a_limit_of_file_size_is_told_too(tmp_path: Path) -> None:
    told = check([sys.executable, "-m", "tests.cache.actors", str(tmp_path), "limited"])
    assert "the disk is full" in told["refused"]
    assert told["cause"] == "EFBIG"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_folder_that_takes_no_files_is_told_and_not_tried_for_ever() -> None:
    with pytest.raises(OSError, match="proc"):
        Draft(Path("/proc/x.png"))
