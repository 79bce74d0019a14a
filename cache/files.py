"""Files that appear whole or not at all, and the errors of a disk as plain lines."""

import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from cache.errors import UserError

if sys.platform != "win32":
    import fcntl

_SUFFIX = ".draft"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TRIES = 20  # to make a folder that others may remove
_PROBE = 1 << 18  # bytes that fit into any disk that is not full
_ABANDONED_AFTER = 3600.0  # seconds; only where there are no file locks to ask


class Draft:
    """A file written beside its target and put in its place in one step.

    The writer holds a lock on its draft, and the system lets go of it when the writer dies,
    however it dies. So a sweeper can tell a dead writer's leftover from a draft in the making.
    Leaving the ``with`` block without ``publish`` removes the draft.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._descriptor, self._path = _open_draft(target)
        self._published = False

    def __enter__(self) -> "Draft":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()

    def drop(self) -> None:
        """Let go of the draft, and remove it unless it was published."""
        os.close(self._descriptor)
        if not self._published:
            self._path.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """Where the draft lies until it is published."""
        return self._path

    def write(self, data: bytes, *, durable: bool = True, at: int | None = None) -> None:
        """Append all of ``data``, or put it ``at`` a place and go on from its end; ``durable``
        waits until it is on the disk itself."""
        if at is not None:
            os.lseek(self._descriptor, at, os.SEEK_SET)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        if durable:
            os.fsync(self._descriptor)

    def cut(self, length: int) -> None:
        """Keep the first ``length`` bytes."""
        os.ftruncate(self._descriptor, length)

    def publish(self, *, used: int) -> None:
        """Put the draft in its place; ``used`` (ns) becomes its time. A second call does nothing,
        so that a transaction that has to be tried again may publish again."""
        if not self._published:
            os.utime(self._path, ns=(used, used))
            os.replace(self._path, self._target)
            self._published = True


def _open_draft(target: Path) -> tuple[int, Path]:
    tries = 0
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_SUFFIX}")
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileNotFoundError:
            tries += 1
            if tries > _TRIES:  # the folder is there, and takes no files: /proc
                raise
            target.parent.mkdir(parents=True, exist_ok=True)
            continue
        if _lock(descriptor, wait=False) and path.exists():
            return descriptor, path
        os.close(descriptor)  # a sweeper took it between the two steps: make another


def is_draft(name: str) -> bool:
    return name.endswith(_SUFFIX)


def sweep_draft(path: str) -> bool:
    """Remove a draft if its writer is dead; whether it was removed."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False  # published or removed in the meantime
    try:
        if not _lock(descriptor, wait=False):
            return False
        if sys.platform == "win32" and time.time() - os.path.getmtime(path) < _ABANDONED_AFTER:
            return False
        Path(path).unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process (and thread) at a time inside; a dead holder's lock is free at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
    return True


@contextmanager
def disk_errors(folder: Path, *, named_by: str = "--cache DIR") -> Iterator[None]:
    """What the disk refuses inside the block is told as one line that says how to mend it;
    ``named_by``: what names another folder."""
    try:
        yield
    except OSError as error:
        raise disk_error(folder, error, named_by) from error


def reason_of(error: OSError) -> str:
    """Why a file cannot be written, in a few words."""
    return "the disk is full" if error.errno in _FULL else error.strerror or str(error)


def disk_error(folder: Path, error: OSError, named_by: str = "--cache DIR") -> UserError:
    if error.errno in _FULL:
        return full(folder, named_by)
    reason = error.strerror or str(error)
    return UserError(
        f"the folder {folder} cannot be used ({reason}): mend it or name another with {named_by}"
    )


def full(folder: Path, named_by: str = "--cache DIR") -> UserError:
    return UserError(
        f"the disk is full, nothing more fits into {folder}: free some space, "
        f"run `neuronscope cache clear`, or name another folder with {named_by}"
    )


def is_full(folder: Path) -> bool:
    """Whether hardly anything fits into the folder any more, found by trying: what a library says
    of a full disk, or of a quota, may be no more than "disk I/O error"."""
    try:
        with Draft(folder / "room") as draft:
            draft.write(bytes(_PROBE))
    except OSError as error:
        return error.errno in _FULL
    return False
