"""The findings that a person keeps: a sentence with what was measured, and the address of the view.

They are kept for ever, with the few small pictures that a report of them needs, in one sqlite file
beside the cache; neither eviction nor ``cache clear`` touches them.
"""

import base64
import binascii
import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cache.errors import UserError
from cache.finding import Finding, is_picture, picture_key, read, sentence_of, written
from cache.kept import Kept, read_document

FILE = "findings.sqlite"
FORMAT = "neuronscope findings"
LONGEST_FILE = 200 * 2**20  # bytes of a document
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS findings (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pictures (key TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID",
)


class Findings:
    """Findings below ``root``. UserError everywhere: the disk is full, refuses, or the file is none
    of ours."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, FILE, _SCHEMA, what="findings")
        self.path = self._kept.path

    def all(self) -> list[Finding]:
        """Every finding, the newest first."""
        if not self._kept.exists:
            return []
        with self._kept.open() as db:
            rows = db.execute("SELECT body FROM findings ORDER BY at DESC, number DESC").fetchall()
        return [self._read(body) for (body,) in rows]

    def count(self) -> int:
        """How many there are."""
        if not self._kept.exists:
            return 0
        with self._kept.open() as db:
            return int(db.execute("SELECT count(*) FROM findings").fetchone()[0])

    def add(self, draft: Finding, pictures: Mapping[str, bytes]) -> Finding:
        """Keeps a finding, with the ``pictures`` (PNG or WebP by ``picture_key``) that it names;
        returns it with the id and the time that it was given."""
        found = replace(
            draft, sentence=sentence_of(draft.sentence), id=secrets.token_hex(4),
            when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )  # fmt: skip
        try:
            found = read(written(found))  # what could not be read again is not kept
        except ValueError as error:
            raise UserError(
                "this view cannot be kept: it has no such address or numbers"
            ) from error
        with self._kept.open() as db, db:
            _put(db, found, pictures)
        return found

    def edit(self, id: str, sentence: str) -> Finding:
        """Gives a finding another sentence."""
        return self._change(id, sentence=sentence_of(sentence))

    def illustrate(self, id: str, icons: Mapping[int, bytes]) -> Finding:
        """Adds icons that were not there yet when the finding was kept."""
        pictures = {picture_key(data): data for data in icons.values()}
        named = {unit: picture_key(data) for unit, data in icons.items()}
        return self._change(id, pictures=pictures, icons=named)

    def _change(
        self, id: str, *, pictures: Mapping[str, bytes] | None = None, **new: Any
    ) -> Finding:
        with self._kept.open() as db, db:
            db.execute("BEGIN IMMEDIATE")  # what is read below stays so until it is written
            before = self._one(db, id)
            if "icons" in new:
                new["icons"] = {**before.icons, **new["icons"]}
            after = replace(before, **new)
            _put(db, after, pictures or {})
        return after

    def remove(self, id: str) -> dict[str, Any]:
        """Takes a finding away; returns it as a document with its pictures, by which ``import_``
        brings it back as it was."""
        with self._kept.open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            document = _document(db, [self._one(db, id)])
            db.execute("DELETE FROM findings WHERE id = ?", (id,))
            _forget_pictures(db)
        return document

    def picture(self, key: str) -> bytes | None:
        """A picture that is kept along with a finding."""
        return self.pictures([key]).get(key)

    def pictures(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of the pictures that are there."""
        if not self._kept.exists:
            return {}
        with self._kept.open() as db:
            return _pictures(db, keys)

    def export(self) -> dict[str, Any]:
        """All findings, with their pictures, as a JSON document that ``import_`` reads."""
        found = self.all()
        if not found:
            return {"format": FORMAT, "version": 1, "findings": [], "pictures": {}}
        with self._kept.open() as db:
            return _document(db, found)

    def import_(self, document: Any) -> int:
        """Takes over the findings of a document; one that is already here stays as it is. Returns
        how many are new. UserError where it is no such document; nothing is taken over then."""
        found, pictures = _content(document)
        with self._kept.open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            here = {id for (id,) in db.execute("SELECT id FROM findings")}
            new = {f.id: f for f in reversed(found) if f.id not in here}
            for finding in new.values():
                _put(db, finding, pictures)
        return len(new)

    def _one(self, db: sqlite3.Connection, id: str) -> Finding:
        row = db.execute("SELECT body FROM findings WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise UserError(f"there is no finding {id!r}; see: neuronscope findings")
        return self._read(row[0])

    def _read(self, body: str) -> Finding:
        try:
            return read(json.loads(body))
        except ValueError as error:
            where = str(self.path)
            raise UserError(f"the findings in {where!r} are of another version") from error


def read_findings(data: bytes) -> Any:
    """The document in a file of findings, for ``import_``; UserError where it is too large, or no
    JSON."""
    return read_document(data, "findings", LONGEST_FILE)


def _put(db: sqlite3.Connection, finding: Finding, pictures: Mapping[str, bytes]) -> None:
    """Writes or overwrites a finding; one that is overwritten keeps its place."""
    row = (finding.id, finding.when, json.dumps(written(finding)))
    db.execute(
        "INSERT INTO findings (id, at, body) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET at = excluded.at, body = excluded.body", row,
    )  # fmt: skip
    for key in finding.pictures & set(pictures):
        db.execute("INSERT OR IGNORE INTO pictures VALUES (?, ?)", (key, pictures[key]))


def _pictures(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, bytes]:
    found = {}
    for key in sorted(set(keys)):
        row = db.execute("SELECT data FROM pictures WHERE key = ?", (key,)).fetchone()
        if row is not None:
            found[key] = bytes(row[0])
    return found


def _forget_pictures(db: sqlite3.Connection) -> None:
    """Lets go of the pictures that no finding names any more."""
    named: set[str] = set()
    for (body,) in db.execute("SELECT body FROM findings"):
        named |= read(json.loads(body)).pictures
    for (key,) in db.execute("SELECT key FROM pictures").fetchall():
        if key not in named:
            db.execute("DELETE FROM pictures WHERE key = ?", (key,))


# ---- as a document ----


def _document(db: sqlite3.Connection, found: list[Finding]) -> dict[str, Any]:
    stored = _pictures(db, {key for f in found for key in f.pictures})
    pictures = {key: base64.b64encode(data).decode("ascii") for key, data in stored.items()}
    rows = [written(f) for f in found]
    return {"format": FORMAT, "version": 1, "findings": rows, "pictures": pictures}


def _content(document: Any) -> tuple[list[Finding], dict[str, bytes]]:
    wrong = UserError("this is no file of findings: export one to see what it looks like")
    try:
        if document["format"] != FORMAT or document["version"] != 1:
            raise wrong
        found = [read(row) for row in document["findings"]]
        coded = document.get("pictures", {})
        pictures = {key: base64.b64decode(text, validate=True) for key, text in coded.items()}
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise wrong from error
    whole = all(f.id and f.when for f in found)
    sound = all(is_picture(data) and picture_key(data) == key for key, data in pictures.items())
    if not whole or not sound:
        raise wrong
    return found, pictures
