"""The panes of the Neuron page that make pictures, in a real browser."""

import io
import json
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect
from torch import nn

from analysis.recipes import Recipe
from tests.dashboard.browser import Reference, Screen, number, wait_until

pytestmark = pytest.mark.browser
QUICK = replace(Recipe(), steps=16, input_size=64)


def opened(screen: Screen, pane: str, more: str = "") -> Screen:
    """A pane of neuron 402."""
    screen.page.goto(f"{screen.server.address}/neuron?unit=402&pane={pane}{more}")
    expect(screen.at("#neuron-head .own-name")).to_be_visible()
    return screen


def done(screen: Screen, selector: str) -> None:
    expect(screen.at(selector)).to_have_attribute("data-state", "done")


def answers(reference: Reference, pixels: np.ndarray, unit: int, size: int) -> float:
    """A neuron's mean activation on a picture (H, W, 3), by plain torch."""
    caught: list[float] = []
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()[None] / 255
    if x.shape[-1] != size:
        x = nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    module = reference.classifier.module
    handle = module.get_submodule("features.12").register_forward_hook(
        lambda _module, _given, out: caught.append(out[0, unit].mean().item())
    )
    try:
        with torch.no_grad():
            module(reference.classifier.normalise(x))
    finally:
        handle.remove()
    return caught[0]


def shown(screen: Screen, selector: str) -> np.ndarray:
    status, data = screen.server.get(screen.at(selector).get_attribute("src") or "")
    assert status == 200
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_only_the_pane_that_is_shown_is_filled(screen: Screen) -> None:
    opened(screen, "live")
    expect(screen.at("#pane-live")).to_be_attached()
    for name in ("neuron-facts", "recipe", "blend"):
        expect(screen.at(f"#{name}")).to_be_empty()
    screen.at(
        ".segments button",
    ).filter(has_text="Recipe").first.click()
    expect(screen.at("#recipe-difference")).to_be_visible()
    assert "pane=recipe" in screen.page.url
    expect(screen.at("#blend")).to_be_empty()
    expect(screen.at("#neuron-facts")).to_be_empty()
    screen.page.go_back()
    expect(screen.at("#recipe-difference")).to_be_hidden()
    expect(screen.at("#neuron-head .segments [aria-current]")).to_have_text("Live")


def test_two_recipes_with_their_honest_numbers(screen: Screen, reference: Reference) -> None:
    bare = replace(QUICK, transforms=())
    opened(screen, "recipe", f"&left={QUICK.word}&right={bare.word}")
    expect(screen.at("#recipe-difference")).to_have_text("Right: the same, without transforms.")
    expect(screen.at(".switch-row.changed .switch-label")).to_have_text(
        ["pad", "jitter", "scale", "rotate"]
    )
    expect(screen.at(".ready [aria-current]")).to_have_text("no transforms")
    for side in ("left", "right"):
        done(screen, f"#rendering-{side}")
        pixels = shown(screen, f"#{side}-picture")
        plain = answers(reference, pixels, 402, 224)
        screen.shows(f"#{side}-plain", plain, within=0.02 * abs(plain) + 0.02)
        expect(screen.at(f"#{side}-step")).to_have_text("16 steps")
        assert screen.number(f"#{side}-seconds") > 0
    # a step without transforms resamples to the middle of every four pixels
    halves = shown(screen, "#right-picture").reshape(64, 2, 64, 2, 3).mean((1, 3))
    small = answers(reference, halves, 402, 64)
    screen.shows("#right-own", small, within=0.02 * abs(small) + 0.02)


def test_a_switch_changes_the_right_one_alone(screen: Screen) -> None:
    opened(screen, "recipe", f"&left={QUICK.word}&right={QUICK.word}")
    expect(screen.at("#recipe-difference")).to_have_text("Both are made by the same recipe.")
    expect(screen.at(".switch-row.changed")).to_have_count(0)
    screen.at("[aria-label='jitter, right']").click()
    expect(screen.at("#recipe-difference")).to_have_text("Right: the same, without jitter.")
    expect(screen.at("[aria-label='jitter, right']")).to_have_attribute("aria-checked", "false")
    expect(screen.at("[aria-label='jitter, left']")).to_have_attribute("aria-checked", "true")
    screen.at("#right-steps").fill("20")
    screen.at("#right-steps").press("Enter")
    expect(screen.at("#recipe-difference")).to_contain_text("in 20 steps instead of 16")
    assert f"left={QUICK.word}" in screen.page.url
    done(screen, "#rendering-right")
    expect(screen.at("#right-step")).to_have_text("20 steps")
    command = screen.at("#rendering-right [data-copy]").get_attribute("data-copy") or ""
    assert "--channel 402 --transforms pad,scale,rotate --input-size 64 --steps 20" in command
    screen.at("text=the same again").click()
    expect(screen.at("#recipe-difference")).to_have_text("Both are made by the same recipe.")


def running(screen: Screen) -> list[str]:
    _, data = screen.server.get("/api/status")
    return [job["label"] for job in json.loads(data)["running"]]


def test_what_is_left_is_given_up(screen: Screen) -> None:
    long = replace(Recipe(), steps=512, seed=77).word
    opened(screen, "recipe", f"&left={long}&right={long}")
    expect(screen.at("#left-step")).to_contain_text("of 512")
    assert "drawing by a recipe" in running(screen)
    screen.at(".segments button").filter(has_text="Live").first.click()
    wait_until(lambda: screen.page.wait_for_timeout(200) or
               "drawing by a recipe" not in running(screen), "it is given up")  # fmt: skip


def test_a_cancelled_picture_can_be_drawn_again(screen: Screen) -> None:
    long = replace(Recipe(), steps=500, seed=78).word
    opened(screen, "recipe", f"&left={long}&right={long}")
    expect(screen.at("#left-step")).to_contain_text("of 500")
    screen.at("#jobs button[title='Cancel: drawing by a recipe']").click()
    expect(screen.at("#left-step")).to_have_text("Cancelled.")
    screen.at("#rendering-left .again").click()
    expect(screen.at("#left-step")).to_contain_text("of 500")


def test_a_row_between_two_neurons(screen: Screen, reference: Reference) -> None:
    opened(screen, "blend", "&other=17")
    done(screen, "#blending")
    strip = shown(screen, "#blend-picture")
    assert strip.shape == (7 * 128, 128, 3)
    expect(screen.at(".blend-row button")).to_have_count(7)
    for stop, share in ((0, "0 %"), (6, "100 %")):
        screen.at(f"[data-stop='{stop}']").click()
        expect(screen.at("#blend-said")).to_have_text(share)
        piece = strip[stop * 128 : (stop + 1) * 128]
        unit, name = (402, "first") if stop == 0 else (17, "last")
        # the stored picture is compressed, the number is that of the one before
        there = answers(reference, piece, unit, 128)
        assert screen.number(f"#blend-{name}") == pytest.approx(there, rel=0.25)
    screen.at("#blend-share").press("ArrowLeft")
    expect(screen.at("#blend-said")).to_have_text("83 %")


def test_the_second_neuron_is_chosen_on_the_wall_or_by_number(
    screen: Screen, reference: Reference
) -> None:
    screen.open()
    x = reference.seen(screen)
    activation, _ = reference.effects(x, "features.12", 0, 1)
    order = [int(u) for u in activation.sum((1, 2)).argsort()[::-1] if u != 402]
    opened(screen, "blend")
    expect(screen.at("#blend-other")).to_have_value(str(order[0]))
    pairs = screen.at(".pair").evaluate_all("all => all.map(p => JSON.parse(p.dataset.do).other)")
    assert pairs == order[:4]
    fires = number(screen.at(".pair .label").first.inner_text().split("here")[1])
    assert fires == pytest.approx(activation[order[0]].sum(), rel=0.01)
    screen.at("#blend-pick").click()
    cell = screen.at("#wall .wall-cell:not([data-unit='402'])").nth(3)
    unit = cell.get_attribute("data-unit")
    cell.click()
    expect(screen.at("#blend-other")).to_have_value(unit or "")
    assert f"other={unit}" in screen.page.url
    assert "unit=402" in screen.page.url
    expect(screen.at("#blend-pick")).to_have_attribute("aria-pressed", "false")
    screen.at("#blend-other").fill("9999999")
    screen.at("#blend-other").press("Enter")
    expect(screen.at("#blend-other")).to_have_value("511")


def test_wrong_requests_are_refused(screen: Screen) -> None:
    for wrong in ("x", "{}", "[1]", '[{"task":"wall"}]', '[{"task":"rendering","unit":"2"}]',
                  '[{"task":"blending","model":"m","layer":"l","unit":true}]'):  # fmt: skip
        status, said = screen.server.get(f"/api/studio?wanted={quote(wrong)}")
        assert (status, b"no such picture" in said) == (422, True), wrong
    status, _ = screen.server.get("/api/studio?wanted=[]&again=x")
    assert status == 422


@pytest.mark.slow
def test_the_icons_kin_come_after_it(screen: Screen) -> None:
    opened(screen, "neuron")
    expect(screen.at(".kin img[data-icon='402d']")).to_have_count(4)
    for kin in screen.at(".kin-column img").all():
        assert kin.get_attribute("data-after") == "402!"
    reached = screen.at(".neuron-icon .icon-said")
    wait_until(lambda: screen.page.wait_for_timeout(100) or reached.inner_text(), "it is reached")
    assert number(reached.inner_text()) > 0


@pytest.mark.parametrize("pane", ["recipe", "blend"])
def test_on_a_phone_nothing_is_too_small_or_too_wide(phone: Screen, pane: str) -> None:
    opened(phone, pane, f"&left={QUICK.word}&right={QUICK.word}")
    expect(phone.at("#recipe-difference, #blending").first).to_be_visible()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    found = phone.at(f"#pane-{pane} button:visible, .segments button:visible").evaluate_all(
        "all => all.map(b => [b.innerText, b.getBoundingClientRect().height])"
    )
    assert [f for f in found if f[1] < 44 and f[0] != "copy as command"] == []
