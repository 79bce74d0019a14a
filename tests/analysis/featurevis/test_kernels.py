"""Convolutions in other forms: the same numbers, and the same bits in any batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from analysis.featurevis.kernels import Form, Kernels

SHAPES = [
    (24, 8, 7, 2, 3),
    (23, 8, 3, 2, 0),
    (25, 4, 3, 2, 1),
    (31, 4, 11, 4, 2),
    (32, 6, 16, 16, 0),
    (9, 5, 3, 1, 1),
    (9, 5, 5, 1, 0),
    (9, 5, 1, 1, 0),
]


@pytest.mark.parametrize(("size", "out", "kernel", "stride", "padding"), SHAPES)
@pytest.mark.parametrize("colours", [1, 3])
def test_the_input_gradient_is_torchs(
    size: int, out: int, kernel: int, stride: int, padding: int, colours: int
) -> None:
    torch.manual_seed(0)
    weight = torch.randn(out, colours, kernel, kernel)
    x = torch.randn(2, colours, size, size + 1, requires_grad=True)
    y = functional.conv2d(x, weight, stride=stride, padding=padding)
    grad = torch.randn_like(y)
    (wanted,) = torch.autograd.grad(y, x, grad)
    form = Form(nn.Conv2d(colours, out, kernel, stride, padding))
    ours = form.input_gradient(grad, weight, (size, size + 1))
    assert torch.allclose(ours, wanted, atol=1e-4)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 6, 1), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(6, 6, 3, 2, padding="valid"), nn.Conv2d(6, 6, 3, groups=2)]
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)  # as every classifier is


def run(net: nn.Module, x: torch.Tensor, fast: bool) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    if fast:
        with Kernels(net):
            y = net(x)
    else:
        y = net(x)
    return y.detach(), torch.autograd.grad((y**2).sum(), x)[0]


def test_a_whole_network_gives_the_same_numbers() -> None:
    net, x = network(), torch.rand(3, 3, 32, 32)
    for ours, torchs in zip(run(net, x.clone(), True), run(net, x.clone(), False), strict=True):
        assert torch.allclose(ours, torchs, atol=1e-5)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_alone_and_in_a_batch_the_bits_are_the_same(size: int) -> None:
    net, x = network(), torch.rand(3, 3, size, size)
    many, alone = run(net, x.clone(), True), run(net, x[1:2].clone(), True)
    assert torch.equal(many[0][1], alone[0][0])
    assert torch.equal(many[1][1], alone[1][0])


def test_a_weight_that_is_changed_is_turned_anew() -> None:
    weight, grad = torch.ones(1, 1, 1, 1), torch.ones(1, 1, 2, 2)
    form = Form(nn.Conv2d(1, 1, 1))
    first = form.input_gradient(grad, weight, (2, 2))
    weight.mul_(3)
    assert torch.equal(form.input_gradient(grad, weight, (2, 2)), 3 * first)
    assert torch.equal(form.input_gradient(grad, weight.clone() * 2, (2, 2)), 6 * first)
