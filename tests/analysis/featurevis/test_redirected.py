"""Redirected gradients at ReLUs of every form, with gradients worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.featurevis.redirected import Redirected, outermost
from tests.analysis.featurevis import nets

EVERY = torch.tensor([True, True])


def in_place(x: Tensor) -> Tensor:
    x = x * 1.0
    functional.relu(x, inplace=True)
    return x


def statement(x: Tensor) -> Tensor:
    x = x * 1.0
    x.relu_()
    return x


def on_a_view(x: Tensor) -> Tensor:
    x = x * 1.0
    part = x[:, :]
    part.relu_()
    return x


FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": lambda x: nn.ReLU(inplace=True)(x * 1.0),
    "functional": functional.relu,
    "torch": torch.relu,
    "method": lambda x: x.relu(),
    "functional in place": in_place,
    "method in place": statement,
    "in place on a view": on_a_view,
    "clamp": lambda x: x.clamp(min=0),
    "clamp_min": lambda x: x.clamp_min(0),
    "nn.ReLU6": nn.ReLU6(),
    "hardtanh": lambda x: functional.hardtanh(x, 0.0, 6.0),
}


def gradient(
    form: Callable[[Tensor], Tensor], x: Tensor, wanted: Tensor, pictures: Tensor | None
) -> Tensor:
    x = x.clone().requires_grad_()
    with Redirected(pictures):
        out = form(x)
    assert torch.equal(out, form(x.detach()))
    (grad,) = torch.autograd.grad((out * wanted).sum(), x)
    return grad


@pytest.mark.parametrize("name", FORMS)
def test_a_silent_picture_is_pulled_up_and_others_are_left_alone(name: str) -> None:
    x = torch.tensor([[-1.0, -2.0], [-1.0, 2.0]])
    loss = torch.tensor([[-1.0, 3.0], [-1.0, 3.0]])  # wants the first larger, the second smaller
    grad = gradient(FORMS[name], x, loss, EVERY)
    assert grad.tolist() == [[-1.0, 0.0], [0.0, 3.0]]


@pytest.mark.parametrize("name", FORMS)
def test_only_the_marked_pictures_are_redirected(name: str) -> None:
    x, loss = torch.full((2, 2), -1.0), torch.full((2, 2), -1.0)
    grad = gradient(FORMS[name], x, loss, torch.tensor([False, True]))
    assert grad.tolist() == [[0.0, 0.0], [-1.0, -1.0]]
    assert not gradient(FORMS[name], x, loss, None).any()


def test_relu6_lets_a_full_unit_come_down_again() -> None:
    x, loss = torch.tensor([[7.0, 8.0]]), torch.tensor([[1.0, -1.0]])
    grad = gradient(nn.ReLU6(), x, loss, EVERY[:1])
    assert grad.tolist() == [[1.0, 0.0]]


def test_guards_against_division_by_zero_are_no_relus() -> None:
    x = torch.tensor([[0.0, 0.0]])
    assert not gradient(lambda x: x.clamp_min(1e-6), x, torch.full((1, 2), -1.0), EVERY[:1]).any()


def test_nothing_stays_behind() -> None:
    x = torch.full((1, 2), -1.0, requires_grad=True)
    with pytest.raises(ValueError, match="stop"), Redirected(EVERY[:1]):
        raise ValueError("stop")
    (grad,) = torch.autograd.grad(-functional.relu(x).sum(), x)
    assert not grad.any()


def test_the_relus_that_end_a_layer_are_found_and_left_out() -> None:
    block = nets.Branches().eval().requires_grad_(False)
    x = torch.rand(1, 1, 4, 4)
    last = outermost(lambda: block(x.clone().requires_grad_()))
    assert last == {1, 2}  # not the one after ``squeeze``
    with Redirected(None, left_out=last):
        open_ended = block(x)
    assert (open_ended < 0).any()
    assert torch.equal(open_ended.clamp_min(0), block(x))


def test_what_ends_in_a_convolution_has_no_last_relu() -> None:
    block = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1))
    assert not outermost(lambda: block(torch.rand(1, 1, 4, 4, requires_grad=True)))
