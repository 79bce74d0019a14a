"""Tasks of the atlas: building one from the open pictures, and where the opened picture lies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analysis.atlas.build import GRIDS, Build, requested
from analysis.atlas.reading import COLUMNS, Atlas
from analysis.layers import capture, to_positions
from analysis.projection import placed
from cache.atlas import MANIFEST, atlas_folder, sweep_folder
from cache.location import cache_dir
from cache.vectors import Shards
from dashboard.bench import Bench
from dashboard.protocol import Progress, Task


def atlas(
    bench: Bench, *, model: str, layer: str, grids: list[int] | None = None
) -> Iterator[Progress]:
    """Builds the atlas of a layer from all pictures of the collections: {key}. Goes on where an
    earlier build was ended; ``partial`` says {key, phase, done, total, left}."""
    classifier = bench.classifier(model)
    request, pictures = requested(
        classifier, layer, bench.library.pictures(), seed=bench.config["seed"]
    )
    titles = [c.name for c in bench.library.collections if c.pictures]
    root = cache_dir(bench.config["cache"])
    build = Build(classifier, request, pictures, root, title=", ".join(titles))
    for step in build.run(grids or GRIDS):
        told = {
            "key": build.folder.key, "phase": step.phase, "done": step.done, "total": step.total,
            "left": step.left,
        }  # fmt: skip
        yield Progress(step.done, max(1, step.total), told)
    return {"key": build.folder.key}


def atlas_places(
    bench: Bench, *, model: str, picture: str, layer: str, key: str
) -> list[dict[str, Any]]:
    """Every place of the opened picture on a map: [{row, col, x, y, cosine, spread}], x and y in
    the main square; ``cosine`` to the nearest sample, ``spread``: how far that sample's fellows
    lie apart on the map, in its sides."""
    found, opened = bench.layer(model, layer), bench.open(model, picture)
    atlas = _opened(bench, key)
    caught, _ = capture(bench.classifier(model).module, [found.name], opened.x)
    values = to_positions(caught[found.name], found)[0, :, found.extras :].float().cpu().numpy().T
    points, cosine, spread = placed(values, atlas.vectors.all(), atlas.points)
    there = atlas.box.scaled(points)
    cols = (found.grid or (1, 1))[1]
    silent = ~np.any(values, axis=1)
    return [
        {"row": i // cols, "col": i % cols, **numbers_of(there[i]), "cosine": float(cosine[i]),
         "spread": float(spread[i]) / max(atlas.box.width, atlas.box.height)}
        for i in range(len(values)) if not silent[i]
    ]  # fmt: skip


def numbers_of(point: Any) -> dict[str, float]:
    """A point of the map in few digits."""
    return {"x": round(float(point[0]), 4), "y": round(float(point[1]), 4)}


def _opened(bench: Bench, key: str) -> Atlas:
    def read() -> Atlas:
        root = Path(cache_dir(bench.config["cache"]))
        folder = atlas_folder(root, key)
        return Atlas(
            folder, Shards(sweep_folder(root, folder.get(MANIFEST, "json")["sweep"]), COLUMNS)
        )

    found: Atlas = bench.kept.get(("atlas", key), read)
    return found


ATLAS_TASKS: dict[str, Task] = {"atlas": atlas, "atlas_places": atlas_places}
