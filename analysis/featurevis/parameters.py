"""What is optimised: pictures as Fourier coefficients in decorrelated colours, or as pixels.

Source: Lucid, ``optvis/param/spatial.py`` and ``color.py``; Olah, Mordvintsev and Schubert, Feature
Visualization (Distill 2017). Ascent in the Fourier basis spreads over all frequencies and colours
alike, where ascent on pixels makes high-frequency noise; both are here, so that a person can see
it. The third parameterisation, phases alone, has a file of its own (``maco``).
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

START_SD = 0.01
COLOUR_ROOT = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
_GAIN = 0.25


def generator(seed: int, *identity: object) -> torch.Generator:
    """Random numbers that belong to one picture: they depend on the seed and on what the picture is
    of, never on the batch that it is drawn in."""
    digest = hashlib.blake2b(repr((seed, *identity)).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def frequencies(size: int, width: int | None = None) -> Tensor:
    """(S, W // 2 + 1): each coefficient's frequency in cycles per pixel; square without
    ``width``."""
    rows, columns = torch.fft.fftfreq(size), torch.fft.rfftfreq(width or size)
    return torch.hypot(rows[:, None], columns[None, :])


def below(size: int, other: int) -> Tensor:
    """(S, S // 2 + 1) bool: which frequencies a picture of ``other`` pixels has, too."""
    return frequencies(size) * size < other / 2


def amplitudes(size: int, width: int | None = None) -> Tensor:
    """(S, W // 2 + 1): the weight of each coefficient, falling with frequency as in photographs;
    square without ``width``."""
    lowest = 1 / max(size, width or size)
    falling: Tensor = _GAIN / frequencies(size, width).clamp_min(lowest)
    return falling


def resampled(spectrum: Tensor, size: int) -> Tensor:
    """(..., size, size // 2 + 1): an orthonormal spectrum (..., S, S // 2 + 1) of the same picture
    at another size. Frequencies that only one of the two has are left out, or zero."""
    own = spectrum.shape[-2]
    if own == size:
        return spectrum
    reach = (min(own, size) + 1) // 2  # below the highest one, which has no sign
    out = spectrum.new_zeros(*spectrum.shape[:-2], size, size // 2 + 1)
    out[..., :reach, :reach] = spectrum[..., :reach, :reach]
    if reach > 1:
        out[..., 1 - reach :, :reach] = spectrum[..., 1 - reach :, :reach]
    fitted: Tensor = out * (size / own)
    return fitted


def colours(channels: int, *, decorrelated: bool = True) -> Tensor:
    """(C, C) from decorrelated to real colours; for one channel the brightness axis alone."""
    if channels != 3 or not decorrelated:
        return torch.eye(channels)
    root = torch.tensor(COLOUR_ROOT)
    longest: Tensor = torch.linalg.vector_norm(root, dim=0).max()
    return root / longest


class Pictures(ABC):
    """B square pictures of ``size`` pixels and C channels, as functions of ``coefficients`` (B,
    ...), real and the only parameter; ``rate`` is a fitting step of Adam."""

    rate: float = 0.05

    def __init__(
        self, size: int, coefficients: Tensor, channels: int, *, decorrelated: bool = True
    ) -> None:
        self.size = size
        self.coefficients = coefficients.requires_grad_()
        self._colours = colours(channels, decorrelated=decorrelated).to(coefficients.device)

    @abstractmethod
    def plain(self, coefficients: Tensor) -> Tensor:
        """(B, C, S, S) before the colours are mixed."""

    def coarse(self, gradient: Tensor, size: int) -> Tensor:
        """A gradient by the coefficients (B, ...) without what a picture of ``size`` pixels lacks;
        where coefficients are no frequencies, as it is."""
        return gradient

    def logits(self, coefficients: Tensor | None = None) -> Tensor:
        """(B, C, S, S) colours before the sigmoid; zero is mid grey."""
        raw = self.coefficients if coefficients is None else coefficients
        return torch.einsum("oc,bchw->bohw", self._colours, self.plain(raw))

    def pixels(self, coefficients: Tensor | None = None) -> Tensor:
        """(B, C, S, S) in 0..1."""
        return torch.sigmoid(self.logits(coefficients))


class FourierPictures(Pictures):
    """``coefficients`` (B, C, S, S // 2 + 1, 2), drawn picture by picture from ``generators``."""

    def __init__(
        self,
        size: int,
        generators: Sequence[torch.Generator],
        *,
        channels: int = 3,
        decorrelated: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        start = _noise((channels, size, size // 2 + 1, 2), generators).to(device)
        super().__init__(size, start, channels, decorrelated=decorrelated)
        # irfft2 with norm "ortho" is the plain one times size, as in Lucid
        self._weights = amplitudes(size).to(device)

    def coarse(self, gradient: Tensor, size: int) -> Tensor:
        return gradient * below(self.size, size).to(gradient)[..., None]

    def plain(self, coefficients: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(coefficients) * self._weights
        waves: Tensor = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")
        return waves


class PixelPictures(Pictures):
    """``coefficients`` (B, C, S, S) are the pixels themselves, around grey at the start."""

    def __init__(
        self,
        size: int,
        generators: Sequence[torch.Generator],
        *,
        channels: int = 3,
        decorrelated: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        start = _noise((channels, size, size), generators).to(device)
        super().__init__(size, start, channels, decorrelated=decorrelated)

    def plain(self, coefficients: Tensor) -> Tensor:
        return coefficients


def _noise(shape: tuple[int, ...], generators: Sequence[torch.Generator]) -> Tensor:
    return torch.stack([torch.randn(shape, generator=g) for g in generators]) * START_SD


def stretched(logits: Tensor, spread: float) -> Tensor:
    """Pictures 0..1 for display: a picture whose colours spread less than ``spread`` (standard
    deviation before the sigmoid) is raised to it, the others are left as they are.

    Early pictures are faint; this fades by itself as they gain contrast, and never clips.
    """
    centre = logits.mean(dim=(2, 3), keepdim=True)
    own = (logits - centre).flatten(1).std(dim=1).clamp_min(1e-6).view(-1, 1, 1, 1)
    gain = (spread / own).clamp_min(1.0)
    return torch.sigmoid(centre + (logits - centre) * gain)


def to_uint8(pixels: Tensor) -> NDArray[np.uint8]:
    """(B, C, S, S) in 0..1 -> uint8 (B, S, S, 3); one channel is repeated."""
    rounded = (pixels.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return np.ascontiguousarray(rounded.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy())
