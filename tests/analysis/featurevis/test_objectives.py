"""Objectives on fields written out by hand."""

import pytest
import torch

from analysis.featurevis import objectives as o
from analysis.layers import Layer
from cache.errors import UserError

# two pictures, two channels, 2 x 2 places
FIELD = torch.tensor(
    [[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 8.0]]], [[[1.0, 1], [1, 1]], [[2, 2], [2, 4]]]]
)
FIELDS = {"a": FIELD, o.LOGITS: torch.tensor([[1.0, 5.0], [7.0, 2.0]])[:, :, None, None]}


def test_channel_is_the_mean_of_each_pictures_own() -> None:
    assert o.channel("a", [0, 1]).score(FIELDS).tolist() == [3.0, 2.5]


def test_neuron_is_the_middle_or_the_place_asked_for() -> None:
    assert o.neuron("a", [1, 1]).score(FIELDS).tolist() == [8.0, 4.0]
    assert o.neuron("a", [0, 0], (0, 1)).score(FIELDS).tolist() == [2.0, 1.0]
    with pytest.raises(UserError, match="place 5,0 is outside the grid of 2 x 2"):
        o.neuron("a", [0, 0], (5, 0)).score(FIELDS)


def test_class_is_the_logit() -> None:
    assert o.class_logit([1, 0]).score(FIELDS).tolist() == [5.0, 7.0]


def test_direction_is_dot_times_cosine() -> None:
    vectors = torch.tensor([[3.0, 4.0], [-1.0, 0.0]])
    # (6, 8) . (3, 4) = 50 with cosine 1; (1, 4) . (-1, 0) = -1 with a cosine below .1
    scores = o.direction("a", vectors, cosine_power=2).score(FIELDS)
    assert scores.tolist() == pytest.approx([50.0, -0.01])
    plain = o.direction("a", vectors, cosine_power=0, everywhere=True).score(FIELDS)
    assert plain.tolist() == pytest.approx([9.0 + 8.0, -1.0])


def test_deepdream_is_the_mean_square() -> None:
    assert o.deepdream("a").score(FIELDS).tolist() == [(1 + 4 + 9 + 36 + 64) / 8, 32 / 8]


def test_diversity_tells_how_alike_a_group_is() -> None:
    same = torch.ones(2, 2, 1, 2)
    assert o.diversity("a", 2).score({"a": same}).tolist() == pytest.approx([1.0, 1.0])
    apart = torch.zeros(2, 2, 1, 2)
    apart[0, 0], apart[1, 1] = 1.0, 1.0
    assert o.diversity("a", 2).score({"a": apart}).tolist() == pytest.approx([0.0, 0.0])
    varied = o.varied(o.channel("a", [0, 0]), "a", 2)
    assert varied.score({"a": same}).tolist() == pytest.approx([0.0, 0.0])
    assert varied.score({"a": apart}).tolist() == pytest.approx([1.0, 0.0])


def test_objectives_add_subtract_and_scale_and_say_so() -> None:
    both = o.channel("a", [0, 0]) - 0.5 * o.class_logit([1, 1])
    assert both.score(FIELDS).tolist() == [3.0 - 2.5, 1.0 - 1.0]
    assert both.layers == ("a", o.LOGITS)
    assert both.name == "a:0,0 - 0.5 * class 1,1"
    assert (-both).score(FIELDS).tolist() == [-0.5, 0.0]
    assert (both + both).score(FIELDS).tolist() == [1.0, 0.0]


def layer(layout: str, extras: int = 0) -> Layer:
    grid = None if layout == "flat" else (2, 2)
    return Layer("a", "x", 2, grid, layout, extras, False, 0)  # type: ignore[arg-type]


def test_every_layout_is_seen_as_a_field() -> None:
    assert torch.equal(o.field(FIELD, layer("nchw")), FIELD)
    assert torch.equal(o.field(FIELD.permute(0, 2, 3, 1), layer("nhwc")), FIELD)
    tokens = torch.cat([torch.full((2, 1, 2), 99.0), FIELD.flatten(2).transpose(1, 2)], dim=1)
    assert torch.equal(o.field(tokens, layer("tokens", extras=1)), FIELD)
    assert o.field(FIELD[:, :, 0, 0], layer("flat")).shape == (2, 2, 1, 1)
