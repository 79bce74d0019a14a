"""How long the patch bench takes to answer while a patch is dragged, in a real browser against the
real command.

    python -m benchmarks.bench_drag [--model M] [--moves N] [--goal MS]

The mouse drags an atlas cell (or, for another network, noise) over the first picture in ``--moves``
steps. For every answer, in milliseconds from the question to both bars drawn: the median, the 95th
percentile and the worst; also how long the letting go takes until it is measured with all its
noise. The page is left alone until its icons are drawn, as a person would find it.
"""

import argparse
import shutil
import statistics
import sys
import time
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.explore import CHROMIUM, served, until, visit
from benchmarks.live import idle_worker

CELL, NOISE = "cell:starter-features.12:40,280:0.5,0.5,0.4,1", "noise:0.5,0.5,0.4,1"
STEP = 24.0  # ms between two movements of the mouse
STILL = "() => document.querySelector('#bench-bars')?.dataset.moving === 'false'"


def opened(page: Page, address: str, word: str) -> None:
    """The bench with a patch that is measured."""
    visit(page, f"{address}/errors?stage=picture&patch={word}")
    until(page, STILL)


def dragged(page: Page, moves: int) -> tuple[list[float], float]:
    """Milliseconds of each answer while the patch moves, and from letting go until it is measured
    again."""
    stage = page.locator("#bench-stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(moves):
        away = 80 * (step % 50) / 50 * (-1 if step // 50 % 2 else 1)
        page.mouse.move(x + away, y - away / 2)
        page.wait_for_timeout(STEP)
    times: list[float] = page.evaluate("() => window.neuronscope.bench.times")
    began = time.perf_counter()
    page.mouse.up()
    until(page, STILL)
    return times, 1000 * (time.perf_counter() - began)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="squeezenet1_1")
    options.add_argument("--moves", type=int, default=200)
    options.add_argument("--goal", type=float, default=150, help="ms of the 95th percentile")
    given: Any = options.parse_args()
    word = CELL if given.model == "squeezenet1_1" else NOISE
    with served(given.model, None) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        opened(page, address, word)
        idle_worker(page, address)
        times, settled = dragged(page, given.moves)
        browser.close()
    late = statistics.quantiles(times, n=20)[-1]
    print(
        f"{given.model}: {len(times)} answers while dragging, ms: median "
        f"{statistics.median(times):.0f}, 95 % {late:.0f}, worst {max(times):.0f}; "
        f"let go until measured against 8 draws of noise {settled:.0f}"
    )
    return 0 if late <= given.goal else 1


if __name__ == "__main__":
    sys.exit(main())
