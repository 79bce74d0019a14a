"""A row of pictures that changes smoothly from what one unit looks for to what another does.

Source: Olah, Mordvintsev and Schubert, Feature Visualization (Distill 2017, interaction between
neurons): interpolated objectives. Here each end counts in units of what its own picture reaches,
so that a unit of large activations does not hide the other; all pictures start from the same noise,
see the same views and share what they have in common with their neighbours, low frequencies most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.featurevis import objectives, transforms
from analysis.featurevis.icons import SPREAD
from analysis.featurevis.objectives import Fields, Objective
from analysis.featurevis.optimize import Observer, ascend
from analysis.featurevis.parameters import generator, stretched, to_uint8
from analysis.featurevis.plan import planned
from analysis.featurevis.sharing import SharedPictures, mixing
from analysis.layers import find_layer
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

LONGEST = 17
STRIDE = 2.0  # larger steps make each picture decide for one of the two ends
LEAST = 0.05  # of what an end reaches: less than this is as little as nothing


@dataclass(frozen=True, kw_only=True)
class BlendRequest:
    """``first`` and ``last``: channels of ``layer``, one or a sum of several each; ``count``:
    pictures in the row; ``size`` and ``input_size`` as for icons."""

    layer: str
    first: tuple[int, ...]
    last: tuple[int, ...]
    count: int = 7
    steps: int = 80
    size: int = 128
    input_size: int = 128
    seed: int = 0


@dataclass(frozen=True)
class BlendFrame:
    """``images``: uint8 (count, S, S, 3); ``first`` and ``last``: what the two ends answer to each
    picture as it is shown."""

    step: int
    steps: int
    images: NDArray[np.uint8]
    first: list[float]
    last: list[float]
    input_size: int
    done: bool


def blend(
    classifier: "Classifier", request: BlendRequest, *, every: int = 8
) -> Iterator[BlendFrame]:
    """Draws the row, with a frame every so many steps and at the end.

    A generator that may be closed at any moment; same request, same pictures. Raises UserError for
    units or a layer that the network does not have.
    """
    for frame in strides(classifier, request, every=every):
        if frame is not None:
            yield frame


def strides(
    classifier: "Classifier", request: BlendRequest, *, every: int = 8
) -> Iterator[BlendFrame | None]:
    """As ``blend``, but after every single step: a frame now and then, else None."""
    _check(classifier, request)
    first, last = (_together(request.layer, units) for units in (request.first, request.last))
    row = between(first, last, request.count)
    observer = Observer(classifier, row, request.input_size)
    meters = [observer.for_(end) for end in (first, last)]
    own = [generator(request.seed, "blend", request.first, request.last)]
    maps = transforms.draw(transforms.LUCID, own, request.steps).expand(-1, request.count, -1, -1)
    pictures = _pictures(classifier, request, min(request.size, observer.size))
    plan = planned(maps, observer.size, schedule="settling", largest=STRIDE)
    for progress in ascend(observer, pictures, plan):
        done = progress.step == request.steps
        shown = progress.step % every == 0 or done
        yield _frame(pictures, meters, request, progress.step) if shown else None


def between(first: Objective, last: Objective, count: int) -> Objective:
    """Picture i of ``count``: the geometric mean of both, the more of ``last`` the larger i is;
    each in units of what the picture at its own end reaches.

    A plain mean is largest where a picture gives itself up to one end, and so a row of them jumps;
    this one is largest where each end has its share.
    """

    def score(fields: Fields) -> Tensor:
        a, b = first.score(fields), last.score(fields)
        share = torch.linspace(0, 1, count).to(a)
        whole, other = _unit(a[0]), _unit(b[-1])
        # the whole grows as its ends do: Adam would take ever smaller steps otherwise
        scale = whole ** (1 - share) * other**share
        both = scale * _above(a / whole) ** (1 - share) * _above(b / other) ** share
        return torch.where(share == 0, a, torch.where(share == 1, b, both))

    layers = tuple(dict.fromkeys(first.layers + last.layers))
    return Objective(f"{first.name} to {last.name}", layers, score)


def _above(share: Tensor) -> Tensor:
    """A rising smooth function that is never zero, so that a silent end still pulls: nearly the
    share itself, small for negative ones."""
    below = LEAST * torch.exp(share.clamp_max(0) / LEAST)
    return torch.where(share > 0, share + LEAST, below)


def _unit(reached: Tensor) -> Tensor:
    """A positive number to divide by, which is no part of the gradient."""
    size = reached.detach().abs()
    return torch.where(size > 0, size, torch.ones_like(size))


def _together(layer: str, units: tuple[int, ...]) -> Objective:
    return objectives.weighted(layer, units, (1.0,) * len(units))


def _pictures(classifier: "Classifier", request: BlendRequest, size: int) -> SharedPictures:
    """The row at its start: the same noise everywhere."""
    own = [generator(request.seed, request.first, request.last) for _ in range(request.count)]
    channels, device = classifier.input_size[0], classifier.device
    return SharedPictures(size, own, mixing(1, request.count), channels=channels, device=device)


@torch.no_grad()
def _frame(
    pictures: SharedPictures, meters: list[Observer], request: BlendRequest, step: int
) -> BlendFrame:
    pixels = stretched(pictures.logits(), SPREAD)
    first, last = (meter.measure(pixels).tolist() for meter in meters)
    images = to_uint8(transforms.plain(pixels, request.size))
    done = step == request.steps
    return BlendFrame(step, request.steps, images, first, last, meters[0].size, done)


def _check(classifier: "Classifier", request: BlendRequest) -> None:
    channels = find_layer(classifier, request.layer).channels
    if not 2 <= request.count <= LONGEST:
        raise UserError(f"a row has 2 to {LONGEST} pictures")
    if min(request.steps, request.size, request.input_size) < 1:
        raise UserError("steps, size and input size must be 1 or more")
    if not request.first or not request.last:
        raise UserError("name a channel for each end of the row")
    wrong = next((u for u in request.first + request.last if not 0 <= u < channels), None)
    if wrong is not None:
        raise UserError(
            f"channel {wrong} is out of range: layer {request.layer!r} has 0 to {channels - 1}"
        )
