"""Effects against answers worked out by hand, against captum, and against the chain rule."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn

from analysis.activations import fires, magnitudes
from analysis.attribution import (
    Attributions,
    Target,
    attribute,
    default_target,
    integrate,
    position,
)
from analysis.layers import find_layer, to_positions
from analysis.models import Classifier, load
from analysis.tail import Tail
from benchmarks.faithfulness import hand_error
from cache.errors import UserError
from tests.toys import Branches, ChannelsLast, Residual, Tokens, TwoNeurons, classifier

AB = Target(0, 1)


def row(*values: float) -> Tensor:
    """A grey picture (1, 1, 1, w)."""
    return torch.tensor(values).view(1, 1, 1, -1)


def explained(module: nn.Module, x: Tensor, names: list[str], target: Target) -> Attributions:
    size = (x.shape[1], x.shape[2], x.shape[3])
    return attribute(classifier(module, size), x, names, target)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def test_two_neurons_two_places_by_hand() -> None:
    found = explained(TwoNeurons(), row(1.0, 0.5), ["conv", "relu", "pool"], AB)
    assert found.logits == pytest.approx([1.75, 0.25])
    assert found.margin == pytest.approx(1.5)
    np.testing.assert_allclose(found.layers["relu"].activation, [[0.75, 0.25], [0, 0.25]])
    np.testing.assert_allclose(found.layers["relu"].gradient, [[2, 2], [-2, -2]])
    np.testing.assert_allclose(found.layers["relu"].effect, [[1.5, 0.5], [0, -0.5]])
    np.testing.assert_allclose(found.layers["relu"].per_channel, [2.0, -0.5])
    np.testing.assert_allclose(found.layers["relu"].per_place, [[1.5, 0.0]])
    np.testing.assert_allclose(found.layers["pool"].effect, [[2.0], [-0.5]])


def test_what_an_in_place_relu_overwrites_is_caught_before() -> None:
    one = explained(TwoNeurons(), row(1.0, 0.5), ["conv"], AB).layers["conv"]
    np.testing.assert_allclose(one.activation, [[0.75, 0.25], [-0.25, 0.25]])
    np.testing.assert_allclose(one.gradient, [[2, 2], [0, -2]])  # the ReLU is closed at place 0
    assert one.layer.signed


def test_one_class_and_the_difference_of_two_are_told_apart() -> None:
    one = explained(TwoNeurons(), row(1.0, 0.5), ["relu"], Target(1)).layers["relu"]
    np.testing.assert_allclose(one.per_channel, [0.0, 0.25])


def test_swapping_the_classes_turns_every_sign() -> None:
    names = ["conv", "relu"]
    there = explained(TwoNeurons(), row(1.0, 0.5), names, AB)
    back = explained(TwoNeurons(), row(1.0, 0.5), names, Target(1, 0))
    for name in names:
        np.testing.assert_allclose(there.layers[name].effect, -back.layers[name].effect)


def test_a_relu_that_runs_three_times_round_a_sum_in_place() -> None:
    found = explained(Residual(), row(3.0), ["relu", "relu#2", "relu#3", "twice"], AB)
    effects = {name: (one.activation[0, 0], one.effect[0, 0]) for name, one in found.layers.items()}
    assert effects == {"relu": (3, 18), "relu#2": (2, 8), "relu#3": (4, 8), "twice": (1, 2)}


def test_branches_each_have_their_own_effect() -> None:
    found = explained(Branches(), row(0.25), ["left.1", "right.0", "right.1"], AB)
    assert found.margin == pytest.approx(1.5)
    effects = [float(one.effect[0, 0]) for one in found.layers.values()]
    assert effects == pytest.approx([0.0, 1.5, 1.5])


def test_tokens_the_class_token_carries_the_effect_behind_the_mixing() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4) / 16
    found = explained(Tokens(), x, ["patch", "mix"], Target(0))
    patch, mix = found.layers["patch"], found.layers["mix"]
    np.testing.assert_allclose(patch.effect[0], 0.6 * patch.activation[0], rtol=1e-6)
    assert (mix.layer.extras, mix.layer.grid) == (1, (2, 2))
    assert mix.effect.shape == (2, 5)
    np.testing.assert_allclose(mix.per_channel, [found.logits[0], 0.0], rtol=1e-6)
    np.testing.assert_allclose(mix.per_place, np.zeros((2, 2)))


def test_channels_last_on_a_grid_that_is_not_square() -> None:
    one = explained(ChannelsLast(), row(1.0, 2.0), ["act"], Target(1, 0)).layers["act"]
    assert one.layer.layout == "nhwc"
    np.testing.assert_allclose(one.effect, [[-0.5, -1], [0, 0], [0, 0], [1, 2]])


def test_a_layer_that_does_not_matter_has_no_effect() -> None:
    class Aside(TwoNeurons):
        def forward(self, x: Tensor) -> Tensor:
            self.behind(self.conv(x))
            return super().forward(x)

    one = explained(Aside(), row(1.0), ["behind"], AB).layers["behind"]
    assert not one.effect.any()
    assert one.activation.any()


def test_the_same_layer_asked_for_twice() -> None:
    found = explained(TwoNeurons(), row(1.0), ["relu", "relu#1"], AB)
    np.testing.assert_array_equal(found.layers["relu"].effect, found.layers["relu#1"].effect)


# ---- path integration ----


def test_the_path_answers_what_the_gradient_here_cannot_see() -> None:
    """a = 3 t; b = relu(a - 1); c = relu(2 b - 3 + a): nothing up to t = 5/9, then 9 t - 5."""
    toy, x = classifier(Residual(), (1, 1, 1)), row(3.0)
    way = integrate(toy, x, "relu", AB)
    assert way.expected == pytest.approx(8.0)
    assert way.effect[0, 0] == pytest.approx(8.0, rel=0.02)
    assert way.gap <= 0.02
    assert attribute(toy, x, ["relu"], AB).layers["relu"].effect[0, 0] == pytest.approx(18.0)


def test_the_path_is_exact_where_the_rest_is_linear() -> None:
    way = integrate(classifier(TwoNeurons(), (1, 1, 2)), row(1.0, 0.5), "relu", AB)
    np.testing.assert_allclose(way.effect, [[1.5, 0.5], [0, -0.5]], atol=1e-6)
    assert way.steps == 100


@pytest.mark.parametrize("name", ["features.6", "features.9", "features.12"])
def test_the_path_adds_up_on_a_real_network(squeezenet: Classifier, name: str) -> None:
    way = integrate(squeezenet, squeezenet.probe(), name)
    assert way.expected != 0
    assert way.gap <= 0.02


# ---- real networks ----


@pytest.mark.parametrize("name", ["features.9", "features.10", "features.12"])
@pytest.mark.parametrize("target", [Target(457, 652), Target(3)])
def test_squeezenet_agrees_with_the_chain_rule_written_out(
    squeezenet: Classifier, name: str, target: Target
) -> None:
    x = squeezenet.probe()
    one = attribute(squeezenet, x, [name], target).layers[name]
    assert np.abs(one.effect).max() > 0
    assert hand_error(squeezenet, one, x, target) < 1e-5


@pytest.mark.parametrize(
    ("network", "names"),
    [("resnet18", ["layer1", "layer3.0", "layer4.1.bn2"]), ("alexnet", ["features.8", "avgpool"])],
)
def test_one_pass_gives_what_captum_gives_layer_by_layer(network: str, names: list[str]) -> None:
    net = load(network, weights="random", device="cpu")
    x, target = net.probe(), Target(5, 7)
    found = attribute(net, x, names, target)
    for name in names:
        method = LayerGradientXActivation(
            lambda x: target.margin(net.module(x)), net.module.get_submodule(name)
        )
        theirs = to_positions(method.attribute(x).detach(), find_layer(net, name))[0].numpy()
        np.testing.assert_allclose(
            found.layers[name].effect, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max()
        )


# ---- targets, places, neurons ----


def test_default_target() -> None:
    logits = torch.tensor([[1.0, 5.0, 4.0, -2.0]])
    assert default_target(logits) == Target(1, 2)
    assert default_target(logits[0], true=1) == Target(1, 2)
    assert default_target(logits.numpy(), true=3) == Target(1, 3)


@pytest.mark.parametrize("target", [Target(2), Target(0, 2), Target(1, 1), Target(-1)])
def test_a_target_that_cannot_be(target: Target) -> None:
    with pytest.raises(UserError):
        explained(TwoNeurons(), row(1.0), ["relu"], target)


def test_an_unknown_layer() -> None:
    with pytest.raises(UserError, match="relu"):
        explained(TwoNeurons(), row(1.0), ["rely"], AB)


def test_fires_sorts_by_size_whatever_the_sign() -> None:
    found = explained(TwoNeurons(), row(0.0, 0.1), ["conv", "pool"], AB)
    assert [f["channel"] for f in fires(found.layers["conv"])] == [1, 0]
    conv = found.layers["conv"]
    first = fires(conv, at=(0, 1))[0]
    assert first["channel"] == 1
    assert first["activation"] == pytest.approx(0.65)
    assert first["effect"] == pytest.approx(-1.3)
    assert fires(conv, top=1) == fires(conv)[:1]
    assert [f["channel"] for f in fires(conv, channels=[0])] == [0]
    assert [f["channel"] for f in fires(found.layers["pool"])] == [1]  # neuron 0 does not fire


def test_fires_by_effect_lists_what_speaks_against_as_well() -> None:
    one = explained(TwoNeurons(), row(0.5, 0.0), ["relu"], AB).layers["relu"]
    assert [(f["channel"], f["effect"]) for f in fires(one, sort="effect")] == [(1, -2.0), (0, 0.5)]


def test_what_is_not_there_is_refused() -> None:
    found = explained(TwoNeurons(), row(1.0, 0.5), ["relu", "pool"], AB)
    relu = found.layers["relu"]
    for refused in (
        lambda: position(relu.layer, (1, 0)),
        lambda: position(relu.layer, (0, -1)),
        lambda: fires(relu, channels=[2]),
        lambda: fires(relu, sort="name"),
        lambda: found.layers["pool"].per_place,
        lambda: magnitudes(found.layers["pool"].activation, found.layers["pool"].layer),
    ):
        with pytest.raises(UserError):
            refused()


def test_magnitudes_are_lengths() -> None:
    one = explained(TwoNeurons(), row(1.0, 0.5), ["relu"], AB).layers["relu"]
    np.testing.assert_allclose(magnitudes(one.activation, one.layer), [[0.75, 0.125**0.5]])


def test_the_tail_may_be_handed_in(squeezenet: Classifier) -> None:
    x = squeezenet.probe()
    tail = Tail(squeezenet.module, "features.12", x)
    again = integrate(squeezenet, x, "features.12", Target(1, 2), tail=tail)
    once = integrate(squeezenet, x, "features.12", Target(1, 2))
    np.testing.assert_allclose(again.effect, once.effect, rtol=1e-4, atol=1e-6)
