"""Recipes as words: they survive the way into an address, and say how they differ."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import recipes
from analysis.featurevis.transforms import LUCID_NAMES, MACO_NAMES, Transform
from analysis.models import load
from analysis.recipes import KINDS, NAMES, SIZES, Recipe, judged, spectrum_of, transforms_named
from cache.errors import UserError


@st.composite
def any_recipe(draw: st.DrawFn) -> Recipe:
    return Recipe(
        draw(st.sampled_from(list(KINDS))), draw(st.booleans()),
        tuple(n for n in NAMES if draw(st.booleans())), draw(st.sampled_from(SIZES)),
        draw(st.integers(16, 512)), draw(st.integers(0, 1000)),
    )  # fmt: skip


@given(any_recipe())
def test_a_word_is_read_back(recipe: Recipe) -> None:
    assert Recipe.parse(recipe.word) == recipe
    assert recipe.differences(recipe) == []


@given(any_recipe(), any_recipe())
def test_two_recipes_that_differ_say_so(one: Recipe, other: Recipe) -> None:
    assert bool(one.differences(other)) == (one != other)


@given(st.text())
def test_any_word_is_some_recipe(word: str) -> None:
    found = Recipe.parse(word)
    assert Recipe.parse(found.word) == found


def test_names_and_usual_transforms_are_those_of_the_engine() -> None:
    assert get_args(Transform) == NAMES
    assert Recipe().usual == LUCID_NAMES
    assert Recipe("pixel").usual == LUCID_NAMES
    assert Recipe("maco").usual == MACO_NAMES
    assert set(KINDS.values()) == {"fourier", "pixels", "maco"}


def test_what_differs_is_one_plain_line() -> None:
    own = Recipe()
    said = {
        "without transforms": {"transforms": ()},
        "without jitter and rotate": {"transforms": ("pad", "scale")},
        "with crop": {"transforms": ("pad", "jitter", "scale", "rotate", "crop")},
        "without colour decorrelation": {"decorrelated": False},
        "made of plain pixels": {"kind": "pixel"},
        "made for 96 px instead of 224": {"input_size": 96},
        "in 32 steps instead of 144": {"steps": 32},
        "from other noise (seed 3)": {"seed": 3},
    }
    for line, change in said.items():
        assert own.differences(replace(own, **change)) == [line]  # type: ignore[arg-type]
    assert replace(own, decorrelated=False).differences(own) == ["with colour decorrelation"]


def test_nonsense_is_bounded() -> None:
    found = Recipe.parse("pixel-plain-jitter.blur-100-9999-7777")
    assert found == Recipe("pixel", False, ("jitter",), 224, 512, 1000)
    assert transforms_named("rotate, pad") == ("pad", "rotate")
    assert transforms_named("none") == ()
    with pytest.raises(UserError, match="'blur' is no transform"):
        transforms_named("pad,blur")
    with pytest.raises(UserError, match="needs photographs"):
        spectrum_of([], decorrelated=True)


def test_without_transforms_the_recipes_own_number_is_the_plain_one_at_its_size() -> None:
    classifier = load("squeezenet1_1")
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    bare = replace(Recipe(), transforms=())
    found = judged(classifier, bare.request(classifier, "features.3", 5), picture)
    assert found.size == recipes.JUDGED_AT
    assert found.own == pytest.approx(found.plain, rel=1e-3)
    moved = judged(classifier, Recipe().request(classifier, "features.3", 5), picture)
    assert moved.own == pytest.approx(moved.viewed)
    assert moved.plain == found.plain
    assert moved.viewed != pytest.approx(found.plain, rel=1e-3)
