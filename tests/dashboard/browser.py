"""What the browser tests stand on: the real command in a process of its own, a real Chromium, and
the network once more in this process to compare numbers with.

A test gets a `Screen`: a fresh page that fails the test when its console shows an error.
"""

import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from torch import Tensor

from analysis.models import load

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = int(os.environ.get("NEURONSCOPE_PATIENCE", "60"))  # seconds; CI has two shared cores
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE * 1000)


class Server:
    """``neuronscope serve`` on a free port, with a cache that is thrown away; ``before``: the
    words of a command that runs it."""

    def __init__(self, folder: Path, *more: str, before: Sequence[str] = ()) -> None:
        self.port = free_port()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
        words = ["serve", "--no-browser", "--port", str(self.port), "--cache", str(folder / "c")]
        self.folder, self._log = folder, folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-P", "-m", "dashboard.cli", *words, *more], cwd=folder,
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.address = self._wait_for_address()

    @property
    def log(self) -> str:
        """Everything that the command has printed so far."""
        return self._log.read_text("utf-8", "replace")

    def _wait_for_address(self) -> str:
        def said() -> str | None:
            assert self.process.poll() is None, self.log
            found = re.search(r"http://[\d.]+:\d+", self.log)
            return found[0] if found else None

        address = wait_until(said, "the command prints its address")
        assert address.endswith(f":{self.port}")
        return address

    def get(self, path: str, *, method: str = "GET", body: bytes | None = None,
            headers: dict[str, str] | None = None) -> tuple[int, bytes]:  # fmt: skip
        """One request without a browser: status and body."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            link.request(method, path, body=body, headers=headers or {})
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    def workers(self) -> list[int]:
        """The command's child processes that own torch."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
                words = (folder / "cmdline").read_bytes()
            except OSError:  # ended while we looked
                continue
            if int(parent) == self.process.pid and b"neuronscope-worker" in words:
                found.append(int(folder.name))
        return found

    def close(self) -> None:
        """Ctrl-C; the command ends by itself."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ask: Any, what: str, *, seconds: float = PATIENCE) -> Any:
    """The first true answer of ``ask``."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        select.select([], [], [], 0.05)
    return answer


def number(text: str | None) -> float:
    """A number as the page writes it: with a true minus."""
    found = number_in(text)
    assert found is not None, f"no number in {text!r}"
    return found


def number_in(text: str | None) -> float | None:
    """The same; None where there is none (yet)."""
    found = re.search(r"[-+]?\d+(\.\d+)?", (text or "").replace("\u2212", "-"))
    return float(found[0]) if found else None


class Screen:
    """A page with what the tests do to it; console errors that are not ``allowed`` are kept."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.allowed: list[str] = []
        self._errors: list[str] = []
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Keeps the errors of one more page."""
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self._errors.append(f"{message.text} ({message.location.get('url')})")

    @property
    def errors(self) -> list[str]:
        """What went wrong in the page and was not expected."""
        return [e for e in self._errors if not any(part in e for part in self.allowed)]

    def open(self, path: str = "/explore") -> "Screen":
        """Goes to an address and waits until every panel of Explore is filled."""
        self.page.goto(self.server.address + path)
        self.filled()
        return self

    def filled(self) -> None:
        """Sentence, list, check, ladder and grid are there."""
        for panel in ("#margin", "#neurons .neuron-row, #neurons .group-row", "#check #before",
                      "#ladder button", "#grid-title b", "#strip button"):  # fmt: skip
            expect(self.page.locator(panel).first).to_be_visible()

    def at(self, selector: str) -> Locator:
        """The element."""
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        """Its words."""
        return self.at(selector).first.inner_text()

    def number(self, selector: str) -> float:
        """The number that it shows."""
        return number(self.text(selector))

    def shows(self, selector: str, value: float, *, within: float = 0.051) -> None:
        """Waits until the element shows the number, as exactly as it is rounded."""

        def there() -> bool:  # read in one moment: the panel may be between two states
            texts = self.at(selector).all_inner_texts()
            found = number_in(texts[0]) if texts else None
            return found is not None and abs(found - value) <= within

        try:
            wait_until(lambda: self.page.wait_for_timeout(30) or there(), "", seconds=PATIENCE)
        except AssertionError:
            shown = self.text(selector) if self.at(selector).count() else "nothing"
            raise AssertionError(f"{selector} shows {shown!r}, not {value:.3f}") from None

    @property
    def layer(self) -> str:
        """The layer that the grid shows."""
        return self.text("#grid-title b")

    def steps(self, which: str = "") -> list[str]:
        """The layers of the ladder by their full names, which its tiles shorten."""
        return list(self.at(f"#ladder button{which}").evaluate_all(
            "steps => steps.map(s => JSON.parse(s.dataset.do).layer)"
        ))  # fmt: skip

    def rows(self) -> list[tuple[int, float, float]]:
        """The list of neurons: number, activation, effect."""
        found = self.at("#neurons .neuron-row").evaluate_all(
            "rows => rows.map(r => [r.dataset.channel, r.dataset.activation, r.dataset.effect])"
        )
        return [(int(c), float(a), float(e)) for c, a, e in found]

    def steady(self, selector: str) -> dict[str, float]:
        """Where an element lies, once it neither moves nor grows any more."""
        for _ in range(100):
            before = self.at(selector).bounding_box()
            self.page.wait_for_timeout(150)
            if before is not None and before == self.at(selector).bounding_box():
                return dict(before)
        raise AssertionError(f"{selector} does not come to rest")

    def click_place(self, canvas: str, row: int, col: int, grid: tuple[int, int]) -> None:
        """A mouse click in the middle of a place."""
        box = self.steady(canvas)
        x = (col + 0.5) * box["width"] / grid[1]
        y = (row + 0.5) * box["height"] / grid[0]
        self.at(canvas).click(position={"x": x, "y": y})

    def title_says(self, words: str) -> None:
        """Waits for the list's title."""
        expect(self.at("#neurons-title")).to_contain_text(words)


class Reference:
    """SqueezeNet in this process, by plain torch: our own hooks, and the whole network each
    time."""

    def __init__(self) -> None:
        self.classifier = load("squeezenet1_1")
        self.names = self.classifier.categories.names

    def seen(self, screen: Screen) -> Tensor:
        """The network's input (1, 3, H, W), made of the very picture that the page shows."""
        expect(screen.at("#seen")).to_have_attribute("src", re.compile("^/blob/"))
        pixels = decoded(screen.server, screen.at("#seen").get_attribute("src"))
        unit = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()[None] / 255
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406),
                                                               (0.229, 0.224, 0.225)))  # fmt: skip
        return (unit - mean) / std

    def logits(self, x: Tensor) -> np.ndarray:
        """(classes,)"""
        with torch.no_grad():
            return self.classifier.module(x)[0].numpy()

    def effects(self, x: Tensor, layer: str, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Activation and activation x gradient of ``logit a - logit b``, both (C, h, w)."""
        kept: list[Tensor] = []

        def keep(_module: Any, _given: Any, out: Tensor) -> Tensor:
            leaf = out.detach().clone().requires_grad_(True)
            kept.append(leaf)
            return leaf.clone()

        handle = self.classifier.module.get_submodule(layer).register_forward_hook(keep)
        try:
            logits = self.classifier.module(x)[0]
        finally:
            handle.remove()
        (gradient,) = torch.autograd.grad(logits[a] - logits[b], kept)
        activation = kept[0].detach()
        return activation[0].numpy(), (activation * gradient)[0].numpy()

    def without(self, x: Tensor, layer: str, keep: Tensor) -> np.ndarray:
        """Logits (classes,) when the layer's output is multiplied by ``keep``."""
        handle = self.classifier.module.get_submodule(layer).register_forward_hook(
            lambda _module, _given, out: out * keep
        )
        try:
            return self.logits(x)
        finally:
            handle.remove()

    def removed(self, x: Tensor, layer: str, channels: list[int], a: int, b: int) -> float:
        """The margin when these channels are zero everywhere."""
        keep = torch.ones(1, self.effects(x, layer, a, b)[0].shape[0], 1, 1)
        keep[0, channels] = 0
        logits = self.without(x, layer, keep)
        return float(logits[a] - logits[b])


def decoded(server: Server, path: str | None) -> np.ndarray:
    """A picture that the page shows, (H, W, 3)."""
    import io

    from PIL import Image

    status, data = server.get(path or "")
    assert status == 200, path
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("serve"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs the system's chromium (make test installs it)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def screen_on(chromium: Browser, server: Server, **given: Any) -> Iterator[Screen]:
    context = chromium.new_context(color_scheme="light", **given)
    screen = Screen(context.new_page(), server)
    yield screen
    context.close()
    assert not screen.errors


@pytest.fixture
def screen(chromium: Browser, server: Server) -> Iterator[Screen]:
    yield from screen_on(chromium, server, viewport=WIDE)


@pytest.fixture
def phone(chromium: Browser, server: Server) -> Iterator[Screen]:
    yield from screen_on(chromium, server, viewport=NARROW, has_touch=True)
