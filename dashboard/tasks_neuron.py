"""Tasks of the Neuron page: how far to trust the icon, how the neuron is wired, and what feeds it
on the opened picture."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from analysis.attribution import Array
from analysis.featurevis.icons import IconRequest, in_quality
from analysis.featurevis.icons import strides as icon_strides
from analysis.feeds import Check, Row, drives, feeds
from analysis.layers import Layer
from analysis.reference import as_examples
from analysis.tally import Examples
from analysis.trust import trust
from analysis.weights import into, maps_behind, speaks_for
from cache.errors import UserError
from cache.reference import Reference
from dashboard.bench import Bench
from dashboard.grids import blocks, numbers
from dashboard.protocol import Progress, Task
from dashboard.starter import ENOUGH
from dashboard.tasks_icons import Subject, icon_key
from dashboard.tasks_patches import examples, read_examples

SEEDS = 3
WEIGHTS = 12
CLASSES = 4
MAP_CELLS = 14


def trusted(bench: Bench, *, model: str, layer: str, unit: int) -> Iterator[Progress]:
    """Measures the icon that is shown, and those of two more seeds, on the layer itself.

    {sentence, ratio, activation, maximum, percentile, pictures, rank, units, z, spread, agreement,
    seeds: addresses of their pictures, reference}. ``reference``: the open pictures are too few, so
    ``pictures`` are the reference photographs of the starter pack.
    """
    yield from examples(bench, model=model, layer=layer)
    classifier, name = bench.classifier(model), bench.layer(model, layer).name
    plain = in_quality(IconRequest(layer=name, units=(unit,)), "full", classifier)
    pictures = []
    for seed in range(SEEDS):
        request = replace(plain, seed=bench.config["seed"] + seed)
        kept = bench.store.get(_seed_key(bench, model, name, unit, seed))
        if kept is None:
            for step, frame in enumerate(icon_strides(classifier, request, every=plain.steps)):
                yield Progress(seed * plain.steps + step, SEEDS * plain.steps)
                if frame is not None:
                    shown = frame
            meta = {"activation": shown.activations[0], "dead": shown.dead[0]}
            key = _seed_key(bench, model, name, unit, seed)
            bench.store.put(key, "webp", shown.images[0], meta={**meta, "steps": shown.step})
            kept = bench.store.get(key)
        assert kept is not None
        pictures.append(kept)
    seen, reference = _compared(bench, model, name)
    shown_pictures = np.stack([p.value for p in pictures])
    found = trust(classifier, name, unit, shown_pictures, seen, input_size=plain.input_size)
    return {
        **asdict(found), "sentence": found.sentence, "ratio": found.ratio,
        "seeds": [f"/blob/{p.key}" for p in pictures], "reference": reference,
    }  # fmt: skip


def _compared(bench: Bench, model: str, layer: str) -> tuple[Examples, bool]:
    """What the icon is compared with: the open pictures, or where these are few the reference
    photographs, if the starter pack is of this network; and whether it is these."""
    seen = read_examples(bench, model, layer)
    if seen.pictures >= ENOUGH:
        return seen, False
    known = lent(bench, model, layer)
    return (seen, False) if known is None else (as_examples(known), True)


def lent(bench: Bench, model: str, layer: str) -> Reference | None:
    """How the layer's neurons answer to the reference photographs, where the starter pack is of
    this network."""
    pack = bench.starter.fitting(bench.classifier(model).fingerprint, bench.config["seed"])
    return None if pack is None else pack.reference(layer)


def _seed_key(bench: Bench, model: str, layer: str, unit: int, seed: int) -> str:
    """The first is the large icon of the page itself."""
    return icon_key(bench, model, layer, Subject(unit, full=True), seed=seed)


def wiring(bench: Bench, *, model: str, layer: str, unit: int) -> dict[str, Any]:
    """The weights into a neuron from the layer of the ladder before, largest first; and out of it
    to the classes, where one map leads there."""
    classifier = bench.classifier(model)
    found = into(classifier, layer, unit)
    rows = [{"channel": c, "weight": float(found.weights[c])} for c in found.top(WEIGHTS)]
    classes: list[dict[str, Any]] = []
    if maps_behind(classifier, bench.layer(model, layer)) <= 1:
        votes, names = speaks_for(classifier, layer, unit), classifier.categories.names
        order = np.argsort(-votes, kind="stable")
        ends = [*order[:CLASSES], *order[-CLASSES:]] if len(order) > 2 * CLASSES else order
        classes = [{"index": int(i), "class": names[i], "weight": float(votes[i])} for i in ends]
    return {
        "source": found.source, "rows": rows if found.source else [], "classes": classes,
        "all": len(found.weights), "reach": float(np.abs(found.weights).max()),
    }  # fmt: skip


def links(
    bench: Bench, *, model: str, picture: str, layer: str, unit: int, at: list[int] | None
) -> dict[str, Any]:
    """What makes the neuron fire on this picture (at this place), and what it makes fire: rows of
    an earlier and of a later layer, each estimate beside what was measured."""
    opened, classifier = bench.open(model, picture), bench.classifier(model)
    place = (at[0], at[1]) if at else None
    later = drives(classifier, opened.x, layer, unit, place=place)
    answer: dict[str, Any] = {
        "activation": later.activation, "feeds": None,
        "drives": {"layer": later.later, "rows": _rows(later.rows)},
    }  # fmt: skip
    if later.later is None:
        names = classifier.categories.names
        for row in answer["drives"]["rows"]:
            row["class"] = names[row["channel"]]
    else:
        _located(answer["drives"]["rows"], later.effects, bench.layer(model, later.later))
    try:
        found = feeds(classifier, opened.x, layer, unit, place=place)
    except UserError:  # no layer of the ladder comes before
        return answer
    answer["feeds"] = {
        "layer": found.source.layer.name, "rows": _rows(found.rows),
        "together": _check(found.together), "everything": _check(found.everything),
    }  # fmt: skip
    _located(answer["feeds"]["rows"], found.source.effect, found.source.layer)
    return answer


def _located(rows: list[dict[str, Any]], effects: Array, layer: Layer) -> None:
    """Adds to each row where in its layer the effect lies, from (C, P): {rows, cols, values}."""
    for row in rows:
        places = effects[row["channel"], layer.extras :].reshape(layer.grid or (1, 1))
        cells = blocks(places, MAP_CELLS, "sum")
        row["map"] = {"rows": cells.shape[0], "cols": cells.shape[1], "values": numbers(cells)}


def _rows(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def _check(found: Check) -> dict[str, Any]:
    return {
        "count": len(found.channels), "expected": found.expected, "measured": found.measured
    }  # fmt: skip


NEURON_TASKS: dict[str, Task] = {"trusted": trusted, "wiring": wiring, "links": links}
