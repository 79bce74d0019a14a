"""Bringing the index in line with the files: after a kill, a lost index, a deleted folder."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cache import index as rows
from cache.entries import BadEntry, unpack
from cache.index import Index, Row
from cache.objects import SHARDS, Objects


@dataclass(frozen=True)
class Tidied:
    """What was out of line: files without a row, rows without a file, drafts of dead writers."""

    adopted: int = 0
    forgotten: int = 0
    leftovers: int = 0


def tidy(objects: Objects, index: Index) -> Tidied:
    """One walk over the folder's names (0.1 s for 100,000); the lock is only taken for shards that
    differ, and these are compared again under it, since other processes go on writing."""
    adopted = forgotten = leftovers = 0
    for shard in SHARDS:
        leftovers += objects.sweep(shard)
        if objects.keys(shard) != index.run(_rows_of(shard), write=False):
            new, gone = index.run(_align(objects, shard))
            adopted, forgotten = adopted + new, forgotten + gone
    return Tidied(adopted, forgotten, leftovers)


def verify(
    objects: Objects, index: Index, progress: Callable[[int, int], None] | None
) -> dict[str, Any]:
    """Read every byte; see ``Store.verify``."""
    sound = index.check()
    tidied = tidy(objects, index)
    total = index.run(rows.totals, write=False)[0]
    checked = size = 0
    dropped = []
    for checked, key in enumerate(objects.all_keys(), start=1):
        length, reason = _examine(objects, key)
        size += length
        if reason:
            dropped.append({"key": key, "reason": reason})
        if progress is not None:
            progress(checked, max(checked, total))
    tidy(objects, index)  # the rows of what was dropped
    return {
        "checked": checked,
        "bytes": size,
        "dropped": dropped,
        "adopted": tidied.adopted,
        "forgotten": tidied.forgotten,
        "leftovers": tidied.leftovers,
        "index": "sound" if sound else "made anew",
    }


def _examine(objects: Objects, key: str) -> tuple[int, str]:
    """(bytes read, what was wrong with them or ""); wrong ones are dropped."""
    data = objects.bytes_of(key)
    if data is None:  # evicted or removed meanwhile
        return 0, ""
    try:
        unpack(data, key)
    except BadEntry as bad:
        objects.drop(key, data, str(bad))
        return len(data), str(bad)
    return len(data), ""


def _rows_of(shard: str) -> Callable[[sqlite3.Connection], set[str]]:
    return lambda connection: rows.keys(connection, shard)


def _align(objects: Objects, shard: str) -> Callable[[sqlite3.Connection], tuple[int, int]]:
    def body(connection: sqlite3.Connection) -> tuple[int, int]:
        files, known = objects.keys(shard), rows.keys(connection, shard)
        found = [row for key in files - known if (row := _row(objects, key)) is not None]
        for row in found:
            rows.add(connection, row)
        for key in known - files:
            rows.forget(connection, key)
        return len(found), len(known - files)

    return body


def _row(objects: Objects, key: str) -> Row | None:
    found = objects.header(key)
    if found is None:
        return None
    entry, size, used = found
    return Row(key, entry.kind, size, used, entry.pinned)
