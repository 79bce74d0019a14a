"""``explain --pair``: all pictures of one confusion together, by the page's own task."""

import argparse
from collections.abc import Iterable
from typing import Any

from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.bench import Bench
from dashboard.cli_bench import bench_of, finished
from dashboard.cli_lists import among_of, answer_all, named_pair, pair_of
from dashboard.cli_names import Called, with_origin
from dashboard.tasks import network
from dashboard.tasks_together import together

Answer = tuple[Any, Iterable[str]]
FOREIGN = {"--class", "--rather-than", "--without", "--at", "--output"}


def pair(given: argparse.Namespace) -> Answer:
    """Which neurons lead the answer astray in all of them, and how many answers change without
    them. Raises UserError."""
    foreign = sorted(FOREIGN & given.named) + (["-o"] if given.output else [])
    if given.image is not None or foreign:
        raise UserError(f"explain --pair does not take {foreign[0] if foreign else 'an IMAGE'}")
    bench = bench_of(given)
    wall = named_pair(given, bench, given.pair)
    classes = pair_of(wall)
    if classes is None or classes[0] == classes[1]:
        raise UserError("a pair is of two classes: what the pictures are, and what was said")
    asked = {
        "model": given.model, "wall": wall, "drop": given.leave_out or [], "sure": given.sure,
        "layer": _layer(given, bench), "among": among_of(given, bench),
    }  # fmt: skip
    known = answer_all(given, bench, wall)
    steps = together(bench, known=known, **asked)
    found = finished(steps, out.progress("pictures, each twice")).answer
    called = Called(given, bench.classifier(given.model))
    for row in found["evidence"]["rows"]:
        row |= called(found["layer"], row["channel"])
    names = [bench.classifier(given.model).categories.names[i] for i in classes]
    lines = [*out.mark(trained=bench.classifier(given.model).trained), *_lines(found, names)]
    return {"true": names[0], "said": names[1], **found}, lines


def _layer(given: argparse.Namespace, bench: Bench) -> str:
    name = given.layer or network(bench, model=given.model)["default_layer"]
    return bench.layer(given.model, name).name


def _lines(found: dict[str, Any], names: list[str]) -> list[str]:
    """The claim, its evidence, and the check."""
    some = f"the surest {found['pictures']} of {found['of']}"
    some = some if found["of"] > found["pictures"] else f"{found['pictures']}"
    head = (f"Of {some} pictures together: {names[1]} rather than {names[0]} by "
            f"{found['before']:.2f} on average, at {found['layer']}")  # fmt: skip
    norm = found["evidence"]["norm"]
    rows = [
        (row["channel"], out.signed(row["effect"]), row["here"],
         "-" if row["norm"] is None else f"{row['norm']:.3f}",
         "" if row["channel"] in found["channels"] else "left out", with_origin(row))
        for row in found["evidence"]["rows"]
    ]  # fmt: skip
    heads = ("neuron", "effect", "here", f"norm ({norm['pictures']} right)", "", "name")
    return [head, *out.table(heads, rows), *_check(found)]


def _check(found: dict[str, Any]) -> list[str]:
    if not found["channels"]:
        return ["Nothing is taken away."]
    flips, count = found["flips"], len(found["channels"])
    kinds = (("these", None, flips["claimed"]), ("equally active others", "equal", flips["equal"]),
             ("others at random", "random", flips["random"]))  # fmt: skip
    rows = []
    for text, kind, changed in kinds:
        control = found[kind] if kind else None
        if kind and control is None:
            continue
        margin = found["without"] if control is None else control["mean"]
        spread = "" if control is None else f" ± {control['sd']:.2f}"
        some = str(changed) if kind is None else f"{changed:.1f}"
        rows.append((f"{count} {text}", f"{out.signed(margin)}{spread}", some))
    head = ("without", "mean margin", f"answers that change, of {found['pictures']}")
    return ["", f"Check: {found['verdict']}; the mean margin is {out.signed(found['before'])}",
            *out.table(head, rows)]  # fmt: skip
