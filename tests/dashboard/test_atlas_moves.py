"""Moving over the map of an atlas by mouse, wheel, touch, keyboard and buttons, choosing cells, and
the address, in a real browser."""

import math

import numpy as np
import pytest
from playwright.sync_api import expect

from benchmarks.atlas_bare import asked, link
from benchmarks.atlas_made import CLASSES, Grid, effect
from tests.dashboard.atlas_page import MADE, OTHER, Atlas, cell, flat, near
from tests.dashboard.browser import wait_until

pytestmark = pytest.mark.browser


def test_the_wheel_zooms_at_the_pointer(atlas: Atlas) -> None:
    atlas.open()
    here = (517.0, 233.0)
    before = atlas.view.place(*here)
    atlas.page.mouse.move(*atlas.mouse(*here))
    for delta in (-200, -240, -120, 90, -300):
        zoom = atlas.camera[2]
        atlas.page.mouse.wheel(0, delta)
        wait_until(lambda was=zoom: atlas.page.wait_for_timeout(5) or atlas.camera[2] != was, "it")
        assert (atlas.camera[2] > zoom) == (delta < 0)
        now = atlas.point(*before)
        assert math.dist(now, here) < 1e-6
    atlas.still()
    grid = Grid(MADE, atlas.state("grid.side"))
    i = cell(grid, lambda x, y: (np.floor(x * grid.side) == np.floor(before[0] * grid.side))
             & (np.floor(y * grid.side) == np.floor(before[1] * grid.side)))  # fmt: skip
    assert near(atlas.at(grid.x[i], grid.y[i]), flat(grid, i), 16)


def test_a_drag_holds_what_it_took_and_stops_with_the_hand(atlas: Atlas) -> None:
    atlas.open(spot=[0.5, 0.5, 3])
    start, end = (400.0, 300.0), (683.0, 221.0)
    taken = atlas.view.place(*start)
    atlas.page.mouse.move(*atlas.mouse(*start))
    atlas.page.mouse.down()
    atlas.page.mouse.move(*atlas.mouse(*end), steps=5)
    atlas.page.mouse.up()
    assert math.dist(atlas.point(*taken), end) < 1e-6
    atlas.page.wait_for_timeout(300)
    assert math.dist(atlas.point(*taken), end) < 1e-6
    assert atlas.choices() == []  # a drag chooses nothing


def test_a_click_chooses_the_cell_that_is_there(atlas: Atlas) -> None:
    atlas.open(spot=[0.4, 0.5, 2.5])
    grid = Grid(MADE, atlas.state("grid.side"))
    i = cell(grid, lambda x, y: (np.abs(x - 0.46) < 0.04) & (np.abs(y - 0.43) < 0.04))
    c, r = int(grid.col[i]), int(grid.row[i])
    px, py = atlas.point((c + 0.8) / grid.side, (r + 0.3) / grid.side)
    atlas.page.mouse.click(*atlas.mouse(px, py))
    assert atlas.choices() == [{"cell": [grid.side, c, r], "spot": [0.4, 0.5, 2.5]}]
    atlas.page.mouse.move(*atlas.mouse(20, 20))
    atlas.still()
    left, top = atlas.point(c / grid.side, r / grid.side)
    assert near(atlas.pixel(round(left), top + 20), (28, 30, 33), 40)  # outlined in ink
    names = atlas.line()
    effects = [(n, effect(k, grid.x[i : i + 1], grid.y[i : i + 1])[0]) for k, n in
               enumerate(CLASSES)]  # fmt: skip
    best = sorted(effects, key=lambda e: -e[1])[:3]
    assert names.startswith(", ".join(f"{n} {v:+.2f}".replace("-", "\u2212") for n, v in best))
    assert names.endswith(f"mean of {grid.count[i]}")
    atlas.ask(spot=[0.5, 0.5, 1])
    atlas.page.mouse.click(*atlas.mouse(*atlas.point(0.03, 0.03)))  # nothing lies in the corner
    assert len(atlas.choices()) == 1


def test_the_address_knows_where_one_is(atlas: Atlas) -> None:
    atlas.open(more="&other=a%2Fb")
    length = atlas.page.evaluate("() => history.length")
    atlas.page.mouse.move(*atlas.mouse(300, 300))
    atlas.page.mouse.wheel(0, -500)
    wait_until(lambda: atlas.page.wait_for_timeout(50) or "&spot=" in atlas.page.url, "the spot")
    assert "other=a%2Fb" in atlas.page.url
    assert atlas.page.evaluate("() => history.length") == length
    spot = [float(v) for v in atlas.page.url.rpartition("spot=")[2].split(",")]
    assert spot == [round(v, 3) for v in atlas.camera]
    assert atlas.page.evaluate("() => neuronscope.spot") == spot
    atlas.page.reload()
    atlas.still()
    assert list(atlas.camera) == pytest.approx(spot)
    assert atlas.choices() == []


def test_a_late_answer_moves_nothing_and_a_new_spot_does(atlas: Atlas) -> None:
    atlas.open(spot=[0.5, 0.5, 2])
    atlas.page.mouse.click(*atlas.mouse(*atlas.point(0.5, 0.5)))
    chosen = atlas.choices()[0]
    atlas.page.mouse.move(*atlas.mouse(300, 300))
    atlas.page.mouse.wheel(0, -500)
    atlas.still()
    view = atlas.camera
    atlas.ask(**chosen)
    assert atlas.camera == view
    atlas.ask(spot=[0.3, 0.6, 4])
    assert atlas.camera == pytest.approx((0.3, 0.6, 4))
    atlas.ask(map="/atlas/made/2/map.json")
    assert atlas.camera == pytest.approx((0.3, 0.6, 4))  # a newer version of the same map
    assert atlas.state("grid.base") == "/atlas/made/2/"
    atlas.ask(map="/atlas/other/1/map.json", layer="layer.2", spot=None)
    assert atlas.camera == (0.5, 0.5, 1)  # another layer's places are others


def test_the_keyboard_reaches_everything(atlas: Atlas) -> None:
    atlas.open()
    press = atlas.page.keyboard.press
    canvas = atlas.screen.at(".atlas-canvas")
    assert canvas.get_attribute("role") == "application"
    assert "layer.1" in (canvas.get_attribute("aria-label") or "")
    press("Tab")
    expect(canvas).to_be_focused()
    line = atlas.screen.at(".atlas-hover")
    expect(line).to_contain_text("mean of")
    assert line.get_attribute("aria-live") == "polite"
    said = atlas.line()
    press("ArrowRight")
    atlas.still()
    assert atlas.camera == pytest.approx((0.64, 0.5, 1), abs=1e-6)
    expect(line).not_to_have_text(said)
    press("+")
    press("=")
    atlas.still()
    assert atlas.camera[2] == pytest.approx(2.25)
    press("-")
    press("ArrowUp")
    atlas.still()
    assert atlas.camera == pytest.approx((0.64, 0.5 - 0.14 / 1.5, 1.5), abs=1e-6)
    press("Enter")
    side = atlas.state("grid.side")
    x, y = (math.floor(v * side) for v in atlas.camera[:2])
    assert atlas.choices()[-1]["cell"] == [side, x, y]
    press("Shift+ArrowLeft")
    assert atlas.choices()[-1]["cell"] == [side, x - 1, y]
    grid = Grid(MADE, side)
    i = int(np.flatnonzero((grid.col == x - 1) & (grid.row == y))[0])
    expect(line).to_contain_text(f"mean of {grid.count[i]}")
    press("Escape")
    assert atlas.choices()[-1] == {"cell": None}
    press("Escape")
    assert len(atlas.choices()) == 3  # there was nothing to let go of
    press("0")
    atlas.still()
    assert atlas.camera == pytest.approx((0.5, 0.5, 1))


def test_what_lies_apart_is_reached_and_the_small_map_moves_the_view(atlas: Atlas) -> None:
    atlas.open()
    button = atlas.screen.at(".atlas-apart")
    expect(button).to_be_visible()
    stops = []
    for _ in range(3):
        button.click()
        atlas.page.wait_for_timeout(80)
        stops.append(atlas.still().camera[:2])
        assert ("mean of" in atlas.line()) == (len(stops) < 3)
    assert sorted((round(x, 2), round(y, 2)) for x, y in stops) == [
        (-0.45, 0.85), (0.5, 0.5), (1.65, 0.35)
    ]  # fmt: skip
    mini = atlas.screen.at(".atlas-mini")
    box = mini.bounding_box()
    assert box is not None
    mini.click(position={"x": 9 + 0.25 * (box["width"] - 18), "y": 9 + 0.75 * (box["width"] - 18)})
    assert atlas.still().camera[:2] == pytest.approx((0.25, 0.75), abs=0.01)
    mini.click(position={"x": box["width"] - 4, "y": 9 + 0.35 * (box["width"] - 18)})
    atlas.page.wait_for_timeout(80)
    assert atlas.still().camera[:2] == pytest.approx((1.65, 0.35))
    atlas.open(OTHER)
    expect(button).to_be_hidden()


def test_buttons_zoom_and_fit(atlas: Atlas) -> None:
    atlas.open(spot=[0.4, 0.45, 2])
    for name, wanted in (("in", (0.4, 0.45, 3)), ("out", (0.4, 0.45, 2)), ("fit", (0.5, 0.5, 1))):
        atlas.screen.at(f".atlas-{name}").click()
        atlas.page.wait_for_timeout(80)
        assert atlas.still().camera == pytest.approx(wanted)


def test_two_fingers_zoom_one_pans_and_a_tap_chooses(pocket: Atlas) -> None:
    atlas = pocket.open(spot=[0.5, 0.5, 2])
    link_ = atlas.page.context.new_cdp_session(atlas.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        spots = [dict(zip("xy", atlas.mouse(*p), strict=True), id=i) for i, p in enumerate(points)]
        link_.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    one, two = (120.0, 200.0), (220.0, 260.0)
    held = [atlas.view.place(*one), atlas.view.place(*two)]
    touch("touchStart", one)
    touch("touchStart", one, two)
    ends = [(70.0, 170.0), (270.0, 290.0)]  # twice as far apart
    for k in (0.25, 0.5, 0.75, 1):
        parts = [tuple(np.add(a, np.multiply(k, np.subtract(b, a)))) for a, b in
                 zip((one, two), ends, strict=True)]  # fmt: skip
        touch("touchMove", *parts)
    touch("touchEnd")
    assert atlas.camera[2] == pytest.approx(4)
    for place, end in zip(held, ends, strict=True):
        assert math.dist(atlas.point(*place), end) < 0.01
    taken = atlas.view.place(100, 100)
    touch("touchStart", (100, 100))
    for k in range(1, 5):
        touch("touchMove", (100 + 20 * k, 100 + 10 * k))
    touch("touchEnd")
    assert math.dist(atlas.point(*taken), (180, 140)) < 0.01
    assert atlas.choices() == []
    atlas.still()
    grid = Grid(MADE, atlas.state("grid.side"))
    i = cell(grid, lambda x, y: np.hypot(x - atlas.camera[0], y - atlas.camera[1]) < 0.05)
    atlas.page.touchscreen.tap(*atlas.mouse(*atlas.point(grid.x[i], grid.y[i])))
    assert atlas.choices()[-1]["cell"] == [grid.side, int(grid.col[i]), int(grid.row[i])]
    expect(atlas.screen.at(".atlas-hover")).to_contain_text("mean of")
    assert atlas.page.evaluate("() => document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(("zoom", "scrolls"), [(1, True), (2, False)])
def test_a_finger_moves_the_page_past_the_whole_map_and_the_map_once_it_is_larger(
    pocket: Atlas, zoom: float, scrolls: bool
) -> None:
    atlas = pocket.open(spot=[0.5, 0.5, zoom])
    atlas.page.evaluate("document.body.style.paddingBottom = '900px'")
    before = atlas.camera
    link_ = atlas.page.context.new_cdp_session(atlas.page)
    x, y = atlas.mouse(190, 320)
    for kind, ways in (("touchStart", [0]), ("touchMove", range(15, 195, 15)), ("touchEnd", [])):
        for way in ways or [None]:
            spots = [] if way is None else [{"x": x, "y": y - way}]
            link_.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})
    atlas.still()
    wait_until(lambda: atlas.page.evaluate("scrollY") > 100 or not scrolls, "the page moves")
    assert (atlas.page.evaluate("scrollY") > 100) == scrolls
    moved = abs(atlas.camera[1] - before[1])
    assert moved < 0.001 if scrolls else moved > 0.1
    assert atlas.choices() == []


def test_maps_come_and_go_with_the_page_and_stand_side_by_side(atlas: Atlas) -> None:
    first, other = asked("/atlas/made/1/map.json"), asked("/atlas/other/1/map.json",
                                                          layer="layer.2")  # fmt: skip
    atlas.page.goto(link(atlas.bare.address, first, other))
    atlas.still()
    before = atlas.page.url
    second = atlas.screen.at(".atlas-canvas").nth(1)
    box = second.bounding_box()
    assert box is not None
    second.click(position={"x": box["width"] / 2 + 3, "y": box["height"] / 2 + 3})
    side = Grid(OTHER, 10).side
    assert atlas.choices() == [{"layer": "layer.2", "cell": [side, 5, 5], "spot": [0.5, 0.5, 1]}]
    atlas.page.mouse.wheel(0, -300)
    atlas.page.wait_for_timeout(600)
    assert atlas.page.url == before  # the address is the first one's
    assert atlas.camera == (0.5, 0.5, 1)
    # a panel filled anew takes away what its markup does not name
    atlas.page.evaluate("""() => { const canvas = document.querySelector('.atlas-canvas');
      for (const name of ['width', 'height', 'tabindex', 'role']) canvas.removeAttribute(name);
      document.dispatchEvent(new CustomEvent('filled')); }""")
    atlas.page.wait_for_timeout(60)
    atlas.still()
    grid = Grid(MADE, 10)
    i = cell(grid, lambda x, y: (np.abs(x - 0.5) < 0.1) & (np.abs(y - 0.5) < 0.1))
    assert near(atlas.at(grid.x[i], grid.y[i]), flat(grid, i), 3)
    assert atlas.screen.at(".atlas-canvas").first.get_attribute("tabindex") == "0"
    count = "() => neuronscope.atlas.maps.length"
    atlas.page.evaluate("() => { window.kept = document.querySelectorAll('.atlas')[0];"
                        " window.kept.remove(); }")  # fmt: skip
    wait_until(lambda: atlas.page.evaluate(count) == 1, "one map is left")
    atlas.page.evaluate("() => { document.querySelector('main').append(window.kept); }")
    wait_until(lambda: atlas.page.evaluate(count) == 2, "it is back")
    atlas.still()
    assert atlas.state("sheet.layer") == "layer.2"
