"""Convolutions as feature visualization wants them: fast back to the picture, and the same bits for
one picture as for a batch.

Weights are frozen, so a convolution's only gradient is that of its input, and that is again a
convolution, with the turned kernel. For a strided convolution of three colours, a sixth of a
GoogLeNet step, this is three times as fast as torch's, as pixels are taken in blocks of stride x
stride. And torch runs a small convolution of a single picture by another kernel than that of two;
it rounds differently, and an optimisation of a hundred steps makes another picture out of that.
oneDNN, called directly, treats a picture the same in any batch. Everything else is left to torch,
whose own gradients cost less to call.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

_CONVOLUTIONS: set[Any] = {torch.conv2d, functional.conv2d}
_SMALL = 20480  # elements up to which torch prefers its own kernel (ATen, Convolution.cpp)
_COLOURS = 4
# weight -> its version and the kernel of the input's gradient; goes when the weight goes
_TURNED: Any = WeakTensorKeyDictionary()


class Kernels(TorchFunctionMode):
    """While open, convolutions on the processor run in these forms where they apply."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _CONVOLUTIONS or not args or not _on_processor(args[0]):
            return func(*args, **kwargs)
        if len(args) == 7 and _applies(args[0], args[1], *args[3:]):
            return _Convolution.apply(args[0], args[1], args[2], args[3][0], tuple(args[4]))  # type: ignore[no-untyped-call]
        return _as_in_batch(lambda x: func(x, *args[1:], **kwargs), args[0])


def _on_processor(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dim() == 4 and x.device.type == "cpu"


def _as_in_batch(convolve: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Torch's own convolution; a small picture that is alone goes with a twin."""
    if len(x) > 1 or x.numel() > _SMALL:
        return convolve(x)
    return convolve(x.expand(2, *x.shape[1:]))[:1].clone()


def _applies(
    x: Tensor, weight: Tensor, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Whether a convolution is plain enough (frozen, ungrouped, undilated) and one that torch is
    slow or fickle at."""
    if not all(isinstance(v, tuple) for v in (stride, padding, dilation)) or groups != 1:
        return False
    if weight.requires_grad or {x.dtype, weight.dtype} != {torch.float32} or set(dilation) != {1}:
        return False
    if len(set(stride)) > 1 or not torch._C._has_mkldnn:
        return False
    if any(p >= k for p, k in zip(padding, weight.shape[2:], strict=True)):
        return False
    if stride[0] > 1:
        return x.shape[1] <= _COLOURS
    return x.numel() <= _SMALL * len(x)


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: Any) -> Tensor:
    run = torch.ops.aten.mkldnn_convolution
    return cast(Tensor, run(x, weight, bias, padding, (stride, stride), (1, 1), 1))


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
        return _onednn(x, weight, bias, stride, padding)

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
    kernel = _turned(weight, stride)
    (h, w), (top, left) = size, padding
    kh, kw = kernel.shape[2:]
    if stride == 1:
        return _onednn(grad, kernel, None, 1, (kh - 1 - top, kw - 1 - left))
    blocks = _onednn(grad, kernel, None, 1, (kh - 1, kw - 1))
    part = functional.pixel_shuffle(blocks, stride)[:, :, top : top + h, left : left + w]
    return functional.pad(part, (0, w - part.shape[3], 0, h - part.shape[2]))


def _turned(weight: Tensor, stride: int) -> Tensor:
    """(C * stride^2, O, blocks, blocks): the kernel of the input's gradient; kept by weight."""
    known = _TURNED.get(weight)
    if known is not None and known[:2] == (weight._version, stride):
        return cast(Tensor, known[2])
    o, c, kh, kw = weight.shape
    high, wide = -(-kh // stride), -(-kw // stride)
    kernel = functional.pad(weight, (0, wide * stride - kw, 0, high * stride - kh))
    kernel = kernel.reshape(o, c, high, stride, wide, stride).permute(1, 3, 5, 0, 2, 4)
    kernel = kernel.reshape(c * stride**2, o, high, wide).flip(2, 3)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    _TURNED[weight] = (weight._version, stride, kernel)
    return kernel
