"""Neurons turned up or down: their activation times 0 to 2, and the rest of the network run again.

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
    if len(factors) > FADERS:
        raise UserError(f"at most {FADERS} neurons can be faded at once")
    keep = np.ones((layer.channels, 1), np.float32)
    for channel, factor in factors.items():
        if not 0 <= factor <= MOST:
            raise UserError(f"a fader goes from 0 to {MOST:g}, not to {factor:g}")
        keep[checked_channel(layer, channel)] = factor
    return keep


def faded(
    tail: Tail, layer: Layer, factors: Mapping[int, float], target: Target
) -> tuple[Reading, Reading]:
    """The picture of a tail before, and with the neurons multiplied."""
    after = logits_of(tail, layer, [keep_of(layer, factors)])
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
    pictures: Iterable[tuple[Pixels, int]], target: Target,
) -> Iterator[Cost]:  # fmt: skip
    """What the change costs or gains over labelled pictures ((H, W, C), class): after each batch
    what is known so far."""
    keep, rest = torch.from_numpy(keep_of(layer, factors)), iter(pictures)
    said: list[tuple[int, int, int]] = []
    while batch := list(islice(rest, BATCH)):
        x = torch.cat([classifier.tensor(pixels) for pixels, _ in batch])
        before = _answers(classifier, x)
        with hooked(classifier.module, {layer.name: lambda raw: _multiplied(raw, keep, layer)}):
            now = _answers(classifier, x)
        said += [(label, int(b), int(n))
                 for (_, label), b, n in zip(batch, before, now, strict=True)]  # fmt: skip
        yield counted(said, target)


def _answers(classifier: "Classifier", x: Tensor) -> NDArray[np.int64]:
    with torch.no_grad():
        found: NDArray[np.int64] = classifier.module(x).argmax(1).cpu().numpy()
    return found


def _multiplied(raw: Tensor, keep: Tensor, layer: Layer) -> Tensor:
    """A raw output (B, ...) with every neuron multiplied by its part of ``keep`` (C, 1)."""
    return from_positions(to_positions(raw, layer) * keep.to(raw), layer, like=raw)


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
