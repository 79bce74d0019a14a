"""What the worker has made and the disk does not take: held in memory, so that it can be seen,
saved to the user's own disk, dreamt on, and kept once there is room.
"""

import hashlib
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from analysis import images
from cache.codecs import encode
from cache.dreams import Dream, Dreams
from cache.errors import UserError
from dashboard.bench import Bench, Recent
from dashboard.dream_told import told
from dashboard.dream_works import Pixels

THUMB = 160
MOST, STILLS, PASSING = 6, 24, 6  # results; pictures that go with them; those of work that goes on

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """A dream with its file and its small pictures; ``why`` it is not kept."""

    dream: Dream
    data: bytes
    thumbs: dict[str, bytes]
    why: str = ""
    at: int = 0

    def told(self) -> dict[str, Any]:
        """As the page shows it."""
        one = self.dream
        url = f"/dreams/{one.id}.{one.kind}?at={self.at}"
        return {**told(one), "url": url, "saved": False, "held": self.why}


class Held:
    """The newest few of them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.results = Recent[Result](MOST)
        self._stills = Recent[tuple[bytes, str]](STILLS)
        self._passing = Recent[tuple[bytes, str]](PASSING)

    def keep(self, made: Result) -> dict[str, Any]:
        """Keeps a result for ever; where the disk refuses, holds it instead, and says why."""
        key = made.dream.id
        try:
            kept = Dreams(self.bench.store.root).keep(made.dream, made.data, made.thumbs)
        except UserError as error:
            log.warning("a dream is held in memory: %s", error)
            return self.hold(replace(made, why=str(error)))
        self.results.drop(key)
        return told(kept)

    def hold(self, made: Result) -> dict[str, Any]:
        """Holds a result in memory."""
        self.results.drop(made.dream.id)
        return self.results.get(made.dream.id, lambda: replace(made, at=time.time_ns())).told()

    def address(self, pixels: Pixels, *, kind: str = "webp", passing: bool = False) -> str:
        """Where the page finds a picture; ``passing``: until the next one is made."""
        try:
            return f"/blob/{self.bench.keep_picture(pixels, kind=kind)}"
        except UserError:  # no room: from memory instead; the result's own refusal is told
            data = encode(kind, pixels)[0]
            key = hashlib.sha256(data).hexdigest()
            (self._passing if passing else self._stills).get(key, lambda: (data, kind))
            return f"/dreams/{key}.{kind}"

    def file(self, id: str) -> tuple[bytes, str, str] | None:
        """Bytes, kind and words of what is held."""
        if (made := self.results.peek(id)) is not None:
            return made.data, made.dream.kind, made.dream.words
        still = self._stills.peek(id) or self._passing.peek(id)
        return None if still is None else (*still, "dream")


def held_by(bench: Bench) -> Held:
    """What this worker holds."""
    if bench.held is None:
        bench.held = Held(bench)
    return bench.held  # type: ignore[no-any-return]


def thumb(pixels: Pixels) -> bytes:
    """The small picture of the list."""
    return encode("webp", images.thumbnail(Image.fromarray(pixels), THUMB))[0]
