"""Rows of numbers known by the content that they belong to: what was measured of a picture once is
found again, in whatever folder the picture lies next time.

The rows are shards that only grow. Several processes may add to them: each adds under a lock, and
of what two have added the first row counts.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.files import disk_errors, locked
from cache.vectors import Column, Shards

Array = NDArray[Any]
KEY, LOCK = "key", "lock"
WIDTH = 32  # bytes of a content key


class Keyed:
    """Rows in ``folder`` with these ``columns``; keys are SHA-256 in hex, as of pictures.
    UserError: the disk is full or refuses, or a file is damaged."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.shards = Shards(folder, (*columns, KEY))

    def rows(self) -> dict[str, int]:
        """{key: number of its row}."""
        found: dict[str, int] = {}
        for begin, block in self.shards.column(KEY).blocks():
            for number, row in enumerate(block, begin):
                found.setdefault(row.tobytes().hex(), number)
        return found

    def column(self, name: str) -> Column:
        """All rows of one column."""
        return self.shards.column(name)

    def add(self, keys: Sequence[str], arrays: Mapping[str, Array]) -> None:
        """Puts rows behind those that are there: one of each array for a key."""
        marks = np.frombuffer(bytes.fromhex("".join(keys)), np.uint8).reshape(-1, WIDTH)
        folder = self.shards.folder
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / LOCK):
                self.shards.tidy()
                self.shards.write(self._next(), {**arrays, KEY: marks})

    def _next(self) -> int:
        number = 0
        while self.shards.has(number):
            number += 1
        return number
