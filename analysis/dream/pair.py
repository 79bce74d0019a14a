"""The same dream in two networks, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.dream.engine import dreamt
from analysis.dream.ladder import Rung
from analysis.dream.settings import Dream, checked
from analysis.layers import find_layer, ladder, list_layers
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier


def depth(classifier: "Classifier", layer: str) -> float:
    """How deep a layer lies, 0 the first to finish, 1 the last."""
    return find_layer(classifier, layer).order / max(1, len(list_layers(classifier)) - 1)


def counterpart(classifier: "Classifier", layer: str, other: "Classifier") -> str:
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


def translated(
    classifier: "Classifier", dream: Dream, other: "Classifier", layer: str | None = None
) -> Dream:
    """The same dream for another network, at the ``layer`` of it, else at the counterpart.
    UserError for one of channels or a direction, which mean nothing there, or of a class that it
    does not have."""
    if dream.class_index is not None:
        if classifier.categories.raw == other.categories.raw:
            return dream
        name = classifier.categories.raw[classifier.categories.find(dream.class_index)]
        return replace(dream, class_index=_same_class(name, other))
    if dream.channels or dream.direction:
        raise UserError(
            f"channels of {classifier.name} are not those of {other.name}: dream with a whole "
            "layer, a guide or a class to compare them"
        )
    return replace(dream, layer=layer or counterpart(classifier, dream.layer, other))


def _same_class(name: str, other: "Classifier") -> int:
    """The class of exactly that name: a part of a name may be another thing. UserError."""
    same = [i for i, own in enumerate(other.categories.raw) if own.lower() == name.lower()]
    if len(same) != 1:
        said = "several classes" if same else "no class"
        raise UserError(f"{other.name} has {said} {name!r}: choose another class, or network")
    return same[0]


def for_both(
    first: "Classifier", dream: Dream, second: "Classifier", layer: str | None = None
) -> list[Dream]:
    """The dream of the first network and the same for the second, at the ``layer`` of it, else at
    the counterpart. UserError for what one of them lacks."""
    return [checked(dream, first), checked(translated(first, dream, second, layer), second)]


def in_each(
    classifiers: Sequence["Classifier"],
    dreams: Sequence[Dream],
    picture: NDArray[np.uint8] | None = None,
    *,
    guides: Sequence[NDArray[np.uint8]] = (),
) -> Iterator[Rung]:
    """Each network's own dream, one network after the other, frame by frame; for a sheet, see
    ``ladder.sheet`` and ``caption``."""
    for number, (own, classifier) in enumerate(zip(dreams, classifiers, strict=True), start=1):
        for frame in dreamt(classifier, own, picture, guides=guides):
            yield Rung(number, len(dreams), own, frame)


def caption(classifier: "Classifier", dream: Dream) -> str:
    """Network and layer, or class, for below a picture; a network of a file by the file's name."""
    what = dream.layer
    if dream.class_index is not None:
        what = classifier.categories.raw[dream.class_index]
    return f"{Path(classifier.name.partition(':')[0]).stem}, {what}"
