"""Taking neurons away: the rest of the network run with parts of one layer's activation at zero.

A *keep* says which part of the activation stays, 0 to 1, for every neuron (C, 1) or for every
neuron at every place (C, P). Many of them run through the tail in batches bounded by memory.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.attribution import Array, batch_size
from analysis.layers import Layer, from_positions, to_positions
from analysis.tail import Tail


def without(layer: Layer, channels: Iterable[int], column: int | None = None) -> Array:
    """The keep that takes neurons away: everywhere (C, 1), or at position ``column`` (C, P)."""
    if column is None:
        keep = np.ones((layer.channels, 1), np.float32)
        keep[list(channels)] = 0
    else:
        keep = np.ones((layer.channels, layer.positions), np.float32)
        keep[list(channels), column] = 0
    return keep


def logits_of(tail: Tail, layer: Layer, keeps: Iterable[Array]) -> Array:
    """Logits (N, classes) of the picture with each keep applied to the layer, in their order."""
    rows: list[NDArray[np.float32]] = []
    h, size = tail.activation, batch_size(tail.activation)
    with torch.no_grad():
        for batch in _batches(keeps, size):
            masks = torch.from_numpy(np.stack(batch)).to(h)
            rows.append(tail(_masked(h, masks, layer)).float().cpu().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, tail.logits.shape[1]), np.float32)


def _batches(keeps: Iterable[Array], size: int) -> Iterator[list[Array]]:
    """Keeps of one shape, at most ``size`` together."""
    rest = iter(keeps)
    while batch := list(islice(rest, size)):
        yield batch


def _masked(h: Tensor, masks: Tensor, layer: Layer) -> Tensor:
    """Raw activations (N, ...) from one raw activation (1, ...) and N keeps (N, C, 1 or P)."""
    if masks.shape[2] > 1 or layer.layout == "flat":
        return from_positions(to_positions(h, layer) * masks, layer, like=h)
    front = (1,) * (h.dim() - 2)
    shape = (-1, *front, layer.channels)
    if layer.layout == "nchw":
        shape = (-1, layer.channels, *front)
    return h * masks.view(shape)
