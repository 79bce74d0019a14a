"""The maps that ship: both layers, within their size, and as good as they must be."""

import numpy as np
import pytest

from analysis.atlas.ship import LAYERS, SIDES, smaller
from analysis.models import load
from analysis.starter import LIMIT, MODEL
from cache.maps import read_maps, shipped_maps
from cache.starter import shipped


def test_both_maps_are_there_and_fit_beside_the_pack() -> None:
    found = read_maps(shipped_maps())
    assert tuple(sorted(found)) == tuple(sorted(LAYERS))
    for one in found.values():
        assert sorted(one.grids) == sorted(SIDES)
        assert one.about["fingerprint"] == load(MODEL, device="cpu").fingerprint
    size = sum(p.stat().st_size for where in (shipped_maps(), shipped()) for p in where.iterdir())
    assert size <= LIMIT


@pytest.mark.parametrize("layer", LAYERS)
def test_a_map_that_ships_is_worth_it(layer: str) -> None:
    """Trust above .85 and .15 above what PCA reaches; icons that are like their cells and land
    there."""
    found = read_maps(shipped_maps())[layer]
    quality = found.about["quality"]
    assert quality["trust"] > 0.85
    assert quality["trust"] - quality["pca"] > 0.15
    for side, grid in found.grids.items():
        assert np.median(grid["cosine"]) > 0.6
        assert grid["at_home"].mean() > 0.7
        assert len(grid["col"]) > 0.5 * side**2
        assert found.images(side).shape[0] == len(grid["col"])
        assert found.images(side).std(axis=(1, 2, 3)).min() > 5, "no icon is blank"


def test_icons_are_made_smaller_evenly() -> None:
    images = np.zeros((3, 80, 80, 3), np.uint8)
    images[1] = 200
    found = smaller(images, 56)
    assert found.shape == (3, 56, 56, 3)
    assert (found[1] == 200).all()
    assert not found[[0, 2]].any()
