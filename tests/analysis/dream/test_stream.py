"""The endless stream: what a frame depends on, and that its colours hold."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis.dream.schedule import Change, Stream
from analysis.dream.settings import Dream
from analysis.dream.stream import StreamFrame, steadied, strides, zoomed
from analysis.models import Classifier
from cache.errors import UserError
from tests.analysis.dream.nets import local

DREAM = Dream(layer="relu", octaves=1, iterations=2, jitter=3)


def photo(h: int = 40, w: int = 56) -> NDArray[np.uint8]:
    from sklearn.datasets import load_sample_image

    whole: NDArray[np.uint8] = load_sample_image("china.jpg")
    return whole[120 : 120 + h, 200 : 200 + w].copy()


def frames(*given: Any, **more: Any) -> Iterator[StreamFrame]:
    """The whole frames of ``strides``."""
    return (frame for frame in strides(*given, **more) if frame is not None)


def test_a_stream_goes_on_from_any_of_its_frames() -> None:
    net, stream = local(), Stream(turn=2.0)
    whole = list(islice(frames(net, DREAM, stream, photo()), 6))
    assert [frame.number for frame in whole] == [0, 1, 2, 3, 4, 5]
    for kept in (0, 3):
        rest = islice(frames(net, DREAM, stream, whole[kept].pixels, after=kept), 2)
        for again in rest:
            assert np.array_equal(again.pixels, whole[again.number].pixels)
    assert not np.array_equal(whole[5].pixels, whole[4].pixels)
    other = list(islice(frames(net, replace(DREAM, seed=1), stream, photo()), 6))
    assert not np.array_equal(other[5].pixels, whole[5].pixels)


def test_a_stream_of_noise_goes_on_too() -> None:
    net, dream = local(), replace(DREAM, start="noise", size=48)
    first, second = islice(frames(net, dream, Stream()), 2)
    (again,) = islice(frames(net, dream, Stream(), first.pixels, after=0), 1)
    assert np.array_equal(again.pixels, second.pixels)


def test_it_may_be_ended_within_a_frame() -> None:
    run = strides(local(), DREAM, Stream(), photo())
    assert [next(run), next(run)] == [None, None]
    frame = next(run)
    assert frame is not None
    assert frame.number == 0
    run.close()


def test_the_zoom_by_hand() -> None:
    """Half of a ramp of 8 pixels, enlarged to 8: about its middle, half as steep; the corner of a
    square that turns by 90 degrees goes to the next one, anticlockwise."""
    ramp = (torch.arange(8.0) / 8).expand(1, 1, 8, 8).contiguous()
    half = zoomed(ramp, Stream(zoom=0.5))
    assert torch.allclose(half[0, 0, 3, 2:6], 3.5 / 8 + (torch.arange(4.0) - 1.5) / 16, atol=0.01)
    corner = torch.zeros(1, 1, 8, 8)
    corner[..., 0, 7] = 1.0
    turned = zoomed(zoomed(corner, Stream(zoom=0.0, turn=45.0)), Stream(zoom=0.0, turn=45.0))
    assert int(turned[0, 0, 0].argmax()) < 3
    assert torch.equal(zoomed(corner, Stream(zoom=0.0)), corner)


def test_layer_and_strength_change(squeezenet: Classifier) -> None:
    dream = Dream(layer="features.4", octaves=1, iterations=1)
    changes = (Change(1, "features.7", 2.0), Change(2, "features.7", 0.0, (5,)))
    told = list(islice(frames(squeezenet, dream, Stream(zoom=0.0, changes=changes), photo()), 3))
    assert [f.moment.layer for f in told] == ["features.4", "features.7", "features.7"]
    assert [f.moment.strength for f in told] == [1.0, 2.0, 0.0]
    base = torch.from_numpy(told[1].pixels.copy()).permute(2, 0, 1)[None] / 255
    # a frame of no strength is the one before, its colours steadied
    still = (steadied(base)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    assert np.abs(told[2].pixels.astype(int) - still).max() <= 1


def test_a_class_in_between(squeezenet: Classifier) -> None:
    """Two frames of a class, and back to the layer: the same as without it up to there."""
    dream = Dream(layer="features.7", octaves=1, iterations=1)
    stream = Stream(changes=(Change(1, class_index=954), Change(3, "features.7")))
    told = list(islice(frames(squeezenet, dream, stream, photo(64, 64)), 4))
    assert [f.moment.class_index for f in told] == [None, 954, 954, None]
    plain = list(islice(frames(squeezenet, dream, Stream(), photo(64, 64)), 2))
    assert np.array_equal(plain[0].pixels, told[0].pixels)
    assert not np.array_equal(plain[1].pixels, told[1].pixels)
    with pytest.raises(UserError, match="out of range"):
        next(strides(squeezenet, dream, Stream(changes=(Change(1, class_index=1000),)), photo()))


def test_colours_are_drawn_back_and_held() -> None:
    random = torch.Generator().manual_seed(0)
    burnt = torch.rand((1, 3, 64, 64), generator=random).gt(0.5).float()
    burnt[:, 1] *= 0.1
    now = burnt
    for _ in range(60):
        now = steadied(now)
    assert torch.allclose(now.mean(dim=(0, 2, 3)), torch.tensor([0.48, 0.46, 0.41]), atol=0.02)
    spread = now.flatten(2).std(dim=2)[0]
    assert float(spread.max()) < 0.3
    assert float(spread.min()) > 0.2
    assert torch.allclose(steadied(now), now, atol=0.02), "what is right stays"
    grey = torch.full((1, 1, 8, 8), 0.5)
    assert torch.isfinite(steadied(grey)).all()


def test_a_hundred_frames_neither_wash_out_nor_burn(squeezenet: Classifier) -> None:
    """Without the steadying a quarter of the values were black or white after 100 frames."""
    dream = Dream(layer="features.7", octaves=1, iterations=2)
    *_, last = islice(frames(squeezenet, dream, Stream(), photo(64, 64)), 101)
    values = last.pixels / 255.0
    assert 0.3 < values.mean() < 0.65
    assert 0.15 < values.std() < 0.4
    assert ((values < 0.01) | (values > 0.99)).mean() < 0.2


@pytest.mark.parametrize(
    ("stream", "word"),
    [
        (Stream(zoom=0.9), "zooms by 0 to 0.5"),
        (Stream(turn=90.0), "degrees"),
        (Stream(changes=(Change(5, "relu"), Change(5, "relu"))), "in the order"),
        (Stream(changes=(Change(-1, "relu"),)), "from 0 on"),
        (Stream(changes=(Change(5, "relu"),), again=5), "after its last change"),
        (Stream(changes=(Change(1, "relu", float("nan")),)), "strength from 0"),
        (Stream(changes=(Change(1, "rely"),)), "no layer 'rely'"),
        (Stream(changes=(Change(1, "relu", 1.0, (9,)),)), "out of range"),
    ],
)
def test_what_cannot_be_is_one_line(stream: Stream, word: str) -> None:
    with pytest.raises(UserError, match=word):
        next(strides(local(), DREAM, stream, photo()))


def test_a_stream_goes_on_from_a_frame_only() -> None:
    with pytest.raises(UserError, match="its picture and number"):
        next(strides(local(), DREAM, Stream(), None, after=3))
