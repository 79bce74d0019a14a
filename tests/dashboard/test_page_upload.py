"""Pictures that come in by click, paste and drop as the world makes them, and files that are
none."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests import hostile
from tests.dashboard.browser import Screen, decoded

pytestmark = pytest.mark.browser

TRANSFER = """([kind, files]) => {
    const carried = new DataTransfer();
    for (const [name, mime, text] of files) {
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        carried.items.add(new File([bytes], name, { type: mime }));
    }
    const target = document.getElementById("grid") || document.body;
    const more = { bubbles: true, cancelable: true };
    if (kind === "paste") {
        const event = new ClipboardEvent("paste", { clipboardData: carried, ...more });
        document.body.dispatchEvent(event);
    } else for (const step of ["dragenter", "dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(step, { dataTransfer: carried, ...more }));
    }
}"""


def give(screen: Screen, way: str, *paths: Path) -> None:
    """Files by the file chooser, the clipboard or the mouse."""
    if way == "click":
        with screen.page.expect_file_chooser() as chooser:
            screen.at('#strip [data-local="pick"]').click()
        chooser.value.set_files(list(paths))
        return
    files = [[p.name, "image/png", base64.b64encode(p.read_bytes()).decode()] for p in paths]
    screen.page.evaluate(TRANSFER, [way, files])


def seen_after(screen: Screen, before: str | None) -> np.ndarray:
    """The picture as the network sees it, when it is another than before."""
    expect(screen.at("#seen")).not_to_have_attribute("src", before or "")
    expect(screen.at("#toast")).to_be_empty()
    screen.filled()
    return decoded(screen.server, screen.at("#seen").get_attribute("src"))


def turned(path: Path) -> Path:
    """A photograph on its side, as cameras store it: green above magenta in the middle."""
    return hostile.exif_orientation(path, 6, "JPEG")


def pure_cyan(path: Path) -> Path:
    """Printers' ink."""
    return hostile.jpeg_cmyk(path, (255, 0, 0, 0))


def sixteen(path: Path) -> Path:
    """Four greys in 16 bit."""
    return hostile.png_16_bit_grey(path)


def gif(path: Path) -> Path:
    """Red, then green, then blue."""
    return hostile.animated(path, "GIF")


GOOD: list[tuple[str, str, Callable[[Path], Path], dict[tuple[int, int], tuple[int, int, int]]]] = [
    ("click", "turned.jpg", turned, {(40, 112): (0, 255, 0), (184, 112): (255, 0, 255)}),
    ("paste", "ink.jpg", pure_cyan, {(112, 112): (0, 255, 255)}),
    ("drop", "sixteen.png", sixteen, {(112, 4): (127, 127, 127), (112, 219): (128, 128, 128)}),
    ("click", "clear.png", hostile.png_alpha, {(112, 219): (0, 0, 0), (112, 4): (127, 127, 127)}),
    ("paste", "small.webp", hostile.webp, {(20, 112): (0, 255, 0), (200, 112): (255, 0, 255)}),
    ("drop", "moving.gif", gif, {(112, 112): (255, 0, 0)}),
    ("click", "dot.png", hostile.one_pixel, {(0, 0): (200, 100, 50), (223, 223): (200, 100, 50)}),
    ("drop", "Zo\u00eb \u732b's #1 & 100%.png", hostile.palette_transparent, {}),
]


def test_good_pictures_open(screen: Screen, tmp_path: Path) -> None:
    screen.open()
    tiles = screen.at("#strip button").count()
    for count, (way, name, make, pixels) in enumerate(GOOD, 1):
        before = screen.at("#seen").get_attribute("src")
        give(screen, way, make(tmp_path / name))
        shown = seen_after(screen, before)
        assert shown.shape == (224, 224, 3)
        for (row, col), colour in pixels.items():
            close = np.abs(shown[row, col].astype(int) - colour).max()
            assert close <= 24, (name, row, col, shown[row, col])
        expect(screen.at("#strip button")).to_have_count(tiles + count)
        current = screen.at('#strip [aria-current="true"]')
        expect(current).to_have_attribute("aria-label", f"Open {name}")
        assert re.search("picture=[0-9a-f]{64}", screen.page.url)


def bad_files(folder: Path) -> list[Path]:
    """Nothing in these can be opened."""
    whole = hostile.noisy(folder / "whole.jpg", "JPEG")
    return [
        hostile.renamed_text(folder / "letter.png"),
        hostile.cut(folder / "torn.jpg", whole, 0.5),
        hostile.empty(folder / "empty.png"),
        hostile.web_page(folder / "login.jpg"),
        hostile.bomb_gif(folder / "bomb.gif"),
    ]


def test_bad_files_say_one_line_and_lose_nothing(screen: Screen, tmp_path: Path) -> None:
    screen.allowed.append("status of 422")  # Chromium's own note of the refusal
    screen.open("/explore?at=2,3")
    screen.title_says("place 2,3")
    url, src = screen.page.url, screen.at("#seen").get_attribute("src")
    margin, rows = screen.text("#margin"), screen.rows()
    for way, path in zip(("click", "paste", "drop", "click", "drop"), bad_files(tmp_path),
                         strict=True):  # fmt: skip
        give(screen, way, path)
        expect(screen.at("#toast")).to_contain_text(path.name)
        expect(screen.at("#toast")).not_to_contain_text("Opening")
        line = screen.text("#toast")
        assert "\n" not in line
        assert "Traceback" not in line
        assert len(line) < 250
    assert screen.page.url == url
    assert screen.at("#seen").get_attribute("src") == src
    assert (screen.text("#margin"), screen.rows()) == (margin, rows)


def test_one_bad_file_among_good_ones_is_still_said(screen: Screen, tmp_path: Path) -> None:
    screen.allowed.append("status of 422")
    screen.open()
    before = screen.at("#seen").get_attribute("src")
    good = tmp_path / "olive.png"
    Image.new("RGB", (300, 300), (90, 90, 20)).save(good)
    give(screen, "drop", hostile.renamed_text(tmp_path / "letter.png"), good)
    expect(screen.at("#toast")).to_contain_text("letter.png")  # first: it goes after some seconds
    expect(screen.at("#seen")).not_to_have_attribute("src", before or "")
    screen.filled()


def test_a_file_that_cannot_be_read_is_not_the_programs_fault(
    screen: Screen, tmp_path: Path
) -> None:
    screen.allowed.append("status of 422")
    screen.open()
    fleeting = hostile.renamed_text(tmp_path / "fleeting.png")
    screen.page.evaluate("""() => document.getElementById("file-input").addEventListener(
        "change", (event) => { window.kept = event.target.files[0]; }, { capture: true })""")
    give(screen, "click", fleeting)
    expect(screen.at("#toast")).to_contain_text("is text")
    fleeting.unlink()  # a dropped folder fails in the same way, and no script can make one
    screen.page.evaluate("""() => {
        const carried = new DataTransfer();
        carried.items.add(window.kept);
        const more = { dataTransfer: carried, bubbles: true, cancelable: true };
        document.body.dispatchEvent(new DragEvent("drop", more));
    }""")
    expect(screen.at("#toast")).to_contain_text("fleeting.png cannot be read")


def test_a_big_photograph_opens(screen: Screen, tmp_path: Path) -> None:
    screen.open()
    before = screen.at("#seen").get_attribute("src")
    give(screen, "click", hostile.big_photograph(tmp_path / "big.jpg"))
    shown = seen_after(screen, before).astype(int)
    red, green = shown[112, :, 0], shown[:, 112, 1]
    assert red[200] - red[20] > 80
    assert green[200] - green[20] > 120
