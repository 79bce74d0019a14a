"""Tasks of Errors: the answers to all open pictures, what they say, and the claim of one picture.

``known`` says how many pictures the page knows to be answered: the same question is another once
more are, and the page keeps answers by their question.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from analysis.activations import fires
from analysis.attribution import Array, LayerEffect, Target
from analysis.claim import NORM, Norm, check_places, claimed, leading_places, norm_of, times
from analysis.doubt import right_twin
from analysis.faithfulness import Check, check
from analysis.layers import Layer
from analysis.mistakes import Pair, confusion_order
from analysis.stability import CHANGES, Stability
from analysis.tail import Tail
from cache.errors import UserError
from cache.location import cache_dir
from dashboard.answered import Answered, answered, evaluation, of_picture
from dashboard.answered_tables import answers, told
from dashboard.bench import Bench
from dashboard.grids import numbers
from dashboard.picture_lists import turning
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import told_control, told_measured

LISTED = 200  # pairs at a time
SHOWN = 3  # thumbnails of a pair
WALL = 240  # pictures of a wall at a time


def evaluate(bench: Bench, *, model: str) -> Iterator[Progress]:
    """Answers every open picture once: {answered, unread}. What was answered stays known; what is
    told of it on the way is on the disk already, so that it can be asked about."""
    run = evaluation(bench, model)
    for step in run.run():
        yield Progress(step.done, step.total, {"answered": step.kept})
    found = run.result()
    return {"answered": len(found), "unread": list(found.unread[:20])}


def mistakes(
    bench: Bench, *, model: str, known: int, sure: str | None = None, among: int | None = None
) -> dict[str, Any]:
    """How often the network is right, and the pairs that it confuses, the most frequent first."""
    found = answered(bench, model)
    judged, mine = found.judged, found.within(sure, among)
    every = judged.pairs(mine)
    return {
        "collection": bench.library.main.name, "pictures": len(found.pictures),
        "answered": len(found.answers), "labelled": int(judged.labelled.sum()),
        "strange": found.strange, "wrong": int(judged.wrong.sum()), "chosen": len(mine),
        "wrong_chosen": int(judged.wrong[mine].sum()),
        "right_chosen": int(judged.right[mine].sum()),
        "unread": len(found.answers.unread) + len(bench.library.unread),
        "top1": judged.among_first(1), "top5": judged.among_first(5),
        "calibration": judged.calibration_error(), "bins": [b.__dict__ for b in judged.bins()],
        "pairs": [_pair(found, pair) for pair in every[:LISTED]], "all_pairs": len(every),
        "check": int(found.doubts.check[mine].sum()),
        "twice": int((found.doubts.twins[mine] >= 0).sum()),
    }  # fmt: skip


def pairs(
    bench: Bench, *, model: str, known: int, first: int, sure: str | None = None,
    among: int | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The next of the pairs that ``mistakes`` begins with."""
    found = answered(bench, model)
    every = found.judged.pairs(found.within(sure, among))
    return [_pair(found, pair) for pair in every[first : first + LISTED]]


def _pair(found: Answered, pair: Pair) -> dict[str, Any]:
    return {
        "true": pair.true, "said": pair.said, "count": len(pair.rows),
        "keys": [found.picture(row).key for row in pair.rows[:SHOWN]],
        "sure": float(found.judged.confidence[list(pair.rows)].mean()),
        "check": int(found.doubts.check[list(pair.rows)].sum()),
    }  # fmt: skip


def wall_pictures(
    bench: Bench, *, model: str, known: int, wall: str, sure: str | None = None,
    among: int | None = None, order: str = "usual", first: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """The pictures of a wall from the ``first`` on: {total, pictures: [{key, name, true, said,
    p_true, p_said, ...}]}."""
    found = answered(bench, model)
    rows = found.ordered(found.wall(wall, sure, among), order)
    return {
        "total": len(rows),
        "pictures": [of_picture(found, int(r)) for r in rows[first : first + WALL]],
    }


def matrix(
    bench: Bench, *, model: str, known: int, sure: str | None = None, among: int | None = None
) -> dict[str, Any]:
    """The confusion matrix, sparse: {order: classes, those that are confused side by side; cells:
    [[row, column, pictures]]} of the chosen pictures, row and column counted in that order; rows
    are true classes."""
    found = answered(bench, model)
    judged, mine = found.judged, found.within(sure, among)
    order = confusion_order(judged)
    at = {int(c): i for i, c in enumerate(order)}
    counts: dict[tuple[int, int], int] = {}
    for row in mine[judged.labelled[mine]]:
        cell = at[int(judged.labels[row])], at[int(judged.said[row])]
        counts[cell] = counts.get(cell, 0) + 1
    return {"order": [int(c) for c in order], "cells": [[*k, n] for k, n in counts.items()]}


def answers_table(bench: Bench, *, model: str, known: int) -> dict[str, Any]:
    """All that is known of the answers: {told: the document of ``evaluate``, answers: a record a
    picture}."""
    found = answered(bench, model)
    return {"told": told(found), "answers": answers(found)}


def claim(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    drop: list[int], known: int,
) -> dict[str, Any]:  # fmt: skip
    """Which neurons and places gave ``a`` the lead over ``b``, measured: the claim of Errors.

    ``drop``: neurons that are left out of the removal. ``rows`` hold all of the evidence, also what
    was left out.
    """
    attributed = bench.attribution(model, picture, layer, a, b)
    one, target = attributed.layers[bench.layer(model, layer).name], attributed.target
    tail = bench.tail(model, picture, layer)
    seed, key = bench.config["seed"], (model, picture, layer, target)
    whole: Check = bench.kept.get(
        ("claim", *key),
        lambda: check(tail, one, target, channels=claimed(tail, one, target), seed=seed),
    )
    channels = [c for c in whole.channels if c not in drop]
    found = whole
    if drop:  # the smallest sets do not depend on it, and take most of the time
        part = check(tail, one, target, channels=channels, seed=seed, flip=False)
        found = replace(part, flip=whole.flip, reversal=whole.reversal)
    places = bench.kept.get(("places", *key), lambda: _places(tail, one, target, whole, seed))
    return {
        "layer": layer, "channels": channels, **told_measured(found), **places,
        "evidence": _evidence(bench, model, one, target, list(whole.channels)),
        "twin": _twin(bench, model, picture, target),
    }  # fmt: skip


def _evidence(
    bench: Bench, model: str, one: LayerEffect, target: Target, channels: list[int]
) -> dict[str, Any]:
    """Each neuron with its effect, and here against the norm."""
    rows = [{"channel": f["channel"], "effect": f["effect"]} for f in fires(one, channels=channels)]
    return against_norm(bench, model, one.layer, target, one.activation.mean(1), rows)


def against_norm(
    bench: Bench, model: str, layer: Layer, target: Target, here: Array,
    rows: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The rows of evidence, each with its activation ``here`` (C,) against the norm: pictures of
    the class instead of which that are answered right; where there are none, of all classes."""
    keys, which = _norm_keys(bench, model, target)

    def measure() -> Norm | None:
        return norm_of(bench.classifier(model), layer, inputs_of(bench, model, keys))

    norm = bench.kept.get(("norm", model, layer.name, tuple(keys)), measure)
    strength = times(here, norm)
    told = [
        {**row, "here": float(here[row["channel"]]), "times": strength[row["channel"]],
         "norm": None if norm is None else float(norm.mean[row["channel"]])}
        for row in rows
    ]  # fmt: skip
    count, which = (norm.pictures, which) if norm else (0, "none")
    return {"rows": told, "norm": {"pictures": count, "which": which}}


def inputs_of(bench: Bench, model: str, keys: Sequence[str]) -> list[Tensor]:
    """The network's inputs of these pictures, each (1, C, H, W); those that were deleted since they
    were answered are left out."""
    classifier, found = bench.classifier(model), []
    for key in keys:
        with suppress(UserError):
            found.append(classifier.tensor(bench.pixels(classifier, key)))
    return found


def _norm_keys(bench: Bench, model: str, target: Target) -> tuple[list[str], str]:
    try:
        found = answered(bench, model)
    except UserError:
        return [], "none"
    judged = found.judged
    mine = np.flatnonzero(judged.right & (judged.labels == target.rather_than))
    which = "true class"
    if not len(mine):
        mine, which = np.flatnonzero(judged.right), "all right"
    rows = found.surest(mine)[:NORM]
    return [found.picture(int(r)).key for r in rows], which if len(rows) else "none"


def _places(
    tail: Tail, one: LayerEffect, target: Target, whole: Check, seed: int
) -> dict[str, Any]:
    """The map of the effect, and the removal of the places that speak most for the leader."""
    rows, cols = one.per_place.shape
    shown = {"map": {"rows": rows, "cols": cols, "values": numbers(one.per_place)}}
    places = leading_places(one, whole.before, target)
    if not places:
        return {**shown, "places": None}
    found = check_places(tail, one, target, places, seed=seed)
    return {**shown, "places": {
        "at": [list(p) for p in found.places], "effect": found.effect, "before": found.before,
        "without": found.without, "random": told_control(found.random),
        "equal": told_control(found.equal), "verdict": found.verdict,
    }}  # fmt: skip


def _twin(bench: Bench, model: str, picture: str, target: Target) -> dict[str, Any] | None:
    """The nearest picture of the class instead of which that is answered right; none where that is
    a copy of this one under another label, or was deleted."""
    try:
        found = answered(bench, model)
    except UserError:
        return None
    row = found.rows.get(picture)
    if row is None or target.rather_than is None:
        return None
    wanted = target.rather_than
    twin = right_twin(found.judged, found.answers.vectors, row, wanted)
    if twin is None or found.picture(twin).key == picture:
        return None
    try:
        found.picture(twin).read()
    except UserError:
        return None
    return of_picture(found, twin)


def unsteady(bench: Bench, *, model: str) -> Iterator[Progress]:
    """Changes every open picture a little and asks again: {answered, turning, each: {change:
    pictures}, pictures: [{key, name, norm, turned}]}, those that turn most first."""
    run: Stability = bench.kept.get(("stability", model), lambda: Stability(
        bench.classifier(model), bench.library.main.pictures, cache_dir(bench.config["cache"])
    ))  # fmt: skip
    for step in run.run():
        yield Progress(step.done, step.total)
    found = run.result()
    turns, names, some = found.turns, list(CHANGES), turning(found)
    pictures = [run.pictures[int(found.number[i])] for i in some]
    return {
        "answered": len(found.number), "turning": len(some),
        "each": {name: int(turns[:, k].sum()) for k, name in enumerate(names)},
        "pictures": [
            {"key": picture.key, "name": picture.name, "norm": int(found.norm[i]),
             "turned": [[names[k], int(found.said[i, k])] for k in np.flatnonzero(turns[i])]}
            for i, picture in zip(some[:WALL], pictures[:WALL], strict=True)
        ],
    }  # fmt: skip


ERROR_TASKS: dict[str, Task] = {
    "evaluate": evaluate, "mistakes": mistakes, "pairs": pairs, "matrix": matrix,
    "wall_pictures": wall_pictures, "claim": claim, "answers_table": answers_table,
    "unsteady": unsteady,
}  # fmt: skip
