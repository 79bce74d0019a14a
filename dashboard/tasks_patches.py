"""Tasks of the real patches: the pass over the open pictures, and what it found of one neuron."""

import time
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from analysis.activations import checked_channel
from analysis.examples import (
    KEPT,
    RECIPE,
    ExamplesRequest,
    PassRequest,
    Shot,
    Sweep,
    automatic_name,
    sweep,
)
from analysis.layers import ladder
from analysis.reach import receptive_box
from analysis.tally import Examples
from cache.errors import UserError
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task

BATCH = 4  # a click waits for one batch: a tenth of a second; eight would be a tenth faster
SAVED_EVERY = 20.0  # seconds; what a kill costs at most
LISTED = 20  # of the pictures that cannot be read
TOP_CLASSES = 12
Which = Literal["strongest", "middle", "weakest"]


class _Pass:
    """One pass over the open pictures; whichever job waits for it moves it on."""

    def __init__(self, bench: Bench, model: str, layers: tuple[str, ...]) -> None:
        self.bench, self.model, self.layers = bench, model, layers
        self.classifier = bench.classifier(model)
        self.pictures = bench.library.pictures()
        keys = tuple(p.key for p in self.pictures)
        request = PassRequest(layers, keys, self.classifier.fit, KEPT)
        self.key = content_key(request, fingerprint=self.classifier.fingerprint, recipe=RECIPE)
        kept = bench.store.get(self.key)
        self.run = Sweep(
            self.classifier, layers, kept=KEPT, checkpoint=None if kept is None else kept.value
        )
        self.skipped: list[str] = [] if kept is None else kept.meta["skipped"]
        self.saved = time.monotonic()
        self.steps = sweep(self.run, self._shots(self.run.position), batch=BATCH)

    def _shots(self, first: int) -> Iterator[Shot]:
        """What can be read of the pictures from the ``first`` on."""
        for shot in map(self._shot, range(first, len(self.pictures))):
            if isinstance(shot, Shot):
                yield shot
            elif len(self.skipped) < LISTED:
                self.skipped.append(shot)

    def _shot(self, number: int) -> Shot | str:
        picture = self.pictures[number]
        try:
            pixels = self.bench.pixels(self.classifier, picture.key)
        except UserError as error:
            return str(error)
        return Shot(number, pixels, self.classifier.categories.index_of_label(picture.label))

    def step(self) -> Progress:
        """One batch more; at the end the results are in the cache, and the checkpoint is not."""
        if next(self.steps, None) is None:
            self._finish()
        elif time.monotonic() - self.saved > SAVED_EVERY:
            meta = {"skipped": self.skipped}
            self.bench.store.put(self.key, "arrays", self.run.checkpoint(), meta=meta)
            self.saved = time.monotonic()
        return Progress(self.run.position, len(self.pictures))

    def _finish(self) -> None:
        if not self.run.taken:
            raise UserError("none of the open pictures can be read")
        meta = {"keys": [p.key for p in self.pictures], "skipped": self.skipped}
        for layer in self.layers:
            arrays, key = self.run.result(layer).arrays(), _key(self.bench, self.model, layer)
            self.bench.store.put(key, "arrays", arrays, meta=meta)
        self.bench.store.remove(self.key)


def examples(bench: Bench, *, model: str, layer: str) -> Iterator[Progress]:
    """Runs every picture of the collections once; what it found is kept in the cache.

    The layers of the ladder are looked at together; a pass that was ended goes on from its last
    checkpoint.
    """
    key = _key(bench, model, layer)
    if not bench.store.has(key):
        yield from _swept(bench, model, _together(bench, model, layer), key)
    found, entry = _read(bench, model, layer)
    names = bench.classifier(model).categories.names
    count = len(found.mean)
    return {
        "pictures": found.pictures, "skipped": entry["skipped"],
        "names": {str(c): n for c in range(count) if (n := automatic_name(found, c, names))},
    }  # fmt: skip


def _swept(bench: Bench, model: str, layers: tuple[str, ...], key: str) -> Iterator[Progress]:
    """Moves on the pass that all jobs for these layers share, until ``key`` is there."""
    here = ("pass", model, layers)
    while not bench.store.has(key):
        going: _Pass = bench.kept.get(here, lambda: _Pass(bench, model, layers))
        try:
            progress = going.step()
        except Exception:
            bench.kept.kept.pop(here, None)
            raise
        yield progress
    bench.kept.kept.pop(here, None)


def _together(bench: Bench, model: str, layer: str) -> tuple[str, ...]:
    """The layers of one pass: the whole ladder, as far as it is not known yet, or another layer
    alone."""
    asked = bench.layer(model, layer).name
    names = tuple(step.name for step in ladder(bench.classifier(model)))
    if asked not in names:
        return (asked,)
    return tuple(n for n in names if not bench.store.has(_key(bench, model, n)))


def _key(bench: Bench, model: str, layer: str) -> str:
    classifier = bench.classifier(model)
    keys = tuple(p.key for p in bench.library.pictures())
    request = ExamplesRequest(bench.layer(model, layer).name, keys, classifier.fit)
    return content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)


def _read(bench: Bench, model: str, layer: str) -> tuple[Examples, dict[str, Any]]:
    key = _key(bench, model, layer)

    def read() -> tuple[Examples, dict[str, Any]]:
        entry = bench.store.get(key)
        if entry is None:
            raise UserError("the real patches are still being looked for")
        return Examples.of(entry.value), entry.meta

    found: tuple[Examples, dict[str, Any]] = bench.kept.get(key, read)
    return found


def read_examples(bench: Bench, model: str, layer: str) -> Examples:
    """What the pass over the open pictures found; UserError while it is under way."""
    return _read(bench, model, layer)[0]


def patches(
    bench: Bench, *, model: str, layer: str, channel: int, which: Which = "strongest"
) -> list[dict[str, Any]]:
    """One neuron's places, strongest first (of the weakest: weakest first): [{picture, place,
    value}].

    ``which``: the strongest, those in the middle, or the weakest.
    """
    found, meta = _read_neuron(bench, model, layer, channel)
    if which not in ("strongest", "middle", "weakest"):
        raise UserError(f"patches are the strongest, middle or weakest, not {which!r}")
    kept = getattr(found, which)
    rows = zip(*(part[channel] for part in kept.parts), strict=True)
    return [
        {"picture": meta["keys"][picture], "place": int(place), "value": float(value)}
        for value, picture, place in rows
        if picture >= 0 and (value > 0 or which != "strongest")
    ]


def responses(bench: Bench, *, model: str, layer: str, channel: int) -> dict[str, Any]:
    """How one neuron answers to the open pictures: {pictures, maximum, mean, sd, edges, counts,
    classes: [{class, index, mean, pictures}]}, the classes that it answers most first."""
    found, _ = _read_neuron(bench, model, layer, channel)
    names = bench.classifier(model).categories.names
    edges, counts = found.histogram(channel)
    order = np.argsort(-found.profile[channel], kind="stable")[:TOP_CLASSES]
    return {
        "pictures": found.pictures, "maximum": found.maximum(channel),
        "mean": float(found.mean[channel]), "sd": float(found.sd[channel]),
        "edges": edges, "counts": counts,
        "classes": [
            {"class": names[found.classes[i]], "index": int(found.classes[i]),
             "mean": float(found.profile[channel, i]), "pictures": int(found.per_class[i])}
            for i in order
        ],
    }  # fmt: skip


def _read_neuron(
    bench: Bench, model: str, layer: str, channel: int
) -> tuple[Examples, dict[str, Any]]:
    checked_channel(bench.layer(model, layer), channel)
    return _read(bench, model, layer)


def reach(bench: Bench, *, model: str, layer: str) -> list[float]:
    """Height and width of the patch that a place of the layer answers to, as parts of the
    picture."""
    name = bench.layer(model, layer).name
    key = ("reach", model, name)
    found: tuple[float, float] = bench.kept.get(
        key, lambda: receptive_box(bench.classifier(model), name)
    )
    return list(found)


PATCH_TASKS: dict[str, Task] = {
    "examples": examples, "patches": patches, "responses": responses, "reach": reach,
}  # fmt: skip
