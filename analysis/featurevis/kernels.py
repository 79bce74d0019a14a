"""Convolutions as feature visualization wants them: fast back to the picture, and the same for one
picture as for a batch.

torch's gradient of a strided convolution with respect to three colours is a sixth of a GoogLeNet
step; as a plain convolution of the output's gradient followed by a pixel shuffle it takes a third
of the time. And a small convolution on a single picture is run by another kernel
(``_slow_conv2d``) than on two or more, which rounds differently; an optimisation of a hundred steps
makes another picture out of that. Given two, oneDNN's kernels treat each as in any batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS: set[Any] = {torch.conv2d, functional.conv2d}
_SMALL = 20480  # elements up to which torch prefers its own kernel (ATen, Convolution.cpp)
_COLOURS = 4


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
        if len(args) == 7 and _from_colours(*args[:2], *args[3:]):
            return _FromColours.apply(args[0], args[1], args[2], args[3][0], args[4][0])  # type: ignore[no-untyped-call]
        return _as_in_batch(lambda x: func(x, *args[1:], **kwargs), args[0])


def _on_processor(x: Any) -> bool:
    return isinstance(x, Tensor) and x.dim() == 4 and x.device.type == "cpu"


def _as_in_batch(convolve: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    if len(x) > 1 or x.numel() > _SMALL:
        return convolve(x)
    return convolve(x.expand(2, *x.shape[1:]))[:1].clone()


def _from_colours(
    x: Tensor, weight: Tensor, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Whether the gradient of this convolution by its input can go by pixel shuffle."""
    pairs = [v for v in (stride, padding, dilation) if isinstance(v, tuple) and len(set(v)) == 1]
    if len(pairs) < 3 or x.shape[1] > _COLOURS or groups != 1 or not x.requires_grad:
        return False
    square = weight.shape[2] == weight.shape[3]
    return square and stride[0] > 1 and dilation[0] == 1 and not weight.requires_grad


class _FromColours(torch.autograd.Function):
    """``conv2d(x, weight, bias, stride, padding)``, frozen weights, differentiable in x."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
    ) -> Tensor:
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        ctx.save_for_backward(weight)
        return _as_in_batch(
            lambda x: functional.conv2d(x, weight, bias, stride=stride, padding=padding), x
        )

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,), (grad,) = ctx.saved_tensors, grads
        by_input = input_gradient(grad, weight, ctx.stride, ctx.padding, ctx.shape[2:])
        return by_input, None, None, None, None


def input_gradient(
    grad: Tensor, weight: Tensor, stride: int, padding: int, size: tuple[int, int]
) -> Tensor:
    """(B, C, *size): the gradient of a strided convolution by its input, from that of its output.

    Seen in blocks of stride x stride pixels, the convolution has stride 1 and C * stride^2 input
    channels; its gradient is a convolution with the turned kernel, and blocks become pixels again.
    """
    o, c, k, _ = weight.shape
    blocks = -(-k // stride)
    spare = blocks * stride - k
    kernel = functional.pad(weight, (0, spare, 0, spare))
    kernel = kernel.reshape(o, c, blocks, stride, blocks, stride).permute(1, 3, 5, 0, 2, 4)
    kernel = kernel.reshape(c * stride**2, o, blocks, blocks).flip(2, 3)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    shuffled = _as_in_batch(lambda g: functional.conv2d(g, kernel, padding=blocks - 1), grad)
    whole = functional.pixel_shuffle(shuffled, stride)
    h, w = size
    part = whole[:, :, padding : padding + h, padding : padding + w]
    return functional.pad(part, (0, w - part.shape[3], 0, h - part.shape[2]))
