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
from typing import Any, ClassVar, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

_SMALL = 20480  # elements up to which torch prefers its own kernel (ATen, Convolution.cpp)
_COLOURS = 4
_KINDS = (torch.float32, torch.bfloat16)
_LAY_OUT: Any = getattr(torch._C._nn, "mkldnn_reorder_conv2d_weight", None)
_RUN: Any = getattr(getattr(torch.ops.mkldnn, "_convolution_pointwise", None), "default", None)
_AVAILABLE = bool(torch._C._has_mkldnn and _LAY_OUT and _RUN)


class Kernels:
    """While open, the ``nn.Conv2d`` below ``module`` run in these forms where they apply.

    Their instances get another ``_conv_forward``; a mode that sees every call of torch would cost
    as much as it gains.
    """

    def __init__(self, module: nn.Module) -> None:
        convolutions = [m for m in module.modules() if type(m) is nn.Conv2d]
        self._forwards = [(m, partial(_conv_forward, m, Form.of(m))) for m in convolutions]

    def __enter__(self) -> None:
        for module, forward in self._forwards:
            module.__dict__["_conv_forward"] = forward

    def __exit__(self, *_: object) -> None:
        for module, _forward in self._forwards:
            module.__dict__.pop("_conv_forward", None)


class Form:
    """A convolution in our form: with its kernel, and back with the turned one. Kept as long as its
    module."""

    _known: ClassVar["WeakKeyDictionary[nn.Conv2d, Form]"] = WeakKeyDictionary()

    def __init__(self, module: nn.Conv2d) -> None:
        self.stride, self.padding, self.size = module.stride[0], module.padding, module.kernel_size
        self.plain = _AVAILABLE and _plain(module)
        if not self.plain:
            return
        padding = cast(tuple[int, int], module.padding)
        kh, kw = (-(-k // self.stride) for k in module.kernel_size)
        far = (kh - 1 - padding[0], kw - 1 - padding[1]) if self.stride == 1 else (kh - 1, kw - 1)
        self.forward = _Kernel(lambda weight: weight, self.stride, padding)
        self.backward = _Kernel(partial(turned, stride=self.stride), 1, far)

    @classmethod
    def of(cls, module: nn.Conv2d) -> "Form":
        if module not in cls._known:
            cls._known[module] = cls(module)
        return cls._known[module]

    def input_gradient(self, grad: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, *size): the gradient of a convolution by its input, from that of its output.

        Seen in blocks of stride x stride pixels, the convolution has stride 1 and C * stride^2
        input channels; its gradient is a convolution with the turned kernel, and blocks become
        pixels again.
        """
        blocks = self.backward(grad.contiguous(memory_format=torch.channels_last), weight, None)
        if self.stride == 1:
            return blocks
        (h, w), (top, left) = size, cast(tuple[int, int], self.padding)
        part = functional.pixel_shuffle(blocks, self.stride)
        part = part[:, :, top : top + h, left : left + w]
        return functional.pad(part, (0, w - part.shape[3], 0, h - part.shape[2]))


class _Kernel:
    """A kernel made of a convolution's weight, in oneDNN's own layout for the last shape seen."""

    def __init__(
        self, make: Callable[[Tensor], Tensor], stride: int, padding: tuple[int, int]
    ) -> None:
        self.make, self.stride, self.padding = make, (stride, stride), padding
        self.state: object = None
        self.laid_out: Any = None

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        state = weight._version, x.shape, weight.data_ptr()
        if state != self.state:
            plain = self.make(weight).contiguous(memory_format=torch.channels_last).to_mkldnn()
            self.laid_out = _LAY_OUT(plain, self.padding, self.stride, (1, 1), 1, x.shape)
            self.state = state
        out = _RUN(
            x, self.laid_out, bias, self.padding, self.stride, (1, 1), 1, "none", [], ""
        )  # fmt: skip
        return cast(Tensor, out)


def turned(weight: Tensor, stride: int) -> Tensor:
    """(C * stride^2, O, blocks, blocks): the kernel of the input's gradient."""
    o, c, kh, kw = weight.shape
    high, wide = -(-kh // stride), -(-kw // stride)
    kernel = functional.pad(weight, (0, wide * stride - kw, 0, high * stride - kh))
    kernel = kernel.reshape(o, c, high, stride, wide, stride).permute(1, 3, 5, 0, 2, 4)
    return kernel.reshape(c * stride**2, o, high, wide).flip(2, 3)


def _plain(module: nn.Conv2d) -> bool:
    """Whether a convolution is ungrouped, undilated and one that torch is not better at."""
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        return False
    if module.groups != 1 or set(module.dilation) != {1} or len(set(module.stride)) > 1:
        return False
    if any(p >= k for p, k in zip(module.padding, module.kernel_size, strict=True)):
        return False
    return module.stride[0] == 1 or module.in_channels <= _COLOURS


def _conv_forward(
    module: nn.Conv2d, form: Form, x: Tensor, weight: Tensor, bias: Tensor | None
) -> Tensor:
    fits = x.dim() == 4 and x.device.type == "cpu"
    frozen = x.dtype == weight.dtype and x.dtype in _KINDS and not weight.requires_grad
    if form.plain and fits and frozen:
        return cast(Tensor, _Convolution.apply(x, form, weight, bias))  # type: ignore[no-untyped-call]
    torchs = partial(nn.Conv2d._conv_forward, module, weight=weight, bias=bias)
    return _as_in_batch(torchs, x) if fits else cast(Tensor, torchs(x))


def _as_in_batch(convolve: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Torch's own convolution; a small picture that is alone goes with a twin."""
    if len(x) > 1 or x.numel() > _SMALL:
        return convolve(x)
    return convolve(x.expand(2, *x.shape[1:]))[:1].clone()


class _Convolution(torch.autograd.Function):
    """A convolution with frozen weights, differentiable in x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, form: Form, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.shape, ctx.form, ctx.weight = x.shape[2:], form, weight
        return form.forward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return ctx.form.input_gradient(grads[0], ctx.weight, ctx.shape), None, None, None
