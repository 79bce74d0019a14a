"""Random views: the composed map against what its parts do one by one."""

import math

import pytest
import torch
from torch import Tensor

from analysis.featurevis.parameters import generator
from analysis.featurevis.transforms import LUCID, LUCID_NAMES, affine, draw, plain, view, views
from cache.errors import UserError


def mapped(x: float = 0.0, y: float = 0.0, scale: float = 1.0, degrees: float = 0.0) -> Tensor:
    return affine(
        torch.tensor([[x, y]]),
        torch.tensor([scale]),
        torch.tensor([math.radians(degrees)]),
        torch.zeros(1, 2),
    )


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_no_change_is_no_change(picture: Tensor) -> None:
    assert torch.allclose(view(picture, mapped(), 8), picture, atol=1e-6)


def test_a_shift_of_two_pixels_leaves_grey_behind(picture: Tensor) -> None:
    seen = view(picture, mapped(x=2 / 4), 8)
    assert torch.allclose(seen[..., 2:], picture[..., :-2], atol=1e-6)
    assert torch.allclose(seen[..., :2], torch.full((1, 3, 8, 2), 0.5))


def test_a_quarter_turn(picture: Tensor) -> None:
    turned = view(picture, mapped(degrees=90), 8)
    ways = [torch.rot90(picture, k, (2, 3)) for k in (1, 3)]
    assert any(torch.allclose(turned, way, atol=1e-5) for way in ways)


def test_twice_as_large_shows_the_middle_half() -> None:
    picture = torch.zeros(1, 1, 8, 8)
    picture[..., 2:6, 2:6] = 1.0
    seen = view(picture, mapped(scale=2.0), 8)
    assert torch.allclose(seen[..., 1:7, 1:7], torch.ones(1, 1, 6, 6))
    half = view(picture, mapped(scale=0.5), 8)
    assert torch.allclose(half[..., 0, :], torch.full((1, 1, 8), 0.5))


def test_the_order_is_shift_enlarge_turn_shift(picture: Tensor) -> None:
    first, last = torch.tensor([[0.2, -0.1]]), torch.tensor([[0.05, 0.1]])
    scale, angle = torch.tensor([1.1]), torch.tensor([0.15])
    (composed,) = affine(first, scale, angle, last)
    c, s = math.cos(0.15), math.sin(0.15)
    turn = torch.tensor([[c, -s], [s, c]])  # screen coordinates, forwards
    point = torch.tensor([0.3, 0.4])
    forwards = turn @ ((point + first[0]) * 1.1) + last[0]
    back = composed[:, :2] @ forwards + composed[:, 2]
    assert torch.allclose(back, point, atol=1e-6)


def test_views_differ_no_further_than_said() -> None:
    maps = draw(LUCID, [generator(0, i) for i in range(4)], 200)
    assert maps.shape == (200, 4, 2, 3)
    scale = 1 / torch.linalg.det(maps[..., :2]).sqrt()
    assert 0.9 - 1e-4 <= scale.min() < 0.92
    assert 1.08 < scale.max() <= 1.1 + 1e-4
    angle = torch.rad2deg(torch.atan2(maps[..., 0, 1], maps[..., 0, 0]))
    assert angle.abs().max() <= 10 + 1e-3
    assert 0.15 < (angle.abs() < 0.01).float().mean() < 0.32  # 6 of 26
    assert maps[..., 2].abs().max() <= (4 + 2 / 0.9) * 1.2 / 64


def test_views_belong_to_the_picture_and_not_to_the_batch() -> None:
    pair = draw(LUCID, [generator(1, 5), generator(1, 6)], 10)
    assert torch.equal(pair[:, 1], draw(LUCID, [generator(1, 6)], 10)[:, 0])


def test_the_plain_view_only_resizes(picture: Tensor) -> None:
    assert plain(picture, 8) is picture
    assert plain(picture, 16).shape == (1, 3, 16, 16)


def test_one_switched_off_leaves_the_others_as_they_were() -> None:
    whole, own = draw(LUCID, [generator(0)], 20), lambda: [generator(0)]
    still = draw(views(("pad", "scale", "rotate")), own(), 20)
    assert torch.equal(still[..., :2], whole[..., :2])
    assert (still[..., 2] == 0).all()
    unturned = draw(views(("jitter", "scale")), own(), 20)
    scale = torch.linalg.det(whole[..., :2])
    assert torch.allclose(torch.linalg.det(unturned[..., :2]), scale, atol=1e-5)
    assert (unturned[..., 0, 1] == 0).all()
    assert torch.equal(draw(views(LUCID_NAMES), own(), 20), whole)
    assert torch.equal(draw(views(()), own(), 3), mapped().expand(3, 1, 2, 3))


def test_crops_lie_inside_the_picture() -> None:
    maps = draw(views(("crop",)), [generator(0)], 200)
    side, middle = maps[..., 0, 0], maps[..., 2]
    assert 0.4 <= side.min() < 0.5 < 0.9 < side.max() <= 1.0
    assert (middle.abs() <= 1 - side[..., None] + 1e-6).all()
    assert middle.abs().max() > 0.3


def test_without_padding_the_edge_goes_on(picture: Tensor) -> None:
    seen = view(picture, mapped(x=2 / 4), 8, pad=False)
    assert torch.allclose(seen[..., :2], picture[..., :1].expand(1, 3, 8, 2), atol=1e-6)


def test_an_unknown_transform_is_refused() -> None:
    with pytest.raises(UserError, match="'blur' is no transform: there are pad"):
        views(("pad", "blur"))
