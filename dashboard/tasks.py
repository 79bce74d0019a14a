"""The worker's tasks: what the page can ask for. Each calls the function that the command calls.

An interactive task answers at once; a generator yields its progress and is overtaken between two
steps.
"""

from typing import Any

import numpy as np

from analysis import layers, models
from analysis.activations import activation_at, fires, magnitudes
from analysis.layers import Layer
from analysis.sources import torchvision_names
from cache.errors import UserError
from dashboard.bench import Bench
from dashboard.grids import blocks, numbers
from dashboard.picture_lists import LIST_TASKS
from dashboard.protocol import Task
from dashboard.tasks_atlas import ATLAS_TASKS
from dashboard.tasks_bench import BENCH_TASKS
from dashboard.tasks_check import CHECK_TASKS
from dashboard.tasks_claim import CLAIM_TASKS
from dashboard.tasks_class import CLASS_TASKS
from dashboard.tasks_dream import DREAM_TASKS
from dashboard.tasks_dream_cost import DREAM_COST_TASKS
from dashboard.tasks_dream_held import DREAM_HELD_TASKS
from dashboard.tasks_errors import ERROR_TASKS
from dashboard.tasks_icons import ICON_TASKS
from dashboard.tasks_live import LIVE_TASKS
from dashboard.tasks_neuron import NEURON_TASKS
from dashboard.tasks_patches import PATCH_TASKS
from dashboard.tasks_recipes import RECIPE_TASKS
from dashboard.tasks_studio import STUDIO_TASKS
from dashboard.tasks_suggest import SUGGEST_TASKS
from dashboard.tasks_together import TOGETHER_TASKS
from dashboard.tasks_wall import WALL_TASKS

GRID_CELLS = 14  # the grid shows at most so many cells a side; finer layers are seen in blocks
THUMB_CELLS = 14
SHOWN = 10


def make_state(config: dict[str, Any]) -> Bench:
    """The worker's state; the default network is loaded at once, so that the first answer is
    quick."""
    bench = Bench(config)
    bench.classifier(config["model"])
    return bench


def networks(bench: Bench) -> list[dict[str, Any]]:
    """The networks that the page offers: those that work without a download, and the user's own."""
    rows = [row for row in models.available() if row["available_offline"]]
    own = bench.config["model"]
    if own not in [row["name"] for row in rows]:
        rows.insert(0, {"name": own, "source": "yours", "available_offline": True, "classes": 0})
    return rows


def network(bench: Bench, *, model: str) -> dict[str, Any]:
    """What the page must know of a network before a picture is open."""
    known = torchvision_names()
    offered = [row["name"] for row in networks(bench)]
    if model in known and model not in offered:
        raise UserError(
            f"the weights of {model} are not on this machine; start with --model {model}"
        )
    if model not in offered and not model.startswith("timm:"):
        raise UserError("only networks named on the command line can be opened; see --model")
    classifier = bench.classifier(model)
    steps = layers.ladder(classifier)
    # behind a transformer's last block only the class token counts: its places have no effect
    seen = [step for step in steps if not (step.extras and step is steps[-1])]
    deep = [step for step in seen if step.grid and min(step.grid) >= 10]
    usual = (deep or list(steps) or [None])[-1]
    if usual is None:
        raise UserError(f"{model} has no layer with a grid of places; Explore needs one")
    return {
        "name": model, "origin": classifier.origin, "trained": classifier.trained,
        "fingerprint": classifier.fingerprint, "classes": list(classifier.categories.names),
        "resize": classifier.resize, "input_size": list(classifier.input_size),
        "fit": classifier.fit, "default_layer": usual.name,
        "ladder": [_layer(step) for step in steps],
        "layers": [_layer(step) for step in layers.list_layers(classifier) if step.grid],
    }  # fmt: skip


def _layer(step: Layer) -> dict[str, Any]:
    return {
        "layer": step.name, "kind": step.kind, "channels": step.channels,
        "grid": list(step.grid or ()), "signed": step.signed,
    }  # fmt: skip


def predict(bench: Bench, *, model: str, picture: str) -> dict[str, Any]:
    """The picture as seen, the first answers, and every logit."""
    opened = bench.open(model, picture)
    logits = opened.logits.astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    names = bench.classifier(model).categories.names
    order = np.argsort(-logits, kind="stable")[:SHOWN]
    target = bench.target(opened, None, None)
    return {
        "seen": bench.keep_picture(opened.pixels, kind="png"), "label": opened.label,
        "a": target.a, "b": target.rather_than,
        "logits": [round(float(v), 5) for v in logits],
        "probabilities": [float(f"{v:.6g}") for v in shares],
        "top": [
            {"index": int(i), "class": names[i], "logit": float(logits[i]),
             "probability": float(shares[i])} for i in order
        ],
    }  # fmt: skip


def grid(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None
) -> dict[str, Any]:
    """How a layer sees the picture: per cell the activation's norm and the effect."""
    effects = bench.attribution(model, picture, layer, a, b)
    found = bench.layer(model, layer)
    one = effects.layers[found.name]
    rows, cols = found.grid or (1, 1)
    strength = magnitudes(one.activation, found)
    return {
        "rows": min(rows, GRID_CELLS), "cols": min(cols, GRID_CELLS),
        "fullRows": rows, "fullCols": cols,
        "activation": numbers(blocks(strength, GRID_CELLS, "mean")),
        "effect": numbers(blocks(one.per_place, GRID_CELLS, "sum")),
        "margin": effects.margin, "a": effects.target.a, "b": effects.target.rather_than,
    }  # fmt: skip


def ladder(
    bench: Bench, *, model: str, picture: str, a: int | None, b: int | None
) -> list[dict[str, Any]]:
    """Small effect maps of every layer of the ladder, from one pass."""
    rows = []
    for step in layers.ladder(bench.classifier(model)):
        one = bench.attribution(model, picture, step.name, a, b).layers[step.name]
        values = blocks(one.per_place, THUMB_CELLS, "sum")
        rows.append({
            "layer": step.name, "rows": values.shape[0], "cols": values.shape[1],
            "values": numbers(values),
        })  # fmt: skip
    return rows


def neurons(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    at: list[int] | None, sort: str, top: int,
) -> dict[str, Any]:  # fmt: skip
    """The neurons that fire on the picture or at a place, with activation and effect."""
    attributed = bench.attribution(model, picture, layer, a, b)
    found = bench.layer(model, layer)
    place = (at[0], at[1]) if at else None
    one = attributed.layers[found.name]
    return {
        "neurons": fires(one, at=place, top=top, sort=sort),
        "most": float(np.abs(activation_at(one, place)).max()),
        "reach": float(np.abs(one.at(place)).max()),
    }  # fmt: skip


def channel_map(
    bench: Bench, *, model: str, picture: str, layer: str, channel: int | None,
    a: int | None, b: int | None, kind: str,
) -> dict[str, Any]:  # fmt: skip
    """A map for the picture: one neuron's activation or effect, or all neurons' together."""
    found = bench.layer(model, layer)
    one = bench.attribution(model, picture, layer, a, b).layers[found.name]
    source = one.activation if kind == "activation" else one.effect
    places = source[:, found.extras :]
    if channel is not None:
        if not 0 <= channel < found.channels:
            raise UserError(f"neuron {channel} is out of range: {layer} has {found.channels}")
        values = places[channel]
    else:
        values = magnitudes(one.activation, found) if kind == "activation" else one.per_place
    rows, cols = found.grid or (1, 1)
    return {"rows": rows, "cols": cols, "values": numbers(values), "kind": kind}


TASKS: dict[str, Task] = {
    "networks": networks, "network": network, "predict": predict, "grid": grid,
    "ladder": ladder, "neurons": neurons, "channel_map": channel_map,
    **CHECK_TASKS, **ICON_TASKS, **PATCH_TASKS, **STUDIO_TASKS, **WALL_TASKS,
    **NEURON_TASKS, **LIVE_TASKS, **ATLAS_TASKS, **ERROR_TASKS, **LIST_TASKS, **BENCH_TASKS,
    **SUGGEST_TASKS, **RECIPE_TASKS, **TOGETHER_TASKS, **CLASS_TASKS, **DREAM_TASKS,
    **DREAM_HELD_TASKS, **DREAM_COST_TASKS,
    **CLAIM_TASKS,
}  # fmt: skip
