"""The claim of Errors in a real browser: in neuron groups, in every layer, and on the faders."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard.browser import NARROW, Screen, Server, number, screen_on, wait_until
from tests.dashboard.test_page_errors import BOW_TIE, Errors, serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from serving(tmp_path_factory, "claimed")


@pytest.fixture
def pocket(chromium: Browser, folder: Server) -> Iterator[Errors]:
    for screen in screen_on(chromium, folder, viewport=NARROW, has_touch=True):
        yield Errors(screen)


@pytest.fixture
def errors(screen: Screen) -> Errors:
    return Errors(screen)


def groups(errors: Errors) -> list[int]:
    """The rows, in their order."""
    expect(errors.at("#err-claim .of-group").first).to_be_visible()
    rows = errors.at("#err-claim .of-group")
    return [int(g) for g in rows.evaluate_all("rows => rows.map(r => r.dataset.group)")]


def ticked(errors: Errors) -> list[int]:
    rows = errors.at("#err-claim .of-group:not(.left-out)")
    return [int(g) for g in rows.evaluate_all("rows => rows.map(r => r.dataset.group)")]


def test_the_claim_in_groups(errors: Errors) -> None:
    errors.go("?stage=picture")
    neurons = errors.evidence()
    errors.at("#err-claim .err-tabs").get_by_text("groups").click()
    errors.says("#err-sentence", "of neurons of features.12")
    every, claimed = groups(errors), ticked(errors)
    assert sorted(every) == list(range(6))
    assert 1 <= len(claimed) <= 3
    assert claimed == every[: len(claimed)]
    assert "tab=groups" in errors.page.url
    errors.says("#err-verdict", "as much activation of the others")
    expect(errors.at("#err-seen canvas.groups")).to_be_visible()
    before = errors.screen.text("#err-claim #without")
    errors.at(f'.of-group[data-group="{every[-1]}"] .tick').click()  # one more is taken away
    expect(errors.at(".of-group.left-out")).to_have_count(5 - len(claimed))
    expect(errors.at("#err-claim #without")).not_to_have_text(before)
    expect(errors.page).to_have_url(re.compile(f"drop=g{every[-1]}"))
    for group in (every[-1], *claimed):
        errors.at(f'.of-group[data-group="{group}"] .tick').click()
        wait_until(lambda g=group: g not in ticked(errors), "it is left out")
    errors.says("#err-claim .note", "nothing is removed")
    errors.at("#err-claim .err-tabs").get_by_text("neurons").click()
    expect(errors.at("#err-claim .evidence-row[data-unit]").first).to_be_visible()
    assert errors.evidence() == neurons
    expect(errors.at("#err-claim .left-out")).to_have_count(0)  # the ticks of groups are their own
    errors.page.go_back()
    errors.says("#err-claim .note", "nothing is removed")


def test_every_layers_own_claim_comes_after_it(errors: Errors) -> None:
    errors.go("?stage=picture")
    errors.says("#err-sentence", f"Says {BOW_TIE}")
    ladder = errors.at(".err-strip button")
    expect(ladder).to_have_count(8)
    expect(errors.at(".err-strip .step-in")).to_have_count(8)
    expect(errors.at(".err-strip [aria-current]")).to_contain_text("12")
    left = {
        name.inner_text(): number(step.inner_text())
        for name, step in zip(errors.at(".err-strip b").all(),
                              errors.at(".err-strip .left").all(), strict=True)
    }  # fmt: skip
    assert left["12"] == errors.screen.number("#err-claim #without")
    ladder.filter(has=errors.page.locator("b", has_text=re.compile("^9$"))).click()
    errors.says("#err-sentence", "features.9")
    assert left["9"] == errors.screen.number("#err-claim #without")
    expect(errors.at(".err-strip [aria-current] b")).to_have_text("9")
    expect(errors.at(".err-strip .step-in")).to_have_count(8)  # they are the same


def test_a_group_is_turned_down(errors: Errors) -> None:
    errors.go("?stage=picture&tab=groups")
    first = groups(errors)[0]
    expect(errors.at("[data-fader]")).to_have_count(6)
    errors.at(f'[data-fader="g{first}"]').fill("0")
    expect(errors.at("#bench-faded")).to_contain_text("Margin")
    expect(errors.page).to_have_url(re.compile(f"fade=g{first}:0"))
    measured = wait_until(
        lambda: errors.at("#bench-faded").get_attribute("data-now"), "it is measured"
    )  # read once: it is empty while the panel of the new address is filled
    now = float(measured)
    for group in ticked(errors):
        if group != first:
            errors.at(f'.of-group[data-group="{group}"] .tick').click()
    wait_until(lambda: ticked(errors) == [first], "it alone is taken away")
    errors.screen.shows("#err-claim #without", now)
    errors.at("[data-bench-job*=bench_cost]").click()
    expect(errors.at("#bench-cost")).to_contain_text("\u2192")


def test_groups_and_layers_on_a_phone(pocket: Errors) -> None:
    pocket.go("?wall=0,1&stage=wall")
    pocket.at(".err-card").nth(1).tap()
    pocket.says("#err-sentence", "Says green rather than red")
    pocket.at("#err-claim .err-tabs").get_by_text("groups").tap()
    assert groups(pocket)
    expect(pocket.at(".err-strip .step-in").first).to_be_visible()
    width = "document.documentElement.scrollWidth"
    assert pocket.page.evaluate(width) <= NARROW["width"]
    for button in (".of-group .tick", ".err-strip button", "#err-claim .err-tabs button"):
        box = pocket.at(button).first.bounding_box()
        assert box is not None
        assert box["height"] >= 44
