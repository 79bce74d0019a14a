"""Tasks of the wall: all neurons of a layer at once."""

from typing import Any

from analysis.activations import activation_at
from dashboard.bench import Bench
from dashboard.grids import numbers
from dashboard.protocol import Task


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


WALL_TASKS: dict[str, Task] = {"wall": wall}
