"""Forms of slow operations that compute the same numbers faster on a processor."""

from typing import Any, cast

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
        band, bias = self._band(x), x.new_full((x.shape[1],), self.k)
        return cast(Tensor, _Normed.apply(x, band, bias, self.beta)[0])  # type: ignore[no-untyped-call]


class _Normed(torch.autograd.Function):
    """x / d^beta with d = bias + band * x^2, and 1 / d^beta and d themselves (no gradient).

    Written by hand, since the derivative needs half of the passes over memory that autograd makes.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, band: Tensor, bias: Tensor, beta: float) -> tuple[Tensor, ...]:
        power, divisor = _power(x, band, bias, beta)
        return x * power, power, divisor

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, band, bias, beta = inputs
        y, power, divisor = output
        ctx.mark_non_differentiable(power, divisor)
        ctx.beta = beta
        ctx.save_for_backward(x, band, bias, y, power, divisor)
        ctx.save_for_forward(x, band, y, power, divisor)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        x, band, bias, y, power, divisor = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants the derivative of this derivative
            power, divisor = _power(x, band, bias, ctx.beta)
            y = x * power
        g = grads[0]
        near = functional.conv2d(g * y / divisor, band.transpose(0, 1))
        return torch.addcmul(g * power, x, near, value=-2 * ctx.beta), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> tuple[Tensor, None, None]:
        x, band, y, power, divisor = ctx.saved_tensors
        t = tangents[0]
        near = functional.conv2d(x * t, band) / divisor
        return torch.addcmul(t * power, y, near, value=-2 * ctx.beta), None, None


def _power(x: Tensor, band: Tensor, bias: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """1 / d^beta, and d."""
    divisor = functional.conv2d(x * x, band, bias)
    if beta != 0.75:
        return divisor.pow(-beta), divisor
    root = divisor.rsqrt()  # two roots are several times cheaper than a power
    return root * root.sqrt(), divisor


def band_response_norms(module: nn.Module) -> None:
    """Replaces every local response norm below ``module`` by its banded form, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.LocalResponseNorm):
            setattr(module, name, BandedResponseNorm(child))
        else:
            band_response_norms(child)
