"""The claim of all pictures of one confusion together: a task with progress."""

from collections.abc import Generator, Iterator
from typing import Any

from analysis.attribution import Target
from analysis.together import MOST, SharedCheck, Sum, check_together, summed
from cache.errors import UserError
from dashboard.answered import answered
from dashboard.bench import Bench
from dashboard.norms import against_norm, inputs_of
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import told_control


def together(
    bench: Bench, *, model: str, layer: str, wall: str, known: int, drop: list[int],
    sure: str | None = None, among: int | None = None,
) -> Iterator[Progress]:  # fmt: skip
    """Which neurons gave the answer its lead over the true class in all pictures of a pair, and how
    many answers change without them."""
    found, classifier = answered(bench, model), bench.classifier(model)
    true, said = _pair(wall)
    target = Target(said, true).checked(len(classifier.categories))
    every = found.wall(wall, sure, among)
    rows = every[:MOST]
    if not len(rows):
        raise UserError("no picture of this pair is left; go back and choose another")
    keys = [found.picture(int(row)).key for row in rows]
    inputs = inputs_of(bench, model, keys)
    if not inputs:
        raise UserError("none of these pictures can be read any more; choose another pair")
    steps, name = 2 * len(inputs), bench.layer(model, layer).name
    key = ("summed", model, name, wall, tuple(keys))
    total: Sum | None = bench.kept.peek(key)
    if total is None:
        total = yield from counted(summed(classifier, inputs, name, target), 0, steps)
        bench.kept.get(key, lambda: total)
    claimed = total.claimed()
    channels = [c for c in claimed if c not in drop]
    seed = bench.config["seed"]
    checking = check_together(classifier, inputs, total, channels, seed=seed)
    check = yield from counted(checking, len(inputs), steps)
    return {
        **_told(total, check),
        "of": len(every),
        "evidence": _evidence(bench, model, total, target, claimed),
    }


def counted(
    going: Generator[int, None, Any], before: int, total: int
) -> Generator[Progress, None, Any]:
    """The steps of ``going`` as progress; returns what it returns."""
    while True:
        try:
            done = next(going)
        except StopIteration as end:
            return end.value
        yield Progress(before + done, total)


def _pair(wall: str) -> tuple[int, int]:
    true, _, said = wall.partition(",")
    if not (true.isdecimal() and said.isdecimal()):
        raise UserError("choose a pair of classes: what the pictures are, and what was said")
    return int(true), int(said)


def _told(total: Sum, check: SharedCheck) -> dict[str, Any]:
    return {
        "layer": total.layer.name, "pictures": check.pictures, "channels": list(check.channels),
        "effect": check.effect, "before": check.before, "without": check.without,
        "random": told_control(check.random), "equal": told_control(check.equal),
        "verdict": check.verdict, "confirmed": check.verdict == "confirmed",
        "flips": check.flips.__dict__,
    }  # fmt: skip


def _evidence(
    bench: Bench, model: str, total: Sum, target: Target, channels: list[int]
) -> dict[str, Any]:
    here = total.mean
    return against_norm(
        bench, model, total.layer, target, here,
        [{"channel": c, "effect": float(total.effect[c])} for c in channels],
    )  # fmt: skip


TOGETHER_TASKS: dict[str, Task] = {"together": together}
