"""Reference numbers, worked out by hand; a pass that was ended goes on as if it had not been."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import reference
from analysis.models import Classifier
from analysis.photos import Collection, Picture
from analysis.tally import Examples, Kept
from cache.store import Store
from tests import toys


def examples(profile: list[list[float]], per_class: list[int]) -> Examples:
    """A layer's profile, and otherwise nothing."""
    count = len(profile)
    kept = Kept.empty(count, 1)
    nothing = np.zeros(count, np.float32)
    return Examples(
        sum(per_class), kept, kept, kept, np.zeros((count, 128), np.int32),
        np.zeros(count, np.int32), nothing, nothing,
        np.arange(len(per_class), dtype=np.int32), np.array(per_class, np.int32),
        np.array(profile, np.float32),
    )  # fmt: skip


def test_the_numbers_serve_as_a_pass_over_pictures(tmp_path: Path) -> None:
    store = Store(tmp_path / "work")
    given = [photographs(tmp_path, [0, 51, 102, 204])]
    known = reference.measure(network(), ["relu"], given, store, lambda *_: None)["relu"]
    found = reference.as_examples(known)
    assert found.pictures == 4
    for channel in range(len(known.maximum)):
        assert found.maximum(channel) == known.maximum[channel]
        assert found.percentile(channel, float(known.maximum[channel]) + 1) == 100
        edges, counts = known.histogram(channel)
        wanted, same = found.histogram(channel)
        assert same.tolist() == counts.tolist()
        assert wanted.tolist() == pytest.approx(edges.tolist())


def test_classes_of_few_photographs_give_no_name() -> None:
    found = examples([[9, 4, 3, 1]], [reference.ENOUGH - 1, 4, 9, 5])
    shown = reference.condensed(found, np.ones(1, np.float32), ("ant", "bee", "cow", "dog"))
    assert shown.names == ("mostly bee, cow",)
    assert shown.classes.tolist() == [[1, 2, 3]]
    assert shown.class_means.tolist() == [[4, 3, 1]]
    assert shown.class_pictures.tolist() == [[4, 9, 5]]
    assert shown.selectivity[0] == pytest.approx((4 - 2) / (4 + 2), rel=1e-3)


def photographs(folder: Path, levels: list[int]) -> Collection:
    """Grey pictures of 2x2, each with one brighter pixel at the end."""
    pictures = []
    for i, level in enumerate(levels):
        pixels = np.full((2, 2), level, np.uint8)
        pixels[1, 1] = min(255, level + 51)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        pictures.append(Picture(f"{i}.png", folder / f"{i}.png"))
    return Collection("grey", tuple(pictures))


def network() -> Classifier:
    return toys.classifier(toys.TwoNeurons(), (1, 2, 2), categories=("ant", "bee"))


def test_a_pass_by_hand(tmp_path: Path) -> None:
    """Neurons (v - 0.25, 0.75 - v) after a ReLU; levels 0, 102, 204 are 0, .4, .8, and + .2."""
    (tmp_path / "p").mkdir()
    shots = photographs(tmp_path / "p", [0, 102, 204])
    with Store(tmp_path / "work") as store:
        found = reference.measure(network(), ["relu"], [shots], store, lambda *_: None)["relu"]
    assert found.pictures == 3
    np.testing.assert_allclose(found.maximum, [0.75, 0.75], atol=1e-6)
    assert found.strongest.tolist() == [2, 0]
    np.testing.assert_allclose(
        found.mean, [(0 + 0.35 + 0.75) / 3, (0.75 + 0.35 + 0) / 3], atol=1e-6
    )
    # means over the four places: (.55 * 3 + .75) / 4 of the last, (.75 * 3 + .55) / 4 of the first
    np.testing.assert_allclose(found.widest, [0.6, 0.7], atol=1e-6)
    assert found.counts.sum(1).tolist() == [3, 3]
    assert found.low.tolist() == [0, 0]
    assert found.names == ("", "")  # no class has enough


def test_a_pass_that_was_ended_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").mkdir()
    shots = photographs(tmp_path / "p", list(range(0, 240, 8)))
    monkeypatch.setattr(reference, "SAVED_EVERY", 0.0)
    with Store(tmp_path / "whole") as store:
        whole = reference.measure(network(), ["relu"], [shots], store, lambda *_: None)["relu"]

    class Killed(BaseException):
        pass

    def kill(done: int, _total: int) -> None:
        seen.append(done)
        if done > 10:
            raise Killed

    seen: list[int] = []
    with Store(tmp_path / "parts") as store:
        with pytest.raises(Killed):
            reference.measure(network(), ["relu"], [shots], store, kill)
        assert max(seen) < 30
        again: list[int] = []
        found = reference.measure(
            network(), ["relu"], [shots], store, lambda done, _: again.append(done)
        )["relu"]
    assert min(again) > max(seen)
    assert found.names == whole.names
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array, err_msg=name)
