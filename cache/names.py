"""The names that a person gives to neurons: kept for ever, beside the cache and apart from it.

They belong to a network's fingerprint, so another network of the same name does not inherit them;
``cache clear`` and eviction leave them alone. One small sqlite file, shared by several processes.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cache.errors import UserError
from cache.kept import Kept, read_document
from cache.kept import clean as one_line

FILE = "names.sqlite"
FORMAT = "neuronscope names"
LONGEST = 80
LONGEST_FILE = 5 * 2**20  # bytes of a document
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS names (network TEXT, layer TEXT, unit INTEGER, name TEXT NOT NULL,"
    " PRIMARY KEY (network, layer, unit)) WITHOUT ROWID"
)


class Names:
    """Names below ``root``; ``network`` is a fingerprint everywhere. UserError: the disk is full,
    refuses, or the file is none of ours."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, FILE, (_SCHEMA,), what="names")
        self.path = self._kept.path

    def of(self, network: str, layer: str) -> dict[int, str]:
        """{unit: name} of one layer."""
        if not self._kept.exists:
            return {}
        with self._kept.open() as db:
            rows = db.execute(
                "SELECT unit, name FROM names WHERE network = ? AND layer = ?", (network, layer)
            )
            return {int(unit): str(name) for unit, name in rows}

    def set(self, network: str, layer: str, unit: int, name: str) -> str:
        """Gives a name, or takes it away where it is empty; returns it as it is kept."""
        kept = clean(name)
        with self._kept.open() as db, db:
            _put(db, network, layer, unit, kept)
        return kept

    def export(self, network: str) -> dict[str, Any]:
        """All names of a network as a JSON document, which ``import_`` reads."""
        layers: dict[str, dict[str, str]] = {}
        if self._kept.exists:
            with self._kept.open() as db:
                for layer, unit, name in db.execute(
                    "SELECT layer, unit, name FROM names WHERE network = ? ORDER BY layer, unit",
                    (network,),
                ):
                    layers.setdefault(layer, {})[str(unit)] = name
        return {"format": FORMAT, "version": 1, "network": network, "names": layers}

    def import_(self, network: str, document: Any) -> int:
        """Takes over the names of a document, over those that are there; returns how many.

        Whatever network it was made with: who imports it says that they fit. UserError where it is
        no such document; nothing is taken over then.
        """
        rows = list(_rows(document))
        with self._kept.open() as db, db:
            for layer, unit, name in rows:
                _put(db, network, layer, unit, clean(name))
        return len(rows)


def clean(name: str) -> str:
    """One line of at most 80 characters, without what cannot be seen."""
    return one_line(name, LONGEST)


def read_names(data: bytes) -> Any:
    """The document in a file of names, for ``import_``; UserError where it is too large, or no
    JSON."""
    return read_document(data, "names", LONGEST_FILE)


def _put(db: sqlite3.Connection, network: str, layer: str, unit: int, name: str) -> None:
    if name:
        db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)", (network, layer, unit, name))
    else:
        where = (network, layer, unit)
        db.execute("DELETE FROM names WHERE network = ? AND layer = ? AND unit = ?", where)


def _rows(document: Any) -> Iterator[tuple[str, int, str]]:
    wrong = UserError("this is no file of names: export one to see what it looks like")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise wrong
    layers = document.get("names")
    for layer, units in layers.items() if isinstance(layers, dict) else ():
        if not isinstance(units, dict):
            raise wrong
        for unit, name in units.items():
            if not (isinstance(name, str) and unit.isascii() and unit.isdecimal()):
                raise wrong
            yield str(layer), int(unit), name
