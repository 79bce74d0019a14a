"""One cell of an atlas from close by: its samples, its neurons, and its like on other layers' maps.
Imports no torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.atlas.cells import Cells
from analysis.atlas.reading import PICTURE, PLACE, SAID, Atlas
from cache.vectors import unit

SAMPLES, NEURONS, PLACES = 12, 8, 3


@dataclass(frozen=True)
class Sample:
    """One sample of a cell: the picture's key and name, the place (row * columns + column), label
    (-1 where none is known) and answer as class indices, cosine to the cell's mean."""

    key: str
    name: str
    place: int
    label: int
    said: int
    cosine: float


def typical(atlas: Atlas, cells: Cells, cell: int, *, most: int = SAMPLES) -> list[Sample]:
    """The samples nearest to the cell's mean, one of each picture."""
    members = cells.of(cell)
    cosine = unit(atlas.vectors[members]) @ unit(cells.means[cell][None])[0]
    rows, pictures = atlas.samples[members], atlas.manifest["pictures"]
    labels = atlas.labels(rows)
    found: dict[int, Sample] = {}
    for i in np.argsort(-cosine, kind="stable"):
        number = int(rows[i, PICTURE])
        if number not in found and len(found) < most:
            about = pictures[number]
            found[number] = Sample(
                about["key"], about["name"], int(rows[i, PLACE]), int(labels[i]),
                int(rows[i, SAID]), float(cosine[i]),
            )  # fmt: skip
    return list(found.values())


def neurons(
    means: NDArray[np.float32], count: NDArray[np.int32], cell: int, *, most: int = NEURONS
) -> list[tuple[int, float, float]]:
    """(channel, mean in the cell, times its mean over all samples in cells) of the neurons that
    make a cell what it is: strong here, and stronger than elsewhere. For signed layers the sign of
    the mean decides the direction."""
    own = means[cell].astype(np.float64)
    overall = np.average(means, axis=0, weights=np.maximum(count, 1)).astype(np.float64)
    tells = own * (own - overall)
    order = [int(c) for c in np.argsort(-tells, kind="stable")[:most] if tells[c] > 0]
    usual = np.average(np.abs(means), axis=0, weights=np.maximum(count, 1))
    return [(c, float(own[c]), float(own[c] / usual[c]) if usual[c] > 0 else 0.0) for c in order]


def elsewhere(
    atlas: Atlas, cells: Cells, cell: int, other: Atlas, there: Cells, *, most: int = PLACES
) -> list[tuple[int, float]]:
    """(cell, share) on another layer's map: where the same places of the same pictures lie there,
    the cells with the most of them first. ``share``: of the samples that both maps have."""
    own = _spots(atlas, cells.of(cell))
    keys = {key for key, _, _ in own}
    numbers = {i for i, p in enumerate(other.manifest["pictures"]) if p["key"] in keys}
    rows = other.samples.all()
    candidates = np.flatnonzero(np.isin(rows[:, PICTURE], list(numbers)))
    reach = 0.5 / min(*atlas.manifest["grid"], *other.manifest["grid"])
    near: dict[str, list[tuple[float, float]]] = {}
    for key, y, x in own:
        near.setdefault(key, []).append((y, x))
    members = [
        int(i) for i, (key, y, x) in zip(candidates, _spots(other, candidates), strict=True)
        if any(abs(y - v) <= reach and abs(x - u) <= reach for v, u in near[key])
    ]  # fmt: skip
    owner = np.full(len(rows), -1)
    owner[there.members] = np.repeat(np.arange(len(there)), there.count)
    found = owner[members]
    values, counts = np.unique(found[found >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return [(int(values[i]), float(counts[i]) / max(1, len(members))) for i in order]


def _spots(
    atlas: Atlas, rows: NDArray[np.int64] | NDArray[np.int32]
) -> list[tuple[str, float, float]]:
    """(picture's key, y, x) of samples, in parts of the picture."""
    height, width = atlas.manifest["grid"]
    pictures = atlas.manifest["pictures"]
    return [
        (pictures[int(s[PICTURE])]["key"], (s[PLACE] // width + 0.5) / height,
         (s[PLACE] % width + 0.5) / width)
        for s in atlas.samples[rows]
    ]  # fmt: skip


def pushing_cells(
    col: NDArray[np.int64], row: NDArray[np.int64], push: NDArray[np.float32], *,
    count: int, drawn: NDArray[np.bool_] | None = None,
) -> list[int]:  # fmt: skip
    """The cells with the largest ``push`` (n,) above zero: their mean effect on one class, or on
    one less that on another.

    Neighbours on the map look alike: none beside one that is chosen is taken.
    """
    chosen: list[int] = []
    for cell in np.argsort(-push, kind="stable"):
        if len(chosen) == count or push[cell] <= 0:
            break
        apart = [max(abs(int(col[cell]) - int(col[c])), abs(int(row[cell]) - int(row[c])))
                 for c in chosen]  # fmt: skip
        if all(away > 1 for away in apart) and (drawn is None or drawn[cell]):
            chosen.append(int(cell))
    return chosen
