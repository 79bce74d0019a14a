"""Forms of slow operations that compute the same numbers faster on a processor."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class BandedResponseNorm(nn.Module):
    """``nn.LocalResponseNorm`` as a 1x1 convolution of the squares with a banded matrix.

    torch pads and pools in five dimensions, half of a GoogLeNet step on a processor; this is one
    matrix product and keeps ``channels_last``. Input and output (B, C, H, W).
    """

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = norm.size, norm.alpha, norm.beta, norm.k
        self._bands: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}

    def _get_name(self) -> str:  # so that a network that was banded before looks the same
        return "LocalResponseNorm"

    extra_repr = nn.LocalResponseNorm.extra_repr

    def _band(self, x: Tensor) -> Tensor:
        key = (x.shape[1], x.device, x.dtype)
        if key not in self._bands:
            offset = torch.arange(x.shape[1])[None, :] - torch.arange(x.shape[1])[:, None]
            near = (offset >= -(self.size // 2)) & (offset <= (self.size - 1) // 2)
            band = near.to(x) * (self.alpha / self.size)
            self._bands[key] = band[:, :, None, None]
        return self._bands[key]

    def forward(self, x: Tensor) -> Tensor:
        bias = x.new_full((x.shape[1],), self.k)
        divisor = functional.conv2d(x * x, self._band(x), bias)
        if self.beta == 0.75:  # two roots are several times cheaper than a power
            root = divisor.rsqrt()
            return x * root * root.sqrt()
        return x * divisor.pow(-self.beta)


def band_response_norms(module: nn.Module) -> None:
    """Replaces every local response norm below ``module`` by its banded form, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.LocalResponseNorm):
            setattr(module, name, BandedResponseNorm(child))
        else:
            band_response_norms(child)
