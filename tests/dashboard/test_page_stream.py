"""Dream's streams that change and never end, and dreams in two networks, in a real browser."""

import io
import json
import re
import secrets
from urllib.parse import quote

import pytest
from PIL import Image
from playwright.sync_api import expect

from analysis.dream.stamp import read_settings
from tests.dashboard.browser import Screen, number, wait_until
from tests.dashboard.test_page_dream import done, opened, state, wish

pytestmark = pytest.mark.browser
TINY = "octaves:1,iterations:1,size:64"


def stream(screen: Screen, more: str = "") -> Screen:
    return opened(screen, f"mode=stream&how={TINY},seed:{secrets.randbelow(10**6)}{more}")


def course(screen: Screen, wanted: str | None) -> None:
    """The changes that the result is of."""
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["then"] == wanted, wanted)


def frame(screen: Screen) -> int:
    found = re.search(r"frame ([\d,]+)", screen.text("#dream-said"))
    return int(found[1].replace(",", "")) if found else 0


def running(screen: Screen, past: int) -> None:
    wait_until(lambda: screen.page.wait_for_timeout(50) or frame(screen) > past, f"past {past}")


def test_a_change_after_its_end_is_said_and_mended(screen: Screen) -> None:
    stream(screen, ",frames:3&then=9:features.10")
    done(screen)
    expect(screen.at(".then-late")).to_contain_text("pauses after 3 frames, before the change at 9")
    screen.at(".then-late button").click()
    expect(screen.at(".then-late")).to_have_count(0)
    assert "frames:29" in str(wish(screen)["how"])
    screen.at("#dream-stop").click()
    state(screen, "stopped")


def test_changes_are_added_altered_removed_and_stand_in_the_address(screen: Screen) -> None:
    stream(screen, ",frames:4")
    done(screen)
    expect(screen.at("#then-track")).to_have_count(0)
    screen.at("#then-new summary").click()
    screen.at("#then-new-frame").fill("2")
    screen.at("#then-new-layer").select_option("features.10")
    screen.at("#then-new-part").fill("17, 3")
    screen.at("#then-new-strength").fill("1.5")
    screen.at("[data-then-add]").click()
    course(screen, "2:features.10/3/17:1.5")
    assert "then=2:features.10/3/17:1.5" in screen.page.url
    done(screen)
    expect(screen.at("#then-2 summary")).to_contain_text("features.10, neurons 3, 17")
    expect(screen.at("#then-track > i")).to_have_count(2)
    screen.at("#then-2 summary").click()
    screen.at("#then-2-strength").fill("3")
    screen.at("#then-2-strength").press("Enter")
    course(screen, "2:features.10/3/17:3")
    screen.at("#then-2-layer").select_option("class")
    screen.at("#then-2-part").fill("banana")
    screen.at("#then-2-part").press("Enter")
    course(screen, "2:class:954:3")
    screen.at("#then-2-frame").fill("3")
    screen.at("#then-2-frame").press("Enter")
    course(screen, "3:class:954:3")
    expect(screen.at("#then-3")).to_have_attribute("open", "")
    screen.at("text=over and over").click()
    course(screen, "3:class:954:3,13:again")
    href = screen.at("#dream-save").get_attribute("href") or ""
    done(screen)
    screen.at("#dream-course >> text=clear").click()
    course(screen, None)
    screen.page.go_back()
    course(screen, "3:class:954:3,13:again")
    done(screen)
    href = screen.at("#dream-save").get_attribute("href") or ""
    _, data = screen.server.get(href)
    screen.at("[data-then-remove=again]").click()
    course(screen, "3:class:954:3")
    screen.at("#then-3 summary").click()
    screen.at("#then-3 [data-then-remove]").click()
    course(screen, None)
    file = {"name": "film.gif", "mimeType": "image/gif", "buffer": data}
    screen.at("#dream-file").set_input_files([file])  # type: ignore[list-item]
    course(screen, "3:class:954:3,13:again")


def test_through_all_layers_at_one_click(screen: Screen) -> None:
    stream(screen)
    screen.at("text=strokes to objects and back").click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["then"], "changes")
    then = str(wish(screen)["then"])
    assert then.endswith(",280:again")
    assert wish(screen)["layer"] == "features.3"
    assert "frames:280" in str(wish(screen)["how"])
    expect(screen.at("#then-track > i")).to_have_count(14)
    running(screen, 25)
    expect(screen.at("#dream-said")).to_contain_text("features.")
    expect(screen.at(".then-now")).to_be_visible()
    screen.at("#dream-stop").click()
    state(screen, "stopped")


def test_for_ever_until_it_is_paused_and_on_from_there(screen: Screen) -> None:
    stream(screen, ",frames:2")
    done(screen)
    screen.at("#dream-forever").click()
    running(screen, 6)
    expect(screen.at("#dream-progress progress")).to_be_hidden()
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    expect(screen.at("#dream-said")).to_contain_text("Paused at frame")
    before = frame(screen)
    expect(screen.at("#dream-held")).to_contain_text("Frames 1 to")
    screen.at("#dream-many").fill("3")
    screen.at("#dream-many").press("Enter")
    href = screen.at("#dream-save").get_attribute("href") or ""
    status, data = screen.server.get(href)
    assert status == 200
    assert Image.open(io.BytesIO(data)).n_frames == 3
    settings = read_settings(data).settings
    assert settings["frames"] - settings["skip"] == 3
    assert settings["frames"] >= before
    screen.at("#dream-end").select_option("first")
    href = screen.at("#dream-save").get_attribute("href") or ""
    settings = read_settings(screen.server.get(href)[1]).settings
    assert (settings["skip"], settings["frames"]) == (0, 3)
    screen.page.reload()
    state(screen, "stopped")  # what was paused stays so
    screen.at("#dream-on").click()
    running(screen, before)
    screen.at("#then-new summary").click()
    screen.at("#then-new-layer").select_option("features.4")
    screen.at("#then-new-strength").fill("2")
    screen.at("[data-then-add]").click()
    expect(screen.at("#dream-said")).to_contain_text("features.4")
    assert frame(screen) > before, "what came before stays"
    assert len(str(wish(screen)["then"]).split(",")) == 2, "the strength so far is held"
    screen.at("#dream-stop").click()
    state(screen, "stopped")
    expect(screen.at("#dream-held")).to_contain_text("Frames 1 to")
    screen.at("#dream-clear").click()
    expect(screen.at("#dream-held-line")).to_be_hidden()
    held = f"/api/dream/held?wish={quote(json.dumps(wish(screen)))}"
    assert json.loads(screen.server.get(held)[1]) == {"spans": [], "bytes": 0}
    screen.at("#dream-on").click()
    running(screen, 0)
    screen.at("#dream-stop").click()
    state(screen, "stopped")


def test_motion_and_length_are_plain_to_see_and_the_rest_stays(screen: Screen) -> None:
    stream(screen, ",frames:2")
    done(screen)
    screen.at("#dream-how-turn").fill("2")
    screen.at("#dream-how-turn").press("Enter")
    wait_until(lambda: screen.page.wait_for_timeout(100)
               or "turn:2" in str(wish(screen)["how"]), "it turns")  # fmt: skip
    screen.at("#dream-settings summary").click()
    expect(screen.at("#dream-settings [data-how='zoom']")).to_have_count(0)
    screen.at("text=all as in the original").click()
    wait_until(lambda: screen.page.wait_for_timeout(100)
               or "octaves" not in str(wish(screen)["how"]), "as usual")  # fmt: skip
    assert {"turn:2", "frames:2"} <= set(str(wish(screen)["how"]).split(",")), "motion stays"


def test_two_networks_a_layer_of_choice_a_class_and_a_guide(screen: Screen) -> None:
    opened(screen, f"mode=two&second=efficientnet_lite0&how={TINY}")
    done(screen)
    expect(screen.at("#dream-parts button")).to_have_count(2)
    said = screen.at("#dream-parts button").nth(0).inner_text()
    assert "squeezenet1_1, features" in said
    assert "efficientnet_lite0 says of it" in said
    assert number(said.split("before,")[1]) > 0
    layer = screen.at("#dream-second-layer option").nth(3).get_attribute("value") or ""
    screen.at("#dream-second-layer").select_option(layer)
    wait_until(lambda: screen.page.wait_for_timeout(100)
               or wish(screen)["second_layer"] == layer, layer)  # fmt: skip
    done(screen)
    expect(screen.at("#dream-parts button").nth(1)).to_contain_text(layer)
    screen.at("#dream-what >> text=a class").click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["goal"] is not None, "")
    assert (wish(screen)["layer"], wish(screen)["picture"]) == ("", None)
    done(screen)
    expect(screen.at("#dream-parts button").nth(1)).to_contain_text("Logit of")
    screen.at("#dream-what >> text=a picture").click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["guide"] is not None, "")
    assert json.dumps(wish(screen)["goal"]) == "null"
    done(screen)
    said = screen.at("#dream-parts button").nth(1).inner_text()
    assert "Agreement with the guide (cosine)" in said
    assert f", {layer} " not in said, "a layer has no probability"
    screen.at("#dream-parts button").nth(1).click()
    wait_until(lambda: screen.page.wait_for_timeout(100) or wish(screen)["mode"] == "guided", "")
    assert wish(screen)["model"] == "efficientnet_lite0"
    done(screen)


def test_on_a_phone_the_changes_fit(phone: Screen) -> None:
    then = "2:features.10/3/17:1.5,3:class:954,9:again"
    opened(phone, f"mode=stream&how={TINY},frames:3&then={then}")
    done(phone)
    phone.at("#then-2 summary").click()
    phone.at("#then-new summary").click()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    found = phone.at("#dream-page button:visible, #dream-page a:visible").evaluate_all(
        "all => all.map(b => [b.innerText, b.getBoundingClientRect().height])"
    )
    assert [f for f in found if f[1] < 44] == []
