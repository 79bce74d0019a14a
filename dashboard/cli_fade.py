"""The command ``fade``: neurons turned down or up, on a picture or over all labelled ones, by the
page's own tasks."""

import argparse
from collections.abc import Iterable
from typing import Any

from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.bench import Bench
from dashboard.cli_bench import bench_of, finished
from dashboard.cli_patch import between, lent, named_classes
from dashboard.cli_patch_tables import Names, cost_lines
from dashboard.selection import fade_of
from dashboard.tasks_bench import bench_cost, bench_fade

Answer = tuple[Any, Iterable[str]]


def fade(given: argparse.Namespace) -> Answer:
    """What the network then says of IMAGE; without one, or with --cost, how many labelled pictures
    it then gets right. Raises UserError."""
    if not any(fade_of(given.times)):
        raise UserError(
            f"--times is NEURON:FACTOR,... (g0: a group), factors from 0 to 2, not {given.times!r}"
        )
    bench = bench_of(given)
    layer = bench.layer(given.model, given.layer).name
    over_all = given.cost or given.image is None
    document, lines = (_cost if over_all else _on_picture)(given, bench, layer)
    head = f"{layer}, times {given.times.replace(',', ', ')}"
    marks = out.mark(trained=bench.classifier(given.model).trained)
    return {"layer": layer, "times": given.times, **document}, [head, *marks, *lines]


def _on_picture(given: argparse.Namespace, bench: Bench, layer: str) -> Answer:
    picture = lent(bench, given)
    pair = between(given, bench, picture)
    found = bench_fade(bench, model=given.model, picture=picture, layer=layer, a=pair[0],
                       b=pair[1], fade=given.times)  # fmt: skip
    names = Names(bench.classifier(given.model).categories.names, *pair)
    before, now = found["before"], found["now"]
    rows = [
        (name, f"{before['probabilities'][side]:.1%}", f"{now['probabilities'][side]:.1%}")
        for side, name in enumerate(names.two)
    ]  # fmt: skip
    rows.append(("margin", out.signed(before["margin"]), out.signed(now["margin"])))
    rows.append(("it says", *(names.all[x["answer"]] for x in (before, now))))
    told = {"file": given.image, "classes": names.told, **names.spoken(found)}
    return told, out.table(("", "as it is", "now"), rows)


def _cost(given: argparse.Namespace, bench: Bench, layer: str) -> Answer:
    picture = None if given.image is None else lent(bench, given)
    pair = named_classes(given, bench) if picture is None else between(given, bench, picture)
    steps = bench_cost(bench, model=given.model, picture=picture, layer=layer, a=pair[0],
                       b=pair[1], fade=given.times)  # fmt: skip
    found = finished(steps, out.progress("pictures")).answer
    names = Names(bench.classifier(given.model).categories.names, *pair)
    return {"classes": names.told, **found}, cost_lines(found, names)
