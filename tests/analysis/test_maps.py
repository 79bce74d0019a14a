"""All channels as maps: by hand, and against the hooks on the real network."""

import numpy as np
import pytest
import torch

from analysis.layers import capture
from analysis.maps import Maps, channel_maps, packed
from analysis.models import Classifier, load
from cache.errors import UserError
from tests import toys


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def test_codes_by_hand() -> None:
    two = toys.classifier(toys.TwoNeurons(), (1, 1, 2))
    found = channel_maps(two, "relu", torch.tensor([[[[1.0, 0.5]]]]))
    np.testing.assert_allclose(found.values, [[[0.75, 0.25]], [[0.0, 0.25]]])
    small = packed(found)
    assert not small.signed
    assert small.reach.tolist() == [0.75, 0.25]
    assert small.codes.tolist() == [[[255, 85]], [[0, 255]]]
    np.testing.assert_allclose(small.values(), found.values, atol=0.75 / 510)


def test_a_signed_layer_has_its_zero_in_the_middle() -> None:
    patterns = toys.classifier(toys.Patterns(), (2, 1, 2))
    found = channel_maps(patterns, "conv", torch.tensor([[[[1.0, 0.0]], [[0.0, 0.5]]]]))
    small = packed(found)
    assert small.signed
    assert small.reach.tolist() == [2, 1, 0.5, 1.5]
    assert small.codes[:, 0].tolist() == [[255, 128], [255, 128], [128, 255], [128, 1]]


def test_a_silent_neuron_is_black_and_a_fine_grid_is_averaged() -> None:
    layer = channel_maps(
        toys.classifier(toys.TwoNeurons(), (1, 1, 2)), "relu", torch.zeros(1, 1, 1, 2)
    ).layer
    values = np.zeros((2, 4, 4), np.float32)
    values[1] = np.arange(16).reshape(4, 4)
    small = packed(Maps(layer, values, np.zeros(2, np.float32)), most=2)
    assert small.codes[0].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_allclose(small.values()[1], [[2.5, 4.5], [10.5, 12.5]], atol=12.5 / 510)


@pytest.mark.parametrize("layer", ["features.3", "features.12"])
def test_maps_are_what_the_hooks_catch(squeezenet: Classifier, layer: str) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (224, 224, 3), np.uint8)
    x = squeezenet.tensor(pixels)
    found = channel_maps(squeezenet, layer, x)
    caught, _ = capture(squeezenet.module, [layer], x)
    expected = caught[layer][0].numpy()
    np.testing.assert_array_equal(found.values, expected)
    small = packed(found)
    assert small.codes.shape == expected.shape
    away = np.abs(small.values() - expected).max(axis=(1, 2))
    assert (away <= small.reach / 509).all()
    with torch.no_grad():
        np.testing.assert_allclose(found.logits, squeezenet.module(x)[0].numpy(), rtol=1e-5)


def test_a_layer_without_a_grid_is_refused() -> None:
    two = toys.classifier(toys.TwoNeurons(), (1, 1, 2))
    with pytest.raises(UserError, match="no grid"):
        channel_maps(two, "fc", torch.zeros(1, 1, 1, 2))
