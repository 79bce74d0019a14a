"""Redirected gradients: a way out for pictures that a ReLU leaves without any gradient.

Source: Lucid, ``misc/redirected_relu_grad.py``; Distill 2017. Where a ReLU lets no gradient at all
through for one picture, gradients that would raise a unit out of its flat part are let through
there. Without it, a unit that is silent on the starting noise stays silent and its icon is a grey
square.

A picture that shall make a unit as *small* as possible has the same trouble for good: behind a ReLU
nothing is smaller than zero. ``outermost`` finds the ReLUs that end a layer, and ``Redirected`` can
leave these out, so that the value before the ReLU is what is made small.

The change is made where torch's functions are called (``torch.overrides``), not in modules: it
holds alike for ``nn.ReLU``, ``nn.ReLU6``, ``functional.relu``, ``x.relu_()`` and
``x.clamp(min=0)``, and nothing has to be undone in the network.
"""

from collections.abc import Callable
from math import inf
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_RELU: set[Any] = {
    functional.relu,
    torch.relu,
    Tensor.relu,
    torch.relu_,
    Tensor.relu_,
    functional.relu_,
}
_RELU6: set[Any] = {functional.relu6}
_HARDTANH: set[Any] = {functional.hardtanh, functional.hardtanh_}
_CLAMP: set[Any] = {torch.clamp, Tensor.clamp, Tensor.clamp_}
_CLAMP_MIN: set[Any] = {torch.clamp_min, Tensor.clamp_min, Tensor.clamp_min_}
_STATEMENTS: set[Any] = {torch.relu_, Tensor.relu_, functional.relu_, functional.hardtanh_}
_STATEMENTS |= {Tensor.clamp_, Tensor.clamp_min_}  # may be called for their effect on x alone
_WEIGHTED = (
    "Convolution",
    "Conv",
    "Addmm",
    "MmBackward",
    "Bmm",
    "Linear",
    "Attention",
    "FromColours",
)


class _Clamp(torch.autograd.Function):
    """``x.clamp(low, high)``, in place or not; ``pictures`` (B) marks those whose gradient may be
    redirected. What was flat shows in the output, so only that is kept."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, low: float, high: float, in_place: bool, pictures: Tensor
    ) -> Tensor:
        out = x.clamp_(low, high) if in_place else x.clamp(low, high)
        if in_place:
            ctx.mark_dirty(x)
        ctx.save_for_backward(out)
        ctx.low, ctx.high, ctx.pictures = low, high, pictures
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        (out,), (grad,) = ctx.saved_tensors, grads
        passed = _passed(grad, out, ctx.low, ctx.high)
        every = tuple(range(1, out.dim()))
        stuck = torch.linalg.vector_norm(passed, inf, dim=every) == 0
        stuck = stuck & ctx.pictures
        if bool(stuck.any()):
            # gradients here are of a loss: a negative one asks for a larger value
            further = ((out <= ctx.low) & (grad > 0)) | ((out >= ctx.high) & (grad < 0))
            wide = stuck.view(-1, *[1] * len(every))
            passed = torch.where(wide, grad.masked_fill(further, 0), passed)
        return passed, None, None, None, None


def _passed(grad: Tensor, out: Tensor, low: float, high: float) -> Tensor:
    """The plain gradient: nothing where the output lies on a bound."""
    if low == 0 and high == inf:
        return cast(Tensor, torch.ops.aten.threshold_backward(grad, out, 0.0))
    return grad.masked_fill((out <= low) | (out >= high), 0)


class Redirected(TorchFunctionMode):
    """While open, every ReLU and ReLU6 below redirects the gradients of stuck pictures.

    ``pictures``: (B) bool, the pictures that it may be done for; None is none of them. A minimised
    objective's gradients are expected (the loss, not the score). ``left_out``: the numbers of those
    ReLU calls, counted from 0, that do nothing at all.
    """

    def __init__(
        self, pictures: Tensor | None = None, *, left_out: frozenset[int] = frozenset()
    ) -> None:
        super().__init__()
        self.pictures, self.left_out = pictures, left_out
        self.calls = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        bounds = _bounds(func, args, kwargs)
        if bounds is None or not isinstance(args[0], Tensor) or args[0].dim() < 2:
            return func(*args, **kwargs)
        x, number = args[0], self.calls
        self.calls += 1
        if number in self.left_out:
            return x
        if self.pictures is None or not x.requires_grad:
            return func(*args, **kwargs)
        in_place = _in_place(func, args, kwargs)
        if in_place and x._is_view():  # written through to its base, which has its own history
            return x.copy_(self._clamped(x.clone(), bounds, False, number))
        return self._clamped(x, bounds, in_place, number)

    def _clamped(
        self, x: Tensor, bounds: tuple[float, float], in_place: bool, number: int
    ) -> Tensor:
        out = cast(Tensor, _Clamp.apply(x, *bounds, in_place, self.pictures))  # type: ignore[no-untyped-call]
        cast(Any, out.grad_fn).number = number
        return out


def outermost(run: Callable[[], Tensor]) -> frozenset[int]:
    """The numbers of the ReLU calls that ``run`` puts its result through last: those met on the way
    back from the result before any convolution or matrix product."""
    with Redirected(torch.ones(1, dtype=torch.bool)):
        waiting, seen, found = [run().grad_fn], set(), set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen or any(w in node.name() for w in _WEIGHTED):
            continue
        seen.add(node)
        if hasattr(node, "number"):
            found.add(cast(int, node.number))
        else:
            waiting.extend(n for n, _ in node.next_functions)
    return frozenset(found)


def _bounds(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[float, float] | None:
    """The flat parts of a call, if it is one of the functions that have them."""
    if not args:
        return None
    if func in _RELU:
        return 0.0, inf
    if func in _RELU6:
        return 0.0, 6.0
    if func in _HARDTANH:
        low, high = _pair(args, kwargs, "min_val", "max_val", (-1.0, 1.0))
    elif func in _CLAMP:
        low, high = _pair(args, kwargs, "min", "max", (None, None))
    elif func in _CLAMP_MIN:
        low, high = _pair(args, kwargs, "min", "", (None, None))
    else:
        return None
    if (low != 0 and func not in _HARDTANH) or not isinstance(high, int | float | None):
        return None  # a bound that guards against division by zero, say, is left alone
    return float(low), inf if high is None else float(high)


def _in_place(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the caller may look at ``x`` afterwards and not at what is returned."""
    position = 3 if func in _HARDTANH else 1
    asked = kwargs.get("inplace", len(args) > position and args[position] is True)
    return func in _STATEMENTS or (asked is True and func not in _CLAMP | _CLAMP_MIN)


def _pair(
    args: tuple[Any, ...], kwargs: dict[str, Any], low: str, high: str, default: tuple[Any, Any]
) -> tuple[Any, Any]:
    first = args[1] if len(args) > 1 else kwargs.get(low, default[0])
    return first, args[2] if len(args) > 2 else kwargs.get(high, default[1])
