"""Tasks of the atlas: building one from the open pictures, and where the opened picture lies."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.atlas.build import GRIDS, Build, requested
from analysis.atlas.reading import Atlas, opened
from analysis.atlas.shown import placed_by_cells, shipped_grid
from analysis.atlas.sweep import POINTS
from analysis.layers import capture, to_positions
from analysis.projection import Method, placed
from cache.location import cache_dir
from cache.maps import available_maps, shipped_maps
from dashboard.atlas_maps import STARTER
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task


def atlas(
    bench: Bench, *, model: str, layer: str, grids: list[int] | None = None,
    points: int = POINTS, classes: list[int] | None = None, method: Method = "umap",
) -> Iterator[Progress]:  # fmt: skip
    """Builds the atlas of a layer, or of what speaks there for one or two ``classes``, from the
    user's pictures, or from the samples where no folder is open: {key}. Goes on where an earlier
    build was ended; ``partial`` says {key, phase, done, total, left}."""
    classifier, mapped = bench.classifier(model), bench.library.main
    request, pictures = requested(
        classifier, layer, mapped.pictures, points=points, classes=tuple(classes or ()),
        method=method, seed=bench.config["seed"],
    )  # fmt: skip
    root = cache_dir(bench.config["cache"])
    unread = bench.library.unread
    build = Build(classifier, request, pictures, root, title=mapped.name, unread=unread)
    began = time.monotonic()
    for step in build.run(grids or GRIDS):
        told = {
            "key": build.folder.key, "phase": step.phase, "done": step.done, "total": step.total,
            "left": step.left,
        }  # fmt: skip
        gone = time.monotonic() - began
        whole = gone + (step.left or 0.0)  # in seconds: phases cannot be counted in anything else
        yield Progress(round(gone), max(1, round(whole)), told)
    return {"key": build.folder.key}


def atlas_places(
    bench: Bench, *, model: str, picture: str, layer: str, key: str
) -> list[dict[str, Any]]:
    """Every place of the opened picture at which the layer is not silent, on a map: [{row, col, x,
    y}], x and y in the main square; among its nearest samples, or in the middle of the nearest
    cell where the map came without samples."""
    found, seen = bench.layer(model, layer), bench.open(model, picture)
    caught, _ = capture(bench.classifier(model).module, [found.name], seen.x)
    values = to_positions(caught[found.name], found)[0, :, found.extras :].float().cpu().numpy().T
    there = _by_cells(bench, key, values) if key.startswith(STARTER) else _there(bench, key, values)
    cols = (found.grid or (1, 1))[1]
    fires = np.flatnonzero(np.any(values, axis=1))
    return [
        {"row": int(i // cols), "col": int(i % cols), "x": round(float(there[i, 0]), 4),
         "y": round(float(there[i, 1]), 4)} for i in fires
    ]  # fmt: skip


def _there(bench: Bench, key: str, values: Any) -> Any:
    """Among the samples of an atlas that was built here."""
    atlas = _opened(bench, key)
    points, _, _ = placed(values, atlas.vectors, atlas.points)
    return atlas.box.scaled(points)


def _by_cells(bench: Bench, key: str, values: Any) -> Any:
    """Among the cells of one that came with the program."""
    maps = bench.kept.get("maps", lambda: available_maps(shipped_maps()))
    found = maps[key.removeprefix(STARTER)]
    return placed_by_cells(values, shipped_grid(found, max(found.grids)))


def _opened(bench: Bench, key: str) -> Atlas:
    root = cache_dir(bench.config["cache"])
    found: Atlas = bench.kept.get(("atlas", key), lambda: opened(root, key))
    return found


ATLAS_TASKS: dict[str, Task] = {"atlas": atlas, "atlas_places": atlas_places}
