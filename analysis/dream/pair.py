"""The same work in two networks, and pictures side by side in one sheet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.dream.settings import Dream
from analysis.layers import find_layer, ladder, list_layers
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

_GAP = 8  # pixels between pictures
_PAPER = 255


def depth(classifier: "Classifier", layer: str) -> float:
    """How deep a layer lies, 0 the first to finish, 1 the last."""
    return find_layer(classifier, layer).order / max(1, len(list_layers(classifier)) - 1)


def matched(classifier: "Classifier", layer: str, other: "Classifier") -> str:
    """The layer of ``other`` that stands for a layer of ``classifier``: the one of the same name,
    else of the ladder's layers (from edges to objects) the one as deep, in units of the network's
    depth."""
    if any(own.name == layer for own in list_layers(other)):
        return layer
    wanted = depth(classifier, layer)
    near = min(ladder(other, 64), key=lambda x: abs(depth(other, x.name) - wanted), default=None)
    if near is None:
        raise UserError(f"{other.name} has no layer with a grid, to stand for {layer}")
    return near.name


def translated(classifier: "Classifier", dream: Dream, other: "Classifier") -> Dream:
    """The same dream for another network. UserError for one of channels or a direction, which mean
    nothing there, or of a class that it does not have."""
    if dream.class_index is not None:
        if classifier.categories.raw == other.categories.raw:
            return dream
        name = classifier.categories.raw[dream.class_index]
        return replace(dream, class_index=other.categories.find(name))
    if dream.channels or dream.direction:
        raise UserError(
            f"channels of {classifier.name} are not those of {other.name}: dream with a whole "
            "layer, a guide or a class to compare them"
        )
    return replace(dream, layer=matched(classifier, dream.layer, other))


def sheet(pictures: Sequence[NDArray[np.uint8]], *, columns: int = 0) -> NDArray[np.uint8]:
    """uint8 (H, W, 3): pictures (h, w, 3) in rows of ``columns`` (0: all in one) on white, each
    within the size of the largest, in its own proportions."""
    if not pictures:
        raise UserError("a sheet needs at least one picture")
    across = min(columns or len(pictures), len(pictures))
    down = -(-len(pictures) // across)
    h, w = (max(p.shape[side] for p in pictures) for side in (0, 1))
    shape = down * (h + _GAP) + _GAP, across * (w + _GAP) + _GAP, 3
    paper = np.full(shape, _PAPER, dtype=np.uint8)
    for i, picture in enumerate(pictures):
        own = _within(picture, h, w)
        top = _GAP + (i // across) * (h + _GAP) + (h - own.shape[0]) // 2
        left = _GAP + (i % across) * (w + _GAP) + (w - own.shape[1]) // 2
        paper[top : top + own.shape[0], left : left + own.shape[1]] = own
    return paper


def _within(picture: NDArray[np.uint8], h: int, w: int) -> NDArray[np.uint8]:
    scale = min(h / picture.shape[0], w / picture.shape[1])
    if scale == 1:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
