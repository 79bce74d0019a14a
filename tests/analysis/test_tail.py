"""The tail of a network answers exactly what the whole network answers, and only its own part
runs."""

import pytest
import torch
from torch import Tensor, nn

from analysis.layers import hooked, list_layers
from analysis.models import load
from analysis.tail import Tail
from analysis.torchvision_shim import torchvision
from cache.errors import UserError
from tests.analysis.test_layers import ONE, leftovers
from tests.toys import Branches, Residual, Tokens, TwoNeurons, classifier

# a network, the side of its picture, and layers of every sort: inside a residual block, one branch
# of an inception block, a dense layer whose output is concatenated several times, tokens
INCEPTIONS = ("googlenet", "inception_v3")
NETWORKS: list[tuple[str, int, list[str]]] = [
    ("squeezenet1_1", 224, ["features.0", "features.5", "features.6.expand3x3", "features.12"]),
    ("squeezenet1_1", 224, ["features.6.expand1x1_activation", "classifier.1", "classifier"]),
    ("resnet18", 224, ["relu", "layer1.0.relu", "layer1.0.relu#2", "layer2.0.downsample"]),
    ("resnet18", 224, ["layer3.1.bn2", "layer3.1.relu#2", "layer4", "avgpool"]),
    ("alexnet", 224, ["features.1", "features.12", "avgpool", "classifier.2", "classifier.6"]),
    ("googlenet", 224, ["inception4a.branch2.1.bn", "inception4c", "inception3a.branch4"]),
    ("vit_b_16", 224, ["conv_proj", "encoder.layers.encoder_layer_5", "encoder.ln"]),
    ("vit_b_16", 224, ["encoder.layers.encoder_layer_5.mlp.1", "encoder"]),
    ("densenet121", 224, ["features.denseblock2.denselayer3.conv2", "features.transition1"]),
    ("swin_t", 224, ["features.3", "features.3.0.mlp", "features.5.2", "permute"]),
    ("inception_v3", 299, ["Mixed_5c.branch5x5_2", "Mixed_6b", "Mixed_7c.branch3x3_2a"]),
]


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    return {}


def network(name: str, side: int, made: dict[str, nn.Module]) -> nn.Module:
    """An untrained torchvision network in which a neuron matters: batch norms that know the spread
    of noise pictures, and no head of zeros (ViT's)."""
    if name not in made:
        torch.manual_seed(0)
        plain = {"init_weights": False, "aux_logits": False} if name in INCEPTIONS else {}
        module = torchvision.models.get_model(name, weights=None, **plain).requires_grad_(False)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = 1.0
            if isinstance(part, nn.Linear) and not part.weight.any():
                part.reset_parameters()
        module.train()(torch.randn(2, 3, side, side))
        made[name] = module.eval()
    return made[name]


def whole(module: nn.Module, name: str, x: Tensor, activations: Tensor) -> Tensor:
    """The reference: one pass of the whole network for each replaced activation, one at a time."""
    rows = []
    for one in activations:
        with torch.no_grad(), hooked(module, {name: lambda _, h=one[None]: h.clone()}):
            rows.append(module(x))
    return torch.cat(rows)


def damaged(activation: Tensor) -> Tensor:
    """The activation as it is, without a third of its channels, noise added, and all zero."""
    generator = torch.Generator().manual_seed(1)
    keep = (torch.rand(activation.shape[1:], generator=generator) > 1 / 3).float()
    noise = torch.randn(activation.shape, generator=generator) * activation.std()
    return torch.cat([activation, activation * keep, activation + noise, 0 * activation])


@pytest.mark.parametrize(("name", "side", "layers"), NETWORKS)
def test_exact_against_the_whole_network(
    name: str, side: int, layers: list[str], networks: dict[str, nn.Module]
) -> None:
    module = network(name, side, networks)
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    for layer in layers:
        tail = Tail(module, layer, x)
        activations = damaged(tail.activation)
        with torch.no_grad():
            fast = tail(activations)
        slow = whole(module, layer, x, activations)
        scale = slow.abs().max()
        assert (fast - slow).abs().max() <= 1e-4 * scale, layer
        assert torch.allclose(fast[0], tail.logits[0], rtol=1e-4, atol=1e-5 * float(scale)), layer
        assert (slow[0] - slow[3]).abs().max() > 1e-3 * scale, f"{layer} does not matter"
    assert leftovers(module) == []


@pytest.mark.parametrize("layer", ["features.3", "features.9", "features.12"])
def test_without_some_channels_of_the_embedded_network(layer: str) -> None:
    net = load("squeezenet1_1", device="cpu")
    tail = Tail(net.module, layer, net.probe())
    activations = tail.activation.repeat(3, 1, 1, 1)
    activations[1, ::2] = 0
    activations[2, 5] = 0
    with torch.no_grad():
        fast = tail(activations)
    assert torch.allclose(fast, whole(net.module, layer, net.probe(), activations), atol=1e-4)


def test_gradients_through_the_tail(networks: dict[str, nn.Module]) -> None:
    module = network("resnet18", 224, networks)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for layer in ("layer2.1.relu#2", "layer3.0.bn1", "layer4.1"):
        tail = Tail(module, layer, x)
        h = damaged(tail.activation).requires_grad_()
        (fast,) = torch.autograd.grad(tail(h)[:, 3].sum(), h)
        for i, one in enumerate(h.detach()):
            alone = one[None].clone().requires_grad_()
            with hooked(module, {layer: lambda _, a=alone: a.clone()}):
                (slow,) = torch.autograd.grad(module(x)[0, 3], alone)
            assert (fast[i] - slow[0]).abs().max() <= 1e-4 * slow.abs().max(), layer


def test_a_toy_by_hand() -> None:
    """Neurons (0.75, 0) give (1.5, 0); put (1, 2) in their place: (2 * 1 - 2, 2) = (0, 2)."""
    module = TwoNeurons().eval().requires_grad_(False)
    tail = Tail(module, "relu", ONE)
    assert tail.activation.flatten().tolist() == [0.75, 0.0]
    assert tail.logits.tolist() == [[1.5, 0.0]]
    given = torch.tensor([[1.0, 2.0], [0.0, 0.0]])[:, :, None, None]
    assert tail(given).tolist() == [[0.0, 2.0], [0.0, 0.0]]


def test_only_the_rest_of_the_network_runs() -> None:
    module = TwoNeurons().eval().requires_grad_(False)
    tail = Tail(module, "fc", ONE)  # recorded, and checked once against the whole network
    before = module.behind.runs
    assert tail(torch.ones(5, 2)).tolist() == [[1.0, 1.0]] * 5
    assert module.behind.runs == before
    Tail(module, "fc", 2 * ONE)  # the next picture: recorded only
    assert module.behind.runs == before + 1


def test_skip_connections_by_hand() -> None:
    """x = 3: a = 3, b = 2, c = relu(2 b - 3 + a). Without b: c = 0; without a at the first ReLU:
    b = 0 and c = 0; with a = 10: b = 9, c = 25."""
    module = Residual().eval().requires_grad_(False)
    ways = {"relu": [0.0, 25.0], "relu#2": [0.0, 20.0], "twice": [3.0, 13.0], "relu#3": [0.0, 10.0]}
    for layer, expected in ways.items():
        tail = Tail(module, layer, 3 * ONE)
        given = torch.tensor([0.0, 10.0])[:, None, None, None]
        assert tail(given)[:, 0].tolist() == expected, layer


def test_an_in_place_sum_does_not_wear_the_record_out() -> None:
    module = Residual().eval().requires_grad_(False)
    tail = Tail(module, "twice", 3 * ONE)
    assert all(tail(tail.activation)[0, 0] == 4 for _ in range(3))
    assert tail.activation.item() == 1


def test_one_branch_of_two() -> None:
    module = Branches().eval().requires_grad_(False)
    tail = Tail(module, "left.1", ONE / 4)  # right: 0.75
    given = torch.tensor([0.0, 1.0, 2.0])[:, None, None, None]
    assert tail(given).tolist() == [[0.75, -0.75], [1.75, 0.25], [2.75, 1.25]]


def test_tokens_by_hand() -> None:
    net = classifier(Tokens(), (1, 4, 4))
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    tail = Tail(net.module, "mix", x)
    # 120 in all, spread over 5 tokens: 24; 4 of 5 tokens count one: 0.8; three times that is read
    assert torch.allclose(tail.logits, torch.tensor([[72.0, 2.4]]))
    assert torch.allclose(tail(2 * tail.activation), 2 * tail.logits)


class Shared(nn.Module):
    """One ReLU under two names, used in both blocks; a block that was over before the layer does
    not run again, so its calls must not be miscounted."""

    def __init__(self) -> None:
        super().__init__()
        act = nn.ReLU(inplace=True)
        self.one = nn.Sequential(nn.Conv2d(1, 2, 1), act)
        self.two = nn.Sequential(nn.Conv2d(2, 2, 1), act)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x)).sum((2, 3))  # type: ignore[no-any-return]


@pytest.mark.parametrize("layer", ["one", "one.0", "one.1", "two.0", "one.1#2", "two"])
def test_one_module_in_two_blocks(layer: str) -> None:
    torch.manual_seed(3)
    module = Shared().eval().requires_grad_(False)
    x = torch.rand(1, 1, 3, 3)
    assert layer in [a.name for a in list_layers(classifier(module, (1, 3, 3)))]
    tail = Tail(module, layer, x)
    activations = damaged(tail.activation)
    assert torch.allclose(tail(activations), whole(module, layer, x, activations), atol=1e-6)


class Indexed(nn.Module):
    """Reads the batch size itself, so that one row must not stand for many."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 2, 1), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).mean((2, 3))
        rows = [torch.cat([y[i], x[i].flatten()[:2]]) for i in range(len(x))]
        return self.fc(torch.stack(rows))  # type: ignore[no-any-return]


def test_a_network_that_reads_its_batch_size() -> None:
    torch.manual_seed(0)
    module = Indexed().eval().requires_grad_(False)
    x = torch.rand(1, 1, 3, 3)
    tail = Tail(module, "conv", x)
    activations = damaged(tail.activation)
    assert torch.allclose(tail(activations), whole(module, "conv", x, activations), atol=1e-6)


def test_nothing_stays_behind_after_an_error() -> None:
    module = TwoNeurons().eval().requires_grad_(False)
    tail = Tail(module, "pool", ONE)
    with pytest.raises(RuntimeError):
        tail(torch.ones(2, 7))
    assert leftovers(module) == []
    with pytest.raises(UserError, match="did not run"):
        Tail(module, "relu#2", ONE)
    with pytest.raises(UserError):
        Tail(module, "nowhere", ONE)
    assert leftovers(module) == []
    assert module(ONE).tolist() == [[1.5, 0.0]]


def test_a_forward_of_the_users_own_is_put_back() -> None:
    module = TwoNeurons().eval().requires_grad_(False)
    doubled = module.conv.forward

    def forward(x: Tensor) -> Tensor:
        return 2 * doubled(x)

    module.conv.forward = forward  # type: ignore[method-assign]
    Tail(module, "pool", ONE)(torch.ones(1, 2))
    assert module.conv.forward is forward


def test_two_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="one picture"):
        Tail(TwoNeurons(), "relu", ONE.repeat(2, 1, 1, 1))
