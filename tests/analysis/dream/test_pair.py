"""The same dream in two networks, and sheets."""

import numpy as np
import pytest

from analysis.dream.pair import depth, matched, sheet, translated
from analysis.dream.settings import Dream
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.analysis.dream.nets import local


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1", device="cpu")


def test_layers_of_one_name_stand_for_each_other(squeezenet: Classifier) -> None:
    assert matched(squeezenet, "features.7", squeezenet) == "features.7"
    assert matched(local(), "relu", local(32)) == "relu"


def test_other_layers_are_matched_by_their_depth(squeezenet: Classifier, shared: object) -> None:
    net = load(f"{shared}/models/bvlc_googlenet.py:load", device="cpu")
    found = [matched(net, f"inception{b}", squeezenet) for b in ("3a", "4a", "4c", "5b")]
    assert found[0] in ("features.3", "features.4")
    assert found[-1] == "features.12"
    assert [int(name.split(".")[1]) for name in found] == sorted(
        int(name.split(".")[1]) for name in found
    )
    assert depth(net, "conv1.conv") == 0.0
    assert translated(net, Dream(layer="inception5b"), squeezenet).layer == "features.12"


def test_a_class_is_found_by_its_name(squeezenet: Classifier) -> None:
    dream = Dream(class_index=954)
    assert translated(squeezenet, dream, squeezenet) == dream
    with pytest.raises(UserError, match="no class 'banana'"):
        translated(squeezenet, dream, local())


def test_channels_mean_nothing_in_another_network(squeezenet: Classifier) -> None:
    with pytest.raises(UserError, match="channels of toy are not those of squeezenet1_1"):
        translated(local(), Dream(layer="relu", channels=(1,)), squeezenet)


def test_a_sheet_by_hand() -> None:
    """Two pictures of 4 x 6 and one of 2 x 3, enlarged to the same: rows of two, 8 white pixels
    between and around."""
    pictures = [np.full((4, 6, 3), 10, np.uint8), np.full((4, 6, 3), 20, np.uint8)]
    whole = sheet([*pictures, np.full((2, 3, 3), 30, np.uint8)], columns=2)
    assert whole.shape == (8 + 12 + 12, 8 + 14 + 14, 3)
    assert (whole[8:12, 8:14] == 10).all()
    assert (whole[8:12, 22:28] == 20).all()
    assert (whole[20:24, 8:14] == 30).all()
    assert (whole[20:24, 22:28] == 255).all()
    assert (whole[:8] == 255).all()
    assert sheet(pictures).shape == (20, 36, 3)
    with pytest.raises(UserError, match="at least one"):
        sheet([])
