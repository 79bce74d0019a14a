"""The Neuron page: the wall of a layer, and names that the user gives."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import Reference, Screen, wait_until

pytestmark = pytest.mark.browser


def opened(screen: Screen, query: str = "") -> Screen:
    """The Neuron page with its wall standing."""
    screen.page.goto(f"{screen.server.address}/neuron{query}")
    expect(screen.at("#wall .wall-cell").first).to_be_visible()
    expect(screen.at("#neuron-head .own-name")).to_be_visible()
    return screen


def units(screen: Screen) -> list[int]:
    """The neurons of the wall that are in the page, as they lie."""
    found = screen.at("#wall .wall-cell").evaluate_all(
        "cells => cells.map(c => { const b = c.getBoundingClientRect();"
        " return [b.top, b.left, Number(c.dataset.unit)]; })"
    )
    return [int(unit) for _, _, unit in sorted(found)]


def test_the_wall_is_sorted_by_the_effect_on_the_open_picture(
    screen: Screen, reference: Reference
) -> None:
    screen.open()
    x = reference.seen(screen)
    logits = reference.logits(x)
    shown = screen.text("#sentence b.pos"), screen.text("#sentence b.neg")
    a, b = (reference.names.index(name) for name in shown)
    assert a == int(logits.argmax())
    activation, effect = reference.effects(x, screen.layer, a, b)
    screen.at("#nav-neuron").click()
    expect(screen.at("#wall .wall-cell").first).to_be_visible()
    order = list(abs(effect.sum((1, 2))).argsort()[::-1])
    by_activation = list(activation.sum((1, 2)).argsort()[::-1])
    for sort, units_first in (("effect", order), ("activation", by_activation),
                              ("number", list(range(20)))):  # fmt: skip
        screen.at("#wall-sort").select_option(sort)
        wait_until(lambda wanted=units_first: units(screen)[:20] == wanted[:20], f"by {sort}")


def test_only_what_is_in_view_exists_and_a_cell_opens(screen: Screen) -> None:
    opened(screen)
    assert len(units(screen)) < 120
    expect(screen.at("#wall-count")).to_have_text("512 neurons")
    screen.at("#wall-sort").select_option("number")
    screen.at("#wall-view").evaluate("view => { view.scrollTop = view.scrollHeight; }")
    last = screen.at(".wall-cell[data-unit='511']")
    expect(last).to_be_visible()
    last.click()
    expect(screen.at("#neuron-head .label").first).to_contain_text("neuron 511 of 512")
    expect(last).to_have_attribute("aria-pressed", "true")
    assert "unit=511" in screen.page.url


def test_a_name_is_given_and_shown_everywhere(screen: Screen, tmp_path: Path) -> None:
    opened(screen, "?unit=402")
    field = screen.at("#own-name-402")
    field.fill("  bow <b>tie</b>  knot ")
    field.press("Enter")
    expect(screen.at("#neuron-head .unit-name")).to_have_text("bow <b>tie</b> knot")
    screen.at("#wall-search").fill("KNOT bow")
    expect(screen.at("#wall-count")).to_have_text("1 of 512")
    assert units(screen) == [402]
    with screen.page.expect_download() as waiting:
        screen.at("text=export names").click()
    document = json.loads(Path(waiting.value.path()).read_text("utf-8"))
    assert document["names"] == {"features.12": {"402": "bow <b>tie</b> knot"}}

    screen.at("text=back to the picture").click()
    row = screen.at("#neurons .neuron-row[data-channel='402'] .unit-name")
    expect(row).to_have_text("bow <b>tie</b> knot")
    screen.page.reload()
    expect(row).to_have_text("bow <b>tie</b> knot")

    document["names"]["features.12"] = {"402": "", "7": "seven"}
    back = tmp_path / "names.json"
    back.write_text(json.dumps(document))
    opened(screen, "?unit=7")
    screen.at("#names-file").set_input_files(back)
    expect(screen.at("#neuron-head .unit-name")).to_have_text("seven")
    opened(screen, "?unit=402")
    assert screen.at("#own-name-402").input_value() == ""


def test_search_by_number_and_by_class(screen: Screen) -> None:
    opened(screen)
    screen.at("#wall-search").fill("51")
    expect(screen.at("#wall-count")).to_have_text("3 of 512")
    assert sorted(units(screen)) == [51, 510, 511]
    wait_until(lambda: _found(screen, "drum"), "the class profile is known")
    screen.at("#wall-search").fill("no such thing")
    expect(screen.at("#wall-count")).to_have_text("0 of 512")


def _found(screen: Screen, words: str) -> bool:
    screen.at("#wall-search").fill(words)
    screen.page.wait_for_timeout(300)
    return 0 < len(units(screen)) < 200


def test_a_file_that_holds_no_names_is_said(screen: Screen, tmp_path: Path) -> None:
    screen.allowed.append("/api/names")
    opened(screen)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"format": "something else"}')
    screen.at("#names-file").set_input_files(wrong)
    expect(screen.at("#toast")).to_contain_text("no file of names")


def test_names_from_another_site_are_refused(screen: Screen) -> None:
    path = "/api/name?layer=features.12&unit=1"
    status, _ = screen.server.get(path, method="POST", body=b"x")
    assert status == 403
    ours = {"X-Neuronscope": "1"}
    for wrong in ("layer=nope&unit=1", "layer=features.12&unit=512", "layer=features.12&unit=x"):
        status, said = screen.server.get(
            f"/api/name?{wrong}", method="POST", body=b"x", headers=ours
        )
        assert status == 422
        assert b"no neuron" in said


def test_a_neuron_out_of_range_leaves_the_wall_to_choose_from(screen: Screen) -> None:
    screen.page.goto(f"{screen.server.address}/neuron?layer=features.9&unit=500")
    expect(screen.at("#neuron-head .note.error")).to_contain_text("out of range")
    screen.at("#wall .wall-cell").first.click()
    expect(screen.at("#neuron-head .own-name")).to_be_visible()
    expect(screen.at("#neuron-rest")).to_be_visible()


def test_the_panels_fill_and_a_source_leads_to_its_own_page(screen: Screen) -> None:
    opened(screen, "?unit=402")
    rows = screen.at("#neuron-links button.link-row")
    expect(rows).to_have_count(8)
    expect(screen.at("#fed-check")).to_contain_text("Taken away together these 8")
    expect(screen.at("#neuron-wiring .class-row").first).to_contain_text("bow tie")
    expect(screen.at("#neuron-patches .histogram i").first).to_be_attached()
    expect(screen.at("#neuron-patches .patches")).to_have_count(3)
    source = json.loads(rows.first.get_attribute("data-do") or "")
    rows.first.click()
    expect(screen.at("#neuron-head .label").first).to_contain_text(
        f"neuron {source['unit']} of 512 in features.11"
    )
    expect(screen.at("#wall-layer")).to_have_value("features.11")


def test_trust_stands_when_it_is_measured(screen: Screen) -> None:
    opened(screen, "?unit=47")
    screen.at("#wall-search").fill("47")  # trust waits for the icons that are in sight
    expect(screen.at("#trust-sentence")).to_have_text("Strong and selective.")
    expect(screen.at("#neuron-trust")).to_contain_text(
        "the icon against 4,407 reference photographs"
    )
    expect(screen.at("#neuron-trust .seeds img")).to_have_count(3)


def test_what_was_said_of_another_neuron_does_not_stay(screen: Screen) -> None:
    opened(screen, "?unit=47")
    screen.at("#wall-search").fill("47")
    expect(screen.at("#trust-sentence")).to_be_visible()
    first = screen.text("#neuron-trust")
    screen.at("#wall .wall-cell:not([aria-pressed='true'])").first.click()
    # that it is being measured is said in between: a quick machine passes over it
    wait_until(lambda: screen.text("#neuron-trust") != first, "what was said is gone")
    expect(screen.at("#trust-sentence")).to_be_visible()
    assert screen.text("#neuron-trust") != first
