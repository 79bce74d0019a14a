"""Tasks of Errors: the answers to all open pictures, and what they say.

``known`` says how many pictures the page knows to be answered: the same question is another once
more are, and the page keeps answers by their question.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.mistakes import Pair, confusion_order
from analysis.stability import CHANGES, Stability
from cache.location import cache_dir
from dashboard.answered import Answered, answered, evaluation, of_picture
from dashboard.answered_tables import answers, told
from dashboard.bench import Bench
from dashboard.picture_lists import turning
from dashboard.protocol import Progress, Task

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
    "wall_pictures": wall_pictures, "answers_table": answers_table,
    "unsteady": unsteady,
}  # fmt: skip
