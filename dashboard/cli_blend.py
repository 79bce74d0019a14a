"""A row of pictures from one neuron to another on the command line: drawn by the page's own task,
and so kept under the page's own key."""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.cli_bench import bench_of, finished
from dashboard.tasks_studio import blending

TAKEN = {
    "--model", "--weights", "--fit", "--device", "--cache", "--seed", "--json", "--layer",
    "--channel", "--blend-to", "--count", "--output",
}  # fmt: skip


def check_second(given: argparse.Namespace) -> None:
    """UserError where a second channel does not go with the other options of ``visualize``."""
    second = given.also if given.blend_to is None else given.blend_to
    if given.blend_to is None and "--count" in given.named:
        raise UserError("--count says how many pictures --blend-to draws: name its last channel")
    if second is None:
        return
    word = "--with" if given.blend_to is None else "--blend-to"
    if given.channel is None:
        raise UserError(f"{word} names a second channel: name the first with --channel")
    if given.layer is None:
        raise UserError("name the layer with --layer; see: neuronscope layers")
    if second == given.channel:
        raise UserError(f"{word} names another channel than {second}")
    if given.blend_to is not None:
        _check_taken(given)


def _check_taken(given: argparse.Namespace) -> None:
    if given.also is not None:
        raise UserError("--with draws both at once, --blend-to a row between them: choose one")
    foreign = sorted(given.named - TAKEN)
    if foreign:
        raise UserError(f"--blend-to has one way to draw and does not take {foreign[0]}")


def blend(given: argparse.Namespace, path: Path) -> tuple[Any, Iterable[str]]:
    """Draws the row into one file, the pictures side by side. Raises UserError."""
    started = time.perf_counter()
    bench = bench_of(argparse.Namespace(**{**vars(given), "images": None}))
    ran = finished(
        blending(
            bench, model=given.model, layer=given.layer, unit=given.channel, other=given.blend_to,
            count=given.count,
        ),
        out.progress("steps"),
    )  # fmt: skip
    key = ran.answer["url"].removeprefix("/blob/")
    kept = bench.store.get(key)
    assert kept is not None  # what the task has just put or found
    below = np.asarray(kept.value)
    pictures = below.reshape(-1, below.shape[1], *below.shape[1:])
    out.save(path, out.picture_bytes(np.concatenate(list(pictures), axis=1), path))
    document = {
        "files": [path], "layer": bench.layer(given.model, given.layer).name,
        "channel": given.channel, "blend_to": given.blend_to, "count": len(pictures),
        "first": ran.answer["first"], "last": ran.answer["last"], "steps": ran.answer["steps"],
        "seconds": round(time.perf_counter() - started, 3), "key": key,
        "from_cache": not ran.stepped,
    }  # fmt: skip
    return document, _lines(document, trained=bench.classifier(given.model).trained)


def _lines(found: dict[str, Any], *, trained: bool) -> list[str]:
    """What both ends answer to each picture, from left to right."""
    steps = found["count"] - 1
    ends = zip(found["first"], found["last"], strict=True)
    rows = [
        (i + 1, f"{100 * i / steps:.0f} %", first, last) for i, (first, last) in enumerate(ends)
    ]
    head = (
        "picture", f"share of {found['blend_to']}", f"neuron {found['channel']} answers",
        f"neuron {found['blend_to']} answers",
    )  # fmt: skip
    file, kept = out.named(found["files"][0]), ", from the cache" if found["from_cache"] else ""
    made = f"{file}: {found['steps']} steps, {found['seconds']:.1f} s{kept}"
    return [*out.mark(trained=trained), *out.table(head, rows), made]
