"""The file of a result, with what it was made of in its notes: a picture, or the film of a
stream."""

import tempfile
from pathlib import Path

from analysis.dream.film import recorded
from analysis.dream.stamp import Origin, Stamp, encoded
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
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"film.{kind}"
            count = min(self.given.frames(self.wish), int(self.wish.settings["frames"]))
            frames = (self.given.frame(self.wish, n) for n in range(count))
            for _ in recorded(frames, path, self.stamp()):
                pass
            return path.read_bytes()
