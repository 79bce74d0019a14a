"""Gradient ascent on a batch of pictures, one step at a time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.featurevis import kernels, transforms
from analysis.featurevis.objectives import LOGITS, Objective, field
from analysis.featurevis.parameters import Pictures
from analysis.featurevis.plan import Plan
from analysis.featurevis.precision import light, widened
from analysis.featurevis.redirected import Redirected, outermost
from analysis.layers import find_layer, hooked, run_to
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

_Known = dict[tuple[str, tuple[int, int]], bool]
_RUNS: "WeakKeyDictionary[nn.Module, _Known]" = WeakKeyDictionary()


class Adam:
    """Adam (Kingma and Ba 2015) on the rows of one tensor, each row with its own count of steps, so
    that some rows may rest.

    A row's gradients are measured in units of its first one, so that the scale of an objective does
    not matter: an untrained network's activations may be 1e-8.
    """

    def __init__(self, values: Tensor, rate: float = Pictures.rate) -> None:
        self.rate = rate
        each = torch.zeros(len(values), *[1] * (values.dim() - 1), device=values.device)
        mean, square = torch.zeros_like(values), torch.zeros_like(values)
        self._state = [values, mean, square, each, each.clone()]

    @torch.no_grad()
    def step(self, loss_grad: Tensor, rows: Tensor | None = None) -> None:
        """One step down ``loss_grad``: the gradient of all rows, or of ``rows`` (R) distinct
        indices only."""
        if rows is None:
            self._update(self._state, loss_grad)
            return
        parts = [whole[rows] for whole in self._state]
        self._update(parts, loss_grad)
        for whole, part in zip(self._state, parts, strict=True):
            whole[rows] = part

    def _update(self, state: list[Tensor], gradient: Tensor) -> None:
        values, mean, square, n, unit = state
        largest = gradient.flatten(1).abs().amax(dim=1).view_as(unit)
        unit.copy_(torch.where(unit == 0, largest, unit))
        g = gradient / torch.where(unit == 0, 1.0, unit)
        n += 1
        mean.lerp_(g, 0.1)
        square.mul_(0.999).addcmul_(g, g, value=0.001)
        root = (square / (1 - 0.999**n)).sqrt_().add_(1e-8)
        values.sub_(mean / root * (self.rate / (1 - 0.9**n)))


class Observer:
    """Runs a network on pictures just as far as an objective needs, at one input size."""

    def __init__(
        self,
        classifier: "Classifier",
        objective: Objective,
        size: int,
        *,
        before_relu: bool = False,
    ) -> None:
        names = objective.layers
        if not names:
            raise UserError("this network has no layer with a grid of places that suits this")
        self.classifier, self.objective = classifier, objective
        self.light = light(classifier)
        self.kernels = {m: kernels.Kernels(m) for m in (classifier.module, self.light)}
        self.layers = {n: find_layer(classifier, n) if n != LOGITS else None for n in names}
        # the logits end the pass; otherwise the layer that the pass finishes last does
        self.last = max(names, key=lambda n: self._order(n))
        self.size = usable_size(classifier, self.last, size)
        self.left_out: frozenset[int] = frozenset()
        if before_relu:
            self.left_out = outermost(self._probe)

    def _order(self, name: str) -> float:
        layer = self.layers[name]
        return float("inf") if layer is None else layer.order

    def _probe(self) -> Tensor:
        channels = self.classifier.input_size[0]
        grey = torch.full((1, channels, self.size, self.size), 0.5, device=self.classifier.device)
        return self.fields(grey.requires_grad_())[self.last]

    def fields(self, pixels: Tensor, module: nn.Module | None = None) -> dict[str, Tensor]:
        """The layers' outputs (B, C, h, w) for pictures (B, C, size, size) in 0..1, from the
        network or its copy ``light``."""
        module = module or self.classifier.module
        x = self.classifier.normalise(pixels).contiguous(memory_format=torch.channels_last)
        if module is not self.classifier.module:
            x = x.bfloat16()
        caught: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[[Tensor], None]:
            return lambda out: caught.update({name: out.clone()})  # safe from in-place ReLUs

        others = [n for n in self.layers if n != self.last]
        with ExitStack() as stack:
            stack.enter_context(self.kernels[module])
            if others:
                stack.enter_context(hooked(module, {n: keep(n) for n in others}))
            caught[self.last] = module(x) if self.last == LOGITS else run_to(module, self.last, x)
        if torch.is_grad_enabled() and pixels.requires_grad:
            _check_gradient(caught)
        return {n: widened(field(raw, self.layers[n])) for n, raw in caught.items()}

    def for_(self, objective: Objective) -> "Observer":
        """The same view of the network for another objective on the same layers."""
        other = copy(self)
        other.objective = objective
        return other

    def at(self, size: int) -> "Observer":
        """The same at another input size (or the next one that the network takes)."""
        if size == self.size:
            return self
        other = copy(self)
        other.size = usable_size(self.classifier, self.last, size)
        return other

    def open(self, redirected: Tensor | None = None) -> AbstractContextManager[object]:
        """The state in which forward passes run: ReLUs redirected for the pictures (B) marked."""
        if redirected is None and not self.left_out:
            return nullcontext()
        return Redirected(redirected, left_out=self.left_out)

    @torch.no_grad()
    def measure(self, pixels: Tensor) -> Tensor:
        """(B,) the objective of pictures as they are, unshifted and unturned."""
        with self.open():
            scores = self.objective.score(self.fields(transforms.plain(pixels, self.size)))
        return scores


def _check_gradient(caught: dict[str, Tensor]) -> None:
    """UserError where none of these outputs depends on the picture by a gradient."""
    if not any(raw.requires_grad for raw in caught.values()):
        names = ", ".join("the classes" if n == LOGITS else f"layer {n}" for n in caught)
        raise UserError(
            f"no gradient leads from {names} back to the picture: what is put out there is "
            "constant, or cut off by no_grad, detach or argmax; choose another layer, or mend "
            "the network"
        )


def usable_size(classifier: "Classifier", name: str, wanted: int) -> int:
    """``wanted``, or the next larger size that the network runs with up to the layer, or its own;
    found by trying.

    A transformer with learnt positions takes its own size only; a deep layer shrinks a small
    picture to nothing; a classifier that flattens its last convolution cannot go past it.
    """
    own = min(classifier.input_size[1:])
    while wanted < own and not takes(classifier, name, (wanted, wanted)):
        wanted *= 2
    larger = wanted > own and takes(classifier, name, (wanted, wanted))
    return wanted if larger else min(wanted, own)


def takes(classifier: "Classifier", name: str, size: tuple[int, int]) -> bool:
    """Whether the network runs up to the layer on a picture of ``size`` (h, w); found by
    trying."""
    known = _RUNS.setdefault(classifier.module, {})
    if (name, size) not in known:
        known[name, size] = _tried(classifier, name, size)
    return known[name, size]


def _tried(classifier: "Classifier", name: str, size: tuple[int, int]) -> bool:
    trial = torch.zeros((1, classifier.input_size[0], *size), device=classifier.device)
    try:
        with torch.no_grad():
            _ = (
                classifier.module(trial)
                if name == LOGITS
                else run_to(classifier.module, name, trial)
            )
    except UserError:
        raise
    except Exception:  # networks refuse a size each in its own way: assertions, shapes, values
        return False
    return True


@dataclass(frozen=True)
class Progress:
    """After ``step`` steps: which pictures (B) got no gradient in the last one, or left their unit
    at zero, or are finished."""

    step: int
    stuck: Tensor
    silent: Tensor
    resting: Tensor


Finished = Callable[[int], Tensor | None]


def ascend(
    observer: Observer, pictures: Pictures, plan: Plan, *, finished: Finished | None = None
) -> Iterator[Progress]:
    """Steps towards a larger objective, as planned.

    A picture without any gradient gets its step from a second pass with redirected ReLUs; the
    others do not depend on that. ``finished`` is asked after every step which pictures (B) shall
    rest from now on; it ends when all do. Raises UserError when the network puts out no finite
    numbers.
    """
    adam = Adam(pictures.coefficients.detach(), pictures.rate)
    rows: Tensor | None = None  # all of them
    count, device = plan.maps.shape[1], pictures.coefficients.device
    stuck = silent = resting = torch.zeros(count, dtype=torch.bool, device=device)
    for step, (maps, size, factor, small) in enumerate(plan.steps(), start=1):
        adam.rate = pictures.rate * factor
        look = _Look(observer.at(size), pictures, maps, plan.pad, rows)
        grad, scores = look.gradient()
        if not bool(torch.isfinite(grad).all()):
            raise UserError(f"{observer.objective.name} is not a finite number in this network")
        adam.step(grad if small is None else pictures.coarse(grad, small), rows)
        stuck, silent = (
            _filed(stuck, _flat(grad[: len(scores)]), rows),
            _filed(silent, scores == 0, rows),
        )
        done = finished(step) if finished is not None else None
        if done is not None and bool((done & ~resting).any()):
            resting = resting | done
            rows = (~resting).nonzero()[:, 0]
        yield Progress(step, stuck, silent, resting)
        if bool(resting.all()):
            return


def _filed(before: Tensor, found: Tensor, rows: Tensor | None) -> Tensor:
    """What was found of some rows, put beside what is known of the others."""
    if rows is None:
        return found
    return before.index_put((rows,), found)


@dataclass(frozen=True)
class _Look:
    """One view of the pictures ``rows`` (all, if None)."""

    observer: Observer
    pictures: Pictures
    maps: Tensor
    pad: bool
    rows: Tensor | None

    def gradient(self) -> tuple[Tensor, Tensor]:
        """The loss' gradient by the coefficients of the rows, and their scores."""
        grad, scores = self._pass(None)
        own = grad[: len(scores)]
        stuck = _flat(own)
        if bool(stuck.any()):
            other, _ = self._pass(stuck)
            wide = stuck.view(-1, *[1] * (own.dim() - 1))
            grad = torch.cat([torch.where(wide, other[: len(own)], own), other[len(own) :]])
        return grad, scores

    def _pass(self, redirected: Tensor | None) -> tuple[Tensor, Tensor]:
        whole = self.pictures.coefficients.detach()
        rows, maps = self.rows, self.maps
        leaf = (whole if rows is None else whole[rows]).requires_grad_()
        maps = maps if rows is None else maps[rows.to(maps.device)]
        with torch.enable_grad():
            pixels = transforms.view(
                self.pictures.pixels(leaf), maps, self.observer.size, pad=self.pad
            )
            with self.observer.open(redirected):
                fields = self.observer.fields(pixels, self.observer.light)
                scores = self._scores(fields)
            (grad,) = torch.autograd.grad(-scores.sum(), leaf)
        return grad, scores.detach()

    def _scores(self, fields: dict[str, Tensor]) -> Tensor:
        """An objective knows its pictures by their places in the batch, so resting ones are put
        back as zeros."""
        if self.rows is None:
            return self.observer.objective.score(fields)
        count = self.maps.shape[0]
        whole = {
            name: values.new_zeros(count, *values.shape[1:]).index_copy(0, self.rows, values)
            for name, values in fields.items()
        }
        return self.observer.objective.score(whole)[self.rows]


def _flat(grad: Tensor) -> Tensor:
    """(B) whether a picture's whole gradient is zero."""
    return ~grad.flatten(1).any(dim=1)
