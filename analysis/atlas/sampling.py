"""Samples for an atlas: what a layer puts out at random places of many pictures, and how much each
of them speaks for every class.

Source: Carter et al., Activation Atlas (Distill 2019): places at random, never on the border, where
padding is seen; attribution of a sample to a class = activation x gradient of the logit. All
classes come from ONE forward-mode pass: the tangent is the activation itself at the sample's place
and zero elsewhere, so the tangent of logit c is the sum over channels of h * d logit_c / d h.

Places are drawn in parts of the picture, by the picture's content: another layer is looked at in
the same places, as far as its grid allows, and so the maps of two layers can be compared.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual
from torch.nn.attention import SDPBackend, sdpa_kernel

from analysis.layers import (
    Layer,
    find_layer,
    from_positions,
    hooked,
    list_layers,
    to_positions,
)
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Array = NDArray[Any]
TRIED = 64  # draws a place, before the places of a small grid are taken as used up
BUDGET = 1 << 29  # bytes of one pass
COPIES, AT_ONCE = 8, 64


@dataclass(frozen=True, eq=False)
class Samples:
    """What a few pictures gave, N samples: ``vectors`` (N, C), ``effects`` (N, classes) in logits,
    ``places`` (N,) row * columns + column; ``owner`` (N,) the picture's number among those given,
    ``logits`` (B, classes)."""

    vectors: Array
    effects: Array
    places: Array
    owner: Array
    logits: Array


def inner_layer(classifier: "Classifier", name: str) -> Layer:
    """The layer, if an atlas of it can be made; UserError where it has no places inside a
    border."""
    layer = find_layer(classifier, name)
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places; choose another")
    if min(layer.grid) < 3:
        rows, cols = layer.grid
        raise UserError(
            f"the grid of layer {layer.name}, {rows} x {cols}, is all border; choose an earlier one"
        )
    return layer


def drawn_places(key: str, grid: tuple[int, int], count: int, seed: int) -> list[int]:
    """Up to ``count`` different places off the border, for the picture with this content key."""
    rows, cols = grid[0] - 2, grid[1] - 2
    word = hashlib.sha256(f"{key} {seed}".encode()).digest()
    draws = np.random.default_rng(np.frombuffer(word, np.uint32)).random((count * TRIED, 2))
    found: dict[int, None] = {}
    for y, x in draws:
        if len(found) == min(count, rows * cols):
            break
        found[(1 + int(y * rows)) * grid[1] + 1 + int(x * cols)] = None
    return list(found)


class Sampler:
    """Takes samples of one layer of a network, as many at a time as fit into ``BUDGET``."""

    def __init__(self, classifier: "Classifier", layer_name: str) -> None:
        self.classifier, self.layer = classifier, inner_layer(classifier, layer_name)

    def take(self, x: Tensor, places: Sequence[Sequence[int]]) -> Samples:
        """Samples of pictures ``x`` (B, ...) as the network is fed, each at its own places, of
        which it has one at the least."""
        owner = np.repeat(np.arange(len(x)), [len(p) for p in places])
        flat = np.array([place for own in places for place in own], np.int64)
        late = len(flat) > len(x) and self.late
        found = []
        for i in range(0, len(flat), self.at_once(late)):
            part = slice(i, i + self.at_once(late))
            first, last = int(owner[part][0]), int(owner[part][-1])
            mine = x[first : last + 1]
            found.append(self._passed(mine, owner[part] - first, flat[part], late=late))
        vectors, effects, logits = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if not (np.isfinite(vectors).all() and np.isfinite(effects).all()):
            raise UserError(
                f"layer {self.layer.name} gives numbers that are not finite on these pictures"
            )
        first_of = np.searchsorted(owner, np.arange(len(x)))
        return Samples(vectors, effects, flat, owner, logits[first_of])

    def at_once(self, late: bool) -> int:
        """How many samples go through the network together: by the largest output among the layers
        that see them all, its tangent, and what is made from both."""
        seen = list_layers(self.classifier)[self.layer.order if late else 0 :]
        largest = max(layer.channels * layer.positions for layer in seen)
        return max(1, min(AT_ONCE, BUDGET // (4 * largest * COPIES)))

    @cached_property
    def late(self) -> bool:
        """Whether the layer's output may be copied and the rest of the network run on the copies:
        not where a way around the layer brings the pictures along uncopied. Asked with two
        pictures and three copies: one picture would silently be stretched over its copies, there
        and only there."""
        x = self.classifier.probe()
        x, owner = torch.cat([x, x.flip(-1)]), np.array([0, 1, 1])
        last = self.layer.positions - self.layer.extras - 1
        flat = np.array([0, last, 0])
        sure = self._passed(x, owner, flat, late=False)
        try:
            fast = self._passed(x, owner, flat, late=True)
        except RuntimeError:
            return False  # a shape did not fit
        return all(
            a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4 * float(np.abs(b).max()))
            for a, b in zip(fast, sure, strict=True)
        )

    def _passed(
        self, x: Tensor, owner: Array, flat: Array, *, late: bool
    ) -> tuple[Array, Array, Array]:
        """Vectors (N, C), effects and logits (N, classes) of N samples."""
        index = torch.from_numpy(owner).to(x.device)
        at = torch.from_numpy(flat).to(x.device) + self.layer.extras
        caught: list[Tensor] = []
        x = x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
        with (
            torch.no_grad(), dual_level(), _plain_attention(),
            hooked(self.classifier.module, {self.layer.name: self._look(index, at, late, caught)}),
        ):  # fmt: skip
            out = self.classifier.module(x if late else x[index])
            logits, effects = unpack_dual(out)  # type: ignore[no-untyped-call]
        if effects is None:
            effects = torch.zeros_like(logits)
        found = (caught[0], effects, logits)
        vectors, effects, logits = (t.detach().float().cpu() for t in found)
        return vectors.numpy(), effects.numpy(), logits.numpy()

    def _look(
        self, index: Tensor, at: Tensor, late: bool, caught: list[Tensor]
    ) -> Callable[[Tensor], Tensor]:
        def look(raw: Tensor) -> Tensor:
            wide = raw[index] if late else raw.clone()
            values = to_positions(wide, self.layer)
            rows = torch.arange(len(at), device=at.device)
            own = values[rows, :, at]
            caught.append(own.clone())
            tangent = torch.zeros_like(values)
            tangent[rows, :, at] = own
            dual: Tensor = make_dual(  # type: ignore[no-untyped-call]
                wide, from_positions(tangent, self.layer, like=wide)
            )
            return dual

        return look


@contextmanager
def _plain_attention() -> Iterator[None]:
    """While open, attention is computed step by step: its fused forms know no forward mode."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
