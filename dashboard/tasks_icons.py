"""Tasks that draw: icons of neurons in small batches, and the grid of what a layer sees in a
picture.

Every unit is kept under a key of its own, so that a picture is drawn once whatever it was batched
with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.featurevis.icons import RECIPE, Frame, IconRequest, in_quality
from analysis.featurevis.icons import strides as icon_strides
from analysis.featurevis.memory import in_batches
from analysis.layers import find_layer
from cache.errors import UserError
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.mosaic import draw_mosaic
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import find_picture_groups as find

UNLIKE = 4  # pictures of a neuron that are to differ


@dataclass(frozen=True)
class Subject:
    """What one icon shows, as the page writes it: ``402`` a neuron, ``402!`` the same in full
    quality, ``402+17`` (or with ``!``) two neurons at once, ``402-`` what makes a neuron smallest
    and ``402d`` unlike pictures of it below each other, both in full quality; ``g2@KEY`` group 2
    of the open picture KEY."""

    number: int
    full: bool = False
    picture: str | None = None
    also: int | None = None
    kin: str = ""

    @classmethod
    def parse(cls, token: str) -> "Subject":
        """UserError where it is none of these."""
        if of_group := re.fullmatch(r"g(\d{1,3})@([0-9a-f]{64})", token):
            return cls(int(of_group[1]), picture=of_group[2])
        found = re.fullmatch(r"(\d{1,7})(?:([-d])|(?:\+(\d{1,7}))?(!?))", token)
        if found is None:
            raise UserError(f"{token!r} names no icon")
        number, kin, also, full = found.groups()
        both = None if also is None else int(also)
        return cls(int(number), full == "!" or bool(kin), None, both, kin or "")


def _request(
    bench: Bench, model: str, layer: str, subjects: list[Subject], *, seed: int = 0
) -> IconRequest:
    """One batch; all subjects are of one kind and quality. ``seed``: beyond the program's own."""
    first = subjects[0]
    plain = IconRequest(layer=layer, seed=bench.config["seed"] + seed)
    plain = in_quality(plain, "full" if first.full else "preview", bench.classifier(model))
    if first.also is not None:
        return replace(plain, objective="sum", units=(first.number, first.also))
    if first.kin:
        unlike = {"negative": True} if first.kin == "-" else {"diversity": UNLIKE}
        plain = replace(plain, **unlike)
    if first.picture is None:
        return replace(plain, units=tuple(s.number for s in subjects))
    found, _ = find(bench, model, first.picture, layer, None, None)
    vectors = [found.channels[found.checked(s.number)] for s in subjects]
    return replace(
        plain, objective="direction", directions=tuple(tuple(map(float, v)) for v in vectors)
    )


def icon_key(bench: Bench, model: str, layer: str, subject: Subject, *, seed: int = 0) -> str:
    """The cache key of one icon."""
    request = _request(bench, model, layer, [subject], seed=seed)
    mark = bench.classifier(model).fingerprint
    return content_key(request, fingerprint=mark, recipe=RECIPE)


def icons_known(
    bench: Bench, *, model: str, layer: str, tokens: list[str]
) -> dict[str, dict[str, Any]]:
    """{token: {url, state}} of the icons that the cache has."""
    name, found = find_layer(bench.classifier(model), layer).name, {}
    for token in tokens:
        key = icon_key(bench, model, name, Subject.parse(token))
        entry = bench.store.get(key)
        if entry is not None:
            state = "dead" if entry.meta.get("dead") else "done"
            reached = entry.meta.get("activation")
            found[token] = {"url": f"/blob/{key}", "state": state, "activation": reached}
    return found


def icons(bench: Bench, *, model: str, layer: str, tokens: list[str]) -> Iterator[Progress]:
    """Draws a few icons, as many at once as memory allows; partial pictures can be looked at."""
    classifier = bench.classifier(model)
    name = find_layer(classifier, layer).name
    subjects = [Subject.parse(token) for token in tokens]
    whole = _request(bench, model, name, subjects)
    batches, drawn = in_batches(classifier, whole), 0
    shown: dict[str, Any] = {}
    for number, request in enumerate(batches):
        share = len(tokens) if len(batches) == 1 else len(request.units)
        some, drawn = slice(drawn, drawn + share), drawn + share
        for step, frame in enumerate(icon_strides(classifier, request), start=1):
            if frame is not None:
                own = subjects[some] if frame.done else []
                keys = [icon_key(bench, model, name, s) for s in own]
                kept = _keep(bench, frame, keys, request.diversity)
                shown |= dict(zip(tokens[some], kept, strict=True))
            yield Progress(number * request.steps + step, len(batches) * request.steps, shown)
    return shown


def _keep(bench: Bench, frame: Frame, keys: list[str], each: int) -> list[dict[str, Any]]:
    """Stores a frame's pictures, ``each`` of a subject below each other: finished ones under their
    keys, others under their content."""
    shown = []
    for first in range(0, len(frame.images), each):
        own = slice(first, first + each)
        pixels, reached = np.concatenate(list(frame.images[own])), frame.activations[own]
        dead = all(frame.dead[own])
        activation = reached if each > 1 else reached[0]
        if frame.done:
            key, state = keys[first // each], "dead" if dead else "done"
            meta = {"activation": activation, "dead": dead, "steps": frame.step}
            bench.store.put(key, "webp", pixels, meta=meta)
            shown.append({"url": f"/blob/{key}", "state": state, "activation": activation})
        else:
            shown.append({"url": f"/blob/{bench.keep_picture(pixels)}", "state": "forming"})
    return shown


def mosaic(bench: Bench, *, model: str, picture: str, layer: str) -> Iterator[Progress]:
    """The activation grid: for every cell the picture of what the layer sees there."""
    return (yield from draw_mosaic(bench, model, picture, bench.layer(model, layer)))


ICON_TASKS: dict[str, Task] = {"icons_known": icons_known, "icons": icons, "mosaic": mosaic}
