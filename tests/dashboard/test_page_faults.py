"""What goes wrong, and other hands: nonsense in the address, a killed worker, other sites, a narrow
screen."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import Screen, Server, decoded, wait_until

pytestmark = pytest.mark.browser


def view(screen: Screen) -> dict[str, object]:
    """What a link must reopen."""
    return {
        "sentence": screen.text("#sentence > span"), "title": screen.text("#neurons-title"),
        "layer": screen.layer, "rows": screen.rows(),
        "seen": screen.at("#seen").get_attribute("src"),
        "drawer": screen.text("#drawer .top .auto"), "measured": screen.text("#measured-effect"),
        "check": (screen.text("#before"), screen.text("#without")),
    }  # fmt: skip


def test_the_address_reopens_the_view_and_back_goes_back(screen: Screen) -> None:
    screen.open()
    screen.at("#strip button").nth(3).click()
    expect(screen.at('#strip [aria-current="true"]')).to_have_count(1)
    expect(screen.page).to_have_url(re.compile("picture="))
    screen.filled()
    screen.at("#ladder button").nth(5).click()
    expect(screen.at('#ladder [aria-current="true"]')).to_have_text("10")
    expect(screen.at("#neurons .auto").first).to_contain_text("features.10:")
    screen.click_place("#grid", 5, 6, (13, 13))
    screen.title_says("place 5,6")
    screen.at("#sort-choice").get_by_text("by activation").click()
    expect(screen.page).to_have_url(re.compile("sort=activation"))
    screen.at("#take-choice").get_by_text("1", exact=True).click()
    expect(screen.at("#check-body")).to_contain_text("without the strongest neuron")
    screen.at("#neurons .neuron-row").first.click()
    expect(screen.at("#measured-effect")).to_be_visible()
    other = screen.page.context.new_page()
    again = Screen(other, screen.server)
    other.goto(screen.page.url)
    again.filled()
    expect(other.locator("#measured-effect")).to_be_visible()
    wait_until(lambda: other.wait_for_timeout(50) or view(again) == view(screen), "the same view")
    assert not again.errors
    screen.page.go_back()
    expect(screen.at("#drawer")).not_to_have_class(re.compile("open"))
    for _ in range(3):  # number of neurons removed, order, place
        screen.page.go_back()
    screen.title_says("whole picture")
    screen.page.go_forward()
    screen.title_says("place 5,6")


NONSENSE = (
    "/explore?model=nothing_like_this",
    "/explore?model=../../etc/passwd",
    "/explore?layer=features.99",
    "/explore?layer=features.12.nothing",
    "/explore?picture=abc",
    "/explore?picture=" + "0" * 64,
    "/explore?at=99,99",
    "/explore?unit=99999",
    "/neuron?unit=99999",
    "/neuron?layer=%3Cscript%3E",
)
IGNORED = (
    "/explore?at=x,y&unit=-1&a=two&b=&take=7&map=x&sort=y&tab=z&off=a,b",
    "/explore?a=9999&b=9999",
    "/explore?off=77&tab=groups",
    "/explore?unknown=%FF%00&at=1",
    "/somewhere/else",
)


@pytest.mark.parametrize("path", NONSENSE)
def test_nonsense_in_the_address_is_said_in_one_line(screen: Screen, path: str) -> None:
    screen.page.goto(screen.server.address + path)
    lines = screen.at(".note.error:visible")
    expect(lines.first).to_be_visible()
    for line in lines.all_inner_texts():
        assert "\n" not in line
        assert len(line) < 250
    assert "Traceback" not in screen.page.content()
    assert "Traceback" not in screen.server.log
    screen.at(".brand").click()  # and from there one is back at once
    screen.filled()


@pytest.mark.parametrize("path", IGNORED)
def test_what_makes_no_sense_is_as_by_default(screen: Screen, path: str) -> None:
    screen.open(path)
    expect(screen.at(".note.error")).to_have_count(0)
    assert "Traceback" not in screen.server.log


def test_a_killed_worker_is_told_and_the_page_goes_on(screen: Screen) -> None:
    screen.open()
    (old,) = screen.server.workers()
    os.kill(old, signal.SIGKILL)
    expect(screen.at("#toast")).to_contain_text("was started again")
    screen.at("#strip button").nth(5).click()
    expect(screen.page).to_have_url(re.compile("picture="))
    screen.filled()
    screen.click_place("#grid", 4, 4, (13, 13))
    screen.title_says("place 4,4")
    (new,) = screen.server.workers()
    assert new != old
    # who comes later is not told of it
    later = Screen(screen.page.context.new_page(), screen.server)
    with later.page.expect_response(lambda r: "/api/status" in r.url):
        later.page.goto(screen.server.address)
    later.filled()
    assert later.text("#toast") == ""


def test_other_hosts_and_other_sites_are_refused(server: Server) -> None:
    here = f"127.0.0.1:{server.port}"
    own = {"Host": here}
    assert server.get("/", headers=own)[0] == 200
    strangers = ("evil.example", f"evil.example:{server.port}", f"{here}.evil.example", "0.0.0.0")
    for host in strangers:
        for path in ("/", "/api/status", "/_dash-layout", "/thumb/x"):
            assert server.get(path, headers={"Host": host})[0] == 403, (host, path)
    sites = ("http://evil.example", "null", "http://localhost:1", f"http://{here}.evil.example")
    for origin in sites:
        given = {**own, "Origin": origin, "X-Neuronscope": "upload"}
        assert server.get("/api/status", headers=given)[0] == 403, origin
        assert server.get("/upload", method="POST", body=b"x", headers=given)[0] == 403, origin
    assert server.get("/upload", method="POST", body=b"x", headers=own)[0] == 403
    assert server.get("/api/cancel?job=x", method="POST", headers=own)[0] == 403
    own_origin = {**own, "Origin": f"http://{here}", "X-Neuronscope": "upload"}
    assert server.get("/upload?name=x", method="POST", body=b"x", headers=own_origin)[0] == 422


def test_the_web_process_has_no_torch(screen: Screen) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs Linux' /proc")
    screen.open()
    assert "libtorch" not in Path(f"/proc/{screen.server.process.pid}/maps").read_text()
    (worker,) = screen.server.workers()
    assert "libtorch" in Path(f"/proc/{worker}/maps").read_text()


def test_dark_and_light(screen: Screen) -> None:
    screen.open()
    paper = "getComputedStyle(document.body).backgroundColor"
    light = screen.page.evaluate(paper)
    screen.at('[data-local="theme"]').click()
    expect(screen.at("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    dark = screen.page.evaluate(paper)
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < 150
    assert sum(map(int, re.findall(r"\d+", light)[:3])) > 600
    screen.page.reload()
    screen.filled()
    assert screen.page.evaluate(paper) == dark  # it is remembered
    screen.at('[data-local="theme"]').click()
    expect(screen.at("html")).to_have_attribute("data-mantine-color-scheme", "light")
    assert screen.page.evaluate(paper) == light


def test_a_narrow_screen(phone: Screen) -> None:
    phone.open()
    page = phone.page
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) <= 390
    tall = [".answer .vs", ".answer .name", "#sentence .pill", "#nav-explore", ".more",
            "#neurons .neuron-row", "#ladder button", ".tool", "#strip button"]  # fmt: skip
    for button in tall:
        box = phone.at(button).first.bounding_box()
        assert box is not None, button
        assert box["height"] >= 43.5, (button, box)
    order = [phone.at(f"#{p}").bounding_box()["y"] for p in (
        "picture-panel", "predictions-panel", "ladder-panel", "grid-panel", "neurons-panel",
        "check")]  # fmt: skip
    assert order == sorted(order)
    rows = phone.at("#neurons .neuron-row:visible")
    expect(rows).to_have_count(5)
    phone.at(".more").tap()
    expect(rows).to_have_count(8)
    rows.nth(6).tap()
    expect(phone.at("#drawer")).to_have_class(re.compile("open"))
    wait_until(lambda: _rests_at_the_bottom(phone), "the drawer is a sheet at the bottom")
    assert page.evaluate(width) <= 390
    phone.at("#drawer .close").tap()
    expect(phone.at("#drawer")).not_to_have_class(re.compile("open"))
    phone.click_place("#grid", 4, 5, (13, 13))
    phone.title_says("place 4,5")
    phone.at("#tab-choice").get_by_text("groups").tap()
    expect(phone.at(".group-row")).to_have_count(6)
    assert page.evaluate(width) <= 390
    assert phone.at(".group-row .switch").first.bounding_box()["height"] >= 43.5
    phone.at("#nav-neuron").tap()
    expect(phone.at("#neuron-page h1")).to_be_visible()
    assert page.evaluate(width) <= 390


def _rests_at_the_bottom(phone: Screen) -> bool:
    phone.page.wait_for_timeout(50)
    box = phone.at("#drawer").bounding_box()
    assert box is not None
    at_edges = box["x"] == 0 and box["width"] == 390 and abs(box["y"] + box["height"] - 844) < 2
    return at_edges and box["y"] > 100


def test_icons_form(screen: Screen) -> None:
    """Of a network that no starter pack is of."""
    screen.open("/explore?model=efficientnet_lite0")
    icon = screen.at("#neurons img.unit-icon").first
    expect(icon).to_have_attribute("src", re.compile("^/blob/"))
    first = icon.get_attribute("src")
    assert decoded(screen.server, first).astype(float).std() > 12
    expect(icon).to_have_attribute("data-state", "done")
    drawn = decoded(screen.server, icon.get_attribute("src")).astype(float)
    assert drawn.std() > 12  # no grey square
    assert np.abs(np.diff(drawn, axis=0)).mean() > 1
    name = screen.at("#neurons .unit-name").first  # of 29 pictures: a hint, no name
    expect(name).to_have_attribute("title", re.compile("mostly .* only 29 pictures"))
