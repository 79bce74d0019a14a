"""The worker's task that dreams: one step at a time, looked at while it forms, and kept when it is
done or stopped."""

import base64
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import Any

from PIL import Image

from analysis import images
from analysis.dream import pair
from cache.codecs import Raw, encode
from cache.dreams import KINDS, Dream, Dreams
from cache.errors import UserError
from dashboard import dream_settings, dream_wish
from dashboard.bench import Bench
from dashboard.dream_files import LAST, Files
from dashboard.dream_modes import begun, looks
from dashboard.dream_pictures import OfBench
from dashboard.dream_told import told, told_in_words
from dashboard.dream_wish import Wish
from dashboard.dream_works import UNJUDGED, Look, Part, Pixels, measured
from dashboard.protocol import Progress, Task

SHOWN = 768  # pixels of the longer side, while it forms
EVERY = 0.35  # seconds between two pictures that are shown
THUMB = 160


def dream(bench: Bench, *, wish: dict[str, Any]) -> Iterator[Progress]:
    """Dreams a wish: {url, id, kind, before, size, words, numbers, parts}, partly as it forms. A
    preview is kept like anything that is computed; the whole is kept for ever, also where it is
    stopped."""
    wanted = dream_wish.read(wish)
    key = wanted.key(OfBench(bench).fingerprint(wanted))
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
        self.frames = self.given.frames(wish) if wish.mode == "stream" else None
        self.files = Files(self.given, wish)
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
            if look.frame is not None and self.frames is not None:
                self.frames.keep(look.frame, look.pixels(0))
            if self.frames is None or look.frame is not None or not self.partial.get("url"):
                self._show(look)
            yield Progress(look.done, look.total, self.partial)

    def _show(self, look: Look) -> None:
        """What the page sees of it now."""
        partial = {**self.partial, "words": look.words, "frame": look.frame}
        if look.frame is not None and self.frames is not None:
            partial["url"] = f"/blob/{self.frames.key(look.frame)}"
        elif time.monotonic() - self.shown_at >= EVERY:
            shown = self.bench.keep_picture(look.pixels(SHOWN))
            partial["url"] = f"/blob/{shown}"
            self.shown_at = time.monotonic()
        if look.parts and len(look.parts) != len(self.partial.get("parts", ())):
            partial["parts"] = [self._part(part) for part in look.parts]
        self.partial = partial

    def _part(self, part: Part) -> dict[str, Any]:
        url = f"/blob/{self.bench.keep_picture(part.pixels, kind='png')}"
        return {"name": part.name, "url": url, "choice": part.choice, **part.told}

    def stop(self) -> None:
        """What is there is kept, where it is more than a preview."""
        if self.look is not None and not self.wish.preview:
            self._keep(self.look, stopped=True)

    def end(self) -> dict[str, Any]:
        """The finished dream, measured and kept."""
        assert self.look is not None  # the last step is always shown
        if not self.wish.preview:
            return told(self._keep(self.look, stopped=False))
        pixels = self.look.pixels(0)
        data, kind = self.files.written(pixels)
        answer = {
            **self._found(pixels), "url": f"/blob/{self.key}", "id": self.key, "kind": kind,
            "stopped": False,
        }  # fmt: skip
        meta = {"told": answer, "words": self._words()}
        self.bench.store.put(self.key, "raw", Raw(data, KINDS[kind]), meta=meta)
        return answer

    def _found(self, pixels: Pixels) -> dict[str, Any]:
        height, width = pixels.shape[:2]
        seconds = round(time.monotonic() - self.began, 2)
        known = {k: self.partial[k] for k in ("before", "parts") if k in self.partial}
        return {**known, "size": [width, height], "seconds": seconds,
                "numbers": self._numbers(pixels)}  # fmt: skip

    def _numbers(self, pixels: Pixels) -> dict[str, Any]:
        """What was measured, before and after, and by the work itself."""
        assert self.look is not None
        numbers: dict[str, Any] = {}
        if self.wish.mode not in UNJUDGED:
            numbers["after"] = measured(self.given, self.wish, pixels)
            if self.first is not None:
                numbers["before"] = measured(self.given, self.wish, self.first)
        return {**numbers, "measured": dict(self.look.measured)}

    def _keep(self, look: Look, *, stopped: bool) -> Dream:
        pixels = look.pixels(0)
        data, kind = self.files.written(pixels)
        kept = Dream(
            id=self.key, asked=self.wish.plain(), words=self._words(), kind=kind,
            found=self._found(pixels), stopped=stopped,
        )  # fmt: skip
        thumbs = {"after": _thumb(pixels)}
        if self.first is not None:
            thumbs["before"] = _thumb(self.first)
        return Dreams(self.bench.store.root).keep(kept, data, thumbs)

    def _words(self) -> str:
        return told_in_words(self.wish, *self.given.names(self.wish))


def _thumb(pixels: Pixels) -> bytes:
    return encode("webp", images.thumbnail(Image.fromarray(pixels), THUMB))[0]


def dream_film(
    bench: Bench, *, wish: dict[str, Any], kind: str, end: str = "last", many: int = LAST
) -> str:
    """A stream's frames as a film: the bytes, in base 64; of one without end the first or the last
    ones. UserError: no frames, or no encoder."""
    files = Files(OfBench(bench), dream_wish.read(wish))
    if kind not in ("gif", "mp4") or end not in ("first", "last"):
        raise UserError("there is no such film")
    part = files.part(end, min(max(1, many), dream_settings.LONGEST))
    return base64.b64encode(part.film(kind)).decode("ascii")


def dream_held(bench: Bench, *, wish: dict[str, Any], clear: bool = False) -> dict[str, Any]:
    """What is kept of a stream: {spans: [[first, last], ...], bytes}; ``clear``: nothing, then."""
    wanted = dream_wish.read(wish)
    frames = OfBench(bench).frames(wanted)
    if clear:
        frames.clear()
        bench.store.remove(wanted.key(OfBench(bench).fingerprint(wanted)))
    return asdict(frames.held())


def counterpart(bench: Bench, *, model: str, layer: str, second: str) -> str:
    """The second network's layer that stands for one of the first."""
    return pair.counterpart(bench.classifier(model), layer, bench.classifier(second))


def labelled(bench: Bench, *, model: str, index: int, most: int = 8) -> list[str]:
    """Keys of open pictures that are labelled with a class."""
    categories = bench.classifier(model).categories
    pictures = bench.library.pictures()
    return [p.key for p in pictures if categories.index_of_label(p.label) == index][:most]


DREAM_TASKS: dict[str, Task] = {
    "dream": dream, "dream_film": dream_film, "dream_held": dream_held, "labelled": labelled,
    "counterpart": counterpart,
}  # fmt: skip
