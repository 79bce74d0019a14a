"""Tasks for what the worker holds in memory because the disk did not take it."""

import base64
from typing import Any

from cache.dreams import Dreams
from cache.errors import UserError
from dashboard.bench import Bench
from dashboard.dream_held import held_by
from dashboard.protocol import Task


def dream_told(bench: Bench, *, id: str) -> dict[str, Any] | None:
    """What the page must know of a result that is held; None: there is none. It also tells that the
    worker has let go of what was cancelled before."""
    found = held_by(bench).results.peek(id)
    return found.told() if found else None


def dream_file(bench: Bench, *, id: str) -> dict[str, str] | None:
    """A file that is held: {data: in base 64, kind, words}."""
    found = held_by(bench).file(id)
    if found is None:
        return None
    data, kind, words = found
    return {"data": base64.b64encode(data).decode("ascii"), "kind": kind, "words": words}


def dream_keep(bench: Bench, *, id: str) -> bool:
    """Keeps what is held; False: there is nothing. UserError: there is no room yet."""
    held = held_by(bench)
    found = held.results.peek(id)
    if found is None:
        return False
    Dreams(bench.store.root).keep(found.dream, found.data, found.thumbs)
    held.results.drop(id)
    return True


def dream_lend(bench: Bench, *, id: str, name: str) -> str:
    """Opens a result as a picture for this run, where the disk takes none; its key. UserError."""
    held, kept = held_by(bench).file(id), Dreams(bench.store.root)
    if held is not None:
        return bench.library.lend(held[0], name=name).key
    found, entry = kept.find(id), bench.store.get(id)
    if found is None and entry is None:
        raise UserError("this dream is gone; dream it again")
    data = kept.read(found) if found else entry.value.data  # type: ignore[union-attr]
    return bench.library.lend(data, name=name).key


DREAM_HELD_TASKS: dict[str, Task] = {
    "dream_told": dream_told, "dream_file": dream_file, "dream_keep": dream_keep,
    "dream_lend": dream_lend,
}  # fmt: skip
