"""The pass over all pictures that an atlas is made of, in shards that a kill cannot spoil.

A shard is a fixed run of pictures, written whole; a pass that was ended goes on with the first
shard that is missing, and since a shard's batches are the same in whatever run it is made, so are
its bytes. Memory holds one batch, and disk one row of halves a sample. Pictures that could not be
read are tried again by every later pass; their rows come behind all others, whose numbers stay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.atlas.reading import COLUMNS, PICTURE
from analysis.atlas.sampling import Sampler, drawn_places
from analysis.photos import Picture
from cache.errors import UserError
from cache.vectors import Shards

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1
SHARD = 64  # pictures; what a kill costs at most is some seconds
BATCH = 8
POINTS = 20_000  # samples to aim at: 40 x 40 cells need a dozen each
MOST = 64  # places of one picture
HALF = (1e-2, 65504.0)  # shards whose largest number lies beyond are kept in full precision


@dataclass(frozen=True)
class SweepRequest:
    """Which samples of which pictures (content keys, in this order): ``places`` of each."""

    layer: str
    pictures: tuple[str, ...]
    fit: str
    places: int
    seed: int = 0


def places_each(pictures: int, points: int = POINTS) -> int:
    """How many places of each picture make about ``points`` samples."""
    return max(1, min(MOST, -(-points // max(1, pictures))))


class Sweep:
    """The samples of one request in ``shards``; ``pictures`` those of the request, in order."""

    def __init__(
        self,
        classifier: "Classifier",
        request: SweepRequest,
        pictures: Sequence[Picture],
        shards: Shards,
    ) -> None:
        self.classifier, self.request = classifier, request
        self.pictures, self.shards = list(pictures), shards
        self.sampler = Sampler(classifier, request.layer)

    def __len__(self) -> int:
        return -(-len(self.pictures) // SHARD)

    def run(self) -> Iterator[int]:
        """Makes what is missing; yields at the start and after every batch how many pictures are
        through. Raises UserError, also where not one picture can be read."""
        self.shards.tidy()
        missing = [number for number in range(len(self)) if not self.shards.has(number)]
        tried = {i for number in missing for i in self._own(number)}
        done = len(self.pictures) - len(tried)
        yield done
        for number in missing:
            for made in self._make(number, self._own(number)):
                yield done + made
            done += len(self._own(number))
        self._mend(tried)
        if not len(self.shards.column("samples")):
            raise UserError("none of these pictures can be read: name another folder")

    def _own(self, number: int) -> range:
        """The pictures of a shard."""
        return range(number * SHARD, min((number + 1) * SHARD, len(self.pictures)))

    def _mend(self, tried: set[int]) -> None:
        """Tries the pictures again that an earlier pass could not read; ``tried``: those that this
        one has looked at."""
        lacking = skipped(self.shards.column("samples").all(), len(self.pictures))
        again = [i for i in lacking if i not in tried and self._pixels(i) is not None]
        free = (number for number in count(len(self)) if not self.shards.has(number))
        for begin in range(0, len(again), SHARD):
            for _ in self._make(next(free), again[begin : begin + SHARD]):
                pass

    def _make(self, number: int, mine: Sequence[int]) -> Iterator[int]:
        """A shard of these pictures; yields how many of them are through."""
        parts: list[dict[str, NDArray[Any]]] = [self._empty()]
        for begin in range(0, len(mine), BATCH):
            batch = mine[begin : begin + BATCH]
            shots = [(i, pixels) for i in batch if (pixels := self._pixels(i)) is not None]
            if shots:
                parts.append(self._taken(shots))
            yield begin + len(batch)
        rows = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
        self.shards.write(number, {
            "vectors": halved(rows["vectors"]), "effects": halved(rows["effects"]),
            "samples": rows["samples"].astype(np.int32),
        })  # fmt: skip

    def _pixels(self, number: int) -> NDArray[np.uint8] | None:
        try:
            image = self.pictures[number].decode(min_side=self.classifier.resize)
        except UserError:
            return None  # a picture without samples is one that could not be read: see ``skipped``
        return self.classifier.pixels(image)

    def _taken(self, shots: list[tuple[int, NDArray[np.uint8]]]) -> dict[str, NDArray[Any]]:
        grid, ask = self.sampler.layer.grid or (0, 0), self.request
        places = [drawn_places(ask.pictures[i], grid, ask.places, ask.seed) for i, _ in shots]
        x = torch.cat([self.classifier.tensor(pixels) for _, pixels in shots])
        found = self.sampler.take(x, places)
        numbers = np.array([i for i, _ in shots])
        index_of = self.classifier.categories.index_of_label
        labels = [index_of(self.pictures[i].label) for i in numbers]
        known = np.array([-1 if label is None else label for label in labels])
        said = found.logits.argmax(1)
        samples = np.stack(
            [numbers[found.owner], found.places, known[found.owner], said[found.owner]], axis=1
        )
        return {"vectors": found.vectors, "effects": found.effects, "samples": samples}

    def _empty(self) -> dict[str, NDArray[Any]]:
        channels, classes = self.sampler.layer.channels, len(self.classifier.categories)
        wide = {"vectors": channels, "effects": classes, "samples": 4}
        return {name: np.empty((0, wide[name]), np.float32) for name in COLUMNS}


def halved(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """As halves, where the numbers fit into them; else in single precision."""
    largest = float(np.abs(values).max(initial=0))
    fits = largest == 0 or HALF[0] <= largest <= HALF[1]
    return values.astype(np.float16 if fits else np.float32)


def skipped(samples: NDArray[Any], pictures: int) -> list[int]:
    """The numbers of the pictures that have no sample: they could not be read."""
    seen = np.zeros(pictures, bool)
    if len(samples):
        seen[samples[:, PICTURE]] = True
    return [int(i) for i in np.flatnonzero(~seen)]
