"""Layers and hooks: the list, what is caught, what is replaced, and that nothing stays behind."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from analysis.layers import (
    Layer,
    capture,
    find_layer,
    from_positions,
    hooked,
    ladder,
    list_layers,
    run_to,
    split_name,
    to_positions,
)
from analysis.torchvision_shim import torchvision
from cache.errors import UserError
from tests.toys import Branches, ChannelsLast, Residual, Tokens, TwoNeurons, classifier

ONE = torch.ones(1, 1, 1, 1)


def leftovers(module: nn.Module) -> list[str]:
    """Every hook and every replaced ``forward`` that is still on a network."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [
        f"{name}: {kind}"
        for name, part in module.named_modules()
        for kind in (*kinds, "forward")
        if part.__dict__.get(kind)
    ]


@pytest.fixture
def toy() -> Iterator[TwoNeurons]:
    """The toy; the test fails if it leaves a hook on it."""
    module = TwoNeurons().eval().requires_grad_(False)
    yield module
    assert leftovers(module) == []


# ---- the list ----


def names(module: nn.Module, size: tuple[int, int, int]) -> list[str]:
    return [layer.name for layer in list_layers(classifier(module, size))]


def test_layers_come_in_the_order_of_the_forward_pass() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Linear(2, 2), nn.Conv2d(1, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.last(self.first(x).mean((2, 3)))
            return out

    layers = list_layers(classifier(Backwards(), (1, 4, 4)))
    assert [layer.name for layer in layers] == ["first", "last"]
    assert [layer.order for layer in layers] == [0, 1]


def test_a_relu_that_runs_three_times_has_three_layers() -> None:
    assert names(Residual(), (1, 2, 2)) == [
        "relu", "less", "relu#2", "twice", "relu#3", "pool", "fc",
    ]  # fmt: skip


def test_kind_channels_grid_and_sign() -> None:
    net = classifier(TwoNeurons(), (1, 3, 5))
    conv, relu, pool, _, fc = list_layers(net)
    assert (conv.kind, conv.channels, conv.grid, conv.layout) == ("Conv2d", 2, (3, 5), "nchw")
    assert conv.signed
    assert not relu.signed
    assert (pool.channels, pool.grid, pool.layout, pool.positions) == (2, None, "flat", 1)
    assert (fc.kind, fc.channels) == ("Linear", 2)


def test_tokens_are_a_grid_plus_extras() -> None:
    layer = find_layer(classifier(Tokens(), (1, 4, 6)), "block")
    assert (layer.layout, layer.grid, layer.extras, layer.positions) == ("tokens", (2, 3), 1, 7)


@pytest.mark.parametrize("size", [(1, 4, 4), (1, 4, 6), (1, 3, 5)])
def test_channels_last_on_any_grid(size: tuple[int, int, int]) -> None:
    layers = {x.name: x for x in list_layers(classifier(ChannelsLast(), size))}
    assert [layers[n].layout for n in ("conv", "map", "act")] == ["nchw", "nhwc", "nhwc"]
    assert [layers[n].grid for n in ("conv", "map", "act")] == [size[1:]] * 3
    assert [layers[n].channels for n in ("conv", "map", "act")] == [3, 4, 4]


def test_as_many_channels_as_rows_is_still_channels_first() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1))
    for layer in list_layers(classifier(net, (1, 4, 6)))[:2]:
        assert (layer.layout, layer.channels, layer.grid) == ("nchw", 4, (4, 6))


def test_dropout_and_flatten_are_no_layers() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Dropout(), nn.Identity(), nn.Flatten())
    assert names(net, (1, 2, 2)) == ["0"]


def test_an_unknown_layer_names_the_nearest() -> None:
    net = classifier(Residual(), (1, 2, 2))
    assert find_layer(net, "relu#1").name == "relu"
    with pytest.raises(UserError, match=r"no layer 'relu#4'; nearest: relu#3"):
        find_layer(net, "relu#4")
    with pytest.raises(UserError, match="see: neuronscope layers"):
        find_layer(net, "qqqqqqqqq")


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a.b", ("a.b", 1)), ("a.b#2", ("a.b", 2)), ("a#x", ("a", 1))],
)
def test_call_indices(name: str, parts: tuple[str, int]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("resnet18", 64, ["layer1.0.relu", "layer1.0.relu#2", "layer4.1.relu#2", "layer4.1"]),
        ("alexnet", 224, ["features.0", "features.1", "classifier.6"]),
        ("vit_b_16", 224, ["encoder.layers.encoder_layer_11.mlp", "heads.head"]),
        ("swin_t", 224, ["features.1.0.attn", "features.7"]),
        ("densenet121", 64, ["features.denseblock1.denselayer2.conv2"]),
    ],
)
def test_layers_of_torchvisions_networks(name: str, size: int, expected: list[str]) -> None:
    module = torchvision.models.get_model(name, weights=None)
    net = classifier(module, (3, size, size))
    found = [layer.name for layer in list_layers(net)]
    assert [n for n in found if n in expected] == expected
    assert len(set(found)) == len(found)
    assert leftovers(module) == []
    steps = ladder(net)
    assert 3 <= len(steps) <= 8
    assert [s.order for s in steps] == sorted(s.order for s in steps)
    assert all(s.grid and min(s.grid) > 1 for s in steps)


def test_the_transformer_layers_of_vit_and_swin() -> None:
    vit = classifier(torchvision.models.vit_b_16(weights=None), (3, 224, 224))
    block = find_layer(vit, "encoder.layers.encoder_layer_3")
    assert (block.layout, block.grid, block.extras, block.channels) == ("tokens", (14, 14), 1, 768)
    swin = classifier(torchvision.models.swin_t(weights=None), (3, 224, 224))
    stage = find_layer(swin, "features.3")
    assert (stage.layout, stage.grid, stage.extras, stage.channels) == ("nhwc", (28, 28), 0, 192)


# ---- positions ----


@pytest.mark.parametrize(
    ("layout", "shape", "grid", "extras"),
    [
        ("nchw", (2, 3, 4, 5), (4, 5), 0),
        ("nhwc", (2, 4, 5, 3), (4, 5), 0),
        ("tokens", (2, 21, 3), (4, 5), 1),
        ("flat", (2, 3), None, 0),
    ],
)
def test_every_layout_as_channels_by_positions_and_back(
    layout: str, shape: tuple[int, ...], grid: tuple[int, int] | None, extras: int
) -> None:
    layer = Layer("x", "X", 3, grid, layout, extras, True, 0)  # type: ignore[arg-type]
    raw = torch.arange(float(torch.tensor(shape).prod())).reshape(shape)
    flat = to_positions(raw, layer)
    assert flat.shape == (2, 3, layer.positions)
    assert torch.equal(from_positions(flat, layer, like=raw), raw)
    if layout == "nchw":
        assert flat[1, 2, 1 * 5 + 3] == raw[1, 2, 1, 3]
    if layout == "nhwc":
        assert flat[1, 2, 1 * 5 + 3] == raw[1, 1, 3, 2]
    if layout == "tokens":  # the class token comes first
        assert flat[1, 2, 0] == raw[1, 0, 2]


# ---- catching ----


def test_what_is_caught_survives_an_in_place_relu(toy: TwoNeurons) -> None:
    caught, logits = capture(toy, ["conv", "relu"], ONE, full=True)
    assert caught["conv"].flatten().tolist() == [0.75, -0.25]
    assert caught["relu"].flatten().tolist() == [0.75, 0.0]
    assert logits is not None
    assert logits.tolist() == [[1.5, 0.0]]


def test_calls_of_one_module_are_told_apart() -> None:
    net = Residual().eval().requires_grad_(False)
    x = 3 * ONE
    caught, logits = capture(net, ["relu", "relu#2", "twice", "relu#3"], x, full=True)
    assert [v.item() for v in caught.values()] == [3, 2, 1, 4]
    assert logits is not None
    assert logits.tolist() == [[4, -4]]
    again, _ = capture(net, ["relu#2"], x)  # calls are counted anew in every pass
    assert again["relu#2"].item() == 2


def test_nothing_behind_the_deepest_layer_runs(toy: TwoNeurons) -> None:
    _, logits = capture(toy, ["conv", "relu"], ONE)
    assert logits is None
    assert toy.behind.runs == 0
    run_to(toy, "pool", ONE)
    assert toy.behind.runs == 0
    capture(toy, ["conv"], ONE, full=True)
    assert toy.behind.runs == 1


def test_gradients_of_several_layers_from_one_pass(toy: TwoNeurons) -> None:
    """Margin = 2 s0 - 2 s1: with neurons (0.75, -0.25) its derivative is (2, 0) before the ReLU,
    (2, -2) behind."""
    caught, logits = capture(toy, ["conv", "relu", "pool"], ONE, grad=True)
    assert toy.behind.runs == 1
    assert logits is not None
    margin = logits[0, 0] - logits[0, 1]
    grads = torch.autograd.grad(margin, list(caught.values()))
    assert [g.flatten().tolist() for g in grads] == [[2, 0], [2, -2], [2, -2]]
    assert caught["conv"].flatten().tolist() == [0.75, -0.25]


def test_the_shallowest_layer_is_the_leaf(toy: TwoNeurons) -> None:
    caught, _ = capture(toy, ["relu", "pool"], ONE, grad=True)
    assert caught["relu"].is_leaf
    assert not caught["pool"].is_leaf


def test_run_to_is_differentiable_in_the_picture(toy: TwoNeurons) -> None:
    x = ONE.clone().requires_grad_()
    run_to(toy, "relu", x).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0


def test_a_gradient_mode_does_not_leak(toy: TwoNeurons) -> None:
    capture(toy, ["conv"], ONE)
    assert torch.is_grad_enabled()
    with torch.no_grad():
        _, logits = capture(toy, ["conv"], ONE, grad=True)
        assert logits is not None
        assert logits.requires_grad
        assert not torch.is_grad_enabled()


# ---- replacing ----


def test_replacing_one_neuron(toy: TwoNeurons) -> None:
    mask = torch.tensor([0.0, 1.0])[None, :, None, None]
    with hooked(toy, {"relu": lambda out: out * mask}):
        assert toy(ONE / 2).tolist() == [[-0.25, 0.25]]  # neurons (0.25, 0.25) without the first
    assert toy(ONE / 2).tolist() == [[0.25, 0.25]]


def test_replacing_only_the_second_call() -> None:
    net = Residual().eval()
    with torch.no_grad(), hooked(net, {"relu#2": torch.zeros_like}):
        assert net(3 * ONE).tolist() == [[0.0, 0.0]]  # relu(2 * 0 - 3 + 3)
        assert net(5 * ONE).tolist() == [[2.0, -2.0]]  # counted anew in the next pass


def test_a_look_that_returns_nothing_changes_nothing(toy: TwoNeurons) -> None:
    seen: list[Tensor] = []
    with hooked(toy, {"relu": seen.append}):  # type: ignore[dict-item]
        assert toy(ONE).tolist() == [[1.5, 0.0]]
    assert len(seen) == 1


# ---- always let go ----


def _fails(_: Tensor) -> Tensor:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "use",
    [
        lambda m: capture(m, ["conv", "nowhere"], ONE),
        lambda m: capture(m, ["conv", "relu#9"], ONE),
        lambda m: capture(m, ["conv"], torch.ones(1, 7, 1, 1), grad=True),
        lambda m: run_to(m, "nowhere", ONE),
        lambda m: run_to(m, "relu#2", ONE),
        lambda m: hooked(m, {"conv": _fails, "nowhere": _fails}).__enter__(),
    ],
)
def test_hooks_go_after_an_error(toy: TwoNeurons, use: Callable[[nn.Module], object]) -> None:
    with pytest.raises((UserError, RuntimeError)):
        use(toy)
    assert leftovers(toy) == []


def test_hooks_go_when_a_replacement_fails(toy: TwoNeurons) -> None:
    with pytest.raises(ZeroDivisionError), hooked(toy, {"relu": _fails}):
        toy(ONE)


def test_hooks_go_when_the_listing_pass_fails() -> None:
    class Fails(TwoNeurons):
        ready = True

        def forward(self, x: Tensor) -> Tensor:
            out = super().forward(x)
            if not self.ready:
                raise RuntimeError
            return out

    net = classifier(Fails(), (1, 2, 2))
    net.module.ready = False  # type: ignore[assignment]
    with pytest.raises(RuntimeError):
        list_layers(net)
    assert leftovers(net.module) == []


def test_foreign_hooks_stay(toy: TwoNeurons) -> None:
    seen: list[int] = []
    handle = toy.conv.register_forward_hook(lambda *_: seen.append(1))
    capture(toy, ["conv", "relu"], ONE, full=True)
    toy(ONE)
    assert len(seen) == 2
    handle.remove()


def test_the_networks_own_except_does_not_swallow_the_stop() -> None:
    class Careful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = TwoNeurons()

        def forward(self, x: Tensor) -> Tensor:
            try:
                out: Tensor = self.inner(x)
            except Exception:
                return torch.zeros(1, 2)
            return out

    net = Careful().eval()
    with torch.no_grad():
        assert run_to(net, "inner.relu", ONE).flatten().tolist() == [0.75, 0.0]
    assert net.inner.behind.runs == 0


def test_branches_are_caught_side_by_side() -> None:
    caught, logits = capture(Branches().eval(), ["left", "right"], ONE / 4, full=True)
    assert [v.item() for v in caught.values()] == [0.25, 0.75]
    assert logits is not None
    assert logits.tolist() == [[1.0, -0.5]]
