"""The rest of a network from one layer on, for one picture: what ablation and path integration run
thousands of times.

One recorded pass notes every module call that was over before the layer was; when the tail runs,
those calls answer with what they answered then, the layer answers with the activation that is
handed in, and only what lies behind it is computed. Functional code in between (sums,
concatenations) runs as it is, so skip connections are exact.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from analysis.layers import hooked, split_name, watched
from cache.errors import UserError

Call = tuple[str, int]
Mode = Literal["broadcast", "expand", "whole"]
_MODES: "weakref.WeakKeyDictionary[nn.Module, dict[str, Mode]]" = weakref.WeakKeyDictionary()


class _Recorder:
    """Keeps the outputs of the outermost calls that ended before the layer's call did."""

    def __init__(self, target: Call) -> None:
        self.target = target
        self.calls: Counter[str] = Counter()
        self.open: list[Call] = []
        self.ended: dict[Call, object] = {}
        self.activation: Tensor | None = None

    def enter(self, path: str) -> None:
        self.calls[path] += 1
        self.open.append((path, self.calls[path]))

    def leave(self, path: str, _module: nn.Module, output: object) -> None:
        call = self.open.pop()
        if self.activation is not None:
            return
        inner = f"{path}."
        self.ended = {c: out for c, out in self.ended.items() if not c[0].startswith(inner)}
        if call == self.target:
            if not isinstance(output, Tensor):
                raise UserError(f"layer {path!r} does not put out one tensor")
            self.activation = output.detach().clone()
        else:
            self.ended[call] = _copied(output)


def _copied(output: object) -> object:
    """The same structure with its tensors cloned, so that no later in-place operation reaches
    them."""
    if isinstance(output, Tensor):
        return output.detach().clone()
    if isinstance(output, tuple | list):
        return type(output)(_copied(part) for part in output)
    return output


def _repeated(output: object, times: int) -> object:
    if isinstance(output, Tensor):
        return output.repeat(times, *[1] * (output.dim() - 1))
    if isinstance(output, tuple | list):
        return type(output)(_repeated(part, times) for part in output)
    return output


class Tail:
    """The network behind ``name`` for the picture ``x`` (1, C, H, W).

    ``activation``: what the layer put out, raw (1, ...); ``logits``: (1, classes) of the untouched
    picture. Calling it with raw activations (N, ...) gives logits (N, classes), differentiable in
    the activations.
    """

    def __init__(self, module: nn.Module, name: str, x: Tensor) -> None:
        if len(x) != 1:
            raise ValueError(f"a tail belongs to one picture, not to {len(x)}")
        self.module, self.name, self.x = module, name, x
        self.target = split_name(name)
        recorder = _Recorder(self.target)
        with watched(module, recorder.enter, recorder.leave), torch.no_grad():
            self.logits: Tensor = module(x)
        if recorder.activation is None:
            raise UserError(f"layer {name!r} did not run in the forward pass of this network")
        self.activation = recorder.activation
        self._answers = recorder.ended
        self._mode = self._settled_mode()

    def __call__(self, activations: Tensor) -> Tensor:
        """Logits (N, classes) of the rest of the network for raw activations (N, ...)."""
        return self._run(activations, self._mode)

    def _settled_mode(self) -> Mode:
        """The cheapest way that reproduces the logits exactly; found once a layer of a network."""
        known = _MODES.setdefault(self.module, {})
        if self.name not in known:
            known[self.name] = next(m for m in ("broadcast", "expand", "whole") if self._holds(m))
        return known[self.name]

    def _holds(self, mode: Mode) -> bool:
        if mode == "whole":
            return True
        pair = torch.cat([self.activation, torch.zeros_like(self.activation)])
        try:
            with torch.no_grad():
                fast, sure = self._run(pair, mode), self._run(pair, "whole")
        except RuntimeError:
            return False  # a shape did not fit: this way of answering does not suit the network
        return fast.shape == sure.shape and torch.allclose(fast, sure, rtol=1e-3, atol=1e-3)

    def _run(self, activations: Tensor, mode: Mode) -> Tensor:
        count = len(activations)
        if mode == "whole":
            with hooked(self.module, {self.name: lambda _: activations.clone()}):
                out: Tensor = self.module(self.x.repeat(count, 1, 1, 1))
            return out
        wide = mode == "expand"
        answers = (
            {c: _repeated(a, count) for c, a in self._answers.items()} if wide else self._answers
        )
        x = self.x.repeat(count, 1, 1, 1) if wide else self.x
        with _answering(self.module, {**answers, self.target: activations}):
            result: Tensor = self.module(x)
        return result


@contextmanager
def _answering(module: nn.Module, answers: dict[Call, object]) -> Iterator[None]:
    """While open, the named calls give a copy of their answer instead of running."""
    calls: Counter[str] = Counter()
    patched: list[tuple[nn.Module, Any]] = []

    def stub_for(path: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def stub(*args: Any, **kwargs: Any) -> Any:
            calls[path] += 1
            call = (path, calls[path])
            if call not in answers:
                return original(*args, **kwargs)
            answer = answers[call]
            return answer.clone() if isinstance(answer, Tensor) else _copied(answer)

        return stub

    try:
        for path in {call[0] for call in answers}:
            child = module.get_submodule(path)
            patched.append((child, child.__dict__.get("forward")))
            child.forward = stub_for(path, child.forward)
        yield
    finally:
        for child, before in patched:
            if before is None:
                del child.forward
            else:
                child.forward = before
