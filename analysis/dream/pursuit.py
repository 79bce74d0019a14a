"""Steps of a canvas towards what a picture makes a network see.

The picture goes through the same random view as the canvas in every step, so that what is wanted
is never where the view has just moved it away from. Source: Lucid, ``recipes/caricature.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.dream import parts
from analysis.dream.canvas import Canvas
from analysis.dream.parts import Adding, Aim, Parts
from analysis.featurevis import transforms
from analysis.featurevis.objectives import Fields, Objective
from analysis.featurevis.optimize import Adam, Observer, takes
from analysis.featurevis.plan import planned
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier


@dataclass(frozen=True)
class Course:
    """How the steps go: their number, the random views, how large they are at most (in units of the
    parameterisation's rate), and what the dice are thrown from. ``resting``: the views come closer
    and closer to the picture as it is."""

    steps: int
    views: transforms.Views
    largest: float
    random: torch.Generator
    resting: bool = True


@dataclass(frozen=True)
class Stage:
    """The work after ``step`` of ``steps`` steps; the next one changes its canvas. ``measured``:
    numbers by their names."""

    step: int
    steps: int
    canvas: Canvas
    measured: Mapping[str, float]

    @property
    def finished(self) -> bool:
        """Whether this is the last one."""
        return self.step == self.steps

    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (h, w, 3)."""
        return self.canvas.image()


class Chase:
    """A network that looks at a canvas and at what it is to become like.

    ``wanted``: (1, C, h, w) in 0..1, of the canvas' shape. A network that takes one size only sees
    both squeezed to it. One of more than ``parts.SIDE`` squared pixels is looked at in parts; then
    UserError where the network cannot.
    """

    def __init__(
        self, classifier: "Classifier", layers: tuple[str, ...], aim: Aim, wanted: Tensor
    ) -> None:
        fields = Objective("fields", layers, lambda _: torch.zeros(1))
        shape = wanted.shape[2], wanted.shape[3]
        # a network that takes so many more than its own takes any number
        most = min(max(shape), max(parts.SIDE, 2 * max(classifier.input_size[1:])))
        self.observer = Observer(classifier, fields, most)
        own = self.observer.size
        seen = min(shape[0], most), min(shape[1], most)
        free = own == most and takes(classifier, self.observer.last, seen)
        self.shape = shape if free else (own, own)
        self.aim, self.wanted = aim, wanted
        self._large = parts.large(self.shape)
        if self._large:
            _ = self._parts  # it is told before the first step where a network cannot
        self._asked: Fields | None = None

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.observer)

    def run(self, canvas: Canvas, course: Course) -> Iterator[float]:
        """After each step the objective's value of that step's view. Raises UserError when the
        network puts out no finite numbers."""
        adam = Adam(canvas.coefficients.detach(), canvas.rate)
        maps = transforms.draw(course.views, [course.random], course.steps)
        plan = planned(
            upright(maps, canvas.shape), self.observer.size, schedule="settling",
            largest=course.largest,
        )  # fmt: skip
        whole = plan.maps if course.resting else upright(maps, canvas.shape)
        for now, factor in zip(whole, plan.factors, strict=True):
            adam.rate = canvas.rate * factor
            here = now.to(canvas.coefficients.device)
            grad, score = self._gradient(canvas, here, course)
            if not bool(torch.isfinite(grad).all()):
                raise UserError("the gradient is not a finite number in this network")
            adam.step(grad)
            yield score

    def _gradient(self, canvas: Canvas, maps: Tensor, course: Course) -> tuple[Tensor, float]:
        """By the coefficients, downwards; and the score."""
        pad = course.views.pad
        with torch.no_grad():
            wanted = transforms.view(self.wanted, maps, self.shape, pad=pad)
        leaf = canvas.coefficients.detach().requires_grad_()
        with torch.enable_grad():
            seen = transforms.view(canvas.pixels(leaf), maps, self.shape, pad=pad)
        if not self._large:
            score = self._whole(seen, wanted)
            (grad,) = torch.autograd.grad(-score, leaf)
        else:
            places = torch.rand(2, generator=course.random).tolist()
            by, score = self._parts.gradient(
                self.aim, seen.detach(), wanted, network=self.observer.light, places=places
            )
            (grad,) = torch.autograd.grad(seen, leaf, by.neg_())
        return grad, float(score.detach())

    def _whole(self, seen: Tensor, wanted: Tensor) -> Tensor:
        """The score of a picture that the network sees at once."""
        network = self.observer.light
        with torch.no_grad():
            asked = self.observer.fields(wanted, network)
        with torch.enable_grad():
            return self.aim.score(self.aim.sums(self.observer.fields(seen, network), asked)).sum()

    @torch.no_grad()
    def compared(self, adding: Adding, pixels: Tensor) -> dict[str, Tensor]:
        """Sums of what the network itself sees in a picture (1, C, h, w) as it is, and in the one
        that is wanted."""
        seen, wanted = self._still(pixels), self._still(self.wanted)
        if self._large:
            return self._parts.sums(adding, seen, wanted)
        if self._asked is None:
            self._asked = self.observer.fields(wanted)
        return adding(self.observer.fields(seen), self._asked)

    @torch.no_grad()
    def alone(self, adding: Adding, pixels: Tensor) -> dict[str, Tensor]:
        """The same of a picture of any shape by itself: it is also what is wanted."""
        seen = self._still(pixels)
        if parts.large((seen.shape[2], seen.shape[3])):
            return self._parts.sums(adding, seen)
        fields = self.observer.fields(seen)
        return adding(fields, fields)

    def _still(self, pixels: Tensor) -> Tensor:
        """A picture as it is, at the size that the network sees."""
        if self.shape == tuple(self.wanted.shape[2:]):
            return pixels
        still = torch.eye(2, 3, device=pixels.device)[None]
        return transforms.view(pixels, still, self.shape, pad=False)


def upright(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    """Views (..., 2, 3) made for squares, for pictures of h x w: a turn stays one, and shifts are
    as many pixels in both directions, of the longer side."""
    h, w = shape
    longest = max(h, w)
    across = torch.tensor([[1.0, h / w, longest / w], [w / h, 1.0, longest / h]])
    return maps * across.to(maps)
