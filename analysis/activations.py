"""Which neurons fire: on the whole picture or at one place, with activation and effect."""

from collections.abc import Iterable
from typing import Literal, TypedDict

import numpy as np

from analysis.attribution import Array, LayerEffect, position
from analysis.layers import Layer
from cache.errors import UserError

Sort = Literal["activation", "effect"]


class Fired(TypedDict):
    """One neuron here: its number, its activation and its effect on the margin in logits."""

    channel: int
    activation: float
    effect: float


def activation_at(one: LayerEffect, place: tuple[int, int] | None) -> Array:
    """(C,): activations at a place (row, column), or summed over the whole picture for None.

    The sum, extra tokens included, goes with the effect, which is summed over the picture too.
    """
    if place is None:
        total: Array = one.activation.sum(1)
        return total
    return one.activation[:, position(one.layer, place)]


def fires(
    one: LayerEffect,
    *,
    at: tuple[int, int] | None = None,
    top: int = 20,
    sort: Sort | str = "activation",
    channels: Iterable[int] | None = None,
) -> list[Fired]:
    """The neurons that fire at a place, or on the whole picture, strongest first.

    ``sort``: ``activation`` by its size whatever the sign (a linear layer fires in two directions;
    neurons at exactly zero are left out), ``effect`` by its size, so that what speaks strongly
    against the class is listed as well. ``channels`` asks for these alone, in their order.
    """
    activation, effect = activation_at(one, at), one.at(at)
    if channels is None:
        chosen: Iterable[int] = _order(activation, effect, sort)[: max(0, top)]
    else:
        chosen = [checked_channel(one.layer, c) for c in channels]
    return [
        Fired(channel=int(c), activation=float(activation[c]), effect=float(effect[c]))
        for c in chosen
    ]


def _order(activation: Array, effect: Array, sort: str) -> list[int]:
    if sort not in ("activation", "effect"):
        raise UserError(f"neurons are sorted by activation or by effect, not by {sort!r}")
    strength = np.abs(activation if sort == "activation" else effect)
    return [int(c) for c in np.argsort(-strength, kind="stable") if strength[c] > 0]


def checked_channel(layer: Layer, channel: int) -> int:
    """The channel's number; UserError when the layer has no such channel."""
    if not 0 <= channel < layer.channels:
        raise UserError(
            f"neuron {channel} is out of range: {layer.name} has {layer.channels}, "
            f"numbered 0 to {layer.channels - 1}"
        )
    return int(channel)


def magnitudes(activation: Array, layer: Layer) -> Array:
    """(h, w): the length of the activation vector (C,) at each place, from (C, P)."""
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places")
    lengths: Array = np.sqrt(np.square(activation[:, layer.extras :]).sum(0))
    return lengths.reshape(layer.grid)


def grid_vectors(activation: Array, layer: Layer) -> Array:
    """(C, h, w): the activation without the extra tokens, one vector a place."""
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places")
    return activation[:, layer.extras :].reshape(-1, *layer.grid)
