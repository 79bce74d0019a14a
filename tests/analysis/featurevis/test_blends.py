"""Rows from one unit to another: a toy whose row is known, and the real SqueezeNet."""

from math import sqrt

import numpy as np
import pytest
import torch

from analysis.featurevis.blends import BlendRequest, between, blend
from analysis.featurevis.objectives import channel
from analysis.featurevis.parameters import generator
from analysis.featurevis.sharing import FADING, SHARE, SharedPictures, mixing
from analysis.models import load
from cache.errors import UserError
from tests.analysis.featurevis import nets


def test_each_end_counts_in_units_of_its_own_picture() -> None:
    field = torch.tensor([[8.0, 0.0], [4.0, 1.0], [2.0, 0.5]]).view(3, 2, 1, 1)
    row = between(channel("act", [0, 0, 0]), channel("act", [1, 1, 1]), 3)
    # first / 8 and last / .5, and .05 more of each; sqrt(8 * .5) times the geometric mean
    wanted = [8.0, 2.0 * sqrt((4 / 8 + 0.05) * (1 / 0.5 + 0.05)), 0.5]
    assert row.score({"act": field}).tolist() == pytest.approx(wanted)


def test_a_silent_end_still_pulls_and_the_best_split_is_the_share() -> None:
    # of a picture's area x goes to the first end: x^(1 - s) (1 - x)^s is largest at x = 1 - s
    area = torch.linspace(0, 1, 101)
    for share, place in ((0.25, 1), (0.5, 2), (0.75, 3)):
        scores = []
        for x in area.tolist():
            field = torch.tensor([[1.0, 0.0]] + [[x, 1 - x]] * 3 + [[0.0, 1.0]]).view(5, 2, 1, 1)
            row = between(channel("act", [0] * 5), channel("act", [1] * 5), 5)
            scores.append(float(row.score({"act": field})[place]))
        assert area[int(np.argmax(scores))] == pytest.approx(1 - share, abs=0.04)
    silent = torch.tensor([[1.0, 0.0], [-3.0, 0.0], [0.0, 1.0]]).view(3, 2, 1, 1).requires_grad_()
    row = between(channel("act", [0] * 3), channel("act", [1] * 3), 3)
    (pull,) = torch.autograd.grad(row.score({"act": silent})[1], silent)
    assert (pull[1] > 0).all()


def test_anchors_move_what_their_neighbours_share_low_frequencies_most() -> None:
    pictures = SharedPictures(16, [generator(0)] * 5, mixing(1, 5), channels=1)
    with torch.no_grad():
        pictures.coefficients.zero_()
        pictures.coefficients[5] = 1.0  # the anchor at the first place
        shown = torch.fft.rfft2(pictures.logits(), norm="ortho").abs()
    assert torch.allclose(shown[0], 2 * shown[1], atol=1e-5)
    assert (shown[2:] < 1e-5).all()
    # a coefficient of frequency f is 1 + i, drawn 4 / f weak: 2 cycles all, 5 half^(1/4) of that
    assert shown[0, 0, 0, 2] == pytest.approx(SHARE * sqrt(2) * 4 / 2, rel=1e-4)
    assert shown[0, 0, 0, 5] == pytest.approx(SHARE * 0.5**FADING * sqrt(2) * 4 / 5, rel=1e-4)


def test_a_row_goes_from_dark_to_bright() -> None:
    net = nets.places([-1.0, 1.0], [1.0, -0.25])
    wanted = BlendRequest(
        layer="act", first=(0,), last=(1,), count=5, steps=64, size=16, input_size=16
    )
    frames = list(blend(net, wanted))
    frame = frames[-1]
    assert frame.images.shape == (5, 16, 16, 3)
    assert frame.images[0].mean() < 70
    assert frame.images[-1].mean() > 185
    assert frame.first[0] == max(frame.first)
    assert frame.last[-1] == max(frame.last)
    assert [f.done for f in frames] == [False] * (len(frames) - 1) + [True]
    again = list(blend(net, wanted))[-1]
    assert again.images.tobytes() == frame.images.tobytes()


def test_a_real_row_has_no_jump() -> None:
    net = load("squeezenet1_1", device="cpu")
    wanted = BlendRequest(
        layer="features.7", first=(3,), last=(77,), steps=48, size=64, input_size=64
    )
    *_, frame = blend(net, wanted)
    images = frame.images.astype(float)
    steps = np.abs(np.diff(images, axis=0)).mean(axis=(1, 2, 3))
    assert steps.max() < 0.7 * np.abs(images[-1] - images[0]).mean()
    for end in (np.array(frame.first) / frame.first[0], np.array(frame.last) / frame.last[-1]):
        assert np.abs(np.diff(end)).max() < 0.5
    assert frame.first[0] > 2 * frame.first[-1]
    assert frame.last[-1] > 2 * frame.last[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"last": (9,)}, "channel 9 is out of range: layer 'act' has 0 to 1"),
        ({"count": 1}, "a row has 2 to 17 pictures"),
        ({"first": ()}, "name a channel for each end"),
        ({"steps": 0}, "must be 1 or more"),
    ],
)
def test_mistakes_are_told(options: dict[str, object], words: str) -> None:
    net = nets.places([1.0, -1.0], [0.0, 0.0])
    plain: dict[str, object] = {"layer": "act", "first": (0,), "last": (1,)}
    with pytest.raises(UserError, match=words):
        next(blend(net, BlendRequest(**{**plain, **options})))  # type: ignore[arg-type]
