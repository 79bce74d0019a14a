"""The Fourier basis, its colours and its random start."""

import math

import pytest
import torch

from analysis.featurevis.parameters import (
    START_SD,
    FourierPictures,
    PixelPictures,
    colours,
    generator,
    resampled,
    stretched,
    to_uint8,
)


def test_one_coefficient_is_one_cosine() -> None:
    pictures = FourierPictures(8, [generator(0)], channels=1)
    coefficients = torch.zeros_like(pictures.coefficients)
    coefficients[0, 0, 0, 1, 0] = 1.0
    # weight 1/4 over the frequency 1/8 is 2; both halves of the spectrum: 2 * 2 / sqrt(64)
    wave = 0.5 * torch.cos(2 * math.pi * torch.arange(8) / 8)
    assert torch.allclose(pictures.logits(coefficients)[0, 0], wave.expand(8, 8), atol=1e-6)


def test_nothing_is_mid_grey() -> None:
    pictures = FourierPictures(6, [generator(0)])
    zero = torch.zeros_like(pictures.coefficients)
    assert torch.equal(pictures.pixels(zero), torch.full((1, 3, 6, 6), 0.5))


def test_the_first_colour_axis_is_nearly_brightness() -> None:
    largest = math.sqrt(0.26**2 + 0.27**2 + 0.27**2)
    wanted = torch.tensor([0.26, 0.27, 0.27]) / largest
    assert torch.allclose(colours(3)[:, 0], wanted)
    assert torch.equal(colours(1), torch.ones(1, 1))


def test_the_start_belongs_to_the_picture_and_not_to_the_batch() -> None:
    pair = FourierPictures(16, [generator(3, 7, 0), generator(3, 8, 0)]).coefficients
    alone = FourierPictures(16, [generator(3, 8, 0)]).coefficients
    assert torch.equal(pair[1], alone[0])
    assert not torch.equal(pair[0], pair[1])
    assert pair.std().item() == pytest.approx(START_SD, rel=0.1)
    other = FourierPictures(16, [generator(4, 8, 0)]).coefficients
    assert not torch.equal(other, alone)


def test_display_raises_faint_pictures_only() -> None:
    torch.manual_seed(0)
    faint, strong = torch.randn(1, 3, 8, 8) * 0.01, torch.randn(1, 3, 8, 8) * 1.5
    shown = torch.logit(stretched(torch.cat([faint, strong]), 1.0).double())
    centred = shown - shown.mean(dim=(2, 3), keepdim=True)
    assert centred[0].std().item() == pytest.approx(1.0, rel=1e-3)
    assert torch.allclose(shown[1], strong[0].double(), atol=1e-2)


def test_grey_pictures_come_out_as_three_equal_colours() -> None:
    images = to_uint8(torch.tensor([0.0, 0.5, 1.0, 2.0]).view(1, 1, 2, 2))
    assert images.shape == (1, 2, 2, 3)
    assert images[0, :, :, 0].tolist() == [[0, 128], [255, 255]]
    assert (images[..., 0] == images[..., 2]).all()


def test_pixels_start_around_grey_and_are_themselves() -> None:
    pictures = PixelPictures(16, [generator(0, 1), generator(0, 2)], decorrelated=False)
    assert pictures.coefficients.shape == (2, 3, 16, 16)
    assert pictures.coefficients.std().item() == pytest.approx(START_SD, rel=0.1)
    assert torch.equal(pictures.logits(), pictures.coefficients)
    mixed = PixelPictures(16, [generator(0, 1), generator(0, 2)]).logits()
    assert torch.allclose(
        mixed, torch.einsum("oc,bchw->bohw", colours(3), pictures.coefficients), atol=1e-6
    )


@pytest.mark.parametrize(("own", "size"), [(8, 12), (9, 6), (8, 8), (6, 5)])
def test_a_spectrum_at_another_size_is_the_same_picture(own: int, size: int) -> None:
    def wave(points: int) -> torch.Tensor:
        at = 2 * math.pi * torch.arange(points) / points
        return 0.5 + torch.cos(2 * at)[:, None] * torch.sin(at)[None, :]

    spectrum = torch.fft.rfft2(wave(own), norm="ortho")
    again = torch.fft.irfft2(resampled(spectrum, size), s=(size, size), norm="ortho")
    assert torch.allclose(again, wave(size), atol=1e-5)
