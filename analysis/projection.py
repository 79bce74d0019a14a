"""Layouts: many activation vectors as points on a plane. The only file that touches umap and numba.

Importing umap and compiling it takes a minute of processor the first time; so it is imported inside
the functions that need it. What a layout is worth is measured: trustworthiness (Venna and Kaski
2001), which counts neighbours on the map that are none in truth.
"""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cache.vectors import Column, nearest, unit

Array = NDArray[Any]
Method = Literal["umap", "pca"]
K = 15
CHECKED = 4_000  # points whose neighbours are compared, where there are more
TELLS = 10  # neighbours that place a new point
SAME = 1 - 1e-5  # a cosine that only rounding to halves keeps from 1
FEW = 15  # points, below which a layout by neighbours says nothing
BLOCK = 8192  # rows at a time
COMPARED = 1 << 24  # pairs of points at a time


@dataclass(frozen=True)
class LayoutRequest:
    """How points are laid out. ``whitened``: along directions of equal variance; the others as umap
    names them.

    Fifteen negative samples a step in place of umap's five: with those, points that have nothing in
    common are not pushed apart far enough, and half of a point's neighbours on the map are
    strangers (features.12, 22,035 samples: trustworthiness .83 with 5, .91 with 15, .95 with 30,
    which tears the map into islands).
    """

    method: Method = "umap"
    whitened: bool = False
    metric: str = "cosine"
    neighbors: int = 50
    min_dist: float = 0.05
    negatives: int = 15
    dimensions: int = 2
    seed: int = 0


def laid_out(vectors: Array, request: LayoutRequest) -> NDArray[np.float32]:
    """(N, C) as points (N, dimensions); the same vectors give the same points on one machine."""
    values = np.asarray(vectors, np.float32)
    if request.whitened:
        values = values @ whitener(values)
    if request.method == "pca" or len(values) < FEW:
        return flattened(values, request.dimensions)
    return _umap(values, request)


def flattened(values: Array, dimensions: int = 2) -> NDArray[np.float32]:
    """(N, dimensions): the directions of largest variance; a missing one is zero."""
    middle = values.mean(axis=0, dtype=np.float64)
    spread, axes = np.linalg.eigh(second_moment(values, middle))
    chosen = axes[:, np.argsort(-spread, kind="stable")[:dimensions]]
    chosen *= np.sign(chosen[np.abs(chosen).argmax(axis=0), range(chosen.shape[1])])
    out = np.zeros((len(values), dimensions), np.float32)
    for begin in range(0, len(values), BLOCK):
        out[begin : begin + BLOCK, : chosen.shape[1]] = (
            values[begin : begin + BLOCK] - middle
        ) @ chosen
    return out


def _umap(values: Array, request: LayoutRequest) -> NDArray[np.float32]:
    import warnings

    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "n_jobs overridden by random_state": wanted
        reducer = UMAP(
            n_components=request.dimensions, min_dist=request.min_dist,
            n_neighbors=min(request.neighbors, len(values) - 1),
            metric=request.metric, negative_sample_rate=request.negatives,
            random_state=request.seed, n_jobs=1,
        )  # fmt: skip
        points: NDArray[np.float32] = reducer.fit_transform(values).astype(np.float32)
    return points


def versions() -> dict[str, str]:
    """The libraries that decide a layout."""
    return {name: version(name) for name in ("umap-learn", "numba", "pynndescent", "numpy")}


def described(request: LayoutRequest) -> dict[str, Any]:
    """The request and the versions, to be kept beside the points."""
    return {**asdict(request), "versions": versions()}


def second_moment(values: Array, middle: Array | float = 0.0) -> NDArray[np.float64]:
    """(C, C): E[h h^T] of rows (N, C), seen from ``middle`` (C,)."""
    total = np.zeros((values.shape[1],) * 2)
    for begin in range(0, len(values), BLOCK):
        block = np.asarray(values[begin : begin + BLOCK], np.float64) - middle
        total += block.T @ block
    return total / max(1, len(values))


def whitener(values: Array, damping: float = 1e-2) -> NDArray[np.float32]:
    """(C, C): E[h h^T] to the power of -1/2; directions that hardly vary count as if they had at
    least ``damping`` of the mean."""
    spread, axes = np.linalg.eigh(second_moment(values))
    least = damping * max(float(spread.mean()), 1e-30)
    root: NDArray[np.float32] = ((axes / np.sqrt(spread + least)) @ axes.T).astype(np.float32)
    return root


def trustworthiness(
    vectors: Array | Column, points: Array, *, k: int = K, checked: int = CHECKED, seed: int = 0
) -> tuple[Array, NDArray[np.float32]]:
    """(numbers (M,), trust (M,)) of up to ``checked`` points drawn at random: 1 - the ranks, in the
    cosine of the vectors, of those of a point's ``k`` neighbours on the map that are not among its
    ``k`` nearest in truth, as a part of the worst case. Its mean over all points is scikit-learn's
    ``trustworthiness``."""
    count = len(points)
    k = max(1, min(k, (count - 1) // 2))
    chosen = np.arange(count)
    if count > checked:
        chosen = np.sort(np.random.default_rng(seed).choice(count, checked, replace=False))
    column = vectors if isinstance(vectors, Column) else Column([vectors])
    worst = 2.0 / (k * (2 * count - 3 * k - 1)) if 2 * count > 3 * k + 1 else 0.0
    trust = np.empty(len(chosen), np.float32)
    directions = np.empty(column.shape, np.float32)
    for begin, block in column.blocks():
        directions[begin : begin + len(block)] = unit(block)
    step = max(1, min(256, COMPARED // count))
    for begin in range(0, len(chosen), step):
        ranks = _ranks(directions, points, chosen[begin : begin + step], k)
        trust[begin : begin + step] = 1 - worst * np.maximum(0, ranks - k).sum(axis=1)
    return chosen, trust


def _ranks(directions: Array, points: Array, rows: Array, k: int) -> Array:
    """(R, k): the rank, from 1, by cosine, of each of the ``k`` neighbours on the map. Those that
    are equally near share the mean of their ranks: of sparse activations many have nothing in
    common, and a neighbour like these is not the first of them."""
    far = np.zeros((len(rows), len(points)), points.dtype)
    for axis in points.T:
        far += np.square(axis[rows, None] - axis)
    own = np.arange(len(rows))
    far[own, rows] = np.inf
    near = np.argpartition(far, k, axis=1)[:, :k]
    del far
    cosine = directions[rows] @ directions.T
    cosine[own, rows] = np.inf
    theirs = np.take_along_axis(cosine, near, 1)
    nearer = np.stack([(cosine > theirs[:, [i]]).sum(axis=1) for i in range(k)], axis=1)
    as_near = np.stack([(cosine >= theirs[:, [i]]).sum(axis=1) for i in range(k)], axis=1)
    ranks: Array = (nearer + as_near - 1) / 2
    return ranks


def placed(new: Array, vectors: Array | Column, points: Array) -> tuple[Array, Array, Array]:
    """Where new vectors (M, C) belong on a map: points (M, 2), cosine to the nearest neighbour (M,)
    and how far its neighbours lie apart on the map (M,).

    A vector that is on the map already goes where it is, another one to that of its nearest
    neighbours which is nearest to all the others: their mean may lie between two islands, where
    nothing is.
    """
    cosine, rows = nearest(vectors, new, TELLS)
    around = points[rows]
    away = np.sqrt(np.square(around[:, :, None] - around[:, None]).sum(axis=3))
    one = np.arange(len(new))
    middle = np.where(cosine[:, 0] > SAME, 0, away.sum(axis=2).argmin(axis=1))
    return around[one, middle], cosine[:, 0], np.median(away[one, middle], axis=1)
