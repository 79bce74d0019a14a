"""Tasks of the patch bench: a patch on the open picture while it is dragged, over sizes, on many
pictures; patches that the program finds itself; faders and what they cost."""

import base64
from collections.abc import Iterator
from dataclasses import asdict
from time import monotonic
from typing import Any

import numpy as np

from analysis import counterfactual
from analysis.attribution import Target
from analysis.counterfactual import Row, readings, trial
from analysis.faders import GroupFade, cost, faded
from analysis.passes import ahead
from analysis.pasting import Patch, Pixels, composed
from analysis.suggestions import Side
from cache.codecs import encode
from cache.errors import UserError
from dashboard.bench import Bench
from dashboard.bench_textures import texture
from dashboard.bench_told import read, told
from dashboard.picture_lists import listed
from dashboard.protocol import Progress, Task, streamed
from dashboard.selection import fade_of
from dashboard.tasks_check import find_picture_groups

SHOWN_ROWS = 24  # of the table on many pictures while it is being made
OFTEN = 0.5  # seconds between two looks at that table


def _png(pixels: Pixels) -> str:
    return base64.b64encode(encode("png", pixels)[0]).decode("ascii")


def bench_picture(bench: Bench, *, model: str, picture: str, patch: str | None = None) -> str:
    """The picture as the network sees it, with the patch on it if one is named: PNG in base64."""
    pixels = bench.open(model, picture).pixels
    if patch is not None:
        chosen = Patch.parse(patch)
        pixels = composed(pixels, chosen, texture(bench, model, chosen))
    return _png(pixels)


def bench_texture(bench: Bench, *, model: str, patch: str) -> str:
    """What a crop, an icon, a cell shows, or noise and colours as large as the picture: PNG in
    base64."""
    chosen = Patch.parse(patch)
    found = texture(bench, model, chosen)
    if found is None:
        c, h, w = bench.classifier(model).input_size
        found = composed(np.zeros((h, w, c), np.uint8), chosen.at(0.5, 0.5, size=1, opacity=1))
    return _png(found)


@streamed
def bench_trial(
    bench: Bench, *, model: str, picture: str, a: int, b: int, patch: str,
    draws: int = counterfactual.DRAWS,
) -> dict[str, Any]:  # fmt: skip
    """One patch on the open picture: see ``bench_told.told``."""
    opened, chosen, target = bench.open(model, picture), Patch.parse(patch), Target(a, b)
    before = readings(opened.logits[None], target)[0]
    found = trial(
        bench.classifier(model), opened.pixels, chosen, target, before=before, draws=draws,
        texture=texture(bench, model, chosen),
    )  # fmt: skip
    return told(found)


def bench_curve(
    bench: Bench, *, model: str, picture: str, a: int, b: int, patch: str
) -> Iterator[Progress]:
    """The same patch in several sizes: [``bench_told.told``]."""
    opened, chosen = bench.open(model, picture), Patch.parse(patch)
    steps = counterfactual.curve(
        bench.classifier(model), opened.pixels, chosen, Target(a, b),
        texture=texture(bench, model, chosen),
    )  # fmt: skip
    found: list[dict[str, Any]] = []
    for one in steps:
        found.append(told(one))
        yield Progress(len(found), len(counterfactual.SIZES))
    return found


def bench_all(
    bench: Bench, *, model: str, a: int, b: int, patch: str, towards: Side = "b",
    pictures: list[str] | None = None, wall: str | None = None, sure: str | None = None,
    among: int | None = None,
) -> Iterator[Progress]:  # fmt: skip
    """The patch on many pictures: {summary, rows: [{picture, name, changed, ...told}], unread}.

    These ``pictures``, or all of a list with its filters (see ``listed``).
    """
    keys = pictures
    if keys is None:
        keys = listed(bench, model=model, wall=wall, sure=sure, among=among)
    chosen, target, unread = Patch.parse(patch), Target(a, b), list[str]()
    wanted, rows, known = (a if towards == "a" else b), list[Row](), None
    classifier, laid, told_at = bench.classifier(model), texture(bench, model, chosen), 0.0
    for done, (key, pixels) in enumerate(_decoded(bench, model, keys), 1):
        if isinstance(pixels, str):
            unread.append(pixels)
        else:
            shot = iter([(key, pixels)])
            rows += counterfactual.on_all(classifier, shot, chosen, target, texture=laid)
        if known is None or monotonic() > told_at + OFTEN:  # of many rows the sums take their time
            known = _table(bench, rows[:SHOWN_ROWS], rows, wanted, unread)
            told_at = monotonic()
        yield Progress(done, len(keys), known)
    if not rows:
        raise UserError("none of these pictures can be read" if keys else
                        "no picture is in this list; choose another, or other filters")  # fmt: skip
    return _table(bench, rows, rows, wanted, unread)


def _decoded(bench: Bench, model: str, keys: list[str]) -> Iterator[tuple[str, Pixels | str]]:
    """The pixels of each picture, or why there are none; decoded while others are measured."""
    classifier = bench.classifier(model)

    def decode(key: str) -> Pixels | str:
        try:
            return bench.pixels(classifier, key)
        except UserError as error:
            return str(error)

    for batch in ahead(keys, decode):
        yield from batch


def _table(
    bench: Bench, shown: list[Row], rows: list[Row], wanted: int, unread: list[str]
) -> dict[str, Any]:
    whole = asdict(counterfactual.summary(rows, wanted)) if rows else None
    return {"summary": whole, "rows": [_row(bench, r, wanted) for r in shown], "unread": unread}


def _row(bench: Bench, row: Row, wanted: int) -> dict[str, Any]:
    found = bench.library.find(row.picture)
    name = found.name if found else row.picture
    changed = row.changed(wanted)
    return {"picture": row.picture, "name": name, "changed": changed, **told(row.trial)}


def bench_fade(
    bench: Bench, *, model: str, picture: str, layer: str, a: int, b: int, fade: str
) -> dict[str, Any]:
    """Neurons or groups turned up or down on the open picture: {before, now}."""
    found, (neurons, _) = bench.layer(model, layer), fade_of(fade)
    tail = bench.tail(model, picture, layer)
    groups = _groups(bench, model, picture, layer, a, b, fade)
    before, now = faded(tail, found, neurons, Target(a, b), groups=groups)
    return {"before": read(before), "now": read(now)}


def _groups(
    bench: Bench, model: str, picture: str | None, layer: str, a: int, b: int, fade: str
) -> GroupFade | None:
    """The picture's groups, where some are turned up or down."""
    _, factors = fade_of(fade)
    if not factors:
        return None
    if picture is None:
        raise UserError("a neuron group is one of a picture: name the IMAGE that it is of")
    return GroupFade(find_picture_groups(bench, model, picture, layer, a, b)[0], factors)


def bench_cost(
    bench: Bench, *, model: str, picture: str | None, layer: str, a: int, b: int, fade: str
) -> Iterator[Progress]:
    """What the faders cost or gain over the labelled pictures that are open: ``Cost`` as a dict.
    ``picture``: whose groups are meant, where some are turned."""
    classifier = bench.classifier(model)
    labelled = []
    for one in bench.library.main.pictures:
        label = classifier.categories.index_of_label(one.label)
        if label is not None:
            labelled.append((one.key, label))
    if not labelled:
        raise UserError("no open picture has a label that this network knows: nothing to count")
    unread: list[str] = []

    def shots() -> Iterator[tuple[Pixels, int]]:
        for key, label in labelled:
            try:
                yield bench.pixels(classifier, key), label
            except UserError as error:
                unread.append(str(error))

    known: dict[str, Any] = {}
    groups, (neurons, _) = _groups(bench, model, picture, layer, a, b, fade), fade_of(fade)
    found = bench.layer(model, layer)
    steps = cost(classifier, found, neurons, shots(), Target(a, b), groups=groups)
    for so_far in steps:
        known = {**asdict(so_far), "unread": list(unread)}
        yield Progress(so_far.pictures + len(unread), len(labelled), known)
    if not known:
        raise UserError("none of the labelled pictures can be read")
    return known


BENCH_TASKS: dict[str, Task] = {
    "bench_picture": bench_picture, "bench_texture": bench_texture, "bench_trial": bench_trial,
    "bench_curve": bench_curve, "bench_all": bench_all, "bench_fade": bench_fade,
    "bench_cost": bench_cost,
}  # fmt: skip
