"""What determines a dream: every setting, to and from one line of JSON, so that a picture's own
metadata can make it again.

The defaults are those of google/deepdream (Mordvintsev, Olah and Tyka 2015, ``dream.ipynb``).
"""

import difflib
import json
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

from analysis.activations import checked_channel
from analysis.layers import find_layer
from cache.errors import UserError
from cache.keys import is_key

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 2  # raise when a change alters pictures, so that stored ones are made anew
PREVIEW = 224  # the long side of a preview
SKETCH, LAST_TOUCH = 36, 4  # steps of a class picture's preview, before its octave and in it
Start = Literal["picture", "noise"]


@dataclass(frozen=True, kw_only=True)
class Dream:
    """One dream; the same settings give the same picture on the same machine.

    What becomes stronger: everything that ``layer`` sees (the sum of squares of its output), or of
    that layer the ``channels``, the ``direction`` (a vector (C), such as a neuron group's) or the
    best-matching features of the ``guides`` (pictures, by their content's digest); or, without a
    layer, the logit of ``class_index``. ``negative``: weaker instead.

    ``picture``: the digest of the picture begun with, for whoever finds it again; ``start``
    "noise" begins with ``seed``'s noise instead. ``octaves`` sizes, each ``scale`` times the one
    before, ``iterations`` steps in each. A step moves the colours by ``step`` of 255 levels where
    the gradient (by colours, not by the network's normalised input) has its mean size, less where
    they would burn out (``gamut``).
    ``jitter``: the picture is rolled by up to so many pixels each step. ``size``: the long side in
    pixels, 0 for the picture's own. ``tile``: the network is fed squares of so many pixels at the
    most. Natural-image priors: ``blur``, after each step the picture is blurred by a Gaussian
    whose standard deviation goes, in each octave, from the first to the second number (pixels);
    and ``fourier``, noise is first drawn on for so many steps in Fourier coefficients and
    decorrelated colours, at the network's own size.
    """

    layer: str = ""
    channels: tuple[int, ...] = ()
    direction: tuple[float, ...] = ()
    class_index: int | None = None
    guides: tuple[str, ...] = ()
    negative: bool = False
    picture: str = ""
    start: Start = "picture"
    octaves: int = 4
    scale: float = 1.4
    iterations: int = 10
    step: float = 1.5
    jitter: int = 32
    seed: int = 0
    size: int = 0
    tile: int = 768
    blur: tuple[float, float] = (0.0, 0.0)
    fourier: int = 0


RANGES: dict[str, tuple[float, float]] = {
    "octaves": (1, 16), "scale": (1.05, 4.0), "iterations": (1, 1000), "step": (0.01, 255.0),
    "jitter": (0, 512), "seed": (0, 2**63 - 1), "size": (0, 16384), "tile": (256, 4096),
    "fourier": (0, 2048),
}  # fmt: skip
BLUR = (0.0, 32.0)


def previewed(dream: Dream, side: int = PREVIEW) -> Dream:
    """The same dream on a small picture."""
    return replace(dream, size=min(side, dream.size or side))


def class_picture(index: int, *, size: int = 384, seed: int = 0) -> Dream:
    """A picture of a class out of nothing, with both priors."""
    return Dream(
        class_index=index, start="noise", fourier=112, size=size, seed=seed, octaves=2,
        iterations=8, step=1.0, jitter=16, blur=(0.5, 0.25),
    )  # fmt: skip


def sketched(dream: Dream) -> Dream:
    """A class picture in a third of the steps in Fourier coefficients, and a few at its own size
    only: within 3 s on two quiet cores in bvlc_googlenet at ``PREVIEW`` pixels."""
    return replace(dream, fourier=min(dream.fourier, SKETCH), octaves=1,
                   iterations=min(dream.iterations, LAST_TOUCH))  # fmt: skip


def as_json(dream: Dream) -> str:
    """One line, names in order; what ``parse`` reads."""
    return json.dumps(asdict(dream), sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse(text: str) -> Dream:
    """The dream that ``as_json`` wrote; absent settings have their defaults. UserError, one line,
    for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError("these settings of a dream are no JSON") from None
    if not isinstance(document, dict):
        raise UserError("settings of a dream are a JSON object of names and values")
    known = [field.name for field in fields(Dream)]
    for name in document:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.4) or [", ".join(known)]
            raise UserError(f"a dream has no setting {name!r}; nearest: {near[0]}")
    dream = Dream(**{name: _read(name, value) for name, value in document.items()})
    _check_ranges(dream)
    return dream


def checked(dream: Dream, classifier: "Classifier") -> Dream:
    """The dream with its layer's full name. UserError for anything that this network lacks, with
    the nearest layer or the range that there is."""
    _check_ranges(dream)
    kinds = [dream.channels, dream.direction, dream.guides]
    if dream.class_index is not None:
        if dream.layer or any(kinds):
            raise UserError("a dream of a class has no layer, channels, direction or guides")
        classifier.categories.find(dream.class_index)
        return dream
    if not dream.layer:
        raise UserError("name the layer to dream with, or a class; see: neuronscope layers")
    if sum(map(bool, kinds)) > 1:
        raise UserError("a dream has channels, or a direction, or guides: choose one")
    layer = find_layer(classifier, dream.layer)
    for channel in dream.channels:
        checked_channel(layer, channel)
    if dream.direction and len(dream.direction) != layer.channels:
        raise UserError(
            f"a direction in {layer.name} has {layer.channels} numbers, not {len(dream.direction)}"
        )
    return replace(dream, layer=layer.name)


def _check_ranges(dream: Dream) -> None:
    for name, (low, high) in RANGES.items():
        value = getattr(dream, name)
        if not low <= value <= high:
            raise UserError(f"{name} goes from {low:g} to {high:g}, not {value:g}")
    if dream.fourier and dream.start != "noise":
        raise UserError("steps in Fourier coefficients begin with noise: set start to noise")
    if any(not BLUR[0] <= sigma <= BLUR[1] for sigma in dream.blur):
        raise UserError(f"blur goes from {BLUR[0]:g} to {BLUR[1]:g} pixels")


# ---- reading ----


def _read(name: str, value: Any) -> Any:
    """A value of JSON as the setting's own kind; UserError where it is another."""
    if name in _WORDS:
        said, fits = _WORDS[name]
        if not fits(value):
            raise UserError(f"{name} of a dream is {said}, not {_short(value)}")
        return tuple(value) if isinstance(value, list) else value
    kind = type(getattr(Dream(), name))
    if kind is float and _is_number(value):
        return float(value)
    if kind is float or type(value) is not kind:
        raise UserError(f"{name} of a dream is {_KINDS[kind]}, not {_short(value)}")
    return value


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_index(value: Any) -> bool:
    return type(value) is int and value >= 0


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
_WORDS: dict[str, tuple[str, Any]] = {
    "channels": (
        "a list of channels", lambda v: isinstance(v, list) and all(map(_is_index, v)),
    ),
    "direction": (
        "a list of numbers", lambda v: isinstance(v, list) and all(map(_is_number, v)),
    ),
    "blur": (
        "a pair of numbers",
        lambda v: isinstance(v, list) and len(v) == 2 and all(map(_is_number, v)),
    ),
    "class_index": ("the index of a class", lambda v: v is None or _is_index(v)),
    "guides": (
        "a list of pictures' digests", lambda v: isinstance(v, list) and all(map(is_key, v)),
    ),
    "picture": ("a picture's digest", lambda v: v == "" or is_key(v)),
    "start": (" or ".join(get_args(Start)), lambda v: v in get_args(Start)),
}  # fmt: skip
