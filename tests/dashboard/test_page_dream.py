"""The Dream view in a real browser: a picture dreamt small and in full size, stopped, saved, kept,
dreamt on."""

import io
import json
import re
import secrets
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.dashboard.browser import Screen, number, wait_until

pytestmark = pytest.mark.browser
QUICK = "octaves:2,iterations:2,size:128"


def opened(screen: Screen, query: str = f"how={QUICK}") -> Screen:
    screen.page.goto(f"{screen.server.address}/dream?{query}")
    expect(screen.at("#dream-shown")).to_be_visible()
    return screen


def emptied(screen: Screen) -> None:
    """Nothing is kept: what an earlier test left is taken away."""
    for id in screen.at("#dream-gallery [data-remove]").evaluate_all(
        "all => all.map(b => b.dataset.remove)"
    ):
        path, ours = f"/api/dream/remove?id={id}", {"X-Neuronscope": "dream"}
        assert screen.server.get(path, method="POST", headers=ours)[0] == 200


def state(screen: Screen, wanted: str) -> None:
    expect(screen.at("#dream-shown")).to_have_attribute("data-state", wanted)


def done(screen: Screen) -> None:
    state(screen, "done")


def fetched(screen: Screen, selector: str, attribute: str = "src") -> np.ndarray:
    """The picture that an element shows."""
    status, data = screen.server.get(screen.at(selector).get_attribute(attribute) or "")
    assert status == 200
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def wish(screen: Screen) -> dict[str, object]:
    return dict(json.loads(screen.at("#dream-shown").get_attribute("data-dream") or "{}"))


def test_it_opens_on_something_to_see(screen: Screen) -> None:
    opened(screen, "")
    done(screen)
    after, before = fetched(screen, "#dream-after"), fetched(screen, "#dream-before")
    assert after.shape == before.shape
    assert max(after.shape) == 224
    assert np.abs(after.astype(int) - before).mean() > 3
    said = screen.text("#dream-numbers")
    assert number(said.split("before,")[1]) > number(said.split(":")[1])
    expect(screen.at("#dream-what .dream-ladder [aria-current]")).to_have_count(1)
    slider = screen.at("#dream-slider")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    assert "3%" in screen.at("#dream-stage").evaluate("e => e.style.getPropertyValue('--cut')")


def test_from_small_to_full_size_kept_saved_and_dreamt_on(screen: Screen) -> None:
    opened(screen)
    done(screen)
    emptied(screen)
    screen.at("#dream-full").click()
    expect(screen.at("#dream-gallery figure")).to_have_count(1)
    done(screen)
    assert "quality=full" in screen.page.url
    href = screen.at("#dream-save").get_attribute("href") or ""
    status, data = screen.server.get(href)
    assert status == 200
    saved = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(saved, fetched(screen, "#dream-after"))
    before = wish(screen)["picture"]
    screen.at("#dream-again").click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["picture"] != before,
               "the result is the picture")  # fmt: skip
    done(screen)
    assert "quality=full" not in screen.page.url, "it begins small again"
    screen.at("#dream-gallery figure > button").first.click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["picture"] == before,
               "the kept one is open again")  # fmt: skip
    done(screen)
    assert "made=" in screen.page.url
    screen.page.reload()
    done(screen)
    assert np.array_equal(saved, fetched(screen, "#dream-after")), "after a restart of the page"
    screen.page.go_back()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["picture"] != before,
               "Back is the dream before")  # fmt: skip
    remove = screen.at("#dream-gallery [data-remove]")
    remove.click()
    expect(remove).to_have_text("remove?")
    screen.at("#dream-heading").click()
    expect(remove).to_have_text("\u00d7")
    expect(screen.at("#dream-gallery figure")).to_have_count(1)
    removed(screen)


def removed(screen: Screen) -> None:
    """The only one is taken away, for good: the first click only asks."""
    for _ in range(2):
        screen.at("#dream-gallery [data-remove]").click()
    expect(screen.at("#dream-gallery figure")).to_have_count(0)


def test_stopped_it_keeps_what_is_there(screen: Screen) -> None:
    opened(screen)
    done(screen)
    emptied(screen)
    # another one at each try: what was stopped a moment ago stays stopped
    seed = secrets.randbelow(10**6)
    opened(screen, f"how=iterations:200,size:640,seed:{seed}&quality=full")
    expect(screen.at("#dream-said")).to_contain_text(", step")
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    expect(screen.at("#dream-said")).to_have_text("Stopped; what is there is kept.")
    expect(screen.at("#dream-gallery figcaption")).to_contain_text("stopped")
    fetched(screen, "#dream-after")
    screen.at("#dream-on").click()
    expect(screen.at("#dream-said")).to_contain_text(", step")
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    removed(screen)


def test_in_full_size_it_goes_on_whatever_is_shown(screen: Screen) -> None:
    """Another mode, another view, another visit: it is in the header and in the list, where one
    more waits for its turn; a click opens it, a stop keeps it."""
    opened(screen)
    emptied(screen)
    seed = secrets.randbelow(10**6)
    opened(screen, f"how=iterations:200,size:640,seed:{seed}&quality=full")
    expect(screen.at("#dream-said")).to_contain_text(", step")
    opened(screen, f"how=octaves:1,iterations:3,size:96,seed:{seed}&quality=full")
    expect(screen.at("#dream-said")).to_contain_text("in line: another dream first")
    screen.at("#dream-modes button").nth(4).click()
    done(screen)
    tiles = screen.at("#dream-making figure")
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("step")
    expect(tiles.first.locator("img")).to_have_attribute("src", re.compile("^/blob/"))
    expect(tiles.last).to_contain_text("in line: another dream first")
    screen.at("#nav-explore").click()
    screen.filled()
    expect(screen.at("#jobs")).to_contain_text("dreaming in full size")
    screen.at("#nav-dream").click()
    expect(tiles).to_have_count(2)
    tiles.first.locator("button").first.click()
    state(screen, "running")
    assert str(seed) in str(wish(screen)["how"])
    expect(screen.at("#dream-said")).to_contain_text(", step")
    tiles.first.locator("[data-end]").click()
    state(screen, "stopped")
    kept = screen.at("#dream-gallery figure:not(#dream-making figure)")
    expect(kept).to_have_count(2)
    expect(tiles).to_have_count(0)
    expect(kept.last).to_contain_text("stopped")
    emptied(screen)


def test_what_the_whole_takes_is_said_when_it_is_known(screen: Screen) -> None:
    for mode in ("dream", "layers", "kept"):
        how = "steps:20,size:96" if mode == "kept" else QUICK
        opened(screen, f"mode={mode}&how={how}")
        done(screen)
        expect(screen.at("#dream-cost")).to_have_text(re.compile(r", about \d+ s"))


def test_neurons_and_settings_are_chosen_and_stand_in_the_address(screen: Screen) -> None:
    opened(screen)
    screen.at("#dream-what .dream-icons button").nth(1).click()
    expect(screen.at("#dream-what .dream-icons [aria-pressed='true']")).to_have_count(1)
    screen.at("#dream-units").fill("5, 3, 9999")
    screen.at("#dream-units").press("Enter")
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["units"] == [3, 5], "two")
    assert "look=3,5" in screen.page.url
    screen.at("#dream-settings summary").click()
    screen.at("#dream-how-octaves").fill("3")
    screen.at("#dream-how-octaves").press("Enter")
    now = "octaves:3,iterations:2,size:128"
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["how"] == now, "three")
    done(screen)
    screen.at("text=all as in the original").click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["how"] is None, "usual")


def test_a_stream_pauses_goes_on_and_is_a_film(screen: Screen) -> None:
    seed = secrets.randbelow(10**6)
    opened(screen, f"mode=stream&how=frames:2000,octaves:1,iterations:1,size:64,seed:{seed}")
    expect(screen.at("#dream-said")).to_contain_text("frame")
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    screen.at("#dream-on").click()
    expect(screen.at("#dream-said")).to_contain_text("frame")
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    opened(screen, f"mode=stream&how=frames:2,octaves:1,iterations:1,size:64,seed:{seed}")
    done(screen)
    href = screen.at("#dream-save").get_attribute("href") or ""
    status, data = screen.server.get(href)
    assert status == 200
    assert Image.open(io.BytesIO(data)).n_frames == 2


def test_every_layer_beside_the_others_and_a_file_reopens(screen: Screen) -> None:
    tiny = "octaves:1,iterations:1,size:64"
    opened(screen, f"mode=layers&how={tiny}")
    done(screen)
    expect(screen.at("#dream-parts button")).to_have_count(8)
    href = screen.at("#dream-save").get_attribute("href") or ""
    _, data = screen.server.get(href)
    screen.at("#dream-parts button").nth(2).click()
    wait_until(lambda: screen.page.wait_for_timeout(100)
               or wish(screen)["layer"] == "features.6", "that layer alone")  # fmt: skip
    done(screen)
    file = {"name": "sheet.png", "mimeType": "image/png", "buffer": data}
    screen.at("#dream-file").set_input_files([file])  # type: ignore[list-item]
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["mode"] == "layers", "it")
    assert wish(screen)["how"] == tiny


def test_wrong_requests_are_refused(screen: Screen) -> None:
    for path in (
        "/api/dream?wish=x",
        "/api/dream?wish={}",
        "/api/dream",
        f"/api/dream?wish={quote(json.dumps({'mode': 'x', 'model': 'm', 'layer': 'l'}))}",
    ):
        status, said = screen.server.get(path)
        assert (status, b"no such dream" in said) == (422, True), path
    for path in ("/dreams/x.png", f"/dreams/{'a' * 64}.png", "/dreams/x/after.webp"):
        assert screen.server.get(path)[0] == 404
    assert screen.server.get("/api/dream/stop?wish={}", method="POST")[0] == 403


def test_on_a_phone_nothing_is_too_small_or_too_wide(phone: Screen) -> None:
    opened(phone)
    done(phone)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    found = phone.at("#dream-page button:visible, #dream-page a:visible").evaluate_all(
        "all => all.map(b => [b.innerText, b.getBoundingClientRect().height])"
    )
    assert [f for f in found if f[1] < 44] == []


def test_a_setting_that_cannot_be_has_a_way_back(screen: Screen) -> None:
    screen.page.goto(f"{screen.server.address}/dream?how=octaves:99")
    expect(screen.at("#dream-settings [role=alert]")).to_contain_text("octaves")
    screen.at("#dream-settings button").click()
    expect(screen.at("#dream-settings summary")).to_have_text("Settings")
    assert "how=" not in screen.page.url
