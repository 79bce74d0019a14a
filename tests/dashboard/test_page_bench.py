"""The patch bench in a real browser: what is dragged is measured, and stands in the address."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from analysis import photos
from analysis.attribution import Target
from analysis.counterfactual import Reading, logits_on, readings
from analysis.pasting import Patch, composed
from tests.dashboard.browser import Reference, Screen, number, wait_until

A, B = 457, 652  # bow tie, military uniform
HERE = "/errors?stage=picture&layer=features.12"
FLAT = "flat:808080:0.5,0.5,0.4,1"


def opened(screen: Screen, patch: str | None = FLAT, more: str = "") -> Page:
    """The bench on the first picture, measured where there is a patch."""
    at = "" if patch is None else f"&patch={patch}"
    screen.page.goto(screen.server.address + HERE + at + more)
    expect(screen.at("#bench h2")).to_be_visible()
    if patch is not None:
        measured(screen, patch)
    return screen.page


def measured(screen: Screen, word: str) -> None:
    """Waits until this very patch is measured with all its noise."""
    screen.page.wait_for_function(
        "word => { const b = document.querySelector('#bench-bars'); "
        "return b && b.dataset.patch === word && b.dataset.moving === 'false'; }", arg=word,
    )  # fmt: skip


def in_address(screen: Screen, other_than: str | None = None) -> str:
    """The patch of the address, once it is another."""

    def there() -> str | None:
        screen.page.wait_for_timeout(50)
        found = parse_qs(urlsplit(screen.page.url).query).get("patch", [None])[0]
        return found if found != other_than else None

    return str(wait_until(there, "the address names another patch"))


def said(reference: Reference, patch: Patch) -> Reading:
    """What plain torch says of the composition."""
    classifier = reference.classifier
    picture = classifier.pixels(photos.samples().pictures[0].decode(min_side=classifier.resize))
    logits = logits_on(classifier, [composed(picture, patch)])
    return readings(logits, Target(A, B))[0]


def shown(screen: Screen) -> dict[str, float]:
    data = screen.at("#bench-bars").evaluate("e => ({ ...e.dataset })")
    return {k: float(data[k]) for k in ("now", "before", "shareA", "shareB", "answer")}


def drag(screen: Screen, start: str, dx: float, dy: float) -> None:
    """The mouse takes an element by its middle and moves it by parts of the picture."""
    box, stage = screen.steady(start), screen.steady("#bench-stage")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    screen.page.mouse.move(x, y)
    screen.page.mouse.down()
    screen.page.mouse.move(x + dx * stage["width"], y + dy * stage["height"], steps=8)
    screen.page.wait_for_timeout(200)


def test_a_dragged_patch_is_measured_where_it_lies(screen: Screen, reference: Reference) -> None:
    opened(screen)
    before = shown(screen)
    assert before["now"] == pytest.approx(said(reference, Patch.parse(FLAT)).margin, abs=0.02)
    screen.at("#bench-stage").scroll_into_view_if_needed()
    drag(screen, "#bench-patch", 0.2, -0.25)
    wait_until(lambda: screen.page.wait_for_timeout(30) or shown(screen)["now"] != before["now"],
               "the bars follow while the mouse is down")  # fmt: skip
    screen.page.mouse.up()
    word = in_address(screen, FLAT)
    patch = Patch.parse(word)
    assert (patch.x, patch.y) == pytest.approx((0.7, 0.25), abs=0.01)
    measured(screen, word)
    expected, found = said(reference, patch), shown(screen)
    assert found["now"] == pytest.approx(expected.margin, abs=0.02)
    assert (found["shareA"], found["shareB"]) == pytest.approx(expected.probabilities, abs=0.002)
    assert found["answer"] == expected.answer
    name = reference.names[expected.answer]
    expect(screen.at("#bench-verdict b")).to_have_text(name)
    assert "\u00b1" in screen.text("#bench-margin-noise")
    drag(screen, "#bench-handle", 0.05, 0.05)
    screen.page.mouse.up()
    larger = Patch.parse(in_address(screen, word))
    assert larger.size > patch.size
    assert (larger.x, larger.y) == (patch.x, patch.y)
    screen.page.go_back()
    assert in_address(screen, larger.word) == word
    measured(screen, word)


def test_what_is_seen_is_what_was_measured(screen: Screen, reference: Reference) -> None:
    opened(screen)
    expect(screen.at("#bench-stage")).not_to_have_class(re.compile("moving"))
    status, data = screen.server.get(screen.at("#bench-seen").get_attribute("src") or "")
    assert status == 200
    import io

    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)))
    classifier = reference.classifier
    picture = classifier.pixels(photos.samples().pictures[0].decode(min_side=classifier.resize))
    assert (pixels == composed(picture, Patch.parse(FLAT))).all()


def test_keys_move_and_size_the_patch(screen: Screen) -> None:
    opened(screen)
    screen.at("#bench-patch").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "+", "Shift+ArrowLeft"):
        screen.page.keyboard.press(key)
    there = pytest.approx((0.535, 0.52, 0.42))

    def arrived() -> bool:  # between slow keys the address names what lies on the way
        patch = Patch.parse(in_address(screen, FLAT))
        return (patch.x, patch.y, patch.size) == there

    wait_until(arrived, "all keys count")
    measured(screen, in_address(screen))
    expect(screen.at("#bench-patch")).to_be_focused()


def test_sliders_and_the_curve(screen: Screen) -> None:
    opened(screen)
    screen.at("#bench-opacity").fill("0.5")
    word = in_address(screen, FLAT)
    assert Patch.parse(word).opacity == 0.5
    expect(screen.at("#bench-curve polyline")).to_have_count(4)
    screen.at("#bench-curve").click(position={"x": 270, "y": 50})
    assert Patch.parse(in_address(screen, word)).size == pytest.approx(0.75, abs=0.02)
    screen.at("#bench-colour").fill("#ff0000")
    wait_until(lambda: "flat:ff0000" in in_address(screen), "the colour is in the address")


def test_without_a_patch_it_says_what_one_can_do(screen: Screen) -> None:
    opened(screen)
    screen.at("#bench header button").click()
    expect(screen.at("#bench-stage")).to_have_count(0)
    expect(screen.at("#bench p").first).to_contain_text("noise of the same size is the control")
    for text in ("noise", "blur", "a colour"):
        screen.at(
            "#bench .bench-sources button",
        ).get_by_text(text, exact=True).click()
        expect(screen.at("#bench-stage")).to_be_visible()
    assert in_address(screen).startswith("flat:")


def test_the_program_finds_a_patch_that_turns_the_answer(screen: Screen) -> None:
    """Grace Hopper becomes a military uniform, as the atlas says."""
    opened(screen, None)
    screen.at("[data-bench-job*=bench_suggest]").first.click()
    expect(screen.at("#bench-suggested")).to_have_attribute("data-state", "done")
    first = screen.at("#bench-suggested .bench-row").first
    expect(first).to_contain_text("now says military uniform")
    push = float(first.get_attribute("data-push") or "")
    assert push > number(first.locator(".numbers .caption").inner_text()) + 2
    first.click()
    word = in_address(screen)
    measured(screen, word)
    found = shown(screen)
    assert found["answer"] == B
    assert found["before"] - found["now"] == pytest.approx(push, abs=0.05)
    expect(screen.at("#bench-suggested .bench-row").first).to_be_visible()  # the list stays
    _on_all(screen)


def _on_all(screen: Screen) -> None:
    """The same patch on the pictures of the list."""
    screen.at("[data-bench-job*=bench_all]").first.click()
    expect(screen.at("#bench-table")).to_have_attribute("data-state", "done")
    changed, could = re.findall(r"\d+", screen.text("#bench-changed"))
    assert 1 <= int(changed) <= int(could)
    link = screen.at("#bench-table a").nth(1).get_attribute("href") or ""
    status, data = screen.server.get(link)
    assert status == 200
    whole = json.loads(data)
    assert whole["classes"] == ["bow tie", "military uniform"]
    assert whole["found"]["summary"]["changed"] == int(changed)
    assert sum(row["changed"] for row in whole["found"]["rows"]) == int(changed)


def test_a_patch_is_cut_out_of_another_picture(screen: Screen) -> None:
    opened(screen, None)
    screen.at("[data-bench-open=crop]").click()
    tile = screen.at("[data-crop]").nth(1)
    key = tile.get_attribute("data-crop")
    tile.click()
    expect(screen.at("#bench-crop")).to_be_visible()
    screen.at("#bench-crop").scroll_into_view_if_needed()
    box = screen.steady("#bench-crop")
    at = [(box["x"] + p * box["width"], box["y"] + q * box["height"])
          for p, q in ((0.2, 0.1), (0.6, 0.9))]  # fmt: skip
    screen.page.mouse.move(*at[0])
    screen.page.mouse.down()
    screen.page.mouse.move(*at[1], steps=4)
    screen.page.mouse.up()
    screen.at("#bench-crop-take").click()
    patch = Patch.parse(in_address(screen))
    assert (patch.kind, patch.source[0]) == ("crop", key)
    assert patch.box == pytest.approx((0.1, 0.2, 0.9, 0.6), abs=0.02)
    measured(screen, patch.word)
    shape = screen.steady("#bench-patch")
    assert shape["width"] / shape["height"] == pytest.approx(0.5, abs=0.05)


def test_icons_and_cells_are_chosen_in_their_panes(screen: Screen) -> None:
    opened(screen)
    screen.at("[data-bench-open=icon]").click()
    screen.at("#bench-unit").fill("17")
    screen.at("#bench-unit-take").click()
    word = in_address(screen, FLAT)
    assert word.startswith("icon:features.12:17:")
    measured(screen, word)
    screen.at("[data-bench-open=cell]").click()
    screen.at(".bench-tiles button").first.click()
    wait_until(lambda: in_address(screen).startswith("cell:"), "a cell is laid on it")
    measured(screen, in_address(screen))


def test_faders_turn_neurons_down(screen: Screen, reference: Reference) -> None:
    opened(screen, None)
    unit = int(screen.at("[data-fader]").first.get_attribute("data-fader") or "")
    screen.at("[data-fader]").first.fill("0")
    expect(screen.at("#bench-faded")).to_contain_text("Margin")
    wait_until(lambda: f"fade={unit}:0" in screen.page.url or screen.page.wait_for_timeout(50),
               "it stands in the address")  # fmt: skip
    classifier = reference.classifier
    picture = classifier.pixels(photos.samples().pictures[0].decode(min_side=classifier.resize))
    expected = reference.removed(classifier.tensor(picture), "features.12", [unit], A, B)
    measured = wait_until(
        lambda: screen.page.wait_for_timeout(50)
        or screen.at("#bench-faded").get_attribute("data-now"), "it is measured",
    )  # fmt: skip
    now = float(measured)  # read once: it is empty while the panel of the new address is filled
    assert now == pytest.approx(expected, abs=0.02)
    screen.at("[data-bench-job*=bench_cost]").click()
    expect(screen.at("#bench-cost")).to_contain_text("\u2192")
    screen.at(
        "button",
    ).get_by_text("all back to 1").click()
    expect(screen.at("#bench-faded")).to_be_empty()
    assert screen.at("[data-fader]").first.input_value() == "1"


def test_a_recipe_opens_what_it_tried(screen: Screen) -> None:
    opened(screen, None)
    screen.at("[data-bench-job*=bench_recipe]").last.click()
    word = in_address(screen)
    measured(screen, word)
    assert "a=567&b=909" in screen.page.url
    expect(screen.at("#toast")).to_contain_text("drew")
    expect(screen.at(".err-way")).to_contain_text("frying pan, drawn by the program")


@pytest.mark.parametrize("word", ["flat:red:0.5,0.5,0.4,1", "icon:nowhere:3:0.5,0.5,0.4,1"])
def test_a_patch_that_makes_no_sense_is_told_and_the_rest_goes_on(
    screen: Screen, word: str
) -> None:
    screen.allowed += ["422", "404"]
    screen.page.goto(screen.server.address + HERE + f"&patch={word}")
    expect(screen.at("#bench-verdict, #bench .note.error").first).to_contain_text(
        re.compile("choose|nowhere")
    )
    expect(screen.at("[data-fader]").first).to_be_visible()


def test_on_a_phone_a_tap_moves_the_patch_and_nothing_is_wider(phone: Screen) -> None:
    opened(phone)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    phone.at("#bench-stage").scroll_into_view_if_needed()
    box = phone.steady("#bench-stage")
    phone.page.touchscreen.tap(box["x"] + 0.15 * box["width"], box["y"] + 0.2 * box["height"])
    patch = Patch.parse(in_address(phone, FLAT))
    assert (patch.x, patch.y) == pytest.approx((0.15, 0.2), abs=0.01)
    small = phone.at("#bench button.pill").evaluate_all(
        "all => all.filter(b => b.offsetParent && b.getBoundingClientRect().height < 43).length"
    )
    assert small == 0
