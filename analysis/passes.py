"""A pass of a network over many pictures, kept by each picture's content.

What was measured of a picture once is never measured again, in whatever folder it lies; so a pass
that was ended goes on where it was, and one picture more costs one picture. Pictures are decoded
beside the network, which is what takes the time.
"""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

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
SAVED, OFTEN = 64, 2.0  # pictures, seconds: what a kill costs at most
AHEAD = 2  # batches that are decoded before the network asks for them
Array = NDArray[Any]
Pixels = NDArray[np.uint8]
T = TypeVar("T")


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
    """How far a pass is: pictures looked at, of how many, about how many seconds are left, and how
    many are known for good (``kept``)."""

    done: int
    total: int
    left: float | None
    kept: int


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
        self._unread: dict[str, str] = {}

    @property
    def unread(self) -> tuple[str, ...]:
        """Why pictures could not be read so far, one line each."""
        return tuple(self._unread.values())

    @abstractmethod
    def measured(self, pixels: list[Pixels]) -> dict[str, Array]:
        """The rows of some pictures (H, W, C), each as the network sees it."""

    def run(self) -> Iterator[Step]:
        """Measures what is not known yet; yields at the start and after every batch. UserError: the
        disk is full."""
        self._unread, known, total = {}, self.kept.rows(), len(self.pictures)
        copies = Counter(self._key(p) for p in self.pictures)
        missing = {key: p for p in self.pictures if (key := self._key(p)) and key not in known}
        done = total - sum(copies[key] for key in missing)
        kept, began, ran, made = done - copies[None], monotonic(), 0, _Rows(self.columns)
        yield Step(done, total, None, kept)
        for batch in ahead(list(missing.values()), self._decoded):
            some = {p.key: found for p, found in batch if not isinstance(found, str)}
            self._unread |= {p.name: found for p, found in batch if isinstance(found, str)}
            if some:
                made.put(list(some), self.measured([*some.values()]))
            ran, done = ran + len(batch), done + sum(copies[p.key] for p, _ in batch)
            if len(made) >= SAVED or monotonic() - made.since >= OFTEN or ran == len(missing):
                kept += sum(copies[key] for key in made.flush(self.kept))
            left = (monotonic() - began) / ran * (len(missing) - ran)
            yield Step(done, total, left, kept)

    def found(self) -> tuple[NDArray[np.int64], dict[str, Array]]:
        """(N,): the numbers of the pictures that are known, and their rows by column. UserError:
        none is."""
        rows = self.kept.rows()
        keys = [self._key(p) for p in self.pictures]
        there = [i for i, key in enumerate(keys) if key in rows]
        if not there:
            if not self._unread:
                raise UserError("no picture has been answered yet")
            raise UserError("none of these pictures can be read: name another folder")
        wanted = np.array([rows[str(keys[i])] for i in there])
        return np.array(there), {name: self.kept.column(name)[wanted] for name in self.columns}

    def _key(self, picture: Readable) -> str | None:
        """Its content key; None where it cannot be read (any more)."""
        try:
            return picture.key
        except UserError as error:
            self._unread[picture.name] = str(error)
            return None

    def _decoded(self, picture: Readable) -> Pixels | str:
        """The pixels that the network sees; or why there are none."""
        try:
            data = picture.read()
            if images.digest(data) != picture.key:
                return f"{picture.name} was changed meanwhile: start again to see it as it is now"
            image = images.decode(data, name=picture.name, min_side=self.classifier.resize)
        except UserError as error:
            return str(error)
        return self.classifier.pixels(image)


class _Rows:
    """Rows that are not on disk yet."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.keys: list[str] = []
        self.parts: list[dict[str, Array]] = []
        self.since = monotonic()

    def __len__(self) -> int:
        return len(self.keys)

    def put(self, keys: list[str], arrays: dict[str, Array]) -> None:
        self.keys += keys
        self.parts.append(arrays)

    def flush(self, kept: Keyed) -> list[str]:
        """Puts them onto the disk; their keys."""
        saved = self.keys
        if saved:
            whole = {name: np.concatenate([p[name] for p in self.parts]) for name in self.columns}
            kept.add(saved, whole)
        self.keys, self.parts, self.since = [], [], monotonic()
        return saved


def ahead(
    pictures: list[T], decode: Callable[[T], Pixels | str]
) -> Iterator[list[tuple[T, Pixels | str]]]:
    """Batches of (picture, what ``decode`` makes of it), decoded while the one before is used."""
    batches = deque(pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH))
    begun: deque[tuple[list[T], list[Future[Pixels | str]]]] = deque()
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
