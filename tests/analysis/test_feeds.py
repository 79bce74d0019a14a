"""What feeds a neuron here and what it feeds: by hand, and measured on a real network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from analysis import images
from analysis.attribution import Target, attribute
from analysis.feeds import drives, feeds
from analysis.layers import capture
from analysis.models import Classifier, load
from cache.errors import UserError
from tests import toys


class TwoSteps(nn.Module):
    """Pixel v -> a = relu(v, 2 v, -v) -> b = relu(a0 - a1 + 4 a2, 3 a0 + a1 - 1) -> mean -> logits.

    At v = 1: a = (1, 2, 0), b = (0, 4): before its ReLU neuron 0 of b is at -1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(toys.one_by_one([[1.0], [2.0], [-1.0]]), nn.ReLU(inplace=True))
        matrix = [[1.0, -1.0, 4.0], [3.0, 1.0, 0.0]]
        self.second = nn.Sequential(toys.one_by_one(matrix, [0.0, -1.0]), nn.ReLU(inplace=True))
        self.fc = toys.linear([[1.0, 2.0], [0.0, -1.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.second(self.first(x)).mean((2, 3)))
        return out


@pytest.fixture(scope="module")
def two() -> Classifier:
    return toys.classifier(TwoSteps(), (1, 2, 2))


def pixels(*rows: list[float]) -> Tensor:
    return torch.tensor([[list(rows)]], dtype=torch.float32)


def test_effects_and_measurements_by_hand(two: Classifier) -> None:
    x = pixels([0, 1], [0, 0.5])  # b1 = (0, 4; 0, 1.5), with a0 = v, a1 = 2 v
    got = feeds(two, x, "second.1", 1, place=(0, 1), source_name="first.1")
    assert got.activation == pytest.approx(4)
    assert [(r.channel, r.effect, r.activation, r.place) for r in got.rows] == [
        (0, 3, 1.5, (0, 1)),
        (1, 2, 3, (0, 1)),
    ]
    # without neuron 0: relu(2 - 1) = 1; without neuron 1: 3 - 1 = 2; without both: relu(-1) = 0
    assert [row.measured for row in got.rows] == pytest.approx([3, 2])
    assert got.together.channels == (0, 1)
    assert got.together.expected == pytest.approx(5)
    assert got.together.measured == pytest.approx(4)
    assert got.everything.measured == pytest.approx(4)
    np.testing.assert_allclose(got.source.per_place, [[0, 5], [0, 0]])


def test_the_whole_picture_is_the_sum_over_places(two: Classifier) -> None:
    x = pixels([0, 1], [0, 0.5])
    got = feeds(two, x, "second.1", 1, source_name="first.1", top=1)
    assert got.activation == pytest.approx(5.5)
    assert got.rows[0].effect == pytest.approx(4.5)
    assert got.rows[0].measured == pytest.approx(3 + 1.5)  # 4 -> 1, and 1.5 -> relu(1 - 1) = 0
    here = feeds(two, x, "second.1", 1, source_name="first.1", at=(1, 1), top=1)
    assert here.rows[0].effect == pytest.approx(1.5)
    assert here.rows[0].activation == pytest.approx(0.5)
    assert here.rows[0].place == (1, 1)
    assert here.rows[0].measured == pytest.approx(1.5)


def test_a_silent_neuron_is_fed_by_nothing(two: Classifier) -> None:
    got = feeds(two, pixels([1, 1], [1, 1]), "second.1", 0, source_name="first.1")
    assert got.activation == 0
    assert got.rows == ()
    assert got.everything.measured == 0
    before_relu = feeds(two, pixels([1, 1], [1, 1]), "second.0", 0, source_name="first.1")
    assert [(r.channel, r.effect) for r in before_relu.rows] == [(1, -8), (0, 4)]


def test_what_a_neuron_drives_by_hand(two: Classifier) -> None:
    x = pixels([0, 1], [0, 0.5])
    got = drives(two, x, "first.1", 0, later_name="second.1")
    assert got.activation == pytest.approx(1.5)
    np.testing.assert_allclose(got.effects, [[0, 0, 0, 0], [0, 3, 0, 1.5]])
    np.testing.assert_allclose(got.measured, got.effects)
    assert [(r.channel, r.effect, r.measured, r.place) for r in got.rows] == [(1, 4.5, 4.5, (0, 1))]
    at_one = drives(two, x, "first.1", 0, place=(1, 1), later_name="second.1")
    np.testing.assert_allclose(at_one.effects, [[0, 0, 0, 0], [0, 0, 0, 1.5]])
    # neuron 1 keeps neuron 0 of b silent: no first-order effect, but without it b0 = v
    other = drives(two, x, "first.1", 1, later_name="second.1")
    np.testing.assert_allclose(other.effects[0], 0)
    np.testing.assert_allclose(other.measured[0], [0, -1, 0, -0.5])


def test_the_last_layer_drives_the_logits(two: Classifier) -> None:
    got = drives(two, pixels([0, 1], [0, 0.5]), "second.1", 1)
    assert got.later is None
    np.testing.assert_allclose(got.effects[:, 0], [2 * 5.5 / 4, -5.5 / 4], rtol=1e-6)
    np.testing.assert_allclose(got.measured, got.effects, rtol=1e-5)
    assert [row.channel for row in got.rows] == [0, 1]
    assert got.rows[0].place is None


def test_what_bypasses_the_source_stays() -> None:
    net = toys.classifier(toys.Residual(), (1, 1, 1))
    x = torch.full((1, 1, 1, 1), 3.0)  # a = 3, b = 2, c = 4 = 2 b - 3 + a
    got = feeds(net, x, "relu#3", 0, source_name="relu#2")
    assert got.rows[0].effect == pytest.approx(4)
    assert got.rows[0].measured == pytest.approx(4)  # relu(0 - 3 + 3) = 0
    got = feeds(net, x, "relu#3", 0, source_name="relu")
    assert got.rows[0].effect == pytest.approx(9)  # 2 + 1 for each of 3
    assert got.rows[0].measured == pytest.approx(4)


def test_tokens_and_channels_last() -> None:
    tokens = toys.classifier(toys.Tokens(), (1, 4, 4))
    x = torch.arange(16.0).view(1, 1, 4, 4) / 16
    got = feeds(tokens, x, "block", 0, place=(1, 0), source_name="patch")
    assert got.activation == pytest.approx(2 * float(x.sum()) / 5, rel=1e-5)
    assert got.rows[0].effect == pytest.approx(got.activation, rel=1e-5)
    assert got.rows[0].measured == pytest.approx(got.activation, rel=1e-5)
    assert got.rows[0].place == (1, 1)
    up = drives(tokens, x, "patch", 0, place=(1, 1), later_name="block")
    np.testing.assert_allclose(up.effects, up.measured, atol=1e-5)
    np.testing.assert_allclose(up.effects[0], 2 * float(x[0, 0, 2:, 2:].sum()) / 5, rtol=1e-5)
    last = toys.classifier(toys.ChannelsLast(), (1, 3, 5))
    grey = torch.rand(1, 1, 3, 5, generator=torch.Generator().manual_seed(0))
    got = feeds(last, grey, "act", 3, place=(2, 4), source_name="conv")
    value = float(grey[0, 0, 2, 4])
    wanted = [2 * value, value, -value]
    assert [row.effect for row in got.rows] == pytest.approx(wanted)
    assert [row.measured for row in got.rows[:2]] == pytest.approx([2 * value, value])


def test_what_is_not_there_is_refused(two: Classifier) -> None:
    x = pixels([0, 1], [0, 0.5])
    with pytest.raises(UserError, match="out of range"):
        feeds(two, x, "second.1", 2, source_name="first.1")
    with pytest.raises(UserError, match="outside"):
        feeds(two, x, "second.1", 1, place=(2, 0), source_name="first.1")
    with pytest.raises(UserError, match="does not feed"):
        feeds(two, x, "first.1", 1, source_name="second.1")
    with pytest.raises(UserError, match="does not feed"):
        drives(two, x, "second.1", 1, later_name="first.1")
    with pytest.raises(UserError, match="no layer comes before"):
        feeds(two, x, "first.0", 0)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


@pytest.fixture(scope="module")
def photo(squeezenet: Classifier, shared: Path) -> Tensor:
    file = sorted((shared / "photos" / "imagenet-sample").rglob("*.jp*g"))[0]
    return squeezenet.tensor(squeezenet.pixels(images.decode(file, min_side=squeezenet.resize)))


def test_squeezenet_feeds(squeezenet: Classifier, photo: Tensor) -> None:
    raw = capture(squeezenet.module, ["features.12"], photo)[0]["features.12"][0]
    unit, where = divmod(int(raw.flatten().argmax()), 169)
    place = divmod(where, 13)
    got = feeds(squeezenet, photo, "features.12", unit, place=place)
    assert got.source.layer.name == "features.11"
    assert got.activation == pytest.approx(float(raw[unit][place]), rel=1e-4)
    # one fire module has one hidden ReLU: effects and the bias add up to the activation roughly
    assert got.everything.expected == pytest.approx(got.activation, rel=0.3)
    assert len(got.rows) == 8
    sizes = [abs(row.effect) for row in got.rows]
    assert sizes == sorted(sizes, reverse=True)
    best = got.rows[0]
    assert best.measured == pytest.approx(best.effect, rel=0.5)
    assert got.together.measured > 3 * np.mean([row.measured for row in got.rows]) > 0
    # the same pair, looked at from below
    up = drives(squeezenet, photo, "features.11", best.channel, later_name="features.12")
    at = place[0] * 13 + place[1]
    assert up.effects[unit, at] == pytest.approx(best.effect, rel=1e-2)
    assert up.measured[unit, at] == pytest.approx(best.measured, rel=1e-2, abs=1e-2)


def test_squeezenet_drives_its_classes(squeezenet: Classifier, photo: Tensor) -> None:
    with torch.no_grad():
        said = int(squeezenet.module(photo).argmax())
    one = attribute(squeezenet, photo, ["features.12"], Target(said)).layers["features.12"]
    unit = one.top(1)[0]
    got = drives(squeezenet, photo, "features.12", unit)
    assert got.effects[said, 0] == pytest.approx(float(one.per_channel[unit]), rel=1e-3)
    assert got.measured[said, 0] > 0
