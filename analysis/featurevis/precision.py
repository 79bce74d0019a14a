"""A network's copy for gradients, in bfloat16 where the processor computes in that.

An ascent does not need the gradient's last digits: over 32 channels of bvlc_googlenet and
SqueezeNet, pictures made with this copy excite their unit as much (102 % and 100 %). A step takes
.55 to .9 of the time in plain convolutional networks (GoogLeNet, ResNet, AlexNet, SqueezeNet), but
1.1 to 1.6 times as long in those with depthwise convolutions (EfficientNet, MobileNet) and, in
batches, twice as long in transformers: those keep their precision. What is reported of a picture is
measured by the network itself.
"""

from copy import deepcopy
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from analysis.models import Classifier

_COPIES: "WeakKeyDictionary[nn.Module, nn.Module | None]" = WeakKeyDictionary()


def light(classifier: "Classifier") -> nn.Module:
    """The network in bfloat16; itself where that would not be faster, or where it does not run.

    The copy takes half of the network's memory, and goes when the network goes.
    """
    module = classifier.module
    if classifier.device.type != "cpu" or not supported():
        return module
    if module not in _COPIES:
        _COPIES[module] = _copied(module, classifier.input_size)
    return _COPIES[module] or module


def supported() -> bool:
    """Whether this processor multiplies in bfloat16 (AVX-512 BF16); elsewhere it would only be
    imitated."""
    told: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("avx512_bf16", False))


def widened(x: Tensor) -> Tensor:
    """What the copy puts out, for sums over many places; other numbers as they are."""
    return x.float() if x.dtype == torch.bfloat16 else x


def _copied(module: nn.Module, size: tuple[int, int, int]) -> nn.Module | None:
    if not _plain(module):
        return None
    try:
        copy = deepcopy(module).to(torch.bfloat16)
        with torch.no_grad():
            copy(torch.zeros(1, *size, dtype=torch.bfloat16))
    except Exception:  # a user's file may mix in numbers of its own precision
        return None
    return copy


def _plain(module: nn.Module) -> bool:
    """Whether a network consists of ungrouped convolutions in single precision."""
    kinds = {p.dtype for p in module.parameters() if p.is_floating_point()}
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    attends = any(isinstance(m, nn.LayerNorm | nn.MultiheadAttention) for m in module.modules())
    grouped = any(m.groups > 1 for m in convolutions)
    return kinds == {torch.float32} and bool(convolutions) and not attends and not grouped
