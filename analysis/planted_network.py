"""The network of the planted bugs: four convolutions, a mean over all places and a linear map.

The last three layers keep a grid of 16 x 16 places, four pixels each, on which a square in a corner
is seen where it lies.
"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from analysis import planted
from cache.errors import UserError
from cache.examples import read_example, shipped_examples

INPUT = (3, planted.SIDE, planted.SIDE)
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
WIDTHS = ((16, 5, 2), (32, 3, 2), (32, 3, 1), (96, 3, 1))
"""Of each convolution: channels, side of its kernel, stride."""


def build(*, normed: bool = False) -> nn.Sequential:
    """The network with weights drawn at random; ``normed``: as it is trained, with batch norms."""
    parts: list[tuple[str, nn.Module]] = []
    before = INPUT[0]
    for number, (channels, side, stride) in enumerate(WIDTHS, 1):
        conv = nn.Conv2d(before, channels, side, stride, side // 2)
        parts.append((f"conv{number}", conv))
        if normed:
            parts.append((f"norm{number}", nn.BatchNorm2d(channels)))
        parts.append((f"relu{number}", nn.ReLU()))
        before = channels
    parts += [("mean", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten())]
    parts += [("classes", nn.Linear(before, len(planted.CLASSES)))]
    return nn.Sequential(OrderedDict(parts))


def folded(normed: nn.Sequential) -> nn.Sequential:
    """The same function without batch norms: each is folded into the convolution before it."""
    plain = build()
    with torch.no_grad():
        for number in range(1, len(WIDTHS) + 1):
            conv, norm = (normed.get_submodule(f"{kind}{number}") for kind in ("conv", "norm"))
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            fused = nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm.eval())
            plain.get_submodule(f"conv{number}").load_state_dict(fused.state_dict())
        plain.get_submodule("classes").load_state_dict(normed.get_submodule("classes").state_dict())
    return plain


def filled(weights: Mapping[str, NDArray[np.float32]]) -> nn.Sequential:
    """The network with these weights; UserError where they are another network's."""
    network = build()
    try:
        network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    except RuntimeError as error:
        raise UserError("the weights of the planted bugs do not fit: run `make planted`") from error
    return network


def load_planted(name: str) -> nn.Sequential:
    """A planted bug that ships; UserError where this copy of the program lacks it."""
    return filled(read_example(shipped_examples(), name).weights)
