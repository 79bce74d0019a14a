"""Errors in a real browser: from the list of pairs to the claim and its test, on the sample
photographs with the embedded network, and on a small folder whose answers are known by hand."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.dashboard import colours
from tests.dashboard.browser import (
    NARROW,
    WIDE,
    Reference,
    Screen,
    Server,
    decoded,
    number,
    screen_on,
    wait_until,
)
from tests.dashboard.colours import with_colours

pytestmark = pytest.mark.browser
UNIFORM, BOW_TIE = "military uniform", "bow tie"


class Errors:
    """What is done on the page, and read off it."""

    def __init__(self, screen: Screen) -> None:
        self.screen, self.page, self.at = screen, screen.page, screen.at

    def go(self, more: str = "") -> "Errors":
        self.page.goto(f"{self.screen.server.address}/errors{more}")
        expect(self.at("#err-way button").first).to_be_visible()
        return self

    def pair(self, text: str) -> Locator:
        return self.at(".pair-row").filter(has_text=re.compile(text))

    def pairs(self) -> list[str]:
        return list(self.at(".pair-row").evaluate_all("rows => rows.map(r => r.ariaLabel)"))

    def cards(self) -> list[str]:
        """The wall's cards, by their labels."""
        expect(self.at("#err-wall .err-card").first).to_be_visible()
        return list(self.at("#err-wall .err-card").evaluate_all("els => els.map(e => e.ariaLabel)"))

    def evidence(self) -> list[int]:
        """The neurons of the claim."""
        expect(self.at("#err-claim .evidence-row").first).to_be_visible()
        rows = self.at("#err-claim .evidence-row")
        return [int(u) for u in rows.evaluate_all("rows => rows.map(r => r.dataset.unit)")]

    def way(self) -> list[str]:
        return list(self.at("#err-way button[data-do]").all_inner_texts())

    def says(self, selector: str, words: str) -> None:
        expect(self.at(selector).first).to_contain_text(words)

    def ends(self, words: str) -> None:
        """The way here leads to this; its panel is filled by itself."""
        expect(self.at("#err-way button[data-do]").last).to_contain_text(words)


@pytest.fixture
def errors(screen: Screen) -> Errors:
    return Errors(screen)


def serving(
    tmp_path_factory: pytest.TempPathFactory, name: str, **given: object
) -> Iterator[Server]:
    desk = with_colours(tmp_path_factory.mktemp(name), **given)  # type: ignore[arg-type]
    running = Server(desk.folder, "--images", "pics", "--model", colours.model(desk.folder))
    yield running
    running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The folder of colours: red said green 3 times, blue said red once."""
    yield from serving(tmp_path_factory, "colours")


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from serving(tmp_path_factory, "unlabelled", labels=False)


@pytest.fixture(scope="module")
def spotless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One class, all of it answered right."""
    yield from serving(tmp_path_factory, "spotless", only=("red",))


@pytest.fixture
def coloured(chromium: Browser, folder: Server) -> Iterator[Errors]:
    for screen in screen_on(chromium, folder, viewport=WIDE):
        yield Errors(screen)


@pytest.fixture
def pocket(chromium: Browser, folder: Server) -> Iterator[Errors]:
    for screen in screen_on(chromium, folder, viewport=NARROW, has_touch=True):
        yield Errors(screen)


# ---- the sample photographs ----


def test_a_single_pair_opens_its_picture_with_the_claim(
    errors: Errors, reference: Reference
) -> None:
    errors.go()
    errors.says("#err-list h1", "sample photographs")
    errors.pair(f"{UNIFORM} said {BOW_TIE}").click()
    errors.says("#err-sentence", f"Says {BOW_TIE} rather than {UNIFORM} by")
    assert "stage=picture" in errors.page.url
    channels = errors.evidence()
    assert 3 <= len(channels) <= 6
    claim = Claim(errors, reference)
    assert claim.channels_by_effect[: len(channels)] == channels
    errors.screen.shows("#err-claim #before", claim.margin)
    errors.screen.shows("#err-claim #without", claim.without(channels))
    errors.says("#err-verdict", "Confirmed.")
    assert abs(errors.screen.number("#err-sentence .num") - claim.margin) <= 0.051
    errors.ends("Grace Hopper")
    effects = errors.at(".evidence-row .measure .num").all_inner_texts()
    for shown, channel in zip(effects, channels, strict=True):
        assert number(shown) == pytest.approx(claim.effect[channel], abs=0.051)


class Claim:
    """The picture's margin once more, by plain torch on the pixels that the page shows."""

    def __init__(self, errors: Errors, reference: Reference, layer: str = "features.12") -> None:
        self.reference, self.layer = reference, layer
        path = errors.at("#err-seen img").first.get_attribute("src")
        shown = decoded(errors.screen.server, path)
        self.x = reference.classifier.tensor(np.array(shown))
        names = reference.names
        self.a, self.b = (names.index(name) for name in (BOW_TIE, UNIFORM))
        logits = reference.logits(self.x)
        self.margin = float(logits[self.a] - logits[self.b])
        self.effect = reference.effects(self.x, layer, self.a, self.b)[1].sum((1, 2))

    @property
    def channels_by_effect(self) -> list[int]:
        return [int(c) for c in np.argsort(-self.effect)]

    def without(self, channels: list[int]) -> float:
        return self.reference.removed(self.x, self.layer, channels, self.a, self.b)


def test_a_tick_that_is_taken_out_measures_anew(errors: Errors, reference: Reference) -> None:
    errors.go("?stage=picture")
    channels, claim = errors.evidence(), Claim(errors, reference)
    errors.screen.shows("#err-claim #without", claim.without(channels))
    first = f'.evidence-row[data-unit="{channels[0]}"]'
    errors.at(f"{first} .tick").click()
    errors.screen.shows("#err-claim #without", claim.without(channels[1:]))
    expect(errors.at(first)).to_have_class(re.compile("left-out"))
    expect(errors.page).to_have_url(re.compile(f"drop={channels[0]}"))
    assert errors.evidence() == channels
    for channel in channels[1:]:
        errors.at(f'.evidence-row[data-unit="{channel}"] .tick').click()
        expect(errors.at(f'.evidence-row[data-unit="{channel}"]')).to_have_class(
            re.compile("left-out")
        )
    errors.says("#err-claim .note", "nothing is removed")
    errors.says("#err-sentence", "Nothing of features.12 is taken away")
    errors.at(f"{first} .tick").click()
    errors.screen.shows("#err-claim #without", claim.without(channels[:1]))
    expect(errors.at(first)).not_to_have_class(re.compile("left-out"))


def test_another_layer_another_side_and_back(errors: Errors, reference: Reference) -> None:
    errors.go("?stage=picture")
    errors.says("#err-sentence", f"Says {BOW_TIE}")
    ten = errors.page.locator("b", has_text=re.compile("^10$"))
    errors.at(".err-layers button").filter(has=ten).click()
    errors.says("#err-sentence", "features.10")
    channels, claim = errors.evidence(), Claim(errors, reference, "features.10")
    errors.says("#err-about", "Chosen in turn")
    plain = claim.channels_by_effect[: len(channels)]
    assert channels[0] == plain[0]
    assert claim.without(channels) < claim.without(plain)
    errors.screen.shows("#err-claim #without", claim.without(channels))
    errors.at("#err-sentence .pill").click()
    errors.screen.shows("#err-claim #before", -claim.margin)
    errors.screen.shows("#err-claim #without", -claim.without(channels))
    assert errors.evidence() == channels
    errors.page.go_back()
    errors.screen.shows("#err-claim #before", claim.margin)
    errors.page.go_back()
    errors.says("#err-sentence", "features.12")
    expect(errors.at(".row-patches img").first).to_be_visible()  # real patches, when looked through


def test_the_address_opens_the_same_view(errors: Errors) -> None:
    errors.go("?stage=picture")
    kept = errors.evidence()[1]
    errors.at(f'.evidence-row[data-unit="{kept}"] .tick').click()
    expect(errors.at(".left-out")).to_have_count(1)
    expect(errors.page).to_have_url(re.compile("drop="))

    def view(one: Errors) -> tuple[object, ...]:
        return (one.evidence(), one.screen.text("#err-sentence"), one.screen.text("#err-verdict"),
                one.screen.text("#err-claim #without"), one.way())  # fmt: skip

    other = errors.page.context.new_page()
    again = Screen(other, errors.screen.server)
    other.goto(errors.page.url)
    expect(other.locator(".left-out")).to_have_count(1)
    wait_until(
        lambda: other.wait_for_timeout(50) or view(Errors(again)) == view(errors), "the same"
    )
    assert not again.errors


# ---- a folder ----


def test_the_list_says_how_often_and_what(coloured: Errors) -> None:
    coloured.go()
    coloured.says(".err-figures", "63.6 %")
    assert coloured.pairs() == ["red said green: 3", "blue said red: 1"]
    coloured.says(".err-summary", "1 labels name no class")
    coloured.says(".err-summary", "1 pictures cannot be read")
    coloured.says(".err-summary", "1 pictures have no label")
    expect(coloured.at(".pair-row").first.locator("img")).to_have_count(3)


def test_from_the_pair_to_a_picture_and_back(coloured: Errors) -> None:
    coloured.go()
    coloured.pair("red said green").click()
    cards = coloured.cards()
    assert cards[0] == "all 3 together"
    assert sorted(cards[1:]) == [f"taken{i}.png: says green, is red" for i in range(3)]
    assert coloured.way()[0].startswith("pics")
    coloured.at("#err-wall .err-card").nth(1).click()
    coloured.says("#err-sentence", "Says green rather than red by 2.0")
    assert coloured.evidence() == [10, 7, 4]
    expect(coloured.at(".times")).to_have_text(["\u00d7 2.7"] * 3)
    coloured.says("#err-claim #err-about", "4 pictures of red that the network gets right")
    coloured.screen.shows("#err-claim #without", -5.2)
    coloured.says("#err-twin", "Its twin: a red that is answered right")
    expect(coloured.at("#err-way button[data-do]")).to_have_count(3)
    expect(coloured.at("#err-seen .spot")).to_have_count(13)
    coloured.at("#err-way button").nth(1).click()
    assert coloured.cards()[0] == "all 3 together"
    coloured.page.go_back()
    coloured.says("#err-sentence", "Says green rather than red")
    for _ in range(2):
        coloured.page.go_back()
    expect(coloured.at(".pair-row").first).to_be_visible()
    coloured.page.go_forward()
    assert len(coloured.cards()) == 4


def test_all_of_a_pair_together(coloured: Errors) -> None:
    coloured.go("?stage=wall&wall=0,1")
    coloured.at(".err-card.together").click()
    coloured.says("#err-sentence", "Of 3 pictures together: green rather than red by 2.0")
    coloured.says("#err-sentence", "no fair control can say")  # all of green is taken away
    assert coloured.evidence() == [10, 7, 4, 1]
    coloured.says("#err-verdict", "No fair control")
    coloured.says("#err-verdict", "3 of 3")
    coloured.screen.shows("#err-claim #without", -6.0)
    coloured.at('.evidence-row[data-unit="10"] .tick').click()
    coloured.screen.shows("#err-claim #without", -2.8)
    for unit in (7, 4, 1):
        coloured.at(f'.evidence-row[data-unit="{unit}"] .tick').click()
        expect(coloured.at(f'.evidence-row[data-unit="{unit}"]')).to_have_class(
            re.compile("left-out")
        )
    coloured.says("#err-sentence", "Nothing of")
    coloured.at("#err-picture .err-thumbs button").first.click()
    coloured.says("#err-sentence", "Says green rather than red")


def test_pictures_that_are_right_are_no_error_to_explain_together(coloured: Errors) -> None:
    coloured.go("?stage=wall&wall=0,0")
    coloured.says("#err-wall h1", "red, answered right")
    assert sorted(coloured.cards()) == [f"red{i}.png: says red" for i in range(4)]


def test_filters_choose_among_the_pictures(coloured: Errors) -> None:
    coloured.go()
    wrong = coloured.at(".err-listed").filter(has_text="All wrong ones")
    expect(wrong).to_contain_text("4")
    coloured.at(".err-filters").get_by_text("sure", exact=True).click()
    expect(coloured.at(".pair-row")).to_have_count(1)
    assert coloured.pairs() == ["red said green: 3"]
    expect(wrong).to_contain_text("3")
    wrong.click()
    assert len(coloured.cards()) == 3
    coloured.page.go_back()
    coloured.at(".err-filters").get_by_text("all", exact=True).click()
    expect(coloured.at(".pair-row")).to_have_count(2)
    coloured.at("#err-among").fill("blue")
    coloured.at("#err-among").press("Enter")
    expect(coloured.at(".pair-row")).to_have_count(1)
    assert coloured.pairs() == ["blue said red: 1"]
    expect(coloured.page).to_have_url(re.compile("among=2"))
    coloured.at("#err-among").fill("")
    coloured.at("#err-among").press("Enter")
    expect(coloured.at(".pair-row")).to_have_count(2)


def test_a_link_to_a_wall_opens_on_a_program_that_has_answered_nothing(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for server in serving(tmp_path_factory, "fresh"):
        for screen in screen_on(chromium, server, viewport=WIDE):
            screen.page.goto(f"{server.address}/errors?wall=0,1&stage=wall")
            assert Errors(screen).cards()[0] == "all 3 together"


def test_the_least_sure_come_first(coloured: Errors) -> None:
    coloured.go()
    coloured.at(".err-listed").filter(has_text="Least sure").click()
    coloured.says("#err-wall h1", "Least sure first")
    assert coloured.cards()[0].startswith("plain0.png")
    assert len(coloured.cards()) == 13


def test_the_matrix_by_mouse_and_keyboard(coloured: Errors) -> None:
    coloured.go()
    coloured.says(".err-figures", "63.6 %")  # all pictures are answered
    coloured.at(".err-pairs header").get_by_text("matrix").click()
    sheet = coloured.at("#err-matrix")
    expect(sheet).to_be_visible()
    server = coloured.screen.server
    found = json.loads(server.get("/api/matrix")[1])
    red, green, blue = (found["names"].index(name) for name in ("red", "green", "blue"))
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v)"
    coloured.page.wait_for_function(f"({drawn})(document.getElementById('err-matrix'))")
    box = coloured.screen.steady("#err-matrix")
    size = (min(box["width"], box["height"]) - 2) / 3

    def middle(row: int, col: int) -> dict[str, float]:
        return {"x": 1 + (col + 0.5) * size, "y": 1 + (row + 0.5) * size}

    sheet.hover(position=middle(blue, red))  # type: ignore[arg-type]
    coloured.says("#err-matrix-said", "blue said red: 1 picture")
    sheet.hover(position=middle(green, green))  # type: ignore[arg-type]
    coloured.says("#err-matrix-said", "green: 3 pictures answered right")
    sheet.click(position=middle(red, green))  # type: ignore[arg-type]
    assert coloured.cards()[0] == "all 3 together"
    coloured.page.mouse.move(0, 0)
    coloured.page.go_back()
    expect(sheet).to_be_visible()
    sheet.focus()
    expect(sheet).to_be_focused()
    seen = []
    for _ in range(2):
        before = coloured.screen.text("#err-matrix-said")
        coloured.page.keyboard.press("ArrowRight")
        expect(coloured.at("#err-matrix-said")).not_to_have_text(before)
        seen.append(coloured.screen.text("#err-matrix-said"))
    assert sorted(seen) == ["blue said red: 1 picture", "red said green: 3 pictures"]
    coloured.page.keyboard.press("+")
    coloured.page.keyboard.press("Enter")
    expect(coloured.at("#err-wall h1")).to_be_visible()
    wanted = re.sub(r": .*", "", seen[-1])
    expect(coloured.at("#err-wall h1")).to_have_text(wanted)


@pytest.mark.parametrize(
    ("address", "where", "words"),
    [
        ("?among=9999", "#err-list", "None of the wrong pictures"),
        ("?sure=900-1", "#err-list", "None of the wrong pictures"),
        ("?stage=wall&wall=99999,5", "#err-wall", "A class that this network does not have"),
        ("?stage=wall&wall=nonsense", "#err-wall", "no list of pictures called"),
        ("?stage=wall&wall=1,2", "#err-wall", "No picture is in this list"),
        ("?stage=together", "#err-claim", "choose a pair of classes first"),
        ("?stage=together&wall=0,0", "#err-claim", "itself"),
        ("?stage=together&wall=0,99", "#err-claim", "out of range"),
        ("?stage=picture&picture=gone", "#err-claim", "not open here any more"),
        ("?stage=picture&layer=nonsense", "#err-claim", "layer"),
        ("?stage=picture&a=99999&b=99999&drop=9999", "#err-sentence", "rather than"),
    ],
)
def test_strange_addresses_are_answered_in_words(
    coloured: Errors, address: str, where: str, words: str
) -> None:
    coloured.go(address)
    coloured.says(where, words)


# ---- sets in which something is missing ----


def test_without_labels_there_are_other_ways_in(chromium: Browser, unlabelled: Server) -> None:
    for screen in screen_on(chromium, unlabelled, viewport=WIDE):
        errors = Errors(screen).go()
        errors.says(".err-pairs h2", "No labels: where to look")
        expect(errors.at(".err-figures")).to_have_count(0)
        first = errors.at("#err-list .err-card").first  # the least sure ones are there at once
        expect(first).to_have_attribute("aria-label", re.compile("^plain0.png: says "))
        errors.at(".err-way-in").filter(has_text="Least sure").click()
        assert errors.cards()[0].startswith("plain0.png: says ")
        expect(errors.at("#err-wall header nav button")).to_have_count(4)  # none is nearly right
        errors.at("#err-wall .err-card").nth(1).click()
        errors.says("#err-sentence", "rather than")
        errors.says("#err-claim #err-about", "no picture is answered right yet")


def test_a_set_of_one_class_without_an_error(chromium: Browser, spotless: Server) -> None:
    for screen in screen_on(chromium, spotless, viewport=WIDE):
        errors = Errors(screen).go()
        errors.says(".err-figures", "100.0 %")
        errors.says(".err-pairs .note", "Every labelled picture is answered right")
        errors.at(".err-pairs header").get_by_text("matrix").click()
        expect(errors.at("#err-matrix")).to_be_visible()
        errors.at("#err-matrix").press("ArrowRight")
        errors.at(".err-listed").filter(has_text="All wrong ones").click()
        errors.says("#err-wall .note", "No picture is in this list")


def test_a_phone_shows_each_stage_without_sideways_scroll(pocket: Errors) -> None:
    def fits() -> None:
        width = "document.documentElement.scrollWidth"
        assert pocket.page.evaluate(width) <= NARROW["width"], pocket.page.url

    pocket.go()
    expect(pocket.at(".pair-row").first).to_be_visible()
    fits()
    pocket.pair("red said green").tap()
    assert len(pocket.cards()) == 4
    fits()
    pocket.at("#err-wall .err-card").nth(1).tap()
    pocket.says("#err-sentence", "Says green rather than red")
    expect(pocket.at("#err-verdict")).to_be_visible()
    fits()
    tick = pocket.at(".evidence-row .tick").first
    box = pocket.screen.steady(".evidence-row .tick >> nth=0")
    assert min(box["width"], box["height"]) >= 44
    tick.tap()
    expect(pocket.at(".left-out")).to_have_count(1)
    pocket.go("?stage=together&wall=0,1")
    pocket.says("#err-sentence", "Of 3 pictures together")
    fits()
    pocket.go("?wall=matrix")
    expect(pocket.at("#err-matrix")).to_be_visible()
    fits()


def test_a_finger_names_a_square_of_the_matrix_before_it_opens_it(pocket: Errors) -> None:
    pocket.go()
    pocket.says(".err-figures", "63.6 %")
    pocket.go("?wall=matrix")
    pocket.says("#err-matrix-said", "Rows: what it is; columns: what it says")
    # as small as the squares of many classes are
    style = "#err-matrix { width: 60px !important; }"
    pocket.page.add_style_tag(content=style)
    pocket.page.evaluate("window.dispatchEvent(new Event('resize'))")
    box = pocket.screen.steady("#err-matrix")
    names = json.loads(pocket.screen.server.get("/api/matrix")[1])["names"]
    size = (box["width"] - 2) / len(names)
    row, col = (1 + (names.index(name) + 0.5) * size for name in ("red", "green"))

    def tapped() -> bool:
        pocket.at("#err-matrix").tap(position={"x": col, "y": row})
        return "red said green: 3 pictures" in pocket.screen.text("#err-matrix-said")

    wait_until(tapped, "the matrix is there, and names the square")
    assert "stage=wall" not in pocket.page.url
    pocket.at("#err-matrix-said button").tap()
    pocket.says("#err-wall h1", "red said green")


def test_what_a_little_change_turns(coloured: Errors) -> None:
    coloured.go()
    coloured.at(".err-listed").filter(has_text="Changes its answer").click()
    coloured.says("#err-wall h1", "Changes its answer")
    coloured.says("#err-wall .caption", "the answer to the untouched one is the norm")
    turned = coloured.cards()
    assert [label.split(":")[0] for label in turned] == ["plain0.png"]  # red and green are alike
    coloured.at("#err-wall .err-card").click()
    expect(coloured.at("#err-sentence")).to_contain_text("rather than")


def test_what_is_known_of_a_class(coloured: Errors) -> None:
    coloured.go("?wall=0,any&stage=wall")
    coloured.says(".err-class", "57 % of its 7 pictures are answered right")
    coloured.says(".err-class", "80 % of the 5 pictures that it calls so are")
    coloured.says(".err-others", "green 3")
    expect(coloured.at(".err-speakers figure").first).to_be_visible()
    coloured.at(".err-others button").first.click()
    coloured.says("#err-way", "red said green")
