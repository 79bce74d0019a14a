"""Convolutions as feature visualization wants them: fast back to the picture, and the same bits for
one picture as for a batch.

Weights are frozen, so a convolution's only gradient is that of its input, and that is again a
convolution, with the turned kernel; and both kernels are laid out once as oneDNN wants them, where
torch lays them out anew in every call, a tenth of a step. For a strided convolution of three
colours this is three times as fast as torch's, as pixels are taken in blocks of stride x stride.
And torch runs a small convolution of a single picture by another kernel than that of two; it rounds
differently, and an optimisation of a hundred steps makes another picture out of that. oneDNN,
called directly, treats a picture the same in any batch. Grouped, dilated and wide strided
convolutions are left to torch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

_SMALL = 20480  # elements up to which torch prefers its own kernel (ATen, Convolution.cpp)
_COLOURS = 4
_KINDS = (torch.float32, torch.bfloat16)
# weight -> {use: (state, the kernel laid out for it)}; goes when the weight goes
_LAID_OUT: Any = WeakTensorKeyDictionary()
_AVAILABLE = torch._C._has_mkldnn and all(
    hasattr(place, name)
    for place, name in (
        (torch._C._nn, "mkldnn_reorder_conv2d_weight"),
        (torch.ops.mkldnn, "_convolution_pointwise"),
    )
)


class Kernels:
    """While open, the ``nn.Conv2d`` below ``module`` run in these forms where they apply.

    Their instances get another ``_conv_forward``; a mode that sees every call of torch would cost
    as much as it gains.
    """

    def __init__(self, module: nn.Module) -> None:
        self._convolutions = [m for m in module.modules() if type(m) is nn.Conv2d]

    def __enter__(self) -> None:
        for module in self._convolutions:
            module.__dict__["_conv_forward"] = partial(_conv_forward, module)

    def __exit__(self, *_: object) -> None:
        for module in self._convolutions:
            module.__dict__.pop("_conv_forward", None)


def _conv_forward(module: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    torchs = partial(nn.Conv2d._conv_forward, module, weight=weight, bias=bias)
    if x.dim() != 4 or x.device.type != "cpu":
        return cast(Tensor, torchs(x))
    if _applies(module, x, weight):
        stride, padding = module.stride[0], cast(tuple[int, int], module.padding)
        return cast(Tensor, _Convolution.apply(x, weight, bias, stride, padding))  # type: ignore[no-untyped-call]
    return _as_in_batch(torchs, x)


def _as_in_batch(convolve: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Torch's own convolution; a small picture that is alone goes with a twin."""
    if len(x) > 1 or x.numel() > _SMALL:
        return convolve(x)
    return convolve(x.expand(2, *x.shape[1:]))[:1].clone()


def _applies(module: nn.Conv2d, x: Tensor, weight: Tensor) -> bool:
    """Whether a convolution is plain enough (frozen, ungrouped, undilated) to run in our form."""
    if not _AVAILABLE or module.padding_mode != "zeros" or isinstance(module.padding, str):
        return False
    if module.groups != 1 or set(module.dilation) != {1} or len(set(module.stride)) > 1:
        return False
    if weight.requires_grad or x.dtype != weight.dtype or x.dtype not in _KINDS:
        return False
    if any(p >= k for p, k in zip(module.padding, module.kernel_size, strict=True)):
        return False
    return module.stride[0] == 1 or module.in_channels <= _COLOURS


class _Convolution(torch.autograd.Function):
    """``conv2d(x, weight, bias, stride, padding)``, frozen weights, differentiable in x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.shape, ctx.stride, ctx.padding, ctx.weight = x.shape[2:], stride, padding, weight
        kernel = _laid_out(weight, "forward", x, stride, padding, lambda: weight)
        return _convolve(x, kernel, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        by_input = input_gradient(grads[0], ctx.weight, ctx.stride, ctx.padding, ctx.shape)
        return by_input, None, None, None, None


def input_gradient(
    grad: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """(B, C, *size): the gradient of a convolution by its input, from that of its output.

    Seen in blocks of stride x stride pixels, the convolution has stride 1 and C * stride^2 input
    channels; its gradient is a convolution with the turned kernel, and blocks become pixels again.
    """
    (h, w), (top, left) = size, padding
    kh, kw = (-(-k // stride) for k in weight.shape[2:])
    pad = (kh - 1 - top, kw - 1 - left) if stride == 1 else (kh - 1, kw - 1)
    grad = grad.contiguous(memory_format=torch.channels_last)
    kernel = _laid_out(weight, stride, grad, 1, pad, lambda: turned(weight, stride))
    blocks = _convolve(grad, kernel, None, 1, pad)
    if stride == 1:
        return blocks
    part = functional.pixel_shuffle(blocks, stride)[:, :, top : top + h, left : left + w]
    return functional.pad(part, (0, w - part.shape[3], 0, h - part.shape[2]))


def turned(weight: Tensor, stride: int) -> Tensor:
    """(C * stride^2, O, blocks, blocks): the kernel of the input's gradient."""
    o, c, kh, kw = weight.shape
    high, wide = -(-kh // stride), -(-kw // stride)
    kernel = functional.pad(weight, (0, wide * stride - kw, 0, high * stride - kh))
    kernel = kernel.reshape(o, c, high, stride, wide, stride).permute(1, 3, 5, 0, 2, 4)
    return kernel.reshape(c * stride**2, o, high, wide).flip(2, 3)


def _convolve(
    x: Tensor, laid_out: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]
) -> Tensor:
    run = torch.ops.mkldnn._convolution_pointwise
    stay = (1, 1)
    return cast(Tensor, run(x, laid_out, bias, padding, (stride, stride), stay, 1, "none", [], ""))


def _laid_out(
    weight: Tensor,
    use: object,
    x: Tensor,
    stride: int,
    padding: tuple[int, int],
    kernel: Callable[[], Tensor],
) -> Tensor:
    """``kernel()``, made of ``weight``, in oneDNN's own layout for inputs of ``x``'s shape; the
    last one is kept for each weight and use."""
    uses = _LAID_OUT.setdefault(weight, {})
    state = weight._version, x.shape
    if use not in uses or uses[use][0] != state:
        plain = kernel().contiguous(memory_format=torch.channels_last).to_mkldnn()
        lay_out: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        uses[use] = state, lay_out(plain, padding, (stride, stride), (1, 1), 1, x.shape)
    return cast(Tensor, uses[use][1])
