"""The address says all: what is chosen survives the way into a URL and back."""

import string

from hypothesis import given
from hypothesis import strategies as st

from dashboard.selection import (
    BOTH,
    MAPS,
    MODES,
    ORDERS,
    PANES,
    QUALITIES,
    SORTS,
    STAGES,
    STARTS,
    STRENGTHS,
    TABS,
    TAKE,
    TINTS,
    VIEWS,
    Selection,
    change,
    parse,
)

whole = st.none() | st.integers(0, 9_999_999)
word = st.none() | st.text(string.printable.strip() + " é漢", min_size=1).filter(str.strip)

recipe = st.none() | st.text(
    string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=60
)
key = st.none() | st.text(string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=80)


def spot(x: float, y: float, zoom: float) -> str:
    return f"{x:.3f},{y:.3f},{zoom:.3f}"


spots = st.none() | st.builds(spot, st.floats(-99, 99), st.floats(-99, 99), st.floats(0.001, 999))
cells = st.none() | st.builds(
    "{}:{},{}".format, st.integers(2, 160), st.integers(-9999, 9999), st.integers(-9999, 9999)
)
walls = st.none() | st.sampled_from(["3,4", "any,12", "999,any", "unsure"])
lists = st.none() | st.lists(st.integers(0, 999_999), min_size=1, max_size=9).map(
    lambda numbers: ",".join(map(str, numbers))
)
shares = st.none() | st.builds("{}-{}".format, st.integers(0, 100), st.integers(0, 100))
patches = st.none() | st.sampled_from(
    ["noise:0.50,0.25,0.30,1", "icon:features.12@402:0.1,0.2,0.3,1"]
)
fades = st.none() | st.sampled_from(["3:0", "3:0.5,17:2", "g2:0.5,3:0"])
looks = lists | st.sampled_from(["all", "g2"])
guides = st.none() | st.sampled_from(["class:7", "0a" * 32])
thens = st.none() | st.sampled_from(
    ["30:features.10:2", "5:a,30:layer3.2.relu#2/3/17:0.5,60:class:954,90:again"]
)
hows = st.none() | st.sampled_from(["octaves:6", "octaves:6,step:0.006,seed:-1"])


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    place = draw(st.none() | st.tuples(st.integers(0, 500), st.integers(0, 500)))
    return Selection(
        view=draw(st.sampled_from(VIEWS)), model=draw(word), picture=draw(word),
        layer=draw(word), row=place[0] if place else None, col=place[1] if place else None,
        unit=draw(whole), a=draw(whole), b=draw(whole), map=draw(st.sampled_from(MAPS)),
        sort=draw(st.sampled_from(SORTS)), tab=draw(st.sampled_from(TABS)),
        take=draw(st.sampled_from(TAKE)),
        off=tuple(draw(st.lists(st.integers(0, 9), max_size=4))),
        pane=draw(st.sampled_from(PANES)), left=draw(recipe), right=draw(recipe), other=draw(whole),
        atlas=draw(key), beside=draw(key), spot=draw(spots), cell=draw(cells),
        tint=draw(st.sampled_from(TINTS)), strength=draw(st.sampled_from(STRENGTHS)),
        stage=draw(st.sampled_from(STAGES)), wall=draw(walls), sure=draw(shares),
        among=draw(whole), drop=draw(lists), patch=draw(patches), fade=draw(fades),
        order=draw(st.sampled_from(ORDERS)), mode=draw(st.sampled_from(MODES)),
        start=draw(st.none() | st.sampled_from(STARTS)), look=draw(looks), goal=draw(whole),
        guide=draw(guides), how=draw(hows), then=draw(thens),
        second_layer=draw(word), both=draw(st.sampled_from(BOTH)),
        quality=draw(st.sampled_from(QUALITIES)),
        second=draw(word), made=draw(key),
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


WHERE = {"atlas": "k", "beside": "m", "cell": "20:3,4", "spot": "0.5,0.25,3"}


def test_a_place_on_the_map_can_be_read() -> None:
    chosen = Selection(view="atlas", layer="l", **WHERE, tint="ab", strength=3)
    assert chosen.href() == (
        "/atlas?layer=l&atlas=k&beside=m&cell=20:3,4&spot=0.5,0.25,3&tint=ab&strength=3"
    )


def test_nonsense_about_the_map_is_dropped() -> None:
    for query in (
        "atlas=../etc", "atlas=A", "beside=a/b", "cell=20:3", "cell=3,4", "cell=20:a,b",
        "cell=20:3,4,5", "spot=0.5,0.5", "spot=a,b,c", "spot=1e9,0,1", "spot=0,0,-1", "tint=c",
        "strength=0", "strength=x", "atlas=" + "a" * 81,
    ):  # fmt: skip
        assert parse("/atlas", query) == Selection(view="atlas"), query
    assert parse("/atlas", "cell=20:-3,41&spot=-0.25,1,12.5") == Selection(
        view="atlas", cell="20:-3,41", spot="-0.25,1,12.5"
    )


def test_another_layer_or_network_lets_go_of_the_map() -> None:
    before = Selection(view="atlas", model="n", layer="l", tint="a", strength=2, a=7, **WHERE)
    kept = Selection(view="atlas", model="n", layer="m", tint="a", strength=2, a=7)
    assert change(before, layer="m") == kept
    assert change(before, layer="m", cell="20:1,1") == change(kept, cell="20:1,1")
    assert change(before, model="o") == Selection(view="atlas", model="o", tint="a", strength=2)


def test_another_map_lets_go_of_the_spot_on_it_and_keeps_what_lies_beside() -> None:
    before = Selection(view="atlas", **WHERE)
    assert change(before, atlas="z") == Selection(view="atlas", atlas="z", beside="m")
    assert change(before, atlas="k") == before
    assert change(before, beside=None) == Selection(view="atlas", **{**WHERE, "beside": None})


def test_a_picture_and_a_colour_leave_the_spot_alone() -> None:
    before = Selection(view="atlas", picture="p", **WHERE)
    for choice in ({"picture": "q"}, {"tint": "ab", "a": 3, "b": 4}, {"view": "neuron"}):
        after = change(before, **choice)
        assert {name: getattr(after, name) for name in WHERE} == WHERE


def test_another_dream_begins_small() -> None:
    full = Selection(view="dream", mode="guided", quality="full", made="ab12", look="3,17")
    assert change(full, mode="dream").quality == "preview"
    assert change(full, how="octaves:6").made is None
    later = change(full, then="9:features.4")
    assert (later.quality, later.made) == ("full", None), "a stream goes on in its size"
    assert change(later, model="other").then is None
    assert change(Selection(second="a", second_layer="x"), second="b").second_layer is None
    assert change(full, layer="features.7").look is None
    assert change(full, mode="guided") == full
    assert change(full, made="cd34").made == "cd34"
    assert change(full, quality="full", made=None).made is None
