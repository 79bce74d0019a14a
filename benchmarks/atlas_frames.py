"""How smoothly the map of an atlas is panned and zoomed, in a real browser, by real mouse and wheel
events.

    python -m benchmarks.atlas_frames [--seconds S] [--width W] [--height H] [--ratio R]
                                      [--throttle N]

Made-up atlases: 2,500 cells out of one mosaic, 10,000 cells by tiles, all of them in view at the
start, and one of three grids that refine while it is zoomed. Each is panned whole, zoomed in and
out at the pointer, panned where it is zoomed, and once more with two classes compared. Only frames
in which the map painted count: their time until the next frame, by ``requestAnimationFrame``,
median and 95th percentile in milliseconds; the same of what our own painting took of it; and the
processor time that all of the browser's processes took for a frame, which other work on the machine
changes little.
"""

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.atlas_bare import STANDS, asked, link, serving
from benchmarks.atlas_made import Sheet, make
from benchmarks.explore import CHROMIUM

GOAL = (17.0, 34.0)  # median and 95th percentile, milliseconds
LOOKS = {"icon": 80, "levels": 6, "flat": False}
ATLASES = {
    "2,500 cells, one mosaic": Sheet(key="m", sides=(50,), tiled=(), full=True, **LOOKS),
    "10,000 cells, tiles": Sheet(key="t", sides=(100,), tiled=(100,), full=True, **LOOKS),
    "grids of 20, 40, 80": Sheet(key="g", sides=(20, 40, 80), tiled=(80,), **LOOKS),
}
WATCH = """() => {
  const map = neuronscope.atlas.maps[0];
  map.painted = [];
  window.gaps = []; window.watching = true;
  let last = null, count = 0;
  const tick = (now) => {
    const painted = map.painted.length;
    if (last !== null && painted > count) window.gaps.push(now - last);
    last = now; count = painted;
    if (window.watching) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""
STOP = """() => { window.watching = false;
  return {gaps: window.gaps, own: neuronscope.atlas.maps[0].painted}; }"""


@dataclass(frozen=True)
class Frames:
    """Times of the frames in which the map painted, in milliseconds."""

    gaps: list[float]
    own: list[float]
    processor: float  # of a frame

    def told(self) -> str:
        """One line's worth of figures."""
        gaps, own = np.array(self.gaps), np.array(self.own)
        return (
            f"{len(gaps):4d} frames   median {np.median(gaps):5.1f}   95th {self.p95:5.1f}   "
            f"worst {gaps.max():4.0f}   own painting {np.median(own):4.1f}, "
            f"95th {np.percentile(own, 95):4.1f}   processor {self.processor:4.1f}"
        )

    @property
    def p95(self) -> float:
        """95th percentile of the time from frame to frame."""
        return float(np.percentile(self.gaps, 95))

    @property
    def good(self) -> bool:
        """Within the goal."""
        return bool(np.median(self.gaps) < GOAL[0] and self.p95 < GOAL[1])


def dragged(page: Page, seconds: float) -> None:
    """Drags the map around in circles, with the button held."""
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        step += 1
        turn = step / 14
        page.mouse.move(x + 170 * math.sin(turn), y + 110 * (math.cos(turn) - 1))
    page.mouse.move(x, y)
    page.mouse.up()


def wheeled(page: Page, seconds: float) -> None:
    """Zooms in and out at the pointer, about tenfold."""
    x, y = middle(page)
    page.mouse.move(x + 40, y - 30)
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        page.mouse.wheel(0, -30 if step % 100 < 50 else 30)
        step += 1


def middle(page: Page) -> tuple[float, float]:
    box = page.locator(".atlas-canvas").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def measured(page: Page, move: Callable[[Page, float], None], seconds: float) -> Frames:
    """The frames of one kind of movement."""
    page.evaluate(WATCH)
    before = processor_time()
    move(page, seconds)
    spent = processor_time() - before
    found: dict[str, Any] = page.evaluate(STOP)
    return Frames(found["gaps"], found["own"], 1000 * spent / len(found["own"]))


def processor_time() -> float:
    """Seconds that our browser's processes have taken so far."""
    parents, ticks = dict[int, int](), dict[int, int]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:  # ended while we looked
            continue
        fields = rest.split()
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12]) if "(chrom" in name else 0

    def ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and ours(parents[process]))

    return sum(n for process, n in ticks.items() if ours(process)) / os.sysconf("SC_CLK_TCK")


def visited(page: Page, address: str, url: str, **more: Any) -> None:
    """The atlas, with all that its first view needs."""
    page.goto(link(address, asked(url, **more)))
    page.wait_for_function(STANDS, timeout=60_000)
    page.wait_for_timeout(700)


def rounds(page: Page, address: str, url: str, seconds: float) -> dict[str, Frames]:
    """Every movement over one atlas."""
    visited(page, address, url)
    found = {"panned whole": measured(page, dragged, seconds)}
    found["zoomed"] = measured(page, wheeled, seconds)
    visited(page, address, url, spot=[0.5, 0.5, 6])
    found["panned near"] = measured(page, dragged, seconds)
    visited(page, address, url, a=3, b=6)
    found["A against B: panned whole"] = measured(page, dragged, seconds)
    found["A against B: zoomed"] = measured(page, wheeled, seconds)
    return found


def main() -> int:
    """0 where every movement is within the goal."""
    parser = argparse.ArgumentParser(description="How smoothly the map of an atlas moves.")
    parser.add_argument("--seconds", type=float, default=4, help="of each movement")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--ratio", type=float, default=1, help="of the screen's pixels to CSS's")
    parser.add_argument("--throttle", type=float, default=1, help="slow the processor N times")
    given = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as bare:
        urls = {name: make(Path(folder), sheet) for name, sheet in ATLASES.items()}
        with sync_playwright() as playwright:
            program = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
            page = browser.new_page(
                viewport={"width": given.width, "height": given.height},
                device_scale_factor=given.ratio,
            )
            slow(page.context.new_cdp_session(page), given.throttle)
            for name, url in urls.items():
                for movement, frames in rounds(page, bare.address, url, given.seconds).items():
                    print(f"{name:24s} {movement:26s} {frames.told()}", flush=True)
                    good = good and frames.good
            browser.close()
    return 0 if good else 1


def slow(link: CDPSession, times: float) -> None:
    if times > 1:
        link.send("Emulation.setCPUThrottlingRate", {"rate": times})


if __name__ == "__main__":
    sys.exit(main())
