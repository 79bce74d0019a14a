"""The page with the starter pack: icons, class pictures and names are there at once, and say where
they come from."""

import re
import time
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import expect

from cache.reference import Reference
from cache.starter import MANIFEST, Pack, read_pack, shipped
from tests.dashboard.browser import Screen, decoded, wait_until

pytestmark = pytest.mark.browser
LAYER, UNIT = "features.12", 402
ATTEMPTS = count(1)  # each with a neuron whose own icon nobody has drawn
# what the large icon showed, one after the other: a quick machine passes over the first in a moment
KEEP_SOURCES = """window.sources = [];
new MutationObserver(records => records.forEach(({ target }) => {
  if (target.matches('.neuron-icon img.unit-icon')) window.sources.push(target.getAttribute('src'));
})).observe(document, { subtree: true, attributes: true, attributeFilter: ['src'] });"""


@pytest.fixture(scope="module")
def pack() -> Pack:
    if not (shipped() / MANIFEST).is_file():
        pytest.skip("the repository holds no starter pack yet: make starter")
    return read_pack(shipped())


def known(pack: Pack) -> Reference:
    found = pack.reference(LAYER)
    assert found is not None
    return found


def shown(screen: Screen) -> list[Any]:
    """Of the wall's cells: [neuron, the icon's address, whether its picture stands]."""
    return list(screen.at("#wall .wall-cell").evaluate_all(
        "cells => cells.map(c => { const i = c.querySelector('img');"
        " return [Number(c.dataset.unit), i.getAttribute('src'), i.naturalWidth > 1]; })"
    ))  # fmt: skip


def test_the_wall_is_full_at_once(screen: Screen, pack: Pack) -> None:
    drawn = set(pack.parts[LAYER].drawn)
    screen.page.goto(f"{screen.server.address}/neuron?layer={LAYER}&unit={UNIT}")
    expect(screen.at("#wall .wall-cell").first).to_be_visible()

    def cells() -> list[Any]:
        return [cell for cell in shown(screen) if cell[0] in drawn]

    wait_until(lambda: cells() and not any(c[1].startswith("data:") for c in cells()), "asked for")
    for unit, source, _ in cells():  # nothing is drawn first
        assert source == f"/starter/{pack.digest}/{LAYER}/{unit}.webp"
    wait_until(
        lambda: all(stands for unit, _, stands in shown(screen) if unit in drawn), "they stand"
    )


def test_the_large_icon_shows_it_first_and_then_its_own(screen: Screen, pack: Pack) -> None:
    unit = sorted(pack.parts[LAYER].drawn)[-next(ATTEMPTS)]
    screen.page.add_init_script(KEEP_SOURCES)
    # a warm worker may be done before the page knows what ships: it is asked a moment later
    screen.page.route("**/api/icons?*", lambda route: (time.sleep(0.5), route.continue_()))
    screen.page.goto(f"{screen.server.address}/neuron?layer={LAYER}&unit={unit}")
    icon = screen.at(".neuron-icon img.unit-icon")
    expect(icon).to_have_attribute("src", re.compile("^/blob/"))
    sources = screen.page.evaluate("window.sources")
    first = sources.index(f"/starter/{pack.digest}/{LAYER}/{unit}.webp")
    assert all(not source.startswith("/blob/") for source in sources[:first])
    assert pack.picture(LAYER, unit) is not None
    shipped_one = decoded(screen.server, sources[first])
    assert shipped_one.shape[:2] == (pack.parts[LAYER].about["side"],) * 2


def test_names_and_numbers_say_that_they_are_of_reference_photographs(
    screen: Screen, pack: Pack
) -> None:
    numbers = known(pack)
    screen.page.goto(f"{screen.server.address}/neuron?layer={LAYER}&unit={UNIT}")
    expect(screen.at("#neuron-head .unit-name")).to_have_text(numbers.names[UNIT])
    expect(screen.at("#neuron-head .unit-name")).to_have_class(re.compile("lent"))
    words = f"{numbers.pictures:,} reference photographs"
    expect(screen.at("#neuron-head .unit-hint")).to_have_text(f"from {words}")
    stored = pack.picture(LAYER, UNIT)
    assert stored is not None
    times = stored.reached / float(numbers.widest[UNIT])
    expect(screen.at("#neuron-trust")).to_contain_text(f"the icon against {words}")
    expect(screen.at("#neuron-trust")).to_contain_text(f"{times:.1f} times the strongest")
    expect(screen.at("#reference-responses")).to_contain_text(words)
    first = screen.at("#reference-responses .class-row span").first
    assert first.inner_text() in numbers.names[UNIT]


def test_answers_have_the_pictures_of_their_classes(screen: Screen, pack: Pack) -> None:
    screen.open()
    drawn = pack.parts["classes"].drawn
    rows = screen.at("#predictions .answer")
    for row in rows.all():
        index = int(row.get_attribute("data-class") or -1)
        assert row.locator("img").count() == (index in drawn)
        if index in drawn:
            expect(row.locator("img")).to_have_attribute(
                "src", f"/starter/{pack.digest}/classes/{index}.webp"
            )


def test_another_network_gets_nothing_of_it(screen: Screen, pack: Pack) -> None:
    screen.open("/explore?model=efficientnet_lite0")
    assert screen.at("[src^='/starter/']").count() == 0
    expect(screen.at("#neurons")).not_to_contain_text("reference photographs")
