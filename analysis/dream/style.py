"""Style transfer: the content of one picture in the style of another.

Source: Gatys, Ecker and Bethge, A Neural Algorithm of Artistic Style (2015): content is what a
layer puts out, style the Gram matrix of its channels over all places, and both differences are
squared. As in Mordvintsev et al., Differentiable Image Parameterizations (Distill 2018), the
picture is Fourier coefficients, so that networks other than VGG do it too; and each difference is
measured in units of what is wanted, so that the same weights suit every layer and network.

Layers of up to an eighth of the picture's size are the ones by default: with deeper ones, which
know objects, faces come out as patches of noise (seen in SqueezeNet and bvlc_googlenet alike).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from analysis.dream.canvas import Canvas, shape_within, tensor_of
from analysis.dream.parts import Sums
from analysis.dream.pursuit import Chase, Course, Stage
from analysis.featurevis import transforms
from analysis.featurevis.objectives import Fields
from analysis.featurevis.parameters import generator
from analysis.layers import ACTIVATIONS, Layer, find_layer, ladder, list_layers
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 3  # raise when a change alters pictures
PREVIEW_SIZE, PREVIEW_STEPS = 192, 40
_COARSEST = 9  # times the picture is larger than a layer's grid, at the most
_A_GRID = 2  # layers of one grid, at the most
_NOTHING = 1e-12  # squares are taken as no smaller than that
_FIRST = 0.6  # of the steps go at half the size, where they are four times as cheap
# Shifts and slight scaling to the very end: strides and pools leave a screen of dots where the
# network always sees the same pixels.
_VIEWS = transforms.Views(False, 8.0, 0.0, (0.94, 0.97, 1.0, 1.03, 1.06), (0.0,))
RANGES = {"content_weight": (0.0, 1e6), "style_weight": (0.0, 1e6), "style_scale": (0.1, 4.0)}


@dataclass(frozen=True, kw_only=True)
class Style:
    """``style_layers`` and ``content_layers``: none for those that suit the network. ``size``: the
    longer side in pixels. ``style_scale``: the style picture's longer side, in units of that;
    larger makes its marks larger. ``start``: from the content or from noise."""

    style_layers: tuple[str, ...] = ()
    content_layers: tuple[str, ...] = ()
    content_weight: float = 1.0
    style_weight: float = 15.0
    style_scale: float = 1.0
    size: int = 384
    steps: int = 120
    start: str = "content"
    seed: int = 0


def previewed(style: Style) -> Style:
    """The same, small and in few steps."""
    size, steps = min(style.size, PREVIEW_SIZE), min(style.steps, PREVIEW_STEPS)
    return replace(style, size=size, steps=steps)


def suited(classifier: "Classifier") -> tuple[str, ...]:
    """The layers that hold a picture's style, from strokes to textures: of each grid's blocks the
    last two, or its last activation where it has none."""
    side = min(classifier.input_size[1:])
    fine = [x for x in list_layers(classifier) if x.grid and min(x.grid) * _COARSEST >= side]
    blocks = set(ladder(classifier, len(list_layers(classifier)) + 1))
    chosen: list[Layer] = []
    for grid in dict.fromkeys(layer.grid for layer in fine):
        own = [layer for layer in fine if layer.grid == grid]
        active = [x for x in own if any(a in x.kind.lower() for a in ACTIVATIONS)]
        chosen += [x for x in own if x in blocks][-_A_GRID:] or active[-1:]
    return tuple(layer.name for layer in sorted(chosen or fine[:1], key=lambda x: x.order))


def checked(style: Style, classifier: "Classifier") -> Style:
    """With all layers named. UserError for what this network does not have."""
    if not 32 <= style.size <= 4096 or not 1 <= style.steps <= 10_000:
        raise UserError("a style's size goes from 32 to 4096 pixels, its steps from 1 to 10000")
    for name, (least, most) in RANGES.items():
        if not least <= getattr(style, name) <= most:
            raise UserError(f"{name.replace('_', ' ')} goes from {least:g} to {most:g}")
    if style.start not in ("content", "noise"):
        raise UserError(f"a style starts from content or noise, not from {style.start!r}")
    if not style.content_weight and not style.style_weight:
        raise UserError("content weight and style weight cannot both be 0")
    of_style = style.style_layers or suited(classifier)
    of_content = style.content_layers or of_style[-1:]
    for name in (*of_style, *of_content):
        if find_layer(classifier, name).grid is None:
            raise UserError(f"layer {name} has no grid of places, which style and content need")
    return replace(style, style_layers=of_style, content_layers=of_content)


def styled(
    classifier: "Classifier", style: Style, content: Image.Image, like: Image.Image
) -> Iterator[Stage]:
    """``content`` in the style of ``like``, after every step. ``measured``: how far style and
    content are from what is wanted: squared differences in units of the wanted ones' squares, as
    the step's view has them.

    A generator that may be closed at any moment. Raises UserError before the first step for what
    the network lacks.
    """
    style = checked(style, classifier)
    random = generator(style.seed, "style")
    canvas: Canvas | None = None
    before = 0
    for size, steps in _scales(style):
        shape = shape_within(content, size)
        wanted = tensor_of(classifier, content, shape)
        if canvas is None and style.start == "noise":
            canvas = Canvas.noise(shape, random, classifier)
        canvas = Canvas.of(wanted) if canvas is None else canvas.grown(shape)
        aim = Towards(style)
        chase = Chase(classifier, aim.layers, aim, wanted)
        marks = shape_within(like, max(32, round(size * style.style_scale)))
        aim.grams = aim.grams_of(chase.alone(aim.sums, tensor_of(classifier, like, marks)))
        course = Course(steps, _VIEWS, 2.0, random, resting=False)
        for step, _ in enumerate(chase.run(canvas, course), start=before + 1):
            yield Stage(step, style.steps, canvas, dict(aim.last))
        before += steps


def _scales(style: Style) -> list[tuple[int, int]]:
    """(size, steps) of the passes, from coarse to fine."""
    first = round(style.steps * _FIRST)
    if style.size <= PREVIEW_SIZE or not first or first == style.steps:
        return [(style.size, style.steps)]
    return [(style.size // 2, first), (style.size, style.steps - first)]


def products(field: Tensor) -> Tensor:
    """(B, C, C): of every two channels of (B, C, h, w) the product, summed over all places; as a
    mean over them it is the Gram matrix."""
    values = field.flatten(2)
    return values @ values.transpose(1, 2)


def difference(value: Tensor, wanted: Tensor) -> Tensor:
    """(): the squared difference in units of ``wanted``'s square; 0 is equal, 1 as far as zero."""
    return (value - wanted).square().sum() / wanted.square().sum().clamp_min(_NOTHING)


class Towards:
    """What is wanted of the canvas; ``grams`` (1, C, C) are the style's, ``last`` what was measured
    last."""

    by_one = False

    def __init__(self, style: Style) -> None:
        self.style = style
        self.layers = tuple(dict.fromkeys(style.style_layers + style.content_layers))
        self.grams: dict[str, Tensor] = {}
        self.last: dict[str, float] = {}

    def sums(self, seen: Fields, wanted: Fields) -> dict[str, Tensor]:
        found = {}
        for name in self.style.style_layers:
            found[f"products {name}"] = products(seen[name])
            found[f"places {name}"] = torch.tensor(float(seen[name][0, 0].numel()))
        for name in self.style.content_layers:
            found[f"away {name}"] = (seen[name] - wanted[name]).square().sum()
            found[f"wanted {name}"] = wanted[name].square().sum()
        return found

    def grams_of(self, sums: Sums) -> dict[str, Tensor]:
        """By layer."""
        names = self.style.style_layers
        return {name: sums[f"products {name}"] / sums[f"places {name}"] for name in names}

    def score(self, sums: Sums) -> Tensor:
        s, own = self.style, self.grams_of(sums)
        parts = {
            "style": [difference(own[n], self.grams[n]) for n in s.style_layers],
            "content": [
                sums[f"away {n}"] / sums[f"wanted {n}"].clamp_min(_NOTHING)
                for n in s.content_layers
            ],
        }
        means = {k: torch.stack(found).mean() for k, found in parts.items()}
        self.last = {k: float(v.detach()) for k, v in means.items()}
        return -(s.style_weight * means["style"] + s.content_weight * means["content"])
