"""The worker's task that says how long a dream in full size will take."""

import time
from collections.abc import Iterator
from typing import Any

from dashboard import dream_wish
from dashboard.bench import Bench
from dashboard.dream_cost import seconds
from dashboard.dream_pictures import OfBench
from dashboard.protocol import Progress, Task

FRESH = 120.0  # seconds for which what was timed is believed: other work comes and goes


def dream_cost(bench: Bench, *, wish: dict[str, Any]) -> Iterator[Progress]:
    """Seconds that the whole of a wish takes, if nothing comes between. UserError: it cannot be
    made."""
    wanted = dream_wish.read(wish)
    known = bench.kept.peek(("dream cost", wanted))
    if known is not None and time.monotonic() - known[0] < FRESH:
        return known[1]
    work, steps, found = seconds(OfBench(bench), wanted), 0, None
    try:
        while True:
            next(work)
            steps += 1
            yield Progress(steps, steps + 1)
    except StopIteration as stop:
        found = round(stop.value, 2)
    bench.kept.drop(("dream cost", wanted))
    bench.kept.get(("dream cost", wanted), lambda: (time.monotonic(), found))
    return found


DREAM_COST_TASKS: dict[str, Task] = {"dream_cost": dream_cost}
