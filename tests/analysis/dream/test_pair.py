"""The same dream in two networks."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.dream.pair import caption, counterpart, depth, for_both, in_each, translated
from analysis.dream.settings import Dream
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.analysis.dream.nets import local


def test_layers_of_one_name_stand_for_each_other(squeezenet: Classifier) -> None:
    assert counterpart(squeezenet, "features.7", squeezenet) == "features.7"
    assert counterpart(local(), "relu", local(32)) == "relu"


def test_other_layers_are_matched_by_their_depth(squeezenet: Classifier, shared: object) -> None:
    net = load(f"{shared}/models/bvlc_googlenet.py:load", device="cpu")
    found = [counterpart(net, f"inception{b}", squeezenet) for b in ("3a", "4a", "4c", "5b")]
    assert found[0] in ("features.3", "features.4")
    assert found[-1] == "features.12"
    assert [int(name.split(".")[1]) for name in found] == sorted(
        int(name.split(".")[1]) for name in found
    )
    assert depth(net, "conv1.conv") == 0.0
    assert translated(net, Dream(layer="inception5b"), squeezenet).layer == "features.12"


def test_a_class_is_found_by_its_name(squeezenet: Classifier) -> None:
    dream = Dream(class_index=954)
    assert translated(squeezenet, dream, squeezenet) == dream
    with pytest.raises(UserError, match="no class 'banana'"):
        translated(squeezenet, dream, local())


def test_channels_mean_nothing_in_another_network(squeezenet: Classifier) -> None:
    with pytest.raises(UserError, match="channels of toy are not those of squeezenet1_1"):
        translated(local(), Dream(layer="relu", channels=(1,)), squeezenet)


def test_the_dream_in_both(squeezenet: Classifier) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    dream, own = Dream(layer="relu", octaves=1, iterations=2), local(32)
    rungs = list(in_each([own, squeezenet], for_both(own, dream, squeezenet), picture))
    assert [(r.number, r.count) for r in rungs if r.frame.finished] == [(1, 2), (2, 2)]
    layer = rungs[-1].dream.layer
    assert layer == counterpart(own, "relu", squeezenet)
    assert caption(squeezenet, rungs[-1].dream) == f"squeezenet1_1, {layer}"
    assert caption(squeezenet, Dream(class_index=954)) == "squeezenet1_1, banana"
    with pytest.raises(UserError, match="no layer 'rely'"):
        for_both(own, replace(dream, layer="rely"), squeezenet)


def test_the_second_networks_layer_is_chosen(squeezenet: Classifier) -> None:
    own = local(32)
    one, two = for_both(own, Dream(layer="relu"), squeezenet, "features.10")
    assert (one.layer, two.layer) == ("relu", "features.10")
    with pytest.raises(UserError, match=r"nearest: features\.7"):
        for_both(own, Dream(layer="relu"), squeezenet, "features.77")


def test_a_guide_leads_both(squeezenet: Classifier) -> None:
    random = np.random.default_rng(0)
    picture, guide = (random.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(2))
    own, other = local(32), local(32)
    dream = Dream(layer="relu", octaves=1, iterations=1, guides=("0" * 64,))
    dreams = for_both(own, dream, other)
    last = [r for r in in_each([own, other], dreams, picture, guides=[guide]) if r.frame.finished]
    assert [r.dream.guides for r in last] == [dream.guides] * 2
    assert np.array_equal(last[0].frame.pixels(), last[1].frame.pixels()), "one network twice"
