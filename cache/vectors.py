"""Rows of numbers on disk, more than memory should hold: shards that appear whole or not at all.

A folder holds shards 0, 1, 2, ...; each has one ``.npy`` file a column. The column named last is
written last: where its file is, the shard is complete. Whole columns are read as memory maps, so a
row costs what it weighs, and 100,000 rows of 512 halves cost nothing until they are looked at. A
map holds its file open, and a process may not have many open: only a few are, at any time.
"""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cache.errors import UserError
from cache.files import Draft, disk_errors, is_draft, sweep_draft

Array = NDArray[Any]
BLOCK = 4096
OPEN = 128  # maps at a time, of all columns together


class Shards:
    """The shards in ``folder``; ``columns``: their names, the one that completes a shard last.

    UserError: the disk is full or refuses.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.folder, self.columns = folder, tuple(columns)

    def has(self, number: int) -> bool:
        """Whether the shard is complete."""
        return self._file(number, self.columns[-1]).is_file()

    def write(self, number: int, arrays: Mapping[str, Array]) -> None:
        """Puts a shard in place: one array a column, all with as many rows."""
        if set(arrays) != set(self.columns) or len({len(a) for a in arrays.values()}) != 1:
            raise ValueError(f"a shard has {self.columns}, with as many rows each")
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in self.columns:
                with Draft(self._file(number, name)) as draft:
                    draft.write(_npy(arrays[name]))
                    draft.publish(used=time_ns())

    def part(self, number: int, name: str) -> Array:
        """One column of one shard, as a memory map. UserError: there is no such shard, or it is
        damaged."""
        return _loaded(self._file(number, name))

    def column(self, name: str) -> "Column":
        """All rows of one column, of the shards from 0 on without a gap. UserError: a file is
        damaged."""
        parts, number = [], 0
        while self.has(number):
            parts.append(_stored(self._file(number, name)))
            number += 1
        return Column(parts)

    def tidy(self) -> None:
        """Removes what writers that died have left."""
        with disk_errors(self.folder):
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                if is_draft(path.name):
                    sweep_draft(str(path))

    def _file(self, number: int, column: str) -> Path:
        return self.folder / f"{number:05d}.{column}.npy"


class Stored(NamedTuple):
    """An array in a file, not read yet; ``stamp``: its time, so that another file of the same name
    is another array."""

    path: Path
    stamp: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Column:
    """Rows of several arrays, one behind the other; nothing is read until it is asked for. Where
    some are halves and some are not, the whole is not."""

    def __init__(self, parts: Sequence[Array | Stored]) -> None:
        self.parts = [part for part in parts if part.shape[0]]
        self.ends = np.cumsum([part.shape[0] for part in self.parts], dtype=np.int64)
        self.dtype = np.result_type(*(part.dtype for part in self.parts)) if self.parts else float

    def __len__(self) -> int:
        return int(self.ends[-1]) if self.parts else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then the shape of a row; (0,) where there is none."""
        return (len(self), *self.parts[0].shape[1:]) if self.parts else (0,)

    def __getitem__(self, rows: Sequence[int] | Array) -> Array:
        """The rows with these numbers, in their order."""
        wanted = np.asarray(rows)
        if wanted.size and wanted.dtype.kind not in "iu":
            raise IndexError("rows are asked for by their numbers")
        wanted = wanted.astype(np.int64)
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"there are {len(self)} rows")
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        owner = np.searchsorted(self.ends, wanted, side="right")
        for number in np.unique(owner):
            mine = owner == number
            part = self._part(int(number))
            out[mine] = part[wanted[mine] - (self.ends[number] - len(part))]
        return out

    def blocks(self, rows: int = BLOCK) -> Iterator[tuple[int, Array]]:
        """(number of its first row, a block of at most ``rows`` rows), from the first to the
        last."""
        begin = 0
        for number in range(len(self.parts)):
            part = self._part(number)
            for i in range(0, len(part), rows):
                yield begin + i, np.asarray(part[i : i + rows])
            begin += len(part)

    def all(self, dtype: Any = None) -> Array:
        """Every row in memory."""
        out = np.empty(self.shape, dtype or self.dtype)
        for begin, block in self.blocks():
            out[begin : begin + len(block)] = block
        return out

    def _part(self, number: int) -> Array:
        part = self.parts[number]
        return _mapped(part) if isinstance(part, Stored) else part


def nearest(
    rows: Column | Array, queries: Array, k: int, *, leave_out: Array | None = None
) -> tuple[Array, Array]:
    """The ``k`` rows of largest cosine for each query (Q, C): cosines and row numbers (Q, k), best
    first, exact. ``leave_out`` (Q,): a row that does not count for that query (itself)."""
    column = rows if isinstance(rows, Column) else Column([rows])
    k = max(0, min(k, len(column) - (leave_out is not None)))
    asked = unit(queries)
    best = np.full((len(asked), k), -np.inf, np.float32)
    found = np.full((len(asked), k), -1, np.int64)
    for begin, block in column.blocks():
        cosine = asked @ unit(block).T
        if leave_out is not None:
            inside = (leave_out >= begin) & (leave_out < begin + len(block))
            cosine[np.flatnonzero(inside), leave_out[inside] - begin] = -np.inf
        values = np.concatenate([best, cosine], axis=1)
        here = np.broadcast_to(np.arange(begin, begin + len(block)), cosine.shape)
        numbers = np.concatenate([found, here], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        best, found = np.take_along_axis(values, order, 1), np.take_along_axis(numbers, order, 1)
    return best, found


def unit(rows: Array) -> Array:
    """Rows (N, C) of length one, float32; silent ones stay zero."""
    values = np.asarray(rows, np.float32)
    length = np.sqrt(np.square(values).sum(axis=1, keepdims=True))
    scaled: Array = values / np.where(length == 0, 1, length)
    return scaled


def _stored(path: Path) -> Stored:
    with disk_errors(path.parent):
        stamp = os.stat(path).st_mtime_ns
    array = _loaded(path)
    return Stored(path, stamp, array.shape, array.dtype)


@lru_cache(maxsize=OPEN)
def _mapped(stored: Stored) -> Array:
    return _loaded(stored.path)


def _loaded(path: Path) -> Array:
    with disk_errors(path.parent):
        try:
            array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise UserError(
                f"{path} is damaged ({error}): remove the folder {path.parent}, and what was in it "
                "is made again"
            ) from error
    return array


def _npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()
