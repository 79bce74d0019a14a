"""What is optimised: pictures as Fourier coefficients in decorrelated colours.

Source: Lucid, ``optvis/param/spatial.py`` and ``color.py``; Olah, Mordvintsev and Schubert, Feature
Visualization (Distill 2017). Ascent in this basis spreads over all frequencies and colours alike,
where ascent on pixels makes high-frequency noise.
"""

import hashlib
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


def frequencies(size: int) -> Tensor:
    """(S, S // 2 + 1): each coefficient's frequency in cycles per pixel."""
    rows, columns = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
    return torch.hypot(rows[:, None], columns[None, :])


def amplitudes(size: int) -> Tensor:
    """(S, S // 2 + 1): the weight of each coefficient, falling with frequency as in photographs."""
    falling: Tensor = _GAIN / frequencies(size).clamp_min(1 / size)
    return falling


def colours(channels: int) -> Tensor:
    """(C, C) from decorrelated to real colours; for one channel the brightness axis alone."""
    root = torch.tensor(COLOUR_ROOT)
    root = root / torch.linalg.vector_norm(root, dim=0).max()
    return root if channels == 3 else torch.ones(1, 1)


class FourierPictures:
    """B square pictures of ``size`` pixels and 1 or 3 channels; ``coefficients`` (B, C, S, S // 2 +
    1, 2) real is the only parameter, drawn picture by picture from ``generators``."""

    def __init__(
        self,
        size: int,
        generators: Sequence[torch.Generator],
        *,
        channels: int = 3,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (channels, size, size // 2 + 1, 2)
        drawn = torch.stack([torch.randn(shape, generator=g) for g in generators]) * START_SD
        self.size, self.channels = size, channels
        self.coefficients = drawn.to(device).requires_grad_()
        self._weights = amplitudes(size).to(device)
        self._colours = colours(channels).to(device)

    def logits(self, coefficients: Tensor | None = None) -> Tensor:
        """(B, C, S, S) colours before the sigmoid; zero is mid grey."""
        raw = self.coefficients if coefficients is None else coefficients
        spectrum = torch.view_as_complex(raw) * self._weights
        plain = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")
        return torch.einsum("oc,bchw->bohw", self._colours, plain)

    def pixels(self, coefficients: Tensor | None = None) -> Tensor:
        """(B, C, S, S) in 0..1."""
        return torch.sigmoid(self.logits(coefficients))


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
