"""Which pictures a list of the Errors page holds: the same for the wall, and for what is tried on
all of it."""

import numpy as np

from analysis.stability import Stability, Unsteady
from cache.errors import UserError
from dashboard.answered import answered
from dashboard.bench import Bench
from dashboard.protocol import Task

UNSTEADY = "changes"
LISTS = ("wrong", "right", "unsure", "check", "twice", UNSTEADY)


def listed(
    bench: Bench, *, model: str, wall: str | None, sure: str | None = None,
    among: int | None = None,
) -> list[str]:  # fmt: skip
    """The keys of all pictures of a list, as the wall has them, those that matter most first.

    ``wall`` as in the address, ``sure`` and ``among`` the filters. Without a list: the wrong ones,
    and where there is none, or nothing is answered yet, every open picture. UserError: there is no
    such list, or it is not known yet.
    """
    if wall == UNSTEADY:
        return _unsteady(bench, model)
    try:
        found = answered(bench, model)
    except UserError:
        if wall is not None:
            raise
        return _every(bench)
    rows = found.wall(wall or "wrong", sure, among)
    keys = [found.picture(int(row)).key for row in rows]
    return keys if keys or wall is not None else _every(bench)


def list_size(
    bench: Bench, *, model: str, known: int, wall: str | None, sure: str | None = None,
    among: int | None = None,
) -> int:  # fmt: skip
    """How many pictures ``listed`` has; ``known`` as for the tasks of Errors."""
    return len(listed(bench, model=model, wall=wall, sure=sure, among=among))


def turning(found: Unsteady) -> list[int]:
    """The rows of pictures whose answer some change turned, those that turned most first."""
    order = np.argsort(-found.turns.sum(1), kind="stable")
    return [int(i) for i in order if found.turns[i].any()]


def _unsteady(bench: Bench, model: str) -> list[str]:
    run: Stability | None = bench.kept.peek(("stability", model))
    if run is None:
        raise UserError("which answers change is not known yet; open that list first")
    found = run.result()
    return [run.pictures[int(found.number[i])].key for i in turning(found)]


def _every(bench: Bench) -> list[str]:
    return [picture.key for picture in bench.library.main.pictures]


LIST_TASKS: dict[str, Task] = {"list_size": list_size}
