"""That a picture seen in parts gives what the whole one does."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from analysis.dream import parts
from analysis.dream.caricature import Caricature, drawn
from analysis.dream.caricature import Towards as TowardsOne
from analysis.dream.parts import WIDEST, Aim, Parts, reach
from analysis.dream.pursuit import Chase
from analysis.dream.style import Style, Towards, checked, styled
from analysis.featurevis import precision
from analysis.featurevis.objectives import Fields
from analysis.featurevis.optimize import Observer
from analysis.models import Classifier, load
from cache.errors import UserError
from tests import toys
from tests.analysis.dream.nets import local
from tests.analysis.featurevis.nets import places


class One(nn.Module):
    """One layer, and sums."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.sum = layer, toys.Sum()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sum(self.layer(x))
        return out


class Squeezed(nn.Module):
    """Every place times the mean of all."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.mean(dim=(2, 3), keepdim=True)


def observer(net: Classifier, *layers: str) -> Observer:
    return Chase(net, layers, TowardsOne(Caricature(layer="")), noise(1, (32, 32))).observer


def one(layer: nn.Module) -> Observer:
    return observer(toys.classifier(One(layer), (1, 64, 64)), "layer")


def noise(channels: int, shape: tuple[int, int], seed: int = 0) -> Tensor:
    return torch.rand((1, channels, *shape), generator=torch.Generator().manual_seed(seed))


def test_how_far_places_see() -> None:
    """A kernel of 101 sees 50 on each side, which a rim of 64 holds; a place of the toy network
    sees 3; one that knows the mean of all sees all."""
    wide = reach(one(nn.Conv2d(1, 1, 101, padding=50)))
    assert (wide.rim, wide.strides) == (64, {"layer": 1})
    assert reach(observer(local(), "relu", "first")).rim == 32
    assert reach(observer(local(), "relu", "first")).strides == {"relu": 2, "first": 1}
    assert reach(one(Squeezed())).rim == WIDEST


@pytest.mark.parametrize("layer", [nn.Conv2d(1, 2, 3, stride=3), nn.AdaptiveAvgPool2d(8)])
def test_places_that_do_not_lie_alike_are_told(layer: nn.Module) -> None:
    with pytest.raises(UserError, match="as a whole only") as refused:
        reach(one(layer))
    assert "\n" not in str(refused.value)


def test_sums_by_hand() -> None:
    """Brightness 1 in 300 x 260 places of two channels, 2 v and 3 v."""
    net = places([2.0, 3.0], [0.0, 0.0])
    found = Parts(observer(net, "act"), 256).sums(
        Towards(Style(style_layers=("act",))).sums, torch.ones(1, 1, 300, 260)
    )
    assert found["products act"].tolist() == [[[4 * 78000, 6 * 78000], [6 * 78000, 9 * 78000]]]
    assert float(found["places act"]) == 78000


def aims(layers: tuple[str, ...]) -> dict[str, Callable[[Classifier], Aim]]:
    def style(net: Classifier) -> Aim:
        towards = Towards(checked(Style(style_layers=layers), net))
        picture = 0.3 * noise(net.input_size[0], (200, 150), 3)
        like = Chase(net, towards.layers, towards, picture)
        towards.grams = towards.grams_of(like.alone(towards.sums, like.wanted))
        return towards

    kinds = ("caricature", "distance", "cosine")
    made = {kind: TowardsOne(Caricature(layer=layers[-1], kind=kind)) for kind in kinds}
    return {"style": style, **{kind: lambda _, a=aim: a for kind, aim in made.items()}}


def equal(net: Classifier, layers: tuple[str, ...], shape: tuple[int, int], side: int) -> None:
    """Score and gradient of a picture in parts are the whole one's, wherever the cuts lie."""
    seen, wanted = (noise(net.input_size[0], shape, seed) for seed in (1, 2))
    watch = observer(net, *layers)
    cut = Parts(watch, side)
    for name, make in aims(layers).items():
        # in a field of few channels a cosine's gradient is a small difference of large numbers
        near = 1e-3 if name == "cosine" else 1e-5
        aim, leaf = make(net), seen.clone().requires_grad_()
        with torch.no_grad():
            asked = watch.fields(wanted)
        score = aim.score(aim.sums(watch.fields(leaf), asked)).sum()
        (whole,) = torch.autograd.grad(score, leaf)
        for where in ((0.0, 0.0), (0.3, 0.999)):
            found, reached = cut.gradient(aim, seen, wanted, places=where)
            assert float(reached) == pytest.approx(score.item(), rel=1e-5), name
            assert float((found - whole).abs().max() / whole.abs().max()) < near, name


@pytest.mark.parametrize("shape", [(300, 421), (260, 90)])
def test_parts_are_equal_to_the_whole(shape: tuple[int, int]) -> None:
    equal(local(), ("first", "relu"), shape, 256)


def test_parts_are_equal_to_the_whole_in_real_networks(
    squeezenet: Classifier, shared: object
) -> None:
    equal(squeezenet, ("features.1", "features.7"), (211, 300), 160)
    net = load(f"{shared}/models/bvlc_googlenet.py:load", device="cpu")
    equal(net, ("conv1", "inception3b"), (200, 301), 256)


def test_pictures_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to use it, in few steps, are what they are as a whole; and no more than a part is
    ever seen."""
    monkeypatch.setattr(precision, "supported", lambda: False)  # roundings of bfloat16 add up
    net = local()
    content, like = (
        Image.fromarray((noise(3, (h, 300), h)[0] * 255).byte().permute(1, 2, 0).numpy())
        for h in (290, 200)
    )

    def both() -> list[np.ndarray]:
        style = Style(size=300, steps=3, style_layers=("relu",))
        *_, last = styled(net, style, content, like)
        *_, kept = drawn(net, Caricature(layer="relu", size=300, steps=3), content)
        assert set(kept.measured) == {"cosine", "error", "length"}
        return [last.pixels().astype(float), kept.pixels().astype(float)]

    whole = both()
    seen: list[int] = []
    fields = Observer.fields

    def watched(self: Observer, pixels: Tensor, module: nn.Module | None = None) -> Fields:
        seen.append(pixels.shape[2] * pixels.shape[3])
        return fields(self, pixels, module)

    monkeypatch.setattr(parts, "SIDE", 256)
    monkeypatch.setattr(Observer, "fields", watched)
    for a, b in zip(whole, both(), strict=True):
        assert np.abs(a - b).mean() < 0.02
    assert max(seen) <= 256**2
