"""All channels of a layer as maps of one picture, small enough to be sent while a camera runs.

As in the Deep Visualization Toolbox (Yosinski et al. 2015): one pass gives every neuron's
activation at every place, and the answer of the network to the same pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.activations import grid_vectors
from analysis.attribution import Array, as_array
from analysis.layers import Layer, capture, find_layer
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

CELLS = 56
"""The most cells a side that a packed map has: finer layers are averaged, for a map is small."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Activations (C, h, w) of one layer, without extra tokens, and the logits (classes,)."""

    layer: Layer
    values: Array
    logits: Array


@dataclass(frozen=True, eq=False)
class Packed:
    """Maps in one byte a place, (C, h, w) uint8, each neuron on its own scale ``reach`` (C,), the
    largest size in its map. Zero is 0 and ``reach`` 255; of a ``signed`` layer zero is 128, and
    the two reaches are 1 and 255."""

    codes: NDArray[np.uint8]
    reach: Array
    signed: bool

    def values(self) -> Array:
        """Activations again, to within half a step: reach / 510, or reach / 254 where signed."""
        zero, full = (128, 127) if self.signed else (0, 255)
        part = (self.codes.astype(np.float32) - zero) / full
        return (part * self.reach[:, None, None]).astype(np.float32)


def channel_maps(classifier: "Classifier", layer_name: str, x: Tensor) -> Maps:
    """Every neuron of a layer on one picture ``x`` (1, C, H, W), normalised. UserError for a layer
    that is not there or has no grid."""
    layer = find_layer(classifier, layer_name)
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places; choose another")
    with torch.no_grad():
        caught, logits = capture(classifier.module, [layer.name], x, full=True)
    assert logits is not None  # a full pass runs to its end
    values = grid_vectors(as_array(caught[layer.name], layer), layer)
    return Maps(layer, values, logits[0].float().cpu().numpy())


def packed(maps: Maps, *, most: int = CELLS) -> Packed:
    """The maps in bytes, with at most ``most`` cells a side."""
    values = maps.values
    h, w = values.shape[1:]
    if max(h, w) > most:
        pooled = functional.adaptive_avg_pool2d(
            torch.from_numpy(values)[None], (min(h, most), min(w, most))
        )
        values = pooled[0].numpy()
    reach: Array = np.abs(values).max(axis=(1, 2))
    signed = maps.layer.signed or bool((values < 0).any())
    part = values / np.maximum(reach, np.finfo(np.float32).tiny)[:, None, None]
    codes = np.rint(part * 127 + 128 if signed else part * 255).astype(np.uint8)
    return Packed(codes, reach, signed)
