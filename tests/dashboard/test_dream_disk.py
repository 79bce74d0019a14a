"""A disk that fills while a dream is made: what was finished is held, saved, dreamt on, and kept
once there is room. On a small tmpfs in a namespace of its own, or with a limit of file size."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.cache.test_full_disk import can_mount, in_small_disk
from tests.dashboard.browser import WIDE, Screen, Server, screen_on

PROGRAM = [sys.executable, "-m", "tests.dashboard.full_disk"]


def told(command: list[str]) -> dict[str, str]:

    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def check(found: dict[str, str]) -> None:
    for said in (found["why"], found["again"], found["stream"]):
        assert "the disk is full, nothing more fits into" in said
        assert "disk I/O" not in said
    assert found["saved"] == "False shown: True"
    assert (found["size"], found["on"], found["keeps"]) == ("128", "128", "True")
    assert found["kept"] == "1 128"
    assert found["stopped"].startswith("True ")
    assert found["stream"].startswith("True frame 2 of 5 |")
    assert (found["frames"], found["whole"]) == ("2", "False 2"), "it goes on from there"


def test_on_a_full_disk_what_was_made_is_held(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    check(told(in_small_disk(tmp_path, *PROGRAM, str(tmp_path), size="3m")))


def test_with_files_limited_in_size_too(tmp_path: Path) -> None:
    check(told([*PROGRAM, str(tmp_path), "limited"]))


@pytest.fixture
def small(chromium: Browser, tmp_path: Path) -> Iterator[tuple[Screen, Path]]:
    """A page whose cache is a small disk of its own, and where that lies."""
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    folder = tmp_path / "c"
    folder.mkdir()
    server = Server(tmp_path, before=in_small_disk(folder, size="12m"))
    there = Path(f"/proc/{server.process.pid}/root{folder}")  # as that process sees it
    for screen in screen_on(chromium, server, viewport=WIDE):
        screen.allowed.append("422 (UNPROCESSABLE ENTITY)")
        yield screen, there
    server.close()


def fill(there: Path) -> None:
    for size in (1 << 16, 256):
        with suppress(OSError), (there / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(size))


@pytest.mark.browser
def test_the_page_saves_dreams_on_and_keeps_it_later(small: tuple[Screen, Path]) -> None:
    screen, there = small
    page, said = screen.page, screen.at("#dream-said")
    page.goto(f"{screen.server.address}/dream?how=octaves:2,iterations:2,size:128")
    expect(screen.at("#dream-shown")).to_have_attribute("data-state", "done")
    fill(there)
    screen.at("#dream-full").click()
    expect(said).to_contain_text("but not kept: the disk is full, nothing more fits into")
    expect(screen.at("#dream-making figcaption")).to_contain_text("not kept: the disk is full")
    with page.expect_download() as saving:
        screen.at("#dream-save").click()
    data = Path(saving.value.path()).read_bytes()
    shown = screen.server.get(screen.at("#dream-after").get_attribute("src") or "")[1]
    assert np.array_equal(*(np.asarray(Image.open(io.BytesIO(d))) for d in (data, shown)))
    screen.at("#dream-keep").click()
    expect(screen.at("#toast")).to_contain_text("the disk is full")
    whole = page.url
    screen.at("#dream-again").click()
    expect(screen.at("#dream-from figcaption")).to_contain_text("features.7 on")
    expect(screen.at("#dream-shown")).to_have_attribute("data-state", "done")
    (there / "filler").unlink()
    page.goto(whole)
    expect(screen.at("#dream-keep")).to_have_text("try again to keep it")
    screen.at("#dream-keep").click()
    expect(screen.at("#dream-making figure")).to_have_count(0)
    expect(screen.at("#dream-gallery figure")).to_have_count(1)
    page.reload()
    expect(said).to_contain_text("made in")
    expect(said).not_to_contain_text("not kept")
