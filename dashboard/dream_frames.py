"""The frames of a stream as they are kept: exactly, for each is made of the one before.

A frame's key tells all that it and those before it were dreamt with. So a stream whose changes are
others from some frame on goes on from there: what came before is the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import count, takewhile

import numpy as np
from numpy.typing import NDArray

from cache.errors import UserError
from cache.keys import content_key
from cache.store import Store

ROOM = 512 << 20  # bytes of the frames, unpacked, that an endless stream keeps
LEAST = 2  # frames that it keeps at each end, however large they are


@dataclass(frozen=True)
class _Frame:
    """What a frame is kept under; of number -1: which was the last one."""

    of: str
    number: int


@dataclass(frozen=True)
class Held:
    """What is there of a stream: ``spans`` of frames, first and last, and about how many bytes."""

    spans: tuple[tuple[int, int], ...]
    bytes: int


class Frames:
    """``base``: the key of the stream but for its changes; ``moment``: what holds at a frame.
    ``endless``: it goes on from the last frame, wherever that is, and only so many of the first
    and of the last are kept; else from the first one that is missing, and all are."""

    def __init__(
        self, store: Store, base: str, moment: Callable[[int], object], *, endless: bool = False
    ) -> None:
        self.endless = endless
        self._store, self._base, self._moment = store, base, moment
        self._chain: list[str] = []
        self._told: object = None

    def known(self) -> int:
        """How many frames are done: the next one is of this number."""
        if not self.endless:
            return self._run()
        entry = self._store.get(self._last_key())
        latest = int(entry.value["last"]) if entry else -1
        span = range(latest, max(-1, latest - self._latest_kept() - 1), -1)
        last = next((n for n in span if self.has(n)), -1)
        return max(last + 1, self._run())

    def has(self, number: int) -> bool:
        return self._store.has(self.key(number))

    def get(self, number: int) -> NDArray[np.uint8]:
        """(H, W, 3). UserError: it is gone."""
        entry = self._store.get(self.key(number))
        if entry is None:
            raise UserError(f"frame {number} of this stream is gone; begin it again")
        found: NDArray[np.uint8] = np.asarray(entry.value)
        return found

    def keep(self, number: int, pixels: NDArray[np.uint8]) -> None:
        """Keeps a frame; of an endless stream one in the middle gives way."""
        self._store.put(self.key(number), "png", pixels)
        window = max(LEAST, ROOM // 2 // pixels.nbytes)  # of an end
        if not self.endless:
            return
        self._store.put(self._last_key(), "json", {"last": number, "window": window})
        if number >= 2 * window:
            self._store.remove(self.key(number - window))

    def held(self) -> Held:
        """What is there of it."""
        first, known = self._run(), self.known()
        spans = [(0, first - 1)] if first else []
        back = takewhile(self.has, range(known - 1, first - 1, -1))
        start = min(back, default=known)
        if start < known:
            spans.append((start, known - 1))
        if not spans:
            return Held((), 0)
        whole = self._store.read(self.key(known - 1))
        many = sum(last - first + 1 for first, last in spans)
        return Held(tuple(spans), many * len(whole[0]) if whole else 0)

    def clear(self) -> None:
        """Takes all of it away."""
        for first, last in self.held().spans:
            for number in range(last, first - 1, -1):
                self._store.remove(self.key(number))
        self._store.remove(self._last_key())

    def key(self, number: int) -> str:
        """What the frame is kept under."""
        while len(self._chain) <= number:
            moment = self._moment(len(self._chain))
            link = self._chain[-1] if self._chain else self._base
            if moment != self._told:
                link = sha256(f"{link} {len(self._chain)} {moment!r}".encode()).hexdigest()
            self._told = moment
            self._chain.append(link)
        return content_key(_Frame(self._chain[number], number), fingerprint="", recipe=1)

    def _run(self) -> int:
        """How many there are without a gap, from the first on."""
        return next(number for number in count() if not self.has(number))

    def _last_key(self) -> str:
        return content_key(_Frame(self._base, -1), fingerprint="", recipe=1)

    def _latest_kept(self) -> int:
        entry = self._store.get(self._last_key())
        return int(entry.value["window"]) if entry else 0
