"""The file of a result, with what it was made of in its notes: a picture, or the film of a
stream."""

import tempfile
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from analysis.dream.film import recorded
from analysis.dream.stamp import Origin, Stamp, encoded
from cache.errors import UserError
from dashboard import dream_settings
from dashboard.dream_wish import Wish
from dashboard.dream_works import Pictures, Pixels, stamped

LAST = 120  # frames of a stream without end that are a film: ten seconds


class Files:
    """Writes the results of one wish."""

    def __init__(self, given: Pictures, wish: Wish) -> None:
        self.given, self.wish = given, wish

    def stamp(self) -> Stamp:
        """What the file tells of how it was made."""
        origins: dict[str, Origin] = {}
        if self.wish.picture is not None:
            origins["picture"] = self._origin(self.wish.picture)
        if self.wish.guide is not None:
            for number, (key, _) in enumerate(self.given.guides(self.wish)):
                origins[f"guide {number + 1}"] = self._origin(key)
        return stamped(self.given.network(self.wish.model), self.wish, origins)

    def _origin(self, key: str) -> Origin:
        return Origin.named(self.given.name(key), key)

    def written(self, pixels: Pixels) -> tuple[bytes, str]:
        """The bytes, and what kind of file they are."""
        if self.wish.mode == "stream":
            return self.part("last", LAST).film("gif"), "gif"
        return encoded(pixels, ".png", self.stamp()), "png"

    def part(self, end: str, many: int) -> "Files":
        """The same for the "first" or the "last" frames of a stream without end, as many as there
        are up to ``many``; of another, for the whole. UserError: there is none."""
        values = self.wish.settings
        if values["frames"]:
            return self
        spans = self.given.frames(self.wish).held().spans
        if not spans or (end == "first" and spans[0][0]):
            raise UserError("these frames are gone: choose the last ones")
        first, last = spans[0] if end == "first" else spans[-1]
        if end == "first":
            last = min(last, first + many - 1)
        else:
            first = max(first, last - many + 1)
        film = {**values, "skip": float(first), "frames": float(last + 1)}
        return Files(self.given, replace(self.wish, how=dream_settings.written("stream", film)))

    def film(self, kind: str) -> bytes:
        """All frames that are there, as a GIF or MP4. UserError: none, or no encoder."""
        frames, values = self.given.frames(self.wish), self.wish.settings
        first, last = int(values["skip"]), int(values["frames"]) - 1
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"film.{kind}"
            there = takewhile(frames.has, range(first, last + 1))
            for _ in recorded((frames.get(n) for n in there), path, self.stamp()):
                pass
            if not path.exists():
                raise UserError("this stream has no frames yet")
            return path.read_bytes()
