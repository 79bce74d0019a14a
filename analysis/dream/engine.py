"""Gradient ascent on a picture in octaves.

Source: google/deepdream, ``dream.ipynb``. The picture is dreamt small first; what was added, the
detail, is carried to the next octave's size and laid on the picture there. Every step the picture
is rolled by a random number of pixels, moved along the gradient (in units of its mean size over
the whole picture) and rolled back.

What a large picture needs beside the tile that the network sees, its colours and their gradient,
lies in files (``scratch``) and is gone through in bands; what it begins with stays as 8 bits.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.dream import gamut, pyramid, scratch
from analysis.dream.aims import Aim, aim_of
from analysis.dream.painting import painted
from analysis.dream.prior import blurred
from analysis.dream.pyramid import Source
from analysis.dream.settings import Dream, checked
from analysis.dream.tiles import Feed
from analysis.featurevis.parameters import generator
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier


@dataclass(frozen=True)
class Frame:
    """The picture (1, C, H, W) in 0..1 as it is now; the next step changes it.

    ``octave`` and ``step`` count from 1; a large picture's frames come also within a step
    (``stepped`` is False), so that it can be ended there. ``done`` of ``total``: pixels worked on.
    """

    octave: int
    octaves: int
    step: int
    steps: int
    stepped: bool
    done: int
    total: int
    picture: Tensor

    @property
    def finished(self) -> bool:
        """Whether this is the last one."""
        return self.stepped and self.octave == self.octaves and self.step == self.steps

    def after(self, work: int) -> "Frame":
        """The same frame where an octave of so many pixels went before."""
        return replace(
            self, octave=self.octave + 1, octaves=self.octaves + 1, done=self.done + work,
            total=self.total + work,
        )  # fmt: skip

    def pixels(self, side: int = 0) -> NDArray[np.uint8]:
        """uint8 (H, W, 3); ``side``: its long side made so small, if it is larger."""
        h, w = self.picture.shape[2:]
        size = pyramid.long_side((h, w), side) if 0 < side < max(h, w) else (h, w)
        return pyramid.resized(Source.of(self.picture), size).pixels()


def dreamt(
    classifier: "Classifier",
    dream: Dream,
    picture: NDArray[np.uint8] | None = None,
    *,
    guides: Sequence[NDArray[np.uint8]] = (),
) -> Iterator[Frame]:
    """Dreams, frame by frame: ``picture`` uint8 (H, W, 3) of any size, None for noise; ``guides``
    likewise, one for each that the settings name.

    A generator that may be closed at any moment; what is there then is the last frame's. Raises
    UserError for what the network lacks, before the first step.
    """
    dream = checked(dream, classifier)
    aim = aim_of(classifier, dream, guides)
    base = started(classifier, dream, picture)
    dreamer = Dreamer(classifier, aim, dream)
    if not dream.fourier:
        yield from dreamer.dream(base)
        return
    size, sketch, done = base.size, base, 0
    later = dreamer.work(size)
    for step, shown in painted(classifier, aim, dream):
        sketch = Source.of(shown.cpu())
        done = step * shown.shape[2] * shown.shape[3]
        total = later + done // step * dream.fourier
        octaves = len(dreamer.levels(size)) + 1
        yield Frame(1, octaves, step, dream.fourier, True, done, total, sketch.whole())
    for frame in dreamer.dream(pyramid.resized(sketch, size)):
        yield frame.after(done)


def started(classifier: "Classifier", dream: Dream, picture: NDArray[np.uint8] | None) -> Source:
    """The picture, or the noise, at the size that the dream shall have."""
    channels = classifier.input_size[0]
    if dream.start == "noise":
        side = dream.size or pyramid.NOISE
        return pyramid.noise((side, side), dream.seed, channels)
    if picture is None:
        raise UserError("open a picture to dream on, or start from noise")
    base = Source.of_pixels(picture, channels)
    return pyramid.resized(base, pyramid.long_side(base.size, dream.size))


class Dreamer:
    """A network, an aim and the settings of steps and octaves: dreams on as many pictures as one
    likes. Of the settings, what is aimed at and started from does not matter here."""

    def __init__(self, classifier: "Classifier", aim: Aim, dream: Dream) -> None:
        self.settings = dream
        self.channels = classifier.input_size[0]
        self.feed = Feed(classifier, aim, dream.tile)

    def dream(self, base: Source, *identity: object) -> Iterator[Frame]:
        """Dreams on ``base`` through all octaves. ``identity``: what tells this dream's random
        numbers from those of others with the same seed, such as a frame's number. No gradients
        are recorded in between, and nothing is left open at a yield. UserError, before the first
        step: the disk has no room for a large picture."""
        s = self.settings
        random = generator(s.seed, "dream", *identity)
        levels, total, before = self.levels(base.size), self.work(base.size), 0
        shape = (1, self.channels, *base.size)
        now, spare = scratch.empty(shape), scratch.empty(shape)  # for all octaves
        detail: Source | None = None
        for octave, level in enumerate(levels, start=1):
            own, area = pyramid.resized(base, level), level[0] * level[1]
            picture, gradient = (_part(whole, level) for whole in (now, spare))
            scratch.tidy()
            _begin(picture, own, detail)
            for step in range(1, s.iterations + 1):
                time = (step - 1) / max(1, s.iterations - 1)
                for share in self.step(picture, gradient, random, time=time):
                    done = before + int(area * share)
                    yield Frame(
                        octave, len(levels), step, s.iterations, share == 1, done, total, picture
                    )  # fmt: skip
                before += area
            if octave < len(levels):
                detail = _taken_off(picture, own)
                now, spare = spare, now

    def step(
        self, picture: Tensor, gradient: Tensor, random: torch.Generator, *, time: float = 0.0
    ) -> Generator[float, None, None]:
        """One step, in place, on a picture (1, C, H, W) in 0..1; yields after every tile which
        share of it is done, 1 once the picture has moved. ``gradient``: room for one, of the same
        shape; ``time``: 0..1 within the octave. Raises UserError when the network puts out no
        finite numbers."""
        shift, places = self._drawn(random)
        for redirected in (False, True):
            for share in self.feed.gradient(
                picture, gradient, shift, places, redirected=redirected
            ):
                if share < 1:
                    yield share
            size = _mean_size(gradient)
            if not isfinite(size):
                name = self.feed.aim.objective.name
                raise UserError(f"{name} is not a finite number in this network")
            if size > 0:  # else no ReLU lets anything through: once more, with redirected gradients
                _move(picture, gradient, self.settings.step / 255 / size)
                break
        first, last = self.settings.blur
        blurred(picture, first + (last - first) * time)
        yield 1.0

    def levels(self, size: pyramid.Size) -> list[pyramid.Size]:
        """The octaves of a picture of ``size``, the smallest first."""
        s = self.settings
        return pyramid.sizes(size, s.octaves, s.scale, least=self._least(size))

    def work(self, size: pyramid.Size) -> int:
        """How many pixels a dream on a picture of ``size`` works on."""
        return self.settings.iterations * sum(h * w for h, w in self.levels(size))

    def _least(self, size: pyramid.Size) -> int:
        """The shortest side of an octave: what the network can see something in."""
        window = self.feed.window
        return pyramid.LEAST if window is None else max(pyramid.LEAST, min(*window, *size) // 2)

    def _drawn(self, random: torch.Generator) -> tuple[tuple[int, int], tuple[float, float]]:
        """How far to roll, and where to cut; the same numbers whatever the tiles."""
        far = self.settings.jitter
        down, right = torch.randint(-far, far + 1, (2,), generator=random).tolist()
        row, column = torch.rand(2, generator=random, dtype=torch.float64).tolist()
        return (int(down), int(right)), (float(row), float(column))


def _part(whole: Tensor, size: pyramid.Size) -> Tensor:
    """Room for a picture (1, C, *size) in the room (1, C, H, W) of a larger one."""
    shape = (1, whole.shape[1], *size)
    return whole.view(-1)[: prod(shape)].view(shape)


def _begin(picture: Tensor, own: Source, detail: Source | None) -> None:
    """An octave's picture: the base at its size, with what was added before."""
    grown = pyramid.resized(detail, own.size) if detail is not None else None
    for a, b in scratch.bands(own.size[1], own.size[0]):
        rows = own.rows(a, b)
        picture[:, :, a:b] = rows if grown is None else rows + grown.rows(a, b)


def _taken_off(picture: Tensor, own: Source) -> Source:
    """What was added to the base, in the picture's place."""
    for a, b in scratch.bands(own.size[1], own.size[0]):
        picture[:, :, a:b] -= own.rows(a, b)
    return Source.of(picture)


def _mean_size(gradient: Tensor) -> float:
    """The mean of |g|."""
    channels, height, width = gradient.shape[1:]
    return sum(
        float(plane[a:b].abs().mean()) * ((b - a) / height / channels)
        for a, b in scratch.bands(width, height) for plane in gradient[0]
    )  # fmt: skip


def _move(picture: Tensor, gradient: Tensor, factor: float) -> None:
    for a, b in scratch.bands(picture.shape[3], picture.shape[2]):
        gamut.move(picture[:, :, a:b], gradient[:, :, a:b], factor)
