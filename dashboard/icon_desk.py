"""Asks the worker for the pictures that are on the screen, and says how far each is.

A request names what the page shows now, nearest to the reader first. What the cache has is answered
at once; what it lacks is rendered in small batches, of which only a few are ever begun or waiting,
so that what comes into sight next does not queue behind all that was in sight before.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from dashboard.naming import own_names
from dashboard.protocol import BACKGROUND, BEHIND, VISIBLE, JobStatus
from dashboard.service import Service
from dashboard.starter import ENOUGH, icons_of, reference_of

BATCH = 4
# batches; the page asks again three times a second
IN_HAND = {VISIBLE: 6, BEHIND: 2, BACKGROUND: 2}
# seconds; a page asks for its layers one after the other, and a busy worker answers late
STALE = 2.5
LABELS = {
    "evaluate": "asking the network",
    "unsteady": "asking it about changed pictures",
    "together": "asking every picture of the pair",
    "of_class": "looking at a class",
    "icons": "drawing what neurons look for",
    "mosaic": "drawing the grid",
    "examples": "looking for real patches",
    "rendering": "drawing by a recipe",
    "blending": "drawing a row between two neurons",
    "atlas": "building an atlas",
    "trusted": "measuring how far to trust an icon",
    "bench_all": "trying a patch on many pictures",
    "bench_suggest": "looking for patches",
    "bench_recipe": "trying a recipe",
    "bench_cost": "counting what the faders cost",
    "dream": "dreaming",
}


@dataclass(frozen=True)
class Automatic:
    """A layer's automatic names and of how many pictures; ``final``: better ones will not come;
    ``reference``: they are of the reference photographs, not of the open pictures."""

    names: dict[str, str]
    pictures: int
    final: bool
    reference: bool = False


class IconDesk:
    """Icons, names and grids for the page. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._done: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._jobs: dict[tuple[str, str, str], str] = {}
        self._ranks: dict[str, int] = {}
        self._lacking: set[tuple[str, str, str]] = set()  # looked for in the cache, and not there
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        self._seen: dict[tuple[str, str], int] = {}  # pictures that the names come from
        self._begun: dict[tuple[str, ...], str] = {}
        self._grid: dict[str, str] = {}
        self._asked: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def icons(
        self, model: str, layer: str, tokens: list[str], *, behind: bool = False
    ) -> dict[str, dict[str, Any]]:
        """{token: {url, state, name}} of what is there; what is missing starts to be rendered, the
        first token first. ``behind``: nobody looks at these in particular (the wall)."""
        answer = icons_of(self.service.pack(model), layer, tokens)
        drawn = [t for t in tokens if t not in answer]
        with self._lock:
            self._leave_icons(model, layer, tokens)
            self._look_up(model, layer, drawn)
            self._start(model, layer, drawn, BEHIND if behind else VISIBLE)
            known = self._named(model, layer)
            answer |= {t: self._state(model, layer, t) for t in drawn}
            self._asked[(model, layer)] = time.monotonic()  # a busy worker took its time
        own = {str(unit): name for unit, name in own_names(self.service, model, layer).items()}
        return {t: {**icon, **_called(t.rstrip("!-d"), own, known)} for t, icon in answer.items()}

    def _leave_icons(self, model: str, layer: str, tokens: list[str]) -> None:
        """Icons of a layer that no page has asked for lately stop; they begin anew when it does. So
        do the opposite and the unlike pictures of a neuron that is no longer looked at."""
        now = time.monotonic()
        self._asked[(model, layer)] = now
        self._asked |= {(model, layer, t): now for t in tokens if _kin(t)}
        for key, job in list(self._jobs.items()):
            asked = self._asked.get(key if _kin(key[2]) else key[:2], 0.0)
            if now - asked > STALE:
                del self._jobs[key]
                self._lacking.discard(key)
                self.service.jobs.cancel(job)

    def _new(self, model: str, layer: str, tokens: list[str]) -> list[str]:
        known = {**self._done, **self._jobs}
        return [t for t in tokens if (model, layer, t) not in known]

    def _look_up(self, model: str, layer: str, tokens: list[str]) -> None:
        """Asks once for every icon that is neither known nor being rendered."""
        here = {(model, layer, t) for t in self._new(model, layer, tokens)} - self._lacking
        if here:
            new = [t for t in tokens if (model, layer, t) in here]
            found = self.service.jobs.call("icons_known", model=model, layer=layer, tokens=new)
            self._done |= {(model, layer, token): icon for token, icon in found.items()}
            self._lacking |= here - self._done.keys()

    def _start(self, model: str, layer: str, tokens: list[str], rank: int) -> None:
        """Batches of one kind each: neurons, neurons in full quality, groups of one picture. Those
        in full quality come behind the drafts that somebody looks at."""
        kinds: dict[str, list[str]] = {}
        for token in self._new(model, layer, tokens):
            kinds.setdefault(token.lstrip("g0123456789"), []).append(token)
        for kind, new in kinds.items():
            own = BACKGROUND if _kin(new[0]) else min(rank, BEHIND) if kind == "!" else rank
            for first in range(0, len(new), BATCH):
                if self._in_hand(own) >= IN_HAND[own]:
                    break
                batch = new[first : first + BATCH]
                job = self.service.jobs.submit(
                    "icons", priority=own, model=model, layer=layer, tokens=batch
                )
                self._ranks[job] = own
                self._jobs |= {(model, layer, t): job for t in batch}

    def _in_hand(self, rank: int) -> int:
        """Batches of this rank that are begun or waiting; also of what is no longer asked for."""
        status = self.service.jobs.status
        going = [job for job in self._ranks if status(job).state in ("waiting", "running")]
        self._ranks = {job: self._ranks[job] for job in going}
        return sum(own == rank for own in self._ranks.values())

    def _state(self, model: str, layer: str, token: str) -> dict[str, Any]:
        key = (model, layer, token)
        if key in self._done:
            return self._done[key]
        if key not in self._jobs:  # not begun yet
            return {"state": "waiting"}
        status = self.service.jobs.status(self._jobs[key])
        icon = ((status.result or status.partial) or {}).get(token)
        if status.state in ("failed", "cancelled"):
            self._done[key] = {"state": "failed", "error": status.error}
            return self._done[key]
        if status.state == "unknown":  # too long ago to be remembered: the cache has it, or not
            del self._jobs[key]
            self._lacking.discard(key)
        if icon and icon["state"] in ("done", "dead"):
            self._done[key] = icon
            self._jobs.pop(key, None)
        return icon or {"state": "waiting"}

    def names(self, model: str, layer: str) -> dict[str, str] | None:
        """Automatic names of a layer's neurons; None while the pictures are looked through."""
        with self._lock:
            known = self._named(model, layer)
        return known.names if known.final else None

    def _named(self, model: str, layer: str) -> Automatic:
        """The names that the open pictures give; where these are few, or still looked through, what
        the reference photographs say."""
        names, seen = self._names_of(model, layer), self._seen.get((model, layer), 0)
        few = len(self.service.library.pictures()) < ENOUGH or (names is not None and seen < ENOUGH)
        reference = reference_of(self.service, model, layer) if few or names is None else None
        if reference is None:
            return Automatic(names or {}, seen, final=names is not None)
        given = {str(unit): name for unit, name in enumerate(reference.names) if name}
        return Automatic(given, reference.pictures, final=few, reference=True)

    def _names_of(self, model: str, layer: str) -> dict[str, str] | None:
        """Automatic names; None until the pass over the open pictures is through."""
        if (model, layer) not in self._names:
            status = self._once("examples", BACKGROUND, model=model, layer=layer)
            if status.state in ("done", "failed", "cancelled"):
                self._names[(model, layer)] = (status.result or {}).get("names", {})
                self._seen[(model, layer)] = int((status.result or {}).get("pictures", 0))
        return self._names.get((model, layer))

    def grid(self, model: str, picture: str, layer: str) -> dict[str, Any]:
        """The activation grid of a picture: {url, done, text} as it forms."""
        wanted = {"model": model, "picture": picture, "layer": layer}
        with self._lock:
            self._leave_grid(wanted)
            status = self._once("mosaic", BACKGROUND, **wanted)
        shown = (status.result or status.partial) or {}
        url = f"/blob/{shown['key']}" if shown.get("key") else None
        done = status.state in ("done", "failed", "cancelled", "unknown")
        return {"url": url, "done": done, "text": _grid_text(status.state, status.error, shown)}

    def _leave_grid(self, wanted: dict[str, str]) -> None:
        """Another grid is looked at: the one before stops, unless it is done."""
        if self._grid and self._grid != wanted:
            job = self._begun.pop(("mosaic", *self._grid.values()), "")
            self.service.jobs.cancel(job)
        self._grid = wanted

    def _once(self, task: str, priority: int, **given: str) -> JobStatus:
        """The status of a job that is begun only once: what was cancelled stays cancelled."""
        key = (task, *given.values())
        status = self.service.jobs.status(self._begun.get(key, ""))
        if status.state == "unknown":
            self._begun[key] = self.service.jobs.submit(task, priority=priority, **given)
            status = self.service.jobs.status(self._begun[key])
        return status

    def status(self, seen: int | None) -> dict[str, Any]:
        """Running background jobs, and the notices after the ``seen`` first; None: only count
        them."""
        with self._lock:
            notices = self.service.jobs.notices()
        running = [_row(job) for job in self.service.jobs.running() if job.task in LABELS]
        new = [] if seen is None else notices[seen:]
        return {"running": running, "notices": new, "seen": len(notices)}


def _row(job: JobStatus) -> dict[str, Any]:
    """A job of the header's list; ``whole``: which dream in full size it is."""
    whole = (job.partial or {}).get("full", "") if job.task == "dream" else ""
    label = f"{LABELS[job.task]} in full size" if whole else LABELS[job.task]
    return {"id": job.id, "label": label, "done": job.done, "total": job.total,
            "left": job.seconds_left, "whole": whole}  # fmt: skip


def _kin(token: str) -> bool:
    """Whether it is drawn behind everything that is on the screen: ``402-``, ``402d``."""
    return token[-1:] in ("-", "d") and token[:-1].isdecimal()


def _called(unit: str, own: dict[str, str], known: Automatic) -> dict[str, Any]:
    """The neuron's name; what it fires most for, where that rests on too few pictures to be one."""
    automatic = known.names.get(unit, "")
    enough = known.pictures >= ENOUGH
    return {
        "name": own.get(unit) or (automatic if enough else ""), "own": unit in own,
        "named": known.final, "hint": "" if enough else automatic, "pictures": known.pictures,
        "reference": known.reference,
    }  # fmt: skip


def _grid_text(state: str, error: str | None, shown: dict[str, Any]) -> str:
    if state == "failed":
        return error or "the grid could not be drawn"
    if state == "cancelled":
        return "Drawing was cancelled; the squares show the picture itself."
    if not shown.get("key"):
        return "The squares show the picture itself until their icons are drawn."
    size = "Size: how strongly the place fires. Edge: blue for the answer, orange against it."
    return size if state == "done" else f"{size} Still forming."
