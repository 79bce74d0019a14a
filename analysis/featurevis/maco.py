"""Pictures whose frequencies are as strong as in photographs; only the phases are optimised.

Source: Fel et al., Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained
Optimization (NeurIPS 2023). The magnitude is the mean spectrum of pictures that the caller hands
in, so that it fits any domain, gray-scale as well, and no picture can gain by contrast that
photographs do not have. Three things differ from the paper: the spectrum is taken of colours
before the sigmoid, so that nothing has to be rescaled to 0..1; the mean brightness is theirs, too;
and photographs fade out towards their borders first, since the jump from one border to the opposite
one is a cross in the spectrum, which covers every picture with a cross-hatch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.featurevis.parameters import Pictures, below, colours, resampled
from cache.errors import UserError

_DEEPEST, _BATCH = 0.02, 64  # colours closer than this to black or white count as that far


@dataclass(frozen=True, eq=False)
class Spectrum:
    """``magnitudes``: float32 (C, S, S // 2 + 1) of the orthonormal Fourier transform, in
    decorrelated colours or plain ones, with the signed mean at frequency zero."""

    magnitudes: NDArray[np.float32]
    decorrelated: bool = True


def mean_spectrum(
    photographs: NDArray[np.uint8], size: int = 128, *, decorrelated: bool = True
) -> Spectrum:
    """The mean amplitude spectrum of pictures uint8 (N, H, W, 3), or (N, H, W) gray-scale, seen at
    ``size`` pixels a side. UserError for anything else."""
    if photographs.dtype != np.uint8 or photographs.ndim not in (3, 4) or not len(photographs):
        raise UserError("a spectrum is made of one or more pictures of the same size, as uint8")
    every = photographs[..., None] if photographs.ndim == 3 else photographs
    parts = [_spectra(every[i : i + _BATCH], size, decorrelated) for i in _starts(len(every))]
    total = torch.stack([p for p, _ in parts]).sum(dim=0) / len(every)
    total[:, 0, 0] = torch.stack([means for _, means in parts]).sum(dim=0) / len(every)
    return Spectrum(total.numpy(), decorrelated)


def _starts(count: int) -> range:
    return range(0, count, _BATCH)


def _spectra(images: NDArray[np.uint8], size: int, decorrelated: bool) -> tuple[Tensor, Tensor]:
    """The sums of magnitudes (C, S, S // 2 + 1) and of signed means (C) over a few pictures."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    pixels = functional.interpolate(
        pixels, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
    logits = torch.logit(pixels.clamp(_DEEPEST, 1 - _DEEPEST))
    mixing = torch.linalg.inv(colours(images.shape[-1], decorrelated=decorrelated))
    mixed = torch.einsum("oc,bchw->bohw", mixing, logits)
    means = mixed.mean(dim=(2, 3), keepdim=True)
    found = torch.fft.rfft2((mixed - means) * _fading(size), norm="ortho")
    return found.abs().sum(dim=0), means[:, :, 0, 0].sum(dim=0) * size


def _fading(size: int) -> Tensor:
    """(S, S) that leaves a picture's middle and takes its borders away, and no energy on the
    whole."""
    if size < 3:
        return torch.ones(size, size)
    side = torch.hann_window(size)
    window = side[:, None] * side[None, :]
    return window / window.square().mean().sqrt()


class PhasePictures(Pictures):
    """``coefficients`` (B, C, S, S // 2 + 1) are phases in radians, any at the start; frequency
    zero keeps the photographs' mean."""

    rate = 0.1

    def __init__(
        self,
        size: int,
        generators: Sequence[torch.Generator],
        spectrum: Spectrum,
        *,
        channels: int = 3,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (channels, size, size // 2 + 1)
        start = torch.stack([torch.rand(shape, generator=g) for g in generators]) * (2 * pi)
        super().__init__(size, start.to(device), channels, decorrelated=spectrum.decorrelated)
        self._magnitudes = _fitted(spectrum, channels, size).to(device)

    def coarse(self, gradient: Tensor, size: int) -> Tensor:
        return gradient * below(self.size, size).to(gradient)

    def plain(self, coefficients: Tensor) -> Tensor:
        free = torch.ones_like(self._magnitudes)
        free[:, 0, 0] = 0
        spectrum = torch.polar(self._magnitudes.expand_as(coefficients), coefficients * free)
        waves: Tensor = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")
        return waves


def _fitted(spectrum: Spectrum, channels: int, size: int) -> Tensor:
    """(C, S, S // 2 + 1): the magnitudes for pictures of another size."""
    known = torch.from_numpy(np.asarray(spectrum.magnitudes, dtype=np.float32))
    if len(known) != channels:
        raise UserError(
            f"the network's pictures have {channels} colours, the spectrum {len(known)}: make it "
            "of pictures as the network takes them"
        )
    return resampled(known, size)
