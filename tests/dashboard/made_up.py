"""A small network with a folder of made-up pictures, and atlases of them that take no time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dashboard import tasks
from dashboard.bench import Bench
from dashboard.tasks_atlas import atlas
from tests.dashboard.desk import Desk, settings
from tests.dashboard.steps import result

LAYER, GRID = "2", (13, 13)


def with_pictures(folder: Path, count: int = 50) -> Desk:
    """A desk with a folder ``pics`` of so many pictures, and two more that are broken."""
    desk = Desk(folder)
    (folder / "pics").mkdir()
    draws = np.random.default_rng(1)
    for i in range(count):
        pixels = draws.integers(0, 256, (3, 4, 3), np.uint8)
        Image.fromarray(pixels).resize((64, 48)).save(folder / "pics" / f"{i:02}.png")
    (folder / "pics" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "pics" / "empty.jpg").write_bytes(b"")
    return desk


def model(folder: Path) -> str:
    return f"{folder / 'net.py'}:make"


def started(folder: Path) -> dict[str, Any]:
    """What its worker is started with."""
    return settings(folder / "c", model=model(folder), images=folder / "pics")


def bench(folder: Path) -> Bench:
    found: Bench = tasks.make_state(started(folder))
    return found


def building(opened: Bench, **given: Any) -> Iterator[Any]:
    """The steps of a small atlas, laid flat."""
    usual = {"layer": LAYER, "grids": [5, 10], "points": 1000, "method": "pca"}
    return atlas(opened, model=opened.config["model"], **{**usual, **given})


def built(opened: Bench, **given: Any) -> str:
    """The key of such an atlas, finished."""
    return str(result(building(opened, **given))["key"])
