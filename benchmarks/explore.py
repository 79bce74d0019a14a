"""How long a person waits in Explore, measured in a real browser against the real command.

python benchmarks/explore.py [--model M] [--rounds N] [--pictures DIR]

Prints, in seconds, the median and the worst of: a new picture until answers, grid, neurons (with
effects) and check stand; a click on another place until its neurons are listed; a click on a layer
never seen until the first icon of one of its neurons can be looked at. The cache is empty at the
start; every picture and layer is new.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
STATE = """() => ({
  margin: document.querySelector('#margin')?.textContent,
  seen: document.querySelector('#seen')?.src,
  rows: [...document.querySelectorAll('#neurons .neuron-row')].map(r => r.dataset.effect).join(),
  title: document.querySelector('#neurons-title')?.textContent,
  check: document.querySelector('#check-body')?.textContent,
})"""


@contextmanager
def served(model: str, folder: str | None, *, cache: str | None = None) -> Iterator[str]:
    """The real command, on an empty cache unless one is given."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        words = [sys.executable, "-P", "-m", "dashboard.cli", "serve", "--no-browser"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words += ["--model", model, "--port", str(port), "--cache", cache or empty]
        words += ["--images", folder] if folder else []
        here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=here)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def until(page: Page, script: str, arg: object = None) -> None:
    page.wait_for_function(script, arg=arg, polling=20, timeout=120_000)


def changed(page: Page, do: str, keys: list[str]) -> float:
    """Seconds from a click until all these parts of the page have changed."""
    before = page.evaluate(STATE)
    start = time.perf_counter()
    page.evaluate(do)
    script = f"(a) => {{ const now = ({STATE})(); return a.keys.every(k => now[k] !== a.was[k]); }}"
    until(page, script, {"keys": keys, "was": before})
    return time.perf_counter() - start


def measure(page: Page, rounds: int) -> dict[str, list[float]]:
    """The three waits, ``rounds`` times each."""
    found: dict[str, list[float]] = {"picture": [], "with check": [], "place": [], "icon": []}
    for i in range(rounds):
        click = f"document.querySelectorAll('#strip button[data-do]')[{i + 1}].click()"
        start = time.perf_counter()
        found["picture"].append(changed(page, click, ["margin", "seen", "rows"]))
        until(page, "() => document.querySelector('#check #without')")
        found["with check"].append(time.perf_counter() - start)
    for i in range(rounds):
        place = f"window.neuronscope.choose({{at: [{2 + i % 5}, {3 + i % 6}]}})"
        found["place"].append(changed(page, place, ["title", "rows"]))
    page.evaluate("window.neuronscope.choose({at: null})")
    steps = page.locator("#ladder button").count()
    for i in range(min(rounds, steps - 1)):
        found["icon"].append(first_icon(page, i))
    return found


def first_icon(page: Page, step: int) -> float:
    """Seconds until an icon of a layer never seen before is more than an empty square."""
    start = time.perf_counter()
    page.evaluate(f"document.querySelectorAll('#ladder button')[{step}].click()")
    script = (
        "(layer) => [...document.querySelectorAll('#neurons img.unit-icon')].some("
        "i => i.dataset.layer === layer && i.src.includes('/blob/') && i.naturalWidth > 1)"
    )
    layer = page.evaluate(
        f"JSON.parse(document.querySelectorAll('#ladder button')[{step}].dataset.do).layer"
    )
    until(page, script, layer)
    return time.perf_counter() - start


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="squeezenet1_1")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--pictures", help="a folder of pictures instead of the samples")
    given = options.parse_args()
    with served(given.model, given.pictures) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        _open(page, address)
        for name, times in measure(page, given.rounds).items():
            print(
                f"{name:12s} median {statistics.median(times):5.2f} s   worst {max(times):5.2f} s"
            )
        browser.close()


def visit(page: Page, address: str) -> None:
    """Opens a page, waiting for its server to answer."""
    for _ in range(100):
        try:
            page.goto(address)
            return
        except Exception:
            time.sleep(0.3)


def _open(page: Page, address: str) -> None:
    """Waits for the server, then for a page that stands."""
    visit(page, address)
    until(page, "() => document.querySelector('#check #without')")


if __name__ == "__main__":
    main()
