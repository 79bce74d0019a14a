"""Maps of pixels against values worked out by hand, and their deletion check on a photograph."""

import numpy as np
import pytest
import torch

from analysis import images, photos
from analysis.attribution import Target
from analysis.inputmaps import (
    InputMap,
    Neuron,
    blurred,
    deletion_check,
    input_map,
    score_of,
)
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.toys import Tokens, TwoNeurons, classifier

AB = Target(0, 1)
X = torch.tensor([[[[1.0, 0.5]]]])


def toy() -> Classifier:
    """The margin is the sum over places of 2 relu(v - 0.25) - 2 relu(0.75 - v)."""
    return classifier(TwoNeurons(), (1, 1, 2))


@pytest.fixture(scope="module")
def hopper() -> tuple[Classifier, torch.Tensor, Target]:
    net = load("squeezenet1_1", device="cpu")
    picture = photos.samples().pictures[0]
    x = net.tensor(net.pixels(images.decode(picture.read(), min_side=net.resize)))
    return net, x, Target(net.categories.find("bow tie"), net.categories.find("military uniform"))


def test_the_gradient_by_hand() -> None:
    np.testing.assert_allclose(input_map(toy(), X, AB).values, [[2, 4]])


def test_the_integrated_gradient_by_hand() -> None:
    found = input_map(toy(), X, AB, method="integrated", steps=200)
    np.testing.assert_allclose(found.values, [[3.0, 1.5]], atol=0.02)


def test_occlusion_by_hand() -> None:
    found = input_map(toy(), X, AB, method="occlusion")
    np.testing.assert_allclose(found.values, [[3.0, 1.5]], atol=1e-6)


def test_occlusion_shares_no_effect_among_colours() -> None:
    net = load("squeezenet1_1", weights="random", device="cpu")
    x, target = net.probe(), Target(3)
    found = input_map(net, x, target, method="occlusion", window=224)
    with torch.no_grad():
        drop = score_of(net, target)(x) - score_of(net, target)(torch.zeros_like(x))
    np.testing.assert_allclose(found.values, float(drop), rtol=1e-3)


@pytest.mark.parametrize(
    ("goal", "wanted"),
    [
        (Neuron("relu", 0), [[0.5, 0.5]]),  # the mean over two places
        (Neuron("relu", 0, (0, 1)), [[0.0, 1.0]]),
        (Neuron("relu", 1), [[0.0, 0.5]]),  # closed at the first place
        (Neuron("pool", 1), [[0.0, 1.0]]),
    ],
)
def test_a_neuron(goal: Neuron, wanted: list[list[float]]) -> None:
    np.testing.assert_allclose(input_map(toy(), X, goal).values, wanted)


def test_a_neuron_of_tokens_leaves_the_class_token_out() -> None:
    net = classifier(Tokens(), (1, 4, 4))
    x = torch.arange(16.0).view(1, 1, 4, 4) / 16
    value = score_of(net, Neuron("patch", 0))(x)
    assert float(value[0]) == pytest.approx(float(x.sum()) / 4)
    there = input_map(net, x, Neuron("patch", 0, (1, 0))).values
    np.testing.assert_allclose(there, np.kron([[0, 0], [1, 0]], np.ones((2, 2))))


def test_what_is_not_there() -> None:
    for goal in (Neuron("relu", 2), Neuron("relu", 0, (1, 0)), Neuron("none", 0), Target(2)):
        with pytest.raises(UserError):
            input_map(toy(), X, goal)
    with pytest.raises(UserError, match="occlusion"):
        input_map(toy(), X, AB, method="lime")


def test_the_integrated_gradient_adds_up_on_a_photograph(
    hopper: tuple[Classifier, torch.Tensor, Target],
) -> None:
    net, x, target = hopper
    found = input_map(net, x, target, method="integrated", steps=100)
    with torch.no_grad():
        ends = score_of(net, target)(torch.cat([x, torch.zeros_like(x)]))
    assert found.values.shape == (224, 224)
    assert found.values.sum() == pytest.approx(float(ends[0] - ends[1]), rel=0.05)


@pytest.mark.parametrize("method", ["integrated", "occlusion"])
def test_what_the_map_puts_first_matters_more_than_other_pixels(
    hopper: tuple[Classifier, torch.Tensor, Target], method: str
) -> None:
    net, x, target = hopper
    found = input_map(net, x, target, method=method)
    measured = deletion_check(net, x, found, target, draws=6)
    lost = measured.before - measured.without
    for mean, sd in (measured.scattered, measured.shifted):
        assert lost > 2 * (measured.before - mean)
        assert sd > 0
    assert deletion_check(net, x, found, target, draws=6) == measured


def test_a_map_turned_round_is_found_out(hopper: tuple[Classifier, torch.Tensor, Target]) -> None:
    net, x, target = hopper
    found = input_map(net, x, target, method="integrated")
    wrong = InputMap(found.method, -found.values)
    assert (
        deletion_check(net, x, wrong, target).without
        > deletion_check(net, x, found, target).without
    )


def test_deleting_everything_leaves_the_blurred_picture(
    hopper: tuple[Classifier, torch.Tensor, Target],
) -> None:
    net, x, target = hopper
    with torch.no_grad():
        soft = float(score_of(net, target)(blurred(x))[0])
    found = InputMap("gradient", np.zeros((224, 224), np.float32))
    measured = deletion_check(net, x, found, target, share=1.0, draws=2)
    assert measured.without == pytest.approx(soft, abs=1e-3)
    assert measured.scattered[0] == pytest.approx(soft, abs=1e-3)


def test_every_kind_of_network_goes_through() -> None:
    for name in ("resnet18", "alexnet", "vit_b_16"):
        net = load(name, weights="random", device="cpu")
        assert input_map(net, net.probe(), Target(0, 1)).values.shape == (224, 224)
