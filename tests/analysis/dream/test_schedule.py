"""The changes of a stream, worked out by hand, and as one word of text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.dream.schedule import (
    FORM,
    Change,
    Stream,
    at,
    read,
    read_each,
    there_and_back,
    written,
)
from analysis.dream.settings import Dream
from cache.errors import UserError

DREAM = Dream(layer="a")


def seen(stream: Stream, *frames: int) -> list[tuple[str, float]]:
    return [(c.layer, c.strength) for c in (at(stream, DREAM, n) for n in frames)]


def test_layers_switch_and_strengths_go_evenly() -> None:
    stream = Stream(
        changes=(Change(10, "b", 2.0), Change(20, "c", 1.0, (3,)), Change(30, "c", 0.0))
    )
    expected = [("a", 1.0), ("a", 1.5), ("b", 2.0), ("b", 1.5), ("c", 1.0), ("c", 0.5), ("c", 0.0)]
    assert seen(stream, 0, 5, 10, 15, 20, 25, 99) == expected
    assert at(stream, DREAM, 20).channels == (3,)
    assert seen(Stream(), 7) == [("a", 1.0)]


def test_again_begins_anew_and_goes_evenly_to_the_beginning() -> None:
    stream = Stream(changes=(Change(4, "b", 3.0),), again=8)
    assert seen(stream, 0, 2, 4, 6, 7) == [
        ("a", 1.0), ("a", 2.0), ("b", 3.0), ("b", 2.0), ("b", 1.5),
    ]  # fmt: skip
    assert seen(stream, 8, 12, 800, 804) == [("a", 1.0), ("b", 3.0)] * 2


def test_one_at_the_first_frame_takes_the_place_of_the_dreams_own() -> None:
    stream = Stream(changes=(Change(0, class_index=7, strength=2.0), Change(5, "b", 2.0)), again=9)
    assert at(stream, DREAM, 0).class_index == 7
    assert at(stream, DREAM, 9).class_index == 7
    assert seen(stream, 3, 5, 8) == [("", 2.0), ("b", 2.0), ("b", 2.0)]


def test_a_ramp_cut_in_two_stays_the_same() -> None:
    whole = Stream(changes=(Change(30, "a", 2.0),))
    cut = Stream(changes=(Change(9, "a", at(whole, DREAM, 9).strength), Change(30, "a", 2.0)))
    assert seen(whole, *range(10)) == seen(cut, *range(10))


def test_through_all_layers_and_back() -> None:
    stream = there_and_back(["a", "b", "c"], 5)
    assert written(stream) == "5:b,10:c,15:b,20:again"
    assert [layer for layer, _ in seen(stream, 0, 5, 10, 15, 20)] == ["a", "b", "c", "b", "a"]


def test_text() -> None:
    text = "0:class:954,30:features.10:2,60:layer3.2.relu#2/17/402:0.5,90:again"
    stream = read(text)
    assert [c.frame for c in stream.changes] == [0, 30, 60]
    assert stream.changes[0].class_index == 954
    assert (stream.changes[0].strength, stream.changes[1].strength) == (1.0, 2.0)
    assert stream.changes[2] == Change(60, "layer3.2.relu#2", 0.5, (17, 402))
    assert (stream.again, written(stream)) == (90, text)
    assert re.fullmatch(FORM, text)
    assert written(read(None)) is None
    assert read("9:b,3:a").changes == (Change(3, "a"), Change(9, "b")), "put in order"


def test_each_on_its_own_and_a_class_by_its_name() -> None:
    names = {"bow tie, bow-tie": 457, "banana": 954}
    texts = ["60:class:bow tie, bow-tie:1.5", "30:a,40:b", "20:class:banana", "90:again"]
    stream = read_each(texts, names.__getitem__)
    assert written(stream) == "20:class:954,30:a,40:b,60:class:457:1.5,90:again"


layers = st.from_regex(r"(?!class:)[A-Za-z0-9_.#-]{1,12}", fullmatch=True).filter(
    lambda name: name not in ("again", "class")
)
changes = st.builds(
    Change, st.integers(0, 999_999), layers,
    st.integers(0, 80).map(lambda n: n / 4) | st.integers(0, 20_000_000).map(lambda n: n / 1e6),
    st.frozensets(st.integers(0, 9999), max_size=3).map(lambda s: tuple(sorted(s))),
)  # fmt: skip


@given(st.lists(changes, min_size=1, max_size=9, unique_by=lambda c: c.frame))
def test_what_is_written_is_read(many: list[Change]) -> None:
    stream = Stream(changes=tuple(sorted(many, key=lambda c: c.frame)))
    text = written(stream)
    assert text is not None
    assert read(text) == stream
    assert re.fullmatch(FORM, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x:a", "30:features.10:2"),
        ("3", "30:features.10:2"),
        ("3:a b", "30:features.10:2"),
        ("3:", "30:features.10:2"),
        ("3:a,3:b", "in the order"),
        ("3:a:21", "strength from 0 to 20"),
        ("3:class:banana", "no class by its number"),
        ("9:a,9:again", "after its last change"),
        (",".join(f"{n}:a" for n in range(61)), "at most 60 times"),
    ],
)
def test_what_is_none_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        read(text)
