"""What the map of an atlas paints, read off its canvas in a real browser: icons, grids that refine,
doubt, classes, places, and the line below it."""

import numpy as np
import pytest
from playwright.sync_api import expect

from benchmarks.atlas_bare import Bare, asked, link
from benchmarks.atlas_made import Grid, effect
from tests.dashboard.atlas_page import GAPS, MADE, Atlas, cell, flat, near
from tests.dashboard.browser import wait_until

pytestmark = pytest.mark.browser

PAPER, DARK = (255, 255, 255), (23, 24, 26)
FOR, AGAINST = (42, 111, 187), (196, 102, 11)
SNORKEL, CASTLE = 3, 6


@pytest.mark.parametrize("zoom", [0.75, 1, 1.6, 2.9, 5, 9, 12])
def test_the_grid_whose_cells_are_readable_is_shown(atlas: Atlas, zoom: float) -> None:
    atlas.open(spot=[0.5, 0.5, zoom])
    unit = atlas.view.unit

    def off(side: int) -> float:
        wide = unit / side
        return max(1.0, 44 / wide, wide / 90)

    assert atlas.state("grid.side") == min(MADE.sides, key=off)


def test_each_icon_is_painted_in_its_cell_in_its_size(atlas: Atlas) -> None:
    for spot in ([0.5, 0.5, 1], [0.45, 0.5, 2.2], [0.55, 0.45, 7]):  # mosaics and tiles
        atlas.open(spot=spot)
        grid = Grid(MADE, atlas.state("grid.side"))
        seen, view = 0, atlas.view
        for i in range(0, len(grid.col), 7):
            px, py = view.point(grid.x[i], grid.y[i])
            if not view.inside(px, py) or grid.trust[i] < MADE.doubt:
                continue
            seen += 1
            within = 3 if grid.side < 80 else 16  # a tile's pixels are grown here
            assert near(view.pixel(px, py), flat(grid, i), within), (spot, grid.col[i])
            half = view.unit / grid.side / 2
            if grid.size[i] < 0.85:  # beside the icon there is paper
                assert near(view.pixel(px - 0.97 * half, py - 0.97 * half), PAPER, 2)
        assert seen > 5
    assert not [path for path in atlas.bare.log if not exists(atlas.bare, path)]


def exists(bare: Bare, path: str) -> bool:
    """No tile is asked for that is not there."""
    return not path.startswith("/atlas/") or (bare.folder / path[1:]).is_file()


def test_doubtful_cells_are_hatched_and_no_others(atlas: Atlas) -> None:
    atlas.open(spot=[0.85, 0.5, 1.8])
    grid = Grid(MADE, atlas.state("grid.side"))
    counts, view = {True: 0, False: 0}, atlas.view
    for i in range(len(grid.col)):
        px, py = view.point(grid.x[i], grid.y[i])
        if not view.inside(px, py) or abs(grid.x[i] - 0.5) > 0.5:
            continue
        along = [view.pixel(px + k, py) for k in range(-6, 7)]
        hatched = not all(near(p, flat(grid, i), 3) for p in along)
        counts[hatched] += 1
        assert hatched == (grid.trust[i] < MADE.doubt)
    assert min(counts.values()) > 3


def test_hovering_says_what_a_cell_is_and_marks_doubt(atlas: Atlas) -> None:
    atlas.open()
    grid = Grid(MADE, atlas.state("grid.side"))
    for i in (cell(grid, lambda x, y: (abs(x - 0.5) < 0.1) & (abs(y - 0.5) < 0.1)),
              cell(grid, lambda x, y: x + 0.3 * np.sin(9 * y) > 0.86)):  # fmt: skip
        atlas.page.mouse.move(*atlas.mouse(*atlas.point(grid.x[i], grid.y[i])))
        expect(atlas.screen.at(".atlas-hover")).to_contain_text(f"mean of {grid.count[i]}")
        assert ("doubtfully (trust 0.62)" in atlas.line()) == (grid.trust[i] < MADE.doubt)
    assert atlas.screen.at(".atlas-hover").get_attribute("aria-live") == "off"
    atlas.page.mouse.move(*atlas.mouse(3, 3))
    expect(atlas.screen.at(".atlas-hover")).to_contain_text("A click on a cell opens it")


@pytest.mark.parametrize("strength", [0, 1, 2.5])
def test_a_class_veils_what_does_not_speak_for_it(atlas: Atlas, strength: float) -> None:
    atlas.open(a=SNORKEL, strength=strength)
    grid = Grid(MADE, atlas.state("grid.side"))
    values = np.maximum(effect(SNORKEL, grid.x, grid.y), 0)
    said = np.sort(values[values > 0])
    full = said[int(np.ceil(0.95 * len(said))) - 1]
    veil, view = 0.93 * (1 - np.minimum(1, values / full) ** strength), atlas.view
    for i in np.flatnonzero(grid.trust > MADE.doubt)[::5]:
        if not 0 <= grid.x[i] < 1:
            continue
        wanted = veil[i] * np.array(PAPER) + (1 - veil[i]) * flat(grid, i)
        assert near(view.at(grid.x[i], grid.y[i]), wanted, 4), (grid.col[i], grid.row[i])
    i = int(np.argmax(values))
    atlas.page.mouse.move(*atlas.mouse(*atlas.point(grid.x[i], grid.y[i])))
    expect(atlas.screen.at(".atlas-hover")).to_contain_text(f"snorkel +{values[i]:.2f} ")
    asked_for = [p for p in atlas.bare.log if "/class/" in p]
    atlas.ask(a=None).ask(a=SNORKEL, strength=1)
    assert [p for p in atlas.bare.log if "/class/" in p] == asked_for  # once per class


def test_one_extreme_cell_does_not_pale_the_others(atlas: Atlas) -> None:
    count = len(Grid(MADE, 10).col)
    loud = np.ones(count, np.float32)
    loud[7] = 1000
    atlas.page.route(f"**/class/10/{SNORKEL}", lambda route: route.fulfill(body=loud.tobytes()))
    quiet = np.zeros(count, np.float32)
    atlas.page.route(f"**/class/10/{CASTLE}", lambda route: route.fulfill(body=quiet.tobytes()))
    atlas.open(a=SNORKEL)
    grid = Grid(MADE, atlas.state("grid.side"))
    clear = [i for i in np.flatnonzero(grid.trust > MADE.doubt) if 0 <= grid.x[i] < 1]
    view = atlas.view
    assert all(near(view.at(grid.x[i], grid.y[i]), flat(grid, i), 4) for i in clear)
    atlas.ask(b=CASTLE)
    assert set(atlas.state("grid.filter.gain.join()").split(",")) == {"1"}


def test_two_classes_are_told_apart_by_edge_and_by_mark(atlas: Atlas) -> None:
    atlas.open(a=SNORKEL, b=CASTLE)
    grid = Grid(MADE, atlas.state("grid.side"))
    gain = effect(SNORKEL, grid.x, grid.y) - effect(CASTLE, grid.x, grid.y)
    cell_px = atlas.view.unit / grid.side
    for i, ink in ((int(gain.argmax()), FOR), (int(gain.argmin()), AGAINST)):
        left, _ = atlas.point((grid.col[i] + (1 - grid.size[i]) / 2) / grid.side, 0)
        middle = atlas.point(grid.x[i], grid.y[i])[1]
        assert near(atlas.pixel(left + 2, middle), ink, 30)
        # the mark, in the corner on the right: broad below for A, broad above for B
        arm = 0.06 * cell_px
        x = atlas.point(grid.x[i], 0)[0] + cell_px / 2 - 2.1 * arm
        y = middle - cell_px / 2 + 2.1 * arm
        beside = [atlas.pixel(x - 0.7 * arm, y + d) for d in (-0.64 * arm, 0.64 * arm)]
        inked = [near(p, ink, 60) for p in beside]
        assert inked == ([False, True] if ink == FOR else [True, False])
        atlas.page.mouse.move(*atlas.mouse(*atlas.point(grid.x[i], grid.y[i])))
        better = "snorkel" if ink == FOR else "castle"
        expect(atlas.screen.at(".atlas-hover")).to_contain_text(f"for {better} by ")
    atlas.open(a=SNORKEL, b=CASTLE, spot=[0.5, 0.5, 0.7])
    quiet = int(np.argmin(np.abs(gain) + 9 * (np.maximum(grid.x, grid.y) > 0.75)))
    assert near(atlas.at(grid.x[quiet], grid.y[quiet]), PAPER, 60)  # says nothing about either


def test_what_is_not_drawn_yet_is_lent_by_the_coarser_grid(atlas: Atlas) -> None:
    atlas.open(GAPS, spot=[0.5, 0.5, 2])
    fine, coarse = Grid(GAPS, 20), Grid(GAPS, 10)
    assert atlas.state("grid.side") == 20
    seen, view = {"own": 0, "lent": 0, "paper": 0}, atlas.view
    for i in range(len(fine.col)):
        px, py = view.point(fine.x[i], fine.y[i])
        if not view.inside(px, py) or fine.trust[i] < GAPS.doubt:
            continue
        j = cell(coarse, lambda x, y, i=i: (np.abs(x - fine.x[i]) < 0.05)
                 & (np.abs(y - fine.y[i]) < 0.05))  # fmt: skip
        kind = "own" if fine.drawn[i] else "lent" if coarse.drawn[j] else "paper"
        wanted = {"own": flat(fine, i), "lent": flat(coarse, j), "paper": (246, 246, 244)}[kind]
        seen[kind] += 1
        assert near(view.pixel(px, py), wanted, 3), kind
    assert min(seen.values()) > 2


def test_names_of_classes_stand_where_their_cells_are_and_stay_while_one_pans(
    atlas: Atlas,
) -> None:
    atlas.open(names="on", spot=[0.5, 0.5, 1.4])
    grid = Grid(MADE, 10)  # names stand at cells of the coarsest grid

    def inked(index: int) -> bool:  # letters in ink around the cell that speaks for it most
        i = int(np.argmax(effect(index, grid.x, grid.y)))
        view = atlas.view
        x, y = (int(v) for v in view.point(grid.x[i], grid.y[i]))
        return bool((view.pixels[y - 6 : y + 6, x - 20 : x + 20].max(-1) < 45).sum() > 20)

    assert inked(SNORKEL)
    assert inked(CASTLE)
    names = "names.list.map(n => n.index)"
    before = atlas.state(names)
    atlas.ask(spot=[0.3, 0.5, 1.4])
    assert atlas.state(names) == before
    assert inked(SNORKEL)
    atlas.screen.at(".atlas-names").click()
    wait_until(lambda: not inked(SNORKEL), "the names are gone")


def test_places_are_lit_and_marked_both_ways(atlas: Atlas) -> None:
    places = [{"row": 2, "col": 5, "x": 0.42, "y": 0.5}, {"row": 3, "col": 1, "x": 0.6, "y": 0.4},
              {"row": 9, "col": 9, "x": 0.1, "y": 0.5}]  # fmt: skip
    atlas.open(places=places, spot=[0.5, 0.5, 1.9])
    atlas.page.evaluate("""() => { window.told = [];
      document.addEventListener('place-hover', (e) => window.told.push(e.detail)); }""")
    px, py = atlas.point(0.42, 0.5)
    assert atlas.pixel(px, py) == (255, 255, 255)
    assert not near(atlas.pixel(px + 10, py), PAPER, 45)
    atlas.page.mouse.move(*atlas.mouse(px + 4, py + 3))
    atlas.page.mouse.move(*atlas.mouse(px + 3, py + 3))
    assert atlas.page.evaluate("() => window.told") == [{"row": 2, "col": 5}]
    atlas.still()
    assert near(atlas.pixel(px + 10, py), PAPER, 45)  # a ring
    atlas.page.mouse.move(*atlas.mouse(px, py - 60))
    assert atlas.page.evaluate("() => window.told") == [{"row": 2, "col": 5}, None]

    def elsewhere(detail: dict[str, int] | None) -> None:
        atlas.page.evaluate("""(detail) => document.dispatchEvent(
            new CustomEvent('place-hover', {detail}))""", detail)  # fmt: skip
        atlas.page.wait_for_timeout(50)
        atlas.still()

    qx, qy = atlas.point(0.6, 0.4)
    elsewhere({"row": 3, "col": 1})
    assert near(atlas.pixel(qx - 10, qy), PAPER, 45)
    assert not near(atlas.pixel(px + 10, py), PAPER, 45)
    elsewhere({"row": 9, "col": 9})  # out of view: it waits at the edge
    atlas.ask(spot=[0.7, 0.5, 4])
    assert near(atlas.pixel(14 + 10, atlas.view.size["h"] / 2), PAPER, 45)
    elsewhere(None)
    assert len(atlas.page.evaluate("() => window.told")) == 5  # nobody answered in a loop


def test_grids_fade_unless_motion_is_unwelcome(atlas: Atlas) -> None:
    watch = """() => new Promise((done) => { let seen = 0, count = 0;
      const tick = () => { if (neuronscope.atlas.maps[0].past) seen++;
        if (++count < 40) requestAnimationFrame(tick); else done(seen); };
      document.querySelector('.atlas-in').click(); document.querySelector('.atlas-in').click();
      requestAnimationFrame(tick); })"""
    atlas.open()
    assert atlas.page.evaluate(watch) >= 1  # a starved machine paints few frames of it
    atlas.page.emulate_media(reduced_motion="reduce")
    atlas.open()
    assert atlas.page.evaluate(watch) == 0
    assert atlas.camera[2] == pytest.approx(2.25)


def test_sharp_on_any_screen_and_whole_after_a_resize(pocket: Atlas) -> None:
    atlas = pocket.open()
    for width in (390, 300):
        atlas.page.set_viewport_size({"width": width, "height": 700})
        atlas.page.wait_for_timeout(100)
        atlas.still()
        assert atlas.state("canvas.width") == 2 * atlas.state("canvas.clientWidth")
        grid = Grid(MADE, atlas.state("grid.side"))
        i = cell(grid, lambda x, y: (np.abs(x - 0.5) < 0.1) & (np.abs(y - 0.5) < 0.1))
        assert near(atlas.at(grid.x[i], grid.y[i]), flat(grid, i), 3)
    controls = atlas.screen.at(".atlas-in").bounding_box()
    assert controls is not None
    assert min(controls["width"], controls["height"]) >= 44


def test_dark_and_light_are_taken_from_the_page(atlas: Atlas) -> None:
    atlas.open(scheme="dark", a=SNORKEL, spot=[0.4, 0.6, 7])  # tiles, veiled
    grid = Grid(MADE, 80)
    assert atlas.state("grid.side") == grid.side
    values = np.maximum(effect(SNORKEL, grid.x, grid.y), 0)
    veil = 0.93 * (1 - values / values.max())
    cells = np.flatnonzero(np.hypot(grid.x - 0.4, grid.y - 0.6) < 0.05)
    assert veil[cells].min() < 0.5 < veil[cells].max()

    def painted_on(paper: tuple[int, ...]) -> None:
        view = atlas.view
        for i in cells:
            wanted = veil[i] * np.array(paper) + (1 - veil[i]) * flat(grid, i)
            assert near(view.at(grid.x[i], grid.y[i]), wanted, 16)

    painted_on(DARK)
    atlas.page.evaluate("() => { document.documentElement.dataset.mantineColorScheme = 'light'; }")
    atlas.page.wait_for_timeout(60)
    atlas.still()
    painted_on(PAPER)


def test_what_cannot_be_read_says_so_and_is_tried_again(atlas: Atlas) -> None:
    atlas.screen.allowed = ["Failed to load resource"]
    atlas.page.route("**/map.json", lambda route: route.abort())
    atlas.page.goto(link(atlas.bare.address, asked("/atlas/made/1/map.json")))
    line = atlas.screen.at(".atlas-hover")
    expect(line).to_have_text("The program does not answer; is it still running?")
    atlas.page.unroute("**/map.json")
    atlas.page.route("**/tiles/**", lambda route: route.fulfill(status=500))
    atlas.page.wait_for_timeout(550)
    atlas.page.mouse.move(*atlas.mouse(300, 300))
    atlas.page.mouse.wheel(0, -10)
    expect(line).to_contain_text("A click on a cell")
    atlas.still()
    view = "() => { neuronscope.atlas.look(neuronscope.atlas.maps[0], {x: 0.5, y: 0.5, zoom: 7}) }"
    atlas.page.evaluate(view)
    expect(line).to_have_text("A part of the map could not be read (500).")
    atlas.still()
    grid = Grid(MADE, 10)  # the coarsest grid stands in
    i = cell(grid, lambda x, y: (np.abs(x - 0.55) < 0.01) & (np.abs(y - 0.45) < 0.01))
    assert near(atlas.at(grid.x[i], grid.y[i]), flat(grid, i), 3)
    atlas.page.unroute("**/tiles/**")
    fine = Grid(MADE, 80)
    i = cell(fine, lambda x, y: (np.abs(x - 0.52) < 0.02) & (np.abs(y - 0.48) < 0.02))

    def read_again() -> bool:  # each tile half a second after its own failure, at the next move
        atlas.page.wait_for_timeout(550)
        atlas.page.mouse.wheel(0, -10)
        atlas.still()
        return near(atlas.at(fine.x[i], fine.y[i]), flat(fine, i), 16)

    wait_until(read_again, "the tiles are read")
    expect(line).to_contain_text("mean of")


def test_without_a_map_there_is_paper(atlas: Atlas) -> None:
    atlas.page.goto(link(atlas.bare.address, asked(None)))
    atlas.still()
    assert atlas.pixel(300, 300) == PAPER
    expect(atlas.screen.at(".atlas-mini")).to_be_hidden()
    atlas.page.mouse.move(*atlas.mouse(300, 300))
    atlas.page.mouse.wheel(0, -100)
    atlas.ask(map="/atlas/made/1/map.json")
    expect(atlas.screen.at(".atlas-mini")).to_be_visible()
