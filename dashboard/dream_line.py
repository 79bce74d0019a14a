"""The dreams in full size that were asked for: one after the other, until each is done or stopped,
whether somebody looks at it or not.

The first of the line is with the worker. While a page shows it, it goes before all but what is
asked for at once; where a page shows one that waits for it, behind what else is on the screen; else
it stands behind everything. What came to nothing, what the disk did not take, and what an earlier
program left undone stay here, to be told, until they are asked for again or sent away.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from cache.dreams import Dream, Dreams
from cache.errors import UserError
from cache.files import Draft
from dashboard import dream_wish
from dashboard.dream_told import told_in_words
from dashboard.dream_wish import Wish
from dashboard.protocol import BEHIND, INTERACTIVE, UNSEEN, JobError, JobStatus
from dashboard.service import Service

SEEN = 4.0  # seconds; the page asks three times a second
TICK = 0.5  # seconds between two looks at how the first is doing
PATIENCE = 60.0  # seconds for the present step, after which what was stopped is kept
OVER = ("done", "failed", "cancelled", "unknown")
ENDED = ("failed", "stopped", "done", "cut")

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Whole:
    """One of the line, or one that ended there. ``state``: waiting, running, stopping; then failed,
    stopped, done (held in memory) or cut (off, with an earlier program)."""

    wish: Wish
    id: str
    words: str
    note: Draft | None = None
    job: str = ""
    seen: float = float("-inf")
    state: str = "waiting"
    shown: dict[str, Any] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def listed(self) -> bool:
        """Whether it is told in the list, though nobody makes it."""
        return self.state in ("failed", "cut") or "held" in self.shown

    @property
    def in_sight(self) -> bool:
        """Whether a page shows it."""
        return time.monotonic() - self.seen < SEEN

    @property
    def endless(self) -> bool:
        """A stream without an end, which goes on while somebody looks."""
        return self.wish.mode == "stream" and not self.wish.settings["frames"]

    def let_go(self) -> None:
        """Takes its note away."""
        note, self.note = self.note, None
        if note is not None:
            note.drop()


class Line:
    """Thread-safe."""

    def __init__(self, service: Service, kept: Dreams) -> None:
        self.service, self.kept = service, kept
        self._line: list[Whole] = []
        self._ended: dict[str, Whole] = {}
        self._watching = self._closed = False
        self._lock = threading.RLock()
        try:
            for dream in kept.cut_off():
                self._remember(dream)
        except UserError as error:  # whatever the folder's fault, the program can be used
            log.warning("dreams that were cut off cannot be told: %s", error)

    # ---- asking ----

    def look(self, wish: Wish, id: str, *, kept: bool, again: bool, seen: bool) -> Any:
        """How far it is: {state, ...}. It takes its place in the line if need be, also where it
        ended if ``again``; None where it is not there and ``kept``, perhaps since a moment ago.
        ``seen``: somebody looks."""
        with self._lock:
            former = self._ended.get(id)
            if again or (kept and former and not former.listed):
                self._forget(id)
            one = self._of(id) or self._ended.get(id)
            if one is None and (kept or (not again and self.kept.find(id) is not None)):
                return None  # what was stopped between the question and here is not begun anew
            one = one or self._enter(wish, id)
            one.seen = time.monotonic() if seen else one.seen
            self._turn()
            return self._answer(one)

    def making(self) -> list[dict[str, Any]]:
        """Those in the line, the first one first, and those that ended and must be told."""
        with self._lock:
            self._turn()
            told = [*self._line, *(one for one in self._ended.values() if one.listed)]
            return [
                {**self._answer(one), "id": one.id, "title": one.words,
                 "start": f"/thumb/{one.wish.picture}" if one.wish.picture else None,
                 "do": {**dream_wish.changes(one.wish), "made": None}} for one in told
            ]  # fmt: skip

    def ids(self) -> set[str]:
        """What the list tells of here, and not among what is kept."""
        with self._lock:
            ended = (one for one in self._ended.values() if one.listed)
            return {one.id for one in (*self._line, *ended)}

    def holds(self, id: str) -> bool:
        """Whether the worker has it in memory."""
        with self._lock:
            one = self._ended.get(id)
            return one is not None and "held" in one.shown

    def end(self, id: str) -> None:
        """Stops it after the present step, and returns when what there is of it is kept; one that
        waits leaves the line, one that ended is told no more."""
        with self._lock:
            one = self._of(id)
            if one is None:
                self._forget(id)
                return
            self._stop(one)
        one.over.wait(PATIENCE)

    def saved(self, id: str) -> None:
        """What was held is kept now."""
        with self._lock:
            self._forget(id)

    def close(self) -> None:
        """Keeps what there is of the one under way; the rest is told when the program runs
        again."""
        with self._lock:
            self._closed = True
            head = next((one for one in self._line if one.job), None)
        if head is not None:
            log.warning("keeping what there is of %s (Ctrl-C does not wait for it)", head.words)
            self.end(head.id)

    # ---- the line; the lock is held ----

    def _of(self, id: str) -> Whole | None:
        return next((one for one in self._line if one.id == id), None)

    def _stop(self, one: Whole) -> None:
        if not one.job:
            self._over(one, "stopped", {})
        elif one.state != "stopping":
            one.state = "stopping"
            self.service.jobs.cancel(one.job)

    def _enter(self, wish: Wish, id: str) -> Whole:
        for former in list(self._line):  # a stream that takes a change goes on as the new one
            if wish.mode == "stream" and replace(former.wish, then=wish.then) == wish:
                self._stop(former)
        one = Whole(wish, id, told_in_words(wish, *names(self.service, wish)))
        one.note = self._noted(Dream(id=id, asked=wish.plain(), words=one.words))
        self._line.append(one)
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._watch, name="neuronscope-dreams", daemon=True).start()
        return one

    def _noted(self, dream: Dream) -> Draft | None:
        try:
            return self.kept.begin(dream)
        except UserError as error:  # it can be made all the same
            log.warning("a dream is begun without a note: %s", error)
            return None

    def _remember(self, dream: Dream) -> None:
        """One that was cut off, unless a part of it was kept."""
        try:
            wish = dream_wish.read(dream.asked)
        except UserError:  # of another version of the program
            return
        if self.kept.find(dream.id) is None:
            one = Whole(wish, dream.id, dream.words, self._noted(dream), state="cut")
            self._ended[dream.id] = one

    def _forget(self, id: str) -> None:
        one = self._ended.pop(id, None)
        if one is not None:
            one.let_go()

    def _turn(self) -> None:
        """The first is with the worker, as high as it is looked at; what is over leaves."""
        while self._line and self._line[0].state != "stopping" and not self._closed:
            head = self._line[0]
            near = BEHIND if any(one.in_sight for one in self._line) else UNSEEN
            rank = INTERACTIVE if head.in_sight else near
            jobs, asked = self.service.jobs, head.wish.plain()
            head.job = head.job or jobs.submit("dream", priority=rank, again=True, wish=asked)
            jobs.rank(head.job, rank)
            if head.endless and not head.in_sight:
                jobs.cancel(head.job)
            status = jobs.status(head.job)
            if status.state == "cancelled":
                head.state = "stopping"
            elif status.state in OVER:
                self._end(head, status)
            else:
                head.state, head.shown = status.state, _shown(status)
                return

    def _end(self, one: Whole, status: JobStatus) -> None:
        result = status.result or {}
        if status.state != "done":
            self._over(one, "failed", {**_shown(status), "error": status.error})
        else:
            self._over(one, "stopped" if result["stopped"] else "done", result)

    def _over(self, one: Whole, state: str, shown: dict[str, Any]) -> None:
        """It leaves the line; what is kept is not told here."""
        self._line.remove(one)
        one.state, one.shown, one.job = state, shown, ""
        one.let_go()
        if not shown.get("saved"):
            self._ended[one.id] = one
        one.over.set()

    def _answer(self, one: Whole) -> dict[str, Any]:
        if one.state in ENDED:
            state = "stopped" if one.state == "cut" else one.state
            return {**one.shown, "state": state, "cut": one.state == "cut"}
        before = self._line.index(one)
        first = self._line[0].shown.get("left")
        ahead = {"before": before, "ahead": first if before == 1 else None} if before else {}
        return {**one.shown, "state": one.state, **({"line": ahead} if ahead else {})}

    # ---- the thread that goes on when nobody asks ----

    def _watch(self) -> None:
        while (head := self._first()) is not None:
            if head.state == "stopping":
                self._close_down(head)
            else:
                self.service.jobs.wait(head.job, timeout=TICK)

    def _first(self) -> Whole | None:
        with self._lock:
            self._turn()
            self._watching = bool(self._line) and (not self._closed or bool(self._line[0].job))
            return self._line[0] if self._watching else None

    def _close_down(self, one: Whole) -> None:
        """The worker has let go of what was stopped when it answers; until then it is not over."""
        found, saved = None, False
        try:
            found = self.service.jobs.call("dream_told", timeout=PATIENCE, id=one.id)
        except (JobError, UserError) as error:
            log.warning("what was stopped may not be kept: %s", error)
        try:
            saved = found is None and self.kept.find(one.id) is not None
        except UserError as error:  # of the list; those that wait must not wait for ever
            log.warning("whether %s is kept cannot be told: %s", one.words, error)
        with self._lock:
            self._over(one, "stopped", found or {**one.shown, "saved": saved})


def _shown(status: JobStatus) -> dict[str, Any]:
    left = None if status.seconds_left is None else round(status.seconds_left)
    return {**(status.partial or {}), "left": left, "done": status.done, "total": status.total}


def names(service: Service, wish: Wish) -> Iterator[str]:
    """What it starts from, the class and the guide, as they are called."""
    classes = dict(enumerate(service.model(wish.model)["classes"]))

    def picture(key: str) -> str:
        found = service.library.find(key)
        return found.name if found else "picture"

    yield picture(wish.picture) if wish.picture else "noise"
    yield classes.get(wish.goal, "") if wish.goal is not None else ""
    guide = wish.guide or ""
    of_class = guide.startswith("class:")
    index = int(guide.removeprefix("class:")) if of_class else 0
    called = classes.get(index, f"class {index}")  # what is none fails in the worker
    yield f"photographs of {called}" if of_class else picture(guide) if guide else ""
