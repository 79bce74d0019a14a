"""Reference numbers: how every neuron answers to a fixed set of photographs, kept in few bytes.

Classes are those that the network answers with, since the sets of photographs are labelled
differently. A class counts from ENOUGH photographs on: with fewer, one odd photograph names a
neuron; with more, few classes are left (of 1,000, three are enough in 606, five in 364).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from analysis import examples
from analysis.examples import Shot, Sweep, automatic_name, sweep
from analysis.featurevis.objectives import field
from analysis.layers import Layer, hooked
from analysis.photos import Collection, Picture
from analysis.selectivity import class_selectivity
from analysis.tally import BINS, Examples, Kept
from cache.keys import content_key
from cache.reference import Reference
from cache.store import Store

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1
ENOUGH = 3
LISTED = 12
SAVED_EVERY = 10.0  # seconds; what a kill costs at most
Show = Callable[[int, int], None]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Photographs:
    """A pass over pictures (content keys in their order); what its result is kept by."""

    layers: tuple[str, ...]
    pictures: tuple[str, ...]
    fit: str
    tally_recipe: int


def measure(
    classifier: "Classifier",
    layers: Sequence[str],
    collections: Sequence[Collection],
    store: Store,
    show: Show,
) -> dict[str, Reference]:
    """Runs every photograph once for all ``layers``; goes on from what ``store`` kept of a pass
    that was ended. UserError for a picture that cannot be read: the set is fixed."""
    pictures = [picture for collection in collections for picture in collection]
    asked = Photographs(
        tuple(layers), tuple(p.key for p in pictures), classifier.fit, examples.RECIPE
    )
    key = content_key(asked, fingerprint=classifier.fingerprint, recipe=RECIPE)
    kept, saved = store.get(key), monotonic()
    state = {} if kept is None else kept.value
    run = Sweep(classifier, layers, kept=1, checkpoint=state or None)
    widest = {
        x.name: state.get(f"widest.{x.name}", np.full(x.channels, -np.inf, np.float32))
        for x in run.layers
    }
    with hooked(classifier.module, {x.name: _look(x, widest) for x in run.layers}):
        for _ in sweep(run, shots(classifier, pictures, run.position)):
            if monotonic() - saved > SAVED_EVERY or run.taken == len(pictures):
                means = {f"widest.{name}": values for name, values in widest.items()}
                store.put(key, "arrays", {**run.checkpoint(), **means})
                saved = monotonic()
            show(run.taken, len(pictures))
    names = classifier.categories.names
    return {name: condensed(run.result(name), widest[name], names) for name in layers}


def _look(layer: Layer, widest: dict[str, Array]) -> Callable[[Tensor], None]:
    """Keeps the highest mean over all places."""

    def look(raw: Tensor) -> None:
        most = field(raw, layer).mean(dim=(2, 3)).amax(dim=0).float().cpu().numpy()
        widest[layer.name] = np.maximum(widest[layer.name], most)

    return look


def shots(classifier: "Classifier", pictures: Sequence[Picture], first: int) -> Iterator[Shot]:
    """The photographs from the ``first`` on as the network sees them, their labels left out."""
    for number in range(first, len(pictures)):
        image = pictures[number].decode(min_side=classifier.resize)
        yield Shot(number, classifier.pixels(image))


def condensed(found: Examples, widest: Array, names: tuple[str, ...]) -> Reference:
    """The numbers of a pass in the pack's form."""
    several = _of_enough(found)
    order = np.argsort(-several.profile, axis=1, kind="stable")[:, :LISTED]
    counts, low, high = _histograms(found)
    channels = range(len(found.mean))
    return Reference(
        pictures=found.pictures, counts=counts, low=low, high=high,
        maximum=found.strongest.value[:, 0].astype(np.float32),
        mean=found.mean, sd=found.sd, widest=widest,
        strongest=found.strongest.picture[:, 0].astype(np.uint16),
        classes=several.classes[order].astype(np.uint16),
        class_means=np.take_along_axis(several.profile, order, 1).astype(np.float16),
        class_pictures=several.per_class[order].astype(np.uint16),
        selectivity=class_selectivity(several.profile).astype(np.float16),
        names=tuple(automatic_name(several, channel, names) for channel in channels),
    )  # fmt: skip


def _of_enough(found: Examples) -> Examples:
    """The same without the classes that have too few photographs."""
    kept = np.flatnonzero(found.per_class >= ENOUGH)
    return replace(
        found, classes=found.classes[kept], per_class=found.per_class[kept],
        profile=found.profile[:, kept],
    )  # fmt: skip


def _histograms(found: Examples) -> tuple[NDArray[np.uint16], Any, Any]:
    """Counts (C, bins), and where they begin and end (C,). Only the half from zero on where no
    response of the layer is negative: what was silent lies in its first step."""
    high = np.ldexp(np.float32(1), found.exponent).astype(np.float32)
    half = BINS // 2
    if found.counts[:, :half].any():
        return found.counts.astype(np.uint16), -high, high
    return found.counts[:, half:].astype(np.uint16), np.zeros_like(high), high


def counts_of(collections: Sequence[Collection]) -> Mapping[str, int]:
    """How many photographs each set has."""
    return {collection.name: len(collection) for collection in collections}


def as_examples(known: Reference) -> Examples:
    """The numbers in the form of a pass over pictures, without places and classes: for what
    compares an icon with photographs (``trust``)."""
    count, bins = known.counts.shape
    counts = np.zeros((count, BINS), np.int32)
    counts[:, BINS - bins :] = known.counts
    strongest, none = Kept.empty(count, 1), Kept.empty(count, 1)
    strongest.value[:, 0], strongest.picture[:, 0] = known.maximum, known.strongest
    return Examples(
        known.pictures, strongest, none, none, counts,
        np.log2(known.high).round().astype(np.int32), known.mean, known.sd,
        np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((count, 0), np.float32),
    )  # fmt: skip
