"""What is kept of one layer while pictures stream past: places, histogram, class profile, mean.

Everything has a fixed size, does not depend on how the pictures were cut into batches, and can be
written down as plain arrays and taken up again. A neuron's *response* to a picture is its
activation at its strongest place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Arrays = dict[str, NDArray[np.generic]]

BINS = 128
SAMPLE = 128
LEAST = -120
_LISTS = ("strongest", "middle", "weakest")


@dataclass(frozen=True, eq=False)
class Kept:
    """A few pictures of every neuron, one place each: (C, kept); ``picture`` is -1 where there are
    fewer. ``place`` is row * columns + column."""

    value: Array
    picture: NDArray[np.int32]
    place: NDArray[np.int32]

    @classmethod
    def empty(cls, channels: int, kept: int) -> "Kept":
        """Nothing kept yet: values of -inf."""
        value = np.full((channels, kept), -np.inf, np.float32)
        return cls(value, np.full(value.shape, -1, np.int32), np.zeros(value.shape, np.int32))

    def ordered(self, order: NDArray[np.int64]) -> "Kept":
        """The columns that ``order`` (C, n) names, neuron by neuron."""
        value, picture, place = (np.take_along_axis(part, order, 1) for part in self.parts)
        return Kept(value, picture, place)  # type: ignore[arg-type]

    def admit(self, more: "Kept") -> None:
        """Keeps the strongest of both, as many as before; of equals the earlier picture."""
        rows = np.flatnonzero((more.value > self.value[:, -1:]).any(axis=1))  # soon there are few
        pairs = zip(self.parts, more.parts, strict=True)
        value, picture, place = (np.concatenate((a[rows], b[rows]), 1) for a, b in pairs)
        order = np.argsort(-value, axis=1, kind="stable")[:, : self.value.shape[1]]
        for kept, new in zip(self.parts, (value, picture, place), strict=True):
            kept[rows] = np.take_along_axis(new, order, 1)

    def copy(self) -> "Kept":
        """One that does not change when this one goes on."""
        return Kept(self.value.copy(), self.picture.copy(), self.place.copy())

    @property
    def parts(self) -> tuple[Array, NDArray[np.int32], NDArray[np.int32]]:
        """Value, picture and place."""
        return self.value, self.picture, self.place


@dataclass(frozen=True, eq=False)
class Examples:
    """What a pass over pictures found out about one layer.

    ``strongest``: the pictures with the highest responses, highest first. ``middle``: those next to
    the median of the responses, highest first; for a layer that is never negative, of the responses
    above zero. ``weakest``: the lowest first; for a signed layer by the *lowest* place of each
    picture, since there a neuron says something in two directions.

    ``counts`` (C, BINS): how many pictures gave a response in each of BINS even steps from
    -2**exponent to 2**exponent (``exponent`` (C,)). ``mean``, ``sd`` (C,): of the responses.
    ``profile`` (C, K): the mean response to the pictures of each of the K classes seen;
    ``classes`` (K,) their indices, labelled where a label is known, else as predicted, and
    ``per_class`` (K,) how many pictures each had.
    """

    pictures: int
    strongest: Kept
    middle: Kept
    weakest: Kept
    counts: NDArray[np.int32]
    exponent: NDArray[np.int32]
    mean: Array
    sd: Array
    classes: NDArray[np.int32]
    per_class: NDArray[np.int32]
    profile: Array

    def arrays(self) -> Arrays:
        """As plain arrays, for the cache."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _LISTS}
        lists = {
            f"{name}.{part.name}": getattr(getattr(self, name), part.name)
            for name in _LISTS for part in fields(Kept)
        }  # fmt: skip
        return {**plain, **lists, "pictures": np.array([self.pictures], np.int64)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "Examples":
        """Back from ``arrays``."""
        given = dict(arrays)
        lists = {n: Kept(*(given.pop(f"{n}.{p.name}") for p in fields(Kept))) for n in _LISTS}  # type: ignore[arg-type]
        count = int(given.pop("pictures")[0])
        return cls(pictures=count, **lists, **given)  # type: ignore[arg-type]

    def maximum(self, channel: int) -> float:
        """The highest response of all."""
        return float(self.strongest.value[channel, 0])

    def histogram(self, channel: int) -> tuple[Array, NDArray[np.int32]]:
        """Edges (n + 1,) and counts (n,) of the responses, without the empty steps at both ends."""
        counts, edge = self.counts[channel], 2.0 ** float(self.exponent[channel])
        edges = np.linspace(-edge, edge, BINS + 1, dtype=np.float32)
        filled = np.flatnonzero(counts)
        if not len(filled):
            return edges[BINS // 2 : BINS // 2 + 1], counts[:0]
        return edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]

    def percentile(self, channel: int, value: float) -> float:
        """How many pictures in a hundred have a response below ``value``.

        Exact above the highest response; else to within one step of the histogram, taken as evenly
        filled.
        """
        if not self.pictures or value > self.maximum(channel):
            return 100.0 if self.pictures else float("nan")
        edges, counts = self.histogram(channel)
        below = np.interp(value, edges, np.concatenate([[0], np.cumsum(counts)]))
        return 100.0 * float(below) / self.pictures

    def z(self, responses: Array) -> Array:
        """Responses (C,) in standard deviations from the mean over the pictures.

        Neurons that hardly ever differ would come out beyond all bounds: no sd counts as less than
        a tenth of the layer's median sd.
        """
        least = max(0.1 * float(np.median(self.sd)), 1e-12)
        return ((responses - self.mean) / np.maximum(self.sd, least)).astype(np.float32)


class Tally:
    """The running account of one layer with ``channels`` neurons."""

    def __init__(self, channels: int, classes: int, *, kept: int, signed: bool) -> None:
        self.signed, self.kept = signed, kept
        self.seen = np.zeros(1, np.int64)
        self.strongest, self.weakest = (Kept.empty(channels, kept) for _ in range(2))
        self.sample = Kept.empty(channels, SAMPLE)
        self.counts = np.zeros((channels, BINS), np.int32)
        self.exponent = np.full(channels, LEAST, np.int32)
        self.mean: NDArray[np.float64] = np.zeros(channels)
        self.squares: NDArray[np.float64] = np.zeros(channels)
        self.sums = np.zeros((classes, channels), np.float32)
        self.per_class = np.zeros(classes, np.int32)

    def add(self, classes: NDArray[np.int64], high: Kept, low: Kept) -> None:
        """Files a batch: its strongest places and, for weakness, the negated values of its lowest
        (C, B each), and the class of each picture."""
        self.strongest.admit(high)
        self.weakest.admit(low)
        self._bin(high.value)
        for column, of_class in enumerate(classes):
            response = high.value[:, column].astype(np.float64)
            self._draw(high, column)
            self.seen += 1
            away = response - self.mean
            self.mean += away / self.seen
            self.squares += away * (response - self.mean)
            self.sums[of_class] += response
            self.per_class[of_class] += 1

    def _draw(self, high: Kept, column: int) -> None:
        """Keeps every picture so far with the same chance (reservoir sampling, Vitter 1985); the
        draw depends on the picture's number only, so a resumed pass draws alike."""
        number = int(self.seen[0])
        drawn = np.random.default_rng(number).integers(number + 1) if number >= SAMPLE else number
        if drawn < SAMPLE:
            for kept, new in zip(self.sample.parts, high.parts, strict=True):
                kept[:, drawn] = new[:, column]

    def _bin(self, values: Array) -> None:
        """Counts values (C, B); where one lies outside, the range is doubled and pairs of steps are
        joined, which loses nothing since all edges are powers of two apart."""
        largest = np.abs(values).max(axis=1)
        needed = np.where(largest > 0, np.frexp(largest)[1], LEAST)
        while (small := needed > self.exponent).any():
            # the step that begins at zero stays in its place whatever the range
            free = np.flatnonzero(small & (self.counts.sum(1) == self.counts[:, BINS // 2]))
            self.exponent[free], small[free] = needed[free], False
            joined = self.counts[small].reshape(-1, BINS // 2, 2).sum(2)
            self.counts[small] = 0
            self.counts[small, BINS // 4 : -BINS // 4] = joined
            self.exponent[small] += 1
        step = np.ldexp(2.0 / BINS, self.exponent)[:, None]
        bins = np.floor(values / step).astype(np.int64) + BINS // 2
        flat = (bins + np.arange(len(values))[:, None] * BINS).ravel()
        self.counts += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)

    def result(self) -> Examples:
        """What is known so far."""
        number, classes = int(self.seen[0]), np.flatnonzero(self.per_class)
        per_class = self.per_class[classes]
        profile = (self.sums[classes] / per_class[:, None]).T
        strongest, weak = self.strongest.copy(), self.weakest.copy()
        np.negative(weak.value, out=weak.value)
        return Examples(
            number, strongest, self._middle(), weak, self.counts.copy(), self.exponent.copy(),
            self.mean.astype(np.float32), np.sqrt(self.squares / max(1, number)).astype(np.float32),
            classes.astype(np.int32), per_class, profile.astype(np.float32),
        )  # fmt: skip

    def _middle(self) -> Kept:
        """The drawn pictures next to the median of those that count."""
        value = self.sample.value
        counts = (self.sample.picture >= 0) & ((value > 0) | self.signed)
        known = np.where(counts, value, np.inf)
        rank = np.maximum(counts.sum(1) - 1, 0) // 2
        median = np.take_along_axis(np.sort(known, axis=1), rank[:, None], 1)
        away = np.abs(value - np.where(np.isinf(median), 0, median))
        order = np.argsort(np.where(counts, away, np.inf), axis=1, kind="stable")[:, : self.kept]
        near = self.sample.ordered(order)
        real = np.take_along_axis(counts, order, 1)
        value = np.where(real, near.value, -np.inf).astype(np.float32)
        near = Kept(value, np.where(real, near.picture, -1), near.place)
        return near.ordered(np.argsort(-near.value, axis=1, kind="stable"))

    def arrays(self) -> Arrays:
        """The whole state as plain arrays; classes that were not seen are left out."""
        seen = np.flatnonzero(self.per_class).astype(np.int32)
        lists: Arrays = {
            f"{name}.{i}": part
            for name in ("strongest", "weakest", "sample")
            for i, part in enumerate(getattr(self, name).parts)
        }
        state = {
            **lists, "seen": self.seen, "counts": self.counts, "exponent": self.exponent,
            "mean": self.mean, "squares": self.squares, "classes": seen,
            "sums": self.sums[seen], "per_class": self.per_class[seen],
        }  # fmt: skip
        return {name: array.copy() for name, array in state.items()}

    def take_up(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from what ``arrays`` gave."""
        for name in ("strongest", "weakest", "sample"):
            parts = (arrays[f"{name}.{i}"].copy() for i in range(3))
            setattr(self, name, Kept(*parts))  # type: ignore[arg-type]
        for name in ("seen", "counts", "exponent", "mean", "squares"):
            setattr(self, name, arrays[name].copy())
        self.sums[arrays["classes"]], self.per_class[arrays["classes"]] = (
            arrays["sums"], arrays["per_class"],
        )  # fmt: skip
