"""How long a dream in full size takes, before it is begun: a few of its steps are made and timed.

A preview's steps do not tell: in a small picture the network's calls cost more than their
arithmetic, and a large one leaves the processor's caches (SqueezeNet: 260 ns for each further pixel
between 82 and 224 px, 700 above). So a step is timed at the full size and at a small one, and what
lies between is on the line through both.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from io import BytesIO
from math import ceil
from typing import TypeVar

from PIL import Image

from analysis.dream import parts, pyramid
from analysis.dream.engine import Frame, dreamt
from dashboard import dream_settings
from dashboard.dream_modes import begun, class_of, dream_of, longer_side, looks
from dashboard.dream_settings import NOISE
from dashboard.dream_wish import Wish
from dashboard.dream_works import UNJUDGED, Pictures, Pixels, measured

T = TypeVar("T")
Timing = Generator[None, None, T]
SMALL, LARGE = 96, 1024  # pixels of the longer side of what is timed
AT_MOST = {"layers": 384, "two": 640}  # several pictures, all of them timed
UNTIMED = 1.15  # with what is not timed, above all the pictures that are shown meanwhile
SKETCHED = 6  # steps in Fourier coefficients that are timed: the first third of them is small
PURSUED = 8  # steps of a style or a caricature
IN_PARTS = 1.5  # times the processor time of a step as a whole; SqueezeNet, GoogLeNet: 1.2 to 1.8
DEAR = 4.0  # seconds of a stream's frame, of which one must do


def seconds(given: Pictures, wish: Wish) -> Timing[float]:
    """Times a few steps of ``wish``, which is in full size, and returns the seconds that all of it
    takes; 0 for a stream without end. A generator that may be closed between two steps. UserError:
    what the wish lacks."""
    if wish.mode == "stream" and not wish.settings["frames"]:
        return 0.0
    ways = {"style": _pursued, "kept": _pursued, "stream": _frames}
    work, last = yield from ways.get(wish.mode, _octaves)(given, wish)
    judged = 0.0
    if wish.mode not in UNJUDGED:
        began = time.perf_counter()
        measured(given, wish, last)
        judged = (1 if wish.picture is None else 2) * (time.perf_counter() - began)
    return UNTIMED * work + judged


# ---- dreams in octaves: of one picture, or of several ----


def _octaves(given: Pictures, wish: Wish) -> Timing[tuple[float, Pixels]]:
    chosen, size = wish.settings, full_size(given, wish)
    most, line = AT_MOST.get(wish.mode, LARGE), list[tuple[int, float]]()
    for side in sorted({min(SMALL, max(size)), min(most, max(size))}):
        step, last = yield from _step(given, wish, side)
        line.append((_area(pyramid.long_side(size, side)), step))
    levels = pyramid.sizes(size, int(chosen["octaves"]), chosen["scale"])
    whole = sum(int(chosen["iterations"]) * _on(line, _area(level)) for level in levels)
    if wish.mode == "class":
        whole += yield from _sketch(given, wish)
    return whole + _writing(last) * _area(size) / line[-1][0], last


def full_size(given: Pictures, wish: Wish) -> pyramid.Size:
    """(height, width) of the result, or of each of its pictures."""
    start = begun(given, wish)
    if start is not None:
        return start.shape[0], start.shape[1]
    side = longer_side(wish, NOISE)
    return side, side


def _step(given: Pictures, wish: Wish, side: int) -> Timing[tuple[float, Pixels]]:
    """The seconds of a step at this size, in all of the pictures together; and the last of them.
    The first step of each also lays out what the others find there."""
    many = 4 if side <= 512 else 3 if side <= 700 else 2
    small = _with(wish, {"octaves": 1, "iterations": many, "size": side})
    marks: list[tuple[float, float]] = []
    work = _class(given, small) if wish.mode == "class" else looks(given, small)
    for look, took in _clocked(work):
        marks.append((look.done / look.total, took))
        yield
    parts = max(1, len(getattr(look, "parts", ())))
    steps = ((ceil(done * many * parts - 1e-6) - 1, took) for done, took in marks)
    later = sum(took for step, took in steps if step % many)
    return later / (many - 1), look.pixels(0)


def _class(given: Pictures, wish: Wish) -> Iterator[Frame]:
    """A class's octaves alone."""
    start = begun(given, wish)
    dream = replace(class_of(wish, dream_of(given, wish, start)), fourier=0)
    yield from dreamt(given.network(wish.model), dream, start)


def _sketch(given: Pictures, wish: Wish) -> Timing[float]:
    """The seconds of the steps that a class out of noise begins with."""
    if wish.picture is not None:
        return 0.0
    one = _with(wish, {"octaves": 1, "iterations": 1, "size": SMALL})
    dream = class_of(wish, dream_of(given, one, None))
    steps, took = dream.fourier, list[float]()
    for _, time_ in _clocked(dreamt(given.network(wish.model), replace(dream, fourier=SKETCHED))):
        took.append(time_)
        yield
        if len(took) == SKETCHED:
            break
    small = sum(i < steps // 3 or i % 6 == 0 for i in range(steps))
    return small * took[1] + (steps - small) * min(took[3:])


def _on(line: list[tuple[int, float]], area: int) -> float:
    """The seconds of a step in a picture of ``area`` pixels."""
    (low, few), (high, many) = line[0], line[-1]
    if high == low:
        return many * area / high
    return max(few + (many - few) * (area - low) / (high - low), min(few, many) * 0.5)


# ---- a stream, frame by frame ----


def _frames(given: Pictures, wish: Wish) -> Timing[tuple[float, Pixels]]:
    took = [0.0]
    for look, found in _clocked(looks(given, wish)):
        took[-1] += found
        yield
        if look.frame is not None and (len(took) == 2 or took[0] > DEAR):
            break
        if look.frame is not None:
            took.append(0.0)
    last = look.pixels(0)
    each = took[-1] + 3 * _writing(last)  # it is kept, shown, and put into the film
    left = int(wish.settings["frames"]) - given.frames(wish).known()
    return max(0, left) * each, last


# ---- style and caricature: so many steps, at one size or at two ----


def _pursued(given: Pictures, wish: Wish) -> Timing[tuple[float, Pixels]]:
    chosen = wish.settings
    side, steps = int(chosen["size"]), int(chosen["steps"])
    few = _with(wish, {"size": min(side, LARGE), "steps": min(steps, PURSUED)})
    took: dict[pyramid.Size, list[float]] = {}
    for look, found in _clocked(looks(given, few)):
        height, width = look.pixels(0).shape[:2]
        took.setdefault((height, width), []).append(found)
        yield
    many, whole, times = sum(map(len, took.values())), 0.0, max(1.0, side / LARGE)
    for size, own in took.items():
        step = sum(own[1:]) / (len(own) - 1) if len(own) > 1 else own[0]
        dearer = IN_PARTS if parts.large((round(size[0] * times), round(size[1] * times))) else 1.0
        whole += dearer * (max(0.0, own[0] - step) + steps * len(own) / many * step)
    last = look.pixels(0)
    return (whole + _writing(last)) * times**2, last


# ---- what all of them need ----


def _with(wish: Wish, few: dict[str, int]) -> Wish:
    values = wish.settings
    values |= {name: value for name, value in few.items() if name in values}
    return replace(wish, how=dream_settings.written(wish.mode, values))


def _clocked(work: Iterator[T]) -> Iterator[tuple[T, float]]:
    """Each with the seconds that it took, without what is done between them; there is one at
    least."""
    while True:
        began = time.perf_counter()
        try:
            found = next(work)
        except StopIteration:
            return
        yield found, time.perf_counter() - began


def _area(size: pyramid.Size) -> int:
    return size[0] * size[1]


def _writing(pixels: Pixels) -> float:
    """The seconds in which the picture becomes a file."""
    began = time.perf_counter()
    Image.fromarray(pixels).save(BytesIO(), "PNG")
    return time.perf_counter() - began
