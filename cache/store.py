"""The store: results of analyses kept on disk, shared by several processes, bounded in size.

Reading opens one file, checks its digest and notes the use; it never asks the index. Writing makes
a draft beside the target, waits for the disk, and then, holding the index's lock, puts it in its
place, writes its row and evicts what was least recently used. Killed at any moment in between, a
writer leaves a whole entry, or none.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from cache import codecs
from cache import index as rows
from cache.archive import Archive, write_archive
from cache.entries import FORMAT, Packed, pack
from cache.errors import UserError
from cache.files import disk_errors
from cache.index import Index, Row
from cache.keys import is_key
from cache.objects import SHARDS, Objects
from cache.tidy import tidy, verify

log = logging.getLogger(__name__)
GIB = 1 << 30


@dataclass(frozen=True)
class Entry:
    """A value as it was put, with its kind and its meta."""

    key: str
    kind: str
    value: Any
    meta: dict[str, Any]


class Store:
    """A content-addressed store below ``root``; any number of processes and threads may share it.

    ``max_bytes`` bounds all entry files together: beyond it the least recently used go first, and
    pinned ones (uploads) never. UserError: the folder cannot be used.
    """

    def __init__(self, root: Path, *, max_bytes: int = 4 * GIB) -> None:
        self.root = Path(root).expanduser().absolute()
        self.max_bytes = max_bytes
        self._objects = Objects(self.root / "objects")
        self._index = Index(self.root, self._opened)
        with disk_errors(self.root):
            self._objects.root.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index; the store opens it again when it is used again."""
        self._index.close()

    def put(
        self,
        key: str,
        kind: str,
        value: Any,
        *,
        meta: dict[str, Any] | None = None,
        pinned: bool = False,
    ) -> None:
        """Keep ``value`` under ``key``, in place of what was there; see ``codecs`` for the kinds.

        UserError: the disk is full or refuses, or pinned entries leave no room below the bound.
        CodecError (a ValueError): the value does not fit the kind.
        """
        payload, mime = codecs.encode(kind, value)
        entry = Packed(key, kind, mime, dict(meta or {}), pinned, payload)
        self._write(entry, pack(entry))

    def get(self, key: str) -> Entry | None:
        """The entry, its bytes checked against their digest. None where there is none, or where
        the bytes were wrong, cut off or of an old format: these are dropped, to be made again."""
        packed = self._load(key)
        if packed is None:
            return None
        try:
            value = codecs.decode(packed.kind, packed.payload, packed.mime)
        except codecs.CodecError as error:
            log.warning("cache entry %s dropped: %s", key, error)
            self._objects.unlink(key)
            return None
        return Entry(key, packed.kind, value, packed.meta)

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The value's bytes, checked but not decoded, and their mime type; None as in ``get``.
        Whatever is no key gives None, so a key may come straight out of a URL."""
        packed = self._load(key)
        return None if packed is None else (packed.payload, packed.mime)

    def has(self, key: str) -> bool:
        """Whether there is an entry in the current format; its bytes are only checked on reading.
        Does not count as a use."""
        if not is_key(key):
            return False
        with disk_errors(self.root):
            return self._objects.has(key)

    def remove(self, key: str) -> bool:
        """Remove the entry, pinned or not; whether there was one."""
        if not is_key(key):
            return False

        def body(connection: sqlite3.Connection) -> bool:
            rows.forget(connection, key)
            return self._objects.unlink(key)

        return self._index.run(body)

    def info(self) -> dict[str, Any]:
        """Folder, entries, bytes on disk, bound, pinned entries, and entries and bytes a kind."""
        tidy(self._objects, self._index)
        entries, size, pinned, pinned_size = self._index.run(rows.totals, write=False)
        return {
            "folder": str(self.root),
            "format": FORMAT,
            "entries": entries,
            "bytes": size,
            "max_bytes": self.max_bytes,
            "pinned": pinned,
            "pinned_bytes": pinned_size,
            "kinds": self._index.run(rows.kinds, write=False),
        }

    def verify(self, *, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
        """Read and check every entry, drop the wrong ones, mend the index.

        ``progress(done, total)`` is called after each entry. Returns checked (entries), bytes,
        dropped (a list of key and reason), adopted (files the index did not know as they are),
        forgotten (rows without a file), leftovers (drafts of dead writers) and index ("sound" or
        "made anew").
        """
        return verify(self._objects, self._index, progress)

    def export(self, path: Path) -> dict[str, Any]:
        """Write all entries, pinned ones too, into one archive: {file, entries, bytes}.
        UserError: it cannot be written there."""
        return write_archive(self._objects, Path(path).expanduser().absolute())

    def import_(self, path: Path) -> dict[str, Any]:
        """Take over the entries of an archive: {file, entries, new}. What is here already stays.

        The archive is checked to its last byte first, and UserError refuses it as a whole.
        """
        path = Path(path).expanduser().absolute()
        archive = Archive(path, max_bytes=self.max_bytes)
        new = 0
        for data, entry in archive.entries():
            if self._objects.load(entry.key) is None:
                # Not waiting for the disk: after a power cut the digest tells, and it is imported
                # again. Waiting would cost ten seconds for a starter pack.
                self._write(entry, data, durable=False)
                new += 1
        return {"file": str(path), "entries": archive.count, "new": new}

    def clear(self) -> dict[str, Any]:
        """Remove every entry, pinned ones too: {removed}. Works on a full disk: the files go, and
        the index with its journal too, before anything is written."""
        removed = 0
        for shard in SHARDS:
            self._objects.sweep(shard)
            removed += sum(self._objects.unlink(key) for key in self._objects.sizes(shard))
        self._index.remove()
        tidy(self._objects, self._index)
        return {"removed": removed}

    def _load(self, key: str) -> Packed | None:
        if not is_key(key):
            return None
        packed = self._objects.load(key)
        if packed is not None:
            self._objects.touch(key)
        return packed

    def _write(self, entry: Packed, data: bytes, *, durable: bool = True) -> None:
        with disk_errors(self.root), self._objects.draft(entry.key) as draft:
            draft.write(data, durable=durable)

            def body(connection: sqlite3.Connection) -> None:
                rows.forget(connection, entry.key)
                self._check_room(connection, len(data))
                row = Row(entry.key, entry.kind, len(data), time.time_ns(), entry.pinned)
                draft.publish(used=row.used)
                rows.add(connection, row)
                self._evict(connection, keep=entry.key)

            self._index.run(body)

    def _check_room(self, connection: sqlite3.Connection, size: int) -> None:
        pinned = rows.totals(connection)[3]
        if pinned + size > self.max_bytes:
            raise UserError(
                f"no room for {size} bytes in the cache {self.root}: it may hold {self.max_bytes}, "
                f"of which uploads take {pinned}; allow it more, or remove uploads"
            )

    def _evict(self, connection: sqlite3.Connection, *, keep: str = "") -> None:
        """Remove the least recently used until the bound holds.

        The files know their last use, the rows only a former one: so the first in the rows' order
        is asked, and goes back into the order if it was used since. Uses after ``started`` do not
        save an entry, else a busy reader could keep this going for ever.
        """
        started = time.time_ns()
        while rows.totals(connection)[1] > self.max_bytes:
            first = rows.oldest(connection, keep)
            if first is None:
                return
            key, known = first
            used = self._objects.used(key)
            if used is not None and known < used and known < started:
                rows.used(connection, key, used)
            else:
                self._objects.unlink(key)
                rows.forget(connection, key)

    def _opened(self) -> None:
        tidied = tidy(self._objects, self._index)
        if tidied.leftovers or tidied.adopted or tidied.forgotten:
            log.info("cache brought in line: %s", tidied)
        self._index.run(self._evict)
