"""The Atlas page on the embedded network, in a real browser: maps of two layers, built from the
sample photographs before the page is opened, and one that is built by the page's own button."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from analysis.atlas import cellview
from analysis.atlas.reading import PICTURE, Atlas, opened
from analysis.classgroups import evidence, imagenet_groups, shares
from dashboard import tasks
from dashboard.tasks_atlas import atlas as building
from tests.dashboard import atlas_page
from tests.dashboard.browser import (
    NARROW,
    WIDE,
    Screen,
    Server,
    number,
    screen_on,
    wait_until,
)
from tests.dashboard.made_up import with_pictures
from tests.dashboard.steps import result

pytestmark = pytest.mark.browser

LAYER, BELOW, NONE = "features.12", "features.10", "features.4"
SIDE, BOW_TIE, UNIFORM = 5, 457, 652


@pytest.fixture(scope="module")
def atlases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Atlas]:
    """Small maps of two layers in a cache of their own, by layer; both show the same pictures."""
    cache = tmp_path_factory.mktemp("atlas") / "c"
    bench = tasks.make_state({
        "model": "squeezenet1_1", "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(cache), "images": None, "labels": None,
    })  # fmt: skip
    asked = {"model": "squeezenet1_1", "grids": [SIDE], "points": 300, "method": "pca"}
    keys = {layer: result(building(bench, layer=layer, **asked))["key"] for layer in (BELOW, LAYER)}
    return {layer: opened(cache, key) for layer, key in keys.items()}


@pytest.fixture(scope="module")
def shown(atlases: dict[str, Atlas]) -> Iterator[Server]:
    running = Server(atlases[LAYER].folder.root.parents[2])
    yield running
    running.close()


@pytest.fixture
def screen(chromium: Browser, shown: Server) -> Iterator[Screen]:
    yield from screen_on(chromium, shown, viewport=WIDE)


@pytest.fixture
def phone(chromium: Browser, shown: Server) -> Iterator[Screen]:
    yield from screen_on(chromium, shown, viewport=NARROW, has_touch=True)


class Chart(atlas_page.Atlas):
    """The first map of the page, with the atlas that it shows."""

    def __init__(self, screen: Screen, atlas: Atlas) -> None:
        super().__init__(screen, screen.server)  # type: ignore[arg-type]
        self.atlas, self.cells = atlas, atlas.cells(SIDE)

    def go(self, more: str = "") -> "Chart":
        layer = self.atlas.manifest["layer"]
        self.page.goto(f"{self.screen.server.address}/atlas?layer={layer}{more}")
        expect(self.screen.at("#map-head h1")).to_have_text(f"Everything {layer} can see")
        expect(self.screen.at("#map-picture canvas")).to_be_visible()
        self.still()
        return self

    def middle(self, cell: int) -> tuple[float, float]:
        """Of a cell, on the page as it is scrolled now."""
        self.screen.at(".atlas-canvas").first.scroll_into_view_if_needed()
        self.screen.steady(".atlas-canvas >> nth=0")  # panels above it may still be filled
        col, row = self.cells.col[cell], self.cells.row[cell]
        return self.mouse(*self.point((col + 0.5) / SIDE, (row + 0.5) / SIDE))

    def click(self, cell: int) -> None:
        self.page.mouse.click(*self.middle(cell))
        self.opens(cell)

    def opens(self, cell: int) -> None:
        """The cell's own panel is there."""
        name = f"Cell {self.cells.col[cell]},{self.cells.row[cell]} of {SIDE}"
        expect(self.screen.at("#map-cell h2")).to_have_text(name)

    @property
    def inside(self) -> list[int]:
        """The cells of the main square that lie free of buttons, those with most samples first."""
        view, found = self.view, []
        for i in np.argsort(-self.cells.count, kind="stable"):
            col, row = int(self.cells.col[i]), int(self.cells.row[i])
            free = view.inside(*view.point((col + 0.5) / SIDE, (row + 0.5) / SIDE))
            if free and min(col, row) >= 0 and max(col, row) < SIDE:
                found.append(int(i))
        return found


@pytest.fixture
def chart(screen: Screen, atlases: dict[str, Atlas]) -> Chart:
    return Chart(screen, atlases[LAYER]).go()


def names_of(screen: Screen) -> list[str]:
    _, data = screen.server.get("/api/names-of-classes?model=squeezenet1_1")
    return list(json.loads(data)["classes"])


def test_the_map_says_what_it_is_worth(chart: Chart) -> None:
    quality = chart.atlas.manifest["quality"]
    said = chart.screen.at("#map-head .caption").first
    expect(said).to_contain_text(f"{chart.atlas.manifest['points']} places of 29 pictures")
    expect(said).to_contain_text(f"{quality['trust']:.2f} of 1 (laid flat, {quality['pca']:.2f})")
    assert chart.state("sheet.key") == chart.atlas.folder.key
    assert chart.state("grid.count") == chart.cells.count.tolist()


def test_a_click_on_a_cell_opens_its_panel(chart: Chart) -> None:
    screen, atlas, cells, names = chart.screen, chart.atlas, chart.cells, names_of(chart.screen)
    for cell in chart.inside[:2]:
        chart.click(cell)
        expect(screen.at("#map-cell ul")).to_contain_text(f"mean of {cells.count[cell]} places")
        rows = screen.at("#map-cell .class-line")
        expect(rows).to_have_count(6)
        for row, index in zip(rows.all(), cells.top[cell], strict=False):
            expect(row.locator("span")).to_have_text(names[index])
            value = float(cells.effects[cell, index])
            assert number(row.locator("b").inner_text()) == pytest.approx(value, abs=0.006)
        patches = screen.at("#map-cell .patch")
        typical = cellview.typical(atlas, cells, cell)
        expect(patches).to_have_count(len(typical))
        told = [f"{one.name}: the network says {names[one.said]}" for one in typical]
        assert patches.evaluate_all("all => all.map(p => p.ariaLabel)") == told
        wait_until(lambda: loaded(screen, "#map-cell .patch img, #map-cell .cell-icon"), "pictures")
        found = cellview.neurons(cells.means, cells.count, cell)
        lines = screen.at(
            "#map-cell .neuron-line",
        ).filter(has_text="\u00d7")
        expect(lines).to_have_count(len(found))
        assert number(lines.first.locator("b").inner_text()) == pytest.approx(found[0][1], rel=0.05)
        known = [atlas.trust[i] for i in cells.of(cell) if not np.isnan(atlas.trust[i])]
        expect(screen.at("#map-cell ul")).to_contain_text(
            f"its neighbours are neighbours in truth: {np.mean(known):.2f} of 1"
        )
        place = f"cell={SIDE}:{cells.col[cell]},{cells.row[cell]}"
        expect(screen.page).to_have_url(re.compile(re.escape(place)))


def loaded(screen: Screen, selector: str) -> bool:
    """Every picture stands; those further down come when they are scrolled to."""
    screen.page.wait_for_timeout(50)
    return bool(screen.at(selector).evaluate_all(
        "all => all.every(i => { i.scrollIntoView(); return i.complete && i.naturalWidth > 0; })"
    ))  # fmt: skip


def test_a_neuron_of_the_cell_is_one_click_away(chart: Chart) -> None:
    cell = chart.inside[0]
    chart.click(cell)
    unit = cellview.neurons(chart.cells.means, chart.cells.count, cell)[0][0]
    chart.screen.at("#map-cell .neuron-line").filter(has_text="\u00d7").first.click()
    expect(chart.page).to_have_url(re.compile(rf"/neuron\?.*unit={unit}\b"))
    expect(chart.screen.at("#neuron-head .own-name")).to_be_visible()
    chart.page.go_back()
    chart.opens(cell)


def choose_class(screen: Screen, field: str, text: str) -> None:
    """Types a name into a field of classes."""
    there = screen.at(f"#map-class-{field}")
    expect(screen.at("#class-and-group-names option")).to_have_count(1000 + len(imagenet_groups()))
    there.fill(text)
    there.press("Enter")


def coloured(chart: Chart, number: int) -> None:
    """The map is coloured by this class."""
    wait_until(lambda: chart.page.wait_for_timeout(30) or chart.state("asked.a") == number, "it")
    chart.still()


def test_a_class_is_found_by_its_name(chart: Chart) -> None:
    screen, cells = chart.screen, chart.cells
    screen.at(
        "#map-classes button",
    ).filter(has_text="one class").click()
    expect(screen.at("#map-class-a")).to_have_value("bow tie")  # what the network says
    choose_class(screen, "a", "uniform")
    expect(screen.at("#map-class-a")).to_have_value("military uniform")
    expect(screen.page).to_have_url(re.compile(rf"a={UNIFORM}.*tint=a\b"))
    coloured(chart, UNIFORM)
    assert (chart.state("asked.a"), chart.state("asked.b")) == (UNIFORM, None)
    cell = chart.inside[0]
    chart.page.mouse.move(*chart.middle(cell))
    expect(screen.at(".atlas-hover").first).to_contain_text("military uniform")
    value = number(chart.line().split("military uniform")[1])
    assert value == pytest.approx(cells.effects[cell, UNIFORM], abs=0.006)
    screen.at("#map-classes button").filter(has_text="hard").click()
    expect(screen.page).to_have_url(re.compile("strength=3"))
    choose_class(screen, "a", "terrier")
    expect(screen.at("#toast")).to_contain_text("Several classes are called so")
    choose_class(screen, "a", "no such thing")
    expect(screen.at("#toast")).to_contain_text("No class of this network")
    assert f"a={UNIFORM}" in screen.page.url


def test_all_classes_of_a_kind_are_found_by_one_word(chart: Chart) -> None:
    screen, words = chart.screen, [group.word for group in imagenet_groups()]
    screen.at("#map-classes .pill").filter(has_text="buildings").click()
    expect(screen.at("#map-class-a")).to_have_value("buildings")
    expect(screen.at("#map-classes .pill[aria-current]")).to_have_text("buildings")
    assert not screen.at("#map-classes .atlas-build").count(), "a map of 44 classes is none"
    for typed, word in (("dog", "dogs"), ("monkeys", "apes, monkeys and lemurs"), ("cat", "cats")):
        choose_class(screen, "a", typed)
        expect(screen.at("#map-class-a")).to_have_value(word)
        number_of = 1000 + words.index(word)
        expect(screen.page).to_have_url(re.compile(rf"a={number_of}.*tint=a\b"))
    coloured(chart, number_of)
    group, cell = imagenet_groups()[words.index("cats")], chart.inside[0]
    chart.page.mouse.move(*chart.middle(cell))
    expect(screen.at(".atlas-hover").first).to_contain_text("cats")
    own = float(evidence(chart.cells.effects, group)[cell])
    assert number(chart.line().split("cats")[1]) == pytest.approx(own, abs=0.006)
    screen.at("nav").get_by_text("Explore").first.click()
    expect(screen.at("#sentence")).to_contain_text("bow tie")  # elsewhere it is no class


def test_the_groups_of_a_cell_colour_the_map(chart: Chart) -> None:
    shared = shares(chart.cells.effects, chart.cells.count)
    cell = max(chart.inside, key=lambda i: shared[i].max())
    chart.click(cell)
    best = int(shared[cell].argmax())
    row = chart.screen.at("#map-cell .group-line").first
    expect(row).to_contain_text(f"{100 * shared[cell, best]:.0f} %")
    row.click()
    expect(chart.page).to_have_url(re.compile(rf"a={1000 + best}\b.*tint=a\b"))


def test_a_class_of_a_cell_colours_the_map(chart: Chart) -> None:
    cell = chart.inside[0]
    chart.click(cell)
    chart.screen.at("#map-cell .class-line").first.click()
    best = int(chart.cells.top[cell, 0])
    expect(chart.page).to_have_url(re.compile(rf"a={best}\b.*tint=a\b"))
    chart.opens(cell)
    wait_until(lambda: chart.page.wait_for_timeout(30) or chart.state("asked.a") == best, "it")


def test_one_class_against_another(chart: Chart) -> None:
    screen, effects = chart.screen, chart.cells.effects
    screen.at("#map-classes button").filter(has_text="A against B").click()
    choose_class(screen, "b", "neck brace")
    expect(screen.page).to_have_url(re.compile(r"b=678\b.*tint=ab"))
    expect(screen.at("#map-classes .caption")).to_contain_text("speaks for A rather than B")
    wait_until(lambda: chart.page.wait_for_timeout(30) or chart.state("asked.b") == 678, "B")
    chart.still()
    for cell in chart.inside[:3]:
        chart.page.mouse.move(*chart.middle(cell))
        rather = float(effects[cell, BOW_TIE] - effects[cell, 678])
        words = f"for {'neck brace' if rather < 0 else 'bow tie'} by {abs(rather):.2f}"
        expect(screen.at(".atlas-hover").first).to_contain_text(words)


def test_the_pictures_places_and_the_map_mark_each_other(chart: Chart) -> None:
    screen, page = chart.screen, chart.page
    wait_until(lambda: page.wait_for_timeout(50) or chart.state("asked.places").__len__(), "places")
    places = chart.state("asked.places")
    assert len(places) > 150  # of 169; the network is silent at few
    wanted = next(p for p in places if 2 <= p["row"] <= 10 and 2 <= p["col"] <= 10)
    canvas = screen.at("#map-places")
    canvas.scroll_into_view_if_needed()
    box = screen.steady("#map-places")
    empty = canvas.evaluate("c => c.toDataURL()")
    page.mouse.move(box["x"] + (wanted["col"] + 0.5) * box["width"] / 13,
                    box["y"] + (wanted["row"] + 0.5) * box["height"] / 13)  # fmt: skip
    wait_until(lambda: page.wait_for_timeout(30) or chart.state("place"), "the map knows")
    assert chart.state("place") == {"row": wanted["row"], "col": wanted["col"]}
    assert canvas.evaluate("c => c.toDataURL()") != empty
    page.mouse.move(5, 5)
    wait_until(lambda: page.wait_for_timeout(30) or not chart.state("place"), "let go")
    assert canvas.evaluate("c => c.toDataURL()") == empty
    screen.at(".atlas-canvas").first.scroll_into_view_if_needed()
    screen.steady(".atlas-canvas >> nth=0")
    dot = next(p for p in places if chart.view.inside(*chart.point(p["x"], p["y"])))
    page.mouse.move(*chart.mouse(*chart.point(dot["x"], dot["y"])))
    wait_until(lambda: page.wait_for_timeout(30) or chart.state("place"), "the picture knows")
    assert canvas.evaluate("c => c.toDataURL()") != empty


def test_the_places_are_the_opened_pictures(chart: Chart) -> None:
    """The picture's own samples are among those of the map: its dots lie where they lie."""
    atlas = chart.atlas
    for name in (0, 3):
        about = atlas.manifest["pictures"][name]
        chart.go(f"&picture={about['key']}")
        wait_until(lambda: chart.page.wait_for_timeout(50) or chart.state("asked.places"), "places")
        dots = {(p["row"], p["col"]): (p["x"], p["y"]) for p in chart.state("asked.places")}
        rows = atlas.samples.all()
        scaled = atlas.box.scaled(atlas.points)
        mine = np.flatnonzero(rows[:, PICTURE] == name)
        away = [
            np.abs(np.subtract(dots[divmod(int(rows[i, 1]), 13)], scaled[i])).max() for i in mine
        ]
        assert np.median(away) < 0.1


def test_another_layers_map_beside(chart: Chart, atlases: dict[str, Atlas]) -> None:
    screen, page = chart.screen, chart.page
    expect(screen.at("#atlas-beside")).to_be_hidden()
    row = screen.at(".layer-line").filter(has_text=BELOW)
    row.get_by_role("button", name="Lay the map of").click()
    expect(screen.at("#atlas-beside")).to_be_visible()
    second = "neuronscope.atlas.maps[1]"
    page.wait_for_function(f"() => {second}.sheet && {second}.asked.places.length")
    assert page.evaluate(f"() => {second}.sheet.layer") == BELOW
    assert chart.state("sheet.layer") == LAYER
    chart.still()
    # a place of the picture is lit on both
    page.evaluate("() => document.dispatchEvent(new CustomEvent('place-hover', "
                  "{ detail: { row: 5, col: 5 } }))")  # fmt: skip
    assert page.evaluate("() => neuronscope.atlas.maps.map(m => m.place.row)") == [5, 5]
    row.get_by_role("button", name="Lay the map of").click()
    expect(screen.at("#atlas-beside")).to_be_hidden()


def test_the_same_places_are_found_on_another_layer(
    chart: Chart, atlases: dict[str, Atlas]
) -> None:
    screen, other = chart.screen, atlases[BELOW]
    cell = chart.inside[0]
    chart.click(cell)
    expected = cellview.elsewhere(chart.atlas, chart.cells, cell, other, other.cells(SIDE))
    found = screen.at("#map-cell .neuron-line").filter(has_text=BELOW)
    expect(found).to_have_count(len(expected))
    expect(found.first).to_have_text(f"{BELOW}: {100 * expected[0][1]:.0f} % of them")
    found.first.click()
    expect(screen.at("#map-head h1")).to_have_text(f"Everything {BELOW} can see")
    Chart(screen, other).opens(expected[0][0])


def test_the_address_reopens_the_view_and_back_goes_back(
    chart: Chart, shown: Server, atlases: dict[str, Atlas]
) -> None:
    first, second = chart.inside[:2]
    chart.click(first)
    chart.page.mouse.move(*chart.middle(first))
    chart.page.mouse.wheel(0, -300)
    wait_until(lambda: chart.page.wait_for_timeout(50) or "spot=" in chart.page.url, "the spot")
    chart.still()
    chart.page.wait_for_timeout(600)  # the address follows a little later
    camera = chart.camera
    other = Screen(chart.page.context.new_page(), shown)
    other.page.goto(chart.page.url)
    again = Chart(other, atlases[LAYER])
    again.opens(first)
    again.still()
    assert again.camera == pytest.approx(camera, abs=2e-3)
    assert again.state("cell") == [SIDE, int(chart.cells.col[first]), int(chart.cells.row[first])]
    assert not other.errors
    other.page.close()
    chart.screen.at(".atlas-fit").first.click()
    chart.still()
    chart.click(second)
    chart.page.go_back()
    chart.opens(first)


def test_a_layer_without_a_map_offers_to_build_it(screen: Screen) -> None:
    screen.page.goto(f"{screen.server.address}/atlas?layer={NONE}")
    expect(screen.at("#map-head h1")).to_have_text(f"No map of {NONE} yet")
    expect(screen.at("#map-head .atlas-build")).to_have_text(
        "Build it from 29 pictures (sample photographs)"
    )
    expect(screen.at("#map-cell h2")).to_have_text("A cell")


def test_on_a_phone_nothing_is_too_small_or_too_wide(
    phone: Screen, atlases: dict[str, Atlas]
) -> None:
    chart = Chart(phone, atlases[LAYER]).go("&tint=ab")
    cells = chart.cells
    place = f"{SIDE}:{cells.col[chart.inside[0]]},{cells.row[chart.inside[0]]}"
    chart.go(f"&tint=ab&cell={place}")
    chart.opens(chart.inside[0])
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    small = phone.at("#atlas-page button:visible").evaluate_all(
        "all => all.filter(b => b.getBoundingClientRect().height < 44 && !b.matches('.patch'))"
        ".map(b => [b.innerText, b.getBoundingClientRect().height])"
    )
    assert small == []


# ---- a build by the button, on a small network


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    desk = with_pictures(tmp_path_factory.mktemp("workshop"), 6)
    model: Path = desk.folder / "net.py"
    running = Server(desk.folder, "--model", f"{model}:make", "--images", str(desk.folder / "pics"))
    yield running
    running.close()


@pytest.mark.slow
def test_a_map_is_built_by_the_button_and_grows(chromium: Browser, workshop: Server) -> None:
    for screen in screen_on(chromium, workshop, viewport=WIDE):
        screen.page.goto(f"{workshop.address}/atlas?layer=2")
        expect(screen.at("#map-head h1")).to_have_text("No map of 2 yet")
        line = screen.at("#atlas-building")
        screen.at("#map-head .atlas-build").click()
        expect(line).to_contain_text("laying the map out")
        expect(screen.at("#map-head .atlas-build")).to_be_disabled()
        screen.at("#jobs button[title='Cancel: building an atlas']").click()
        expect(line).to_contain_text("What stands is kept")
        screen.at("#map-head .atlas-build").click()
        expect(screen.at("#map-head h1")).to_have_text("Everything 2 can see", timeout=170_000)
        expect(line).to_be_hidden(timeout=170_000)
        expect(screen.at("#map-head .atlas-build")).to_have_count(0)
        expect(screen.at("#map-head .caption")).to_contain_text("places of 6 pictures. Neighbours")
        chart = atlas_page.Atlas(screen, workshop)  # type: ignore[arg-type]
        chart.still()
        grids = chart.state("sheet.grids.map(g => [g.side, g.col.length, g.drawn.every(Boolean)])")
        assert [grid[0] for grid in grids] == [20, 40]
        assert all(drawn for _, cells, drawn in grids if cells)


def test_a_layer_that_is_not_there_is_told_in_one_line(screen: Screen) -> None:
    screen.page.goto(screen.server.address + "/atlas?layer=nowhere")
    expect(screen.at("#map-head .note.error")).to_contain_text("no layer 'nowhere'")
    expect(screen.at("#map-picture .note.error")).to_contain_text("no layer 'nowhere'")
    expect(screen.at("#map-head .atlas-build")).to_have_count(0)
    expect(screen.at("#map-layers .layer-row").first).to_be_visible()
