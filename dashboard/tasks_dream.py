"""The worker's task that dreams: one step at a time, looked at while it forms, and kept when it is
done or stopped."""

import base64
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from analysis.dream import pair
from cache.codecs import Raw
from cache.dreams import KINDS, Dream, Dreams
from cache.errors import UserError
from dashboard import dream_settings, dream_wish
from dashboard.bench import Bench
from dashboard.dream_files import LAST, Files
from dashboard.dream_held import Result, held_by, thumb
from dashboard.dream_modes import begun, looks
from dashboard.dream_pictures import OfBench
from dashboard.dream_told import told, told_in_words
from dashboard.dream_wish import Wish
from dashboard.dream_works import UNJUDGED, Look, Part, Pixels, measured
from dashboard.protocol import Progress, Task

SHOWN = 768  # pixels of the longer side, while it forms
EVERY = 0.35  # seconds between two pictures that are shown
SECURED = 30.0  # seconds between two times that a long one is kept as it is


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
    except (GeneratorExit, UserError):
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
        self.files, self.held = Files(self.given, wish), held_by(bench)
        self.seconds = 0.0  # of its own work: others may come between its steps
        self.resumed = self.secured = time.monotonic()
        self.show_at, self.dear = 0.0, 0.0  # when the next one is shown; what keeping takes
        self.look: Look | None = None
        self.first: Pixels | None = None
        self.refused = ""  # why the disk did not take a frame
        self.partial: dict[str, Any] = {}

    def steps(self) -> Generator[Progress, None, None]:
        """Every step, with a picture as often as one can follow. A stream ends where the disk takes
        no more frames."""
        self.first = begun(self.given, self.wish)
        if not self.wish.preview:
            self.partial["full"] = self._words()
        if self.first is not None:
            self.partial["before"] = self.held.address(self.first)
            height, width = self.first.shape[:2]
            self.partial["size"] = [width, height]
        for look in looks(self.given, self.wish):
            if look.frame is not None and not self._took(look, look.frame):
                return  # what was there before is the last
            if self.frames is None or look.frame is not None or 0 < look.done == look.total:
                self.look = look  # of a stream only its frames
            if self.frames is None or look.frame is not None or not self.partial.get("url"):
                self._show(look)
            self.seconds += time.monotonic() - self.resumed
            yield Progress(look.done, look.total, self.partial)
            self.resumed = time.monotonic()
            self._secure(look)

    def _took(self, look: Look, number: int) -> bool:
        """Whether the disk has taken a stream's frame; if not, the one before is the last.
        UserError: there is none."""
        assert self.frames is not None  # only a stream has frames
        try:
            self.frames.keep(number, look.pixels(0))
            return True
        except UserError as error:
            if number == 0:
                raise
            self.refused = str(error)
        if self.look is None:  # it went on from that one
            last, far = self.frames.get(number - 1), f" of {look.total}" if look.total else ""
            self.look = replace(
                look, pixels=lambda side: last, done=number, words=f"frame {number}{far}",
                frame=None,
            )  # fmt: skip
        return False

    def _show(self, look: Look) -> None:
        """What the page sees of it now; for no more than a tenth of the time. A frame is there
        already."""
        began = time.monotonic()
        partial = {**self.partial, "words": look.words, "frame": look.frame}
        if look.frame is not None and self.frames is not None:
            partial["url"] = f"/blob/{self.frames.key(look.frame)}"
        elif began >= self.show_at:
            partial["url"] = self.held.address(look.pixels(SHOWN), passing=True)
            now = time.monotonic()
            self.show_at = now + max(EVERY, 9 * (now - began))
        if look.parts and len(look.parts) != len(self.partial.get("parts", ())):
            partial["parts"] = [self._part(part) for part in look.parts]
        self.partial = partial

    def _part(self, part: Part) -> dict[str, Any]:
        url = self.held.address(part.pixels, kind="png")
        return {"name": part.name, "url": url, "choice": part.choice, **part.told}

    def _secure(self, look: Look) -> None:
        """What there is of a long one is kept as stopped from time to time, so that it outlives a
        program that is killed. A stream's frames are kept anyway."""
        began = time.monotonic()
        if self.wish.preview or self.wish.mode == "stream":
            return
        if began - self.secured < max(SECURED, 50 * self.dear):
            return
        with suppress(UserError):  # no room now: it is said at the end, if there is none then
            made = self._made(look, stopped=True)
            Dreams(self.bench.store.root).keep(made.dream, made.data, made.thumbs)
        self.secured = time.monotonic()
        self.dear = self.secured - began

    def stop(self) -> None:
        """What is there is kept, where it is more than a preview."""
        if self.look is not None and not self.wish.preview:
            self.held.keep(self._made(self.look, stopped=True))

    def end(self) -> dict[str, Any]:
        """The finished dream, measured and kept; held in memory where the disk refuses it."""
        assert self.look is not None  # the last step is always shown
        made = self._made(self.look, stopped=bool(self.refused))
        if not self.wish.preview:
            return self.held.keep(made)
        try:
            return self._as_computed(made)
        except UserError as error:
            return self.held.hold(replace(made, why=str(error)))

    def _as_computed(self, made: Result) -> dict[str, Any]:
        one = made.dream
        if one.stopped:
            raise UserError(self.refused)
        answer = {
            **one.found, "url": f"/blob/{one.id}", "id": one.id, "kind": one.kind, "stopped": False,
        }  # fmt: skip
        meta = {"told": answer, "words": one.words}
        self.bench.store.put(one.id, "raw", Raw(made.data, KINDS[one.kind]), meta=meta)
        return answer

    def _made(self, look: Look, *, stopped: bool) -> Result:
        """What there is, as a file, with what was measured."""
        pixels = look.pixels(0)
        data, kind = self.files.written(pixels)
        dream = Dream(
            id=self.key, asked=self.wish.plain(), words=self._words(), kind=kind,
            found=self._found(look, pixels), stopped=stopped,
        )  # fmt: skip
        thumbs = {"after": thumb(pixels)}
        if self.first is not None:
            thumbs["before"] = thumb(self.first)
        return Result(dream, data, thumbs)

    def _found(self, look: Look, pixels: Pixels) -> dict[str, Any]:
        height, width = pixels.shape[:2]
        seconds = round(self.seconds + time.monotonic() - self.resumed, 2)
        known = {k: self.partial[k] for k in ("before", "parts") if k in self.partial}
        return {**known, "size": [width, height], "seconds": seconds, "words": look.words,
                "numbers": self._numbers(look, pixels)}  # fmt: skip

    def _numbers(self, look: Look, pixels: Pixels) -> dict[str, Any]:
        """What was measured, before and after, and by the work itself."""
        numbers: dict[str, Any] = {}
        if self.wish.mode not in UNJUDGED:
            numbers["after"] = measured(self.given, self.wish, pixels)
            if self.first is not None:
                numbers["before"] = measured(self.given, self.wish, self.first)
        return {**numbers, "measured": dict(look.measured)}

    def _words(self) -> str:
        return told_in_words(self.wish, *self.given.names(self.wish))


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
