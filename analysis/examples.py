"""Real patches: where, on the pictures that are open, each neuron fires most, middling and least,
and for which classes.

One streaming pass of the network serves any number of layers; what is kept (``analysis.tally``)
does not grow with the number of pictures, and a pass that was ended goes on from its checkpoint.
Ranks go by a neuron's response to a picture, its activation at its strongest place, so that every
picture gives one patch at most.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.featurevis.objectives import field
from analysis.layers import Layer, find_layer, hooked
from analysis.tally import Arrays, Examples, Kept, Tally
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 2
KEPT = 9
BATCH = 8
"""Pictures that the network is given at once: on a processor, more are hardly faster."""


@dataclass(frozen=True)
class ExamplesRequest:
    """Which layer over which pictures (content keys); what the cache knows the result by."""

    layer: str
    pictures: tuple[str, ...]
    fit: str
    kept: int = KEPT


@dataclass(frozen=True)
class PassRequest:
    """A pass for several layers at once; what the cache knows its checkpoint by."""

    layers: tuple[str, ...]
    pictures: tuple[str, ...]
    fit: str
    kept: int = KEPT


@dataclass(frozen=True)
class Shot:
    """One picture of a pass: its number in the caller's list, its pixels (H, W, C) as the network
    sees it, and its label if any."""

    number: int
    pixels: NDArray[np.uint8]
    label: int | None = None


class Sweep:
    """A pass over pictures for several layers: ``take`` batches, then ask for each ``result``.

    ``position``: the number of the first picture that has not been taken, for the caller to go on
    from; ``taken``: how many were taken. ``checkpoint``: what a former pass over the same pictures
    and layers gave. Raises UserError for a layer that is not there or has no grid of places.
    """

    def __init__(
        self,
        classifier: "Classifier",
        layer_names: Sequence[str],
        *,
        kept: int = KEPT,
        checkpoint: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.classifier = classifier
        self.layers = [find_layer(classifier, name) for name in layer_names]
        for layer in self.layers:
            if layer.grid is None:
                raise UserError(f"layer {layer.name} has no grid of places; choose another")
        classes = len(classifier.categories)
        self.tallies = {
            x.name: Tally(x.channels, classes, kept=kept, signed=x.signed) for x in self.layers
        }
        self.position = self.taken = 0
        if checkpoint is not None:
            self._take_up(checkpoint)

    def take(self, shots: Sequence[Shot]) -> None:
        """Runs a few pictures at once and files what every neuron answers."""
        x = torch.cat([self.classifier.tensor(shot.pixels) for shot in shots])
        found: dict[str, tuple[Tensor, ...]] = {}

        def look(layer: Layer) -> Callable[[Tensor], None]:
            # looked at where it stands: a copy of every layer would cost more than the looking
            return lambda raw: found.update({layer.name: extremes(raw, layer)})

        with (
            torch.no_grad(),
            hooked(self.classifier.module, {x.name: look(x) for x in self.layers}),
        ):
            logits = self.classifier.module(x)
        for name, (value, *_) in found.items():
            if not bool(value.isfinite().all()):
                raise UserError(f"layer {name} gives numbers that are not finite on these pictures")
        said = logits.argmax(1).tolist()
        pairs = zip(shots, said, strict=True)
        classes = np.array([s if shot.label is None else shot.label for shot, s in pairs])
        numbers = np.array([shot.number for shot in shots], np.int32)
        for name, tally in self.tallies.items():
            tally.add(classes, *_filed(found[name], numbers))
        self.position, self.taken = int(numbers[-1]) + 1, self.taken + len(shots)

    def result(self, layer_name: str) -> Examples:
        """What was found out about a layer so far."""
        return self.tallies[find_layer(self.classifier, layer_name).name].result()

    def checkpoint(self) -> Arrays:
        """The state as plain arrays."""
        state = {
            f"{i}.{name}": array
            for i, tally in enumerate(self.tallies.values())
            for name, array in tally.arrays().items()
        }
        return {**state, "position": np.array([self.position, self.taken], np.int64)}

    def _take_up(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.position, self.taken = (int(n) for n in arrays["position"])
        for i, tally in enumerate(self.tallies.values()):
            own = f"{i}."
            tally.take_up({n[len(own) :]: a for n, a in arrays.items() if n.startswith(own)})


def extremes(raw: Tensor, layer: Layer) -> tuple[Tensor, ...]:
    """Of a raw output (B, ...): the highest value of each neuron and its place, and for a signed
    layer the lowest value, negated, and its place; (B, C) each.

    A silent neuron, zero everywhere, is filed under the middle place, not under a corner.
    """
    grid = field(raw, layer)
    value, place = _strongest(grid)
    if layer.signed:
        return (value, place, *_strongest(-grid))
    rows, cols = grid.shape[2:]
    return value, place.masked_fill(value == 0, (rows // 2) * cols + cols // 2)


def _strongest(grid: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, h, w) -> values and places (B, C). One pooling over everything: a third of the time of
    ``max``, which has to bring the places together first."""
    window = (grid.shape[2], grid.shape[3])
    value, place = functional.max_pool2d(grid, window, return_indices=True)
    return value.flatten(1), place.flatten(1)


def _filed(found: tuple[Tensor, ...], numbers: NDArray[np.int32]) -> tuple[Kept, Kept]:
    """What ``extremes`` found as columns (C, B) of candidates: for strength and for weakness."""
    value, place = (part.cpu().float().numpy().T for part in found[:2])
    high = Kept(value, np.broadcast_to(numbers, value.shape), place.astype(np.int32))
    if len(found) == 2:
        return high, Kept(-value, high.picture, high.place)
    lowest, where = (part.cpu().float().numpy().T for part in found[2:])
    return high, Kept(lowest, high.picture, where.astype(np.int32))


def sweep(run: Sweep, shots: Iterable[Shot], *, batch: int = BATCH) -> Iterator[Sweep]:
    """Takes all pictures, ``batch`` at a time, and yields the pass after each."""
    rest = iter(shots)
    while part := list(islice(rest, batch)):
        run.take(part)
        yield run


def automatic_name(examples: Examples, channel: int, names: tuple[str, ...]) -> str:
    """``mostly dalmatian, jaguar`` from the class profile; empty where the neuron fired for none.

    At most three classes, each at least half as strong as the first.
    """
    row = examples.profile[channel]
    if not len(row) or row.max() <= 0:
        return ""
    order = np.argsort(-row, kind="stable")[:3]
    strong = [int(examples.classes[i]) for i in order if row[i] >= 0.5 * row[order[0]]]
    return "mostly " + ", ".join(names[i] for i in strong)
