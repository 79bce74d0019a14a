"""Tasks that measure: the check of a claim, the groups and their removal, and the map of pixels."""

from typing import Any

import numpy as np

from analysis.activations import fires
from analysis.attribution import LayerEffect
from analysis.controls import Control
from analysis.faithfulness import Check
from analysis.faithfulness import check as measure
from analysis.flips import Flip
from analysis.groupchecks import GroupCheck, check_groups
from analysis.groups import Groups, find_groups
from analysis.inputmaps import deletion_check, input_map
from dashboard.bench import Bench
from dashboard.grids import blocks, numbers
from dashboard.protocol import Task

PIXEL_CELLS = 56


def check(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    at: list[int] | None, channels: list[int] | None, take: int,
) -> dict[str, Any]:  # fmt: skip
    """Removes the neurons that carry the margin, or the named ones, and measures it."""
    attributed = bench.attribution(model, picture, layer, a, b)
    one = attributed.layers[bench.layer(model, layer).name]
    found = measure(
        bench.tail(model, picture, layer), one, attributed.target, channels=channels,
        top=None if channels else take, place=(at[0], at[1]) if at else None,
        seed=bench.config["seed"], flip=channels is None,
    )  # fmt: skip
    fired = fires(one, channels=found.channels)
    return {
        "channels": list(found.channels), "activation": sum(f["activation"] for f in fired),
        **told_measured(found),
    }  # fmt: skip


def told_measured(found: Check | GroupCheck) -> dict[str, Any]:
    """What both kinds of check say, as plain data."""
    return {
        "effect": found.effect, "before": found.before, "without": found.without,
        "answer_before": found.answer_before, "answer_without": found.answer_without,
        "random": told_control(found.random), "equal": told_control(found.equal),
        "flip": _flip(found.flip), "reversal": _flip(found.reversal),
        "confirmed": found.confirmed, "verdict": found.verdict,
        "shifts": [
            {"index": s.index, "before": s.probabilities[0], "without": s.probabilities[1]}
            for s in found.shifts
        ],
    }  # fmt: skip


def told_control(found: Control | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {
        "mean": found.mean, "sd": found.sd, "moved": found.moved, "match": found.match,
        "unmatched": found.unmatched, "draws": len(found.margins),
    }  # fmt: skip


def _flip(found: Flip | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"count": found.count, "margin": found.margin, "answer": found.answer}


def find_picture_groups(
    bench: Bench, model: str, picture: str, layer: str, a: int | None, b: int | None
) -> tuple[Groups, LayerEffect]:
    """The picture's groups at a layer, found once, and the effect that they are measured by."""
    found = bench.layer(model, layer)
    one = bench.attribution(model, picture, layer, a, b).layers[found.name]
    key = ("groups", model, picture, found.name)
    return bench.kept.get(key, lambda: find_groups(found, one.activation)), one


def groups(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None
) -> dict[str, Any]:
    """Neurons that fire together: where, which, and their effect."""
    found, one = find_picture_groups(bench, model, picture, layer, a, b)
    rows, cols = found.layer.grid or (1, 1)
    effects = found.effects(one)
    return {
        "rows": rows, "cols": cols, "explained": found.explained,
        "groups": [
            {**told_group(found, g), "effect": float(effects[g])} for g in range(len(found))
        ],
    }  # fmt: skip


def told_group(found: Groups, group: int) -> dict[str, Any]:
    """Where a group is, and the neurons that are most of it."""
    strongest = np.argsort(-np.abs(found.channels[group]))[:8]
    return {
        "group": group, "map": numbers(found.spatial[group]),
        "channels": [int(c) for c in strongest],
    }  # fmt: skip


def without_groups(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    off: list[int],
) -> dict[str, Any]:  # fmt: skip
    """The measured margin and answer without some groups, with the controls."""
    found, one = find_picture_groups(bench, model, picture, layer, a, b)
    target = bench.attribution(model, picture, layer, a, b).target
    tail = bench.tail(model, picture, layer)
    return told_measured(
        check_groups(tail, found, one, target, off, seed=bench.config["seed"], flip=False)
    )


def pixels(
    bench: Bench, *, model: str, picture: str, a: int | None, b: int | None
) -> dict[str, Any]:
    """Integrated gradients of the margin on the picture itself, and their deletion check."""
    opened, classifier = bench.open(model, picture), bench.classifier(model)
    target = bench.target(opened, a, b)
    found = input_map(classifier, opened.x, target, method="integrated")
    checked = deletion_check(classifier, opened.x, found, target)
    cells = blocks(found.values, PIXEL_CELLS, "sum")
    shape = {"rows": cells.shape[0], "cols": cells.shape[1]}
    return {
        "map": {**shape, "values": numbers(cells)}, "share": checked.share,
        "before": checked.before, "without": checked.without, "shifted": list(checked.shifted),
        "scattered": list(checked.scattered),
    }  # fmt: skip


CHECK_TASKS: dict[str, Task] = {
    "check": check, "groups": groups, "without_groups": without_groups, "pixels": pixels,
}  # fmt: skip
