"""Where the channels are in an output, and which grid its tokens come from."""

from typing import Literal

from torch import nn

from analysis.speed import BandedResponseNorm

Layout = Literal["nchw", "nhwc", "tokens", "flat"]
Seen = dict[tuple[int, ...], Layout]
"""Shapes (without the batch) of the outputs so far with their layout, the newest last."""

CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._BatchNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
    BandedResponseNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
)
MOST_EXTRAS = 16


def layout_of(called: nn.Module, shape: tuple[int, ...], seen: Seen) -> Layout:
    """``nchw`` or ``nhwc`` for an output (B, *shape) of three dimensions.

    Sure for the modules of torch that fix it; else as in the newest output of that shape; else by
    the shape: a square has its channels outside, and (h, w, C) follows a (C, h, w).
    """
    if isinstance(called, CHANNELS_FIRST):
        return "nchw"
    if type(called) in (nn.Linear, nn.LayerNorm):  # a LayerNorm2d is derived, and channels first
        return "nhwc"
    if shape in seen:
        return seen[shape]
    a, b, c = shape
    turned = b != c and (a == b or seen.get((c, a, b)) == "nchw")
    return "nhwc" if turned else "nchw"


def token_grid(tokens: int, seen: Seen) -> tuple[int, int] | None:
    """The newest grid that fits so many tokens with up to 16 extra ones (class, registers)."""
    for shape, layout in reversed(seen.items()):
        h, w = shape[1:] if layout == "nchw" else shape[:2]
        if h * w > 1 and 0 <= tokens - h * w <= MOST_EXTRAS:
            return h, w
    return None
