"""A small sqlite file for what a person has written: kept for ever, beside the cache and apart from
it. ``cache clear`` and eviction leave it alone, and several processes share it.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cache.errors import UserError
from cache.files import disk_errors, full, is_full

WAIT = 20.0  # seconds for another process' turn


class Kept:
    """The file ``root/file`` with the tables of ``schema``; ``what`` it holds, for its errors."""

    def __init__(self, root: Path, file: str, schema: tuple[str, ...], *, what: str) -> None:
        self.path = Path(root).expanduser().absolute() / file
        self._schema, self._what = schema, what

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept; looking leaves nothing behind."""
        return self.path.exists()

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work. UserError: the disk is full, refuses, or the file is
        none of ours."""
        with disk_errors(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as db:
                for table in self._schema:
                    db.execute(table)
                yield db
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            refused = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
            if code == sqlite3.SQLITE_FULL or (refused and is_full(self.path.parent)):
                raise full(self.path.parent) from error
            where = str(self.path)
            raise UserError(f"the {self._what} in {where!r} cannot be used: {error}") from error


def clean(text: str, longest: int) -> str:
    """One line of at most so many characters, without what cannot be seen."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return " ".join(words)[:longest].rstrip()


def read_document(data: bytes, what: str, longest: int) -> Any:
    """The JSON document in a file of ``what``; UserError where it is larger than ``longest`` bytes,
    or no JSON."""
    if len(data) > longest:
        raise UserError(f"this file is too large for a list of {what}")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"this is no JSON file of {what}") from error
