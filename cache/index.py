"""The sqlite index: what there is, how much, and in which order it was used.

It is only ever a copy of what the entry files say, so it may be lost at any time: an index that is
broken, of an older version or gone is made anew from the files. Its write lock is also what makes
several processes take turns at changing the folder.

Each index file has a name of its own, never used again: closing a database, sqlite removes its
journal by name, so a process that still held a replaced index of the same name would take away the
journal of the new one.
"""

import logging
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from cache.errors import UserError
from cache.files import disk_errors, full, is_full, locked

log = logging.getLogger(__name__)
T = TypeVar("T")
Body = Callable[[sqlite3.Connection], T]

VERSION = 1
NAME, LOCK = "index-", "index.lock"
WAIT = 30.0  # seconds for another process' turn
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REFUSED = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
}
# The totals are kept by triggers: a sum over a million rows at every write would be felt.
_SCHEMA = (
    "CREATE TABLE entries (key TEXT PRIMARY KEY, kind TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " used INTEGER NOT NULL, pinned INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX by_use ON entries (pinned, used)",
    "CREATE TABLE totals (pinned INTEGER PRIMARY KEY, entries INTEGER, bytes INTEGER)",
    "INSERT INTO totals VALUES (0, 0, 0), (1, 0, 0)",
    "CREATE TRIGGER added AFTER INSERT ON entries BEGIN UPDATE totals SET entries = entries + 1,"
    " bytes = bytes + new.bytes WHERE pinned = new.pinned; END",
    "CREATE TRIGGER removed AFTER DELETE ON entries BEGIN UPDATE totals SET entries = entries - 1,"
    " bytes = bytes - old.bytes WHERE pinned = old.pinned; END",
    f"PRAGMA user_version = {VERSION}",
)


class Row(NamedTuple):
    key: str
    kind: str
    bytes: int  # of the whole file
    used: int  # ns since 1970
    pinned: bool


class Index:
    """One connection to ``index-*.sqlite`` in ``folder``, opened at first need; ``on_open`` is
    called whenever one was opened anew, and must bring the rows in line with the files."""

    def __init__(self, folder: Path, on_open: Callable[[], None]) -> None:
        self._folder = folder
        self._path = folder  # of the index file, once one is open
        self._on_open = on_open
        self._lock = threading.RLock()
        self._live: sqlite3.Connection | None = None
        self._identity: tuple[int, int] = (0, 0)  # process, inode
        self._forked: list[sqlite3.Connection] = []

    def run(self, body: Body[T], *, write: bool = True) -> T:
        """``body`` in one transaction, holding the write lock of all processes if ``write``.

        If the index turns out broken, it is made anew and ``body`` is run once more, so ``body``
        must bear that. UserError: the disk is full, refuses, or another process holds the lock.
        """
        with self._lock:
            try:
                return self._attempt(body, write)
            except sqlite3.DatabaseError as error:
                if not _broken(error):
                    raise _mendable(error, self._folder) from error
                log.warning("the cache's index is broken (%s): made anew from the files", error)
                self._discard()
            try:
                return self._attempt(body, write)
            except sqlite3.DatabaseError as error:
                raise _mendable(error, self._folder) from error

    def check(self) -> bool:
        """Whether every page of the index is sound; if not it is made anew."""
        with self._lock:
            try:
                found = self._connection().execute("PRAGMA integrity_check").fetchone()[0]
            except sqlite3.DatabaseError as error:
                if not _broken(error):
                    raise _mendable(error, self._folder) from error
                found = str(error)
            if found != "ok":
                log.warning("the cache's index is broken (%s): made anew from the files", found)
                self._discard()
            return bool(found == "ok")

    def remove(self) -> None:
        """Remove the index's files, which frees their space; the next use makes them anew."""
        with self._lock, disk_errors(self._folder), locked(self._folder / LOCK):
            self.close()
            _unlink(self._folder)

    def close(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.close()
                self._live = None

    def _attempt(self, body: Body[T], write: bool) -> T:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        try:
            result = body(connection)
            connection.execute("COMMIT")
            return result
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        """The live connection; a new one after a fork, or if the file was replaced meanwhile."""
        process = os.getpid()
        if self._live is not None and (process, _inode(self._path)) == self._identity:
            return self._live
        if self._live is not None and process != self._identity[0]:
            self._forked.append(self._live)  # the parent's: closing it here would disturb it there
            self._live = None
        self.close()
        with disk_errors(self._folder), locked(self._folder / LOCK):
            self._path, self._live = _open(self._folder)
            self._identity = (process, _inode(self._path))
        try:
            self._on_open()  # may itself find the file broken and open another
        except BaseException:
            self.close()
            raise
        return self._live

    def _discard(self) -> None:
        """Remove the broken file; what another process may have put in its place stays."""
        with disk_errors(self._folder), locked(self._folder / LOCK):
            self.close()
            if self._path == _current(self._folder):
                _unlink(self._folder)


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _current(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob(f"{NAME}*.sqlite"))), None)


def _unlink(folder: Path) -> None:
    """Remove all index files, databases before their journals: a kill in between leaves none that
    has lost its journal."""
    for path in sorted(folder.glob(f"{NAME}*"), key=lambda path: path.suffix != ".sqlite"):
        path.unlink(missing_ok=True)


def _open(folder: Path) -> tuple[Path, sqlite3.Connection]:
    """A connection to a sound, current index; what is neither is removed first. Needs the lock."""
    path = _current(folder)
    try:
        connection = None if path is None else _connect(path)
    except sqlite3.DatabaseError as error:
        if not _broken(error):
            raise
        log.warning("the cache's index is broken (%s): made anew from the files", error)
    else:
        if path is not None and connection is not None:
            return path, connection
        log.info("the cache has no index of this version: made anew from the files")
    _unlink(folder)
    path = folder / f"{NAME}{secrets.token_hex(4)}.sqlite"
    fresh = _connect(path)
    if fresh is None:
        raise UserError(f"the cache's index {path} cannot be made: remove the file and try again")
    return path, fresh


def _connect(path: Path) -> sqlite3.Connection | None:
    """A connection, its tables made if there are none; None if they are of another version."""
    connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # no fsync per transaction
        connection.execute("PRAGMA wal_autocheckpoint = 256")  # keeps the journal near 1 MiB
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            return connection
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.close()
            return None
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
        return connection
    except BaseException:
        connection.close()
        raise


def _code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail


def _broken(error: sqlite3.DatabaseError) -> bool:
    missing = _code(error) == sqlite3.SQLITE_ERROR and "no such" in str(error)
    detail = getattr(error, "sqlite_errorcode", 0)
    return missing or _code(error) in _BROKEN or detail == sqlite3.SQLITE_IOERR_SHORT_READ


def _mendable(error: sqlite3.DatabaseError, folder: Path) -> Exception:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or (code in _REFUSED and is_full(folder)):
        return full(folder)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UserError(
            f"another process has held the cache {folder} for {WAIT:.0f} s: "
            "stop it, or name another folder with --cache DIR"
        )
    if code in _REFUSED:
        return UserError(
            f"the cache's index in {folder} cannot be written ({error}): check the disk's space "
            "and the folder's rights, or name another folder with --cache DIR"
        )
    return error


# What a transaction's body does with rows.


def add(connection: sqlite3.Connection, row: Row) -> None:
    forget(connection, row.key)  # REPLACE would not fire the trigger that keeps the totals
    connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)


def forget(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("DELETE FROM entries WHERE key = ?", (key,))


def sizes(connection: sqlite3.Connection, shard: str) -> dict[str, int]:
    """Key and bytes of the entries whose keys begin with ``shard``."""
    return dict(
        connection.execute(
            "SELECT key, bytes FROM entries WHERE key >= ? AND key < ?", (shard, shard + "g")
        )
    )


def totals(connection: sqlite3.Connection) -> tuple[int, int, int, int]:
    """(entries, bytes, pinned entries, pinned bytes); the first two count the pinned ones too."""
    (entries, size), (pinned, pinned_size) = connection.execute(
        "SELECT entries, bytes FROM totals ORDER BY pinned"
    ).fetchall()
    return entries + pinned, size + pinned_size, pinned, pinned_size


def kinds(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    found = connection.execute("SELECT kind, count(*), sum(bytes) FROM entries GROUP BY kind")
    return {kind: {"entries": count, "bytes": size} for kind, count, size in found}


def oldest(connection: sqlite3.Connection, keep: str) -> tuple[str, int] | None:
    """(key, last use as far as the index knows) of the next to go; never ``keep`` or pinned."""
    found = connection.execute(
        "SELECT key, used FROM entries WHERE pinned = 0 AND key != ? ORDER BY used LIMIT 1", (keep,)
    ).fetchone()
    return None if found is None else (found[0], found[1])


def used(connection: sqlite3.Connection, key: str, when: int) -> None:
    connection.execute("UPDATE entries SET used = ? WHERE key = ?", (when, key))
