"""What is done in each way to dream, glance by glance, by the engine in ``analysis.dream``."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from analysis.dream import caricature, ladder, pair, stream, style
from analysis.dream.engine import Frame, dreamt
from analysis.dream.pursuit import Stage
from analysis.dream.settings import Dream, class_picture, sketched
from cache.errors import UserError
from dashboard.dream_settings import NOISE, OWN, PREVIEW
from dashboard.dream_wish import Wish
from dashboard.dream_works import Look, Part, Pictures, Pixels

STRONGER = 25.0  # what the style weighs beside the content, where its weight is 1


def begun(given: Pictures, wish: Wish) -> Pixels | None:
    """The picture that it begins with, at the size of the result; None for noise."""
    if wish.picture is None:
        return None
    image = given.picture(wish.picture)
    side = longer_side(wish, max(image.size))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def longer_side(wish: Wish, own: int) -> int:
    """Pixels of the result's longer side; ``own``: the picture's."""
    chosen = int(wish.settings["size"]) or min(own, OWN)
    small = ladder.PREVIEW if wish.mode == "layers" else PREVIEW
    return min(chosen, small) if wish.preview else chosen


def dream_of(given: Pictures, wish: Wish, start: Pixels | None) -> Dream:
    """The wish as the engine's settings."""
    chosen = wish.settings
    dream = Dream(
        layer=wish.layer, channels=wish.units, picture=wish.picture or "",
        start="picture" if wish.picture else "noise", octaves=int(chosen["octaves"]),
        scale=chosen["scale"], iterations=int(chosen["iterations"]), step=chosen["step"],
        jitter=int(chosen["jitter"]), seed=int(chosen["seed"]),
        size=longer_side(wish, NOISE) if start is None else max(start.shape[:2]),
    )  # fmt: skip
    if wish.group is not None:
        return replace(dream, direction=given.direction(wish))
    return dream


def looks(given: Pictures, wish: Wish) -> Iterator[Look]:
    """The work of a wish, glance by glance; the last one is the result. A generator that may be
    closed between two. UserError, before the first step: what the wish or the network lacks."""
    yield from _WAYS[wish.mode](given, wish)


def _look(frame: Frame, *, done: int = 0, total: int = 0) -> Look:
    words = f"octave {frame.octave} of {frame.octaves}, step {frame.step} of {frame.steps}"
    return Look(frame.pixels, done + frame.done, total or frame.total, words)


def _dream(given: Pictures, wish: Wish) -> Iterator[Look]:
    start = begun(given, wish)
    dream = dream_of(given, wish, start)
    for frame in dreamt(given.network(wish.model), dream, start):
        yield _look(frame)


def class_of(wish: Wish, dream: Dream) -> Dream:
    """The same of a class: out of noise with the engine's natural-image priors."""
    if wish.goal is None:
        raise UserError("choose a class to dream of")
    usual = class_picture(wish.goal)
    painted = usual.fourier if dream.start == "noise" else 0
    whole = replace(dream, layer="", channels=(), direction=(), class_index=wish.goal,
                    fourier=painted, blur=usual.blur)  # fmt: skip
    return sketched(whole) if wish.preview and painted else whole


def _class(given: Pictures, wish: Wish) -> Iterator[Look]:
    start = begun(given, wish)
    dream = class_of(wish, dream_of(given, wish, start))
    for frame in dreamt(given.network(wish.model), dream, start):
        yield _look(frame)


def _guided(given: Pictures, wish: Wish) -> Iterator[Look]:
    start, guides = begun(given, wish), given.guides(wish)
    named = tuple(digest for digest, _ in guides)
    dream = replace(dream_of(given, wish, start), channels=(), direction=(), guides=named)
    pixels = [np.asarray(image) for _, image in guides]
    for frame in dreamt(given.network(wish.model), dream, start, guides=pixels):
        yield _look(frame)


def _layers(given: Pictures, wish: Wish) -> Iterator[Look]:
    """The picture at each step of the network, one after the other; the result is the sheet."""
    start, classifier = begun(given, wish), given.network(wish.model)
    dream = dream_of(given, wish, start)
    dreams = ladder.rungs(classifier, ladder.previewed(dream) if wish.preview else dream)
    climbed = ladder.climbed(classifier, dreams, start)
    yield from _sheet(climbed, lambda rung: (rung.dream.layer, {"layer": rung.dream.layer}))


def _two(given: Pictures, wish: Wish) -> Iterator[Look]:
    """The same in both networks."""
    if wish.second is None:
        raise UserError("choose a second network")
    start, names = begun(given, wish), (wish.model, wish.second)
    networks = [given.network(name) for name in names]

    def named(rung: ladder.Rung) -> tuple[str, dict[str, Any]]:
        at = rung.number - 1
        choice = {"model": names[at], "layer": rung.dream.layer}
        return pair.caption(networks[at], rung.dream), choice

    yield from _sheet(pair.in_each(networks, dream_of(given, wish, start), start), named)


def _sheet(
    steps: Iterator[ladder.Rung], named: Callable[[ladder.Rung], tuple[str, dict[str, Any]]]
) -> Iterator[Look]:
    """One dream after the other; a finished one is a part of the sheet."""
    made: list[Part] = []
    for rung in steps:
        frame, (name, choice) = rung.frame, named(rung)
        sheet = _laid(tuple(made), name, frame)
        if frame.finished:
            made.append(Part(name, frame.pixels(), {"mode": "dream", "look": "all", **choice}))
        done = (rung.number - 1) * frame.total
        look = _look(frame, done=done, total=rung.count * frame.total)
        yield replace(look, pixels=sheet, words=f"{name}, {look.words}", parts=tuple(made))


def _laid(made: tuple[Part, ...], name: str, frame: Frame) -> Callable[[int], Pixels]:
    """The sheet of what is finished, and of the one that forms."""

    def pixels(side: int) -> Pixels:
        pictures = [*(part.pixels for part in made), frame.pixels()]
        return _within(ladder.sheet(pictures, [*(part.name for part in made), name]), side)

    return pixels


def _within(pixels: Pixels, side: int) -> Pixels:
    if not 0 < side < max(pixels.shape[:2]):
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def _stages(stages: Iterator[Stage]) -> Iterator[Look]:
    for stage in stages:
        now = stage

        def pixels(side: int, stage: Stage = now) -> Pixels:
            return _within(stage.pixels(), side)

        told = dict(stage.measured)
        yield Look(pixels, stage.step, stage.steps, f"step {stage.step} of {stage.steps}",
                   measured=told)  # fmt: skip


def _style(given: Pictures, wish: Wish) -> Iterator[Look]:
    chosen, (_, like) = wish.settings, given.guides(wish)[0]
    wanted = style.Style(style_weight=STRONGER * chosen["weight"], size=int(chosen["size"]),
                         steps=int(chosen["steps"]), seed=int(chosen["seed"]))  # fmt: skip
    wanted = style.previewed(wanted) if wish.preview else wanted
    content = _opened(given, wish)
    yield from _stages(style.styled(given.network(wish.model), wanted, content, like))


def _kept(given: Pictures, wish: Wish) -> Iterator[Look]:
    chosen = wish.settings
    wanted = caricature.Caricature(
        layer=wish.layer, kind=chosen["as"], size=int(chosen["size"]), steps=int(chosen["steps"]),
        seed=int(chosen["seed"]),
    )  # fmt: skip
    wanted = caricature.previewed(wanted) if wish.preview else wanted
    yield from _stages(caricature.drawn(given.network(wish.model), wanted, _opened(given, wish)))


def _opened(given: Pictures, wish: Wish) -> Image.Image:
    if wish.picture is None:
        raise UserError("this needs a picture to start from")
    return given.picture(wish.picture)


def _stream(given: Pictures, wish: Wish) -> Iterator[Look]:
    """Frame by frame, on from the last one that is still known."""
    chosen = wish.settings
    known = given.frames(wish)
    start = begun(given, wish) if known == 0 else given.frame(wish, known - 1)
    dream = dream_of(given, wish, start)
    if known and wish.picture is None:
        dream = replace(dream, size=max(start.shape[:2]) if start is not None else dream.size)
    moving = stream.Stream(zoom=chosen["zoom"] / 100, turn=chosen["turn"])
    many, number = int(chosen["frames"]), known
    if known >= many and start is not None:
        yield Look(_still(start), many, many, f"{many} frames", frame=None)
        return
    after = known - 1 if known else None
    for frame in stream.strides(given.network(wish.model), dream, moving, start, after=after):
        if frame is None:
            continue
        number = frame.number + 1
        yield Look(_still(frame.pixels), number, many, f"frame {number} of {many}",
                   frame=frame.number)  # fmt: skip
        if number >= many:
            return


def _still(pixels: Pixels) -> Callable[[int], Pixels]:
    return lambda side: _within(pixels, side)


_WAYS: dict[str, Callable[[Pictures, Wish], Iterator[Look]]] = {
    "dream": _dream, "class": _class, "guided": _guided, "stream": _stream, "layers": _layers,
    "style": _style, "kept": _kept, "two": _two,
}  # fmt: skip
