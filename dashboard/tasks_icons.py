"""Tasks that draw: icons of neurons in small batches, and the grid of what a layer sees in a
picture.

Every unit is kept under a key of its own, so that a picture is drawn once whatever it was batched
with.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from analysis.featurevis.icons import PRESETS, RECIPE, Frame, IconRequest
from analysis.featurevis.icons import strides as icon_strides
from analysis.layers import find_layer
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.mosaic import draw_mosaic
from dashboard.protocol import Progress, Task


def _request(bench: Bench, layer: str, channels: tuple[int, ...], preset: str) -> IconRequest:
    plain = IconRequest(layer=layer, units=channels, seed=bench.config["seed"])
    return replace(plain, **asdict(PRESETS[preset]))


def icon_key(bench: Bench, model: str, layer: str, channel: int, preset: str) -> str:
    """The cache key of one neuron's icon."""
    classifier = bench.classifier(model)
    name = find_layer(classifier, layer).name
    request = _request(bench, name, (channel,), preset)
    return content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)


def icons_known(
    bench: Bench, *, model: str, layer: str, channels: list[int]
) -> dict[str, dict[str, Any]]:
    """{channel: {url, state}} of the icons that the cache has, the best of each."""
    found = {}
    for channel in channels:
        for preset in ("full", "preview"):
            entry = _stored(bench, icon_key(bench, model, layer, channel, preset))
            if entry is not None:
                found[str(channel)] = entry
                break
    return found


def _stored(bench: Bench, key: str) -> dict[str, Any] | None:
    entry = bench.store.get(key)
    if entry is None:
        return None
    state = "dead" if entry.meta.get("dead") else "done"
    return {"url": f"/blob/{key}", "state": state, "activation": entry.meta.get("activation")}


def icons(
    bench: Bench, *, model: str, layer: str, channels: list[int], preset: str = "preview"
) -> Iterator[Progress]:
    """Draws the icons of a few neurons in one batch; partial pictures can be looked at."""
    classifier = bench.classifier(model)
    name = find_layer(classifier, layer).name
    request = _request(bench, name, tuple(channels), preset)
    shown: dict[str, Any] = {}
    for step, frame in enumerate(icon_strides(classifier, request), start=1):
        if frame is not None:
            shown = _keep(bench, model, name, channels, preset, frame)
        yield Progress(step, request.steps, shown)
    return shown


def _keep(
    bench: Bench, model: str, layer: str, channels: list[int], preset: str, frame: Frame
) -> dict[str, Any]:
    """Stores a frame's pictures: unfinished ones under their content, finished ones for good."""
    shown: dict[str, Any] = {}
    for i, channel in enumerate(channels):
        meta = {"activation": frame.activations[i], "dead": frame.dead[i], "steps": frame.step}
        if frame.done:
            key = icon_key(bench, model, layer, channel, preset)
            bench.store.put(key, "webp", frame.images[i], meta=meta)
            state = "dead" if frame.dead[i] else "done"
        else:
            key, state = bench.keep_picture(frame.images[i]), "forming"
        shown[str(channel)] = {
            "url": f"/blob/{key}", "state": state, "activation": frame.activations[i],
        }  # fmt: skip
    return shown


def mosaic(bench: Bench, *, model: str, picture: str, layer: str) -> Iterator[Progress]:
    """The activation grid: for every cell the picture of what the layer sees there."""
    return (yield from draw_mosaic(bench, model, picture, bench.layer(model, layer)))


ICON_TASKS: dict[str, Task] = {"icons_known": icons_known, "icons": icons, "mosaic": mosaic}
