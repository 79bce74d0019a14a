"""Tasks of the Neuron page that make pictures to compare: one neuron by one recipe, and a row from
one neuron to another."""

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analysis.featurevis import blends
from analysis.featurevis.icons import RECIPE, Frame, IconRequest, check
from analysis.featurevis.icons import strides as icon_strides
from analysis.featurevis.maco import Spectrum
from analysis.models import Classifier
from analysis.recipes import Recipe, judged, photographs, spectrum_of
from cache.errors import UserError
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task

JUDGING = 1  # raise when pictures are judged in another way
ROW = 7


@dataclass(frozen=True)
class Compared:
    """What a picture of the recipe pane is kept under: exactly, for what a photograph's compression
    takes away is part of what recipes differ in."""

    request: IconRequest


def rendering(
    bench: Bench, *, model: str, layer: str, unit: int, recipe: str
) -> Iterator[Progress]:
    """Draws one channel by one recipe (``Recipe.word``) and judges it: {url, dead, step, steps,
    seconds, own, plain, viewed, size}, partly as it forms. ``seconds``: of its own steps."""
    classifier, name = bench.classifier(model), bench.layer(model, layer).name
    chosen = Recipe.parse(recipe)
    spectrum = None
    if chosen.kind == "maco":
        spectrum = yield from _spectrum(bench, model, chosen.decorrelated)
    request = chosen.request(classifier, name, unit, spectrum=spectrum)
    request = replace(request, seed=bench.config["seed"] + chosen.seed)
    check(classifier, request)
    mark, version = classifier.fingerprint, 1000 * RECIPE + JUDGING
    key = content_key(Compared(request), fingerprint=mark, recipe=version)
    if bench.store.get(key) is None:
        frame, seconds = yield from _drawn(bench, classifier, request)
        found = judged(classifier, request, frame.images[0])
        meta = {"dead": frame.dead[0], "step": frame.step, "seconds": seconds, **asdict(found)}
        bench.store.put(key, "png", frame.images[0], meta=meta)
    kept = bench.store.get(key)
    assert kept is not None  # what was just put
    return {**kept.meta, "url": f"/blob/{key}", "steps": request.steps}


def _drawn(
    bench: Bench, classifier: Classifier, request: IconRequest
) -> Generator[Progress, None, tuple[Frame, float]]:
    """The finished picture and the seconds of its steps; it can be looked at every eighth step."""
    spent, shown, frames = 0.0, None, icon_strides(classifier, request)
    for step in range(1, request.steps + 1):
        began = time.perf_counter()
        frame = next(frames)
        spent += time.perf_counter() - began
        if frame is not None and not frame.done:
            shown = f"/blob/{bench.keep_picture(frame.images[0])}"
        yield Progress(step, request.steps, {"url": shown, "step": step, "steps": request.steps})
    assert frame is not None  # the last step is always shown
    return frame, round(spent, 2)


def _spectrum(bench: Bench, model: str, decorrelated: bool) -> Generator[Progress, None, Spectrum]:
    """The mean spectrum of the pictures that are open."""
    place = ("spectrum", model, decorrelated)
    if place not in bench.kept.kept:
        seen = []
        for pixels in photographs(bench.classifier(model), bench.library):
            if pixels is not None:
                seen.append(pixels)
            yield Progress(0, 1)
        bench.kept.get(place, lambda: spectrum_of(seen, decorrelated=decorrelated))
    found: Spectrum = bench.kept.get(place, lambda: None)
    return found


def blending(
    bench: Bench, *, model: str, layer: str, unit: int, other: int, count: int = ROW
) -> Iterator[Progress]:
    """Draws a row of pictures from one channel to another: {url of all, below each other, first and
    last: what the two answer to each, step, steps}."""
    classifier, name = bench.classifier(model), bench.layer(model, layer).name
    if unit == other:
        raise UserError("choose another neuron: this one is itself already")
    request = blends.BlendRequest(
        layer=name, first=(unit,), last=(other,), count=count, seed=bench.config["seed"]
    )
    key = content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)
    kept = bench.store.get(key)
    if kept is None:
        shown: dict[str, Any] = {}
        for step, frame in enumerate(blends.strides(classifier, request), start=1):
            if frame is not None:
                strip = np.concatenate(list(frame.images))
                shown = {"first": frame.first, "last": frame.last}
                if frame.done:
                    bench.store.put(key, "webp", strip, meta=shown)
                shown["url"] = f"/blob/{key if frame.done else bench.keep_picture(strip)}"
            yield Progress(step, request.steps, {**shown, "step": step, "steps": request.steps})
        kept = bench.store.get(key)
        assert kept is not None  # what was just put
    numbers = {"first": kept.meta["first"], "last": kept.meta["last"]}
    return {"url": f"/blob/{key}", **numbers, "step": request.steps, "steps": request.steps}


STUDIO_TASKS: dict[str, Task] = {"rendering": rendering, "blending": blending}
