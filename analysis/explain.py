"""The whole explanation of one answer: which class rather than which, by which neurons, at which
places, in which groups, layer by layer, each with its check.

The command and the page ask the same functions, so the same question has the same numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from analysis import images
from analysis.ablation import logits_of
from analysis.activations import fires
from analysis.attribution import LayerEffect, Target, attribute
from analysis.explain_checks import checks_of
from analysis.flips import margins_of
from analysis.groups import Groups, find_groups
from analysis.layers import Layer, find_layer, ladder, list_layers
from analysis.tail import Tail
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

TOP_NEURONS = 12
TOP_PLACES = 12
GROUP_NEURONS = 5
MAP_CELLS = 14


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture before a network: pixels (H, W, C), input (1, C, H, W), logits (classes,)."""

    pixels: NDArray[np.uint8]
    x: Tensor
    logits: NDArray[np.float64]


def look(classifier: "Classifier", picture: Path | Image.Image) -> Seen:
    """Decodes a file where one is named, and runs the network once. Raises UserError."""
    if isinstance(picture, Path):
        picture = images.decode(picture, min_side=classifier.resize)
    pixels = classifier.pixels(picture)
    x = classifier.tensor(pixels)
    with torch.no_grad():
        logits = classifier.module(x)[0].cpu().double().numpy()
    if not np.isfinite(logits).all():
        raise UserError(f"{classifier.name} gives numbers that are not finite for this picture")
    return Seen(pixels, x, logits)


def shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax (classes,)."""
    powers = np.exp(logits - logits.max())
    share: NDArray[np.float64] = powers / powers.sum()
    return share


def resolve_class(classifier: "Classifier", text: str | int) -> int:
    """A class by index, name or unique part of one."""
    return classifier.categories.find(text)


def resolve(
    classifier: "Classifier",
    logits: NDArray[np.float64],
    said: str | int | None = None,
    rather_than: str | int | None = None,
    *,
    true: int | None = None,
) -> Target:
    """The two classes compared; by default the answer, rather than the true class where that is
    known and another, else rather than the strongest other class. Raises UserError."""
    order = np.argsort(-logits, kind="stable")
    a = int(order[0]) if said is None else resolve_class(classifier, said)
    others = [int(i) for i in order if i != a]
    if rather_than is not None:
        b: int | None = resolve_class(classifier, rather_than)
    else:
        b = true if true is not None and true != a else next(iter(others), None)
    return Target(a, b).checked(len(logits))


def entry(classifier: "Classifier", logits: NDArray[np.float64], index: int) -> dict[str, Any]:
    """{class, index, logit, probability} of one class."""
    return {
        "class": classifier.categories.names[index],
        "index": int(index),
        "logit": float(logits[index]),
        "probability": float(shares(logits)[index]),
    }


def ranking(
    classifier: "Classifier", logits: NDArray[np.float64], top: int = 5
) -> list[dict[str, Any]]:
    """The first answers, the likeliest first."""
    order = np.argsort(-logits, kind="stable")[:top]
    return [entry(classifier, logits, int(i)) for i in order]


def sides(
    classifier: "Classifier", logits: NDArray[np.float64], target: Target
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Both classes of a target as entries; a network with one class has no other."""
    other = target.rather_than
    return (
        entry(classifier, logits, target.a),
        None if other is None else entry(classifier, logits, other),
    )


# ---- the explanation ----


def explain(
    classifier: "Classifier",
    seen: Seen,
    *,
    said: str | int | None = None,
    rather_than: str | int | None = None,
    true: int | None = None,
    layer: str | None = None,
    channels: Sequence[int] | None = None,
    place: tuple[int, int] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Why class A rather than class B, as one document.

    ``layer``: that one alone; else the ladder from edges to objects. ``channels``: of this one
    layer the neurons whose removal is checked, in place of the 5 % that carry the margin;
    ``place`` (row, column): where they are removed, else on the whole picture. Keys: network,
    classes (said, rather_than, top), margin (in logits), layers (each with channels, positions,
    groups, a map of the effect in at most 14 x 14 cells) and checks (of each layer's neurons that
    carry the margin, and of its strongest group; ``also_changed``: the other classes whose
    probability the removal changes). Raises UserError for an unknown class, layer, neuron or place.
    """
    if layer is None and (channels is not None or place is not None):
        raise UserError("name the layer whose neurons are to be removed, with --layer")
    target = resolve(classifier, seen.logits, said, rather_than, true=true)
    layers = _layers(classifier, layer)
    found = attribute(classifier, seen.x, [x.name for x in layers], target)
    described, checks = [], []
    if progress:
        progress(0, len(layers))
    for done, one in enumerate(found.layers.values(), 1):
        tail = Tail(classifier.module, one.layer.name, seen.x)
        groups = find_groups(one.layer, one.activation) if one.layer.grid else None
        described.append(_described(tail, one, groups, target))
        checks += checks_of(
            classifier, tail, one, groups, target, seed=seed, channels=channels, place=place
        )
        if progress:
            progress(done, len(layers))
    said_entry, other = sides(classifier, seen.logits, target)
    return {
        "network": {
            "name": classifier.name, "trained": classifier.trained, "fit": classifier.fit,
            "fingerprint": classifier.fingerprint,
        },
        "classes": {
            "said": said_entry, "rather_than": other, "top": ranking(classifier, seen.logits),
        },
        "margin": found.margin,
        "layers": described,
        "checks": checks,
    }  # fmt: skip


def _layers(classifier: "Classifier", name: str | None) -> Sequence[Layer]:
    if name is not None:
        return [find_layer(classifier, name)]
    return ladder(classifier) or list_layers(classifier)[-8:]  # no grids: the last flat ones


def _described(
    tail: Tail, one: LayerEffect, groups: Groups | None, target: Target
) -> dict[str, Any]:
    """One layer: the neurons, places and groups with the largest effects, whatever their sign."""
    return {
        "layer": one.layer.name,
        "kind": one.layer.kind,
        "grid": one.layer.grid,
        "size": one.layer.channels,
        "channels": fires(one, top=TOP_NEURONS, sort="effect"),
        "positions": _positions(one),
        "groups": [] if groups is None else _groups(tail, one, groups, target),
        "map": _map(one),
        "group_map": None if groups is None else _group_map(groups),
    }


def _positions(one: LayerEffect) -> list[dict[str, Any]]:
    if one.layer.grid is None:
        return []
    places = one.per_place
    order = np.argsort(-np.abs(places), axis=None, kind="stable")[:TOP_PLACES]
    spots = [divmod(int(i), places.shape[1]) for i in order]
    return [{"at": spot, "effect": float(places[spot])} for spot in spots if places[spot]]


def _groups(tail: Tail, one: LayerEffect, groups: Groups, target: Target) -> list[dict[str, Any]]:
    """Each group with its effect as attributed and as measured by taking it away."""
    if not len(groups):
        return []
    before = float(target.margin(tail.logits)[0])
    without = margins_of(target, logits_of(tail, one.layer, (1 - s for s in groups.shares)))
    rows = []
    for g, effect in enumerate(groups.effects(one)):
        strongest = np.argsort(-np.abs(groups.channels[g]), kind="stable")[:GROUP_NEURONS]
        rows.append({
            "group": g, "effect": float(effect), "measured": before - float(without[g]),
            "channels": [int(c) for c in strongest if groups.channels[g, c]],
        })  # fmt: skip
    return rows


def _map(one: LayerEffect) -> list[list[float]] | None:
    """The effect of each place, summed into at most 14 x 14 cells; None without a grid."""
    if one.layer.grid is None:
        return None
    return [[float(v) for v in row] for row in _cells(one.per_place)]


def _group_map(groups: Groups) -> list[list[int | None]]:
    """The group most present in each of at most 14 x 14 cells; None where none is."""
    if not len(groups):
        return []
    weights = np.abs(groups.channels).sum(1)
    presence = np.stack([_cells(s * w) for s, w in zip(groups.spatial, weights, strict=True)])
    first, some = presence.argmax(0), presence.max(0) > 0
    return [
        [int(g) if here else None for g, here in zip(*row, strict=True)]
        for row in zip(first, some, strict=True)
    ]


def _cells(places: NDArray[np.float32]) -> NDArray[np.float64]:
    """(h, w) summed into at most 14 x 14 cells."""
    values = places.astype(np.float64)
    for axis, size in enumerate(places.shape):
        cells = min(size, MAP_CELLS)
        starts = [-(-i * size // cells) for i in range(cells)]
        values = np.add.reduceat(values, starts, axis=axis)
    return values


def sentence(found: dict[str, Any]) -> str:
    """The claim of an explanation in one sentence, with its margin."""
    said, other, top = (found["classes"][k] for k in ("said", "rather_than", "top"))
    verb = "Says" if said["index"] == top[0]["index"] else f"Says {top[0]['class']}; for"
    rather = f" rather than {other['class']}" if other else ""
    word, margin = "margin" if other else "logit", found["margin"]
    number = f"{margin:+.1e}" if 0 < abs(margin) < 0.05 else f"{margin:+.1f}"
    return f"{verb} {said['class']} {said['probability']:.1%}{rather}: {word} {number}"
