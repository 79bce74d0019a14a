"""Which pixels matter for a class, a margin or a neuron, by captum, and the check by deletion.

The maps are estimates; the check measures: replace the pixels that the map puts first by a blurred
picture, and compare with as many others, scattered at random and in the same shape elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from captum.attr import IntegratedGradients, Occlusion, Saliency
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.activations import checked_channel
from analysis.attribution import Array, Target, batch_size, position
from analysis.layers import find_layer, run_to, to_positions
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Method = Literal["gradient", "integrated", "occlusion"]
METHODS: tuple[Method, ...] = ("gradient", "integrated", "occlusion")
Mask = NDArray[np.bool_]
Score = Callable[[Tensor], Tensor]
"""Pictures (N, C, H, W) -> what is explained of each, (N,)."""


@dataclass(frozen=True)
class Neuron:
    """One neuron: its activation at a place (row, column), or its mean over the grid for None."""

    layer: str
    channel: int
    place: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class InputMap:
    """One value a pixel, (H, W) of the network's input, in units of what is explained.

    ``gradient``: the summed size of the derivative over the colours, never negative (sensitivity,
    not effect). ``integrated``: signed, adds up to score(picture) - score(mean grey).
    ``occlusion``: signed, the mean drop of the score where a grey window covers the pixel.
    """

    method: Method
    values: Array


@dataclass(frozen=True)
class DeletionCheck:
    """The score before, without the map's first pixels, and without as many others.

    ``scattered``: pixels at random; ``shifted``: the same shape moved elsewhere, perhaps
    mirrored, which disturbs the picture alike. Mean and sd over the draws.
    """

    share: float
    before: float
    without: float
    scattered: tuple[float, float]
    shifted: tuple[float, float]


def score_of(classifier: "Classifier", goal: Target | Neuron) -> Score:
    """What is explained, as a function of the picture. UserError for what is not there."""
    if isinstance(goal, Target):
        goal.checked(len(classifier.categories))
        return lambda x: goal.margin(classifier.module(x))
    layer = find_layer(classifier, goal.layer)
    channel = checked_channel(layer, goal.channel)
    columns = slice(layer.extras if layer.grid else 0, None)
    if goal.place is not None:
        start = position(layer, goal.place)
        columns = slice(start, start + 1)

    def score(x: Tensor) -> Tensor:
        raw = run_to(classifier.module, layer.name, x)
        return to_positions(raw, layer)[:, channel, columns].mean(1)

    return score


def input_map(
    classifier: "Classifier",
    x: Tensor,
    goal: Target | Neuron,
    *,
    method: Method | str = "gradient",
    steps: int = 50,
    window: int | None = None,
) -> InputMap:
    """The map of one picture ``x`` (1, C, H, W).

    ``steps`` of the integrated path; ``window``: side of the occluding square in pixels (default a
    seventh of the picture), moved by half of it. The reference is the mean grey, zero after
    normalisation.
    """
    score = score_of(classifier, goal)
    if method == "gradient":
        raw = Saliency(score).attribute(x.clone().requires_grad_())
    elif method == "integrated":
        size = max(1, batch_size(x) // 4)
        raw = IntegratedGradients(score).attribute(x, n_steps=steps, internal_batch_size=size)
    elif method == "occlusion":
        raw = _occluded(score, x, window or max(1, min(x.shape[2:]) // 7))
    else:
        raise UserError(f"no input map {method!r}; choose one of {', '.join(METHODS)}")
    values: Array = raw.detach()[0].sum(0).float().cpu().numpy()
    return InputMap(METHODS[METHODS.index(method)], values)


def _occluded(score: Score, x: Tensor, window: int) -> Tensor:
    """(1, C, H, W): captum's occlusion, shared among the colours that a window covers together."""
    channels, side = x.shape[1], min(window, *x.shape[2:])
    stride = max(1, side // 2)
    with torch.no_grad():
        dropped: Tensor = Occlusion(score).attribute(
            x,
            sliding_window_shapes=(channels, side, side),
            strides=(channels, stride, stride),
            baselines=0.0,
            perturbations_per_eval=batch_size(x),
        )
    return dropped / channels


def deletion_check(
    classifier: "Classifier",
    x: Tensor,
    found: InputMap,
    goal: Target | Neuron,
    *,
    share: float = 0.1,
    draws: int = 10,
    seed: int = 0,
) -> DeletionCheck:
    """Blurs the ``share`` of pixels that the map puts first, and as many others, and scores all."""
    h, w = found.values.shape
    count = max(1, round(share * h * w))
    order = np.argsort(-found.values, axis=None, kind="stable")
    first = np.zeros(h * w, bool)
    first[order[:count]] = True
    rng = np.random.default_rng(seed)
    scattered = [rng.permutation(first).reshape(h, w) for _ in range(draws)]
    shifted = [_moved(first.reshape(h, w), rng) for _ in range(draws)]
    values = _scores(score_of(classifier, goal), x, [first.reshape(h, w), *scattered, *shifted])
    return DeletionCheck(
        share, values[0], values[1],
        _mean_sd(values[2 : 2 + draws]), _mean_sd(values[2 + draws :]),
    )  # fmt: skip


def _moved(mask: Mask, rng: np.random.Generator) -> Mask:
    """The same shape somewhere else: rolled by a quarter of the picture or more, maybe mirrored."""
    h, w = mask.shape
    if rng.integers(2):
        mask = mask[:, ::-1]
    down, right = rng.integers(h // 4, h - h // 4 + 1), rng.integers(w // 4, w - w // 4 + 1)
    return np.roll(mask, (int(down), int(right)), (0, 1))


def _scores(score: Score, x: Tensor, masks: Sequence[Mask]) -> list[float]:
    """The score of the picture, then of the picture blurred where each mask says so."""
    soft = blurred(x)
    covers = torch.from_numpy(np.stack([np.zeros_like(masks[0]), *masks])).to(x.device)
    values: list[float] = []
    with torch.no_grad():
        for part in torch.split(covers, batch_size(x)):
            pictures = torch.where(part[:, None], soft, x)
            values += score(pictures.contiguous(memory_format=torch.channels_last)).tolist()
    return values


def blurred(x: Tensor) -> Tensor:
    """The picture without its detail: three box blurs of about an eighth of its side each."""
    radius = max(1, min(x.shape[2:]) // 16)
    for _ in range(3):
        x = functional.avg_pool2d(x, 2 * radius + 1, 1, radius, count_include_pad=False)
    return x


def _mean_sd(values: list[float]) -> tuple[float, float]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return float(np.mean(values)), spread
