"""From a wish to pictures: what the worker runs step by step for the page, and the command for the
terminal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from analysis.dream.engine import Frame, dreamt
from analysis.dream.settings import Dream
from analysis.featurevis.objectives import field
from analysis.layers import find_layer, run_to
from analysis.models import Classifier
from dashboard.dream_settings import NOISE, OWN, PREVIEW
from dashboard.dream_wish import Wish

Pixels = NDArray[np.uint8]


class Pictures(Protocol):
    """What a dream is made of: networks by name, pictures by key."""

    def network(self, name: str) -> Classifier: ...

    def picture(self, key: str) -> Image.Image: ...

    def guides(self, wish: Wish) -> list[Image.Image]: ...

    def direction(self, wish: Wish) -> tuple[float, ...]: ...


@dataclass(frozen=True)
class Look:
    """A glance at what is being made: ``pixels(side)`` (H, W, 3), its longer side at most ``side``
    (0: as it is); ``done`` of ``total``, in ``words``."""

    pixels: Callable[[int], Pixels]
    done: int
    total: int
    words: str


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
    return min(chosen, PREVIEW) if wish.preview else chosen


def dream_of(given: Pictures, wish: Wish, side: int) -> Dream:
    """The wish as the engine's settings, of a result of ``side`` pixels."""
    chosen = wish.settings
    direction = given.direction(wish) if wish.group is not None else ()
    return Dream(
        layer=wish.layer, channels=wish.units, direction=direction, picture=wish.picture or "",
        start="picture" if wish.picture else "noise", octaves=int(chosen["octaves"]),
        scale=chosen["scale"], iterations=int(chosen["iterations"]), step=chosen["step"],
        jitter=int(chosen["jitter"]), seed=int(chosen["seed"]), size=side,
    )  # fmt: skip


def looks(given: Pictures, wish: Wish) -> Iterator[Look]:
    """The work of a wish, glance by glance; the last one is the result. A generator that may be
    closed between two."""
    start = begun(given, wish)
    side = max(start.shape[:2]) if start is not None else longer_side(wish, NOISE)
    dream = dream_of(given, wish, side)
    for frame in dreamt(given.network(wish.model), dream, start):
        yield _look(frame)


def _look(frame: Frame) -> Look:
    words = f"octave {frame.octave} of {frame.octaves}, step {frame.step} of {frame.steps}"
    return Look(frame.pixels, frame.done, frame.total, words)


def measured(given: Pictures, wish: Wish, pixels: Pixels) -> dict[str, Any]:
    """What the network makes of a picture, as it sees it: {activation: mean of what was to become
    stronger, said: its answer, share: the probability}; of a class, its logit and probability."""
    classifier = given.network(wish.model)
    x = classifier.tensor(classifier.pixels(Image.fromarray(pixels)))
    with torch.no_grad():
        logits = classifier.module(x)[0].double()
    shares = logits.softmax(0)
    best = int(shares.argmax())
    told = {"said": classifier.categories.names[best], "share": float(shares[best])}
    if wish.mode == "class" and wish.goal is not None:
        return {**told, "activation": float(logits[wish.goal]), "goal": float(shares[wish.goal])}
    return {**told, "activation": _activation(given, wish, x)}


def _activation(given: Pictures, wish: Wish, x: Tensor) -> float:
    """The mean over all places: of the neurons, of the group's direction, or of the root of the
    squares of all."""
    classifier = given.network(wish.model)
    layer = find_layer(classifier, wish.layer)
    with torch.no_grad():
        values = field(run_to(classifier.module, layer.name, x), layer)[0].flatten(1).double()
    if wish.units:
        return float(values[list(wish.units)].mean())
    if wish.group is not None:
        along = torch.tensor(given.direction(wish), dtype=values.dtype, device=values.device)
        return float((along @ values).mean() / along.norm())
    return float((values**2).mean().sqrt())
