"""A natural-image prior: neighbouring pixels of photographs are alike.

Source: Google's "Inceptionism" (2015) says that neighbours are to be correlated; as a Gaussian blur
after each step, weaker and weaker, it is Yosinski et al. 2015 and Øygard's "Visualizing GoogLeNet
Classes" (2015).
"""

import torch
from torch import Tensor
from torch.nn import functional

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
    for channel in picture[0]:  # one colour at a time: a large picture has no room for copies
        channel.copy_(_along(_along(channel, kernel, radius).T, kernel, radius).T)


def _along(lines: Tensor, kernel: Tensor, radius: int) -> Tensor:
    """(n, m) blurred along its last axis."""
    wide = functional.pad(lines[:, None], (radius, radius), mode="replicate")
    return functional.conv1d(wide, kernel)[:, 0]
