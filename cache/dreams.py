"""The dreams that a person made: the files as they are saved, and a list of them.

They are kept for ever beside the cache: the list in one sqlite file with a small pair of pictures
each, the results in a folder of their own. Neither eviction nor ``cache clear`` touches them.

A dream that is in the making, or waits for its turn, has a note of a few bytes beside them, which
goes when it ends. Its lock goes with the program, however that ends: a note without one is of a
dream that was cut off.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cache.errors import UserError
from cache.files import Draft, disk_errors, is_draft, sweep_draft
from cache.kept import Kept
from cache.keys import is_key

FILE, FOLDER, BEGUN = "dreams.sqlite", "dreams", "begun"
KINDS = {
    "png": "image/png", "gif": "image/gif", "mp4": "video/mp4", "webp": "image/webp",
}  # fmt: skip
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS dreams (id TEXT PRIMARY KEY, at TEXT NOT NULL,"
    " body TEXT NOT NULL, before BLOB, after BLOB NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True, kw_only=True)
class Dream:
    """One that was made. ``id``: the content key of what was asked; ``asked``: that, as plain data;
    ``words``: the same to be read; ``found``: what was measured; ``stopped``: before it was done;
    ``kind``: of the file, a key of ``KINDS``."""

    id: str
    asked: dict[str, Any]
    words: str
    kind: str = "png"
    found: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False
    when: str = ""


class Dreams:
    """Dreams below ``root``. UserError everywhere: the disk is full, refuses, or the list is none
    of ours."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, FILE, (_SCHEMA,), what="dreams")
        self.path = self._kept.path
        self.folder = self.path.parent / FOLDER

    def all(self) -> list[Dream]:
        """Every dream, the newest first."""
        if not self._kept.exists:
            return []
        with self._kept.open() as db:
            rows = db.execute("SELECT body FROM dreams ORDER BY at DESC, id").fetchall()
        return [Dream(**json.loads(body)) for (body,) in rows]

    def find(self, id: str) -> Dream | None:
        """The dream of that id; None where there is none, or where its file is gone."""
        if not is_key(id) or not self._kept.exists:
            return None
        with self._kept.open() as db:
            row = db.execute("SELECT body FROM dreams WHERE id = ?", (id,)).fetchone()
        found = Dream(**json.loads(row[0])) if row else None
        return found if found and self.file(found).is_file() else None

    def file(self, dream: Dream) -> Path:
        """Where its result lies."""
        return self.folder / f"{dream.id}.{dream.kind}"

    def read(self, dream: Dream) -> bytes:
        """Its result, as it is saved."""
        with disk_errors(self.folder):
            return self.file(dream).read_bytes()

    def keep(self, dream: Dream, data: bytes, thumbs: Mapping[str, bytes]) -> Dream:
        """Keeps a result with its small pictures, ``after`` and (unless it began with noise)
        ``before``; one of the same id gives way. Returns it with its time."""
        if not is_key(dream.id) or dream.kind not in KINDS:
            raise ValueError("a dream is kept under a content key, as a kind of file that is known")
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kept = Dream(**{**asdict(dream), "when": when})
        former = self.find(dream.id)
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with Draft(self.file(kept)) as draft:
                draft.write(data)
                draft.publish(used=time.time_ns())
        row = (kept.id, kept.when, json.dumps(asdict(kept)), thumbs.get("before"), thumbs["after"])
        with self._kept.open() as db, db:
            db.execute("INSERT OR REPLACE INTO dreams VALUES (?, ?, ?, ?, ?)", row)
        if former and former.kind != kept.kind:
            self.file(former).unlink(missing_ok=True)
        return kept

    def thumb(self, id: str, which: str) -> bytes | None:
        """The small picture ``before`` or ``after``."""
        if which not in ("before", "after") or not is_key(id) or not self._kept.exists:
            return None
        with self._kept.open() as db:
            row = db.execute(f"SELECT {which} FROM dreams WHERE id = ?", (id,)).fetchone()
        return row[0] if row else None

    def remove(self, id: str) -> None:
        """Takes a dream away, and its file."""
        found = self.find(id)
        with self._kept.open() as db, db:
            if db.execute("DELETE FROM dreams WHERE id = ?", (id,)).rowcount == 0:
                raise UserError("this is not kept any more")
        if found:
            with disk_errors(self.folder):
                self.file(found).unlink(missing_ok=True)

    def begin(self, dream: Dream) -> Draft:
        """Notes that it is to be made; the note goes with ``Draft.drop``."""
        with disk_errors(self.folder):
            note = Draft(self.folder / BEGUN / dream.id)
            try:
                note.write(json.dumps(asdict(dream)).encode())
            except OSError:
                note.drop()
                raise
        return note

    def cut_off(self) -> list[Dream]:
        """The dreams whose program ended before they did, each told once; the oldest first."""
        found = []
        with disk_errors(self.folder):
            folder = self.folder / BEGUN
            notes = [p for p in folder.iterdir() if is_draft(p.name)] if folder.is_dir() else []
            for path in notes:
                with suppress(FileNotFoundError):  # another program's, whose dream just ended
                    when, text = path.stat().st_mtime_ns, path.read_bytes()
                    if sweep_draft(str(path)):
                        found.append((when, text))
        return [dream for _, text in sorted(found) if (dream := _read(text)) is not None]

    def size(self) -> int:
        """Bytes of all results."""
        if not self.folder.is_dir():
            return 0
        return sum(f.stat().st_size for f in self.folder.iterdir() if f.is_file())


def _read(note: bytes) -> Dream | None:
    """The dream of a note; None where the program was killed before it stood there."""
    try:
        return Dream(**json.loads(note))
    except (ValueError, TypeError):
        return None
