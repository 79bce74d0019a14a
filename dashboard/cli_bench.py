"""The page's own tasks, run in the terminal's process: the same functions, the same cache."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dashboard.bench import Bench
from dashboard.config import Config, worker_config
from dashboard.protocol import Progress

Show = Callable[[int, int], None]


def bench_of(given: argparse.Namespace) -> Bench:
    """The bench that the page's worker would have with these options. Raises UserError."""
    config = Config(
        model=given.model, weights=given.weights, fit=given.fit, device=given.device,
        seed=given.seed, cache=given.cache, images=getattr(given, "images", None),
        labels=getattr(given, "labels", None),
    )  # fmt: skip
    return Bench(worker_config(config))


@dataclass
class Ran:
    """What a task answers in the end, and whether it took any step: if not, it was kept."""

    answer: Any
    stepped: bool


def finished(steps: Iterator[Progress], show: Show) -> Ran:
    """Takes all steps of a task, telling how far it is."""
    last: Progress | None = None
    while True:
        try:
            last = next(steps)
        except StopIteration as end:
            if last is not None and last.done < last.total:
                show(last.total, last.total)
            return Ran(end.value, last is not None)
        show(last.done, last.total)
