"""A bare page with made-up atlases in a real browser: what the tests of the map stand on. What is
painted is read off the canvas, to be compared with the formulas that the atlases were made of."""

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks.atlas_bare import STANDS, Bare, asked, link, serving
from benchmarks.atlas_made import Grid, Sheet, colour, make
from tests.dashboard.browser import NARROW, WIDE, Screen

MADE = Sheet()
NEWER = Sheet(version="2")
OTHER = Sheet(key="other", layer="layer.2", apart=())
GAPS = Sheet(key="gaps", sides=(10, 20), tiled=(), undrawn=0.4, full=True, apart=())


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    folder = tmp_path_factory.mktemp("atlases")
    for sheet in (MADE, NEWER, OTHER, GAPS):
        make(folder, sheet)
    with serving(folder) as running:
        yield running


@dataclass
class View:
    """One moment of the map: where things are on it, by the contract's own formula, and the
    canvas' pixels, read once."""

    page: Page
    camera: dict[str, float]
    size: dict[str, float]

    @cached_property
    def pixels(self) -> np.ndarray:
        """(height, width, 3), in the canvas' own pixels."""
        read = "() => document.querySelector('.atlas-canvas').toDataURL().split(',')[1]"
        data = base64.b64decode(self.page.evaluate(read))
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    @property
    def unit(self) -> float:
        """CSS pixels of the main square's side."""
        return min(self.size["w"], self.size["h"]) * self.camera["zoom"]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the map is on the canvas, in CSS pixels."""
        middle = self.size["w"] / 2, self.size["h"] / 2
        away = x - self.camera["x"], y - self.camera["y"]
        return middle[0] + away[0] * self.unit, middle[1] + away[1] * self.unit

    def place(self, px: float, py: float) -> tuple[float, float]:
        """The place of the map at a point of the canvas."""
        away = px - self.size["w"] / 2, py - self.size["h"] / 2
        return self.camera["x"] + away[0] / self.unit, self.camera["y"] + away[1] / self.unit

    def inside(self, px: float, py: float) -> bool:
        """Well inside the canvas, and not below its buttons and its small map."""
        return 60 < px < self.size["w"] - 150 and 60 < py < self.size["h"] - 60

    def pixel(self, px: float, py: float) -> tuple[int, ...]:
        """The colour that is painted at a point of the canvas."""
        ratio = self.pixels.shape[1] / self.size["w"]
        return tuple(self.pixels[int(py * ratio), int(px * ratio)].tolist())

    def at(self, x: float, y: float) -> tuple[int, ...]:
        """The colour at a place of the map."""
        return self.pixel(*self.point(x, y))


@dataclass
class Atlas:
    """An open page with one map; what tests do to it and read off it."""

    screen: Screen
    bare: Bare

    @property
    def page(self) -> Page:
        return self.screen.page

    def open(self, sheet: Sheet = MADE, *, scheme: str = "light", names: str = "off",
             more: str = "", **given: Any) -> "Atlas":  # fmt: skip
        """Goes to the bare page and waits until the map stands."""
        one = asked(f"/atlas/{sheet.key}/{sheet.version}/map.json", layer=sheet.layer, **given)
        self.page.goto(link(self.bare.address, one, scheme=scheme, names=names) + more)
        return self.still()

    def still(self) -> "Atlas":
        """Waits until nothing moves and nothing is on its way."""
        self.page.wait_for_function(STANDS, polling=20)
        return self

    def ask(self, **given: Any) -> "Atlas":
        """What the server would do: another data-asked."""
        change = "(given) => { const el = document.querySelector('.atlas'); el.dataset.asked ="
        change += " JSON.stringify({...JSON.parse(el.dataset.asked), ...given}); }"
        self.page.evaluate(change, given)
        self.page.wait_for_timeout(60)
        return self.still()

    def state(self, expression: str) -> Any:
        return self.page.evaluate(f"() => neuronscope.atlas.maps[0].{expression}")

    @property
    def view(self) -> "View":
        """What is to be seen now."""
        return View(self.page, self.state("camera"), self.state("size"))

    @property
    def camera(self) -> tuple[float, float, float]:
        found = self.state("camera")
        return found["x"], found["y"], found["zoom"]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the map is on the canvas, in CSS pixels."""
        return self.view.point(x, y)

    def pixel(self, px: float, py: float) -> tuple[int, ...]:
        """The colour that is painted at a point of the canvas."""
        return self.view.pixel(px, py)

    def at(self, x: float, y: float) -> tuple[int, ...]:
        """The colour at a place of the map."""
        return self.view.at(x, y)

    def mouse(self, px: float, py: float) -> tuple[float, float]:
        """A point of the canvas as a point of the page."""
        box = self.screen.at(".atlas-canvas").first.bounding_box()
        assert box is not None
        return box["x"] + px, box["y"] + py

    def choices(self) -> list[dict[str, Any]]:
        return list(self.page.evaluate("() => neuronscope.choices"))

    def line(self) -> str:
        return self.screen.text(".atlas-hover")


@pytest.fixture
def atlas(chromium: Browser, bare: Bare) -> Iterator[Atlas]:
    yield from opened(chromium, bare, viewport=WIDE)


@pytest.fixture
def pocket(chromium: Browser, bare: Bare) -> Iterator[Atlas]:
    """A phone, with two pixels to a CSS pixel."""
    yield from opened(chromium, bare, viewport=NARROW, has_touch=True, device_scale_factor=2)


def opened(chromium: Browser, bare: Bare, **given: Any) -> Iterator[Atlas]:
    context = chromium.new_context(**given)
    bare.log.clear()
    screen = Screen(context.new_page(), bare)  # type: ignore[arg-type]
    yield Atlas(screen, bare)
    context.close()
    assert not screen.errors


def near(found: Any, wanted: Any, within: float = 6) -> bool:
    return bool(np.abs(np.subtract(found, wanted)).max() <= within)


def cell(grid: Grid, fits: Callable[[np.ndarray, np.ndarray], Any]) -> int:
    """The first cell of a grid whose middle fits."""
    return int(np.flatnonzero(fits(grid.x, grid.y))[0])


def flat(grid: Grid, i: int) -> np.ndarray:
    return colour(grid.x[i : i + 1], grid.y[i : i + 1])[0]
