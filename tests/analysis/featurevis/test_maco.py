"""Phases alone: the spectrum is that of the photographs, whatever is optimised."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis.featurevis.icons import IconRequest, render
from analysis.featurevis.maco import PhasePictures, Spectrum, mean_spectrum
from analysis.featurevis.parameters import generator
from cache.errors import UserError
from tests.analysis.featurevis import nets


@pytest.fixture
def gray() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 140, (5, 20, 20), dtype=np.uint8)


def test_the_spectrum_of_one_cosine_is_its_height() -> None:
    wave = np.cos(2 * math.pi * np.arange(16) / 16)
    bright = 1 / (1 + np.exp(-(0.3 + 0.2 * wave)))
    picture = np.broadcast_to((bright * 255).round().astype(np.uint8), (1, 16, 16))
    found = mean_spectrum(picture, 16).magnitudes
    assert found.shape == (1, 16, 9)
    assert found[0, 0, 0] == pytest.approx(0.3 * 16, abs=0.05)  # orthonormal: times the side
    # fading (Hann) leaves half of the height and moves a quarter to either side, down as across
    whole = 0.2 * 16 / 2 / (3 / 8)  # 3/8: what is left of the energy, which is put back
    assert found[0, 0, 1] == pytest.approx(whole / 2 / 2, abs=0.04)
    assert found[0, 1, 1] == pytest.approx(whole / 2 / 4, abs=0.04)
    assert found[0, 0, 2] == pytest.approx(whole / 4 / 2, abs=0.04)
    assert found[0, 2:15].max() < 0.04
    assert found[0, :, 3:].max() < 0.04


def test_a_ramp_makes_no_cross() -> None:
    # from dark to bright and back at the border: without fading its spectrum is a line
    ramp = np.linspace(40, 215, 32).round().astype(np.uint8)
    found = mean_spectrum(np.broadcast_to(ramp, (1, 32, 32)), 32).magnitudes[0, 0]
    assert found[8:].max() < 0.01 * found[1]


def test_a_dark_mean_keeps_its_sign_and_magnitudes_are_means(gray: NDArray[np.uint8]) -> None:
    dark = mean_spectrum(gray, 20).magnitudes
    single = np.stack([mean_spectrum(g[None], 20).magnitudes for g in gray])
    assert dark[0, 0, 0] < 0
    assert np.allclose(dark, single.mean(axis=0), atol=1e-4)


@pytest.mark.parametrize("size", [20, 16])
def test_a_picture_keeps_the_spectrum_whatever_its_phases(
    gray: NDArray[np.uint8], size: int
) -> None:
    spectrum = mean_spectrum(gray, 20)
    pictures = PhasePictures(size, [generator(0), generator(1)], spectrum, channels=1)
    found = torch.fft.rfft2(pictures.logits().detach(), norm="ortho").abs()
    wanted = torch.from_numpy(np.abs(spectrum.magnitudes)) * (size / 20)
    inner = size // 2  # frequencies that are their own opposite have no free phase
    assert torch.allclose(
        found[:, :, 1:inner, 1:inner], wanted[:, 1:inner, 1:inner].expand(2, -1, -1, -1), atol=1e-4
    )
    assert torch.allclose(found[:, 0, 0, 0], wanted[0, 0, 0].expand(2), atol=1e-4)


def test_maco_makes_a_place_bright_without_more_contrast(gray: NDArray[np.uint8]) -> None:
    net = nets.places([1.0], [-0.25])
    plain = IconRequest(
        layer="act", objective="neuron", units=(0,), steps=48, size=16, input_size=16,
        parameterisation="maco", spectrum=mean_spectrum(gray, 16), transforms=(),
    )  # fmt: skip
    *_, frame = render(net, plain)
    row, column = np.unravel_index(frame.images[0, :, :, 0].argmax(), (16, 16))
    assert abs(row - 8) <= 1
    assert abs(column - 8) <= 1
    *_, again = render(net, plain)
    assert again.images.tobytes() == frame.images.tobytes()
    with pytest.raises(UserError, match="needs the spectrum of photographs"):
        next(render(net, replace(plain, spectrum=None)))


def test_a_spectrum_of_other_colours_is_refused() -> None:
    colour = Spectrum(np.ones((3, 16, 9), dtype=np.float32))
    with pytest.raises(UserError, match="1 colours, the spectrum 3"):
        PhasePictures(16, [generator(0)], colour, channels=1)
    with pytest.raises(UserError, match="as uint8"):
        mean_spectrum(np.zeros((0, 4, 4), dtype=np.uint8))
