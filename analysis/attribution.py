"""How much each neuron at each place speaks for one class rather than another.

Gradient x activation of several layers comes from ONE forward and ONE backward pass ("The Building
Blocks of Interpretability", Olah et al., Distill 2018): effect = h * d margin / d h, the estimate,
to first order, of what taking the neuron away would take off the margin. The path-integrated form
(Sundararajan et al. 2017, computed by captum) follows the activation from zero to what it is; its
effects add up to margin(h) - margin(0).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

from analysis.layers import Layer, capture, find_layer, to_positions
from analysis.tail import Tail
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Array = NDArray[np.float32]
BATCH_BYTES = 24 * 2**20
"""Of one layer's activations in one batch: fills the cores and fits any machine."""
SEGMENTS = 10


@dataclass(frozen=True)
class Target:
    """What is explained: class ``a``'s logit, or its lead over ``rather_than`` (the margin)."""

    a: int
    rather_than: int | None = None

    def margin(self, logits: Tensor) -> Tensor:
        """(N, classes) -> (N,)."""
        lead = logits[:, self.a]
        return lead if self.rather_than is None else lead - logits[:, self.rather_than]

    def checked(self, classes: int) -> "Target":
        """Itself; UserError when a class is out of range or is compared with itself."""
        for index in (self.a, self.rather_than):
            if index is not None and not 0 <= index < classes:
                raise UserError(f"class index {index} is out of range: this network has {classes}")
        if self.a == self.rather_than:
            raise UserError(f"class {self.a} cannot be compared with itself; name two classes")
        return self


def default_target(logits: Tensor | Array, *, true: int | None = None) -> Target:
    """The answer rather than the true class, where that is known and another, or the second answer.

    ``logits``: (classes,) or (1, classes).
    """
    values = np.asarray(logits).reshape(-1)
    order = np.argsort(-values, kind="stable")
    if len(order) < 2:
        return Target(0)
    answer, second = int(order[0]), int(order[1])
    return Target(answer, second if true is None or true == answer else true)


@dataclass(frozen=True, eq=False)
class LayerEffect:
    """One layer of one picture: activation, gradient and effect, each (C, P), extras first.

    The unit of ``effect`` is the logit.
    """

    layer: Layer
    activation: Array
    gradient: Array

    @cached_property
    def effect(self) -> Array:
        """(C, P): gradient x activation."""
        product: Array = self.activation * self.gradient
        return product

    @cached_property
    def per_channel(self) -> Array:
        """(C,): the effect of each neuron over the whole picture, extra tokens included."""
        total: Array = self.effect.sum(1)
        return total

    @cached_property
    def per_place(self) -> Array:
        """(h, w): the effect of each place over all neurons; UserError without a grid."""
        if self.layer.grid is None:
            raise UserError(f"layer {self.layer.name} has no grid of places")
        grid: Array = self.effect[:, self.layer.extras :].sum(0).reshape(self.layer.grid)
        return grid

    def map_of(self, channels: Sequence[int]) -> Array:
        """(h, w): the effect of a few neurons together at each place."""
        return LayerEffect(
            self.layer, self.activation[list(channels)], self.gradient[list(channels)]
        ).per_place

    def at(self, place: tuple[int, int] | None) -> Array:
        """(C,): the effect at one place (row, column), or of the whole picture for None."""
        return self.per_channel if place is None else self.effect[:, position(self.layer, place)]

    def top(self, k: int, *, place: tuple[int, int] | None = None) -> list[int]:
        """The ``k`` neurons that speak most for the margin, strongest first; ties: lower number."""
        return [int(c) for c in np.argsort(-self.at(place), kind="stable")[:k]]


@dataclass(frozen=True, eq=False)
class PathEffect(LayerEffect):
    """A path-integrated effect; ``gradient`` is the mean gradient along the path."""

    expected: float
    steps: int

    @property
    def gap(self) -> float:
        """How far the effects are from adding up to margin(h) - margin(0), as a part of it."""
        missing = abs(float(self.effect.sum(dtype=np.float64)) - self.expected)
        return missing / max(abs(self.expected), 1e-6)


@dataclass(frozen=True, eq=False)
class Attributions:
    """What one pass each way tells: logits (classes,), the margin, each layer's effect by name."""

    logits: Array
    target: Target
    margin: float
    layers: dict[str, LayerEffect]


def position(layer: Layer, place: tuple[int, int]) -> int:
    """The index p of a place (row, column) in (C, P); UserError where the layer has none."""
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places")
    (row, column), (h, w) = place, layer.grid
    if not (0 <= row < h and 0 <= column < w):
        raise UserError(f"place {row},{column} is outside the {h} x {w} grid of {layer.name}")
    return layer.extras + row * w + column


def attribute(
    classifier: "Classifier",
    x: Tensor,
    layer_names: Sequence[str],
    target: Target | None = None,
    *,
    true: int | None = None,
) -> Attributions:
    """Gradient x activation of several layers for one picture ``x`` (1, C, H, W), in one pass.

    ``target`` None explains the answer rather than the true class or the second answer. A layer
    that the margin does not depend on has effect zero. UserError for an unknown layer or class.
    """
    layers = [find_layer(classifier, name) for name in layer_names]
    caught, logits = capture(classifier.module, [x.name for x in layers], x, grad=True)
    assert logits is not None  # with grad the pass always runs to its end
    target = (target or default_target(logits.detach().cpu(), true=true)).checked(logits.shape[1])
    margin = target.margin(logits)
    gradients = dict(zip(caught, _gradients(margin.sum(), list(caught.values())), strict=True))
    effects = {
        given: LayerEffect(
            layer, as_array(caught[layer.name], layer), as_array(gradients[layer.name], layer)
        )
        for given, layer in zip(layer_names, layers, strict=True)
    }
    return Attributions(
        logits.detach()[0].cpu().numpy(), target, float(margin.detach()[0]), effects
    )


def _gradients(margin: Tensor, caught: list[Tensor]) -> tuple[Tensor, ...]:
    """d margin / d caught; zero where the margin does not depend on what was caught."""
    if not margin.requires_grad:
        return tuple(torch.zeros_like(h) for h in caught)
    return torch.autograd.grad(margin, caught, allow_unused=True, materialize_grads=True)


def as_array(raw: Tensor, layer: Layer) -> Array:
    """A raw output (1, ...) as an array (C, P) of its own."""
    values: Array = to_positions(raw.detach(), layer)[0].float().cpu().numpy()
    return np.ascontiguousarray(values)


def integrate(
    classifier: "Classifier",
    x: Tensor,
    layer_name: str,
    target: Target | None = None,
    *,
    steps: int = 100,
    tolerance: float = 0.02,
    tail: Tail | None = None,
) -> PathEffect:
    """Integrated gradients of one layer along the straight path from zero activation (captum).

    Gradients jump where ReLUs and maxima switch, most of them near zero, so the steps lie denser
    there; where the effects do not add up within ``tolerance`` the path is walked again with twice
    and four times the steps. ``tail``: the picture's tail at this layer, if it is there already.
    """
    layer = find_layer(classifier, layer_name)
    tail = tail or Tail(classifier.module, layer.name, x)
    target = (target or default_target(tail.logits.cpu())).checked(tail.logits.shape[1])
    h = tail.activation
    with torch.no_grad():
        ends = target.margin(tail(torch.cat([h, torch.zeros_like(h)])))
    expected, activation = float(ends[0] - ends[1]), as_array(h, layer)
    for count in (steps, 2 * steps, 4 * steps):
        gradient = as_array(_path_gradient(tail, target, count), layer)
        found = PathEffect(layer, activation, gradient, expected, count)
        if found.gap <= tolerance:
            break
    return found


def _path_gradient(tail: Tail, target: Target, steps: int) -> Tensor:
    """The mean gradient (1, ...) on the way from zero to the tail's activation.

    The way is cut at the cubes of tenths, and captum walks all the parts with as many steps each.
    """
    h, parts = tail.activation, min(SEGMENTS, steps)
    method = IntegratedGradients(_margin_of(tail, target), multiply_by_inputs=False)
    cuts = (torch.linspace(0, 1, parts + 1, dtype=torch.float64) ** 3).to(h)
    cuts = cuts.view(-1, *[1] * (h.dim() - 1))
    size, total = batch_size(h), torch.zeros_like(h)
    for start in range(0, parts, size):
        low, high = cuts[:-1][start : start + size], cuts[1:][start : start + size]
        means = method.attribute(
            high * h, baselines=low * h, n_steps=-(-steps // parts), method="riemann_middle",
            internal_batch_size=max(size, len(low)),
        )  # fmt: skip
        total += (means * (high - low)).sum(0, keepdim=True)
    return total


def _margin_of(tail: Tail, target: Target) -> Callable[[Tensor], Tensor]:
    return lambda h: target.margin(tail(h))


def batch_size(raw: Tensor) -> int:
    """How many activations like ``raw`` (1, ...) one batch through the tail may hold."""
    return max(1, min(32, BATCH_BYTES // (raw.numel() * raw.element_size())))
