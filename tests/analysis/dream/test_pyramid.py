"""Octaves, resizing, noise, and the priors."""

import numpy as np
import pytest
import torch

from analysis.dream import pyramid
from analysis.dream.engine import dreamt
from analysis.dream.prior import blurred
from analysis.dream.settings import Dream, class_picture
from cache.errors import UserError
from tests.analysis.featurevis.nets import places


def test_octaves_grow_by_the_scale() -> None:
    assert pyramid.sizes((140, 196), 3, 1.4) == [(71, 100), (100, 140), (140, 196)]


def test_octaves_too_small_to_see_in_are_left_out() -> None:
    assert pyramid.sizes((40, 100), 4, 2.0) == [(40, 100)]
    assert pyramid.sizes((8, 8), 4, 1.4) == [(8, 8)]


def test_the_long_side() -> None:
    assert pyramid.long_side((300, 400), 200) == (150, 200)
    assert pyramid.long_side((300, 400), 0) == (300, 400)
    assert pyramid.long_side((1, 4000), 100) == (1, 100)


def test_a_grey_network_sees_brightness() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    grey = pyramid.to_tensor(red, 1, torch.device("cpu"))
    assert grey.shape == (1, 1, 2, 2)
    assert torch.allclose(grey, torch.tensor(0.299))


def test_blur_keeps_what_is_flat_and_spreads_a_dot() -> None:
    flat = torch.full((1, 3, 9, 7), 0.25)
    blurred(flat, 2.0)
    assert torch.allclose(flat, torch.tensor(0.25))
    dot = torch.zeros(1, 1, 21, 21)
    dot[..., 10, 10] = 1.0
    blurred(dot, 1.0)
    assert float(dot.sum()) == pytest.approx(1, abs=1e-5)
    assert float(dot[0, 0, 10, 11] / dot[0, 0, 10, 10]) == pytest.approx(np.exp(-0.5), abs=1e-5)


def test_a_start_in_fourier_coefficients() -> None:
    net = places([2.0], [0.0])
    dream = Dream(
        layer="act", channels=(0,), start="noise", fourier=6, size=48, octaves=1, iterations=2
    )
    frames = [
        (f.octave, f.octaves, f.step, f.done, f.total, f.finished) for f in dreamt(net, dream)
    ]
    assert [f[:3] for f in frames] == [(1, 2, i) for i in range(1, 7)] + [(2, 2, 1), (2, 2, 2)]
    assert len({f[4] for f in frames}) == 1
    assert frames[-1][3] == frames[-1][4]
    assert [f[5] for f in frames] == [False] * 7 + [True]


def test_fourier_needs_noise() -> None:
    with pytest.raises(UserError, match="set start to noise"):
        next(dreamt(places([2.0], [0.0]), Dream(layer="act", fourier=3)))


def test_a_class_out_of_nothing() -> None:
    dream = class_picture(1, size=40)
    assert (dream.class_index, dream.start, dream.size) == (1, "noise", 40)
    assert dream.fourier > 0
