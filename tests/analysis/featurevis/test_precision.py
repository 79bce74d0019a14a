"""The copy in bfloat16: only where it helps, only for gradients."""

import gc
import weakref

import pytest
import torch
from torch import nn

from analysis.featurevis import objectives, precision
from analysis.featurevis.icons import IconRequest, render
from analysis.featurevis.optimize import Observer
from analysis.models import Classifier, load
from tests import toys
from tests.analysis.featurevis.nets import Places


@pytest.fixture(autouse=True)
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor that multiplies in bfloat16; others imitate it, only slower."""
    monkeypatch.setattr(precision, "supported", lambda: True)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def toy(module: nn.Module) -> Classifier:
    return toys.classifier(module, (1, 8, 8))


class OwnPrecision(Places):
    """Multiplies with float32 numbers that it makes itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = super().forward(x)
        return scores @ torch.ones(1, 1)


def grouped() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1, groups=2), toys.Sum())


def with_norm() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.LayerNorm([2, 8, 8]), toys.Sum())


@pytest.mark.parametrize("module", [grouped(), with_norm(), OwnPrecision([1.0], [0.0])])
def test_networks_that_gain_nothing_or_break_keep_their_precision(module: nn.Module) -> None:
    classifier = toy(module)
    assert precision.light(classifier) is classifier.module


def test_a_processor_that_would_imitate_it_keeps_the_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "supported", lambda: False)
    classifier = toy(Places([1.0], [0.0]))
    assert precision.light(classifier) is classifier.module


def test_the_copy_is_made_once_and_goes_with_the_network() -> None:
    classifier = toy(Places([1.0], [0.0]))
    copy = precision.light(classifier)
    assert next(copy.parameters()).dtype == torch.bfloat16
    assert precision.light(classifier) is copy
    assert next(classifier.module.parameters()).dtype == torch.float32
    gone = weakref.ref(copy)
    del classifier, copy
    gc.collect()
    assert gone() is None


def test_what_is_reported_is_measured_in_full() -> None:
    """1 + 1/512 has no bfloat16: the copy says 1 there, the network the truth."""
    observer = Observer(toy(Places([1.0], [1 / 512])), objectives.channel("conv", [0]), 8)
    white = torch.ones(1, 1, 8, 8)
    assert observer.fields(white, observer.light)["conv"].unique().tolist() == [1.0]
    assert observer.measure(white).tolist() == [1 + 1 / 512]


@pytest.mark.parametrize("layer", ["features.4", "features.11"])
def test_pictures_excite_their_units_as_much(
    squeezenet: Classifier, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = IconRequest(layer=layer, units=(3, 50, 77, 90), steps=48, input_size=96)
    *_, light = render(squeezenet, request)
    monkeypatch.setattr(precision, "supported", lambda: False)
    *_, full = render(squeezenet, request)
    assert light.activations != full.activations
    ratios = [a / b for a, b in zip(light.activations, full.activations, strict=True)]
    assert sum(ratios) / 4 > 0.9
