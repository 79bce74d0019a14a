"""Real patches: where, on the pictures that are open, each neuron of a layer fires most, and for
which classes.

One streaming pass; what is kept does not grow with the number of pictures. The patch is the part of
the picture that the place answers to, found by its gradient rather than by arithmetic on kernels,
so that it holds for any architecture.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.layers import capture, find_layer, run_to, to_positions
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1
KEPT = 9


@dataclass(frozen=True)
class ExamplesRequest:
    """Which layer over which pictures (content keys); what the cache knows the result by."""

    layer: str
    pictures: tuple[str, ...]
    fit: str
    kept: int = KEPT


@dataclass(frozen=True)
class Shot:
    """One picture of a sweep: its key, how to read it as the network sees it, and its label if
    any."""

    key: str
    pixels: NDArray[np.uint8]
    label: int | None = None


@dataclass
class Examples:
    """For each neuron its strongest pictures: value, picture (index into ``keys``) and place, (C,
    kept).

    ``profile`` (C, classes seen) is the mean over a class's pictures of the strongest response;
    ``classes`` names its columns by class index, labelled where a label is known, else as
    predicted.
    """

    keys: list[str]
    value: NDArray[np.float32]
    picture: NDArray[np.int32]
    place: NDArray[np.int32]
    classes: list[int]
    profile: NDArray[np.float32]
    skipped: list[str] = field(default_factory=list)


class Sweep:
    """Takes pictures one by one and keeps the strongest places of every neuron."""

    def __init__(self, classifier: "Classifier", layer_name: str, *, kept: int = KEPT) -> None:
        self.classifier, self.kept = classifier, kept
        self.layer = find_layer(classifier, layer_name)
        count = self.layer.channels
        self.keys: list[str] = []
        self.skipped: list[str] = []
        self.value = np.full((count, kept), -np.inf, np.float32)
        self.picture = np.full((count, kept), -1, np.int32)
        self.place = np.zeros((count, kept), np.int32)
        self.sums: dict[int, NDArray[np.float32]] = {}
        self.counts: dict[int, int] = {}

    def take(self, shot: Shot) -> None:
        """Runs one picture and files the strongest place of every neuron."""
        x = self.classifier.tensor(shot.pixels)
        caught, logits = capture(self.classifier.module, [self.layer.name], x, full=True)
        assert logits is not None
        responses = to_positions(caught[self.layer.name], self.layer)[0, :, self.layer.extras :]
        best = responses.max(dim=1) if responses.shape[1] else None
        if best is None:
            raise UserError(f"layer {self.layer.name} has no grid of places")
        self._file(best.values.cpu().numpy(), best.indices.cpu().numpy(), len(self.keys))
        self.keys.append(shot.key)
        of_class = shot.label if shot.label is not None else int(logits[0].argmax())
        values = best.values.float().cpu().numpy()
        self.sums[of_class] = self.sums.get(of_class, 0) + values
        self.counts[of_class] = self.counts.get(of_class, 0) + 1

    def _file(self, values: NDArray[np.float32], places: NDArray[np.int64], picture: int) -> None:
        """Puts one more candidate behind the kept ones and drops the weakest."""
        value = np.concatenate([self.value, values[:, None]], 1)
        pictures = np.concatenate([self.picture, np.full((len(values), 1), picture, np.int32)], 1)
        place = np.concatenate([self.place, places[:, None].astype(np.int32)], 1)
        order = np.argsort(-value, axis=1, kind="stable")[:, : self.kept]
        self.value = np.take_along_axis(value, order, 1)
        self.picture = np.take_along_axis(pictures, order, 1)
        self.place = np.take_along_axis(place, order, 1)

    def result(self) -> Examples:
        """What is kept so far."""
        classes = sorted(self.sums)
        columns = [self.sums[c] / self.counts[c] for c in classes]
        profile = np.stack(columns, 1) if columns else np.zeros((self.layer.channels, 0))
        return Examples(
            self.keys, self.value, self.picture, self.place, classes,
            profile.astype(np.float32), self.skipped,
        )  # fmt: skip


def sweep(
    classifier: "Classifier", layer_name: str, shots: Iterable[Shot], *, kept: int = KEPT
) -> Iterator[Examples]:
    """The examples after every picture; the last one is the result."""
    run = Sweep(classifier, layer_name, kept=kept)
    for shot in shots:
        run.take(shot)
        yield run.result()


def automatic_name(examples: Examples, channel: int, names: tuple[str, ...]) -> str:
    """``mostly dalmatian, jaguar`` from the class profile; empty where the neuron fired for none.

    At most three classes, each at least half as strong as the first.
    """
    row = examples.profile[channel]
    if not len(row) or row.max() <= 0:
        return ""
    order = np.argsort(-row, kind="stable")[:3]
    strong = [examples.classes[i] for i in order if row[i] >= 0.5 * row[order[0]]]
    return "mostly " + ", ".join(names[i] for i in strong)


def receptive_box(
    classifier: "Classifier", layer_name: str, *, share: float = 0.9
) -> tuple[float, float]:
    """Height and width, as parts of the picture, of the patch that a place of the layer answers to.

    The centred box that holds ``share`` of the squared gradient of the centre place with respect to
    a noise picture ("effective receptive field", Luo et al. 2016); at least one cell, at most the
    whole picture.
    """
    layer = find_layer(classifier, layer_name)
    if layer.grid is None:
        raise UserError(f"layer {layer_name} has no grid of places")
    rows, cols = layer.grid
    x = classifier.probe().requires_grad_()
    centre = layer.extras + (rows // 2) * cols + cols // 2
    output = to_positions(run_to(classifier.module, layer.name, x), layer)[0, :, centre]
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(0)).to(output)
    energy = torch.autograd.grad((output * weight).sum(), x)[0].square().sum((0, 1)).cpu().numpy()
    height, width = energy.shape
    middle = (rows // 2 + 0.5) / rows * height, (cols // 2 + 0.5) / cols * width
    return (
        _reach(energy.sum(1), middle[0], share, height / rows),
        _reach(energy.sum(0), middle[1], share, width / cols),
    )


def _reach(line: NDArray[np.float32], middle: float, share: float, least: float) -> float:
    """The width, as a part of the line, of the interval around ``middle`` that holds ``share`` of
    it."""
    total = float(line.sum())
    if total <= 0:
        return min(1.0, least / len(line))
    away = np.abs(np.arange(len(line)) + 0.5 - middle)
    order = np.argsort(away, kind="stable")
    inside = np.cumsum(line[order]) >= share * total
    half = float(away[order][int(np.argmax(inside))]) + 0.5
    return float(min(1.0, max(least, 2 * half) / len(line)))
