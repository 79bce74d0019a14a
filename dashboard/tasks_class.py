"""What is known of one class over the open pictures: a task with progress."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.attribution import Target
from analysis.together import check_together, summed
from cache.errors import UserError
from dashboard.answered import Answered, answered
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import told_control
from dashboard.tasks_together import counted

PICTURES = 12  # of those answered right, in which its neurons are looked for
OTHERS = 6


def of_class(bench: Bench, *, model: str, layer: str, index: int, known: int) -> Iterator[Progress]:
    """How often a class is met and named, what it is taken for and what for it, and the neurons
    that speak for it in pictures that are answered right, measured by taking them away."""
    found, classifier = answered(bench, model), bench.classifier(model)
    target = Target(index).checked(len(classifier.categories))
    name = bench.layer(model, layer).name
    judged = found.judged
    rows = found.surest(np.flatnonzero(judged.right & (judged.labels == index)))[:PICTURES]
    told = {**_counts(found, index), "layer": name, "neurons": [], "check": None}
    if not len(rows):
        return told
    keys = [found.picture(int(row)).key for row in rows]
    inputs = [classifier.tensor(bench.pixels(classifier, key)) for key in keys]
    total = yield from counted(summed(classifier, inputs, name, target), 0, 2 * len(inputs))
    channels = total.claimed()
    going = check_together(classifier, inputs, total, channels, seed=bench.config["seed"])
    check = yield from counted(going, len(inputs), 2 * len(inputs))
    return {
        **told, "neurons": [{"channel": c, "effect": float(total.effect[c])} for c in channels],
        "check": {
            "pictures": check.pictures, "before": check.before, "without": check.without,
            "equal": told_control(check.equal), "random": told_control(check.random),
            "verdict": check.verdict,
        },
    }  # fmt: skip


def _counts(found: Answered, index: int) -> dict[str, Any]:
    judged = found.judged
    if not 0 <= index < judged.logits.shape[1]:
        raise UserError(f"class index {index} is out of range")
    mine = next((row for row in judged.per_class() if row["index"] == index), None)
    taken = Counter(int(s) for s in judged.said[judged.wrong & (judged.labels == index)])
    given = Counter(int(t) for t in judged.labels[judged.wrong & (judged.said == index)])
    return {
        "counts": mine or {"pictures": 0, "said": 0, "right": 0, "precision": None,
                           "recall": None},
        "taken_for": [[c, n] for c, n in taken.most_common(OTHERS)],
        "given_to": [[c, n] for c, n in given.most_common(OTHERS)],
    }  # fmt: skip


CLASS_TASKS: dict[str, Task] = {"of_class": of_class}
