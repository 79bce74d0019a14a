"""The command ``dream``: the page's own dreams, written to a picture or a film."""

import argparse
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from analysis.dream.film import Film, ready
from analysis.dream.stamp import Stamp, encoded
from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.cli_bench import bench_of
from dashboard.cli_dream_wish import OfFiles, completed, plan
from dashboard.dream_command import FILMS
from dashboard.dream_files import Files
from dashboard.dream_frames import Frames
from dashboard.dream_modes import begun, looks
from dashboard.dream_wish import Wish
from dashboard.dream_works import UNJUDGED, Look, Part, Pixels, measured


@dataclass(frozen=True)
class Made:
    """What is in the file: its picture, or its last frame, of ``frames``."""

    pixels: Pixels
    stopped: bool
    measured: dict[str, float]
    frames: int | None = None
    parts: tuple[Part, ...] = ()
    refused: str | None = None  # why its frames could not be kept in the cache


def dream(given: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """Dreams into the file that is named. Raises UserError; KeyboardInterrupt where it is stopped
    before anything is there."""
    started, path = time.perf_counter(), given.output
    planned, stamp = plan(given)
    if path.suffix.lower() in FILMS:
        ready(path)
    # the seed is the dream's: of the network's own tasks, all begin with the usual one
    bench = bench_of(argparse.Namespace(**{**vars(given), "model": planned.model, "seed": 0}))
    files = OfFiles(bench)
    wish = completed(given, planned, stamp, files)
    written = Files(files, wish).stamp()
    with _stoppable() as stop:
        if wish.mode == "stream":
            made = _film(files, wish, path, written, stop)
        else:
            made = _still(looks(files, wish), path, written, stop)
    given.interrupted = made.stopped
    document = {
        "files": [path], "layer": wish.layer or None, "mode": wish.mode,
        "seconds": round(time.perf_counter() - started, 3), "size": made.pixels.shape[1::-1],
        "frames": made.frames, **_judged(files, wish, made), "measured": made.measured,
        "settings": written.settings, "stopped": made.stopped,
        "unkept": made.refused,
        "parts": [{"name": part.name, **part.told} for part in made.parts],
    }  # fmt: skip
    trained = files.network(wish.model).trained
    return document, [*out.mark(trained=trained), *_lines(document)]


# ---- Ctrl-C ----

_ENDS = (signal.SIGINT, signal.SIGTERM)


class _Stop:
    """Ctrl-C or a plain kill: ``asked`` while something must be ended in order, else at once."""

    def __init__(self) -> None:
        self.asked, self.at_once = False, True

    def heard(self, _: int, __: FrameType | None) -> None:
        if self.asked or self.at_once:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.heard) for number in _ENDS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- making ----


def _still(given: Iterator[Look], path: Path, stamp: Stamp, stop: _Stop) -> Made:
    """Between two steps the picture is whole: it ends there, not within one."""
    show, last, refused = out.glances(), None, None
    with closing(given):  # type: ignore[type-var]
        try:
            for last in given:
                stop.at_once = False
                show(last.words, last.done, last.total)
                if stop.asked:
                    break
        except UserError as error:
            if last is None:
                raise
            refused = error
    assert last is not None  # every dream has a step
    pixels, stopped = last.pixels(0), stop.asked and last.done < last.total
    show(None, last.done, last.total)
    out.save(path, _bytes(pixels, path, stamp))
    if refused is not None:
        raise UserError(f"{refused}; what was made until then is in {out.named(path)}") from refused
    return Made(pixels, stopped, dict(last.measured), parts=last.parts)


def _bytes(pixels: Pixels, path: Path, stamp: Stamp) -> bytes:
    try:
        return encoded(pixels, path.suffix, stamp)
    except (OSError, ValueError) as error:
        height, width = pixels.shape[:2]
        size = f"{width} x {height} pixels"
        raise UserError(f"{path.suffix} cannot hold {size} ({error}); write a .png") from error


def _film(files: OfFiles, wish: Wish, path: Path, stamp: Stamp, stop: _Stop) -> Made:
    """Finished frames are in the film: it may end at any moment but while it is written. Those that
    are kept from before, by the page or by this command, are not made again."""
    show, pixels, number, frames = out.glances(), None, 0, files.frames(wish)
    first, many = int(wish.settings["skip"]), int(wish.settings["frames"])
    known, refused = frames.known(), None
    with Film(path, stamp) as film:
        try:
            for look in _kept_and_new(files, wish, frames, known):
                if look.frame is None:  # within a frame
                    continue
                stop.at_once = False
                pixels, number = look.pixels(0), look.done
                if number > first:
                    film.add(pixels)
                if number > known and refused is None:
                    refused = _refused(frames, look.frame, pixels)
                show(look.words, number, many)
                if stop.asked:
                    break
                stop.at_once = True
        except KeyboardInterrupt:
            stop.asked = True
        stop.at_once = False
        show(None, number, many)
    if pixels is None or not film.count:
        raise KeyboardInterrupt
    return Made(pixels, stop.asked and number != many, {}, film.count, refused=refused)


def _refused(frames: Frames, number: int, pixels: Pixels) -> str | None:
    """Keeps a frame; why the cache cannot, which is no reason to end the film: told with it."""
    try:
        frames.keep(number, pixels)
    except UserError as error:
        return str(error)
    return None


def _kept_and_new(files: OfFiles, wish: Wish, frames: Frames, known: int) -> Iterator[Look]:
    """The frames of the film that are there, then those that are made now; those that another
    command makes in the meantime are between them."""
    first, many = int(wish.settings["skip"]), int(wish.settings["frames"])
    after = min(known, many or known)
    yield from _kept(frames, range(first, after), many)
    if many and after >= many:
        return
    for look in looks(files, wish):
        if look.frame is not None:
            yield from _kept(frames, range(after, look.frame), many)
            after = look.frame + 1
        yield look
    yield from _kept(frames, range(after, many), many)


def _kept(frames: Frames, numbers: range, many: int) -> Iterator[Look]:
    for number in numbers:
        words = f"frame {number + 1}, kept from before"
        yield Look(partial(_as_it_is, frames.get(number)), number + 1, many, words, frame=number)


def _as_it_is(pixels: Pixels, _: int) -> Pixels:
    return pixels


# ---- telling ----


def _judged(files: OfFiles, wish: Wish, made: Made) -> dict[str, Any]:
    """What the network makes of it before and after; None of noise, and of several pictures."""
    if wish.mode in UNJUDGED:
        return {"before": None, "after": None}
    first = begun(files, wish)
    return {
        "before": None if first is None else measured(files, wish, first),
        "after": measured(files, wish, made.pixels),
    }


def _lines(found: dict[str, Any]) -> list[str]:
    width, height = found["size"]
    frames = f"{found['frames']} frames of " if found["frames"] else ""
    frames = "1 frame of " if found["frames"] == 1 else frames
    stopped = "stopped, what was there is kept; " if found["stopped"] else ""
    file = out.named(found["files"][0])
    rows = [
        (when, told.get("activation"), told["said"], f"{told['share']:.1%}")
        for when in ("before", "after") if (told := found[when])
    ]  # fmt: skip
    table = out.table(("", "activation", "the network says", "probability"), rows) if rows else []
    if found["mode"] == "two":
        table = _both(found["parts"])
    if found["unkept"]:
        table = [f"stopped, it would begin anew, for {found['unkept']}", *table]
    elif found["stopped"] and found["mode"] == "stream":
        table = ["the same command goes on from there while its --cache has the frames", *table]
    own = _towards(found["before"], found["after"])
    own += [f"{name}: {value:.4g}" for name, value in found["measured"].items()]
    head = f"{file}: {stopped}{frames}{width} x {height} px, {found['seconds']:.1f} s"
    return [head, *table, *own]


def _towards(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """What became of the probability of what the guide is."""
    if not after or "towards" not in after:
        return []
    first = f"{before['goal']:.1%} before, " if before else ""
    return [f"{after['towards']}: {first}{after['goal']:.1%} after"]


def _both(parts: list[dict[str, Any]]) -> list[str]:
    """What each network makes of its own dream, and the other of it."""
    rows = [
        (part["name"], *(part.get(w, {}).get("activation") for w in ("before", "after")),
         *(f"{part[w]['said']} {part[w]['share']:.1%}" for w in ("after", "other")))
        for part in parts
    ]  # fmt: skip
    return out.table(("", "before", "after", "it says", "the other says"), rows)
