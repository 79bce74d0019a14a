"""Tasks of the wall: all neurons of a layer at once."""

from typing import Any

from analysis.activations import activation_at
from analysis.selectivity import selectivity, spoken_for
from dashboard.bench import Bench
from dashboard.grids import numbers
from dashboard.protocol import Task
from dashboard.tasks_patches import read_examples


def wall(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None
) -> dict[str, Any]:
    """For each neuron its activation, summed over the picture's places, and its effect."""
    found = bench.layer(model, layer)
    one = bench.attribution(model, picture, layer, a, b).layers[found.name]
    return {
        "layer": found.name, "activation": numbers(activation_at(one, None)),
        "effect": numbers(one.at(None)),
    }  # fmt: skip


def profiles(bench: Bench, *, model: str, layer: str) -> dict[str, Any]:
    """What each neuron of a layer speaks for, of the pass over the open pictures: {pictures,
    measure, selectivity (C,), holds: (C) lists of classes, best first, classes: {index: name}}.
    UserError while the pass is under way."""
    found = read_examples(bench, model, bench.layer(model, layer).name)
    measured, holds = selectivity(found), spoken_for(found)
    names = bench.classifier(model).categories.names
    return {
        "pictures": found.pictures, "measure": measured.kind,
        "selectivity": [round(float(v), 3) for v in measured.values], "holds": holds,
        "classes": {str(i): names[i] for held in holds for i in held},
    }  # fmt: skip


WALL_TASKS: dict[str, Task] = {"wall": wall, "profiles": profiles}
