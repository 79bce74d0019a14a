"""Steps of a canvas towards what a picture makes a network see.

The picture goes through the same random view as the canvas in every step, so that what is wanted
is never where the view has just moved it away from. Source: Lucid, ``recipes/caricature.py``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.dream.canvas import Canvas
from analysis.featurevis import transforms
from analysis.featurevis.objectives import Fields, Objective
from analysis.featurevis.optimize import Adam, Observer
from analysis.featurevis.plan import planned
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Aim = Callable[[Fields], Objective]  # from what is wanted to the canvas' objective


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
    both squeezed to it.
    """

    def __init__(
        self, classifier: "Classifier", layers: tuple[str, ...], aim: Aim, wanted: Tensor
    ) -> None:
        fields = Objective("fields", layers, lambda _: torch.zeros(1))
        shape = wanted.shape[2], wanted.shape[3]
        self.observer = Observer(classifier, fields, max(shape))
        own = self.observer.size
        self.shape = shape if own == max(shape) else (own, own)
        self.aim, self.wanted = aim, wanted

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
            grad, score = self._gradient(canvas, now.to(canvas.coefficients.device), course.views)
            if not bool(torch.isfinite(grad).all()):
                raise UserError("the gradient is not a finite number in this network")
            adam.step(grad)
            yield score

    def _gradient(
        self, canvas: Canvas, maps: Tensor, views: transforms.Views
    ) -> tuple[Tensor, float]:
        network = self.observer.light
        with torch.no_grad():
            seen = transforms.view(self.wanted, maps, self.shape, pad=views.pad)
            objective = self.aim(self.observer.fields(seen, network))
        leaf = canvas.coefficients.detach().requires_grad_()
        with torch.enable_grad():
            pixels = transforms.view(canvas.pixels(leaf), maps, self.shape, pad=views.pad)
            score = objective.score(self.observer.fields(pixels, network)).sum()
            (grad,) = torch.autograd.grad(-score, leaf)
        return grad, float(score.detach())

    @torch.no_grad()
    def fields(self, pixels: Tensor) -> Fields:
        """What the network itself sees in a picture (1, C, h, w) as it is."""
        if self.shape == tuple(self.wanted.shape[2:]):
            return self.observer.fields(pixels)
        still = torch.eye(2, 3, device=pixels.device)[None]
        return self.observer.fields(transforms.view(pixels, still, self.shape, pad=False))


def upright(maps: Tensor, shape: tuple[int, int]) -> Tensor:
    """Views (..., 2, 3) made for squares, for pictures of h x w: a turn stays one, and shifts are
    as many pixels in both directions, of the longer side."""
    h, w = shape
    longest = max(h, w)
    across = torch.tensor([[1.0, h / w, longest / w], [w / h, 1.0, longest / h]])
    return maps * across.to(maps)
