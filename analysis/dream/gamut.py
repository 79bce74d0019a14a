"""A step of a dream that keeps away from burnt-out colours.

Where colours burn, pixels are pulled the same way in step after step: over 40 steps on one
photograph the way gone is two thirds of all steps' lengths together at SqueezeNet's ``features.3``,
one third at bvlc_googlenet's ``inception4c``; the gradient's tails are alike (a kurtosis of 11 and
14). Cut off at black and white, as in google/deepdream, such pixels end in pure magenta and green.
Here the last stretch is slowed down
instead, and likewise the way to a colour stronger than photographs have; in between a step is the
published one, so that where colours do not burn pictures stay as they were.
"""

import torch
from torch import Tensor

KNEE = 0.1  # of 0..1: nearer than this to black or white, a pixel slows down towards it
FURTHEST = KNEE  # in one step, so that none goes beyond
VIVID = 0.6  # the largest colour less the smallest: slowed down from half of it, none goes beyond
_ROWS = 64  # at a time: what is computed on the way takes little memory


def move(picture: Tensor, gradient: Tensor, factor: float) -> None:
    """Moves ``picture`` (1, C, H, W) in 0..1 in place by ``factor`` times ``gradient``, of the same
    shape; any band of rows may be moved by itself."""
    height = picture.shape[2]
    for top in range(0, height, _ROWS):
        now = picture[:, :, top : top + _ROWS]
        way = gradient[:, :, top : top + _ROWS] * factor
        if picture.shape[1] == 3:
            _pale(now, way)
        room = torch.where(way > 0, 1 - now, now).div_(KNEE).clamp_(0, 1)
        now.add_(way.clamp_(-FURTHEST, FURTHEST).mul_(room)).clamp_(0, 1)


def _pale(now: Tensor, way: Tensor) -> None:
    """Takes from ``way``, in place, what would make strong colours stronger; brightness goes on."""
    grey = way.mean(dim=1, keepdim=True)
    way.sub_(grey)
    outwards = (way * now).sum(dim=1, keepdim=True) > 0  # grey parts of ``now`` cancel out
    strength = now.amax(dim=1, keepdim=True) - now.amin(dim=1, keepdim=True)
    left = (VIVID - strength).div_(VIVID / 2).clamp_(0, 1)
    way.mul_(torch.where(outwards, left, 1.0)).add_(grey)
