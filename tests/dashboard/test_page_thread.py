"""The whole way in Chromium: from the matrix to a wrong picture, to the reason, to its place on the
atlas, to a patch that tests it, to a finding, to a report that opens without the program."""

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import Screen, wait_until

pytestmark = pytest.mark.browser
ALLOWED = 120.0  # seconds, without reading the README; a machine of two busy cores clicks slowly


def to_the_picture(screen: Screen) -> None:
    """The matrix, by keyboard; its first confusion; the picture."""
    screen.page.goto(f"{screen.server.address}/errors")
    screen.at("#err-list").get_by_role("button", name="As matrix").click()
    matrix = screen.at("#err-matrix")
    matrix.focus()
    said = screen.at("#err-matrix-said")

    def chosen() -> bool:
        matrix.press("ArrowRight")  # from error to error, once the matrix is there
        return " said " in said.inner_text()

    wait_until(chosen, "the matrix names a confusion")
    matrix.press("Enter")
    screen.at("#err-wall .err-card").first.click()
    expect(screen.at("#err-sentence")).to_contain_text("rather than")


def read_why(screen: Screen) -> dict:
    """The claim and its verdict: what is shown is what was measured."""
    claim = json.loads(screen.at("[data-claim]").get_attribute("data-claim") or "")
    rows = screen.at(".evidence-row")
    expect(rows).to_have_count(len(claim["channels"]))
    expect(screen.at("#err-verdict")).to_contain_text(claim["verdict"].capitalize())
    expect(screen.at("#err-stage-picture, .err-stage-picture").first).to_be_visible()
    places = json.loads(screen.at("#err-atlas").get_attribute("data-places") or "[]")
    assert places, "the claimed places lie on the atlas"
    return dict(claim)


def lay_a_patch(screen: Screen) -> None:
    bench = screen.at("#bench")
    bench.get_by_role("button", name=re.compile("noise")).first.click()
    expect(screen.at("#bench-verdict")).not_to_be_empty()
    assert "patch=noise" in screen.page.url


def keep(screen: Screen, path: Path) -> str:
    """Keeps the finding, and exports all of them; the sentence that was kept."""
    sentence = screen.at("#keep-sentence").input_value()
    screen.at("#err-keep").get_by_role("button", name="keep as finding").click()
    expect(screen.at("#err-way #findings-count")).not_to_have_text("0")
    screen.at("#err-way [data-local=findings]").click()
    with screen.page.expect_download() as download:
        screen.at("#findings").get_by_role("link", name="HTML").click()
    download.value.save_as(path)
    return sentence


def test_from_the_matrix_to_a_report_that_opens_by_itself(screen: Screen, tmp_path: Path) -> None:
    began = time.monotonic()
    to_the_picture(screen)
    claim = read_why(screen)
    lay_a_patch(screen)
    sentence = keep(screen, tmp_path / "report.html")
    assert time.monotonic() - began < ALLOWED
    asked: list[str] = []
    alone = screen.page.context.new_page()
    screen.watch(alone)
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto((tmp_path / "report.html").as_uri())
    expect(alone.locator("body")).to_contain_text(sentence.split(".")[0])
    without = f"{claim['without']:+.1f}".replace("-", "\u2212")
    expect(alone.locator("body")).to_contain_text(without)
    assert alone.locator("img, image").count() > 0
    assert all(url.startswith(("file:", "data:")) for url in asked)
