"""The plan of an ascent: what is fed when, how far steps go, and views that come to rest."""

import pytest
import torch

from analysis.featurevis.parameters import FourierPictures, PixelPictures, generator
from analysis.featurevis.plan import LARGEST, planned
from analysis.featurevis.transforms import LUCID, draw


def test_a_steady_plan_is_every_step_alike() -> None:
    maps = draw(LUCID, [generator(0)], 9)
    plan = planned(maps, 224, schedule="steady")
    assert plan.sizes == (224,) * 9
    assert plan.factors == (1.0,) * 9
    assert plan.maps is maps


def test_the_first_third_and_every_sixth_is_small() -> None:
    plan = planned(draw(LUCID, [generator(0)], 18), 224, schedule="steady", first=128)
    small = [i for i, size in enumerate(plan.sizes) if size == 128]
    assert small == [0, 1, 2, 3, 4, 5, 6, 12]


def test_a_settling_plan_grows_shrinks_and_rests() -> None:
    maps = draw(LUCID, [generator(0), generator(1)], 64)
    plan = planned(maps, 32, schedule="settling")
    assert max(plan.factors) == plan.factors[20] == LARGEST
    assert plan.factors[0] == pytest.approx(LARGEST * (0.5 / 64) * 8)
    assert plan.factors[-1] == pytest.approx(LARGEST * (1 - 0.95 * 63 / 64), abs=0.04)
    assert torch.equal(plan.maps[0], maps[0])
    assert torch.allclose(plan.maps[-1], torch.eye(2, 3).expand(2, 2, 3))
    middle = 1 - 32 / 63
    assert torch.allclose(plan.maps[32, :, :, 2], maps[32, :, :, 2] * middle, atol=1e-6)


def test_a_growing_plan_feeds_64_then_96_and_moves_only_what_such_pictures_have() -> None:
    maps = draw(LUCID, [generator(0)], 12)
    plan = planned(maps, 224, schedule="growing", first=128)
    assert plan.small == (64, 64, 96, 96, *[None] * 8)
    assert plan.sizes == (64, 64, 96, 96, 224, 224, 128, 224, 224, 224, 224, 224)
    assert plan.factors == planned(maps, 224, schedule="settling").factors
    assert {small for *_, small in planned(maps, 224, schedule="settling").steps()} == {None}


def test_a_coarse_gradient_lacks_what_a_smaller_picture_lacks() -> None:
    pictures = FourierPictures(16, [generator(0)], channels=1)
    coarse = pictures.coarse(torch.ones_like(pictures.coefficients), 8)
    kept = coarse[0, 0, :, :, 0].nonzero().tolist()
    assert all(place in kept for place in ([0, 0], [0, 3], [13, 0]))
    assert not any(place in kept for place in ([0, 4], [12, 0], [3, 3]))
    plain = PixelPictures(16, [generator(0)], channels=1)
    assert plain.coarse(torch.ones(1, 1, 16, 16), 8).sum() == 256
