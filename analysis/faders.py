"""Neurons, or neuron groups, turned up or down: their activation times 0 to 2, and the rest of the
network run again.

On one picture through its tail, in milliseconds; over many labelled pictures with the change
hooked into the network, to see what it costs or gains elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.ablation import logits_of
from analysis.activations import checked_channel
from analysis.attribution import Array, Target
from analysis.counterfactual import BATCH, Reading, readings
from analysis.groups import Groups
from analysis.layers import Layer, from_positions, hooked, to_positions
from analysis.pasting import Pixels
from analysis.tail import Tail
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

MOST = 2.0
FADERS = 16


def keep_of(layer: Layer, factors: Mapping[int, float]) -> Array:
    """The keep (C, 1) that multiplies neurons. UserError: no such neuron, or beyond 0 to 2."""
    keep = np.ones((layer.channels, 1), np.float32)
    for channel, factor in _checked(factors).items():
        keep[checked_channel(layer, channel)] = factor
    return keep


def _checked(factors: Mapping[int, float]) -> Mapping[int, float]:
    if len(factors) > FADERS:
        raise UserError(f"at most {FADERS} neurons can be faded at once")
    for factor in factors.values():
        if not 0 <= factor <= MOST:
            raise UserError(f"a fader goes from 0 to {MOST:g}, not to {factor:g}")
    return factors


@dataclass(frozen=True, eq=False)
class GroupFade:
    """One picture's neuron groups, and by how much each is multiplied."""

    groups: Groups
    factors: Mapping[int, float]

    def keep(self) -> Array:
        """(C, P) for the picture itself: each group's part of every activation multiplied.
        UserError: no such group, or beyond 0 to 2."""
        return self._kept(self.groups, 1.0)

    def keep_on(self, activation: Array) -> Array:
        """The same for another picture's activation (C, P): of what the groups do not reproduce
        there nothing is taken or added."""
        found = self.groups.on(activation)
        flat = found.spatial.reshape(len(found), -1)
        part, real = np.ones_like(activation), np.abs(activation[:, found.layer.extras :])
        rebuilt = np.abs(found.channels.T @ flat)
        grid = np.divide(rebuilt, real, out=np.zeros_like(real), where=real > 0).clip(0, 1)
        part[:, found.layer.extras :] = grid
        return self._kept(found, part)

    def _kept(self, found: Groups, part: Array | float) -> Array:
        keep = np.ones_like(found.activation)
        for group, factor in _checked(self.factors).items():
            keep += (factor - 1) * found.share([group]) * part
        return keep


def faded(
    tail: Tail, layer: Layer, factors: Mapping[int, float], target: Target, *,
    groups: GroupFade | None = None,
) -> tuple[Reading, Reading]:  # fmt: skip
    """The picture of a tail before, and with the neurons (and its groups) multiplied."""
    keep = keep_of(layer, factors) * (1 if groups is None else groups.keep())
    after = logits_of(tail, layer, [keep])
    both = np.concatenate([tail.logits.float().cpu().numpy(), after])
    before, now = readings(both, target)
    return before, now


@dataclass(frozen=True)
class Cost:
    """Labelled pictures with and without the change. ``right``: answered rightly before and now;
    ``gained``: wrong before and right now; ``lost``: the other way round. ``of_a`` and ``of_b``:
    the same two counts and the number of pictures, for those of class a and of class b."""

    pictures: int
    right: tuple[int, int]
    gained: int
    lost: int
    of_a: tuple[int, int, int]
    of_b: tuple[int, int, int]


def cost(
    classifier: "Classifier", layer: Layer, factors: Mapping[int, float],
    pictures: Iterable[tuple[Pixels, int]], target: Target, *, groups: GroupFade | None = None,
) -> Iterator[Cost]:  # fmt: skip
    """What the change costs or gains over labelled pictures ((H, W, C), class): after each batch
    what is known so far. ``groups``: of one picture; in the others whatever looks like them."""
    keep, rest = torch.from_numpy(keep_of(layer, factors)), iter(pictures)
    said: list[tuple[int, int, int]] = []
    while batch := list(islice(rest, BATCH)):
        x = torch.cat([classifier.tensor(pixels) for pixels, _ in batch])
        before = _answers(classifier, x)
        with hooked(
            classifier.module, {layer.name: lambda raw: _multiplied(raw, keep, layer, groups)}
        ):
            now = _answers(classifier, x)
        said += [(label, int(b), int(n))
                 for (_, label), b, n in zip(batch, before, now, strict=True)]  # fmt: skip
        yield counted(said, target)


def _answers(classifier: "Classifier", x: Tensor) -> NDArray[np.int64]:
    with torch.no_grad():
        found: NDArray[np.int64] = classifier.module(x).argmax(1).cpu().numpy()
    return found


def _multiplied(raw: Tensor, keep: Tensor, layer: Layer, groups: GroupFade | None) -> Tensor:
    """A raw output (B, ...) with every neuron multiplied by its part of ``keep`` (C, 1)."""
    values = to_positions(raw, layer)
    if groups is not None:
        each = [groups.keep_on(one) for one in values.detach().float().cpu().numpy()]
        keep = keep * torch.from_numpy(np.stack(each))
    return from_positions(values * keep.to(raw), layer, like=raw)


def counted(said: Sequence[tuple[int, int, int]], target: Target) -> Cost:
    """Of (class, answer before, answer now) each."""
    right = [(label == before, label == now, label) for label, before, now in said]

    def of(index: int | None) -> tuple[int, int, int]:
        own = [r for r in right if r[2] == index]
        return sum(r[0] for r in own), sum(r[1] for r in own), len(own)

    return Cost(
        len(right), (sum(r[0] for r in right), sum(r[1] for r in right)),
        sum(now and not before for before, now, _ in right),
        sum(before and not now for before, now, _ in right),
        of(target.a), of(target.rather_than),
    )  # fmt: skip
