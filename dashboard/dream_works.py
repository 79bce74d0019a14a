"""What a dream is made of and what comes of it: the seam between a wish and the engine, for the
page's worker and the command alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from analysis.dream import scratch
from analysis.dream.guide import agreement
from analysis.dream.stamp import Origin, Stamp, stamp_of
from analysis.featurevis.objectives import field as field_of
from analysis.layers import find_layer, run_to
from analysis.models import Classifier
from dashboard.dream_frames import Frames
from dashboard.dream_wish import PLAIN, Wish

Pixels = NDArray[np.uint8]
UNJUDGED = ("layers", "two")  # several pictures: one number would be of none of them


class Pictures(Protocol):
    """What a dream is made of: networks by name, pictures by key, frames of a stream that are there
    already."""

    def network(self, name: str) -> Classifier: ...

    def picture(self, key: str) -> Image.Image: ...

    def name(self, key: str) -> str:
        """A picture's name."""

    def guides(self, wish: Wish) -> list[tuple[str, Image.Image]]:
        """The guiding pictures with their keys; UserError where there is none."""

    def direction(self, wish: Wish) -> tuple[float, ...]:
        """Of the wish's neuron group."""

    def frames(self, wish: Wish) -> Frames:
        """The frames of the stream that are there already."""


@dataclass(frozen=True)
class Part:
    """One picture of several, the choice of the page that shows it alone, and what was measured of
    it: {before, after, other: what the other network says of it}, each as ``measured`` has it."""

    name: str
    pixels: Pixels
    choice: dict[str, Any]
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """A glance at what is being made: ``pixels(side)`` (H, W, 3), its longer side at most ``side``
    (0: as it is); ``done`` of ``total``, in ``words``. ``parts``: the pictures of a sheet that are
    finished; ``measured``: numbers of the work itself; ``frame``: a stream's, which is finished."""

    pixels: Callable[[int], Pixels]
    done: int
    total: int
    words: str
    parts: tuple[Part, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)
    frame: int | None = None


def stamped(classifier: Classifier, wish: Wish, sources: Mapping[str, Origin]) -> Stamp:
    """What the result's file tells: all settings, and the pictures that went into it."""
    plain = {name: wish.plain()[name] for name in (*PLAIN, "preview")}
    return stamp_of(classifier, wish.mode, {**plain, **wish.settings}, sources)


def measured(given: Pictures, wish: Wish, pixels: Pixels) -> dict[str, Any]:
    """What the network makes of a picture, as it sees it: {activation: mean of what was to become
    stronger, said: its answer, share: the probability}; of a class, its logit and probability;
    towards a guide, the agreement with it (-1..1), what it is and the probability of that."""
    classifier = given.network(wish.model)
    logits = _logits(classifier, pixels)
    shares = logits.softmax(0)
    best = int(shares.argmax())
    told = {"said": classifier.categories.names[best], "share": float(shares[best])}
    if wish.mode == "class" and wish.goal is not None:
        return {**told, "activation": float(logits[wish.goal]), "goal": float(shares[wish.goal])}
    if wish.mode == "guided":
        return {**told, **_towards(given, wish, pixels, shares)}
    return {**told, "activation": _activation(given, wish, pixels)} if wish.layer else told


def _towards(given: Pictures, wish: Wish, pixels: Pixels, shares: Tensor) -> dict[str, Any]:
    """Whether it came nearer to its guides: how the layer's features agree, and the probability of
    what they are: of the class that they are photographs of, else of the network's answer to the
    guide."""
    classifier = given.network(wish.model)
    guides = [np.asarray(image) for _, image in given.guides(wish)]
    if wish.guide is not None and wish.guide.startswith("class:"):
        goal = int(wish.guide.removeprefix("class:"))
    else:
        goal = int(_logits(classifier, guides[0]).argmax())
    agrees = agreement(classifier, wish.layer, guides, pixels)
    name = classifier.categories.names[goal]
    return {"activation": agrees, "towards": name, "goal": float(shares[goal])}


def _seen(classifier: Classifier, pixels: Pixels) -> Tensor:
    """What the network is fed of a picture of any size."""
    seen = classifier.tensor(classifier.pixels(Image.fromarray(pixels)))
    scratch.rest()  # the picture was read whole
    return seen


def _logits(classifier: Classifier, pixels: Pixels) -> Tensor:
    """(classes) in float64."""
    with torch.no_grad():
        logits: Tensor = classifier.module(_seen(classifier, pixels))[0].cpu().double()
    return logits


def _activation(given: Pictures, wish: Wish, pixels: Pixels) -> float:
    """The mean over all places: of the neurons, of the group's direction, or of the root of the
    squares of all."""
    classifier = given.network(wish.model)
    layer = find_layer(classifier, wish.layer)
    with torch.no_grad():
        out = run_to(classifier.module, layer.name, _seen(classifier, pixels))
        found = field_of(out, layer)[0]
    values = found.flatten(1).cpu().double()  # not every device has float64
    if wish.units:
        return float(values[list(wish.units)].mean())
    if wish.group is not None:
        along = torch.tensor(given.direction(wish), dtype=values.dtype)
        return float((along @ values).mean() / along.norm())
    return float((values**2).mean().sqrt())
