"""Asks the worker for the dream that is on the screen, and says how far it is.

A preview that no page has asked for lately is given up; a dream in full size goes on until it is
done or stopped (``dream_line.py``). What somebody stops stays stopped until it is asked for again;
what was made so far is kept (``tasks_dream.py``).
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
from cache.keys import is_key
from dashboard.dream_line import Line
from dashboard.dream_reopen import reopened
from dashboard.dream_told import told
from dashboard.dream_wish import Wish
from dashboard.dream_wish import changes as dream_changes
from dashboard.protocol import BEHIND, INTERACTIVE, JobStatus
from dashboard.service import Service

STALE = 4.0  # seconds; the page asks three times a second
THUMB = 160


@dataclass
class _Asked:
    job: str
    at: float


class DreamDesk:
    """Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.kept = Dreams(service.store.root)
        self.line = Line(service, self.kept)
        self._asked: dict[Wish, _Asked] = {}
        self._costs: dict[Wish, _Asked] = {}  # what the whole of a preview takes is being found
        self._lock = threading.Lock()

    def key(self, wish: Wish) -> str:
        """What the wish's result is kept under."""
        names = [wish.model, *([wish.second] if wish.second else [])]
        return wish.key("+".join(self.service.model(name)["fingerprint"] for name in names))

    def look(self, wish: Wish, *, again: bool = False, seen: bool = True) -> dict[str, Any]:
        """How far it is, with what there is of it; begun if need be. ``again``: also where it was
        stopped; ``seen``: the page that asks is in sight."""
        if wish.preview:
            return self._outlived(wish) or self._preview(wish, again)
        id = self.key(wish)
        found = self.kept.find(id)
        kept = found is not None and not (again and found.stopped)
        going = self.line.look(wish, id, kept=kept, again=again, seen=seen)
        if going is not None:
            return dict(going)
        found = found or self.kept.find(id)
        if found is None:  # it was taken away meanwhile
            return self.look(wish, again=again, seen=seen)
        return {**told(found), "state": "stopped" if found.stopped else "done"}

    def _outlived(self, wish: Wish) -> dict[str, Any]:
        """A preview that was kept, of a picture that is not open any more; else nothing."""
        of = [key for key in (wish.picture, wish.guide) if key and not key.startswith("class:")]
        if all(self.service.library.find(key) for key in of):
            return {}
        found = self.kept.find(self.key(wish))
        return {**told(found), "state": "done"} if found else {}

    def _preview(self, wish: Wish, again: bool) -> dict[str, Any]:
        with self._lock:
            self._leave(time.monotonic())
            if again:
                self._asked.pop(wish, None)
            status = self._status(wish)
        shown = status.result or status.partial or {}
        state = "stopped" if status.state == "cancelled" or shown.get("stopped") else status.state
        left = None if status.seconds_left is None else round(status.seconds_left)
        return {
            **shown, "state": state, "error": status.error, "left": left,
            "done": status.done, "total": status.total,
        }  # fmt: skip

    def _status(self, wish: Wish) -> JobStatus:
        asked = self._asked.get(wish)
        status = self.service.jobs.status(asked.job) if asked else None
        if asked is None or status is None or status.state == "unknown":
            job = self.service.jobs.submit(
                "dream", priority=INTERACTIVE, again=True, wish=wish.plain()
            )
            asked = self._asked[wish] = _Asked(job, 0.0)
            status = self.service.jobs.status(job)
        asked.at = time.monotonic()
        return status

    def _leave(self, now: float) -> None:
        """What nobody looks at any more is given up."""
        for known in (self._asked, self._costs):
            for wish, asked in list(known.items()):
                if now - asked.at > STALE:
                    del known[wish]
                    self.service.jobs.cancel(asked.job)

    def stop(self, wish: Wish) -> None:
        """Ends it after the present step; returns when what there is of one in full size is
        kept."""
        if not wish.preview:
            return self.line.end(self.key(wish))
        with self._lock:
            asked = self._asked.get(wish)
            if asked is not None:
                self.service.jobs.cancel(asked.job)
        return None

    def cost(self, wish: Wish) -> dict[str, Any]:
        """The seconds that the whole of a wish takes: {seconds}, None while they are measured, 0
        where they cannot be."""
        jobs, whole = self.service.jobs, {**wish.plain(), "preview": False}
        with self._lock:
            self._leave(time.monotonic())
            asked = self._costs.get(wish)
            if asked is None:
                job = jobs.submit("dream_cost", priority=BEHIND, again=True, wish=whole)
                asked = self._costs[wish] = _Asked(job, 0.0)
            asked.at = time.monotonic()
        status = jobs.status(asked.job)
        if status.state in ("waiting", "running"):
            return {"seconds": None}
        return {"seconds": status.result or 0}

    def file(self, id: str) -> tuple[bytes, str, str]:
        """A result as it is saved, kept, a preview or held in memory: (bytes, kind, words)."""
        kept = None if self.line.holds(id) else self.kept.find(id)
        if kept is not None:
            return self.kept.read(kept), kept.kind, kept.words
        entry = self.service.store.get(id)
        if entry is not None and "told" in entry.meta:
            return entry.value.data, entry.meta["told"]["kind"], entry.meta["words"]
        held = self.service.jobs.call("dream_file", id=id) if is_key(id) else None
        if held is None:
            raise UserError("this dream is gone; dream it again")
        return base64.b64decode(held["data"]), held["kind"], held["words"]

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
        library, name = self.service.library, words[:120]
        try:
            return library.add(data, name=name).key
        except UserError:  # no room: for this run it is opened here and in the worker as it is
            key: str = self.service.jobs.call("dream_lend", id=id, name=name)
            return library.lend(data, name=name).key if key else key

    def keep(self, wish: Wish) -> None:
        """Keeps a preview for ever, like what was made in full; or what was held in memory."""
        id = self.key(wish)
        if self.service.jobs.call("dream_keep", id=id):
            return self.line.saved(id)
        if self.kept.find(id) is not None:
            return None
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
        return None


def _thumb(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return encode("webp", images.thumbnail(image.convert("RGB"), THUMB))[0]
