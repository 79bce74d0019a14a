"""The Live pane, the walk from layer to layer, and the Hinton diagrams, in a real browser."""

import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from analysis.layers import capture
from tests.dashboard.browser import FLAGS, WIDE, Reference, Screen, Server, number, wait_until

pytestmark = pytest.mark.browser

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
LIVE = "/neuron?layer=features.12&unit=402&pane=live"
WHAT = "/neuron?layer=features.12&unit=402"


@pytest.fixture(scope="module")
def filming(chromium: Browser) -> Iterator[Browser]:
    """A second Chromium, with a made-up camera that it gives without asking."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    browser = chromium.browser_type.launch(executable_path=program, args=[*FLAGS, *CAMERA])
    yield browser
    browser.close()


@pytest.fixture
def camera(filming: Browser, server: Server) -> Iterator[Screen]:
    context = filming.new_context(color_scheme="light", viewport=WIDE)
    screen = Screen(context.new_page(), server)
    yield screen
    context.close()
    assert not screen.errors


def live(screen: Screen, address: str = LIVE) -> Page:
    """The Live pane with its maps standing."""
    screen.page.goto(screen.server.address + address)
    expect(screen.at("#live-title")).to_contain_text("All 512 neurons")
    return screen.page


def state(page: Page, expression: str) -> Any:
    return page.evaluate(f"() => neuronscope.live.{expression}")


def test_the_maps_of_the_opened_picture_are_the_networks(
    screen: Screen, reference: Reference
) -> None:
    page = live(screen)
    screen.page.goto(screen.server.address + "/explore")
    x = reference.seen(screen)
    page = live(screen)
    caught, logits = capture(reference.classifier.module, ["features.12"], x, full=True)
    expected = caught["features.12"][0].numpy()
    codes = np.array(page.evaluate("() => [...neuronscope.live.codes]"))
    reach = np.array(state(page, "head.reach"))
    shown = codes.reshape(expected.shape) / 255 * reach[:, None, None]
    assert (np.abs(shown - expected) <= 0.003 * reach[:, None, None] + 1e-4).all()
    assert number(screen.text("#live-peak")) == pytest.approx(expected[402].max(), rel=0.01)
    assert logits is not None
    best = reference.names[int(logits[0].argmax())]
    expect(screen.at("#live-answers .class-row").first).to_contain_text(best)
    peaks = expected.max((1, 2))
    page.select_option("#live-sort", "strength")
    order = state(page, "order")
    assert order[:10] == [int(u) for u in np.argsort(-peaks, kind="stable")[:10]]
    page.select_option("#live-scale", "same")
    expect(screen.at("#live-scale-note")).to_contain_text(f"{peaks.max():.0f}")


def test_a_map_names_its_neuron_and_opens_it(screen: Screen) -> None:
    page = live(screen)
    screen.steady("#live-mosaic")
    grid = state(page, "grid")
    unit = 2 * grid["cols"] + 3  # by number: the third row's fourth
    at = {"x": 3.5 * grid["pitch"], "y": 2.5 * grid["pitch"]}
    screen.at("#live-mosaic").hover(position=at)
    expect(screen.at("#live-hover")).to_contain_text(f"neuron {unit}")
    screen.at("#live-mosaic").click(position=at)
    expect(screen.at("#neuron-head .label").first).to_contain_text(f"neuron {unit} of 512")
    assert "pane=live" in page.url
    screen.at("#live-mosaic").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(screen.at("#neuron-head .label").first).to_contain_text(f"neuron {unit + 1} of 512")


def test_the_camera_is_shown_frame_by_frame_and_stops(camera: Screen) -> None:
    page = live(camera)
    before = state(page, "head.top.map(t => t.index)")
    with page.expect_response(lambda r: "/api/live" in r.url) as waiting:
        camera.at("#live-camera").click()
    answer = waiting.value
    assert answer.headers["cache-control"] == "no-store"
    sent = answer.request.post_data_buffer
    assert sent is not None
    assert len(sent) == 224 * 224 * 3
    expect(camera.at("#live-camera")).to_have_text("Stop the camera")
    expect(camera.at("#live-note")).to_contain_text("kept nowhere")
    wait_until(lambda: page.wait_for_timeout(50) or state(page, "times.length") >= 8, "8 frames")
    expect(camera.at("#live-rate")).to_contain_text("frames a second")
    assert state(page, "head.top.map(t => t.index)") != before
    camera.at("#live-camera").click()
    expect(camera.at("#live-note")).to_have_text("The camera is off.")
    assert state(page, "stream") is None
    expect(camera.at("#live-seen-note")).to_contain_text("The opened picture")
    wait_until(lambda: state(page, "head.top.map(t => t.index)") == before, "the picture's maps")


def test_a_frames_maps_are_those_of_its_own_pixels(camera: Screen, reference: Reference) -> None:
    page = live(camera)
    with page.expect_response(lambda r: "/api/live" in r.url) as waiting:
        camera.at("#live-camera").click()
    sent, body = waiting.value.request.post_data_buffer, waiting.value.body()
    camera.at("#live-camera").click()
    assert sent is not None
    pixels = np.frombuffer(bytearray(sent), np.uint8).reshape(224, 224, 3)
    assert pixels.std() > 10  # Chromium's made-up camera shows a green field with a clock
    head = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
    codes = np.frombuffer(body, np.uint8)[-512 * 169 :].reshape(512, 13, 13)
    x = reference.classifier.tensor(pixels)
    with torch.no_grad():
        expected = reference.classifier.module.features(x)[0].numpy()
    reach = np.array(head["reach"])[:, None, None]
    assert (np.abs(codes / 255 * reach - expected) <= 0.003 * reach + 1e-4).all()


def test_leaving_the_pane_stops_the_camera(camera: Screen) -> None:
    page = live(camera)
    camera.at("#live-camera").click()
    expect(camera.at("#live-camera")).to_have_text("Stop the camera")
    track = "() => { window.track = neuronscope.live.stream.getTracks()[0]; }"
    page.evaluate(track)
    camera.at("text=What it looks for").click()
    wait_until(lambda: page.evaluate("() => window.track.readyState") == "ended", "it ends")
    assert state(page, "stream") is None
    camera.at("#neuron-head .segments button").last.click()
    expect(camera.at("#live-seen-note")).to_contain_text("The opened picture")
    wait_until(lambda: not state(page, "filmed"), "the picture's maps, not the camera's last")


def test_a_camera_left_before_its_first_frame_says_nothing_of_it(camera: Screen) -> None:
    page = live(camera)
    page.evaluate("() => { neuronscope.live.asks = () => new Promise(() => {}); }")  # no frame
    camera.at("#live-camera").click()
    expect(camera.at("#live-camera")).to_have_text("Stop the camera")
    camera.at("text=What it looks for").click()
    camera.at("#neuron-head .segments button").last.click()
    expect(camera.at("#live-camera")).to_have_text("Start the camera")
    expect(camera.at("#live-seen-note")).to_contain_text("The opened picture")


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ("navigator.mediaDevices.getUserMedia = () => Promise.reject("
         "new DOMException('x', 'NotAllowedError'))", "was refused"),
        ("navigator.mediaDevices.getUserMedia = () => Promise.reject("
         "new DOMException('x', 'NotFoundError'))", "no camera on this computer"),
        ("Object.defineProperty(window, 'isSecureContext', {value: false})", "127.0.0.1"),
    ],
    ids=["refused", "none", "insecure"],
)  # fmt: skip
def test_without_a_camera_one_line_says_why(screen: Screen, spoiled: str, said: str) -> None:
    page = live(screen)
    page.evaluate(f"() => {{ {spoiled}; }}")
    screen.at("#live-camera").click()
    expect(screen.at("#live-note")).to_contain_text(said)
    expect(screen.at("#live-camera")).to_have_text("Start the camera")


def test_a_browser_without_any_camera_is_no_error(screen: Screen) -> None:
    page = live(screen)
    screen.at("#live-camera").click()
    wait_until(lambda: "amera" in screen.text("#live-note"), "one line is said")
    expect(screen.at("#live-camera")).to_have_text("Start the camera")
    assert state(page, "stream") is None


def opened(screen: Screen, address: str = WHAT) -> Page:
    screen.page.goto(screen.server.address + address)
    expect(screen.at("#neuron-links .link-row").first).to_be_visible()
    return screen.page


def test_the_walk_keeps_the_place_and_back_returns(screen: Screen) -> None:
    page = opened(screen)
    canvas = screen.at("#place-chooser")
    values = np.array(json.loads(canvas.get_attribute("data-values") or "")).reshape(13, 13)
    row, col = (int(v) for v in np.unravel_index(values.argmax(), values.shape))
    screen.click_place("#place-chooser", row, col, (13, 13))
    expect(screen.at("#place-note")).to_contain_text(f"At place {row},{col} it fires")
    expect(screen.at("#neuron-links h3").first).to_contain_text(f"at place {row},{col}")
    assert f"at={row},{col}" in page.url
    first = screen.at("#neuron-links button.link-row").first
    do = json.loads(first.get_attribute("data-do") or "")
    weights = json.loads(first.locator("canvas").get_attribute("data-values") or "")
    cells = np.abs(np.array(weights).reshape(13, 13))
    assert do["layer"] == "features.11"
    assert cells[tuple(do["at"])] == cells.max()
    first.click()
    expect(screen.at("#neuron-head .label").first).to_contain_text(f"neuron {do['unit']} of 512")
    there = f"at place {do['at'][0]},{do['at'][1]}"
    expect(screen.at("#neuron-links h3").first).to_contain_text(there)
    expect(screen.at("#neuron-links h3").nth(1)).to_contain_text("in features.12")
    page.go_back()
    expect(screen.at("#neuron-links h3").first).to_contain_text(f"at place {row},{col}")
    page.keyboard.press("Escape")
    expect(screen.at("#neuron-links h3").first).to_contain_text("on the whole picture")
    assert "at=" not in page.url


def test_places_by_arrows(screen: Screen) -> None:
    opened(screen)
    screen.at("#place-chooser").focus()
    screen.page.keyboard.press("ArrowDown")
    expect(screen.at("#place-note")).to_contain_text("At place")
    words = screen.text("#place-note")
    screen.page.keyboard.press("ArrowUp")
    expect(screen.at("#place-note")).not_to_have_text(words)
    screen.at("#place-note button").click()
    expect(screen.at("#place-note")).to_contain_text("Choose a place")
    screen.at("#place-note button").click()
    expect(screen.at("#place-note")).to_have_text(words)  # by the arrows as well: the strongest
    expect(screen.at("#neuron-links h3").first).to_contain_text("at place")
    screen.click_place("#place-chooser", 0, 6, (13, 13))
    expect(screen.at("#place-note")).to_contain_text("it is silent")
    expect(screen.at("#neuron-links")).to_contain_text("nothing to trace")


def test_logits_are_signed_around_their_mean(screen: Screen, reference: Reference) -> None:
    screen.open()
    logits = reference.logits(reference.seen(screen))
    opened(screen)
    rows = screen.at("#own-logits .class-row")
    expect(rows).to_have_count(15)
    away = logits - logits.mean()
    order = np.argsort(-away, kind="stable")
    shown = rows.evaluate_all(
        "rows => rows.map(r => [r.dataset.class, r.innerText.split('\\n').pop(),"
        " r.querySelector('.hinton i').className, r.querySelector('.hinton i').style.width])"
    )
    assert [int(s[0]) for s in shown] == [*order[:10], *order[-5:]]
    for index, text, sign, side in shown:
        value = away[int(index)]
        assert number(text) == pytest.approx(value, abs=0.06)
        assert sign == ("for" if value >= 0 else "against")
        area = (float(side.removesuffix("px")) / 18) ** 2
        assert area == pytest.approx(abs(value) / np.abs(away).max(), abs=0.01)


def test_the_wall_is_grouped_by_class_and_by_selectivity(screen: Screen) -> None:
    opened(screen)
    asked = "/api/wall?model=squeezenet1_1&layer=features.12"

    def known() -> Any:
        return json.loads(screen.server.get(asked)[1])["profiles"]

    profiles = wait_until(known, "the pass over the pictures is through")
    expect(screen.at("#wall-count")).to_have_text("512 neurons")
    wait_until(lambda: screen.page.wait_for_timeout(100) or _titled(screen), "the wall knows it")
    screen.at("#wall-sort").select_option("selectivity")
    expect(screen.at("#wall-measure")).to_contain_text(profiles["measure"])
    first = int(screen.at("#wall .wall-cell").first.get_attribute("data-unit") or "")
    assert profiles["selectivity"][first] == max(profiles["selectivity"])
    screen.at("#wall-sort").select_option("class")
    best = [held[0] if held else None for held in profiles["holds"]]
    cells = screen.at("#wall .wall-cell").evaluate_all("cells => cells.map(c => +c.dataset.unit)")
    largest = max(set(best) - {None}, key=best.count)
    in_view = [best[unit] for unit in cells]
    assert in_view[0] == largest or best.count(in_view[0]) == best.count(largest)
    changes = sum(a != b for a, b in pairwise(in_view))
    assert changes == len(set(in_view)) - 1  # each class stands in one piece
    name = profiles["classes"][str(in_view[0])]
    screen.at("#wall-search").fill(name)
    count = number(screen.text("#wall-count"))
    holding = [h for h in profiles["holds"] if in_view[0] in h]
    assert count >= len(holding) > best.count(in_view[0]) / 2


def _titled(screen: Screen) -> bool:
    title = screen.at("#wall .wall-cell").first.get_attribute("title") or ""
    return "selectivity" in title
