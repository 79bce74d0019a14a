"""The address says all: what is chosen survives the way into a URL and back."""

import string

from hypothesis import given
from hypothesis import strategies as st

from dashboard.selection import MAPS, PANES, SORTS, TABS, TAKE, Selection, change, parse

whole = st.none() | st.integers(0, 9_999_999)
word = st.none() | st.text(string.printable.strip() + " é漢", min_size=1).filter(str.strip)

recipe = st.none() | st.text(
    string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=60
)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    place = draw(st.none() | st.tuples(st.integers(0, 500), st.integers(0, 500)))
    return Selection(
        view=draw(st.sampled_from(["explore", "neuron"])), model=draw(word), picture=draw(word),
        layer=draw(word), row=place[0] if place else None, col=place[1] if place else None,
        unit=draw(whole), a=draw(whole), b=draw(whole), map=draw(st.sampled_from(MAPS)),
        sort=draw(st.sampled_from(SORTS)), tab=draw(st.sampled_from(TABS)),
        take=draw(st.sampled_from(TAKE)),
        off=tuple(draw(st.lists(st.integers(0, 9), max_size=4))),
        pane=draw(st.sampled_from(PANES)), left=draw(recipe), right=draw(recipe), other=draw(whole),
    )  # fmt: skip


@given(selections())
def test_a_link_reopens_the_exact_view(chosen: Selection) -> None:
    path, _, query = chosen.href().partition("?")
    assert parse(path, query) == chosen


@given(st.text(), st.text())
def test_any_address_is_some_selection(path: str, query: str) -> None:
    chosen = parse(path, query)
    assert parse(*chosen.href().split("?", 1)) == chosen if "?" in chosen.href() else True


def test_the_address_can_be_read() -> None:
    chosen = Selection(layer="features.12", row=6, col=4, a=457, b=652)
    assert chosen.href() == "/explore?layer=features.12&at=6,4&a=457&b=652"


def test_nonsense_in_an_address_is_as_by_default() -> None:
    chosen = parse("/nowhere", "?at=6&unit=-3&a=x&map=colour&take=7&off=a,2")
    assert chosen == Selection(off=(2,))


def test_another_picture_lets_go_of_place_and_classes_but_keeps_layer_and_neuron() -> None:
    before = Selection(picture="p", layer="l", row=1, col=2, unit=7, a=3, b=4, off=(1,))
    after = change(before, picture="q")
    assert after == Selection(picture="q", layer="l", unit=7)


def test_another_layer_lets_go_of_place_and_neuron_but_keeps_the_classes() -> None:
    before = Selection(layer="l", row=1, col=2, unit=7, a=3, b=4)
    assert change(before, layer="m") == Selection(layer="m", a=3, b=4)


def test_a_place_is_taken_and_let_go() -> None:
    at = change(Selection(), at=[6, 4])
    assert at.place == (6, 4)
    assert change(at, at=None).place is None
