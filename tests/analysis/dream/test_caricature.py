"""What a layer keeps of a picture, and that the numbers beside it are true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.dream.canvas import tensor_of
from analysis.dream.caricature import Caricature, Towards, checked, drawn, likeness
from analysis.layers import capture
from analysis.models import Classifier
from cache.errors import UserError
from tests.analysis.featurevis.nets import places


def photo() -> Image.Image:
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image("china.jpg"))


def test_likeness_by_hand() -> None:
    """(3, 0) against (3, 4): cosine 9 / 15, distance 4 of 5, length 3 of 5."""
    a, b = ({"x": torch.tensor(values)} for values in ([3.0, 0.0], [3.0, 4.0]))
    squares = Towards(Caricature(layer="x")).squares(a, b)
    assert likeness(squares) == pytest.approx({"cosine": 0.6, "error": 0.8, "length": 0.6})


def test_the_objectives_by_hand() -> None:
    """At one place (3, 0) is wanted to be (3, 4): dot 9, cosine .6, squared distance 16 of 25."""
    fields = {"x": torch.tensor([3.0, 0.0]).view(1, 2, 1, 1)}
    wanted = {"x": torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)}
    for asked, expected in (
        (Caricature(layer="x", cosine_power=2.0), 9 * 0.36),
        (Caricature(layer="x", cosine_power=0.0), 9.0),
        (Caricature(layer="x", kind="cosine"), 0.6),
        (Caricature(layer="x", kind="distance"), -0.64),
    ):
        towards = Towards(asked)
        score = towards.score(towards.sums(fields, wanted))
        assert float(score) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["distance", "cosine", "caricature"])
def test_what_is_reported_is_what_the_network_says(squeezenet: Classifier, kind: str) -> None:
    wanted = replace(Caricature(layer="features.4", size=96, steps=64), kind=kind)
    stages = [(s.measured, s.pixels()) for s in drawn(squeezenet, wanted, photo())]
    first, (last, shown) = stages[7][0], stages[-1]
    assert last["cosine"] > first["cosine"]
    assert last["cosine"] > 0.75
    own = tensor_of(squeezenet, photo(), (64, 96))
    fields = []
    for x in (torch.from_numpy(shown.copy()).permute(2, 0, 1)[None] / 255, own):
        caught, _ = capture(squeezenet.module, ["features.4"], squeezenet.normalise(x))
        fields.append(caught)
    # the file's pixels are rounded to 8 bits, which the report's were not
    assert likeness(Towards(wanted).squares(*fields)) == pytest.approx(last, abs=0.02)


def test_an_inversion_keeps_more_of_an_early_layer(squeezenet: Classifier) -> None:
    errors = []
    for layer in ("features.3", "features.12"):
        wanted = Caricature(layer=layer, kind="distance", size=96, steps=64)
        *_, last = drawn(squeezenet, wanted, photo())
        errors.append(last.measured["error"])
    assert errors[0] < errors[1]


def test_the_same_seed_the_same_picture_and_it_may_be_closed(squeezenet: Classifier) -> None:
    wanted = Caricature(layer="features.3", size=64, steps=3)
    a, b = (list(drawn(squeezenet, wanted, photo()))[-1].pixels() for _ in range(2))
    assert np.array_equal(a, b)
    (c,) = [list(drawn(squeezenet, replace(wanted, seed=1), photo()))[-1].pixels()]
    assert not np.array_equal(a, c)
    run = drawn(squeezenet, replace(wanted, start="picture"), photo())
    assert not next(run).finished
    run.close()


def test_a_layer_that_says_nothing_is_told() -> None:
    net = places([1.0], [-2.0])
    with pytest.raises(UserError, match="nothing but zeros"):
        next(drawn(net, Caricature(layer="act", size=64, steps=2), photo()))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"layer": "features.33"}, "nearest"),
        ({"kind": "portrait"}, "none of caricature"),
        ({"start": "end"}, "noise or picture"),
        ({"cosine_power": -1.0}, "from 0 to 16"),
        ({"size": 5000}, "32 to 4096"),
        ({"steps": 0}, "from 1"),
    ],
)
def test_what_cannot_be_is_one_line(
    squeezenet: Classifier, change: dict[str, object], word: str
) -> None:
    with pytest.raises(UserError, match=word):
        checked(replace(Caricature(layer="features.3"), **change), squeezenet)  # type: ignore[arg-type]


def test_real_photographs(squeezenet: Classifier, shared: Path) -> None:
    file = sorted((shared / "photos" / "openimages-cc-by").glob("*.jpg"))[0]
    wanted = Caricature(layer="features.7", kind="distance", size=128, steps=40)
    *_, last = drawn(squeezenet, wanted, Image.open(file).convert("RGB"))
    assert last.measured["cosine"] > 0.7
