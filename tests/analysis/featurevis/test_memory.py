"""Batches by memory: counted on a toy whose outputs are known, and kept to on SqueezeNet."""

from dataclasses import replace

import pytest

from analysis.featurevis.icons import IconRequest
from analysis.featurevis.memory import bytes_a_picture, in_batches
from analysis.models import load
from cache.errors import UserError
from tests.analysis.featurevis import nets


def test_units_are_shared_out_and_none_is_lost() -> None:
    net = nets.places([1.0, -1.0, 0.5], [0.0, 1.0, 0.0])
    wanted = IconRequest(layer="act", units=(0, 1, 2), size=16, input_size=16)
    each = bytes_a_picture(net, wanted)
    assert 3 * 16 * 16 * 4 <= each < 100 * 16 * 16 * 4
    parts = in_batches(net, wanted, memory=2 * each)
    assert [p.units for p in parts] == [(0, 1), (2,)]
    assert [p.units for p in in_batches(net, wanted, memory=1)] == [(0,), (1,), (2,)]
    twice = replace(wanted, diversity=2)
    assert [p.units for p in in_batches(net, twice, memory=2 * each)] == [(0,), (1,), (2,)]
    added = replace(wanted, objective="sum")
    assert in_batches(net, added, memory=1) == [added]
    with pytest.raises(UserError, match="channel 7 is out of range"):
        in_batches(net, replace(wanted, units=(7,)))


def test_larger_inputs_and_deeper_layers_take_more() -> None:
    net = load("squeezenet1_1", device="cpu")
    small = IconRequest(layer="features.4", units=tuple(range(100)), size=64, input_size=64)
    large, deep = replace(small, input_size=128), replace(small, layer="features.12")
    each = bytes_a_picture(net, small)
    assert 3 < bytes_a_picture(net, large) / each < 5
    assert bytes_a_picture(net, deep) > each
    assert max(len(p.units) for p in in_batches(net, small)) == 32
