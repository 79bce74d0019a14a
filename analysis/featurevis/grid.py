"""The activation grid: what each place of a picture looks like to a layer, one icon a place.

Source: Olah et al., The Building Blocks of Interpretability (Distill 2018): every place's
activation vector is a direction to draw; neighbours share their low frequencies, so that the grid
reads as one picture; each step draws a random part of the places.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.featurevis import objectives, transforms
from analysis.featurevis.icons import SPREAD
from analysis.featurevis.optimize import Adam, Observer
from analysis.featurevis.parameters import (
    FourierPictures,
    generator,
    stretched,
    to_uint8,
)
from analysis.featurevis.sharing import low_frequencies, mixed, mixing
from analysis.layers import find_layer
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

STEP_PIXELS = 64 * 48 * 48  # a step costs about the same in every network


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """``visits``: how often every place is drawn; ``size``: pixels of an icon (and of what the
    network is fed, where it takes that); ``cells``: places a step, at most."""

    layer: str
    visits: int = 24
    size: int = 48
    cells: int = 64
    cosine_power: float = 2.0
    seed: int = 0


@dataclass(frozen=True)
class GridFrame:
    """``images``: uint8 (h, w, S, S, 3), grey where a place has no activation at all."""

    step: int
    steps: int
    images: NDArray[np.uint8]
    input_size: int
    done: bool


def render_grid(
    classifier: "Classifier", activation: Tensor, request: GridRequest, *, every: int = 4
) -> Iterator[GridFrame]:
    """Icons for all places of ``activation`` (C, h, w), the layer's output for one picture.

    A generator that may be closed at any moment; same request and activation, same pictures.
    """
    for _, frame in strides(classifier, activation, request, every=every):
        if frame is not None:
            yield frame


def strides(
    classifier: "Classifier", activation: Tensor, request: GridRequest, *, every: int = 4
) -> Iterator[tuple[int, GridFrame | None]]:
    """As ``render_grid``, but after every single step: (steps in all, a frame now and then), so
    that whoever shares the processor can take a turn in between."""
    grid = _Grid(classifier, activation, request)
    for step in range(1, grid.steps + 1):
        grid.step()
        done = step == grid.steps
        if step % every and not done:
            yield grid.steps, None
        else:
            images = grid.images()
            yield grid.steps, GridFrame(step, grid.steps, images, grid.observer.size, done)


class _Grid:
    """The pictures of all places, and of the anchors that they share low frequencies with."""

    def __init__(self, classifier: "Classifier", activation: Tensor, request: GridRequest) -> None:
        channels = find_layer(classifier, request.layer).channels
        if activation.dim() != 3 or len(activation) != channels:
            raise UserError(
                f"the activation grid of {request.layer!r} has the shape ({channels}, h, w), "
                f"not {tuple(activation.shape)}"
            )
        self.request, self.shape = request, activation.shape[1:]
        vectors = activation.detach().to(classifier.device).flatten(1).T
        self.vectors = functional.normalize(vectors, dim=1)
        self.mixing = mixing(*self.shape).to(vectors)
        self.random = generator(request.seed, "grid", request.layer)
        self.observer = Observer(classifier, self._objective(self.vectors[:1]), request.size)
        size = min(request.size, self.observer.size)
        self.cells = min(len(vectors), request.cells, max(1, STEP_PIXELS // self.observer.size**2))
        self.steps = -(-request.visits * len(vectors) // self.cells)
        self.pool = FourierPictures(
            size,
            [self.random] * sum(self.mixing.shape),
            channels=classifier.input_size[0],
            device=classifier.device,
        )
        self.pool.coefficients.detach()[len(vectors) :] = 0
        self.low = low_frequencies(size).to(vectors)
        self.adam = Adam(self.pool.coefficients)
        self.queue = torch.empty(0, dtype=torch.long)

    def _objective(self, vectors: Tensor) -> objectives.Objective:
        power = self.request.cosine_power
        return objectives.direction(
            self.request.layer, vectors, cosine_power=power, everywhere=True
        )

    def _next(self) -> Tensor:
        """Distinct places, every place equally often over time."""
        if len(self.queue) < self.cells:
            rest = torch.randperm(len(self.vectors), generator=self.random)
            fresh = rest[~torch.isin(rest, self.queue)]
            late = rest[torch.isin(rest, self.queue)]
            self.queue = torch.cat([self.queue, fresh, late])
        chosen, self.queue = self.queue[: self.cells], self.queue[self.cells :]
        return chosen

    def step(self) -> None:
        """One step of ``cells`` random places."""
        chosen = self._next()
        weights = self.mixing[chosen]
        anchors = weights.any(dim=0).nonzero()[:, 0]
        rows = torch.cat([chosen, anchors.cpu() + len(self.vectors)]).to(self.low.device)
        maps = transforms.draw(transforms.LUCID, [self.random], len(chosen))[:, 0]
        leaf = self.pool.coefficients.detach()[rows].requires_grad_()
        vectors = self.vectors[rows[: len(chosen)]]
        grad = self._gradient(leaf, weights[:, anchors], maps, vectors)
        stuck = ~grad[: len(chosen)].flatten(1).any(dim=1)
        if bool(stuck.any()):
            grad = self._gradient(leaf, weights[:, anchors], maps, vectors, stuck)
        self.adam.step(grad, rows)

    def _gradient(
        self,
        leaf: Tensor,
        weights: Tensor,
        maps: Tensor,
        vectors: Tensor,
        redirected: Tensor | None = None,
    ) -> Tensor:
        """The loss' gradient by ``leaf``: the places' coefficients, then those of the anchors."""
        places = len(vectors)
        with torch.enable_grad():
            seen = mixed(leaf[:places], leaf[places:], weights, self.low)
            pixels = transforms.view(self.pool.pixels(seen), maps, self.observer.size)
            with self.observer.open(redirected):
                score = self._objective(vectors).score(
                    self.observer.fields(pixels, self.observer.light)
                )
            (grad,) = torch.autograd.grad(-score.sum(), leaf)
        return grad

    @torch.no_grad()
    def images(self) -> NDArray[np.uint8]:
        """uint8 (h, w, S, S, 3) of all places as they are now."""
        places = len(self.vectors)
        own, anchors = self.pool.coefficients[:places], self.pool.coefficients[places:]
        pixels = stretched(self.pool.logits(mixed(own, anchors, self.mixing, self.low)), SPREAD)
        silent = (self.vectors == 0).all(dim=1)
        pixels[silent] = transforms.GREY
        if pixels.shape[-1] != self.request.size:
            shape = (self.request.size, self.request.size)
            pixels = functional.interpolate(pixels, size=shape, mode="bicubic", antialias=True)
        flat = to_uint8(pixels)
        return flat.reshape(*self.shape, *flat.shape[1:])
