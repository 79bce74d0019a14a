"""The folder of entry files: ``objects/ab/abcd...``, one file a key.

A file's modification time is the time of its last use. Setting it costs microseconds and no fsync,
every process sees it, and it is still there when the index has to be made anew.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cache.entries import BadEntry, Packed, is_current, peek, unpack
from cache.files import Draft, disk_errors, is_draft, sweep_draft
from cache.index import Row
from cache.keys import is_key

log = logging.getLogger(__name__)
UNREADABLE = "unreadable"
SHARDS = tuple(f"{number:02x}" for number in range(256))


class Objects:
    """Entry files below ``root``; knows nothing of the index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._prefix = f"{root}{os.sep}"

    def path(self, key: str) -> str:
        """The file of a key. ValueError: it is none, and must not come near a path."""
        if not is_key(key):
            raise ValueError(f"not a cache key: {key!r}")
        return f"{self._prefix}{key[:2]}{os.sep}{key}"

    def draft(self, key: str) -> Draft:
        return Draft(Path(self.path(key)))

    def bytes_of(self, key: str) -> bytes | None:
        """The file as it is, unchecked; None where there is none."""
        with disk_errors(self.root):
            try:
                with open(self.path(key), "rb") as file:
                    return file.read()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def load(self, key: str) -> Packed | None:
        """The checked entry. Bytes that are not what they should be are dropped and give None."""
        data = self.bytes_of(key)
        if data is None:
            return None
        try:
            return unpack(data, key)
        except BadEntry as bad:
            self.drop(key, data, str(bad))
            return None

    def drop(self, key: str, seen: bytes, reason: str) -> None:
        """Remove the bytes that were found wrong, unless somebody has written better ones."""
        log.warning("cache entry %s dropped: %s", key, reason)
        if self.bytes_of(key) == seen:
            self.unlink(key)

    def has(self, key: str) -> bool:
        """Whether there is an entry in this version's format; its bytes are not checked."""
        try:
            with open(self.path(key), "rb", buffering=0) as file:
                return is_current(file.read(4))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def touch(self, key: str) -> None:
        now = time.time_ns()
        try:
            os.utime(self.path(key), ns=(now, now))
        except OSError as error:  # removed just now, or not ours: the bytes are read all the same
            log.debug("no last use for %s: %s", key, error)

    def used(self, key: str) -> int | None:
        """Last use in ns since 1970; None where there is no file."""
        try:
            return os.stat(self.path(key)).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            return None

    def unlink(self, key: str) -> bool:
        with disk_errors(self.root):
            try:
                os.unlink(self.path(key))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    def row(self, key: str) -> Row | None:
        """What the index should say of a file, by its header alone. Bytes that are no entry count
        as ``UNREADABLE``, to be dropped when they are read, verified or evicted."""
        with disk_errors(self.root):
            try:
                with open(self.path(key), "rb") as file:
                    status = os.fstat(file.fileno())
                    entry = peek(file, key)
            except FileNotFoundError:
                return None
            except BadEntry:
                return Row(key, UNREADABLE, status.st_size, status.st_mtime_ns, False)
            return Row(key, entry.kind, status.st_size, status.st_mtime_ns, entry.pinned)

    def sizes(self, shard: str) -> dict[str, int]:
        """Key and size in bytes of every entry file of a shard."""
        found = {}
        with disk_errors(self.root):
            for name in self._names(shard):
                if is_key(name) and name[:2] == shard:
                    with suppress(FileNotFoundError):  # removed by another process just now
                        found[name] = os.stat(self.path(name)).st_size
        return found

    def all_keys(self) -> Iterator[str]:
        """Every key in order; one shard in memory at a time."""
        for shard in SHARDS:
            yield from sorted(self.sizes(shard))

    def sweep(self, shard: str) -> int:
        """Remove what writers that died have left; how many there were."""
        with disk_errors(self.root):
            drafts = [name for name in self._names(shard) if is_draft(name)]
            folder = f"{self._prefix}{shard}{os.sep}"
            return sum(sweep_draft(folder + name) for name in drafts)

    def _names(self, shard: str) -> list[str]:
        try:
            return os.listdir(self._prefix + shard)
        except FileNotFoundError:
            return []
