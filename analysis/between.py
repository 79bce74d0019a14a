"""From one layer of a network to a later one: rerun with the earlier layer changed, and carried
derivatives."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from analysis.layers import Layer, hooked, ladder, run_to
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Change = Callable[[Tensor], Tensor]


def run_between(
    module: nn.Module, source: str | None, layer: str | None, x: Tensor, change: Change
) -> Tensor:
    """The raw output of ``layer`` for pictures ``x`` (B, C, H, W) where ``source`` puts out
    ``change(output)``; what bypasses ``source`` stays as it is.

    ``source`` None is the picture itself, ``layer`` None the logits.
    """
    if source is None:
        x, hooks = change(x), nullcontext()
    else:
        hooks = hooked(module, {source: change})  # type: ignore[assignment]
    with hooks:
        if layer is not None:
            return run_to(module, layer, x)
        out: Tensor = module(x)
        return out


def pulled(
    module: nn.Module,
    source: str | None,
    layer: str | None,
    x: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    change: Change | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Backwards: what ``source`` put out, what ``layer`` did, and the derivative of the sum of
    ``score(layer's output)`` with respect to the former; None where it does not depend on it.

    ``change``: applied to the source's output first; the derivative is taken at what it gives.
    UserError where the source runs after the layer.
    """
    leaves: list[Tensor] = []

    def cut(output: Tensor) -> Tensor:
        start = output if change is None else change(output)
        leaves.append(start.detach().clone().requires_grad_())
        return leaves[0].clone()

    with torch.enable_grad():
        raw = run_between(module, source, layer, x, cut)
        total, grad = score(raw).sum(), None
        if leaves and total.requires_grad:
            (grad,) = torch.autograd.grad(total, leaves, allow_unused=True)
    if not leaves:
        raise UserError(f"layer {source} does not feed {layer}: name one that comes before it")
    return leaves[0].detach(), raw.detach(), grad


def pushed(
    module: nn.Module,
    source: str | None,
    layer: str | None,
    x: Tensor,
    direction: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Forwards: what ``layer`` puts out and how that changes, to first order, when
    ``direction(output)`` is added to what ``source`` puts out; one pass for all neurons."""

    def dual(output: Tensor) -> Tensor:
        # one that asks for a gradient keeps attention off its shortcut, which has no derivative
        start = output.detach().clone().requires_grad_()
        both: Tensor = forward_ad.make_dual(start, direction(start.detach()))  # type: ignore[no-untyped-call]
        return both.clone()

    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level():
        raw = run_between(module, source, layer, x, dual)
        value, tangent = forward_ad.unpack_dual(raw)  # type: ignore[no-untyped-call]
        change = torch.zeros_like(value) if tangent is None else tangent
        return value.detach(), change.detach()


def before(classifier: "Classifier", layer: Layer) -> Layer | None:
    """The ladder's last layer that is over before ``layer`` is, and no part of it; None for the
    picture itself."""
    steps = [
        step for step in ladder(classifier)
        if step.order < layer.order and not step.name.startswith(f"{layer.name}.")
    ]  # fmt: skip
    return steps[-1] if steps else None


def after(classifier: "Classifier", layer: Layer) -> Layer | None:
    """The ladder's first layer behind ``layer`` that does not hold it; None for the logits."""
    steps = (s for s in ladder(classifier) if s.order > layer.order)
    return next((s for s in steps if not layer.name.startswith(f"{s.name}.")), None)
