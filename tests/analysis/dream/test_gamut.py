"""A step that slows down before colours burn."""

import numpy as np
import pytest
import torch

from analysis.dream.engine import dreamt
from analysis.dream.gamut import FURTHEST, KNEE, VIVID, move
from analysis.dream.settings import Dream
from analysis.models import Classifier


def moved(colour: list[float], way: list[float], factor: float = 1.0) -> list[float]:
    picture = torch.tensor(colour).view(1, -1, 1, 1).clone()
    move(picture, torch.tensor(way).view(1, -1, 1, 1), factor)
    return [round(float(v), 4) for v in picture.flatten()]


def test_between_the_bounds_a_step_is_the_published_one() -> None:
    assert moved([0.5, 0.4, 0.6], [2.0, -1.0, 0.5], 0.01) == [0.52, 0.39, 0.605]


def test_near_white_and_black_it_slows_down_towards_them_only() -> None:
    assert moved([1 - KNEE / 2], [0.02]) == [round(1 - KNEE / 2 + 0.01, 4)]
    assert moved([KNEE / 4], [-0.02]) == [round(KNEE / 4 - 0.005, 4)]
    assert moved([1.0], [-0.02]) == [0.98]


def test_no_pixel_goes_further_than_the_furthest() -> None:
    assert moved([0.5], [9.0]) == [0.5 + FURTHEST]


def test_strong_colours_get_no_stronger_but_may_pale_and_darken() -> None:
    assert VIVID == 0.6
    red = [0.8, 0.2, 0.2]
    assert moved(red, [0.04, -0.02, -0.02]) == red
    assert moved(red, [-0.04, 0.02, 0.02]) == [0.76, 0.22, 0.22]
    assert moved(red, [-0.03, -0.03, -0.03]) == [0.77, 0.17, 0.17]


def test_bands_of_rows_may_be_moved_by_themselves() -> None:
    random = torch.Generator().manual_seed(0)
    whole = torch.rand((1, 3, 150, 20), generator=random)
    way = torch.randn((1, 3, 150, 20), generator=random)
    bands = whole.clone()
    move(whole, way, 0.05)
    move(bands[:, :, :70], way[:, :, :70], 0.05)
    move(bands[:, :, 70:], way[:, :, 70:], 0.05)
    assert torch.equal(whole, bands)


@pytest.mark.parametrize("step", [1.5, 3.0])
def test_an_early_layer_burns_nothing_out(squeezenet: Classifier, step: float) -> None:
    from sklearn.datasets import load_sample_image

    photo = np.array(load_sample_image("china.jpg"))
    *_, frame = dreamt(squeezenet, Dream(layer="features.3", step=step, size=160), photo)
    shown = frame.pixels()
    vivid = shown.max(axis=2).astype(int) - shown.min(axis=2)
    assert np.mean((shown == 0) | (shown == 255)) < 0.05  # cut off, it was 15 %
    assert np.mean(vivid > 180) < 0.02  # 10 %
