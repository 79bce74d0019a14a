"""The sizes that a picture is dreamt in, and how it goes from one to the next."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.featurevis.parameters import colours, generator

LEAST = 32  # pixels of the short side: nothing is to be seen in less
GREY, GRAIN = 0.46, 0.2  # noise: mean as of photographs; deviation before colours are mixed
COARSEST = 4  # pixels of the side of its coarsest grain
NOISE = 512  # pixels of a side, where the settings name none
Size = tuple[int, int]


def sizes(full: Size, octaves: int, scale: float, *, least: int = LEAST) -> list[Size]:
    """(height, width) of each octave, the smallest first and ``full`` last; octaves whose short
    side would be below ``least`` are left out."""
    found = [full]
    for octave in range(1, octaves):
        h, w = (round(side / scale**octave) for side in full)
        if min(h, w) < least:
            break
        found.append((h, w))
    return found[::-1]


def long_side(size: Size, side: int) -> Size:
    """The size with its long side at ``side`` pixels; 0 leaves it as it is."""
    if side == 0:
        return size
    h, w = (max(1, round(length * side / max(size))) for length in size)
    return h, w


def resized(picture: Tensor, size: Size) -> Tensor:
    """(B, C, *size): bilinear, antialiased where it shrinks; the picture itself at its own size."""
    if tuple(picture.shape[2:]) == size:
        return picture
    smaller = size[0] < picture.shape[2] or size[1] < picture.shape[3]
    return functional.interpolate(picture, size=size, mode="bilinear", antialias=smaller)


def to_tensor(pixels: NDArray[np.uint8], channels: int, device: torch.device) -> Tensor:
    """(1, C, H, W) in 0..1 of uint8 (H, W, 3); for a network of one channel its brightness
    (ITU-R 601)."""
    planes = torch.from_numpy(np.array(np.moveaxis(pixels, 2, 0), order="C"))
    picture = planes[None].to(device).to(torch.float32).div_(255)
    if channels == picture.shape[1]:
        return picture
    weights = picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * weights).sum(dim=1, keepdim=True)


def noise(size: Size, seed: int, channels: int) -> Tensor:
    """(1, C, *size): grey, with grain that is as strong in every octave, so that there is
    something to begin with at each size, in colours as photographs mix them; the same for the same
    seed."""
    random, whole = generator(seed, "noise"), torch.zeros(1, channels, *size)
    grains = sizes(size, 32, 2.0, least=COARSEST)
    for h, w in grains:
        grain = torch.randn((1, channels, h, w), generator=random)
        whole += resized(grain, size) * (GRAIN / len(grains) ** 0.5)
    mixed = torch.einsum("oc,bchw->bohw", colours(channels), whole)
    return mixed.add_(GREY).clamp_(0, 1)
