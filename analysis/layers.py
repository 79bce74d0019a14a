"""The layers of a network, and the only hooks of the program.

A layer is one *call* of a module whose output is a tensor; a module that runs more than once has
one layer a call (``layer3.2.relu``, ``layer3.2.relu#2``). Every hook here is put on by a context
manager that takes it off again, also after an error, and what is caught is a copy that a following
in-place operation cannot overwrite.

Positions: a raw output in any of the four layouts can be seen as (B, C, P), P = extra tokens first,
then the grid row by row; a flat layer has P = 1. All attribution happens in that form.
"""

import difflib
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from analysis.layouts import Layout, Seen, layout_of, token_grid
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

PASS_THROUGH = {"Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "Identity", "StochasticDepth"}
PASS_THROUGH |= {"DropPath", "Flatten"}
CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
ACTIVATIONS = ("relu", "gelu", "silu", "swish", "elu", "sigmoid", "tanh", "mish")


class _Stop(BaseException):
    """Ends a forward pass early; no network's own ``except Exception`` may catch it."""


@dataclass(frozen=True)
class Layer:
    """One call of a module: its name, its place in the forward pass and the shape of what it puts
    out."""

    name: str
    kind: str
    channels: int
    grid: tuple[int, int] | None
    layout: Layout
    extras: int
    signed: bool
    order: int

    @property
    def positions(self) -> int:
        """P of (B, C, P): extra tokens plus places of the grid; 1 for a flat layer."""
        h, w = self.grid or (0, 0)
        return 1 if self.layout == "flat" else self.extras + h * w


def split_name(name: str) -> tuple[str, int]:
    """``a.relu#2`` -> (``a.relu``, 2); without a number it is the first call."""
    path, _, call = name.partition("#")
    return path, int(call) if call.isdecimal() else 1


def to_positions(raw: Tensor, layer: Layer) -> Tensor:
    """A raw output (B, ...) as (B, C, P)."""
    if layer.layout == "nchw":
        return raw.flatten(2)
    if layer.layout == "flat":
        return raw.unsqueeze(2)
    return raw.flatten(1, -2).transpose(1, 2)


def from_positions(values: Tensor, layer: Layer, *, like: Tensor) -> Tensor:
    """(B, C, P) back in the shape of ``like`` (but for the batch), the raw output it came from."""
    shape = (len(values), *like.shape[1:])
    if layer.layout in ("nchw", "flat"):
        raw = values.reshape(shape)
        fmt = torch.channels_last if raw.dim() == 4 else torch.contiguous_format
        return raw.contiguous(memory_format=fmt)
    return values.transpose(1, 2).reshape(shape)


# ---- hooks ----


@contextmanager
def hooked(
    module: nn.Module, changes: dict[str, Callable[[Tensor], Tensor | None]]
) -> Iterator[None]:
    """While open, ``fn(output)`` is called at every named layer; a tensor that it returns takes the
    output's place.

    Calls are counted anew in every forward pass of ``module``. An unknown path raises UserError.
    """
    calls: Counter[str] = Counter()
    handles: list[RemovableHandle] = [
        module.register_forward_pre_hook(lambda *_: calls.clear(), prepend=True)
    ]
    by_path: dict[str, dict[int, Callable[[Tensor], Tensor | None]]] = {}
    for name, change in changes.items():
        path, call = split_name(name)
        by_path.setdefault(path, {})[call] = change

    def hook_for(path: str) -> Callable[..., Tensor | None]:
        def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor | None:
            calls[path] += 1
            change = by_path[path].get(calls[path])
            return change(output) if change else None

        return hook

    try:
        for path in by_path:
            target = _submodule(module, path)
            handles.append(target.register_forward_hook(hook_for(path), prepend=True))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _submodule(module: nn.Module, path: str) -> nn.Module:
    try:
        return module.get_submodule(path)
    except AttributeError:
        near = difflib.get_close_matches(path, [n for n, _ in module.named_modules()], 3, 0.4)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise UserError(f"this network has no layer {path!r}{hint}") from None


def capture(
    module: nn.Module, names: Sequence[str], x: Tensor, *, grad: bool = False, full: bool = False
) -> tuple[dict[str, Tensor], Tensor | None]:
    """The raw outputs of several layers from one forward pass, and the logits if the pass ran to
    its end.

    Without ``grad`` and ``full`` the pass stops at the deepest layer asked for. With ``grad`` what
    is caught is part of the graph from there to the logits: ``torch.autograd.grad(margin,
    list(caught.values()))``. Weights and picture ask for no gradient, so the shallowest layer
    becomes the leaf and the backward pass stops there.
    """
    caught: dict[str, Tensor] = {}
    early = not (grad or full)

    def catch(name: str) -> Callable[[Tensor], Tensor | None]:
        def keep(output: Tensor) -> Tensor | None:
            if not grad:
                caught[name] = output.detach().clone()
                if early and len(caught) == len(set(names)):
                    raise _Stop
                return None
            caught[name] = output if output.requires_grad else output.detach().requires_grad_()
            return caught[name].clone()

        return keep

    output: Tensor | None = None
    hooks = hooked(module, {name: catch(name) for name in names})
    with hooks, torch.set_grad_enabled(grad), suppress(_Stop):
        output = module(x)
    missing = [name for name in names if name not in caught]
    if missing:
        raise UserError(f"layer {missing[0]!r} did not run in the forward pass of this network")
    return {name: caught[name] for name in names}, output


def run_to(module: nn.Module, name: str, x: Tensor) -> Tensor:
    """The raw output of one layer, differentiable in ``x``; nothing behind the layer runs."""
    caught: list[Tensor] = []

    def stop(output: Tensor) -> Tensor | None:
        caught.append(output)
        raise _Stop

    with hooked(module, {name: stop}):
        try:
            module(x)
        except _Stop:
            return caught[0]
    raise UserError(f"layer {name!r} did not run in the forward pass of this network")


@contextmanager
def watched(
    module: nn.Module,
    enter: Callable[[str], None] | None,
    leave: Callable[[str, nn.Module, object], None],
) -> Iterator[None]:
    """While open, every module but the root announces its entry and, with its output, its exit."""
    handles: list[RemovableHandle] = []

    def before(path: str) -> Callable[..., None]:
        return lambda _module, _args: enter(path) if enter else None

    def after(path: str) -> Callable[..., None]:
        return lambda called, _args, output: leave(path, called, output)

    try:
        for path, child in module.named_modules():
            if path:
                handles.append(child.register_forward_pre_hook(before(path)))
                handles.append(child.register_forward_hook(after(path)))
        yield
    finally:
        for handle in handles:
            handle.remove()


# ---- the list of layers ----

_LISTS: "weakref.WeakKeyDictionary[nn.Module, tuple[Layer, ...]]" = weakref.WeakKeyDictionary()


def list_layers(classifier: "Classifier") -> tuple[Layer, ...]:
    """Every layer in the order in which the forward pass finishes it (one pass over a noise
    picture, then kept)."""
    module = classifier.module
    if module not in _LISTS:
        _LISTS[module] = tuple(_trace(module, classifier.probe()))
    return _LISTS[module]


def _trace(module: nn.Module, x: Tensor) -> list[Layer]:
    found: list[Layer] = []
    calls: Counter[str] = Counter()
    seen: Seen = {}

    def leave(path: str, called: nn.Module, output: object) -> None:
        calls[path] += 1
        kind = type(called).__name__
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return  # whole, logical and complex numbers have neither gradients nor a sign
        if output.dim() not in (2, 3, 4) or len(output) != len(x):
            return
        name = path if calls[path] == 1 else f"{path}#{calls[path]}"
        if output.dim() == 4:
            layout = layout_of(called, tuple(output.shape[1:]), seen)
            seen.pop(tuple(output.shape[1:]), None)  # so that the newest comes last
            seen[tuple(output.shape[1:])] = layout
        layer = _describe(name, kind, output, seen, len(found))
        if kind not in PASS_THROUGH:
            found.append(layer)

    with watched(module, None, leave), torch.no_grad():
        module(x)
    return found


def _describe(name: str, kind: str, output: Tensor, seen: Seen, order: int) -> Layer:
    """One output as a layer; ``seen`` holds the shapes of all before it."""
    shape = tuple(output.shape[1:])
    signed = bool((output < 0).any())
    if len(shape) == 1:
        return Layer(name, kind, shape[0], None, "flat", 0, signed, order)
    if len(shape) == 3:
        channels, h, w = shape if seen[shape] == "nchw" else (shape[2], *shape[:2])
        return Layer(name, kind, channels, (h, w), seen[shape], 0, signed, order)
    tokens, channels = shape
    grid = token_grid(tokens, seen)
    extras = tokens - grid[0] * grid[1] if grid else tokens
    return Layer(name, kind, channels, grid, "tokens", extras, signed, order)


def find_layer(classifier: "Classifier", name: str) -> Layer:
    """The layer of that name (``#1`` may be written out); UserError with the nearest names if there
    is none."""
    layers = list_layers(classifier)
    wanted = name.removesuffix("#1")
    for layer in layers:
        if layer.name == wanted:
            return layer
    names = [layer.name for layer in layers]
    plain = {name.lower(): name for name in names}
    near = [plain[n] for n in difflib.get_close_matches(wanted.lower(), [*plain], 3, 0.4)]
    hint = f"; nearest: {', '.join(near)}" if near else "; see: neuronscope layers"
    raise UserError(f"this network has no layer {name!r}{hint}")


def ladder(classifier: "Classifier", n: int = 8) -> tuple[Layer, ...]:
    """Up to ``n`` layers from edges to objects: block outputs, or activations where a network has
    few blocks."""
    layers = [layer for layer in list_layers(classifier) if layer.grid and min(layer.grid) > 1]
    blocks = _outermost([layer for layer in layers if _is_block(classifier.module, layer)])
    activations = [layer for layer in layers if any(a in layer.kind.lower() for a in ACTIVATIONS)]
    chosen = blocks if len(blocks) >= 3 else activations or blocks or layers
    if len(chosen) <= n:
        return tuple(chosen)
    steps = [round(i * (len(chosen) - 1) / (n - 1)) for i in range(n)]
    return tuple(chosen[i] for i in steps)


def _is_block(module: nn.Module, layer: Layer) -> bool:
    """A composite that is no mere container and holds at least two convolutions or linear maps."""
    block = module.get_submodule(split_name(layer.name)[0])
    maps = sum(any(p.dim() > 1 for p in m.parameters(recurse=False)) for m in block.modules())
    return layer.kind not in CONTAINERS and maps >= 2


def _outermost(layers: list[Layer]) -> list[Layer]:
    """Blocks inside no other block, unless one block holds most of the network (a whole
    backbone)."""
    names = [layer.name for layer in layers]
    inside = Counter(a for a in names for b in names if b.startswith(f"{a}."))
    wrappers = {name for name, count in inside.items() if count >= max(6, len(names) // 2)}
    kept = [name for name in names if name not in wrappers]
    return [
        x for x in layers if x.name in kept and not any(x.name.startswith(f"{k}.") for k in kept)
    ]
