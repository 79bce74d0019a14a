"""Tasks that go step by step, taken to their end."""

from collections.abc import Iterator
from typing import Any


def result(steps: Iterator[Any]) -> Any:
    """The answer of a task, after all of its steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
