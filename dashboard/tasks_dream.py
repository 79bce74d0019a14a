"""The worker's task that dreams: one step at a time, looked at while it forms, and kept when it is
done or stopped."""

import io
import time
from collections.abc import Generator, Iterator
from typing import Any

from PIL import Image

from analysis import images
from analysis.models import Classifier
from cache.codecs import Raw, encode
from cache.dreams import KINDS, Dream, Dreams
from cache.errors import UserError
from dashboard import dream_wish
from dashboard.bench import Bench
from dashboard.dream_told import told, told_in_words
from dashboard.dream_wish import Wish
from dashboard.dream_works import Look, Pixels, begun, looks, measured
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import find_picture_groups

SHOWN = 768  # pixels of the longer side, while it forms
EVERY = 0.35  # seconds between two pictures that are shown
THUMB = 160


class OfBench:
    """Networks and pictures as the worker has them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def network(self, name: str) -> Classifier:
        return self.bench.classifier(name)

    def picture(self, key: str) -> Image.Image:
        found = self.bench.library.find(key)
        if found is None:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        return images.decode(found.read(), name=found.name)

    def guides(self, wish: Wish) -> list[Image.Image]:
        if wish.guide is None:
            raise UserError("choose a picture that guides the dream")
        return [self.picture(wish.guide)]

    def direction(self, wish: Wish) -> tuple[float, ...]:
        if wish.group is None or wish.picture is None:
            raise UserError("a neuron group is one of a picture: start from a picture")
        found, _ = find_picture_groups(self.bench, wish.model, wish.picture, wish.layer, None, None)
        return tuple(map(float, found.channels[found.checked(wish.group)]))


def fingerprint(bench: Bench, wish: Wish) -> str:
    """Of the network, or of both."""
    names = [wish.model, *([wish.second] if wish.second else [])]
    return "+".join(bench.classifier(name).fingerprint for name in names)


def dream(bench: Bench, *, wish: dict[str, Any]) -> Iterator[Progress]:
    """Dreams a wish: {url, id, before, size, words, found}, partly as it forms. A preview is kept
    like anything that is computed; the whole is kept for ever, also where it is stopped."""
    wanted = dream_wish.read(wish)
    key = wanted.key(fingerprint(bench, wanted))
    known = _known(bench, wanted, key)
    if known is not None:
        return known
    work = _Work(bench, wanted, key)
    try:
        yield from work.steps()
    except GeneratorExit:
        work.stop()
        raise
    return work.end()


def _known(bench: Bench, wish: Wish, key: str) -> dict[str, Any] | None:
    """What was made of this wish before."""
    if wish.preview:
        entry = bench.store.get(key)
        return entry.meta["told"] if entry else None
    kept = Dreams(bench.store.root).find(key)
    return told(kept) if kept and not kept.stopped else None


class _Work:
    """One dream in the making."""

    def __init__(self, bench: Bench, wish: Wish, key: str) -> None:
        self.bench, self.wish, self.key = bench, wish, key
        self.given = OfBench(bench)
        self.began, self.shown_at = time.monotonic(), -EVERY
        self.look: Look | None = None
        self.first: Pixels | None = None
        self.partial: dict[str, Any] = {}

    def steps(self) -> Generator[Progress, None, None]:
        """Every step, with a picture as often as one can follow."""
        self.first = begun(self.given, self.wish)
        if self.first is not None:
            self.partial["before"] = f"/blob/{self.bench.keep_picture(self.first)}"
            height, width = self.first.shape[:2]
            self.partial["size"] = [width, height]
        for look in looks(self.given, self.wish):
            self.look = look
            now = time.monotonic()
            if now - self.shown_at >= EVERY:
                self.shown_at = now
                shown = self.bench.keep_picture(look.pixels(SHOWN))
                self.partial = {**self.partial, "url": f"/blob/{shown}"}
            self.partial = {**self.partial, "words": look.words}
            yield Progress(look.done, look.total, self.partial)

    def stop(self) -> None:
        """What is there is kept, where it is more than a preview."""
        if self.look is not None and not self.wish.preview:
            self._keep(self.look.pixels(0), stopped=True)

    def end(self) -> dict[str, Any]:
        """The finished dream, measured and kept."""
        assert self.look is not None  # the last step is always shown
        pixels = self.look.pixels(0)
        if not self.wish.preview:
            return told(self._keep(pixels, stopped=False))
        answer = {**self._found(pixels), "url": f"/blob/{self.key}", "id": self.key, "kind": "png",
                  "stopped": False}  # fmt: skip
        data = Raw(_file(pixels), KINDS["png"])
        self.bench.store.put(self.key, "raw", data, meta={"told": answer, "words": self._words()})
        return answer

    def _found(self, pixels: Pixels) -> dict[str, Any]:
        height, width = pixels.shape[:2]
        seconds = round(time.monotonic() - self.began, 2)
        numbers: dict[str, Any] = {"after": measured(self.given, self.wish, pixels)}
        if self.first is not None:
            numbers["before"] = measured(self.given, self.wish, self.first)
        known = {k: self.partial[k] for k in ("before",) if k in self.partial}
        return {**known, "size": [width, height], "seconds": seconds, "numbers": numbers}

    def _keep(self, pixels: Pixels, *, stopped: bool) -> Dream:
        kept = Dream(
            id=self.key, asked=self.wish.plain(), words=self._words(), found=self._found(pixels),
            stopped=stopped,
        )  # fmt: skip
        thumbs = {"after": _thumb(pixels)}
        if self.first is not None:
            thumbs["before"] = _thumb(self.first)
        return Dreams(self.bench.store.root).keep(kept, _file(pixels), thumbs)

    def _words(self) -> str:
        found = self.bench.library.find(self.wish.picture) if self.wish.picture else None
        return told_in_words(self.wish, found.name if found else "noise")


def _thumb(pixels: Pixels) -> bytes:
    return encode("webp", images.thumbnail(Image.fromarray(pixels), THUMB))[0]


def _file(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


DREAM_TASKS: dict[str, Task] = {"dream": dream}
