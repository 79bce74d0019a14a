"""The weights into a neuron and out of it to the classes: kernels, and answers by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis import images
from analysis.layers import capture, find_layer, ladder
from analysis.models import Classifier, load
from analysis.weights import PICTURE, into, maps_behind, speaks_for
from cache.errors import UserError
from tests import toys
from tests.analysis.featurevis import nets


class Chain(nn.Module):
    """Convolution, batch norm, ReLU, maximum of 2x2, convolution, ReLU, mean, linear map."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.second, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)
        for tensor in (self.norm.weight, self.norm.running_var):
            nn.init.uniform_(tensor, 0.5, 2)  # type: ignore[arg-type]
        nn.init.normal_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.first(x)), inplace=True)
        x = functional.max_pool2d(x, 2)
        out: Tensor = self.fc(functional.relu(self.second(x)).mean((2, 3)))
        return out


class Squashed(nn.Module):
    """Two ReLUs with 1x1 maps between: 2 v, then 3 r - 1, of which only what is above 0 counts."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu = toys.one_by_one([[2.0]]), nn.ReLU()
        self.second, self.fc = toys.one_by_one([[3.0]], [-1.0]), toys.linear([[1.0], [-2.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.relu(self.second(self.relu(self.first(x)))).mean((2, 3)))
        return out


@pytest.fixture(scope="module")
def chain() -> Classifier:
    return toys.classifier(Chain(), (2, 16, 16))


def weight(net: Classifier, name: str) -> np.ndarray:
    return net.module.get_parameter(f"{name}.weight").numpy()


def test_a_plain_convolution_is_its_own_kernel(chain: Classifier) -> None:
    found = into(chain, "first", 1)
    assert found.source is None
    np.testing.assert_allclose(found.kernel, weight(chain, "first")[1], atol=1e-6)
    np.testing.assert_allclose(found.weights, weight(chain, "first")[1].sum((1, 2)), atol=1e-6)
    assert found.place == (8, 8)
    assert found.corner == (7, 7)


def test_batch_norm_scales_the_kernel(chain: Classifier) -> None:
    norm = chain.module.get_submodule("norm")
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).numpy()  # type: ignore[operator,union-attr,arg-type]
    kernel = into(chain, "norm", 2, PICTURE).kernel
    np.testing.assert_allclose(kernel, weight(chain, "first")[2] * scale[2], rtol=1e-4, atol=1e-6)


def test_relu_and_pooling_pass_the_whole_weight_on(chain: Classifier) -> None:
    found = into(chain, "second", 3, "norm")
    np.testing.assert_allclose(found.weights, weight(chain, "second")[3].sum((1, 2)), atol=1e-5)
    each = weight(chain, "second")[3].repeat(2, 1).repeat(2, 2) / 4  # the mean of 2x2
    np.testing.assert_allclose(found.kernel, each, atol=1e-6)


def test_two_kernels_in_a_row_are_convolved() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, (1, 2)), nn.ReLU(), nn.Conv2d(1, 1, (1, 2)), toys.Sum())
    with torch.no_grad():
        for i, values in ((0, [1.0, 2.0]), (2, [3.0, -1.0])):
            net.get_parameter(f"{i}.weight").copy_(torch.tensor(values).view(1, 1, 1, 2))
    toy = toys.classifier(net, (1, 5, 9))
    np.testing.assert_allclose(into(toy, "2", 0, "1").kernel, [[[3, -1]]])
    found = into(toy, "2", 0, PICTURE)
    np.testing.assert_allclose(found.kernel, [[[3, 5, -2]]])  # (1, 2) * (3, -1)
    assert found.weights.tolist() == [6]
    np.testing.assert_allclose(found.sizes, [38**0.5], rtol=1e-6)


def test_branches_side_by_side_and_a_sum_round_a_residual() -> None:
    net = toys.classifier(nets.Fire(), (1, 8, 8))
    wide, narrow = (weight(net, f"block.{name}") for name in ("wide", "narrow"))
    np.testing.assert_allclose(into(net, "block", 1, "block.squeeze").kernel, wide[1], atol=1e-6)
    found = into(net, "block", 4, "block.squeeze")
    np.testing.assert_allclose(found.kernel, narrow[1], atol=1e-6)
    assert found.kernel.shape == (4, 1, 1)
    from_picture = weight(net, "block.squeeze.0")[:, 0, 0, 0]
    through = into(net, "block.squeeze", 2, PICTURE).weights
    np.testing.assert_allclose(through, from_picture[2:3], atol=1e-6)

    residual = toys.classifier(toys.Residual(), (1, 4, 4))
    assert into(residual, "relu#3", 0, "relu").weights.tolist() == [3]  # 2 b + a, b = a - 1
    assert into(residual, "relu#3", 0, "relu#2").weights.tolist() == [2]
    assert into(residual, "relu#2", 0, "relu").weights.tolist() == [1]


def test_tokens_and_channels_last() -> None:
    last = toys.classifier(toys.ChannelsLast(), (1, 3, 5))
    np.testing.assert_allclose(into(last, "act", 3, "conv").weights, [1, 1, 1])
    np.testing.assert_allclose(into(last, "map", 1, "conv").weights, [0, 1, 0])
    tokens = toys.classifier(toys.Tokens(), (1, 4, 4))
    found = into(tokens, "block", 0, "patch")  # twice the mean of five tokens
    np.testing.assert_allclose(found.weights, [4 * 2 / 5, 0], atol=1e-6)
    assert found.kernel.shape == (2, 2, 2)


def test_a_source_that_does_not_feed_the_layer_is_refused(chain: Classifier) -> None:
    with pytest.raises(UserError, match="does not feed first"):
        into(chain, "first", 0, "second")
    with pytest.raises(UserError, match="out of range"):
        into(chain, "first", 3)


def test_the_last_layers_column_whatever_lies_on_the_way() -> None:
    two = toys.classifier(toys.TwoNeurons(), (1, 1, 1))
    np.testing.assert_allclose(speaks_for(two, "relu", 1), [-1, 1])
    squashed = toys.classifier(Squashed(), (1, 3, 3))
    assert maps_behind(squashed, find_layer(squashed, "relu")) == 2
    assert maps_behind(squashed, find_layer(squashed, "relu#2")) == 1
    np.testing.assert_allclose(speaks_for(squashed, "relu#2", 0), [1, -2])


def test_from_further_away_the_average_over_pictures() -> None:
    net = toys.classifier(Squashed(), (1, 1, 1))
    with pytest.raises(UserError, match="hand in some pictures"):
        speaks_for(net, "relu", 0)
    # 2 v = 0.2, 0.6, 2: the second neuron is on for the last two
    x = torch.tensor([0.1, 0.3, 1.0]).view(3, 1, 1, 1)
    np.testing.assert_allclose(speaks_for(net, "relu", 0, x=x), [2, -4], rtol=1e-6)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def test_squeezenet_by_its_own_kernels(squeezenet: Classifier, shared: Path) -> None:
    last = speaks_for(squeezenet, "features.12", 402)
    np.testing.assert_allclose(last, weight(squeezenet, "classifier.1")[:, 402, 0, 0], atol=1e-5)
    squeeze = weight(squeezenet, "features.12.squeeze")[:, :, 0, 0]
    narrow = weight(squeezenet, "features.12.expand1x1")[:, :, 0, 0]
    wide = weight(squeezenet, "features.12.expand3x3")
    found = into(squeezenet, "features.12", 100)
    assert found.source == "features.11"
    np.testing.assert_allclose(found.kernel[:, 0, 0], narrow[100] @ squeeze, atol=1e-5)
    found = into(squeezenet, "features.12", 256 + 9)
    assert found.kernel.shape == (512, 3, 3)
    np.testing.assert_allclose(
        found.kernel, np.einsum("mhw,mc->chw", wide[9], squeeze), rtol=1e-3, atol=1e-5
    )
    assert len(found.top(8)) == 8
    first = into(squeezenet, "features.0", 7)
    np.testing.assert_allclose(first.kernel, weight(squeezenet, "features.0")[7], atol=1e-6)


def test_weights_foretell_what_more_of_a_source_does(squeezenet: Classifier, shared: Path) -> None:
    """Where the way is linear for sure: from the squeeze to a neuron that stays on."""
    from analysis.between import run_between

    file = sorted((shared / "photos" / "imagenet-sample").rglob("*.jp*g"))[0]
    x = squeezenet.tensor(squeezenet.pixels(images.decode(file, min_side=squeezenet.resize)))
    name, source = "features.12", "features.12.squeeze_activation"
    raw = capture(squeezenet.module, [name], x)[0][name]
    unit = int(raw[0, 256:, 6, 6].argmax()) + 256
    found = into(squeezenet, name, unit, source)

    def more(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, 3] += 0.1
        return changed

    with torch.no_grad():
        after = run_between(squeezenet.module, source, name, x, more)
    moved = float(after[0, unit, 6, 6] - raw[0, unit, 6, 6])
    assert moved == pytest.approx(0.1 * found.weights[3], rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "vit_b_16", "efficientnet_b0"])
@pytest.mark.slow
def test_other_architectures(name: str) -> None:
    net = load(name, weights="random", device="cpu")
    steps = ladder(net)
    found = into(net, steps[-1].name, 3)
    assert found.source == steps[-2].name
    assert found.weights.shape == (steps[-2].channels,)
    assert np.isfinite(found.kernel).all()
    assert np.abs(found.weights).max() > 0
    x = net.probe()
    votes = speaks_for(net, steps[-1].name, 3, x=x)
    assert votes.shape == (1000,)
    if name in ("resnet18", "googlenet"):
        np.testing.assert_allclose(votes, weight(net, "fc")[:, 3], atol=1e-5)
