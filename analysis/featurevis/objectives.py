"""What a picture is made for: scores of what a network puts out, one number a picture.

Source: Lucid, ``optvis/objectives.py`` (channel, neuron, direction with a power of the cosine,
deepdream, diversity); classes are scored before the softmax. Objectives add, subtract and scale:
``channel("a", [3]) - 0.3 * channel("b", [7])``; the name says so, for the legend.

Every output is seen as a field (B, C, h, w), whatever its layout; extra tokens are left out, a flat
layer is a field of one place, and the logits are the field of the layer ``LOGITS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

from analysis.layers import Layer, to_positions
from cache.errors import UserError

LOGITS = ""
Fields = Mapping[str, Tensor]
Place = tuple[int, int]


@dataclass(frozen=True)
class Objective:
    """``score(fields) -> (B,)`` is to become large; ``layers`` are the fields that it needs."""

    name: str
    layers: tuple[str, ...]
    score: Callable[[Fields], Tensor]

    def __add__(self, other: Objective) -> Objective:
        return self._joined(other, " + ", 1.0)

    def __sub__(self, other: Objective) -> Objective:
        return self._joined(other, " - ", -1.0)

    def __mul__(self, factor: float) -> Objective:
        return Objective(f"{factor:g} * {self.name}", self.layers, lambda f: factor * self.score(f))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return Objective(f"-{self.name}", self.layers, lambda f: -self.score(f))

    def _joined(self, other: Objective, sign: str, factor: float) -> Objective:
        layers = tuple(dict.fromkeys(self.layers + other.layers))
        return Objective(
            f"{self.name}{sign}{other.name}",
            layers,
            lambda f: self.score(f) + factor * other.score(f),
        )


def field(raw: Tensor, layer: Layer | None) -> Tensor:
    """A raw output as (B, C, h, w), at whatever input size it was made; None means logits."""
    if layer is None or layer.layout == "flat":
        return raw.flatten(1)[:, :, None, None]
    if layer.layout == "nchw":
        return raw
    if layer.layout == "nhwc":
        return raw.permute(0, 3, 1, 2)
    values = to_positions(raw, layer)[..., layer.extras :]
    h, w = layer.grid or (1, 0)
    if values.shape[2] != h * w:
        h = w = isqrt(values.shape[2])
    if h * w != values.shape[2] or h == 0:
        return values[:, :, None, :]
    return values.reshape(*values.shape[:2], h, w)


def centre(values: Tensor) -> Place:
    """The middle place of a field (B, C, h, w)."""
    return values.shape[2] // 2, values.shape[3] // 2


def _at(values: Tensor, place: Place | None) -> Tensor:
    """(B, C) at a place, by default the middle."""
    row, column = place or centre(values)
    if not (0 <= row < values.shape[2] and 0 <= column < values.shape[3]):
        h, w = values.shape[2:]
        raise UserError(f"place {row},{column} is outside the grid of {h} x {w}")
    return values[:, :, row, column]


def _own(values: Tensor, units: Tensor) -> Tensor:
    """(B, ...) of (B, C, ...): each picture's own channel."""
    return values[torch.arange(len(values), device=values.device), units.to(values.device)]


def channel(layer: str, units: Sequence[int]) -> Objective:
    """Picture b: the mean over all places of channel ``units[b]``."""
    index = torch.tensor(units)
    name = f"{layer}:{_listed(units)}"
    return Objective(name, (layer,), lambda f: _own(f[layer], index).mean(dim=(1, 2)))


def weighted(layer: str, units: Sequence[int], weights: Sequence[float]) -> Objective:
    """Every picture: the sum of the means of some channels, each times its weight."""
    index = list(units)
    name = " + ".join(f"{w:g} * {layer}:{u}" for u, w in zip(units, weights, strict=True))

    def score(f: Fields) -> Tensor:
        means = f[layer][:, index].mean(dim=(2, 3))
        return means @ torch.tensor(weights, dtype=means.dtype, device=means.device)

    return Objective(name, (layer,), score)


def neuron(layer: str, units: Sequence[int], place: Place | None = None) -> Objective:
    """Picture b: channel ``units[b]`` at one place, by default the middle one."""
    index = torch.tensor(units)
    name = f"{layer}:{_listed(units)} at {place or 'centre'}"
    return Objective(name, (layer,), lambda f: _own(_at(f[layer], place), index))


def class_logit(units: Sequence[int]) -> Objective:
    """Picture b: the logit of class ``units[b]``, before the softmax."""
    index = torch.tensor(units)
    return Objective(
        f"class {_listed(units)}", (LOGITS,), lambda f: _own(f[LOGITS][:, :, 0, 0], index)
    )


def direction(
    layer: str,
    vectors: Tensor,
    *,
    cosine_power: float = 2.0,
    near: Tensor | None = None,
    place: Place | None = None,
    everywhere: bool = False,
) -> Objective:
    """Picture b: dot * max(.1, cos)^p of the activation (C) with ``vectors[b]`` (B, C), at a place
    (by default the middle) or as the mean over all places. ``near`` (B, C): the cosine is that
    with these in place of ``vectors``."""

    def score(f: Fields) -> Tensor:
        values = f[layer].flatten(2) if everywhere else _at(f[layer], place)[:, :, None]
        towards = vectors.to(values)[:, :, None]
        dot = (values * towards).sum(dim=1)
        if cosine_power:
            close = towards if near is None else near.to(values)[:, :, None]
            cosine = functional.cosine_similarity(values, close, dim=1, eps=1e-6)
            dot = dot * cosine.clamp_min(0.1) ** cosine_power
        return dot.mean(dim=1)

    where = "everywhere" if everywhere else place or "centre"
    return Objective(f"direction in {layer} {where}", (layer,), score)


def deepdream(layer: str) -> Objective:
    """The mean of h^2: whatever is there, more of it."""
    return Objective(f"deepdream {layer}", (layer,), lambda f: (f[layer] ** 2).mean(dim=(1, 2, 3)))


def diversity(layer: str, group: int) -> Objective:
    """How alike a picture is to the others of its group of ``group`` consecutive ones: the mean
    cosine of their Gram matrices, in -1..1. Each moves away from where the others are now."""

    def score(f: Fields) -> Tensor:
        values = f[layer].flatten(2)
        gram = functional.normalize((values @ values.transpose(1, 2)).flatten(1), dim=1)
        sets = gram.reshape(-1, group, gram.shape[1])
        alike = sets @ sets.detach().transpose(1, 2)
        others = alike.sum(dim=2) - alike.diagonal(dim1=1, dim2=2)
        return (others / max(group - 1, 1)).flatten()

    return Objective(f"diversity of {group}", (layer,), score)


def varied(base: Objective, layer: str, group: int, weight: float = 1.0) -> Objective:
    """``base`` less diversity in proportion to what ``base`` is now.

    Lucid's fixed weight of 100 drowns units of small activation, and a unit that is still silent
    would get nothing but its pull; in proportion it waits until the unit answers.
    """
    alike = diversity(layer, group)
    layers = tuple(dict.fromkeys(base.layers + alike.layers))

    def score(f: Fields) -> Tensor:
        plain = base.score(f)
        return plain - weight * plain.detach().abs() * alike.score(f)

    return Objective(f"{base.name} - {alike.name}", layers, score)


def _listed(units: Sequence[int]) -> str:
    few = ",".join(str(u) for u in units[:4])
    return few + (",..." if len(units) > 4 else "")
