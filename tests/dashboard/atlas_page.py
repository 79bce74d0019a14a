"""A bare page with made-up atlases in a real browser: what the tests of the map stand on. What is
painted is read off the canvas, to be compared with the formulas that the atlases were made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
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
class Atlas:
    """An open page with one map; what tests do to it and read off it."""

    screen: Screen
    bare: Bare

    @property
    def page(self) -> Page:
        return self.screen.page

    def open(self, sheet: Sheet = MADE, *, scheme: str = "light", more: str = "",
             **given: Any) -> "Atlas":  # fmt: skip
        """Goes to the bare page and waits until the map stands."""
        one = asked(f"/atlas/{sheet.key}/{sheet.version}/map.json", layer=sheet.layer, **given)
        self.page.goto(link(self.bare.address, one, scheme=scheme) + more)
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
    def camera(self) -> tuple[float, float, float]:
        found = self.state("camera")
        return found["x"], found["y"], found["zoom"]

    @property
    def size(self) -> tuple[float, float]:
        found = self.state("size")
        return found["w"], found["h"]

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the map is on the canvas, in CSS pixels: the contract's own formula."""
        (cx, cy, zoom), (w, h) = self.camera, self.size
        return w / 2 + (x - cx) * min(w, h) * zoom, h / 2 + (y - cy) * min(w, h) * zoom

    def place(self, px: float, py: float) -> tuple[float, float]:
        """The place of the map at a point of the canvas."""
        (cx, cy, zoom), (w, h) = self.camera, self.size
        return cx + (px - w / 2) / min(w, h) / zoom, cy + (py - h / 2) / min(w, h) / zoom

    def pixel(self, px: float, py: float) -> tuple[int, ...]:
        """The colour that is painted at a point of the canvas."""
        read = """([x, y]) => { const c = document.querySelector('.atlas-canvas');
          const r = c.width / c.clientWidth;
          const [px, py] = [Math.floor(x * r), Math.floor(y * r)];
          return [...c.getContext('2d').getImageData(px, py, 1, 1).data.slice(0, 3)]; }"""
        return tuple(self.page.evaluate(read, [px, py]))

    def at(self, x: float, y: float) -> tuple[int, ...]:
        """The colour at a place of the map."""
        return self.pixel(*self.point(x, y))

    def mouse(self, px: float, py: float) -> tuple[float, float]:
        """A point of the canvas as a point of the page."""
        box = self.screen.at(".atlas-canvas").bounding_box()
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
