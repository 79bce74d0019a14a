"""What a layer keeps of a picture: exaggerated, or rebuilt from noise by what the layer put out.

Sources: Lucid, ``recipes/caricature.py`` (a caricature goes as far as it can in the direction of
the picture's own activations, at every place, with a power of the cosine); Mahendran and Vedaldi,
Understanding Deep Image Representations by Inverting Them (2015) (an inversion comes as close to
them as it can). Each comes with what it reached, measured by the network itself on the picture as
it is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Literal, get_args

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from analysis.dream.canvas import Canvas, shape_within, tensor_of
from analysis.dream.parts import Sums
from analysis.dream.pursuit import Chase, Course, Stage
from analysis.featurevis import transforms
from analysis.featurevis.objectives import Fields
from analysis.featurevis.parameters import generator
from analysis.layers import find_layer
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 3  # raise when a change alters pictures
Kind = Literal["caricature", "distance", "cosine"]
# Lucid's recipe turns and scales less than its icons do: what lies where belongs to the picture
VIEWS = transforms.Views(
    True, 8.0, 2.0, (0.9, 0.95, 1.05, 1.1, *[1.0] * 4), (*map(float, range(-5, 6)), *[0.0] * 5)
)
_EVERY = 8  # steps between two measurements


@dataclass(frozen=True, kw_only=True)
class Caricature:
    """``kind``: "caricature"; or an inversion, by the squared "distance" of the activations (which
    keeps how strong they are) or by their "cosine" at each place (which does not).
    ``cosine_power``: of a caricature; 0 goes only far, larger ones keep to the direction.
    ``start``: from "noise" or from the "picture"; ``size``: the longer side in pixels."""

    layer: str
    kind: Kind = "caricature"
    cosine_power: float = 1.0
    start: str = "noise"
    size: int = 224
    steps: int = 160
    seed: int = 0


def previewed(wanted: Caricature) -> Caricature:
    """The same in few steps, at a small size."""
    return replace(wanted, size=min(wanted.size, 160), steps=min(wanted.steps, 40))


def checked(wanted: Caricature, classifier: "Classifier") -> Caricature:
    """With the layer's full name. UserError for what this network does not have."""
    layer = find_layer(classifier, wanted.layer)
    if wanted.kind not in get_args(Kind):
        raise UserError(f"{wanted.kind!r} is none of {', '.join(get_args(Kind))}")
    if wanted.start not in ("noise", "picture"):
        raise UserError(f"it starts from noise or picture, not from {wanted.start!r}")
    if not 0 <= wanted.cosine_power <= 16:
        raise UserError(f"the power of the cosine goes from 0 to 16, not {wanted.cosine_power:g}")
    if not 32 <= wanted.size <= 4096 or not 1 <= wanted.steps <= 10_000:
        raise UserError("the size goes from 32 to 4096 pixels, the steps from 1 to 10000")
    return replace(wanted, layer=layer.name)


def drawn(classifier: "Classifier", wanted: Caricature, picture: Image.Image) -> Iterator[Stage]:
    """What the layer keeps of ``picture``, after every step. ``measured``, anew every few steps:
    see ``likeness``.

    A generator that may be closed at any moment. Raises UserError before the first step for what
    the network lacks.
    """
    wanted = checked(wanted, classifier)
    random = generator(wanted.seed, wanted.kind, wanted.layer)
    shape = shape_within(picture, wanted.size)
    own = tensor_of(classifier, picture, shape)
    from_noise = wanted.start == "noise"
    canvas = Canvas.noise(shape, random, classifier) if from_noise else Canvas.of(own)
    aim = Towards(wanted)
    chase = Chase(classifier, (wanted.layer,), aim, own)
    if not float(chase.alone(aim.squares, own)["wanted"]):
        raise UserError(f"layer {wanted.layer} puts out nothing but zeros for this picture")
    measured: dict[str, float] = {}
    course = Course(wanted.steps, VIEWS, 2.0, random)
    for step, _ in enumerate(chase.run(canvas, course), start=1):
        if step % _EVERY == 0 or step == wanted.steps:
            with torch.no_grad():
                shown = canvas.pixels()
            measured = likeness(chase.compared(aim.squares, shown))
        yield Stage(step, wanted.steps, canvas, measured)


class Towards:
    """What is wanted: the picture's own field, or to go as far as possible in its direction."""

    by_one = True

    def __init__(self, wanted: Caricature) -> None:
        self.wanted = wanted

    def sums(self, seen: Fields, wanted: Fields) -> dict[str, Tensor]:
        """Over places: squared distances and the wanted squares; or cosines, or products with a
        power of them, and how many places there are."""
        values, own = (fields[self.wanted.layer].flatten(2) for fields in (seen, wanted))
        if self.wanted.kind == "distance":
            away = (values - own).square().sum(dim=(1, 2))
            return {"away": away, "wanted": own.square().sum()}
        places = torch.tensor(float(own.shape[2]))
        cosine = functional.cosine_similarity(values, own, dim=1, eps=1e-6)
        if self.wanted.kind == "cosine":
            return {"gained": cosine.sum(dim=1), "places": places}
        dot = (values * own).sum(dim=1) * cosine.clamp_min(0.1) ** self.wanted.cosine_power
        return {"gained": dot.sum(dim=1), "places": places}

    def score(self, sums: Sums) -> Tensor:
        """(1,)"""
        if self.wanted.kind == "distance":
            return -sums["away"] / sums["wanted"].clamp_min(1e-12)
        return sums["gained"] / sums["places"]

    def squares(self, seen: Fields, wanted: Fields) -> dict[str, Tensor]:
        """Over places and channels, in double precision: what ``likeness`` needs."""
        a, b = (fields[self.wanted.layer].cpu().double().flatten() for fields in (seen, wanted))
        return {"own": a @ a, "wanted": b @ b, "both": a @ b, "away": (a - b) @ (a - b)}


def likeness(squares: Sums) -> dict[str, float]:
    """How a field compares with the one wanted, by the squares of both, their products' sum
    ("both") and the squared distance ("away"): ``cosine``, of all of it; ``error``, the distance in
    units of the wanted one's length; ``length``, its own in the same units."""
    own, wanted, both, away = (float(squares[n]) for n in ("own", "wanted", "both", "away"))
    return {
        "cosine": both / max(sqrt(own) * sqrt(wanted), 1e-12),
        "error": sqrt(away / wanted),
        "length": sqrt(own / wanted),
    }
