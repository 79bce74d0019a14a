"""The activation grid of the open picture as one picture that forms: a mosaic of icons."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.activations import grid_vectors
from analysis.featurevis.grid import GridRequest
from analysis.featurevis.grid import strides as grid_strides
from analysis.featurevis.icons import RECIPE
from analysis.layers import Layer
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.grids import blocks
from dashboard.protocol import Progress

CELLS = 14  # finer layers are drawn in blocks, each by the mean of its places


@dataclass(frozen=True)
class MosaicRequest:
    """What the cache knows the grid of one picture by."""

    grid: GridRequest
    picture: str
    fit: str
    cells: int = CELLS


def draw_mosaic(bench: Bench, model: str, picture: str, layer: Layer) -> Iterator[Progress]:
    """Draws (or finds) the grid; the partial result is the cache key of the newest mosaic."""
    classifier = bench.classifier(model)
    request = GridRequest(layer=layer.name, seed=bench.config["seed"])
    wanted = MosaicRequest(request, picture, classifier.fit)
    key = content_key(wanted, fingerprint=classifier.fingerprint, recipe=RECIPE)
    if bench.store.get(key) is None:
        yield from _drawn(bench, model, picture, layer, request, key)
    return {"key": key}


def _drawn(
    bench: Bench, model: str, picture: str, layer: Layer, request: GridRequest, key: str
) -> Iterator[Progress]:
    one = bench.attribution(model, picture, layer.name, None, None).layers[layer.name]
    vectors = grid_vectors(one.activation, layer)
    small = np.stack([blocks(channel, CELLS, "mean") for channel in vectors]).astype(np.float32)
    shown: dict[str, Any] = {}
    frames = grid_strides(bench.classifier(model), torch.from_numpy(small), request)
    for done, (steps, frame) in enumerate(frames, start=1):
        if frame is not None:
            whole = joined(frame.images)
            shown = {"key": bench.keep_picture(whole)}
            if frame.done:
                bench.store.put(key, "webp", whole)
        yield Progress(done, steps, shown)


def joined(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, S, S, 3) as one picture (h * S, w * S, 3)."""
    h, w, size, _, colours = images.shape
    return images.transpose(0, 2, 1, 3, 4).reshape(h * size, w * size, colours)
