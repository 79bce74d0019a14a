"""The endless stream: dream, zoom in a little, dream on what is there, and so on, frame by frame.

Source: google/deepdream, ``dream.ipynb`` (zoom by 0.05 a frame). Every frame is rounded to 8 bits
before the next is made of it, so that a frame, its number and the settings are all that the next
one depends on: a stream goes on from any frame that was kept, as if it had never been ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import cos, radians, sin
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.dream import pyramid
from analysis.dream.aims import aim_of
from analysis.dream.engine import Dreamer, started
from analysis.dream.schedule import Change, Stream, at, checked_order
from analysis.dream.settings import Dream, checked, class_picture
from analysis.featurevis.parameters import COLOUR_ROOT
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1  # raise when a change alters pictures
MEAN = (0.48, 0.46, 0.41)  # of photographs' colours; Lucid, optvis/param/color.py
STEADY = 0.1  # of the way back to the colours of photographs, a frame
FAINT = 1e-4  # variance, in 0..1 squared
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class StreamFrame:
    """Frame ``number``, from 0, uint8 (h, w, 3), and what it was dreamt with."""

    number: int
    pixels: Picture
    moment: Change


def checked_stream(classifier: "Classifier", dream: Dream, stream: Stream) -> None:
    """UserError where a stream asks for what there is not."""
    if not 0 <= stream.zoom <= 0.5 or not -45 <= stream.turn <= 45:
        raise UserError("a stream zooms by 0 to 0.5 and turns by -45 to 45 degrees a frame")
    checked_order(stream)
    for change in stream.changes:
        checked(_changed(dream, change), classifier)
    checked(dream, classifier)


def strides(
    classifier: "Classifier",
    dream: Dream,
    stream: Stream,
    picture: Picture | None = None,
    *,
    after: int | None = None,
    guides: Sequence[Picture] = (),
) -> Iterator[StreamFrame | None]:
    """After every single step of the dream None, after the last of each frame that frame.

    It begins with ``picture`` (h, w, 3), or noise where the dream does; ``after``: that is frame
    so and so of this stream already, and the next one follows. A generator without end, to be
    closed at any moment. Raises UserError before the first step for what the network lacks.
    """
    checked_stream(classifier, dream, stream)
    if after is not None and (after < 0 or picture is None):
        raise UserError("a stream goes on from a frame of its own: give its picture and number")
    desk = _Desk(classifier, dream, guides)
    first = replace(dream, start="picture") if after is not None else dream
    now = started(classifier, first, picture).whole()
    for number in count(0 if after is None else after + 1):
        moment = at(stream, dream, number)
        dreamer = desk.dreamer(moment)
        base = steadied(zoomed(now, stream)) if number else now
        for frame in dreamer.dream(pyramid.Source.of(base), "stream", number):
            last = frame
            yield None
        pixels = last.pixels()  # every dream has a step
        now = pyramid.to_tensor(pixels, now.shape[1], now.device)  # as it would be read
        yield StreamFrame(number, pixels, moment)


def zoomed(picture: Tensor, stream: Stream) -> Tensor:
    """The middle of a picture (1, C, h, w) at the whole one's size, turned; bicubic, which keeps
    edges, where the linear kind would make them softer in every frame."""
    h, w = picture.shape[2:]
    kept, angle = 1 - stream.zoom, radians(stream.turn)
    c, s = kept * cos(angle), kept * sin(angle)
    maps = torch.tensor([[[c, -s * h / w, 0.0], [s * w / h, c, 0.0]]], device=picture.device)
    grid = functional.affine_grid(maps, list(picture.shape), align_corners=False)
    nearer: Tensor = functional.grid_sample(
        picture, grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    return nearer.clamp_(0, 1)


def steadied(picture: Tensor) -> Tensor:
    """Colours (1, C, h, w) drawn a little way back to the mean and the covariance that photographs
    have; on its own, an ascent without end burns them out within a hundred frames."""
    channels = picture.shape[1]
    flat = picture[0].flatten(1).double()
    mean = flat.mean(dim=1, keepdim=True)
    own = (flat - mean) @ (flat - mean).T / flat.shape[1]
    root = torch.tensor(COLOUR_ROOT).to(flat)
    wanted, centre = root @ root.T, torch.tensor(MEAN).to(flat)[:, None]
    if channels == 1:
        wanted, centre = wanted.mean().view(1, 1), centre.mean().view(1, 1)
    # the map of least motion from one covariance to the other (Gaussian optimal transport)
    half = _power(own, 0.5)
    back = _power(own, -0.5)
    whole = back @ _power(half @ wanted @ half, 0.5) @ back
    part = torch.eye(channels).to(flat).lerp(whole, STEADY)
    moved = part @ (flat - mean) + mean.lerp(centre, STEADY)
    return moved.to(picture.dtype).view_as(picture).clamp_(0, 1)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Of a covariance, whose directions without any colour count as faint ones."""
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = vectors @ torch.diag(values.clamp_min(FAINT) ** exponent) @ vectors.T
    return power


class _Desk:
    """The dreamer of what a stream dreams now; made anew where that changes."""

    def __init__(self, classifier: "Classifier", dream: Dream, guides: Sequence[Picture]) -> None:
        self.classifier, self.dream, self.guides = classifier, dream, guides
        self._known: dict[Change, Dreamer] = {}

    def dreamer(self, moment: Change) -> Dreamer:
        key = replace(moment, frame=0, strength=1.0)
        own = checked(_changed(self.dream, moment), self.classifier)
        if key not in self._known:
            aim = aim_of(self.classifier, own, self.guides if own.guides else ())
            self._known = {key: Dreamer(self.classifier, aim, own)}
        dreamer = self._known[key]
        dreamer.settings = replace(own, step=self.dream.step * moment.strength)
        return dreamer


def _changed(dream: Dream, change: Change) -> Dream:
    """The dream of a change; one of its own layer and channels, or class, stays what it is."""
    if (change.layer, change.channels, change.class_index) == (
        dream.layer, dream.channels, dream.class_index,
    ):  # fmt: skip
        return dream
    other = replace(
        dream, layer=change.layer, channels=change.channels, class_index=change.class_index,
        direction=(),
    )  # fmt: skip
    if change.class_index is None:
        return other
    return replace(other, guides=(), blur=class_picture(change.class_index).blur)
