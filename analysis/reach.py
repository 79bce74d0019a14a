"""How much of the picture a place of a layer answers to.

Found by its gradient rather than by arithmetic on kernels, so that it holds for any architecture.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.layers import find_layer, run_to, to_positions
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier


def receptive_box(
    classifier: "Classifier", layer_name: str, *, share: float = 0.9
) -> tuple[float, float]:
    """Height and width, as parts of the picture, of the patch that a place of the layer answers to.

    The centred box that holds ``share`` of the squared gradient of the centre place with respect to
    a noise picture ("effective receptive field", Luo et al. 2016); at least one cell, at most the
    whole picture.
    """
    layer = find_layer(classifier, layer_name)
    if layer.grid is None:
        raise UserError(f"layer {layer_name} has no grid of places")
    rows, cols = layer.grid
    x = classifier.probe().requires_grad_()
    centre = layer.extras + (rows // 2) * cols + cols // 2
    output = to_positions(run_to(classifier.module, layer.name, x), layer)[0, :, centre]
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(0)).to(output)
    energy = torch.autograd.grad((output * weight).sum(), x)[0].square().sum((0, 1)).cpu().numpy()
    height, width = energy.shape
    middle = (rows // 2 + 0.5) / rows * height, (cols // 2 + 0.5) / cols * width
    return (
        _reach(energy.sum(1), middle[0], share, height / rows),
        _reach(energy.sum(0), middle[1], share, width / cols),
    )


def _reach(line: NDArray[np.float32], middle: float, share: float, least: float) -> float:
    """The width, as a part of the line, of the interval around ``middle`` that holds ``share`` of
    it."""
    total = float(line.sum())
    if total <= 0:
        return min(1.0, least / len(line))
    away = np.abs(np.arange(len(line)) + 0.5 - middle)
    order = np.argsort(away, kind="stable")
    inside = np.cumsum(line[order]) >= share * total
    half = float(away[order][int(np.argmax(inside))]) + 0.5
    return float(min(1.0, max(least, 2 * half) / len(line)))
