"""Neuron groups: the few patterns that make up what a layer sees in one picture.

Non-negative matrix factorisation of one picture's activation ("The Building Blocks of
Interpretability", Olah et al. 2018: 6 groups): places x neurons ~ spatial x channels. A layer that
can be negative is factored as its positive and negative parts side by side. Every activation is
then divided among the groups in proportion to what they explain of it, so that the groups' effects
add up and a group can be taken away exactly.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF, non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

from analysis.activations import grid_vectors
from analysis.attribution import Array, LayerEffect
from analysis.layers import Layer
from cache.errors import UserError

Doubles = NDArray[np.float64]
GROUPS = 6
ROUNDS = 200
MOST_PLACES = 900
"""The factorisation is fitted on at most so many places; more change little and cost seconds."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of one picture's layer, the most active first; they do not depend on any class.

    ``spatial`` (G, h, w): how strongly each is present at each place, at most 1. ``channels``
    (G, C): its activation where it is strongest; negative entries only in signed layers.
    ``explained``: the part of the squared activation that the groups together reproduce.
    """

    layer: Layer
    activation: Array
    spatial: Array
    channels: Array
    explained: float

    def __len__(self) -> int:
        return len(self.spatial)

    def share(self, which: Iterable[int]) -> Array:
        """(C, P): the part, 0 to 1, of every activation that belongs to these groups together.

        Extra tokens, and activations that no group explains, belong to none.
        """
        chosen = [self.checked(g) for g in dict.fromkeys(which)]
        flat = self.spatial.reshape(len(self), -1)
        up = _fraction(self.channels.clip(0), flat, chosen)
        share = np.zeros_like(self.activation)
        grid = share[:, self.layer.extras :]
        if (self.channels < 0).any():
            down = _fraction((-self.channels).clip(0), flat, chosen)
            up = np.where(self.activation[:, self.layer.extras :] < 0, down, up)
        grid[...] = up
        return share

    def checked(self, group: int) -> int:
        """The group's number; UserError when there is no such group."""
        if not 0 <= group < len(self):
            raise UserError(f"group {group + 1} is out of range: there are groups 1 to {len(self)}")
        return int(group)

    @cached_property
    def shares(self) -> tuple[Array, ...]:
        """The share (C, P) of every group."""
        return tuple(self.share([g]) for g in range(len(self)))

    def part(self, group: int) -> Array:
        """(C, P): the activation that belongs to one group."""
        part: Array = self.activation * self.shares[self.checked(group)]
        return part

    def on(self, activation: Array) -> "Groups":
        """The same groups on another picture's activation (C, P): how strongly each is there."""
        matrix = _parts(
            grid_vectors(activation, self.layer), signed=bool((self.channels < 0).any())
        )
        split = [self.channels.clip(0), (-self.channels).clip(0)]
        loads = np.concatenate(split[: matrix.shape[1] // self.layer.channels], 1)
        scale = max(float(loads.max(initial=0)), 1e-30)
        spatial = np.zeros((len(matrix), len(self)))
        if len(self) and matrix.any():
            spatial = _fitted(matrix / scale, loads.astype(np.float64) / scale)
        lost = np.square(matrix - spatial @ loads).sum()
        explained = 1 - lost / max(float(np.square(matrix).sum()), 1e-30)
        there = spatial.T.reshape(self.spatial.shape).astype(np.float32)
        return Groups(self.layer, activation, there, self.channels, float(explained))

    def effects(self, one: LayerEffect) -> Array:
        """(G,): each group's effect; with what belongs to no group they add up to the whole."""
        return np.asarray([(one.effect * share).sum() for share in self.shares], np.float32)


def _fraction(channels: Array, flat: Array, chosen: list[int]) -> Array:
    """(C, P): what the chosen groups reproduce, as a part of what all of them do."""
    whole = channels.T @ flat
    some = channels[chosen].T @ flat[chosen]
    part: Array = np.divide(some, whole, out=np.zeros_like(whole), where=whole > 0)
    return part.clip(0, 1)


def find_groups(layer: Layer, activation: Array, *, count: int = GROUPS) -> Groups:
    """Factors one picture's activation (C, P). The same activation gives the same groups.

    Fewer groups than ``count`` come back where the layer has fewer places or active neurons, none
    where nothing is active. UserError for a layer without a grid of places, or with an output that
    is not finite.
    """
    vectors = grid_vectors(activation, layer)
    if not np.isfinite(vectors).all():
        raise UserError(f"layer {layer.name} puts out no finite numbers for this picture")
    matrix = _parts(vectors, signed=bool((vectors < 0).any()))
    used = np.flatnonzero(matrix.any(0))
    rank = min(count, len(used), int(matrix.any(1).sum()))
    spatial, weights = np.zeros((len(matrix), 0)), np.zeros((0, matrix.shape[1]))
    if rank:
        spatial, loads = _factor(matrix[:, used], rank)
        weights = np.zeros((len(loads), matrix.shape[1]))
        weights[:, used] = loads
    lost = np.square(matrix - spatial @ weights).sum()
    explained = 1 - lost / max(float(np.square(matrix).sum()), 1e-30)
    channels = weights[:, : layer.channels].copy()
    if weights.shape[1] > layer.channels:
        channels -= weights[:, layer.channels :]
    grid = layer.grid or (1, 1)  # grid_vectors has refused a layer without one
    return Groups(
        layer, activation, spatial.T.reshape(-1, *grid).astype(np.float32),
        channels.astype(np.float32), float(explained) if rank else 0.0,
    )  # fmt: skip


def _parts(vectors: Array, *, signed: bool) -> Doubles:
    """(places, C) from (C, h, w), or (places, 2 C): what is positive and what is negative."""
    rows = vectors.reshape(len(vectors), -1).T
    parts = [rows.clip(0), (-rows).clip(0)] if signed else [rows.clip(0)]
    return np.concatenate(parts, 1).astype(np.float64)


def _fitted(matrix: Doubles, loads: Doubles) -> Doubles:
    """(places, G): how much of each group (G, features) makes up each place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        spatial, _, _ = non_negative_factorization(
            matrix, H=loads, n_components=len(loads), init="custom", update_H=False,
            max_iter=ROUNDS, tol=1e-3, random_state=0,
        )  # fmt: skip
    found: Doubles = spatial
    return found


def _factor(matrix: Doubles, rank: int) -> tuple[Doubles, Doubles]:
    """(places, G) with largest value 1 and (G, features), the most active group first."""
    scale = float(matrix.max())
    model = NMF(rank, init="nndsvda", random_state=0, max_iter=ROUNDS, tol=1e-3)
    places = np.random.default_rng(0).permutation(len(matrix))[:MOST_PLACES]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough for colours and shares
        model.fit(matrix[np.sort(places)] / scale)
        spatial = model.transform(matrix / scale)
    peak = spatial.max(0)
    alive = np.flatnonzero((peak > 0) & (model.components_.max(1) > 0))
    spatial = spatial[:, alive] / peak[alive]
    weights = model.components_[alive] * peak[alive, None] * scale
    order = np.argsort(-(spatial.sum(0) * weights.sum(1)), kind="stable")
    return spatial[:, order], weights[order]
