"""Networks out of every source, how they are fed, and what tells one from another."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from analysis import embedded
from analysis.classes import Label
from analysis.models import Classifier, available, load, prepare
from analysis.sources import Source, find_source
from analysis.speed import BandedResponseNorm
from cache.errors import UserError
from tests.toys import TwoNeurons, classifier

GENERATOR = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load(device="cpu")


def photographs(shared: Path, count: int | None = None) -> list[tuple[Path, int]]:
    import csv

    folder = shared / "photos" / "imagenet-sample"
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [(folder / r["file"], int(r["class_index"])) for r in rows[:count]]


def right(
    net: Classifier, pictures: list[tuple[Path, int]], tops: tuple[int, ...] = (1,)
) -> list[int]:
    """How many pictures have their label among the first answers, for each of ``tops``."""
    from analysis.images import decode

    hits = [0] * len(tops)
    for path, label in pictures:
        with torch.no_grad():
            logits = net.module(net.tensor(net.pixels(decode(path, min_side=net.resize))))
        first = logits[0].topk(max(tops)).indices.tolist()
        hits = [h + (label in first[:top]) for h, top in zip(hits, tops, strict=True)]
    return hits


# ---- the embedded networks ----


def test_the_folding_of_caffes_input_is_exact(squeezenet: Classifier) -> None:
    """conv1 on a normalised RGB picture = Caffe's conv1 on BGR 0..255 less its mean."""
    kernel, bias = torch.randn(4, 3, 3, 3, generator=GENERATOR), torch.randn(4, generator=GENERATOR)
    folded, shifted = embedded.fold_caffe_input(kernel, bias)
    rgb = torch.rand(2, 3, 9, 9, generator=GENERATOR)
    blue_first = rgb.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    expected = functional.conv2d(blue_first, kernel, bias)
    got = functional.conv2d(squeezenet.normalise(rgb), folded, shifted)
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-3)


def test_real_photographs_come_out_right(squeezenet: Classifier, shared: Path) -> None:
    """A wrong folding is silent: 0 of these 20 are right then."""
    pictures = photographs(shared)[::50]
    assert len(pictures) == 20
    assert right(squeezenet, pictures)[0] >= 10
    conv = squeezenet.module.get_submodule("features.0")
    assert isinstance(conv, nn.Conv2d)
    with torch.no_grad():  # and the test itself can fail: BGR in place of RGB
        unfolded = load(device="cpu")
        first = unfolded.module.get_submodule("features.0")
        assert isinstance(first, nn.Conv2d)
        first.weight.copy_(conv.weight.flip(1))
        first.weight.div_(255 * torch.tensor(squeezenet.std).view(1, 3, 1, 1))
    assert right(unfolded, pictures)[0] <= 2


@pytest.mark.slow
@pytest.mark.shared
def test_accuracy_of_the_two_embedded_networks(squeezenet: Classifier, shared: Path) -> None:
    pictures = photographs(shared)
    one, five = (n / len(pictures) for n in right(squeezenet, pictures, (1, 5)))
    some = pictures[::4]
    lite = right(load("efficientnet_lite0", device="cpu"), some)[0] / len(some)
    print(f"squeezenet1_1 {one:.1%} (top-5 {five:.1%}), efficientnet_lite0 {lite:.1%}")
    assert 0.57 <= one <= 0.61
    assert 0.80 <= five <= 0.88
    assert lite >= one + 0.1


class Calls:
    """What a hostile weights file holds: unpickled, it runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("what", [Calls(Path("x")), Path("x"), nn.Linear, np.add, print])
def test_the_unpickler_admits_arrays_only(what: object) -> None:
    import io

    data = pickle.dumps({"conv1": [np.zeros(2), what]})
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        embedded._ArraysOnly(io.BytesIO(data)).load()


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_the_unpickler_admits_arrays(protocol: int) -> None:
    import io

    data = pickle.dumps({"a": [np.arange(3.0), np.float32(2)]}, protocol=protocol)
    read = embedded._ArraysOnly(io.BytesIO(data)).load()
    assert read["a"][0].tolist() == [0, 1, 2]
    assert read["a"][1] == 2


# ---- preprocessing ----


def test_pixels_and_tensor(squeezenet: Classifier) -> None:
    assert (squeezenet.resize, squeezenet.input_size) == (256, (3, 224, 224))
    image = Image.new("RGB", (512, 300), (255, 0, 51))
    pixels = squeezenet.pixels(image)
    assert pixels.shape == (224, 224, 3)
    x = squeezenet.tensor(pixels)
    assert x.shape == (1, 3, 224, 224)
    assert x.is_contiguous(memory_format=torch.channels_last)
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    assert torch.allclose(x[0, :, 7, 9], torch.tensor(expected), atol=1e-5)


def test_squeeze_sees_the_whole_picture() -> None:
    image = Image.new("RGB", (448, 224))
    image.paste((255, 255, 255), (0, 0, 40, 224))  # a white edge that the crop cuts off
    crop, squeeze = (load(device="cpu", fit=fit).pixels(image) for fit in ("crop", "squeeze"))
    assert crop.max() == 0
    assert squeeze[:, 0].min() == 255


def test_a_grey_network_of_32_pixels() -> None:
    net = classifier(TwoNeurons(), (1, 32, 32))
    pixels = net.pixels(Image.new("RGB", (64, 50), (10, 200, 30)))
    assert pixels.shape == (32, 32, 1)
    assert net.module(net.tensor(pixels)).shape == (1, 2)


def test_resize_follows_the_input_where_nothing_is_said() -> None:
    source = Source(TwoNeurons(), "toy", True, (1, 56, 56), mean=(0.5,), std=(0.5,))
    assert prepare(source, "toy").resize == 64


def test_normalise_is_differentiable(squeezenet: Classifier) -> None:
    x = torch.full((1, 3, 2, 2), 0.5, requires_grad=True)
    squeezenet.normalise(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad[0, :, 0, 0], 1 / torch.tensor(squeezenet.std))


def test_the_network_is_frozen(squeezenet: Classifier) -> None:
    assert not squeezenet.module.training
    assert not any(p.requires_grad for p in squeezenet.module.parameters())


def test_an_unknown_device_says_so() -> None:
    with pytest.raises(UserError, match="no device 'tpu'"):
        load(device="tpu")


# ---- the list and the names ----


def test_the_list() -> None:
    rows = available()
    first = ["squeezenet1_1", "efficientnet_lite0", "planted_square", "planted_texture"]
    assert [r["name"] for r in rows[:5]] == [*first, "googlenet"]
    assert rows[0]["available_offline"] is True
    assert all(set(r) == {"name", "source", "available_offline", "classes"} for r in rows)
    assert {"resnet18", "alexnet", "vit_b_16"} <= {r["name"] for r in rows}
    assert len({r["name"] for r in rows}) == len(rows)


def test_an_unknown_network() -> None:
    with pytest.raises(UserError, match="no network 'resnet19'"):
        load("resnet19")
    with pytest.raises(UserError, match="no network"):
        find_source("", trained=True)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "vit_b_16"])
def test_random_weights_are_marked_and_the_same_every_time(name: str) -> None:
    one, two = load(name, weights="random"), load(name, weights="random")
    assert not one.trained
    assert one.fingerprint == two.fingerprint
    with torch.no_grad():
        logits = one.module(one.probe())
    assert logits.std() > 0, "an untrained network still tells its classes apart"
    assert len(one.categories) == 1000


def test_timm_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    for name in ("timm:resnet10t", "efficientnet_lite0"):
        with pytest.raises(UserError, match=r"pip install 'neuronscope\[timm\]'"):
            load(name)


def test_timm_networks() -> None:
    pytest.importorskip("timm")
    net = load("timm:resnet10t", weights="random")
    assert net.input_size == (3, 176, 176)
    with pytest.raises(UserError, match="timm has no network 'resnet10zzz'"):
        load("timm:resnet10zzz", weights="random")


def test_the_shared_googlenet(shared: Path) -> None:
    net = load(f"{shared / 'models' / 'bvlc_googlenet.py'}:load")
    assert isinstance(net.module.get_submodule("lrn1"), BandedResponseNorm)
    assert net.categories.index_of_label(Label("synset", "n01443537")) == 1
    assert right(net, photographs(shared)[::50])[0] >= 12
