"""The sizes that a picture is dreamt in, and how it goes from one to the next: by bands of rows, so
that no more of a large picture is in memory than is worked on."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from analysis.dream import scratch
from analysis.featurevis.parameters import colours, generator, to_uint8

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


@dataclass(frozen=True)
class Source:
    """A picture that is read by its rows: ``rows(a, b)`` are those from a to b, (1, C, b - a, W) in
    0..1; ``size``: its height and width."""

    size: Size
    rows: Callable[[int, int], Tensor]

    @classmethod
    def of(cls, picture: Tensor) -> "Source":
        """Of (1, C, H, W) in memory, or in a file."""
        return cls((picture.shape[2], picture.shape[3]), lambda a, b: picture[:, :, a:b])

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8], channels: int) -> "Source":
        """Of uint8 (H, W, 3), as ``to_tensor`` reads it."""
        here = torch.device("cpu")
        return cls(
            (pixels.shape[0], pixels.shape[1]), lambda a, b: to_tensor(pixels[a:b], channels, here)
        )

    def whole(self) -> Tensor:
        """(1, C, H, W)"""
        return self.rows(0, self.size[0])

    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3)"""
        found = scratch.pixels(*self.size)
        for a, b in scratch.bands(self.size[1], self.size[0]):
            found[a:b] = to_uint8(self.rows(a, b))[0]
        return found


def resized(source: Source, size: Size) -> Source:
    """The same at another size: bilinear, antialiased where it shrinks; itself at its own size.

    Computed when it is read. Rows are made wider or narrower band by band, then mixed.
    """
    if source.size == size:
        return source
    (height, width), smaller = source.size, size[0] < source.size[0] or size[1] < source.size[1]
    first, weights = _mixing(height, size[0], smaller)
    taps = weights.shape[1]

    def rows(a: int, b: int) -> Tensor:
        low, high = max(0, int(first[a])), min(height, int(first[b - 1]) + taps)
        across = torch.cat([
            _resized(source.rows(x, y), (y - x, size[1]), smaller)
            for x, y in scratch.bands(max(width, size[1]), high, low)
        ], dim=2)  # fmt: skip
        of = first[a:b, None] + torch.arange(taps)
        mix = torch.zeros(b - a, high - low)
        mix.scatter_add_(1, (of - low).clamp(0, high - low - 1), weights[a:b].gather(1, of % taps))
        return mix @ across

    return Source(size, rows)


def _mixing(length: int, wanted: int, smaller: bool) -> tuple[Tensor, Tensor]:
    """Of each of the ``wanted`` rows the first one that it is mixed of, and the weights (wanted,
    taps) of that one and those that follow, row r's at r % taps; 0 beyond the picture. It is
    torch's own answer to stripes of every taps-th row."""
    reach = max(1.0, length / wanted) if smaller else 1.0
    taps = ceil(2 * reach) + 3
    stripes = (torch.arange(length)[:, None] % taps == torch.arange(taps)).float()
    weights = _resized(stripes[None, None], (wanted, taps), smaller)[0, 0]
    middles = (torch.arange(wanted, dtype=torch.float64) + 0.5) * length / wanted - 0.5
    return (middles - reach - 0.5).floor().long(), weights


def _resized(picture: Tensor, size: Size, smaller: bool) -> Tensor:
    return functional.interpolate(picture, size=size, mode="bilinear", antialias=smaller)


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of an RGB picture, in bands: numpy itself would hold it three times. A large
    one lies in a file; UserError where the disk has no room for it."""
    found = scratch.pixels(image.height, image.width)
    for a, b in scratch.bands(image.width, image.height):
        found[a:b] = np.asarray(image.crop((0, a, image.width, b)))
    return found


def to_tensor(pixels: NDArray[np.uint8], channels: int, device: torch.device) -> Tensor:
    """(1, C, H, W) in 0..1 of uint8 (H, W, 3); for a network of one channel its brightness
    (ITU-R 601)."""
    planes = torch.from_numpy(np.array(np.moveaxis(pixels, 2, 0), order="C"))
    picture = planes[None].to(device).to(torch.float32).div_(255)
    if channels == picture.shape[1]:
        return picture
    weights = picture.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * weights).sum(dim=1, keepdim=True)


def noise(size: Size, seed: int, channels: int) -> Source:
    """Grey, with grain that is as strong in every octave, so that there is something to begin with
    at each size, in colours as photographs mix them; the same for the same seed."""
    random, whole = generator(seed, "noise"), scratch.empty((1, channels, *size))
    grains = [
        resized(Source.of(_grain((1, channels, *own), random)), size)
        for own in sizes(size, 32, 2.0, least=COARSEST)
    ]
    for a, b in scratch.bands(size[1], size[0]):
        added = torch.zeros(1, channels, b - a, size[1])
        for grain in grains:
            added += grain.rows(a, b) * (GRAIN / len(grains) ** 0.5)
        mixed = torch.einsum("oc,bchw->bohw", colours(channels), added)
        whole[:, :, a:b] = mixed.add_(GREY).clamp_(0, 1)
    return Source.of(whole)


def _grain(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Normal numbers."""
    found = scratch.empty(shape)
    flat = found.view(-1)
    for start, stop in scratch.bands(1, len(flat)):
        flat[start:stop].normal_(generator=random)
    return found
