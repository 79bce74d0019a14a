"""The activation grid on a toy where every place's best picture is known."""

import numpy as np
import pytest
import torch

from analysis.featurevis.grid import GridRequest, mixing, render_grid
from cache.errors import UserError
from tests.analysis.featurevis import nets

REQUEST = GridRequest(layer="act", visits=40, size=16, cells=4)


def test_every_place_is_drawn_as_its_own_direction() -> None:
    net = nets.places([1.0, -1.0], [0.0, 1.0])
    activation = torch.zeros(2, 2, 3)
    activation[0, :, 0], activation[1, :, 2] = 5.0, 0.1  # bright left, dark right, silent between
    frames = list(render_grid(net, activation, REQUEST))
    images = frames[-1].images
    assert images.shape == (2, 3, 16, 16, 3)
    means = images.mean(axis=(2, 3, 4))
    assert (means[:, 0] > 160).all()
    assert (means[:, 2] < 95).all()
    assert (images[:, 1] == 128).all()
    assert [f.done for f in frames] == [False] * (len(frames) - 1) + [True]
    assert frames[-1].step == frames[-1].steps == 40 * 6 // 4


def test_same_activation_same_pictures_and_it_can_be_closed() -> None:
    net = nets.places([1.0, -1.0], [0.0, 1.0])
    activation = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0))
    first, again = (next(render_grid(net, activation, REQUEST)).images for _ in range(2))
    assert np.array_equal(first, again)
    frames = render_grid(net, activation, REQUEST)
    next(frames)
    frames.close()
    assert not any(m._forward_hooks for m in net.module.modules())


def test_places_between_anchors_share_both() -> None:
    shares = mixing(1, 4)  # anchors at places 0, 2 and 4
    assert shares.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]]
    for h, w in ((1, 1), (2, 5), (13, 13)):
        assert torch.allclose(mixing(h, w).sum(dim=1), torch.ones(h * w))


def test_an_activation_of_another_layer_is_refused() -> None:
    with pytest.raises(UserError, match=r"has the shape \(2, h, w\), not \(3, 2, 2\)"):
        next(render_grid(nets.places([1.0, 1.0], [0.0, 0.0]), torch.zeros(3, 2, 2), REQUEST))
