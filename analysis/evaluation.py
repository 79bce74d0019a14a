"""What a network answers to many pictures: one pass, kept by each picture's content.

A picture that was answered once is never run again, in whatever folder it lies; so a pass that was
ended goes on where it was, and one picture more costs one picture. Pictures are decoded beside the
network, which is what takes the time.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from analysis import images
from analysis.classes import Label
from analysis.layers import Layer, hooked, ladder, list_layers, to_positions
from cache.atlas import EVALUATIONS
from cache.errors import UserError
from cache.keyed import Keyed
from cache.keys import content_key

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1
BATCH = 8
SAVED, OFTEN = 64, 2.0  # pictures, seconds: what a kill costs at most
AHEAD = 2  # batches that are decoded before the network asks for them
SIDE = 16  # pixels of the grey thumbnail that near duplicates are told by
COLUMNS = ("logits", "vector", "thumb")
Array = NDArray[Any]


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
class AnswersRequest:
    """What the answers of a network are kept under: how a picture is cut, and the layer whose mean
    over all places tells which pictures are alike."""

    layer: str
    fit: str


@dataclass(frozen=True)
class Step:
    """How far a pass is: pictures looked at, of how many, about how many seconds are left, and how
    many are answered for good (``kept``)."""

    done: int
    total: int
    left: float | None
    kept: int


@dataclass(frozen=True, eq=False)
class Answers:
    """What is known of the pictures that could be read, in their order.

    ``number``: of each in the list that was asked about; ``logits`` (N, classes); ``vectors``
    (N, C): the last layer with places, mean over them; ``thumbs`` (N, 256): 16 x 16 in grey;
    ``unread``: why the others could not be read, one line each.
    """

    number: NDArray[np.int64]
    logits: NDArray[np.float32]
    vectors: Array
    thumbs: NDArray[np.uint8]
    unread: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.number)


def alike_layer(classifier: "Classifier") -> Layer:
    """The layer that tells which pictures are alike: the last one of the ladder, or without any
    grid the last but the answer itself."""
    steps = ladder(classifier)
    flat = list_layers(classifier)
    if not steps and not flat:
        raise UserError(f"{classifier.name} has no layers that could be looked into")
    return steps[-1] if steps else flat[max(0, len(flat) - 2)]


class Evaluation:
    """The answers of a network to these pictures; kept below the cache's folder ``root``."""

    def __init__(self, classifier: "Classifier", pictures: Sequence[Readable], root: Path) -> None:
        self.classifier, self.pictures = classifier, list(pictures)
        self.layer = alike_layer(classifier)
        request = AnswersRequest(self.layer.name, classifier.fit)
        key = content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)
        self.kept = Keyed(Path(root) / EVALUATIONS / key, COLUMNS)
        self._unread: dict[str, str] = {}

    @property
    def unread(self) -> tuple[str, ...]:
        """Why pictures could not be read so far, one line each."""
        return tuple(self._unread.values())

    def run(self) -> Iterator[Step]:
        """Answers what is not known yet; yields at the start and after every batch. UserError:
        none of the pictures can be read, or the disk is full."""
        self._unread, known, total = {}, self.kept.rows(), len(self.pictures)
        copies = Counter(self._key(p) for p in self.pictures)
        missing = {key: p for p in self.pictures if (key := self._key(p)) and key not in known}
        done = total - sum(copies[key] for key in missing)
        kept, began, ran, made = done - copies[None], monotonic(), 0, _Rows()
        yield Step(done, total, None, kept)
        for batch in _ahead(list(missing.values()), self._decoded):
            some = {p.key: found for p, found in batch if not isinstance(found, str)}
            self._unread |= {p.name: found for p, found in batch if isinstance(found, str)}
            if some:
                made.put(list(some), self._answered([*some.values()]))
            ran, done = ran + len(batch), done + sum(copies[p.key] for p, _ in batch)
            if len(made) >= SAVED or monotonic() - made.since >= OFTEN or ran == len(missing):
                kept += sum(copies[key] for key in made.flush(self.kept))
            left = (monotonic() - began) / ran * (len(missing) - ran)
            yield Step(done, total, left, kept)

    def result(self) -> Answers:
        """What is known of all of them after a ``run``. UserError: of none."""
        rows = self.kept.rows()
        keys = [self._key(p) for p in self.pictures]
        there = [i for i, key in enumerate(keys) if key in rows]
        if not there:
            raise UserError("none of these pictures can be read: name another folder")
        wanted = np.array([rows[str(keys[i])] for i in there])
        logits, vectors, thumbs = (self.kept.column(name)[wanted] for name in COLUMNS)
        return Answers(np.array(there), logits, vectors, thumbs, self.unread)

    def _key(self, picture: Readable) -> str | None:
        """Its content key; None where it cannot be read (any more)."""
        try:
            return picture.key
        except UserError as error:
            self._unread[picture.name] = str(error)
            return None

    def _decoded(self, picture: Readable) -> tuple[Array, Array] | str:
        """The pixels that the network sees and the grey thumbnail; or why there are none."""
        try:
            data = picture.read()
            if images.digest(data) != picture.key:
                return f"{picture.name} was changed meanwhile: start again to see it as it is now"
            image = images.decode(data, name=picture.name, min_side=self.classifier.resize)
        except UserError as error:
            return str(error)
        pixels = self.classifier.pixels(image)
        return pixels, grey_thumb(pixels)

    def _answered(self, decoded: list[tuple[Array, Array]]) -> dict[str, Array]:
        x = torch.cat([self.classifier.tensor(pixels) for pixels, _ in decoded])
        means: list[torch.Tensor] = []

        def look(raw: torch.Tensor) -> None:
            means.append(to_positions(raw, self.layer)[:, :, self.layer.extras :].mean(2))

        with torch.no_grad(), hooked(self.classifier.module, {self.layer.name: look}):
            logits = self.classifier.module(x).float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise UserError(f"{self.classifier.name} gives numbers that are not finite")
        vectors = means[0].float().cpu().numpy().astype(np.float32)
        return {
            "logits": logits, "vector": vectors, "thumb": np.stack([t for _, t in decoded]),
        }  # fmt: skip


class _Rows:
    """Rows that are not on disk yet."""

    def __init__(self) -> None:
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
            whole = {name: np.concatenate([p[name] for p in self.parts]) for name in COLUMNS}
            kept.add(saved, whole)
        self.keys, self.parts, self.since = [], [], monotonic()
        return saved


def grey_thumb(pixels: Array) -> Array:
    """(256,): the picture (H, W, C) as the network sees it, 16 x 16 in grey."""
    image = Image.fromarray(pixels.squeeze()).convert("L")
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.uint8).reshape(-1)


def _ahead(pictures: list[Any], decode: Any) -> Iterator[list[tuple[Any, Any]]]:
    """Batches of (picture, what ``decode`` makes of it), decoded while the one before is used."""
    batches = deque(pictures[i : i + BATCH] for i in range(0, len(pictures), BATCH))
    begun: deque[tuple[list[Any], list[Future[Any]]]] = deque()
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
