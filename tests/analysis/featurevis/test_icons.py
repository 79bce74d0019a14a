"""Icons of toys whose best picture is known, and of the real SqueezeNet."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.featurevis.icons import PRESETS, Frame, IconRequest, in_quality, render
from analysis.featurevis.maco import mean_spectrum
from analysis.models import Classifier, load
from cache.errors import UserError
from tests import toys
from tests.analysis.featurevis import nets


def last(classifier: Classifier, request: IconRequest) -> Frame:
    return list(render(classifier, request))[-1]


def request(**options: object) -> IconRequest:
    plain = IconRequest(layer="act", units=(0,), steps=64, size=16, input_size=16)
    return replace(plain, **options)  # type: ignore[arg-type]


def test_a_unit_of_brightness_is_white_and_its_opposite_black() -> None:
    net = nets.places([1.0, -1.0], [-0.25, 0.75])
    frame = last(net, request(units=(0, 1), steps=128))
    assert frame.images.shape == (2, 16, 16, 3)
    assert frame.images[0].mean() > 200
    assert frame.images[1].mean() < 55
    shown = frame.images[..., 0] / 255
    answers = [np.maximum(shown[0] - 0.25, 0).mean(), np.maximum(0.75 - shown[1], 0).mean()]
    assert frame.activations == pytest.approx(answers, abs=0.01)
    assert frame.dead == [False, False]
    assert (frame.step, frame.steps, frame.done) == (128, 128, True)


def test_negative_goes_on_below_the_relu() -> None:
    net = nets.places([1.0], [-0.5])
    frame = last(net, request(negative=True))
    assert frame.images.mean() < 80
    assert frame.activations[0] < -0.2  # before the ReLU; behind it nothing is below zero


RELUS: dict[str, nn.Module | Callable[[Tensor], Tensor]] = {
    "module": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "ReLU6": nn.ReLU6(),
    "functional": functional.relu,
    "method": lambda x: x.clamp(min=0),
}


@pytest.mark.parametrize("form", RELUS)
def test_a_unit_that_is_silent_at_the_start_is_woken(form: str) -> None:
    net = nets.places([1.0, 1.0], [-0.7, -0.25], RELUS[form])
    frames = list(render(net, request(units=(0, 1), steps=96)))
    assert frames[0].activations[0] < 0.01
    assert frames[-1].activations[0] > 0.08
    assert frames[-1].images[0].max() > 245
    assert not any(frames[-1].dead)


def test_a_unit_that_nothing_excites_is_reported_dead_and_does_not_touch_others() -> None:
    net = nets.places([0.0, 1.0], [-1.0, -0.25])
    pair, alone = last(net, request(units=(0, 1))), last(net, request(units=(1,)))
    assert pair.dead == [True, False]
    assert pair.activations[0] == 0.0
    assert np.array_equal(pair.images[1], alone.images[0])


def test_frames_come_early_and_can_be_given_up_at_any_time() -> None:
    net = nets.places([1.0], [0.0])
    frames = render(net, request(steps=20))
    first = next(frames)
    assert (first.step, first.done) == (8, False)
    frames.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.module.modules())
    assert [f.step for f in render(net, request(steps=20))] == [8, 16, 20]


def test_a_smaller_network_is_fed_its_own_size_and_the_picture_enlarged() -> None:
    net = toys.classifier(nets.OneSizeOnly(), (1, 16, 16))
    frame = last(net, request(layer="mix", units=(2, 3), steps=8, size=40, input_size=32))
    assert frame.input_size == 16
    assert frame.images.shape == (2, 40, 40, 3)
    assert not any(frame.dead)


def test_neurons_of_one_place_change_the_picture_there() -> None:
    net = nets.places([1.0], [0.0])
    frame = last(net, request(objective="neuron", place=(4, 12), steps=64))
    row, column = np.unravel_index(frame.images[0, :, :, 0].argmax(), (16, 16))
    assert abs(row - 4) <= 2
    assert abs(column - 12) <= 2


def test_directions_and_classes() -> None:
    net = nets.places([1.0, -1.0], [0.0, 1.0])
    up, down = (1.0, 0.0), (0.0, 1.0)
    frame = last(net, request(objective="direction", directions=(up, down), everywhere=True))
    assert frame.images[0].mean() > 180 > 75 > frame.images[1].mean()
    named = last(net, request(layer="", objective="class", units=(1,)))
    assert named.images.mean() < 75
    dreamt = last(net, request(objective="deepdream", units=(0,)))
    assert dreamt.activations[0] > 0.25


def test_diverse_pictures_differ_more() -> None:
    torch.manual_seed(0)
    net = toys.classifier(nets.Fire(), (1, 16, 16))
    frame = last(net, request(layer="block", units=(4,), diversity=3))
    assert frame.images.shape[0] == len(frame.activations) == 3
    assert not np.array_equal(frame.images[0], frame.images[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": (2,)}, "channel 2 is out of range: layer 'act' has 0 to 1"),
        ({"units": ()}, "name at least one channel"),
        ({"objective": "class", "units": (5,)}, "class 5 is out of range"),
        ({"objective": "direction", "directions": ((1.0,),)}, "a direction in layer 'act' has 2"),
        ({"layer": "akt"}, "nearest: act"),
        ({"steps": 0}, "must be 1 or more"),
    ],
)
def test_mistakes_are_told_in_one_line(options: dict[str, object], words: str) -> None:
    net = nets.places([1.0, -1.0], [0.0, 0.0])
    with pytest.raises(UserError, match=words) as told:
        next(render(net, request(**options)))
    assert "\n" not in str(told.value)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def test_same_request_same_bytes_alone_or_in_a_batch(squeezenet: Classifier) -> None:
    many = IconRequest(layer="features.7", units=(3, 77, 200), steps=16, size=64, input_size=64)
    once, again = last(squeezenet, many), last(squeezenet, many)
    assert once.images.tobytes() == again.images.tobytes()
    alone = last(squeezenet, replace(many, units=(77,)))
    assert once.images[1].tobytes() == alone.images[0].tobytes()
    other = last(squeezenet, replace(many, units=(77,), seed=1))
    assert other.images.tobytes() != alone.images.tobytes()


@pytest.mark.slow
def test_no_grey_squares_among_squeezenets_last_channels(squeezenet: Classifier) -> None:
    """Every third channel of ``features.12`` is silent on the starting noise."""
    units = tuple(random.Random(2).sample(range(512), 16))
    wanted = IconRequest(layer="features.12", units=units, steps=48, input_size=128)
    frames = list(render(squeezenet, wanted))
    start = np.array(frames[0].activations)
    end = np.array(frames[-1].activations)
    assert not any(frames[-1].dead)
    assert (end > 50).all()
    assert np.median(end / np.maximum(start, 1e-6)) > 8
    assert (frames[-1].images.std(axis=(1, 2, 3)) > 25).all()


def test_class_pictures_are_taken_for_their_class(squeezenet: Classifier) -> None:
    named = replace(IconRequest(objective="class", units=(207,)), steps=48, input_size=128)
    frame = last(squeezenet, named)
    with torch.no_grad():
        logits = squeezenet.module(squeezenet.tensor(frame.images[0]))
    assert int(logits.argmax()) == 207
    assert frame.activations[0] == pytest.approx(float(logits[0, 207]), rel=0.05)


@pytest.mark.parametrize(
    ("own", "fed", "first"), [(28, 28, None), (160, 160, 128), (299, 224, 128)]
)
def test_a_preset_feeds_no_more_than_the_network_takes(
    own: int, fed: int, first: int | None
) -> None:
    net = toys.classifier(Small(3), (3, own, own))
    full = in_quality(IconRequest(layer="conv", units=(1,), seed=7), "full", net)
    assert (full.input_size, full.first_size, full.steps) == (fed, first, PRESETS["full"].steps)
    assert (full.units, full.seed) == ((1,), 7)


def test_presets_name_the_input_they_are_made_for() -> None:
    assert PRESETS["preview"].input_size == 128
    assert (PRESETS["full"].input_size, PRESETS["full"].steps) == (224, 144)


class Small(nn.Module):
    """A small convolutional network as for digits or for 32-pixel photographs."""

    def __init__(self, colours: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(colours, 8, 5, padding=2)
        self.deep = nn.Conv2d(8, 12, 3, stride=2)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.deep(functional.relu(self.conv(x))))
        out: Tensor = self.fc(x.mean(dim=(2, 3)))
        return out


@pytest.mark.parametrize(("colours", "side"), [(1, 28), (3, 32)])
@pytest.mark.parametrize("way", ["fourier", "pixels", "maco"])
def test_small_and_gray_networks_give_pictures(colours: int, side: int, way: str) -> None:
    net = toys.classifier(Small(colours), (colours, side, side))
    shape = (6, 40, 40) if colours == 1 else (6, 40, 40, 3)
    photographs = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    wanted = request(
        layer="conv", units=(0, 5), size=64, input_size=64, steps=32,
        parameterisation=way, spectrum=mean_spectrum(photographs) if way == "maco" else None,
    )  # fmt: skip
    frame, opposite = last(net, wanted), last(net, replace(wanted, negative=True))
    assert frame.images.shape == (2, 64, 64, 3)
    assert (frame.images.std(axis=(1, 2, 3)) > 10).all()
    assert (np.array(frame.activations) > np.array(opposite.activations)).all()


def test_colours_and_transforms_are_switched_one_by_one() -> None:
    net = toys.classifier(Small(3), (3, 32, 32))
    base = request(layer="deep", units=(3,), size=32, input_size=32, steps=16)
    switched = [base, replace(base, decorrelated=False), replace(base, parameterisation="pixels")]
    switched += [replace(base, transforms=("pad", "jitter", "scale"))]
    pictures = {last(net, r).images.tobytes() for r in switched}
    assert len(pictures) == len(switched)
    named = replace(base, transforms=("pad", "jitter", "scale", "rotate"))
    assert last(net, named).images.tobytes() == last(net, base).images.tobytes()


def test_units_are_added_by_their_weights() -> None:
    net = nets.places([1.0, 0.25], [0.0, 0.0])
    both = last(net, request(objective="sum", units=(0, 1), weights=(1.0, 2.0)))
    shown = both.images[0, :, :, 0].mean() / 255
    assert both.images.shape[0] == 1
    assert both.activations[0] == pytest.approx(1.5 * shown, abs=0.01)
    against = last(net, request(objective="sum", units=(0, 1), weights=(1.0, -8.0)))
    assert against.images.mean() < 75
    with pytest.raises(UserError, match="2 units need as many weights"):
        next(render(net, request(objective="sum", units=(0, 1), weights=(1.0,))))


def test_a_picture_that_gains_no_more_is_finished_and_does_not_depend_on_the_batch() -> None:
    net = nets.places([1.0, 0.0], [-0.25, -1.0])
    wanted = request(units=(0,), steps=400, settled=0.02)
    alone = last(net, wanted)
    assert alone.done
    assert 48 <= alone.step < 400
    assert alone.activations[0] > 0.5
    answer = np.maximum(alone.images / 255 - 0.25, 0).mean()
    assert alone.activations[0] == pytest.approx(answer, abs=0.01)
    pair = last(net, replace(wanted, units=(0, 1), steps=alone.step + 32))
    assert np.array_equal(pair.images[0], alone.images[0])
    assert pair.dead == [False, True]  # what never answers goes on to the end
    assert pair.step == alone.step + 32


def test_a_settling_schedule_keeps_its_promises_to_the_batch() -> None:
    net = toys.classifier(Small(3), (3, 32, 32))
    base = request(layer="deep", units=(3, 5), size=32, input_size=32, steps=24)
    wanted = replace(base, schedule="settling", first_size=16)
    pair, alone = last(net, wanted), last(net, replace(wanted, units=(5,)))
    assert pair.input_size == 32
    assert np.abs(pair.images[1].astype(int) - alone.images[0]).mean() < 2
    assert pair.images.tobytes() != last(net, base).images.tobytes()
