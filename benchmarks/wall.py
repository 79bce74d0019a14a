"""How smoothly the wall of the Neuron page scrolls with 2,048 icons, in a real browser against the
real command.

    python -m benchmarks.wall [--seconds S] [--throttle N]

A toy network with a layer of 2,048 channels is served, with an icon in the cache for each (noise,
so that no two are alike). The wall is scrolled by 60 pixels a frame, nearly a row; the time
from frame to frame is taken by ``requestAnimationFrame``: median and 95th percentile in
milliseconds, from a cold start, when every icon is fetched and decoded for the first time, and on
the way back. Beside it how long the page's own thread was busy a frame.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.explore import CHROMIUM, served, until, visit
from cache.store import Store
from dashboard.bench import Bench
from dashboard.tasks_icons import Subject, icon_key

UNITS, LAYER, GOAL = 2048, "1", (17.0, 34.0)
NETWORK = f"""
import torch
from torch import nn
def make():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, {UNITS}, 8, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear({UNITS}, 3))
    return {{"module": body, "input_size": (3, 32, 32), "categories": ["ant", "bee", "cow"]}}
"""
SCROLL = """async ([seconds, step]) => {
  const view = document.getElementById('wall-view'), gaps = [];
  let last = await new Promise(requestAnimationFrame);
  const end = last + 1000 * seconds;
  while (last < end) {
    const before = view.scrollTop;
    view.scrollTop += step;
    if (view.scrollTop === before) view.scrollTop = step > 0 ? 0 : view.scrollHeight;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return gaps;
}"""


def filled(model: str, cache: str) -> None:
    """Puts an icon of every neuron into the cache."""
    bench = Bench({
        "model": model, "weights": None, "fit": "crop", "device": "cpu", "seed": 0, "cache": cache,
        "images": None, "labels": None,
    })  # fmt: skip
    store, random = Store(Path(cache)), np.random.default_rng(0)
    meta = {"activation": 1.0, "dead": False, "steps": 1}
    for unit in range(UNITS):
        coarse = random.integers(0, 256, (12, 12, 3), np.uint8)
        pixels = coarse.repeat(8, 0).repeat(8, 1)
        store.put(icon_key(bench, model, LAYER, Subject(unit)), "webp", pixels, meta=meta)


def scrolled(page: Page, seconds: float, step: float) -> tuple[float, float, float, int]:
    """Median, 95th percentile and worst time from frame to frame, in milliseconds; how many."""
    gaps: list[float] = page.evaluate(SCROLL, [seconds, step])
    return float(np.median(gaps)), float(np.percentile(gaps, 95)), max(gaps), len(gaps)


def busy(link: CDPSession) -> float:
    """Seconds that the page's own thread has been busy so far."""
    found = link.send("Performance.getMetrics")["metrics"]
    return float(next(m["value"] for m in found if m["name"] == "TaskDuration"))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5)
    options.add_argument("--throttle", type=float, default=1, help="slow the browser down so much")
    given: Any = options.parse_args()
    good = True
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / "wide.py").write_text(NETWORK)
        model, cache = f"{folder}/wide.py:make", f"{folder}/cache"
        filled(model, cache)
        with served(model, None, cache=cache) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM
            )
            page = opened(browser.new_page(viewport={"width": 1280, "height": 900}), address)
            link = page.context.new_cdp_session(page)
            if given.throttle > 1:
                link.send("Emulation.setCPUThrottlingRate", {"rate": given.throttle})
            link.send("Performance.enable")
            for name, step in (("icons new", 60), ("way back", -60)):
                before = busy(link)
                median, p95, worst, count = scrolled(page, given.seconds, step)
                work = 1000 * (busy(link) - before) / count
                there = page.evaluate("() => document.querySelectorAll('.wall-cell').length")
                told = f"{name:10s} median {median:5.1f} ms   95th percentile {p95:5.1f} ms   "
                told += f"worst {worst:5.0f} ms   busy {work:4.1f} ms a frame, {there} cells"
                print(told, flush=True)
                good = good and median < GOAL[0] and p95 < GOAL[1]
            browser.close()
    return 0 if good else 1


def opened(page: Page, address: str) -> Page:
    """The Neuron page with its wall standing."""
    visit(page, f"{address}/neuron?layer={LAYER}&unit=0")
    until(page, "() => document.querySelectorAll('#wall .wall-cell').length > 20")
    page.select_option("#wall-sort", "number")
    page.wait_for_timeout(4000)
    return page


if __name__ == "__main__":
    sys.exit(main())
