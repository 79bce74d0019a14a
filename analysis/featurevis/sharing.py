"""Pictures that share low frequencies with their neighbours, so that they read as one.

Source: Olah et al., Feature Visualization (Distill 2017, aligned interpolation) and The Building
Blocks of Interpretability (Distill 2018). Every picture is its own coefficients plus the low
frequencies of the anchors near it; what neighbours have in common gathers in the anchors.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from analysis.featurevis.parameters import FourierPictures, frequencies

SHARED_CYCLES = 2.5  # frequencies up to so many cycles per picture are shared
SPACING = 2  # with anchors at every second place, mixed linearly in between
SHARE, FADING = 0.9, 0.25  # how much of a row's low frequencies is in common; of others, falling


def mixing(h: int, w: int) -> Tensor:
    """(h * w, anchors): how much of each anchor a place shares; every row adds up to one."""
    rows, columns = _hats(h), _hats(w)
    return torch.einsum("ra,cb->rcab", rows, columns).reshape(h * w, -1)


def _hats(count: int) -> Tensor:
    """(count, anchors) linear interpolation between anchors ``SPACING`` apart."""
    places = torch.arange(count)[:, None] / SPACING
    anchors = torch.arange(-(-(count - 1) // SPACING) + 1)[None, :]
    return (1 - (places - anchors).abs()).clamp_min(0)


def low_frequencies(size: int) -> Tensor:
    """(S, S // 2 + 1, 1): 1 where a coefficient is shared, else 0."""
    return (frequencies(size) * size <= SHARED_CYCLES).float()[..., None]


def falling(size: int) -> Tensor:
    """(S, S // 2 + 1, 1): how much of a coefficient is shared in a row: low frequencies all, others
    less the higher they are. Shared low ones alone leave every detail to each picture, and a row
    reads as unlike pictures."""
    above = (frequencies(size) * size / SHARED_CYCLES).clamp_min(1.0)
    return above[..., None] ** -FADING


def mixed(own: Tensor, anchors: Tensor, weights: Tensor, low: Tensor) -> Tensor:
    """(P, ...) coefficients of places from their own (P, ...) and the anchors' (A, ...), shared by
    ``weights`` (P, A)."""
    return own + torch.einsum("pa,achwr->pchwr", weights, anchors * low)


class SharedPictures(FourierPictures):
    """B pictures; ``coefficients`` are theirs, then those of the anchors of ``weights`` (B, A),
    which are nothing at the start."""

    def __init__(
        self,
        size: int,
        generators: Sequence[torch.Generator],
        weights: Tensor,
        *,
        channels: int = 3,
        device: torch.device | str = "cpu",
    ) -> None:
        count, anchors = weights.shape
        spare = [torch.Generator() for _ in range(anchors)]
        super().__init__(size, [*generators, *spare], channels=channels, device=device)
        self.count, self.weights = count, weights.to(device)
        self.low = SHARE * falling(size).to(device)
        self.coefficients.detach()[count:] = 0

    def plain(self, coefficients: Tensor) -> Tensor:
        own, anchors = coefficients[: self.count], coefficients[self.count :]
        own = own * (1 - self.low)  # or what is shared would go twice as far in a step
        return super().plain(mixed(own, anchors, self.weights, self.low))
