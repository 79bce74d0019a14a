"""Settings of a dream, to and from JSON."""

import json
from dataclasses import fields

import pytest

from analysis.dream.settings import Dream, as_json, checked, parse, previewed
from cache.errors import UserError
from tests.analysis.featurevis.nets import places

FULL = Dream(
    layer="act", channels=(1, 2), class_index=None, guides=("a" * 64,), picture="b" * 64,
    start="noise", scale=1.5, seed=7, blur=(2.0, 0.5), direction=(0.1, -1e-7),
)  # fmt: skip


def test_there_and_back() -> None:
    assert parse(as_json(FULL)) == FULL
    assert as_json(parse(as_json(FULL))) == as_json(FULL)
    assert "\n" not in as_json(FULL)
    assert list(json.loads(as_json(FULL))) == sorted(f.name for f in fields(Dream))


def test_the_defaults_are_the_originals() -> None:
    dream = parse('{"layer":"act"}')
    assert (dream.octaves, dream.scale, dream.iterations) == (4, 1.4, 10)
    assert (dream.step, dream.jitter) == (1.5, 32)


def test_a_whole_number_will_do_for_a_fraction() -> None:
    assert parse('{"step":2}').step == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "JSON object"),
        ('{"octave":3}', "nearest: octaves"),
        ('{"octaves":0}', "octaves goes from 1 to 16, not 0"),
        ('{"octaves":"many"}', "octaves of a dream is a whole number"),
        ('{"octaves":true}', "a whole number"),
        ('{"scale":1e999}', "a number"),
        ('{"channels":[-1]}', "a list of channels"),
        ('{"guides":["../x"]}', "digests"),
        ('{"start":"dark"}', "picture or noise"),
        ('{"blur":[1]}', "a pair of numbers"),
        ('{"blur":[1,99]}', "blur goes from 0 to 32"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_one_aim_only() -> None:
    net = places([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(UserError, match="choose one"):
        checked(Dream(layer="act", channels=(1,), direction=(1.0, 0.0)), net)
    with pytest.raises(UserError, match="has 2 numbers, not 1"):
        checked(Dream(layer="act", direction=(1.0,)), net)
    with pytest.raises(UserError, match="no layer"):
        checked(Dream(layer="act", class_index=1), net)
    assert checked(Dream(layer="act#1"), net).layer == "act"


def test_a_preview_is_small() -> None:
    assert previewed(Dream(layer="act")).size == 224
    assert previewed(Dream(layer="act", size=200)).size == 200
