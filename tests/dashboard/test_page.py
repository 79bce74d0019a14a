"""Clicking through the thread: every number read off the page is computed once more here, by plain
torch with our own hooks on the whole network."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from analysis.groups import find_groups
from analysis.layers import find_layer
from tests.dashboard.browser import Reference, Screen, number, wait_until

pytestmark = pytest.mark.browser


class Question:
    """What the page speaks of now: input, logits, layer, both classes."""

    def __init__(self, screen: Screen, reference: Reference) -> None:
        self.x = reference.seen(screen)
        self.logits = reference.logits(self.x)
        self.layer = screen.layer
        shown = screen.at("#sentence b.pos").inner_text(), screen.at("#sentence b.neg").inner_text()
        self.a, self.b = (reference.names.index(name) for name in shown)
        self.activation, self.effect = reference.effects(self.x, self.layer, self.a, self.b)
        self.grid = self.activation.shape[1:]

    @property
    def margin(self) -> float:
        return float(self.logits[self.a] - self.logits[self.b])

    @property
    def carriers(self) -> list[int]:
        """Channels that speak for the side that is ahead, strongest first."""
        total = self.effect.sum((1, 2)) * (1 if self.margin >= 0 else -1)
        return [int(c) for c in np.argsort(-total)]


def shown_rows_equal(screen: Screen, activation: np.ndarray, effect: np.ndarray) -> None:
    """Every listed neuron has these values (C,), and no other one has a stronger effect."""
    rows = screen.rows()
    assert len(rows) == min(8, np.count_nonzero(activation))  # silent neurons are not listed
    for channel, shown_activation, shown_effect in rows:
        assert shown_activation == pytest.approx(float(activation[channel]), rel=1e-3, abs=1e-4)
        assert shown_effect == pytest.approx(float(effect[channel]), rel=1e-3, abs=1e-4)
    weakest = min(abs(e) for _, _, e in rows)
    others = np.delete(np.abs(effect), [c for c, _, _ in rows])
    assert others.max() <= weakest * 1.001 + 1e-4


def test_the_sentence_and_the_answers_are_the_networks(
    screen: Screen, reference: Reference
) -> None:
    screen.open()
    here = Question(screen, reference)
    order = np.argsort(-here.logits)
    assert here.a == order[0]
    screen.shows("#margin", here.margin)
    shares = np.exp(here.logits - here.logits.max())
    shares /= shares.sum()
    rows = screen.at("#predictions .answer")
    classes = rows.evaluate_all("rows => rows.map(r => +r.dataset.class)")
    assert classes[:5] == order[:5].tolist()
    for row, index in enumerate(classes):
        shown = rows.nth(row).locator(".num").inner_text()
        assert abs(number(shown) - 100 * shares[index]) <= 1, reference.names[index]
    assert f"{100 * shares[here.a]:.0f} %" in screen.text("#sentence")


def test_vs_and_swap_change_the_margin(screen: Screen, reference: Reference) -> None:
    screen.open()
    before = Question(screen, reference)
    third = int(np.argsort(-before.logits)[2])
    screen.at(f'.answer[data-class="{third}"] .vs').click()
    expect(screen.at("#sentence b.neg")).to_have_text(reference.names[third])
    margin = float(before.logits[before.a] - before.logits[third])
    screen.shows("#margin", margin)
    screen.shows("#check #before", margin)
    screen.at("#sentence").get_by_text("swap").click()
    expect(screen.at("#sentence b.pos")).to_have_text(reference.names[third])
    screen.shows("#margin", -margin)
    screen.shows("#check #before", -margin)
    now = Question(screen, reference)
    shown_rows_equal(screen, now.activation.sum((1, 2)), now.effect.sum((1, 2)))


def test_a_click_on_a_place_lists_its_neurons_and_escape_the_whole_picture(
    screen: Screen, reference: Reference
) -> None:
    screen.open()
    here = Question(screen, reference)
    screen.title_says("whole picture")
    shown_rows_equal(screen, here.activation.sum((1, 2)), here.effect.sum((1, 2)))
    for canvas, row, col in (("#grid", 3, 4), ("#overlay", 6, 9)):
        screen.click_place(canvas, row, col, here.grid)
        screen.title_says(f"place {row},{col}")
        expect(screen.at("#grid-place")).to_contain_text(f"place {row},{col}")
        shown_rows_equal(screen, here.activation[:, row, col], here.effect[:, row, col])
        assert f"at={row},{col}" in screen.page.url
    screen.page.keyboard.press("Escape")
    screen.title_says("whole picture")
    shown_rows_equal(screen, here.activation.sum((1, 2)), here.effect.sum((1, 2)))


def test_a_neurons_drawer_shows_what_its_removal_does(screen: Screen, reference: Reference) -> None:
    screen.open()
    here = Question(screen, reference)
    for n in (0, 2):
        channel, _, effect = screen.rows()[n]
        screen.at(f'.neuron-row[data-channel="{channel}"]').click()
        expect(screen.at("#drawer")).to_have_class(re.compile("open"))
        expect(screen.at("#drawer .top .auto")).to_have_text(f"{here.layer}, neuron {channel}")
        without = reference.removed(here.x, here.layer, [channel], here.a, here.b)
        screen.shows("#measured-effect", here.margin - without, within=0.0051)
        assert abs(screen.number("#drawer .facts b") - effect) <= 0.0051
        expect(screen.at("#map-note")).to_contain_text(f"neuron {channel}")
        screen.page.keyboard.press("Escape")
        expect(screen.at("#drawer")).not_to_have_class(re.compile("open"))


@pytest.mark.parametrize("take", [1, 5, 25])
def test_the_check_is_a_real_removal(screen: Screen, reference: Reference, take: int) -> None:
    screen.open(f"/explore?take={'5' if take != 5 else '25'}")
    here = Question(screen, reference)
    screen.at("#take-choice").get_by_text(str(take), exact=True).click()
    expect(screen.at("#check-body")).to_contain_text(
        "without the strongest neuron" if take == 1 else f"without the {take} strongest"
    )
    gone = here.carriers[:take]
    screen.shows("#before", here.margin)
    screen.shows(
        "#without", reference.removed(here.x, here.layer, gone, here.a, here.b), within=0.052
    )
    found = re.search(r"flips the answer: (\d+)", screen.text("#smallest"))
    if take == 5 and found:  # one fewer does not flip it
        for count, flipped in ((int(found[1]), True), (int(found[1]) - 1, False)):
            keep = torch.ones(1, len(here.activation), 1, 1)
            keep[0, here.carriers[:count]] = 0
            answer = int(reference.without(here.x, here.layer, keep).argmax())
            assert (answer != int(here.logits.argmax())) is flipped, count


def test_a_groups_switch_measures_the_margin_anew(screen: Screen, reference: Reference) -> None:
    screen.open()
    here = Question(screen, reference)
    screen.at("#tab-choice").get_by_text("groups").click()
    expect(screen.at(".group-row")).to_have_count(6)
    layer = find_layer(reference.classifier, here.layer)
    flat = here.activation.reshape(len(here.activation), -1)
    found = find_groups(layer, flat)
    off: list[int] = []
    for group in (0, 3):
        off.append(group)
        screen.at(f'.group-row[data-group="{group}"] .switch').click()
        expect(screen.at(f'.group-row[data-group="{group}"]')).to_have_attribute("data-off", "true")
        keep = torch.from_numpy(1 - found.share(off)).reshape(1, *here.activation.shape)
        logits = reference.without(here.x, here.layer, keep)
        screen.shows("#margin-without", float(logits[here.a] - logits[here.b]))
        expect(screen.at("#margin")).to_have_class(re.compile("struck"))
        style = screen.at("#margin").evaluate("e => getComputedStyle(e).textDecorationLine")
        assert style == "line-through"
        assert abs(screen.number("#margin") - here.margin) <= 0.051
    for group in off:
        screen.at(f'.group-row[data-group="{group}"] .switch').click()
    expect(screen.at("#margin-without")).to_have_count(0)
    expect(screen.at("#margin")).not_to_have_class(re.compile("struck"))


def test_the_ladder_changes_the_layer(screen: Screen, reference: Reference) -> None:
    screen.open()
    steps = screen.at("#ladder button")
    expect(steps).to_have_count(8)
    screen.click_place("#grid", 1, 1, Question(screen, reference).grid)
    screen.title_says("place 1,1")
    steps.nth(1).click()
    expect(steps.nth(1)).to_have_attribute("aria-current", "true")
    expect(screen.at("#grid-title b")).to_have_text(screen.steps()[1])
    screen.title_says("whole picture")  # another layer has other places
    wait = Question(screen, reference)
    expect(screen.at("#neurons .neuron-row .auto").first).to_contain_text(f"{wait.layer}:")
    shown_rows_equal(screen, wait.activation.sum((1, 2)), wait.effect.sum((1, 2)))
    assert f"layer={wait.layer}" in screen.page.url


def test_the_keyboard_alone(screen: Screen, reference: Reference) -> None:
    screen.open()
    start = screen.layer
    names = screen.steps()
    press = screen.page.keyboard.press
    press("[")
    before = names[names.index(start) - 1]
    expect(screen.at("#grid-title b")).to_have_text(before)
    wait_until(lambda: screen.steps('[aria-current="true"]') == [before], "so does the ladder")
    expect(screen.at("#neurons .auto").first).to_contain_text(f"{before}:")
    press("]")
    expect(screen.at("#grid-title b")).to_have_text(start)
    wait_until(lambda: screen.steps('[aria-current="true"]') == [start], "so does the ladder")
    expect(screen.at("#neurons .auto").first).to_contain_text(f"{start}:")
    rows = [channel for channel, _, _ in screen.rows()]
    chosen = screen.at('#neurons .neuron-row[aria-pressed="true"]')
    for key, row in (("j", 0), ("J", 1), ("K", 0), ("k", 0)):  # at the first one it stays
        press(key)
        expect(chosen).to_have_attribute("data-channel", str(rows[row]))
        expect(screen.at("#drawer")).to_have_class(re.compile("open"))
    press("Escape")
    expect(chosen).to_have_count(0)
    screen.at("#grid").focus()
    here = Question(screen, reference)
    middle = [n // 2 for n in here.grid]
    for key, move in (("ArrowUp", (-1, 0)), ("ArrowRight", (0, 1)), ("ArrowDown", (1, 0))):
        press(key)
        middle = [middle[0] + move[0], middle[1] + move[1]]
        screen.title_says(f"place {middle[0]},{middle[1]}")
    shown_rows_equal(
        screen, here.activation[:, middle[0], middle[1]], here.effect[:, middle[0], middle[1]]
    )
    press("Escape")
    screen.title_says("whole picture")


def test_keys_pressed_fast_all_count(screen: Screen) -> None:
    """Three keys before the server has answered the first are three steps."""
    screen.open()
    rows = [channel for channel, _, _ in screen.rows()]
    for _ in range(3):
        screen.page.keyboard.press("j")
    chosen = screen.at('#neurons .neuron-row[aria-pressed="true"]')
    expect(chosen).to_have_attribute("data-channel", str(rows[2]))
    screen.page.keyboard.press("Escape")
    names = screen.steps()
    at = names.index(screen.layer)
    for _ in range(3):
        screen.page.keyboard.press("[")
    expect(screen.at("#grid-title b")).to_have_text(names[at - 3])
