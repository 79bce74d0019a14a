"""The ascent's parts: Adam by rows, how far the network runs, which input sizes it takes."""

import pytest
import torch

from analysis.featurevis import objectives
from analysis.featurevis.optimize import Adam, Observer, usable_size
from tests import toys
from tests.analysis.featurevis import nets


def test_adam_is_torchs_adam() -> None:
    torch.manual_seed(0)
    ours, torchs = torch.randn(2, 3), torch.zeros(2, 3, requires_grad=True)
    torchs.data.copy_(ours)
    adam, reference = Adam(ours), torch.optim.Adam([torchs], lr=0.05)
    for _ in range(5):
        grad = torch.randn(2, 3)
        torchs.grad = grad.clone()
        adam.step(grad)
        reference.step()
    assert torch.allclose(ours, torchs.detach(), atol=1e-5)


def test_rows_rest_and_go_on_with_their_own_count() -> None:
    grads = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(0))
    some, alone = torch.zeros(3, 2), torch.zeros(1, 2)
    mixed, single = Adam(some), Adam(alone)
    for grad, rows in zip(grads, ([0, 1], [0, 2], [1, 0], [2, 1]), strict=True):
        mixed.step(grad[:2], torch.tensor(rows))
        if 0 in rows:
            single.step(grad[rows.index(0) : rows.index(0) + 1])
    assert torch.equal(some[:1], alone)


def test_the_scale_of_an_objective_does_not_matter() -> None:
    grad = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    large, small = torch.zeros(1, 8), torch.zeros(1, 8)
    a, b = Adam(large), Adam(small)
    for _ in range(3):
        a.step(grad)
        b.step(grad * 1e-12)
    assert torch.allclose(large, small, rtol=1e-3)
    assert large.abs().max() > 0.1


def test_nothing_behind_the_layer_runs() -> None:
    net = toys.classifier(toys.TwoNeurons(), (1, 8, 8))
    behind = net.module.get_submodule("behind")
    observer = Observer(net, objectives.channel("relu", [0]), 8)
    runs = behind.runs  # type: ignore[union-attr]
    observer.measure(torch.full((1, 1, 8, 8), 0.5))
    assert behind.runs == runs  # type: ignore[union-attr]


def test_several_layers_are_seen_in_one_pass_before_any_in_place_relu() -> None:
    net = toys.classifier(toys.TwoNeurons(), (1, 2, 2))
    both = objectives.channel("conv", [1]) + 10 * objectives.channel("relu", [0])
    bright = torch.ones(1, 1, 2, 2)  # neurons -0.25 and, before its ReLU, 0.75
    assert Observer(net, both, 2).measure(bright).tolist() == pytest.approx([-0.25 + 7.5])
    logit = objectives.class_logit([0]) + objectives.channel("relu", [0])
    assert Observer(net, logit, 2).measure(bright).tolist() == pytest.approx([2 * 3.0 + 0.75])


def test_a_network_that_takes_one_size_only_is_fed_that() -> None:
    net = toys.classifier(nets.OneSizeOnly(), (1, 16, 16))
    assert [usable_size(net, "mix", n) for n in (8, 16, 12, 32)] == [16, 16, 16, 16]
    free = nets.places([1.0], [0.0])
    assert [usable_size(free, "act", n) for n in (8, 24)] == [8, 24]
