"""What is done in each way to dream, glance by glance, by the engine in ``analysis.dream``."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from analysis.dream import caricature, ladder, pair, schedule, stream, style
from analysis.dream.engine import Frame, dreamt
from analysis.dream.pursuit import Stage
from analysis.dream.pyramid import pixels_of
from analysis.dream.settings import Dream, class_picture, sketched
from analysis.models import Classifier
from analysis.processor import short_of_memory
from cache.errors import UserError
from dashboard.dream_settings import NOISE, OWN, PREVIEW
from dashboard.dream_wish import Wish, alone, changes
from dashboard.dream_works import Look, Part, Pictures, Pixels, measured

_ALONE = ("mode", "model", "look", "layer", "goal", "guide", "how")
STRONGER = 25.0  # what the style weighs beside the content, where its weight is 1


def begun(given: Pictures, wish: Wish) -> Pixels | None:
    """The picture that it begins with, at the size of the result; None for noise."""
    if wish.picture is None:
        return None
    image = given.picture(wish.picture)
    side = longer_side(wish, max(image.size))
    if side > max(image.size):  # a dream in a small picture has no room for shapes
        width, height = (max(1, round(n * side / max(image.size))) for n in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return pixels_of(image)


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
    closed between two. UserError, before the first step: what the wish or the network lacks; at
    any step: there is no more memory."""
    try:
        yield from _WAYS[wish.mode](given, wish)
    except (MemoryError, RuntimeError) as error:
        if not short_of_memory(error):
            raise
        raise UserError("there is no more memory for this: choose a smaller size") from error


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

    def part(rung: ladder.Rung) -> Part:
        name = rung.dream.layer
        return Part(name, rung.frame.pixels(), {"mode": "dream", "look": "all", "layer": name})

    yield from _sheet(climbed, lambda rung: rung.dream.layer, part)


def _two(given: Pictures, wish: Wish) -> Iterator[Look]:
    """The same in both networks: of a layer each, of a class, or towards a guide."""
    ways, start = alone(wish), begun(given, wish)
    one, two = (given.network(way.model) for way in ways)
    guides = given.guides(wish) if wish.guide is not None else []
    dream = dream_of(given, wish, start)
    dream = dream if wish.goal is None else class_of(wish, dream)
    dream = replace(dream, guides=tuple(digest for digest, _ in guides))
    dreams = pair.for_both(one, dream, two, wish.second_layer)
    own = [replace(w, layer=d.layer, goal=d.class_index) for w, d in zip(ways, dreams, strict=True)]
    own[1] = replace(own[1], guide=_guide_in(two, wish, one))

    def name(rung: ladder.Rung) -> str:
        return pair.caption((one, two)[rung.number - 1], rung.dream)

    def part(rung: ladder.Rung) -> Part:
        way, pixels = own[rung.number - 1], rung.frame.pixels()
        told = {"network": way.model, "after": measured(given, way, pixels),
                "other": measured(given, own[-rung.number], pixels)}  # fmt: skip
        told |= {} if start is None else {"before": measured(given, way, start)}
        choice = {k: v for k, v in changes(way).items() if k in _ALONE and v is not None}
        return Part(name(rung), pixels, choice, told)

    shown = [np.asarray(image) for _, image in guides]
    yield from _sheet(pair.in_each((one, two), dreams, start, guides=shown), name, part)


def _guide_in(second: Classifier, wish: Wish, first: Classifier) -> str | None:
    """The guide as the second network has it: a class by its number there. UserError: it has
    none of that name."""
    if wish.guide is None or not wish.guide.startswith("class:"):
        return wish.guide
    index = int(wish.guide.removeprefix("class:"))
    return f"class:{pair.translated(first, class_picture(index), second).class_index}"


def _sheet(
    steps: Iterator[ladder.Rung],
    name: Callable[[ladder.Rung], str],
    part: Callable[[ladder.Rung], Part],
) -> Iterator[Look]:
    """One dream after the other; a finished one is a part of the sheet."""
    made: list[Part] = []
    for rung in steps:
        frame, called = rung.frame, name(rung)
        sheet = _laid(tuple(made), called, frame)
        if frame.finished:
            made.append(part(rung))
        done = (rung.number - 1) * frame.total
        look = _look(frame, done=done, total=rung.count * frame.total)
        yield replace(look, pixels=sheet, words=f"{called}, {look.words}", parts=tuple(made))


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
    """Frame by frame, on from the last one that is still known; without end where it has none.
    From the second one on it also comes by between two steps, with the frame before."""
    chosen, frames, classifier = wish.settings, given.frames(wish), given.network(wish.model)
    many, known = int(chosen["frames"]), frames.known()
    start = begun(given, wish) if known == 0 else frames.get(min(known, many or known) - 1)
    if start is not None and 0 < many <= known:
        yield Look(_still(start), many, many, f"{many} frames", frame=None)
        return
    dream = dream_of(given, wish, start)
    moving = replace(
        schedule.read(wish.then), zoom=chosen["zoom"] / 100, turn=chosen["turn"]
    )  # fmt: skip
    after, last = known - 1 if known else None, None
    if start is not None:
        last = Look(_still(start), known, many, _frame(wish, known) if known else "first frame")
    for frame in stream.strides(classifier, dream, moving, start, after=after):
        if frame is None:  # within a frame: it can be ended here, and something else come before
            if last is not None:
                yield last
            continue
        number, moment = frame.number + 1, _turned_to(classifier, frame.moment)
        last = Look(_still(frame.pixels), number, many, _frame(wish, number, moment))
        yield replace(last, frame=frame.number)
        if number == many:
            return


def _frame(wish: Wish, number: int, moment: str = "") -> str:
    """How far a stream is, and what it dreams now where that changes."""
    many = int(wish.settings["frames"])
    far = f"frame {number} of {many}" if many else f"frame {number}"
    return f"{far}: {moment}" if wish.then and moment else far


def _turned_to(classifier: Classifier, moment: schedule.Change) -> str:
    """What a stream dreams at a moment, in words: "inception4c, neuron 61, at 1.5 times"."""
    what = moment.layer
    if moment.class_index is not None:
        what = classifier.categories.names[moment.class_index]
    elif moment.channels:
        many = "neuron" if len(moment.channels) == 1 else "neurons"
        what = f"{what}, {many} {', '.join(map(str, moment.channels))}"
    return what if moment.strength == 1 else f"{what} \u00d7 {moment.strength:.2f}"


def _still(pixels: Pixels) -> Callable[[int], Pixels]:
    return lambda side: _within(pixels, side)


_WAYS: dict[str, Callable[[Pictures, Wish], Iterator[Look]]] = {
    "dream": _dream, "class": _class, "guided": _guided, "stream": _stream, "layers": _layers,
    "style": _style, "kept": _kept, "two": _two,
}  # fmt: skip
