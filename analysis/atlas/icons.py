"""Icons of an atlas: what each cell's mean activation looks like, and how true the icon is to it.

Source: Carter et al., Activation Atlas (Distill 2019): the middle place, towards the mean
activation v through the inverse of the layer's second moment, v' = v (E[h h^T])^-1, so that what
most samples share is not drawn again and again: dot(h, v') * max(.1, cos)^p. The cosine here is
that with v itself: with v', as in the article's own notebooks, icons come out further from their
cells (features.12: a median cosine of .76 to the cell's mean in place of .88). Where the ascent
loses its way (v' points away from much of what the layer can do), the icon is drawn again plainly
towards v, and the better of both is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.atlas.cells import Box, Cells, owners
from analysis.featurevis import objectives, transforms
from analysis.featurevis.icons import IconRequest, Preset, render
from analysis.featurevis.memory import in_batches
from analysis.featurevis.optimize import Observer
from analysis.projection import placed
from cache.vectors import Column, unit

if TYPE_CHECKING:
    from analysis.models import Classifier

Array = NDArray[Any]
POWER = 4.0
DAMPING = 0.1  # of the mean variance: below, noise in the rarest directions is what is drawn
ASTRAY = 0.5  # cosine to the cell's mean, below which an icon is drawn again
# A mean over many samples has little fine detail to show; at 96 pixels its shapes fill the icon,
# and a picture that grows has larger ones, in stronger colours: they are seen on the map too.
PRESET = Preset(96, 80, 96, schedule="growing")


@dataclass(frozen=True, eq=False)
class Drawn:
    """Icons of some cells: ``images`` uint8 (B, S, S, 3); ``centres`` (B, C): what the layer puts
    out for each at the middle place, fed at ``input_size``; ``cosine`` (B,) of that to the cell's
    mean."""

    images: NDArray[np.uint8]
    centres: NDArray[np.float32]
    cosine: NDArray[np.float32]


def unmixed(moment: Array) -> NDArray[np.float64]:
    """(C, C): the inverse of the second moment E[h h^T], damped."""
    spread, axes = np.linalg.eigh(moment)
    least = DAMPING * max(float(spread.mean()), 1e-30)
    inverse: NDArray[np.float64] = (axes / (np.maximum(spread, 0) + least)) @ axes.T
    return inverse


def drawn(
    classifier: "Classifier", layer: str, means: Array, inverse: Array, *, seed: int
) -> Iterator[Drawn | None]:
    """Icons of the mean activations (B, C); yields None after a few steps each, and the icons at
    last."""
    request = _request(classifier, layer, seed)
    towards = unit(means @ inverse)
    first: Drawn | None = None
    for first in _batch(classifier, request, towards, means):
        if first is None:
            yield None
    assert first is not None
    astray = np.flatnonzero(first.cosine < ASTRAY)
    if len(astray):
        again: Drawn | None = None
        for again in _batch(classifier, request, unit(means[astray]), means[astray]):
            if again is None:
                yield None
        assert again is not None
        better = again.cosine > first.cosine[astray]
        for mine, other in zip(_parts(first), _parts(again), strict=True):
            mine[astray[better]] = other[better]
    yield first


def _parts(one: Drawn) -> tuple[Array, ...]:
    return one.images, one.centres, one.cosine


def _request(classifier: "Classifier", layer: str, seed: int) -> IconRequest:
    own = min(classifier.input_size[1:])
    size = min(PRESET.input_size, own)
    return IconRequest(
        layer=layer, objective="direction", cosine_power=POWER, steps=PRESET.steps,
        size=min(PRESET.size, size), input_size=size, schedule=PRESET.schedule, seed=seed,
    )  # fmt: skip


def _batch(
    classifier: "Classifier", request: IconRequest, towards: Array, means: Array
) -> Iterator[Drawn | None]:
    whole = replace(request, directions=_tuples(towards), near=_tuples(unit(means)))
    images = []
    for part in _affordable(classifier, whole):
        for frame in render(classifier, part, every=8):
            if frame.done:
                images.append(frame.images)
            yield None
    pictures = np.concatenate(images)
    centres = seen(classifier, request.layer, pictures, request.input_size)
    cosine = (unit(centres) * unit(means)).sum(axis=1)
    yield Drawn(pictures, centres, cosine.astype(np.float32))


def _affordable(classifier: "Classifier", request: IconRequest) -> list[IconRequest]:
    """The request in batches that fit into memory."""
    units = replace(request, units=tuple(range(len(request.directions))))
    counts = [len(p.units) for p in in_batches(classifier, units)]
    ends = np.cumsum(counts)
    return [
        replace(request, directions=request.directions[e - n : e], near=request.near[e - n : e])
        for n, e in zip(counts, ends, strict=True)
    ]


def _tuples(vectors: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, v)) for v in vectors)


@torch.no_grad()
def seen(
    classifier: "Classifier", layer: str, images: NDArray[np.uint8], input_size: int
) -> NDArray[np.float32]:
    """(B, C): what the layer puts out at its middle place for pictures (B, S, S, 3), untransformed,
    fed at ``input_size``."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    if classifier.input_size[0] == 1:
        pixels = pixels.mean(dim=1, keepdim=True)
    observer = Observer(classifier, objectives.channel(layer, [0]), input_size)
    fields = observer.fields(transforms.plain(pixels.to(classifier.device), observer.size))
    values = fields[layer]
    row, col = objectives.centre(values)
    centres: NDArray[np.float32] = values[:, :, row, col].float().cpu().numpy()
    return centres


def landed(
    centres: Array,
    cells: Cells,
    chosen: Sequence[int] | Array,
    box: Box,
    vectors: Column | Array,
    points: Array,
) -> NDArray[np.int64]:
    """(B,): how many cells off the icons of the ``chosen`` cells land when they are placed on the
    map like any new sample: 0 in their own cell, 1 in a neighbour."""  # fmt: skip
    there, _, _ = placed(centres, vectors, points)
    col, row = owners(there, box, cells.side)
    away: NDArray[np.int64] = np.maximum(
        np.abs(col - cells.col[chosen]), np.abs(row - cells.row[chosen])
    )
    return away
