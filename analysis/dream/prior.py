"""A natural-image prior: neighbouring pixels of photographs are alike.

Source: Google's "Inceptionism" (2015) says that neighbours are to be correlated; as a Gaussian blur
after each step, weaker and weaker, it is Yosinski et al. 2015 and Øygard's "Visualizing GoogLeNet
Classes" (2015).
"""

import torch
from torch import Tensor
from torch.nn import functional

from analysis.dream import scratch

REACH = 3  # standard deviations


def blurred(picture: Tensor, sigma: float) -> None:
    """Blurs a picture (1, C, H, W) in place; its edge goes on beyond the border. Deviations below
    a fifth of a pixel do nothing."""
    if sigma < 0.2:
        return
    radius = max(1, round(REACH * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32, device=picture.device)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (weights / weights.sum()).view(1, 1, -1)
    height, width = picture.shape[2:]
    above = picture[:, :, :0]  # what the band before has blurred, as it was
    for a, b in scratch.bands(width, height):
        seen = torch.cat([above, picture[:, :, a : b + radius]], dim=2)
        missing = radius - above.shape[2], radius - min(radius, height - b)
        above = seen[:, :, : above.shape[2] + b - a][:, :, -radius:]
        for channel, own in zip(picture[0, :, a:b], seen[0], strict=True):
            across = _along(own, kernel, (radius, radius))
            channel.copy_(_along(across.T, kernel, missing).T)


def _along(lines: Tensor, kernel: Tensor, beyond: tuple[int, int]) -> Tensor:
    """(n, m) blurred along its last axis, which goes on ``beyond`` its ends for so many pixels; as
    many fewer come out as there is no context for."""
    wide = functional.pad(lines[:, None], beyond, mode="replicate")
    return functional.conv1d(wide, kernel)[:, 0]
