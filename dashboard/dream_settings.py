"""The settings of a dream as the page and the command name them: what is usual, how far each may
go, and what it does."""

import math
from dataclasses import dataclass, field
from typing import Any

from cache.errors import UserError

PREVIEW = 224  # pixels of the longer side: small, so that something is seen within 3 s
OWN, NOISE = 1024, 512  # of a picture at the most, and of noise, where nobody says otherwise
LARGEST = 6000


Value = float | str


@dataclass(frozen=True)
class Setting:
    """A number with its bounds; ``usual``: the original's. ``whole``: it has no fraction."""

    name: str
    label: str
    usual: Value
    least: float
    most: float
    step: float
    tip: str
    options: dict[str, str] = field(default_factory=dict)  # a word instead of a number, and how
    # the page calls it

    @property
    def whole(self) -> bool:
        return self.step >= 1

    def read(self, text: str) -> Value:
        """The value in ``text``; UserError where it is none, or out of bounds."""
        if self.options:
            if text not in self.options:
                raise UserError(f"{self.label} is one of {', '.join(self.options)}, not {text!r}")
            return text
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.least <= value <= self.most or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            span = f"from {self.least:g} to {self.most:g}"
            raise UserError(f"{self.label} is {kind} {span}, not {text!r}")
        return value

    def written(self, value: Value) -> str:
        """As ``read`` reads it."""
        return value if isinstance(value, str) else f"{value:.12g}"


ALL = {
    one.name: one
    for one in (
        Setting("octaves", "octaves", 4, 1, 8, 1,
                "The picture is dreamt at so many sizes, from small to its own. More octaves give "
                "larger shapes; what a small size brought is carried on to the next."),
        Setting("scale", "scale between them", 1.4, 1.1, 2.5, 0.1,
                "How many times as large each octave is as the one before."),
        Setting("iterations", "steps an octave", 10, 1, 200, 1,
                "How often the picture is changed at each size. More steps, a stronger dream."),
        Setting("step", "size of a step", 1.5, 0.1, 20, 0.1,
                "How far one step changes the picture: on average so many of 255 grey levels."),
        Setting("jitter", "jitter, px", 32, 0, 128, 1,
                "Before each step the picture is shifted by up to so many pixels, at random, so "
                "that the grid of the network's places leaves no traces."),
        Setting("size", "longer side, px", 0, 0, LARGEST, 16,
                "The size of the result; 0: the picture's own, at most 1024. A small picture is "
                "enlarged to it, which leaves room for more shapes; a large one is made in tiles."),
        Setting("seed", "seed", 0, 0, 2**31 - 1, 1,
                "Where chance begins: the same seed and settings make the same picture again."),
        Setting("zoom", "zoom a frame, %", 5, 0, 30, 0.5,
                "After every frame the picture is enlarged by so much, and dreamt on."),
        Setting("turn", "turn a frame, degrees", 0, -15, 15, 0.5,
                "After every frame the picture is turned by so much."),
        Setting("frames", "frames", 60, 0, 999_999, 1,
                "The stream pauses after so many; it can go on from there. 0: it goes on for ever, "
                "until you pause it or leave."),
        Setting("skip", "frames left out of the film", 0, 0, 999_999, 1,
                "The film begins after so many; they are dreamt all the same."),
        Setting("weight", "weight of the style", 1, 0.01, 100, 0.01,
                "How much the style counts beside the content, as a multiple of the usual."),
        Setting("as", "shown as", "caricature", 0, 0, 0,
                "Exaggerated: as far as it goes in the direction of what the layer puts out. Or "
                "rebuilt: another picture that makes the layer put out the same.",
                {"caricature": "exaggerated", "distance": "rebuilt"}),
        Setting("steps", "steps", 120, 8, 2000, 1, "How often the picture is changed."),
    )
}  # fmt: skip
_DREAM = ("octaves", "scale", "iterations", "step", "jitter", "size", "seed")
FILM = ("zoom", "turn", "frames", "skip")  # of a stream alone
LONGEST = 2000  # frames of a film
OF_MODE: dict[str, tuple[str, ...]] = {
    "dream": _DREAM,
    "class": _DREAM,
    "guided": _DREAM,
    "stream": (*FILM, *_DREAM),
    "layers": _DREAM,
    "style": ("weight", "steps", "size", "seed"),
    "kept": ("as", "steps", "size", "seed"),
    "two": _DREAM,
}
# where a mode's usual value is another one
_USUAL: dict[str, dict[str, Value]] = {
    "class": {"size": 384, "octaves": 2, "iterations": 8, "step": 1, "jitter": 16},
    "stream": {"octaves": 2, "size": 384},
    "layers": {"size": 320},
    "style": {"size": 384},
    "kept": {"size": 224, "steps": 160},
}


def way(mode: str, goal: object) -> str:
    """The mode whose usual settings hold: a class in two networks is made as a class is."""
    return "class" if mode == "two" and goal is not None else mode


def usual(mode: str, name: str) -> Value:
    """What a setting is where nobody changes it."""
    return _USUAL.get(mode, {}).get(name, ALL[name].usual)


def read(mode: str, text: str | None) -> dict[str, Value]:
    """Every setting of a mode, those in ``text`` ("octaves:6,seed:3") as there. UserError: a value
    that cannot be."""
    given = dict(pair.split(":", 1) for pair in (text or "").split(",") if ":" in pair)
    found = {
        name: ALL[name].read(given[name]) if name in given else usual(mode, name)
        for name in OF_MODE[mode]
    }
    if mode == "stream":
        _check_film(found["frames"], found["skip"])
    return found


def _check_film(frames: Any, first: Any) -> None:
    """UserError where a film has too many frames, or none; one without end may have any."""
    if frames and not 0 < frames - first <= LONGEST:
        raise UserError(
            f"a film has 1 to {LONGEST} frames, not {frames - first:.0f}: of a longer stream leave "
            "out the first ones with 'skip'"
        )


def written(mode: str, values: dict[str, Value]) -> str | None:
    """The text that ``read`` reads: what is not as usual; None where everything is."""
    pairs = [
        f"{name}:{ALL[name].written(value)}" for name, value in values.items()
        if name in OF_MODE[mode] and value != usual(mode, name)
    ]  # fmt: skip
    return ",".join(pairs) or None
