"""Rows from one unit to another: a toy whose row is known, and the real SqueezeNet."""

import numpy as np
import pytest
import torch

from analysis.featurevis.blends import BlendRequest, between, blend
from analysis.featurevis.objectives import channel
from analysis.featurevis.parameters import generator
from analysis.featurevis.sharing import SharedPictures, low_frequencies, mixing
from analysis.models import load
from cache.errors import UserError
from tests.analysis.featurevis import nets


def test_each_end_counts_in_units_of_its_own_picture() -> None:
    field = torch.tensor([[8.0, 0.0], [4.0, 1.0], [2.0, 0.5]]).view(3, 2, 1, 1)
    row = between(channel("act", [0, 0, 0]), channel("act", [1, 1, 1]), 3)
    # first / 8 and last / 0.5, shares 1, 1/2 and 0 of the first
    wanted = [8.0, 2.0 * (0.5 * 4 / 8 + 0.5 * 1 / 0.5), 0.5]  # times 8, 2 and 0.5
    assert row.score({"act": field}).tolist() == pytest.approx(wanted)


def test_anchors_move_only_the_low_frequencies_of_their_neighbours() -> None:
    pictures = SharedPictures(16, [generator(0)] * 5, mixing(1, 5), channels=1)
    with torch.no_grad():
        pictures.coefficients.zero_()
        pictures.coefficients[5] = 1.0  # the anchor at the first place
        shown = torch.fft.rfft2(pictures.logits(), norm="ortho").abs()
    assert torch.allclose(shown[0], 2 * shown[1], atol=1e-5)
    assert (shown[2:] < 1e-5).all()
    assert (shown[0, 0][low_frequencies(16)[..., 0] == 0] < 1e-4).all()


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


def test_neighbours_are_more_alike_than_the_ends() -> None:
    net = load("squeezenet1_1", device="cpu")
    wanted = BlendRequest(
        layer="features.7", first=(3,), last=(77,), count=5, steps=32, size=64, input_size=64
    )
    *_, frame = blend(net, wanted)
    images = frame.images.astype(float)
    steps = np.abs(np.diff(images, axis=0)).mean(axis=(1, 2, 3))
    assert steps.mean() < 0.7 * np.abs(images[-1] - images[0]).mean()
    assert frame.first[0] > frame.first[-1]
    assert frame.last[-1] > frame.last[0]


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
