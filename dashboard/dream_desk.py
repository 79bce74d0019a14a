"""Asks the worker for the dream that is on the screen, and says how far it is.

What no page has asked for lately is given up, and what somebody stops stays stopped until it is
asked for again; what was made so far is kept in both cases (``tasks_dream.py``).
"""

import base64
import io
import threading
import time
from dataclasses import dataclass
from typing import Any

from PIL import Image

from analysis import images
from analysis.dream.stamp import read_settings
from cache.codecs import encode
from cache.dreams import Dream, Dreams
from cache.errors import UserError
from dashboard.dream_reopen import reopened
from dashboard.dream_told import told
from dashboard.dream_wish import Wish
from dashboard.dream_wish import changes as dream_changes
from dashboard.protocol import INTERACTIVE, JobStatus
from dashboard.service import Service

STALE = 4.0  # seconds; the page asks three times a second
PATIENCE = 60.0  # seconds for the present step, after which what was stopped is kept
THUMB = 160


@dataclass
class _Asked:
    job: str
    at: float
    stopped: bool = False
    closed: bool = False  # what was made so far is kept


class DreamDesk:
    """Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.kept = Dreams(service.store.root)
        self._asked: dict[Wish, _Asked] = {}
        self._lock = threading.Lock()

    def key(self, wish: Wish) -> str:
        """What the wish's result is kept under."""
        names = [wish.model, *([wish.second] if wish.second else [])]
        return wish.key("+".join(self.service.model(name)["fingerprint"] for name in names))

    def look(self, wish: Wish, *, again: bool = False) -> dict[str, Any]:
        """How far it is, with what there is of it; begun if need be. ``again``: also where it was
        stopped."""
        found = None if wish.preview else self.kept.find(self.key(wish))
        with self._lock:
            self._leave(time.monotonic())
            if again:
                self._asked.pop(wish, None)
            if found is not None and wish not in self._asked and not (again and found.stopped):
                return {**told(found), "state": "stopped" if found.stopped else "done"}
            status = self._status(wish)
            asked = self._asked[wish]
        if asked.stopped or status.state == "cancelled":
            return self._as_stopped(wish, status, asked)
        shown = status.result or status.partial or {}
        left = None if status.seconds_left is None else round(status.seconds_left)
        return {
            **shown, "state": status.state, "error": status.error, "left": left,
            "done": status.done, "total": status.total,
        }  # fmt: skip

    def _status(self, wish: Wish) -> JobStatus:
        asked = self._asked.get(wish)
        status = self.service.jobs.status(asked.job) if asked else None
        if asked is None or status is None or (status.state == "unknown" and not asked.stopped):
            # The one that is looked at, also in full size: it does not wait for icons.
            job = self.service.jobs.submit(
                "dream", priority=INTERACTIVE, again=True, wish=wish.plain()
            )
            asked = self._asked[wish] = _Asked(job, 0.0)
            status = self.service.jobs.status(job)
        asked.at = time.monotonic()
        return status

    def _leave(self, now: float) -> None:
        """What nobody looks at any more is given up."""
        for wish, asked in list(self._asked.items()):
            if now - asked.at > STALE:
                del self._asked[wish]
                self.service.jobs.cancel(asked.job)

    def _as_stopped(self, wish: Wish, status: JobStatus, asked: _Asked) -> dict[str, Any]:
        """What is there of it: as it is kept, else as it was seen last."""
        if asked.stopped and not asked.closed:
            return {**(status.partial or {}), "state": "stopping"}
        found = None if wish.preview else self.kept.find(self.key(wish))
        shown = told(found) if found else status.partial or {}
        return {**shown, "state": "stopped"}

    def stop(self, wish: Wish) -> None:
        """Ends it after the present step; returns when what there is of it is kept."""
        with self._lock:
            asked = self._asked.get(wish)
            if asked is None or asked.stopped:
                return
            asked.stopped = True
            self.service.jobs.cancel(asked.job)
        try:  # the worker has let go of it when it answers anything else
            self.service.jobs.call("networks", timeout=PATIENCE)
        finally:
            asked.closed = True

    def file(self, id: str) -> tuple[bytes, str, str]:
        """A result as it is saved, kept or a preview: (bytes, kind, words)."""
        kept = self.kept.find(id)
        if kept is not None:
            return self.kept.read(kept), kept.kind, kept.words
        entry = self.service.store.get(id)
        if entry is None or "told" not in entry.meta:
            raise UserError("this dream is gone; dream it again")
        return entry.value.data, entry.meta["told"]["kind"], entry.meta["words"]

    def film(self, wish: Wish, kind: str, **part: Any) -> bytes:
        """A stream's frames so far as a film; ``part``: which, of one without end."""
        asked = {"wish": wish.plain(), "kind": kind, **part}
        return base64.b64decode(self.service.jobs.call("dream_film", timeout=300, **asked))

    def held(self, wish: Wish, *, clear: bool = False) -> dict[str, Any]:
        """What is kept of a stream's frames; ``clear``: they are taken away."""
        asked = {"wish": wish.plain(), "clear": clear}
        found: dict[str, Any] = self.service.jobs.call("dream_held", timeout=300, **asked)
        return found

    def open(self, data: bytes, name: str, model: str) -> dict[str, Any]:
        """The choice that a result's file was made by: {changes, missing: a picture's name}."""
        stamp = read_settings(data, name=name)
        models = [row["name"] for row in self.service.ask("networks")]
        found = dream_changes(reopened(stamp, models, model))
        source = stamp.sources.get("picture")
        if source and self.service.library.find(source.digest) is None:
            return {"changes": {**found, "picture": None}, "missing": source.name}
        return {"changes": found, "missing": None}

    def again(self, id: str) -> str:
        """Opens a result as a picture to go on from; its key."""
        data, kind, words = self.file(id)
        if kind != "png":
            raise UserError("only a single picture can be dreamt on")
        return self.service.library.add(data, name=words[:120]).key

    def keep(self, wish: Wish) -> None:
        """Keeps a preview for ever, like what was made in full."""
        id = self.key(wish)
        if self.kept.find(id) is not None:
            return
        data, kind, words = self.file(id)
        entry = self.service.store.get(id)
        assert entry is not None  # its bytes were just read
        seen = {k: v for k, v in entry.meta["told"].items() if k not in ("url", "id", "kind")}
        thumbs = {"after": _thumb(data)}
        before = self.service.store.read(str(seen.get("before", "")).removeprefix("/blob/"))
        if before is not None:
            thumbs["before"] = _thumb(before[0])
        asked = wish.plain()
        self.kept.keep(Dream(id=id, asked=asked, words=words, kind=kind, found=seen), data, thumbs)


def _thumb(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return encode("webp", images.thumbnail(image.convert("RGB"), THUMB))[0]
