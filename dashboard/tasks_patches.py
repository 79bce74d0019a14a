"""Tasks of the real patches: the pass over the open pictures, and one neuron's strongest places."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.examples import (
    KEPT,
    RECIPE,
    Examples,
    ExamplesRequest,
    Shot,
    automatic_name,
    receptive_box,
    sweep,
)
from cache.errors import UserError
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task


def examples(bench: Bench, *, model: str, layer: str) -> Iterator[Progress]:
    """Runs every picture of the collections once; what it found is kept in the cache."""
    key = _key(bench, model, layer)
    if not bench.store.has(key):
        yield from _sweep(bench, model, layer, key)
    found = _read(bench, model, layer)
    names = bench.classifier(model).categories.names
    count = len(found.value)
    return {
        "pictures": len(found.keys), "skipped": found.skipped,
        "names": {str(c): n for c in range(count) if (n := automatic_name(found, c, names))},
    }  # fmt: skip


def _sweep(bench: Bench, model: str, layer: str, key: str) -> Iterator[Progress]:
    classifier = bench.classifier(model)
    pictures = bench.library.pictures()
    skipped: list[str] = []

    def shots() -> Iterator[Shot]:
        for picture in pictures:
            try:
                pixels = bench.pixels(classifier, picture.key)
            except UserError as error:
                skipped.append(str(error))
                continue
            label = classifier.categories.index_of_label(picture.label)
            yield Shot(picture.key, pixels, label)

    found: Examples | None = None
    for found in sweep(classifier, layer, shots(), kept=KEPT):
        yield Progress(len(found.keys), len(pictures))
    if found is None:
        raise UserError("none of the open pictures can be read")
    arrays = {
        "value": found.value, "picture": found.picture, "place": found.place,
        "profile": found.profile, "classes": np.array(found.classes, np.int32),
    }  # fmt: skip
    bench.store.put(key, "arrays", arrays, meta={"keys": found.keys, "skipped": skipped})


def _key(bench: Bench, model: str, layer: str) -> str:
    classifier = bench.classifier(model)
    keys = tuple(p.key for p in bench.library.pictures())
    request = ExamplesRequest(bench.layer(model, layer).name, keys, classifier.fit)
    return content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)


def _read(bench: Bench, model: str, layer: str) -> Examples:
    key = _key(bench, model, layer)

    def read() -> Examples:
        entry = bench.store.get(key)
        if entry is None:
            raise UserError("the real patches are still being looked for")
        arrays = entry.value
        return Examples(
            entry.meta["keys"], arrays["value"], arrays["picture"], arrays["place"],
            arrays["classes"].tolist(), arrays["profile"], entry.meta["skipped"],
        )  # fmt: skip

    found: Examples = bench.kept.get(key, read)
    return found


def patches(bench: Bench, *, model: str, layer: str, channel: int) -> list[dict[str, Any]]:
    """One neuron's strongest places, strongest first: [{picture, place, value}]."""
    found = _read(bench, model, layer)
    if not 0 <= channel < len(found.value):
        raise UserError(f"neuron {channel} is out of range: {layer} has {len(found.value)}")
    rows = zip(found.picture[channel], found.place[channel], found.value[channel], strict=True)
    return [
        {"picture": found.keys[picture], "place": int(place), "value": float(value)}
        for picture, place, value in rows if picture >= 0 and value > 0
    ]  # fmt: skip


def reach(bench: Bench, *, model: str, layer: str) -> list[float]:
    """Height and width of the patch that a place of the layer answers to, as parts of the
    picture."""
    name = bench.layer(model, layer).name
    key = ("reach", model, name)
    found: tuple[float, float] = bench.kept.get(
        key, lambda: receptive_box(bench.classifier(model), name)
    )
    return list(found)


PATCH_TASKS: dict[str, Task] = {"examples": examples, "patches": patches, "reach": reach}
