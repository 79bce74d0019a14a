"""A pass of a network over many pictures, kept by each picture's content.

What was measured of a picture once is never measured again, in whatever folder it lies; so a pass
that was ended goes on where it was, and one picture more costs one picture. Pictures are decoded
beside the network, which is what takes the time.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis import images
from analysis.classes import Label
from cache.atlas import EVALUATIONS
from cache.errors import UserError
from cache.keyed import Keyed
from cache.keys import content_key

if TYPE_CHECKING:
    from analysis.models import Classifier

BATCH = 8
SAVED = 64  # pictures; what a kill costs at most is some seconds
AHEAD = 2  # batches that are decoded before the network asks for them
Array = NDArray[Any]
Pixels = NDArray[np.uint8]


class Readable(Protocol):
    """A picture as the library has it."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def label(self) -> Label | None: ...
    def read(self) -> bytes: ...


@dataclass(frozen=True)
class Step:
    """How far a pass is: pictures through, of how many, and about how many seconds are left."""

    done: int
    total: int
    left: float | None


class Pass(ABC):
    """Rows of ``columns`` of each of these pictures; kept below the cache's folder ``root`` under
    ``request`` (a frozen dataclass) and the network."""

    columns: tuple[str, ...]

    def __init__(
        self, classifier: "Classifier", pictures: Sequence[Readable], root: Path,
        *, request: Any, recipe: int,
    ) -> None:  # fmt: skip
        self.classifier, self.pictures = classifier, list(pictures)
        key = content_key(request, fingerprint=classifier.fingerprint, recipe=recipe)
        self.kept = Keyed(Path(root) / EVALUATIONS / key, self.columns)
        self.unread: dict[str, str] = {}

    @abstractmethod
    def measured(self, pixels: list[Pixels]) -> dict[str, Array]:
        """The rows of some pictures (H, W, C), each as the network sees it."""

    def run(self) -> Iterator[Step]:
        """Measures what is not known yet; yields at the start and after every batch. UserError: the
        disk is full."""
        known = self.kept.rows()
        missing = {key: p for p in self.pictures if (key := self._key(p)) and key not in known}
        before, began = len(self.pictures) - len(missing) - len(self.unread), monotonic()
        yield Step(before, len(self.pictures), None)
        done, made = 0, _Rows(self.columns)
        for batch in ahead(list(missing.values()), self._decoded):
            some = {p.key: found for p, found in batch if not isinstance(found, str)}
            self.unread |= {p.name: found for p, found in batch if isinstance(found, str)}
            if some:
                made.put(list(some), self.measured([*some.values()]))
            done += len(batch)
            if len(made) >= SAVED or done == len(missing):
                made.flush(self.kept)
            left = (monotonic() - began) / done * (len(missing) - done)
            yield Step(before + done, len(self.pictures), left)

    def found(self) -> tuple[NDArray[np.int64], dict[str, Array]]:
        """(N,): the numbers of the pictures that are known, and their rows by column. UserError:
        none is."""
        rows = self.kept.rows()
        keys = [self._key(p) for p in self.pictures]
        there = [i for i, key in enumerate(keys) if key in rows]
        if not there:
            raise UserError("none of these pictures can be read: name another folder")
        wanted = np.array([rows[str(keys[i])] for i in there])
        return np.array(there), {name: self.kept.column(name)[wanted] for name in self.columns}

    def _key(self, picture: Readable) -> str | None:
        """Its content key; None where it cannot be read (any more)."""
        try:
            return picture.key
        except UserError as error:
            self.unread[picture.name] = str(error)
            return None

    def _decoded(self, picture: Readable) -> Pixels | str:
        """The pixels that the network sees; or why there are none."""
        try:
            image = images.decode(
                picture.read(), name=picture.name, min_side=self.classifier.resize
            )
        except UserError as error:
            return str(error)
        return self.classifier.pixels(image)


class _Rows:
    """Rows that are not on disk yet."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.keys: list[str] = []
        self.parts: list[dict[str, Array]] = []

    def __len__(self) -> int:
        return len(self.keys)

    def put(self, keys: list[str], arrays: dict[str, Array]) -> None:
        self.keys += keys
        self.parts.append(arrays)

    def flush(self, kept: Keyed) -> None:
        if self.keys:
            whole = {name: np.concatenate([p[name] for p in self.parts]) for name in self.columns}
            kept.add(self.keys, whole)
        self.keys, self.parts = [], []


def ahead(
    pictures: list[Readable], decode: Callable[[Readable], Pixels | str]
) -> Iterator[list[tuple[Readable, Pixels | str]]]:
    """Batches of (picture, what ``decode`` makes of it), decoded while the one before is used."""
    batches = deque(pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH))
    begun: deque[tuple[list[Readable], list[Future[Pixels | str]]]] = deque()
    pool = ThreadPoolExecutor(2, thread_name_prefix="decode")
    try:
        while batches or begun:
            while batches and len(begun) <= AHEAD:
                batch = batches.popleft()
                begun.append((batch, [pool.submit(decode, picture) for picture in batch]))
            batch, futures = begun.popleft()
            yield list(zip(batch, (future.result() for future in futures), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)
