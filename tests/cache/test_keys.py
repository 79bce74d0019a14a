import subprocess
import sys
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.keys import content_key, is_key


@dataclass(frozen=True)
class Inner:
    name: str
    weights: Any = None


@dataclass(frozen=True)
class Request:
    layer: str
    units: tuple[int, ...] = ()
    value: Any = None
    inner: Inner | None = None


@dataclass(frozen=True)
class Other:
    layer: str
    units: tuple[int, ...] = ()
    value: Any = None
    inner: Inner | None = None


class Colour(Enum):
    RED = 1
    BLUE = 2


def key(value: Any) -> str:
    return content_key(Request("a", value=value), fingerprint="f", recipe=1)


def test_a_key_stays_the_same_for_ever() -> None:
    """Changing the canonical form would make every cache out there worthless: do it knowingly."""
    request = Request(
        "features.9", (1, 2), {"a": 0.1, "b": [None, True]}, Inner("x", np.arange(3, dtype="i2"))
    )
    assert content_key(request, fingerprint="abc", recipe=3) == (
        "ee3bcf9e90f35c8d61e9b0ec95b14c1d52e51a1530cb5f2f26ab186138660e93"
    )


def test_a_key_is_the_same_in_another_process() -> None:
    program = (
        "import numpy as np\n"
        "from tests.cache.test_keys import Request, content_key\n"
        "print(content_key(Request('a', value={'z': 1, 'a': 2.5}), fingerprint='f', recipe=1))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == key({"a": 2.5, "z": 1})


def test_everything_that_the_result_depends_on_is_in_the_key() -> None:
    base = Request("a", (1, 2))
    keys = {
        content_key(base, fingerprint="f", recipe=1),
        content_key(base, fingerprint="g", recipe=1),
        content_key(base, fingerprint="f", recipe=2),
        content_key(Other("a", (1, 2)), fingerprint="f", recipe=1),
        content_key(Request("a", (2, 1)), fingerprint="f", recipe=1),
        content_key(Request("a", (1, 2), inner=Inner("")), fingerprint="f", recipe=1),
    }
    assert len(keys) == 6
    assert all(is_key(text) for text in keys)


DIFFERENT = [
    None, True, 1, 1.0, "1", b"1", 1j, 0, 0.0, -0.0, False, "", (), {}, float("nan"), float("inf"),
    (1,), ((1,),), (1, 1), {"int": 1}, {"float": 1.0}, {"float": (1.0).hex()}, 0.1, 0.1 + 2**-56,
    np.float32(0.1), Colour.RED, Colour.BLUE, "RED", Inner("a"), {"name": "a", "weights": None},
    np.array([1]), np.array([1], dtype="i4"), np.array([1.0]), np.array([[1]]), np.array(1),
    np.array([True]), np.array([]), np.zeros((0, 2)), np.array([0.0]), np.array([-0.0]), "\ud800",
]  # fmt: skip


def test_values_that_differ_have_keys_that_differ() -> None:
    assert len({key(value) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ((1, 2), [1, 2]),
        (3, np.int64(3)),
        (0.5, np.float64(0.5)),
        (0.5, np.float32(0.5)),
        (True, np.True_),
        ("a", np.str_("a")),
        (np.arange(6).reshape(2, 3).T, np.array([[0, 3], [1, 4], [2, 5]])),
        (np.arange(3, dtype=">i4"), np.arange(3, dtype="<i4")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_values_that_say_the_same_have_the_same_key(one: Any, same: Any) -> None:
    assert key(one) == key(same)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def exact(value: Any) -> Any:
    """Python's own idea of sameness, made as strict as the key's: types and signs count."""
    if isinstance(value, tuple):
        return ("tuple", tuple(exact(item) for item in value))
    if isinstance(value, dict):
        return ("dict", frozenset((name, exact(item)) for name, item in value.items()))
    return (type(value).__name__, value.hex() if isinstance(value, float) else value)


@given(VALUES, VALUES)
def test_keys_are_the_same_exactly_where_values_are(one: Any, other: Any) -> None:
    assert (key(one) == key(other)) == (exact(one) == exact(other))


@given(st.floats(allow_nan=False))
def test_floats_count_to_the_last_bit(number: float) -> None:
    assert key(number) != key(float(np.nextafter(number, np.inf if number < 0 else -np.inf)))


@given(st.binary(min_size=1, max_size=64), st.data())
def test_one_bit_of_an_array_changes_the_key(data: bytes, draw: st.DataObject) -> None:
    array = np.frombuffer(data, dtype=np.uint8)
    changed = array.copy()
    place = draw.draw(st.integers(0, len(data) - 1))
    changed[place] ^= 1 << draw.draw(st.integers(0, 7))
    assert key(array) != key(changed)


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {1, 2}, Path("/"), np.array([object()]), np.array(["a"]), len, Inner,
     np.longdouble(1), np.datetime64("2020-01-01")],
)  # fmt: skip
def test_what_has_no_exact_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        key(value)


def test_only_a_frozen_dataclass_is_a_request() -> None:
    @dataclass
    class Loose:
        a: int = 1
        b: list[int] = field(default_factory=list)

    for request in (Loose(), {"a": 1}, Request, 3):
        with pytest.raises(TypeError):
            content_key(request, fingerprint="f", recipe=1)
    with pytest.raises(TypeError, match="frozen"):
        key(Loose())


def test_the_name_of_the_class_counts_not_its_module() -> None:
    here = make_dataclass("Same", [("a", int)], frozen=True)
    there = make_dataclass("Same", [("a", int)], frozen=True)
    there.__module__ = "elsewhere"
    keys = {content_key(made(1), fingerprint="f", recipe=1) for made in (here, there)}
    assert len(keys) == 1


@pytest.mark.parametrize("text", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" * 22, 3])
def test_what_is_no_key(text: Any) -> None:
    assert not is_key(text)
