"""The same arithmetic for one picture as for a batch.

torch runs a small convolution on a single picture by another kernel (``_slow_conv2d``) than on two
or more, which rounds differently; an optimisation of a hundred steps makes another picture out of
that. Given two pictures, oneDNN's kernels treat each as they would in any batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_CONVOLUTIONS: set[Any] = {torch.conv2d, functional.conv2d}
_SMALL = 20480  # elements up to which torch prefers its own kernel (ATen, Convolution.cpp)


class AsInBatch(TorchFunctionMode):
    """While open, small convolutions of one picture on the processor run as one of two."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in _CONVOLUTIONS and args and _alone(args[0]):
            x = args[0]
            return func(x.expand(2, *x.shape[1:]), *args[1:], **(kwargs or {}))[:1].clone()
        return func(*args, **(kwargs or {}))


def _alone(x: Tensor) -> bool:
    return x.dim() == 4 and len(x) == 1 and x.numel() <= _SMALL and x.device.type == "cpu"
