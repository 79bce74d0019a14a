"""Samples: effects on all classes in one forward-mode pass, against gradients class by class;
places by content."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis import photos
from analysis.atlas import sampling
from analysis.atlas.sampling import Sampler, drawn_places, inner_layer
from analysis.layers import Layer, capture, list_layers, to_positions
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.analysis.test_layers import leftovers
from tests.analysis.test_tail import network
from tests.toys import ChannelsLast, Residual, Tokens, TwoNeurons, classifier, linear, one_by_one

NEAR = 1e-4


def by_gradients(
    net: Classifier, layer: Layer, x: Tensor, classes: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """One picture: activations (C, P) and gradient x activation (P, classes), places of the grid
    only, by one backward pass a class."""
    caught, logits = capture(net.module, [layer.name], x, grad=True)
    h = caught[layer.name]
    assert logits is not None
    found = []
    for index in classes:
        (gradient,) = torch.autograd.grad(logits[0, index], h, retain_graph=True)
        found.append((to_positions(gradient, layer) * to_positions(h, layer))[0].sum(0))
    values = to_positions(h, layer)[0].detach()[:, layer.extras :]
    return values.numpy(), torch.stack(found, 1).detach()[layer.extras :].numpy()


def agree(
    net: Classifier,
    name: str,
    x: Tensor,
    places: list[list[int]],
    classes: Sequence[int] | None = None,
) -> Sampler:
    """Every sample of these pictures is what gradients say, for these classes (all)."""
    sampler = Sampler(net, name)
    wanted = list(range(len(net.categories)) if classes is None else classes)
    found = sampler.take(x, places)
    assert found.effects.shape == (sum(map(len, places)), len(net.categories))
    row = 0
    for picture, own in enumerate(places):
        one = x[picture : picture + 1]
        values, effects = by_gradients(net, sampler.layer, one, wanted)
        with torch.no_grad():
            logits = net.module(one)[0].numpy()
        assert np.abs(found.logits[picture] - logits).max() <= NEAR * np.abs(logits).max()
        for place in own:
            scale = np.abs(effects[place]).max()
            assert scale > 0, "this sample says nothing: take another place"
            assert np.abs(found.effects[row, wanted] - effects[place]).max() <= NEAR * scale
            assert np.abs(found.vectors[row] - values[:, place]).max() <= NEAR * values.max()
            assert (found.owner[row], found.places[row]) == (picture, place)
            row += 1
    assert leftovers(net.module) == []
    return sampler


def some(net: Classifier, count: int) -> list[int]:
    return np.random.default_rng(0).choice(len(net.categories), count, replace=False).tolist()


def photographs(net: Classifier, count: int) -> Tensor:
    shots = [p.decode(min_side=net.resize) for p in photos.samples().pictures[:count]]
    return torch.cat([net.tensor(net.pixels(shot)) for shot in shots])


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


# ---- effects, by hand ----


def test_two_neurons_by_hand() -> None:
    """A grid of 3 x 3, each place v: neurons relu(v - .25, .75 - v), logits (2 s0 - s1, s1)."""
    net = classifier(TwoNeurons(), (1, 3, 3))
    x = torch.zeros(2, 1, 3, 3)
    x[0, 0, 1, 1], x[1, 0, 1, 1] = 1.0, 0.5
    found = Sampler(net, "relu").take(x, [[4], [4, 0]])
    np.testing.assert_allclose(found.vectors, [[0.75, 0], [0.25, 0.25], [0, 0.75]], atol=1e-6)
    np.testing.assert_allclose(found.effects, [[1.5, 0], [0.25, 0.25], [-0.75, 0.75]], atol=1e-6)
    assert found.owner.tolist() == [0, 1, 1]
    assert found.places.tolist() == [4, 4, 0]
    np.testing.assert_allclose(found.logits, [[-4.5, 6.0], [-5.75, 6.25]], atol=1e-5)


def test_what_an_in_place_relu_overwrites_is_kept() -> None:
    """Before the ReLU: neurons (.75, -.25); the closed one has no effect."""
    net = classifier(TwoNeurons(), (1, 3, 3))
    found = Sampler(net, "conv").take(torch.ones(1, 1, 3, 3), [[4, 3]])
    np.testing.assert_allclose(found.vectors, [[0.75, -0.25]] * 2, atol=1e-6)
    np.testing.assert_allclose(found.effects, [[1.5, 0]] * 2, atol=1e-6)


def test_a_skip_connection_by_hand() -> None:
    """x = 3: a = 3, b = 2, c = relu(2 b - 3 + a) = 4, logits (sum c, -sum c): effects of a place,
    with the way around it, are a (2 + 1) = 9, 2 b = 4 and c = 4."""
    net = classifier(Residual(), (1, 3, 3))
    x = torch.full((2, 1, 3, 3), 3.0)
    for name, value, effect in (("relu", 3, 9), ("relu#2", 2, 4), ("relu#3", 4, 4)):
        found = Sampler(net, name).take(x, [[4], [4, 4]])
        assert found.vectors.tolist() == [[value]] * 3, name
        assert found.effects.tolist() == [[effect, -effect]] * 3, name


def test_channels_last_and_tokens_by_gradients() -> None:
    torch.manual_seed(0)
    grey = torch.rand(2, 1, 3, 5)
    agree(classifier(ChannelsLast(), (1, 3, 5)), "act", grey, [[7], [6, 8]])
    tokens = classifier(Tokens(3), (1, 6, 6))
    layer = inner_layer(tokens, "mix")
    assert (layer.extras, layer.grid) == (1, (3, 3))
    found = Sampler(tokens, "patch").take(torch.rand(2, 1, 6, 6), [[4], [0, 8]])
    np.testing.assert_allclose(found.effects, 0.3 * found.vectors, rtol=1e-5)


def test_a_layer_that_does_not_matter_has_no_effect() -> None:
    class Aside(TwoNeurons):
        def forward(self, x: Tensor) -> Tensor:
            self.behind(self.conv(x))
            return super().forward(x)

    found = Sampler(classifier(Aside(), (1, 3, 3)), "behind").take(torch.ones(1, 1, 3, 3), [[4]])
    assert not found.effects.any()
    assert found.vectors.any()


def test_numbers_that_are_not_finite_are_told() -> None:
    net = classifier(TwoNeurons(), (1, 3, 3))
    with pytest.raises(UserError, match="not finite") as error:
        Sampler(net, "relu").take(torch.full((1, 1, 3, 3), torch.inf), [[4]])
    assert "\n" not in str(error.value)


# ---- effects on real networks ----


@pytest.mark.slow
def test_all_classes_of_the_embedded_network(squeezenet: Classifier) -> None:
    x = photographs(squeezenet, 1)
    sampler = agree(squeezenet, "features.12", x, [[14, 84, 100]])
    assert sampler.late


@pytest.mark.parametrize(
    ("name", "late"), [("features.3", True), ("features.7", True), ("features.6.expand1x1", False)]
)
def test_earlier_layers_and_a_branch(squeezenet: Classifier, name: str, late: bool) -> None:
    x = photographs(squeezenet, 2)
    sampler = agree(squeezenet, name, x, [[400, 401], [301]], some(squeezenet, 30))
    assert sampler.late == late


def test_one_place_each_is_the_same(squeezenet: Classifier) -> None:
    x = photographs(squeezenet, 2)
    sampler = Sampler(squeezenet, "features.12")
    several, one = sampler.take(x, [[20, 30], [40]]), sampler.take(x, [[30], [40]])
    for a, b in ((several.vectors[1:], one.vectors), (several.effects[1:], one.effects)):
        assert np.abs(a - b).max() <= NEAR * np.abs(b).max()


def test_googlenet(shared: Path) -> None:
    net = load(f"{shared / 'models' / 'bvlc_googlenet.py'}:load", device="cpu")
    x = photographs(net, 2)
    sampler = agree(net, "inception4d", x, [[100, 101], [90]], some(net, 30))
    assert sampler.late


@pytest.mark.parametrize(
    ("name", "late"),
    [("layer2.1.bn1", False), ("layer2.1.relu", False), ("layer3.0.downsample", False),
     ("layer2.1", True), ("layer1", True)],
)  # fmt: skip
def test_a_layer_that_a_skip_connection_bypasses(name: str, late: bool) -> None:
    """Of an inner layer no copies can be made: what goes around it brings each picture once."""
    net = classifier(network("resnet18", 96, MADE), (3, 96, 96))
    x = torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    places = [[15, 20], [14], [21, 22, 26]] if name[5] == "2" else [[7], [8, 9], [10]]
    assert agree(net, name, x, places, some(net, 10)).late == late


MADE: dict[str, nn.Module] = {}


def test_linear_blocks_of_efficientnet() -> None:
    net = load("efficientnet_lite0", device="cpu")
    blocks = [x for x in list_layers(net) if x.kind == "InvertedResidual" and x.grid]
    layer = next(x for x in blocks if x.grid == (14, 14))
    assert layer.signed
    agree(net, layer.name, photographs(net, 2), [[100], [90, 60]], some(net, 10))


@pytest.mark.slow
def test_tokens_of_a_transformer() -> None:
    net = classifier(network("vit_b_16", 224, MADE), (3, 224, 224))
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    name = "encoder.layers.encoder_layer_8"
    layer = inner_layer(net, name)
    assert (layer.extras, layer.grid) == (1, (14, 14))
    assert agree(net, name, x, [[100, 17], [90]], some(net, 5)).late


# ---- memory ----


def test_what_goes_through_at_once_is_bounded(
    squeezenet: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """features.12 is followed by 1000 x 13 x 13 numbers: what a sample takes is known, and the
    passes do not change what comes out."""
    sampler, each = Sampler(squeezenet, "features.12"), 4 * 1000 * 13 * 13 * sampling.COPIES
    x = photographs(squeezenet, 2)
    places = [[20, 30, 40, 50, 60], [70, 80]]
    whole = sampler.take(x, places)
    for budget, most in ((each, 1), (3 * each, 3), (100 * each, sampling.AT_ONCE)):
        monkeypatch.setattr(sampling, "BUDGET", budget)
        assert sampler.at_once(True) == most
        assert sampler.at_once(False) <= most
        found = sampler.take(x, places)
        assert found.owner.tolist() == whole.owner.tolist() == [0] * 5 + [1] * 2
        assert found.places.tolist() == [*places[0], *places[1]]
        for a, b in zip(
            (found.vectors, found.effects, found.logits),
            (whole.vectors, whole.effects, whole.logits),
            strict=True,
        ):
            assert np.abs(a - b).max() <= NEAR * np.abs(b).max()


# ---- layers and places ----


class Small(nn.Module):
    """A grid of ``side`` x 4, then nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = one_by_one([[1.0]])
        self.fc = linear([[1.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.conv(x).mean((2, 3)))
        return out


@pytest.mark.parametrize("size", [(2, 4), (4, 2), (1, 1)])
def test_a_grid_that_is_all_border_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="all border") as error:
        inner_layer(classifier(Small(), (1, *size)), "conv")
    assert f"{size[0]} x {size[1]}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_layer_without_a_grid_is_refused() -> None:
    with pytest.raises(UserError, match="no grid of places") as error:
        Sampler(classifier(Small(), (1, 4, 4)), "fc")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="no layer 'cnov'; nearest: conv"):
        Sampler(classifier(Small(), (1, 4, 4)), "cnov")


KEYS = [f"{i:064x}" for i in range(40)]


@pytest.mark.parametrize("grid", [(3, 3), (3, 9), (7, 7), (13, 13), (56, 40)])
def test_places_are_off_the_border_and_distinct(grid: tuple[int, int]) -> None:
    inner = (grid[0] - 2) * (grid[1] - 2)
    for key in KEYS:
        for count in (1, 5, 64):
            found = drawn_places(key, grid, count, 0)
            assert len(found) == len(set(found)) == min(count, inner)
            rows, cols = np.divmod(found, grid[1])
            assert rows.min() >= 1
            assert cols.min() >= 1
            assert rows.max() <= grid[0] - 2
            assert cols.max() <= grid[1] - 2


def test_places_reach_everywhere_alike() -> None:
    found = [drawn_places(f"{i:064x}", (8, 8), 1, 0)[0] for i in range(1800)]
    counts = np.bincount(found, minlength=64).reshape(8, 8)[1:7, 1:7]
    assert counts.sum() == 1800
    assert np.square(counts - 50).sum() / 50 < 66  # chi-squared of 35, one in a thousand


def test_the_same_content_has_the_same_places() -> None:
    assert drawn_places(KEYS[0], (13, 13), 5, 0) == drawn_places(KEYS[0], (13, 13), 5, 0)
    assert drawn_places(KEYS[0], (13, 13), 5, 0) != drawn_places(KEYS[1], (13, 13), 5, 0)
    assert drawn_places(KEYS[0], (13, 13), 5, 0) != drawn_places(KEYS[0], (13, 13), 5, 1)
    assert drawn_places(KEYS[0], (13, 13), 3, 0) == drawn_places(KEYS[0], (13, 13), 5, 0)[:3]


def test_another_layer_is_looked_at_in_the_same_parts_of_the_picture() -> None:
    """A place of a grid whose inside is twice as fine lies in the same part: its number, halved."""
    for key in KEYS:
        (fine,), (coarse,) = drawn_places(key, (26, 26), 1, 0), drawn_places(key, (14, 14), 1, 0)
        for a, b in zip(divmod(fine, 26), divmod(coarse, 14), strict=True):
            assert (a - 1) // 2 == b - 1
