"""The task that looks for patches: among the atlas's cells and the real patches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.atlas.cellview import pushing_cells
from analysis.attribution import Target
from analysis.pasting import Patch
from analysis.patches import patch_box
from analysis.suggestions import (
    PLACES,
    Candidate,
    Side,
    Suggestion,
    pushing_channels,
    suggest,
)
from cache.errors import UserError
from dashboard.bench import Bench
from dashboard.bench_textures import map_of, texture
from dashboard.bench_told import read
from dashboard.protocol import Progress, Task
from dashboard.tasks_patches import patches, reach, read_examples

BY_DIFFERENCE, BY_CLASS = 9, 4  # cells: for one class over the other, and for the one alone
NEURONS = 8
LARGEST = 0.5  # of a crop, in parts of its picture: a patch, not a whole picture
COLOURS = {
    "grey": "808080", "black": "000000", "white": "ffffff", "red": "d62728", "green": "2ca02c",
    "blue": "1f4fd6", "yellow": "e6d01e", "magenta": "d62ac8",
    "cyan": "1fc8d6",
}  # fmt: skip
Places = Sequence[tuple[float, float]]
REFINED, OTHER_SIZES = 3, (0.25, 0.6)  # the best are tried in other sizes too


def bench_suggest(
    bench: Bench, *, model: str, picture: str, layer: str, a: int, b: int, towards: Side = "b",
    atlas: str | None = None, size: float = 0.4,
) -> Iterator[Progress]:  # fmt: skip
    """Patches that push one class over the other, measured on the open picture, the best first:
    {suggestions: [{patch, told, push, by_noise, beyond, turned, before, now}], sources: what was
    looked in beside plain colours, ``cells`` and ``patches``; places: at how many each is tried}.
    """
    classes, found, sources = (a, b), _plain(size), []
    if atlas is not None:
        found += _cells(bench, model, atlas, classes, towards, size)
        sources.append("cells")
    real = _crops(bench, model, picture, layer, classes, towards, size)
    if real is not None:
        found += real
        sources.append("patches")
    places = (*PLACES, _strongest(bench, model, picture, layer, classes, towards))
    measured = _Measured(
        bench, model, picture, Target(*classes), towards, places=places, sources=sources
    )  # fmt: skip
    yield from measured.run(found, more=REFINED * len(OTHER_SIZES))
    best = [one.patch for one in measured.best[:REFINED]]
    again = [replace(patch, size=size) for patch in best for size in OTHER_SIZES]
    yield from measured.run([
        (Candidate(patch, texture(bench, model, patch)), measured.words[_what(patch)])
        for patch in again
    ])  # fmt: skip
    return measured.told()


class _Measured:
    """Candidates that are measured on a picture, of each patch in its best size and place."""

    def __init__(
        self, bench: Bench, model: str, shown_on: str, target: Target, towards: Side, *,
        places: Places = PLACES, **about: Any,
    ) -> None:  # fmt: skip
        self.pixels = bench.open(model, shown_on).pixels
        self.classifier, self.target = bench.classifier(model), target
        self.towards: Side = towards
        self.places, self.about = places, {**about, "places": len(places)}
        self.best: list[Suggestion] = []
        self.words: dict[tuple[str, tuple[str, ...]], str] = {}
        self.done = 0

    def run(self, found: Sequence[tuple[Candidate, str]], *, more: int = 0) -> Iterator[Progress]:
        """Measures candidates with their words one by one; ``more`` will come after them."""
        self.words |= {_what(one.patch): text for one, text in found}
        known, total = list(self.best), self.done + len(found) + more
        steps = suggest(
            self.classifier, self.pixels, [one for one, _ in found], self.target,
            towards=self.towards, places=self.places,
        )  # fmt: skip
        for so_far in steps:
            self.done += 1
            self.best = _best_of(known + so_far)
            yield Progress(self.done, total, self.told())

    def told(self) -> dict[str, Any]:
        """As plain data, the best first."""
        shown = [_shown(one, self.words[_what(one.patch)]) for one in self.best]
        return {**self.about, "suggestions": shown}


def _best_of(found: Sequence[Suggestion]) -> list[Suggestion]:
    """The best of each patch, sorted."""
    best: dict[Any, Suggestion] = {}
    for one in sorted(found, key=lambda s: s.rank):
        best.setdefault(_what(one.patch), one)
    return list(best.values())


def _what(patch: Patch) -> tuple[str, tuple[str, ...]]:
    return patch.kind, patch.source


def _shown(one: Suggestion, text: str) -> dict[str, Any]:
    return {
        "patch": one.patch.word, "told": text, "push": one.push, "by_noise": one.by_noise,
        "beyond": one.beyond, "turned": one.turned, "before": read(one.before),
        "now": read(one.now),
    }  # fmt: skip


def _strongest(
    bench: Bench, model: str, picture: str, layer: str, classes: tuple[int, int], towards: Side
) -> tuple[float, float]:
    """(x, y) of the place that speaks most for the class that is to lose: a patch may as well hide
    what speaks against it."""
    known = bench.layer(model, layer)
    speaks = bench.attribution(model, picture, known.name, *classes).layers[known.name].per_place
    row, col = divmod(int((speaks if towards == "b" else -speaks).argmax()), speaks.shape[1])
    return (col + 0.5) / speaks.shape[1], (row + 0.5) / speaks.shape[0]


def _plain(size: float) -> list[tuple[Candidate, str]]:
    """What needs neither atlas nor photographs: colours, which may hide or be the reason, and a
    blur."""
    listed = [
        (Patch("flat", (code,), size=size), f"plain {name}") for name, code in COLOURS.items()
    ]
    listed.append((Patch("blur", ("0.05",), size=size), "a blur of what is there"))
    return [(Candidate(patch, None), text) for patch, text in listed]


def _cells(
    bench: Bench, model: str, key: str, classes: tuple[int, int], towards: Side, size: float
) -> list[tuple[Candidate, str]]:
    """Cells that speak for the one class over the other, and cells that speak for it most."""
    grid = (found := map_of(bench, model, key)).grid(max(found.sides))
    wanted, other = (
        grid.on_class(index) for index in (classes if towards == "a" else classes[::-1])
    )
    chosen = pushing_cells(
        grid.col, grid.row, wanted - other, count=BY_DIFFERENCE, drawn=grid.drawn
    )
    alone = pushing_cells(grid.col, grid.row, wanted, count=BY_CLASS, drawn=grid.drawn)
    chosen += [cell for cell in alone if cell not in chosen]
    names = bench.classifier(model).categories.names
    listed = []
    for cell in chosen:
        patch = Patch("cell", (key, f"{grid.side},{cell}"), size=size)
        text = f"atlas cell {int(grid.col[cell])},{int(grid.row[cell])}"
        text += f": speaks most for {names[int(grid.top[cell][0])]}"
        listed.append((Candidate(patch, texture(bench, model, patch)), text))
    return listed


def _crops(
    bench: Bench, model: str, picture: str, layer: str, classes: tuple[int, int], towards: Side,
    size: float,
) -> list[tuple[Candidate, str]] | None:  # fmt: skip
    """The strongest real patches of neurons that would speak for the one class if they fired; None
    while the open pictures are still looked through."""
    try:
        usual = read_examples(bench, model, layer).strongest.parts[0][:, 0]
    except UserError:
        return None
    known = bench.layer(model, layer)
    one = bench.attribution(model, picture, known.name, *classes).layers[known.name]
    chosen = pushing_channels(one, np.maximum(usual, 0), count=NEURONS, towards=towards)
    grid, box = known.grid or (1, 1), reach(bench, model=model, layer=layer)
    wide = (min(box[0], LARGEST), min(box[1], LARGEST))
    listed = {}
    for channel in chosen:
        places = patches(bench, model=model, layer=layer, channel=channel)
        there = next((p for p in places if p["picture"] != picture), None)
        if there is None:
            continue
        cut = ",".join(f"{v:.3f}" for v in patch_box(there["place"], grid, wide))
        patch = Patch("crop", (there["picture"], cut), size=size)
        found = bench.library.find(there["picture"])
        text = f"from {found.name if found else 'a picture'}, where neuron {channel} fires most"
        listed[_what(patch)] = (Candidate(patch, texture(bench, model, patch)), text)
    return list(listed.values())


SUGGEST_TASKS: dict[str, Task] = {"bench_suggest": bench_suggest}
