"""The file of a result, with what it was made of in its notes: a picture, or the film of a
stream."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from analysis.dream import gifs
from analysis.dream.film import FPS, recorded
from analysis.dream.stamp import Origin, Stamp, encoded
from cache.errors import UserError
from cache.files import disk_errors
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
        if next(self._frames(), None) is None:
            raise UserError("this stream has no frames yet")
        if kind == "gif":
            return b"".join(self._gif())
        disk = disk_errors(Path(tempfile.gettempdir()), named_by="the variable TMPDIR")
        with disk, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"film.{kind}"
            for _ in recorded(self._frames(), path, self.stamp()):
                pass
            return path.read_bytes()

    def _frames(self) -> Iterator[Pixels]:
        frames, values = self.given.frames(self.wish), self.wish.settings
        wanted = range(int(values["skip"]), int(values["frames"]))
        return (frames.get(number) for number in takewhile(frames.has, wanted))

    def _gif(self) -> Iterator[bytes]:
        """The bytes that ``recorded`` writes, without a disk: it may be full."""
        for number, pixels in enumerate(self._frames()):
            if number == 0:
                yield gifs.opening((pixels.shape[1], pixels.shape[0]), self.stamp().text())
            yield gifs.frame_bytes(pixels, gifs.hundredths(FPS))
        yield gifs.TRAILER
