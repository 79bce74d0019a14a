"""torchvision, imported so that it also works beside a CPU build of torch.

The registry's torchvision is a CUDA build; beside a CPU torch its import stops at the missing
operator ``torchvision::nms``. No classifier needs it, so it is declared (never implemented) and the
import tried again. On a sound install nothing of this happens. Compiled operators and torchvision's
own image reader stay unusable.
"""

import importlib
import sys
from types import ModuleType

import torch

_LIBRARY: torch.library.Library | None = None  # its declarations live as long as the object does


def _import() -> ModuleType:
    global _LIBRARY
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    _LIBRARY = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    _LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    _LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    return importlib.import_module("torchvision")


torchvision = _import()
