"""Where a network comes from: a name or a file in, a module with its preprocessing out. Nothing is
fetched unasked."""

import contextlib
import difflib
import hashlib
import importlib
import importlib.util
import io
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import nn

from analysis import embedded, planted, planted_network
from analysis.classes import Categories
from analysis.torchvision_shim import torchvision
from cache.errors import UserError

IMAGENET = "imagenet"
SILENCE = 30.0  # seconds without a byte after which a download is given up
# urllib's errors are OSErrors; a wrong hash and an unreadable archive are RuntimeErrors
UNREADABLE = (OSError, RuntimeError, HTTPException, embedded.UnpicklingError, EOFError)


@dataclass
class Source:
    """A network as its source gives it; ``resize`` is the short side before the centre crop."""

    module: nn.Module
    origin: str
    trained: bool
    input_size: tuple[int, int, int] = (3, 224, 224)
    resize: int | None = None
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    categories: Sequence[str] = field(default=())


def imagenet_names() -> list[str]:
    """The 1,000 class names as torchvision gives them."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    return list(_IMAGENET_CATEGORIES)


def torchvision_names() -> list[str]:
    """Every classifier of torchvision, GoogLeNet (the network of the literature) first."""
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return ["googlenet", *[n for n in names if n != "googlenet"]]


def find_source(name: str, *, trained: bool) -> Source:
    """The source that ``--model NAME`` means; ``trained=False`` builds it without looking for
    weights."""
    torch.manual_seed(0)  # random weights, where they are asked for, are the same every time
    if name == "squeezenet1_1":
        module = (
            embedded.squeezenet1_1() if trained else torchvision.models.squeezenet1_1(weights=None)
        )
        return Source(module, "embedded", trained, resize=256, categories=imagenet_names())
    if name == "efficientnet_lite0":
        return _efficientnet(trained)
    if name in planted.NAMES:
        module = planted_network.load_planted(name) if trained else planted_network.build()
        return Source(
            module, "example", trained, planted_network.INPUT, planted.SIDE, planted_network.MEAN,
            planted_network.STD, planted.CLASSES,
        )  # fmt: skip
    if name.startswith("timm:"):
        return _timm(name.removeprefix("timm:"), trained)
    if ":" in name:
        return _own(name)
    if name in torchvision_names():
        return _torchvision(name, trained)
    known = ["squeezenet1_1", "efficientnet_lite0", *planted.NAMES, *torchvision_names()]
    near = difflib.get_close_matches(name.lower(), known, 3, 0.4)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    raise UserError(
        f"no network {name!r}; {hint}see: neuronscope models, or give PATH/file.py:factory"
    )


def _efficientnet(trained: bool) -> Source:
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3
    if trained:
        module, origin = embedded.efficientnet_lite0(), "embedded"
    else:
        module, origin = _timm_module("tf_efficientnet_lite0", False), "timm"
    return Source(
        module, origin, trained, resize=256, mean=mean, std=std, categories=imagenet_names()
    )


def weights_path(name: str) -> Path | None:
    """Where torch's hub cache keeps (or would keep) the default weights of a torchvision
    classifier."""
    try:
        url = torchvision.models.get_model_weights(name).DEFAULT.url
    except (ValueError, AttributeError):
        return None
    return Path(torch.hub.get_dir()) / "checkpoints" / str(url).rsplit("/", 1)[-1]


def _torchvision(name: str, trained: bool) -> Source:
    plain: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if plain:
        plain["aux_logits"] = False
    weights = torchvision.models.get_model_weights(name).DEFAULT
    transforms = weights.transforms()
    size = int(transforms.crop_size[0])
    if trained:
        module = _downloaded(name, weights)
    else:
        module = torchvision.models.get_model(name, weights=None, **plain)
        _draw_empty_heads(module)
    return Source(
        module, "torchvision", trained, (3, size, size), int(transforms.resize_size[0]),
        tuple(transforms.mean), tuple(transforms.std), list(weights.meta["categories"]),
    )  # fmt: skip


def _draw_empty_heads(module: nn.Module) -> None:
    """Draws maps that start as zeros (ViT's head), with which every untrained logit would be 0."""
    for part in module.modules():
        if isinstance(part, nn.Linear) and not part.weight.any():
            part.reset_parameters()


def set_own_scaling(source: Source, name: str, path: Path) -> None:
    """torchvision's GoogLeNet and Inception v3 scale their input anew with torchvision's own
    weights only; a file of those is known by the hash in its name on the server."""
    own = weights_path(name) if hasattr(source.module, "transform_input") else None
    mark = own.stem.rpartition("-")[2] if own and source.origin == "torchvision" else None
    if mark and hashlib.sha256(path.read_bytes()).hexdigest().startswith(mark):
        source.module.transform_input = True  # type: ignore[assignment]


def _downloaded(name: str, weights: Any) -> nn.Module:
    """The trained module, its weights fetched (with progress on stderr) unless torch's hub cache
    has them."""
    path = weights_path(name)
    here = bool(path and path.is_file())
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # torch.hub's words; its bar is on stderr
            module: nn.Module = torchvision.models.get_model(name, weights=weights)
    except UNREADABLE as error:
        if here:
            raise UserError(
                f"the weights of {name} in {str(path)!r} are broken; "
                "delete that file and they are downloaded anew"
            ) from error
        raise UserError(
            f"the weights of {name} are not on this machine and could not be downloaded "
            f"({_line(error)}); pass --weights FILE, --weights random, "
            "or use the embedded squeezenet1_1"
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
    return module


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _timm_module(name: str, pretrained: bool) -> nn.Module:
    try:
        import timm
    except ImportError:
        raise UserError("timm networks need an extra: pip install 'neuronscope[timm]'") from None
    if not timm.is_model(name.split(".")[0]):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:3])
        raise UserError(f"timm has no network {name!r}" + (f"; nearest: {near}" if near else ""))
    try:
        module: nn.Module = timm.create_model(name, pretrained=pretrained)
    except Exception as error:  # the hub's client raises its own kinds, by version
        raise UserError(
            f"timm could not give {name} its weights ({_line(error)}); "
            "without a network connection pass --weights FILE or --weights random"
        ) from None
    return module


def _timm(name: str, trained: bool) -> Source:
    module = _timm_module(name, trained)
    config = importlib.import_module("timm.data").resolve_model_data_config(module)
    size = tuple(config["input_size"])
    resize = round(size[1] / float(config.get("crop_pct") or 0.875))
    classes = int(getattr(module, "num_classes", 0))
    names = imagenet_names() if classes == 1000 else ()
    return Source(module, "timm", trained, size, resize, config["mean"], config["std"], names)


# ---- the user's own ----


def _own(name: str) -> Source:
    location, _, attribute = name.rpartition(":")
    factory = _factory(location, attribute)
    try:
        made = factory()
    except (Exception, SystemExit) as error:
        raise UserError(f"{name} failed: {type(error).__name__}: {_line(error)}") from error
    given: dict[str, Any] = dict(made) if isinstance(made, dict) else {"module": made}
    module = given.get("module")
    if not isinstance(module, nn.Module):
        raise UserError(f"{name} must return an nn.Module, or a dict with one under 'module'")
    unknown = set(given) - {
        "module",
        "input_size",
        "mean",
        "std",
        "categories",
        "resize",
        "trained",
    }
    if unknown:
        raise UserError(f"{name} returns unknown keys: {', '.join(sorted(map(str, unknown)))}")
    source = Source(module, location, bool(given.get("trained", True)))
    _read_preprocessing(source, given, name)
    source.categories = _names(given.get("categories"), Path(location).parent)
    return source


def _read_preprocessing(source: Source, given: dict[str, Any], name: str) -> None:
    """Copies input size, mean and std out of a factory's dict; a short or odd one is a
    UserError."""
    try:
        size = tuple(int(v) for v in given.get("input_size", source.input_size))
        c, h, w = size
        source.input_size = (c, h, w)
        plain = source.mean if c == 3 else (0.5,) * c, source.std if c == 3 else (0.5,) * c
        source.mean = tuple(float(v) for v in given.get("mean", plain[0]))
        source.std = tuple(float(v) for v in given.get("std", plain[1]))
        source.resize = int(given["resize"]) if given.get("resize") else None
    except (TypeError, ValueError):
        raise UserError(
            f"{name}: input_size is (c, h, w), mean and std one number a channel"
        ) from None
    if c not in (1, 3) or len(source.mean) != c or len(source.std) != c or min(source.std) <= 0:
        raise UserError(f"{name}: 1 or 3 channels, with as many means and positive stds")


def _factory(location: str, attribute: str) -> Callable[[], Any]:
    try:
        if location.endswith(".py") or "/" in location:
            module = _imported_file(Path(location).expanduser())
        else:
            module = importlib.import_module(location)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{location} cannot be imported: {type(error).__name__}: {_line(error)}"
        ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        raise UserError(f"{location} has no function {attribute!r}")
    return found  # type: ignore[no-any-return]


def _imported_file(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"there is no file {str(path)!r}")
    name = f"neuronscope_user_{path.stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"{str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _names(given: object, folder: Path) -> Sequence[str]:
    """Class names from a list, a file with one name a line, or the word ``imagenet``."""
    if given is None:
        return ()
    if given == IMAGENET:
        return imagenet_names()
    if isinstance(given, str | Path):
        path = Path(given) if Path(given).is_absolute() else folder / given
        if not path.is_file():
            raise UserError(f"the file of class names {str(path)!r} does not exist")
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    if isinstance(given, Iterable):
        return Categories.of(given).raw
    raise UserError("categories is a list of names, a file with one name a line, or 'imagenet'")
