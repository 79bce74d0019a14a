"""The pass over pictures: what it keeps, worked out by hand, and that batches, kills and speed do
not change it."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis import images
from analysis.examples import Shot, Sweep, automatic_name, sweep
from analysis.layers import capture, ladder
from analysis.models import Classifier, load
from analysis.reach import receptive_box
from analysis.tally import SAMPLE, Examples
from cache.errors import UserError
from tests import toys


def grey(values: list[list[int]]) -> NDArray[np.uint8]:
    return np.array(values, np.uint8)[:, :, None]


def colours(seed: int, size: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 2), np.uint8)


def by_hand() -> tuple[Classifier, list[Shot]]:
    """Neurons (v - 0.25, 0.75 - v) after a ReLU, over three pictures of 2x2."""
    pictures = [
        grey([[0, 255], [0, 0]]),  # 0.75 at place 1; 0.75 at place 0
        grey([[0, 0], [0, 153]]),  # 0.35 at place 3; 0.75 at place 0
        grey([[255, 255], [255, 255]]),  # 0.75 at place 0; silent
    ]
    labels = [1, None, 1]
    net = toys.classifier(toys.TwoNeurons(), (1, 2, 2), categories=("ant", "bee"))
    pairs = enumerate(zip(pictures, labels, strict=True))
    return net, [Shot(i, p, label) for i, (p, label) in pairs]


def swept(net: Classifier, shots: list[Shot], layer: str, **given: int) -> Examples:
    batch = given.pop("batch", 2)
    run = Sweep(net, [layer], **given)
    for _ in sweep(run, shots, batch=batch):
        pass
    return run.result(layer)


def same(a: Examples, b: Examples) -> None:
    one, other = a.arrays(), b.arrays()
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_strongest_weakest_and_places_by_hand() -> None:
    found = swept(*by_hand(), "relu", kept=2)
    np.testing.assert_allclose(found.strongest.value, [[0.75, 0.75], [0.75, 0.75]], atol=1e-6)
    assert found.strongest.picture.tolist() == [[0, 2], [0, 1]]
    assert found.strongest.place.tolist() == [[1, 0], [0, 0]]
    np.testing.assert_allclose(found.weakest.value, [[0.35, 0.75], [0, 0.75]], atol=1e-6)
    assert found.weakest.picture.tolist() == [[1, 0], [2, 0]]
    assert found.weakest.place.tolist() == [[3, 1], [3, 0]]  # silent: the middle, not the corner


def test_middle_leaves_silent_pictures_out() -> None:
    found = swept(*by_hand(), "relu", kept=3)
    assert found.middle.picture.tolist() == [[0, 2, 1], [0, 1, -1]]
    np.testing.assert_allclose(found.middle.value[1, :2], [0.75, 0.75])
    one = swept(*by_hand(), "relu", kept=1)
    assert one.middle.picture[0, 0] in (0, 2)


def test_mean_sd_histogram_and_profile_by_hand() -> None:
    net, shots = by_hand()
    found = swept(net, shots, "relu")
    np.testing.assert_allclose(found.mean, [1.85 / 3, 0.5], atol=1e-6)
    np.testing.assert_allclose(
        found.sd, [np.std([0.75, 0.35, 0.75]), np.std([0.75, 0.75, 0])], 1e-5
    )
    # pictures 0 and 2 are labelled 1; picture 1 is said to be 1: sums 0.35, 2.4; logits -1.7, 2.4
    assert found.classes.tolist() == [1]
    assert found.per_class.tolist() == [3]
    np.testing.assert_allclose(found.profile[:, 0], found.mean, atol=1e-6)
    edges, counts = found.histogram(0)
    assert counts.sum() == 3
    assert edges[0] <= 0.35 <= edges[1]
    assert edges[-2] <= 0.75 <= edges[-1]
    assert counts[0] == 1
    assert counts[-1] == 2


def test_labels_go_before_predictions() -> None:
    net, shots = by_hand()
    found = swept(net, [Shot(s.number, s.pixels, 0) for s in shots[:2]] + shots[2:], "relu")
    assert found.classes.tolist() == [0, 1]
    assert found.per_class.tolist() == [2, 1]
    np.testing.assert_allclose(found.profile, [[0.55, 0.75], [0.75, 0.0]], atol=1e-6)
    assert automatic_name(found, 1, ("ant", "bee")) == "mostly ant"
    assert automatic_name(found, 0, ("ant", "bee")) == "mostly bee, ant"


def test_a_signed_layer_is_weakest_at_its_lowest_place() -> None:
    net = toys.classifier(toys.Patterns(), (2, 2, 2))
    pixels = np.zeros((2, 2, 2), np.uint8)
    pixels[1, 0, 1] = 255  # green at place 2: neuron 3 is -3 there
    found = swept(net, [Shot(0, pixels)], "conv", kept=1)
    np.testing.assert_allclose(found.weakest.value[3], [-3])
    assert found.weakest.place[3, 0] == 2
    np.testing.assert_allclose(found.strongest.value[3], [0])


def test_percentile_is_exact_beyond_the_highest_and_close_within() -> None:
    net = toys.classifier(toys.Votes(), (1, 1, 1))
    shots = [Shot(i, grey([[i]])) for i in range(256)]
    found = swept(net, shots, "relu", batch=16)  # neuron 0: 5 * i / 255, evenly
    assert found.percentile(0, 5.01) == 100
    assert found.percentile(0, -1) == 0
    assert found.percentile(0, 2.5) == pytest.approx(50, abs=1.5)
    assert found.percentile(5, 0.1) == 100  # always silent
    z = found.z(np.array([5, 4, 3, 2, 1.5, 0], np.float32))
    np.testing.assert_allclose(z[:5], np.sqrt(3), rtol=0.02)  # the end of an even distribution
    assert z[5] == 0
    assert found.middle.value[0].tolist() == sorted(found.middle.value[0], reverse=True)
    assert abs(found.middle.value[0, 4] - 2.5) < 0.5


def test_batches_do_not_change_anything() -> None:
    net = toys.classifier(toys.Patterns(), (2, 2, 2))
    shots = [Shot(i, colours(i)) for i in range(3 * SAMPLE)]
    same(swept(net, shots, "conv", batch=1), swept(net, shots, "conv", batch=7))


def test_a_killed_pass_goes_on_where_it_was() -> None:
    net = toys.classifier(toys.Patterns(), (2, 2, 2))
    shots = [Shot(i, colours(i)) for i in range(3 * SAMPLE) if i % 5]  # some could not be read
    whole = swept(net, shots, "conv", batch=4)
    run = Sweep(net, ["conv"])
    steps = sweep(run, shots, batch=6)
    for _ in range(40):
        next(steps)
    kept = run.checkpoint()
    next(steps)  # what comes after the checkpoint is lost
    again = Sweep(net, ["conv"], checkpoint=kept)
    assert again.position == shots[6 * 40 - 1].number + 1
    assert again.taken == 240
    for _ in sweep(again, [s for s in shots if s.number >= again.position], batch=4):
        pass
    same(again.result("conv"), whole)
    same(Examples.of(whole.arrays()), whole)


def test_what_is_kept_does_not_grow() -> None:
    net = toys.classifier(toys.Patterns(), (2, 2, 2))

    def size(count: int) -> int:
        run = Sweep(net, ["conv"])
        for _ in sweep(run, (Shot(i, colours(i % 50)) for i in range(count)), batch=16):
            pass
        return sum(array.nbytes for array in run.checkpoint().values())

    assert size(SAMPLE) == size(5 * SAMPLE)


def test_histogram_ranges_widen_without_loss() -> None:
    net = toys.classifier(toys.Patterns(), (2, 1, 1))
    levels = [0, 0, 1, 3, 90, 255, 2]
    shots = [Shot(i, np.full((1, 1, 2), v, np.uint8)) for i, v in enumerate(levels)]
    up, down = swept(net, shots, "conv", batch=1), swept(net, shots[::-1], "conv", batch=3)
    np.testing.assert_array_equal(up.counts, down.counts)
    np.testing.assert_array_equal(up.exponent, down.exponent)
    assert up.counts.sum(1).tolist() == [7] * 4


def test_layers_without_places_and_numbers_beyond_all_bounds_are_refused() -> None:
    net = toys.classifier(toys.TwoNeurons(), (1, 2, 2))
    with pytest.raises(UserError, match="no grid"):
        Sweep(net, ["pool"])
    with torch.no_grad():
        net.module.get_parameter("conv.weight").fill_(float("inf"))
    with pytest.raises(UserError, match="not finite"):
        Sweep(net, ["conv"]).take([Shot(0, grey([[1, 0], [0, 0]]))])


def test_reach_of_a_strided_convolution() -> None:
    net = toys.classifier(toys.Tokens(4), (1, 8, 8))
    assert receptive_box(net, "patch") == pytest.approx((0.25, 0.25))


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def photographs(net: Classifier, shared: Path, count: int) -> Iterator[Shot]:
    files = sorted((shared / "photos" / "imagenet-sample").rglob("*.jp*g"))[:count]
    assert files
    for i, file in enumerate(files):
        yield Shot(i, net.pixels(images.decode(file, min_side=net.resize)))


@pytest.mark.slow
def test_a_pass_holds_the_speed_of_the_network(squeezenet: Classifier, shared: Path) -> None:
    shots = list(photographs(squeezenet, shared, 96))
    x = torch.cat([squeezenet.tensor(s.pixels) for s in shots[:8]])
    names = [step.name for step in ladder(squeezenet)]

    def bare() -> float:
        began = time.process_time()
        with torch.no_grad():
            for _ in range(12):
                squeezenet.module(x)
        return time.process_time() - began

    def whole() -> float:
        run, began = Sweep(squeezenet, names), time.process_time()
        for _ in sweep(run, shots):
            pass
        return time.process_time() - began

    bare()
    assert min(whole() for _ in range(3)) < 1.5 * min(bare() for _ in range(3))


def test_patches_of_squeezenet_are_where_the_activation_is(
    squeezenet: Classifier, shared: Path
) -> None:
    shots = list(photographs(squeezenet, shared, 24))
    run = Sweep(squeezenet, ["features.3", "features.12"])
    for _ in sweep(run, shots):
        pass
    found = run.result("features.12")
    channel = int(found.strongest.value[:, 0].argmax())
    best = int(found.strongest.picture[channel, 0])
    x = squeezenet.tensor(shots[best].pixels)
    raw = capture(squeezenet.module, ["features.12"], x)[0]["features.12"][0, channel]
    assert float(raw.max()) == pytest.approx(found.maximum(channel), rel=1e-3)
    assert int(raw.flatten().argmax()) == found.strongest.place[channel, 0]
    assert found.pictures == run.result("features.3").pictures == 24
