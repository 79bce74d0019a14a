"""Networks of all kinds that somebody may bring: a dream works, or one line says why not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from analysis.dream.caricature import Caricature, drawn
from analysis.dream.engine import dreamt
from analysis.dream.ladder import rungs
from analysis.dream.settings import Dream
from analysis.dream.style import Style, styled
from analysis.groups import find_groups
from analysis.layers import find_layer, list_layers
from analysis.models import Classifier
from cache.errors import UserError
from tests.analysis.featurevis.nets import Call, places
from tests.toys import classifier

PICTURE: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (20, 33, 3), np.uint8)
CUT: dict[str, Callable[[Tensor], Tensor]] = {
    "detach": lambda x: x.detach(), "constant": lambda x: torch.ones_like(x),
    "argmax": lambda x: x.argmax(1, keepdim=True).float(),
}  # fmt: skip


class Beside(nn.Module):
    """A convolution, its mean, and beside it a function that nothing uses."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.odd = nn.Conv2d(1, 2, 1), Call(function)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        self.odd(x)
        return x.mean((2, 3))


def network(function: Callable[[Tensor], Tensor]) -> Classifier:
    return places([2.0], [0.1], function)


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize(
    "aim", [{"layer": "act"}, {"class_index": 0}, {"layer": "act", "channels": (0,)}]
)
def test_where_no_gradient_leads_back_is_said(kind: str, aim: dict[str, object]) -> None:
    dream = Dream(octaves=1, iterations=1, **aim)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"no gradient leads from .* back to the picture"):
        next(dreamt(network(CUT[kind]), dream, PICTURE))


def test_whole_logical_and_complex_numbers_are_no_layers() -> None:
    odd: list[Callable[[Tensor], Tensor]] = [
        lambda x: x.argmax(1, keepdim=True), lambda x: x > 0, torch.fft.fft2,
    ]  # fmt: skip
    for function in odd:
        net = classifier(Beside(function), (1, 16, 16))
        assert [layer.name for layer in list_layers(net)] == ["conv"]


def test_a_network_without_a_grid_says_what_it_lacks() -> None:
    net = classifier(nn.Sequential(nn.Flatten(), nn.Linear(256, 4), nn.ReLU()), (1, 16, 16))
    with pytest.raises(UserError, match="no layer with a grid of places to climb by"):
        rungs(net, Dream(layer=""))
    image = Image.new("RGB", (48, 48))
    with pytest.raises(UserError, match="no layer with a grid of places"):
        next(styled(net, Style(size=32, steps=1), image, image))


def test_a_network_of_squares_only_keeps_and_paints() -> None:
    def squares(x: Tensor) -> Tensor:
        assert x.shape[2] == x.shape[3]
        return x

    net, image = places([1.0], [0.0], squares), Image.fromarray(PICTURE)
    *_, kept = drawn(net, Caricature(layer="act", size=60, steps=2), image)
    *_, painted = styled(net, Style(size=60, steps=2), image, image)
    assert kept.pixels().shape == painted.pixels().shape == (36, 60, 3)


def test_groups_of_what_is_not_finite_are_refused() -> None:
    net = places([1.0, 2.0], [0.0, 0.0])
    activation = np.full((2, 256), np.nan, np.float32)
    with pytest.raises(UserError, match="layer act puts out no finite numbers"):
        find_groups(find_layer(net, "act"), activation)


def test_torchscript_is_refused_and_what_was_compiled_is_taken_as_it_was() -> None:
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(UserError, match="is TorchScript"):
        classifier(nn.Sequential(torch.jit.trace(plain, torch.rand(1, 1, 16, 16))), (1, 16, 16))
    net = classifier(torch.compile(plain), (1, 16, 16))
    assert net.module is plain


def test_a_convolution_in_three_dimensions_is_no_fault() -> None:
    deep = nn.Sequential(nn.Unflatten(1, (2, 1)), nn.Conv3d(2, 2, 1), nn.Flatten(1, 2))
    body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), deep, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = classifier(body, (1, 16, 16))
    frames = dreamt(net, Dream(layer="1", octaves=1, iterations=1), PICTURE)
    assert [*frames][-1].pixels().shape == PICTURE.shape
