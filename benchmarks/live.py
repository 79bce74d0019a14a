"""How many frames a second the Live pane shows of a camera, and where the time goes, in a real
browser (Chromium's made-up camera) against the real command.

    python -m benchmarks.live [--model M] [--layer L] [--seconds S] [--goal FPS]

Twice: while nothing else is drawn, and while the icons of the wall are being drawn in the
background. For each frame: the cut in the browser, the wait for the answer, in it the network and
the packing, the painting, and what is left (the browser's own frame, and other work's step that was
under way).
"""

import argparse
import itertools
import json
import shutil
import statistics
import sys
import time
import urllib.request
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.explore import CHROMIUM, served, until, visit

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TIMES = "() => window.neuronscope.live.times"


def opened(page: Page, address: str, layer: str | None) -> None:
    """The Live pane with its maps standing."""
    layer_part = f"&layer={layer}" if layer else ""
    visit(page, f"{address}/neuron?pane=live{layer_part}")
    until(page, "() => window.neuronscope.live && window.neuronscope.live.head")


def idle(page: Page, address: str) -> None:
    """Waits until the worker has nothing left to do for a page whose wall is empty."""
    page.fill("#wall-search", "no such neuron")
    idle_worker(page, address)


def idle_worker(page: Page, address: str) -> None:
    """Waits until the worker has had nothing to do for two seconds."""
    end, quiet = time.monotonic() + 150, 0
    while time.monotonic() < end and quiet < 4:
        page.wait_for_timeout(500)
        with urllib.request.urlopen(f"{address}/api/status") as answer:
            quiet = 0 if json.load(answer)["running"] else quiet + 1


def frames(page: Page, seconds: float) -> list[dict[str, float]]:
    """The times of the frames shown in so many seconds, at most the newest 60."""
    page.evaluate("() => { window.neuronscope.live.times = []; }")
    page.wait_for_timeout(1000 * seconds)
    found: list[dict[str, float]] = page.evaluate(TIMES)
    return found


def summary(times: list[dict[str, float]]) -> dict[str, float]:
    """Frames a second, and the median of each part in milliseconds."""
    gaps = [b["began"] - a["began"] for a, b in itertools.pairwise(times)]
    part = {k: statistics.median(t[k] for t in times) for k in ("cut", "wait", "paint")}
    inside = {k: 1000 * statistics.median(t[k] for t in times) for k in ("network", "packing")}
    rest = statistics.median(gaps) - sum(part.values())
    return {
        "fps": 1000 * len(gaps) / sum(gaps), "slowest": max(gaps), "frame": statistics.median(gaps),
        **part, **inside, "rest": rest,
    }  # fmt: skip


def told(name: str, found: dict[str, float]) -> None:
    """One line for a person."""
    inside = f"network {found['network']:.0f}, packing {found['packing']:.1f}"
    print(
        f"{name:28s} {found['fps']:5.1f} frames/s   ms a frame {found['frame']:.0f} (worst "
        f"{found['slowest']:.0f}): cut {found['cut']:.1f}, wait {found['wait']:.0f} ({inside}), "
        f"paint {found['paint']:.1f}, rest {found['rest']:.0f}",
        flush=True,
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="squeezenet1_1")
    options.add_argument("--layer")
    options.add_argument("--seconds", type=float, default=8)
    options.add_argument("--goal", type=float, default=5)
    given: Any = options.parse_args()
    found = {}
    with served(given.model, None) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM, *CAMERA]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        opened(page, address, given.layer)
        idle(page, address)
        page.click("#live-camera")
        until(page, f"() => ({TIMES})().length > 5")
        found["nothing else to do"] = summary(frames(page, given.seconds))
        page.fill("#wall-search", "")
        page.wait_for_timeout(1500)
        found["while the wall is drawn"] = summary(frames(page, given.seconds))
        browser.close()
    for name, parts in found.items():
        told(name, parts)
    return 0 if min(parts["fps"] for parts in found.values()) >= given.goal else 1


if __name__ == "__main__":
    sys.exit(main())
