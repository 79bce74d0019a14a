"""The file of a result, with what it was made of in its notes: a picture, or the film of a
stream."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from analysis.dream import gifs
from analysis.dream.film import FPS, recorded
from analysis.dream.stamp import Origin, Stamp, encoded
from cache.files import disk_errors
from dashboard.dream_wish import Wish
from dashboard.dream_works import Pictures, Pixels, stamped


class Files:
    """Writes the results of one wish."""

    def __init__(self, given: Pictures, wish: Wish) -> None:
        self.given, self.wish = given, wish

    def stamp(self) -> Stamp:
        """What the file tells of how it was made."""
        origins: dict[str, Origin] = {}
        if self.wish.picture is not None:
            origins["picture"] = self._origin(self.wish.picture)
        if self.wish.mode in ("guided", "style"):
            for number, (key, _) in enumerate(self.given.guides(self.wish)):
                origins[f"guide {number + 1}"] = self._origin(key)
        return stamped(self.given.network(self.wish.model), self.wish, origins)

    def _origin(self, key: str) -> Origin:
        return Origin.named(self.given.name(key), key)

    def written(self, pixels: Pixels) -> tuple[bytes, str]:
        """The bytes, and what kind of file they are."""
        if self.wish.mode == "stream":
            return self.film("gif"), "gif"
        return encoded(pixels, ".png", self.stamp()), "png"

    def film(self, kind: str) -> bytes:
        """All frames that are there, as a GIF or MP4. UserError: no encoder."""
        if kind == "gif":
            return b"".join(self._gif())
        disk = disk_errors(Path(tempfile.gettempdir()), named_by="the variable TMPDIR")
        with disk, tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"film.{kind}"
            for _ in recorded(self._frames(), path, self.stamp()):
                pass
            return path.read_bytes()

    def _frames(self) -> Iterator[Pixels]:
        count = min(self.given.frames(self.wish), int(self.wish.settings["frames"]))
        return (self.given.frame(self.wish, n) for n in range(count))

    def _gif(self) -> Iterator[bytes]:
        """The bytes that ``recorded`` writes, without a disk: it may be full."""
        for number, pixels in enumerate(self._frames()):
            if number == 0:
                yield gifs.opening((pixels.shape[1], pixels.shape[0]), self.stamp().text())
            yield gifs.frame_bytes(pixels, gifs.hundredths(FPS))
        yield gifs.TRAILER
