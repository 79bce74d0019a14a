"""Made-up atlases, written as the program would serve them: what the benchmark of the map's frames
and the browser tests of the map look at. No network is asked; every value is a formula."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ["ant", "bee", "cow", "snorkel", "scuba diver", "fireboat", "castle", "daisy"]
TILE = 256


@dataclass(frozen=True)
class Sheet:
    """What a made-up atlas is made of. ``flat`` icons are of one colour (``colour``), so that a
    test can read them; ``tiled`` sides come as tiles of ``levels`` levels, the others as one
    mosaic. ``full`` leaves no cell empty; ``apart`` are places far outside the main square."""

    sides: tuple[int, ...] = (10, 20, 40, 80)
    tiled: tuple[int, ...] = (80,)
    icon: int = 16
    levels: int = 3
    flat: bool = True
    full: bool = False
    doubt: float = 0.8
    undrawn: float = 0.0
    apart: tuple[tuple[float, float], ...] = ((1.62, 0.32), (-0.41, 0.87))
    version: str = "1"
    key: str = "made"
    layer: str = "layer.1"


def effect(index: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The made-up mean effect on a class at places of the map: a hill for each class, in logits;
    float32, as the page gets it."""
    turn = 2 * np.pi * index / len(CLASSES)
    far = (x - 0.5 - 0.3 * np.cos(turn)) ** 2 + (y - 0.5 - 0.3 * np.sin(turn)) ** 2
    return (4 * np.exp(-far / 0.03) - 0.5).astype(np.float32)


def colour(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The colour of a flat icon at a place, (n, 3): red grows to the right, green downwards."""
    unit = np.stack([np.clip(x, 0, 1), np.clip(y, 0, 1), np.full_like(x, 0.55)], 1)
    return np.round(40 + 175 * unit).astype(np.uint8)


def density(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How crowded the map is at a place, 0 to 1: islands, with straits between them."""
    found = 0.16 * (np.sin(9 * x + 2 * np.cos(7 * y)) + np.sin(8 * y - 3 * np.cos(6 * x)))
    return np.clip(0.95 - 2.1 * np.hypot(x - 0.5, y - 0.5) ** 2 + found, 0, 1)


@dataclass
class Grid:
    """One grid of a made-up atlas; coordinates and values cell by cell."""

    sheet: Sheet
    side: int
    col: np.ndarray = field(init=False)
    row: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        row, col = (v.ravel() for v in np.mgrid[: self.side, : self.side])
        x, y = (col + 0.5) / self.side, (row + 0.5) / self.side
        keep = np.full(len(col), True) if self.sheet.full else density(x, y) > 0.3
        away = np.array([(int(np.floor(px * self.side)), int(np.floor(py * self.side)))
                         for px, py in self.sheet.apart]).reshape(-1, 2)  # fmt: skip
        self.col = np.concatenate([col[keep], away[:, 0]])
        self.row = np.concatenate([row[keep], away[:, 1]])
        self.x, self.y = (self.col + 0.5) / self.side, (self.row + 0.5) / self.side
        crowd = np.maximum(density(self.x, self.y), 0.3)
        self.count = np.maximum(1, np.round(400 * crowd * (10 / self.side) ** 2)).astype(int)
        self.size = np.ones(len(self.col)) if self.sheet.full else np.sqrt(crowd)
        self.trust = np.where(self.x + 0.3 * np.sin(9 * self.y) > 0.86, 0.62, 0.93)
        random = np.random.default_rng(self.side)
        self.drawn = random.random(len(self.col)) >= self.sheet.undrawn

    def described(self, base: str) -> dict[str, Any]:
        """As it stands in ``map.json``."""
        tiled = self.side in self.sheet.tiled
        effects = np.stack([effect(c, self.x, self.y) for c in range(len(CLASSES))], 1)
        top = np.argsort(-effects, 1, kind="stable")[:, :3]
        return {
            "side": self.side, "icon": self.sheet.icon,
            "mosaic": None if tiled else f"{base}/{self.side}.webp", "perRow": self.per_row,
            "tiles": {"base": f"{base}/tiles/{self.side}", "levels": self.sheet.levels}
            if tiled else None,
            "col": self.col.tolist(), "row": self.row.tolist(), "count": self.count.tolist(),
            "size": self.size.round(3).tolist(), "trust": self.trust.round(3).tolist(),
            "drawn": self.drawn.astype(int).tolist(), "top": top.tolist(),
            "effect": np.take_along_axis(effects, top, 1).round(3).tolist(),
        }  # fmt: skip

    @property
    def per_row(self) -> int:
        """Icons in a row of the mosaic."""
        return int(np.ceil(np.sqrt(len(self.col))))

    def icons(self) -> Iterator[np.ndarray]:
        """Each cell's icon, (icon, icon, 3)."""
        size, paint = self.sheet.icon, colour(self.x, self.y)
        bank = None if self.sheet.flat else patterns(size)
        for i, rgb in enumerate(paint):
            if bank is None:
                yield np.broadcast_to(rgb, (size, size, 3))
                continue
            other = np.roll(255 - rgb, i % 3).astype(np.float32)
            part = bank[(i * 7919) % len(bank)][..., None]
            yield (rgb * part + other * (1 - part)).astype(np.uint8)


def patterns(size: int, *, count: int = 240) -> np.ndarray:
    """Stripes, rings and spots, (count, size, size), 0 to 1."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    found = []
    for _ in range(count):
        turn, pitch, bend, off = random.uniform([0, 3, -6, 0], [np.pi, 22, 6, 6.3])
        along = x * np.cos(turn) + y * np.sin(turn)
        rings = np.hypot(x - random.uniform(-0.5, 0.5), y - random.uniform(-0.5, 0.5))
        found.append(0.5 + 0.5 * np.sin(pitch * (along if random.random() < 0.5 else rings)
                                        + bend * x * y + off))  # fmt: skip
    return np.array(found, np.float32)


def make(folder: Path, sheet: Sheet) -> str:
    """Writes a whole atlas below ``folder`` and returns the address of its ``map.json``."""
    base = f"/atlas/{sheet.key}/{sheet.version}"
    place = folder / base[1:]
    place.mkdir(parents=True)
    grids = [Grid(sheet, side) for side in sheet.sides]
    for grid in grids:
        write_classes(place, grid)
        if grid.side in sheet.tiled:
            Tiles(place / "tiles" / str(grid.side), grid).write()
        else:
            mosaic(grid).save(place / f"{grid.side}.webp", **webp(sheet))
    told = {
        "key": sheet.key, "version": sheet.version, "model": "made", "layer": sheet.layer,
        "title": f"Made up: {sheet.layer}", "source": "own", "pictures": 100, "points": 4000,
        "doubt": sheet.doubt, "quality": {"trust": 0.9, "pca": 0.7},
        "grids": [grid.described(base) for grid in grids],
    }  # fmt: skip
    (place / "map.json").write_text(json.dumps(told))
    return f"{base}/map.json"


def webp(sheet: Sheet) -> dict[str, Any]:
    """How pictures are written: flat ones exactly."""
    return {"lossless": True} if sheet.flat else {"quality": 90, "method": 0}


def write_classes(place: Path, grid: Grid) -> None:
    folder = place / "class" / str(grid.side)
    folder.mkdir(parents=True)
    for index in range(len(CLASSES)):
        (folder / str(index)).write_bytes(effect(index, grid.x, grid.y).astype("<f4").tobytes())


def mosaic(grid: Grid) -> Image.Image:
    """All icons of a grid in one picture."""
    wide, icon = grid.per_row, grid.sheet.icon
    pixels = np.zeros((-(-len(grid.col) // wide) * icon, wide * icon, 3), np.uint8)
    for i, one in enumerate(grid.icons()):
        y, x = i // wide * icon, i % wide * icon
        pixels[y : y + icon, x : x + icon] = one
    return Image.fromarray(pixels)


class Tiles:
    """A grid's pyramid of tiles, made from the largest level upwards, one corner at a time."""

    def __init__(self, folder: Path, grid: Grid) -> None:
        self.folder, self.grid = folder, grid
        self.cell = TILE * 2 ** (grid.sheet.levels - 1) / grid.side
        self.icons = list(grid.icons())
        self.at = {(c, r): i for i, (c, r) in enumerate(zip(grid.col, grid.row, strict=True))}

    def write(self) -> None:
        """Every tile that is not empty."""
        self._level(0, 0, 0)

    def _level(self, level: int, x: int, y: int) -> Image.Image:
        if level == self.grid.sheet.levels - 1:
            tile = self._largest(x, y)
        else:
            four = Image.new("RGBA", (2 * TILE, 2 * TILE))
            for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                four.paste(self._level(level + 1, 2 * x + dx, 2 * y + dy), (TILE * dx, TILE * dy))
            tile = four.reduce(2)
        if tile.getbbox():
            place = self.folder / str(level) / str(x)
            place.mkdir(parents=True, exist_ok=True)
            tile.save(place / f"{y}.webp", **webp(self.grid.sheet))
        return tile

    def _largest(self, x: int, y: int) -> Image.Image:
        tile, first, last = Image.new("RGBA", (TILE, TILE)), int, lambda v: int(np.ceil(v)) + 1
        for r in range(first(y * TILE / self.cell), last((y + 1) * TILE / self.cell)):
            for c in range(first(x * TILE / self.cell), last((x + 1) * TILE / self.cell)):
                i = self.at.get((c, r))
                if i is None or not self.grid.drawn[i]:
                    continue
                ends = [round((v + 0.5 + s * self.grid.size[i] / 2) * self.cell) - TILE * t
                        for v, t in ((c, x), (r, y)) for s in (-1, 1)]  # fmt: skip
                left, right, top, low = ends
                icon = Image.fromarray(self.icons[i]).resize((right - left, low - top))
                tile.paste(icon, (left, top))
        return tile
