"""An atlas from beginning to end: samples, layout, cells, icons; each kept as soon as it is there.

A build that was killed goes on where it was and ends with the same bytes: every part is written
whole, a part that stands is never made again, and each depends on nothing but the request.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis import layout_process, projection
from analysis.atlas import icons, sweep
from analysis.atlas.cells import Box, alike_at_random, gridded, main_box
from analysis.atlas.reading import COLUMNS, PLACE, Atlas, drawing_order
from analysis.atlas.sampling import inner_layer
from analysis.atlas.usual import evened, usual_effects
from analysis.photos import Picture
from analysis.projection import LayoutRequest
from cache.atlas import MANIFEST, atlas_folder, sweep_folder
from cache.errors import UserError
from cache.keys import content_key
from cache.vectors import Shards

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE, OF_CLASSES = 1, 2  # of an atlas of everything, and of classes
GRIDS = (20, 40)
LARGEST = 160
# For the first estimate: what part of a grid has samples enough, and seconds that an icon takes.
FILLED, ICON = 0.65, 0.4
OF_CLASS = 2_000  # samples of an atlas of one class
Array = NDArray[Any]


@dataclass(frozen=True)
class AtlasRequest:
    """What is mapped and how: the samples, the layout, and the class or the two classes that an
    atlas of classes keeps to."""

    samples: sweep.SweepRequest
    layout: LayoutRequest = field(default_factory=LayoutRequest)
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """How far a build is: what it does, ``done`` of ``total`` of that, and the seconds that it
    should take to its end, all phases together (None while nothing is known)."""

    phase: str
    done: int
    total: int
    left: float | None = None


def requested(
    classifier: "Classifier",
    layer: str,
    pictures: Sequence[Picture],
    *,
    points: int = sweep.POINTS,
    classes: tuple[int, ...] = (),
    method: projection.Method = "umap",
    seed: int = 0,
) -> tuple[AtlasRequest, list[Picture]]:
    """The request for these pictures, each content once. UserError: no such layer or class, or
    nothing to look at."""  # fmt: skip
    name = inner_layer(classifier, layer).name
    classes = tuple(classifier.categories.find(index) for index in classes)
    if len(set(classes)) < len(classes):
        raise UserError("a map of two classes needs two: choose another one")
    once = {picture.key: picture for picture in readable(pictures)}
    if not once:
        raise UserError("there is no picture that can be read: name another folder")
    each = sweep.places_each(len(once), points)
    samples = sweep.SweepRequest(name, tuple(once), classifier.fit, each, seed)
    request = AtlasRequest(samples, LayoutRequest(method=method, seed=seed), classes)
    return request, list(once.values())


def checked_sides(grids: Sequence[int]) -> list[int]:
    """Each grid once, coarse ones first. UserError: one that no map can be cut into."""
    for side in grids:
        if not 2 <= side <= LARGEST:
            raise UserError(f"a grid of {side} is out of range: 2 to {LARGEST}")
    return sorted(set(grids))


def readable(pictures: Sequence[Picture]) -> Iterator[Picture]:
    """Those whose files are still there."""
    for picture in pictures:
        try:
            _ = picture.key
        except UserError:
            continue
        yield picture


class Build:
    """One atlas in the making (or made) below the cache's folder ``root``."""

    def __init__(
        self, classifier: "Classifier", request: AtlasRequest, pictures: Sequence[Picture],
        root: Path, *, title: str = "", unread: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """``title``: what the pictures are called together; ``unread``: the names of those beside
        them that are none."""
        self.classifier, self.request, self.pictures = classifier, request, list(pictures)
        self.recipe = OF_CLASSES if request.classes else RECIPE
        key = content_key(request, fingerprint=classifier.fingerprint, recipe=self.recipe)
        swept = content_key(
            request.samples, fingerprint=classifier.fingerprint, recipe=sweep.RECIPE
        )
        self.folder = atlas_folder(root, key)
        self.shards = Shards(sweep_folder(root, swept), COLUMNS)
        self.swept, self.title, self.unread = swept, title, list(unread)

    def run(self, grids: Sequence[int] = GRIDS) -> Iterator[Step]:
        """Makes what is missing, coarse grids first. Raises UserError."""
        sides = checked_sides(grids)
        self.folder.tidy()
        drawing = sum(FILLED * side**2 * ICON for side in sides)
        yield from self._sweep(self._expected() + drawing)
        yield from self._lay_out(drawing)
        self._retell()
        atlas = Atlas(self.folder, self.shards)
        for side in sides:
            yield from self._grid(atlas, side, drawing)
        yield from self._draw(atlas, sides)

    def _expected(self) -> float:
        """About how many seconds the layout takes."""
        if self.folder.has("layout"):
            return 0.0
        return layout_process.expected(len(self.pictures) * self.request.samples.places)

    def _sweep(self, later: float) -> Iterator[Step]:
        """``later``: the seconds of what comes after it."""
        total, began, first = len(self.pictures), monotonic(), None
        work = sweep.Sweep(self.classifier, self.request.samples, self.pictures, self.shards)
        for done in work.run():
            first = done if first is None else first
            pace = (monotonic() - began) / (done - first) if done > first else None
            left = None if pace is None else pace * (total - done) + later
            yield Step("looking at pictures", done, total, left)

    def _lay_out(self, later: float) -> Iterator[Step]:
        if self.folder.has("layout"):
            return
        samples = self.shards.column("samples").all()
        rows = self._chosen(samples)
        if len(rows) < projection.FEW:
            raise UserError(
                f"{len(rows)} samples are too few for a map: take more pictures, or more --points"
            )
        vectors = self.shards.column("vectors")[rows].astype(np.float32)
        points = yield from self._points(vectors, rows, later)
        checked, trust = projection.trustworthiness(vectors, points)
        _, plain = projection.trustworthiness(vectors, projection.flattened(vectors))
        every = np.full(len(rows), np.nan, np.float32)
        every[checked] = trust
        box = main_box(points)
        quality = {"trust": float(trust.mean()), "pca": float(plain.mean()), "k": projection.K}
        self.folder.put(MANIFEST, "json", self._manifest(samples, rows, box, quality))
        # last: where it is, the layout is finished
        whose = samples[rows][:, : PLACE + 1]
        laid = {"points": points, "trust": every, "rows": rows, "whose": whose}
        self.folder.put("layout", "arrays", laid)

    def _chosen(self, samples: Array) -> NDArray[np.int64]:
        """The samples that are mapped: all, or those that speak most for the classes asked for."""
        if not self.request.classes:
            return np.arange(len(samples), dtype=np.int64)
        best: set[int] = set()
        for own in self._usual().T:
            order = np.argsort(-own, kind="stable")[:OF_CLASS]
            best |= {int(i) for i in order if own[i] > 0}
        return np.array(sorted(best), np.int64)

    def _usual(self) -> NDArray[np.float32]:
        """(N, k): what every sample of the sweep usually does to the classes asked for."""
        vectors, effects = self.shards.column("vectors"), self.shards.column("effects")
        return usual_effects(vectors, effects, self.request.classes)

    def _points(
        self, vectors: Array, rows: Array, later: float
    ) -> Generator[Step, None, NDArray[np.float32]]:
        """Where the samples lie. Of two classes: from left to right in the order of how much more
        such samples speak for the first, what they look like from top to bottom."""
        two = len(self.request.classes) == 2
        layout = replace(self.request.layout, dimensions=1) if two else self.request.layout
        expected, began = layout_process.expected(len(rows)), monotonic()
        found = np.zeros((0, 2), np.float32)
        for points in layout_process.steps(vectors, layout):
            gone = monotonic() - began
            done = min(int(gone), round(expected) - 1)  # it is not done before it is done
            left = max(0.0, expected - gone) + later
            yield Step("laying the map out", done, round(expected), left)
            found = found if points is None else points
        if not two:
            return found
        a, b = self._usual()[rows].T
        return np.stack([evened(a - b), found[:, 0]], axis=1).astype(np.float32)

    def _manifest(
        self, samples: Array, rows: Array, box: Box, quality: dict[str, float]
    ) -> dict[str, Any]:
        ask, layer = self.request.samples, inner_layer(self.classifier, self.request.samples.layer)
        missing = sweep.skipped(samples, len(self.pictures))
        return {
            "recipe": self.recipe, **self._told(), "model": self.classifier.name,
            "fingerprint": self.classifier.fingerprint, "layer": ask.layer,
            "channels": layer.channels, "grid": list(layer.grid or ()), "fit": ask.fit,
            "skipped": missing, "points": len(rows), "places": ask.places,
            "seed": ask.seed, "classes": list(self.request.classes), "sweep": self.swept,
            "box": asdict(box), "layout": projection.described(self.request.layout),
            "quality": quality, "judged_at": icons.PRESET.input_size,
        }  # fmt: skip

    def _told(self) -> dict[str, Any]:
        """What is said of the pictures and is no part of the request."""
        index_of = self.classifier.categories.index_of_label
        labels = [index_of(picture.label) for picture in self.pictures]
        return {
            "title": self.title, "unread": self.unread,
            "pictures": [{"key": p.key, "name": p.name} for p in self.pictures],
            "labels": [-1 if index is None else index for index in labels],
        }  # fmt: skip

    def _retell(self) -> None:
        """Keeps it true when a build goes on: names and labels may have changed meanwhile."""
        made = self.folder.get(MANIFEST, "json")
        if made != (now := {**made, **self._told()}):
            self.folder.put(MANIFEST, "json", now)

    def _grid(self, atlas: Atlas, side: int, later: float) -> Iterator[Step]:
        name = f"cells-{side}"
        if self.folder.has(name):
            return
        yield Step(f"cells of {side} x {side}", 0, 1, later)
        vectors, effects = atlas.vectors.all(), atlas.effects
        cells = gridded(atlas.points, atlas.box, side, vectors, effects)
        random = np.array([alike_at_random(vectors, cells)], np.float32)
        self.folder.put(name, "arrays", {**cells.arrays(), "random": random})
        yield Step(f"cells of {side} x {side}", 1, 1, later)

    def _draw(self, atlas: "Atlas", grids: Sequence[int]) -> Iterator[Step]:
        """The icons of all grids, and their judgement."""
        todo = [
            (side, number, chosen) for side in grids
            for number, chosen in enumerate(drawing_order(atlas.cells(side)))
            if not atlas.icons(side).has(number)
        ]  # fmt: skip
        left = sum(len(chosen) for *_, chosen in todo)
        total, began = sum(len(atlas.cells(side)) for side in grids), monotonic()
        start = total - left
        inverse = icons.unmixed(projection.second_moment(atlas.vectors.all())) if todo else None
        for side, number, chosen in todo:
            done = total - left
            pace = (monotonic() - began) / (done - start) if done > start else None
            step = Step(f"drawing icons, {side} x {side}", done, total, pace and pace * left)
            for made in self._drawn(atlas, side, chosen, inverse):
                if made is not None:
                    atlas.icons(side).write(number, made)
                yield step
            left -= len(chosen)
        if todo:
            yield Step("drawing icons", total, total, 0.0)

    def _drawn(
        self, atlas: "Atlas", side: int, chosen: Array, inverse: Any
    ) -> Iterator[dict[str, Array] | None]:
        cells, found = atlas.cells(side), None
        layer, seed = self.request.samples.layer, self.request.samples.seed
        for found in icons.drawn(self.classifier, layer, cells.means[chosen], inverse, seed=seed):
            if found is None:
                yield None
        assert found is not None
        away = icons.landed(found.centres, cells, chosen, atlas.box, atlas.vectors, atlas.points)
        judged = np.stack([found.cosine, away.astype(np.float32)], axis=1)
        yield {
            "images": found.images, "centres": found.centres.astype(np.float32), "judged": judged,
        }  # fmt: skip
