"""Panels: only those are asked again whose part of the selection changed, and what is there
stays."""

import json

import pytest
from playwright.sync_api import Request, expect

from dashboard.components import GLOSSARY
from tests.dashboard.browser import Screen, wait_until

pytestmark = pytest.mark.browser


def outputs(request: Request) -> str:
    return str(json.loads(request.post_data or "{}").get("output", ""))


def quiet(screen: Screen, asked: list[str]) -> None:
    """Waits until nothing has been asked for a second: a busy machine asks late."""

    def still() -> bool:
        before = len(asked)
        screen.page.wait_for_timeout(1000)
        return len(asked) == before

    wait_until(still, "nothing more is asked")


def test_a_place_asks_only_for_what_depends_on_it(screen: Screen) -> None:
    asked: list[str] = []
    screen.page.on("request", lambda r: asked.append(outputs(r)) if "_dash-upd" in r.url else None)
    screen.open()
    quiet(screen, asked)
    asked.clear()
    screen.click_place("#grid", 3, 4, (13, 13))
    screen.title_says("place 3,4")
    quiet(screen, asked)
    panels = [text for text in asked if "data-markup" in text]
    assert len(panels) == 3, asked
    for name in ("grid-title", "neurons", "check-body"):
        assert sum(f"{name}.data-markup" in text for text in panels) == 1


def test_focus_and_icons_survive_a_choice(screen: Screen) -> None:
    """A neuron is chosen by key: its row is marked by the server's answer, and is the same row."""
    screen.open()
    rows = screen.at("#neurons .neuron-row")
    rows.nth(1).evaluate("row => { row.mine = true; row.querySelector('img').mine = true; }")
    rows.nth(1).focus()
    screen.page.keyboard.press("Enter")
    expect(screen.at("#drawer.open #measured-effect")).to_be_visible()
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "true")
    assert rows.nth(1).evaluate(
        "row => row.mine && row.querySelector('img').mine && document.activeElement === row"
    )


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_term_explains_itself(screen: Screen, way: str) -> None:
    screen.open()
    word, tip = screen.at("#sentence .term"), screen.at("[role=tooltip]")
    word.hover() if way == "mouse" else word.focus()
    expect(tip).to_have_text(GLOSSARY["margin"])
    box = tip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    screen.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_tiles_are_one_stop_of_tab_and_arrows_go_along(screen: Screen) -> None:
    screen.open()
    stops = screen.at("#strip button:not([tabindex='-1'])")
    expect(stops).to_have_count(2)  # to add a picture, and the open one
    stops.nth(1).focus()
    screen.page.keyboard.press("ArrowRight")
    focused = screen.page.evaluate("JSON.parse(document.activeElement.dataset.do).picture")
    screen.page.keyboard.press("Enter")
    expect(screen.at("#strip [aria-current='true']")).to_have_attribute(
        "data-do", json.dumps({"picture": focused})
    )


def test_arrows_move_the_place_at_once(screen: Screen) -> None:
    screen.open()
    screen.page.keyboard.press("ArrowUp")
    screen.title_says("place 5,6")
