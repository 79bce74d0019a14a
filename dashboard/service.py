"""What the views ask for: the worker's answers, kept while they are fresh, and the pictures that
are open.

The web process never imports torch: everything that needs the network is a task of the worker.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from analysis.library import Library
from cache.errors import UserError
from cache.starter import Pack
from cache.store import Store
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.starter import Starter

KEPT_ANSWERS = 400


class Service:
    """The seam between the page and the worker. Thread-safe: Dash serves callbacks in threads."""

    def __init__(
        self, config: Config, jobs: Jobs, store: Store, library: Library,
        starter: Starter | None = None,
    ) -> None:  # fmt: skip
        self.config, self.jobs, self.store, self.library = config, jobs, store, library
        self.starter = starter or Starter()
        self.endings: list[Callable[[], None]] = []  # what must be done before the worker ends
        self._answers: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, task: str, **given: Any) -> Any:
        """The answer of an interactive task; the same question is answered once. Raises
        UserError."""
        key = json.dumps([task, given], sort_keys=True)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        answer = self.jobs.call(task, timeout=300, **given)
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return answer

    def end(self) -> None:
        """Keeps what is under way, while the worker is still there."""
        for ending in self.endings:
            ending()

    def model(self, name: str | None) -> dict[str, Any]:
        """What is known of a network: name, classes, ladder, layers, default layer."""
        answer: dict[str, Any] = self.ask("network", model=name or self.config.model)
        return answer

    def pack(self, name: str | None) -> Pack | None:
        """The starter pack, where it is of this network."""
        return self.starter.fitting(self.model(name)["fingerprint"], self.config.seed)

    def picture_key(self, key: str | None) -> str:
        """The picture asked for, or the first one there is."""
        if key and self.library.find(key):
            return key
        if key:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        return self.library.first().key
