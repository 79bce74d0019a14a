"""Towards another picture's features."""

import numpy as np
import pytest
import torch

from analysis.dream.aims import aim_of
from analysis.dream.engine import dreamt
from analysis.dream.guide import agreement, guide_features, guided, matched
from analysis.dream.settings import Dream
from analysis.models import Classifier
from cache.errors import UserError
from tests.analysis.featurevis.nets import places

KEYS = ("a" * 64, "b" * 64)


def flat(level: int, size: int = 16) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((size, size, 3), level, np.uint8)


def test_each_place_gets_the_feature_of_the_largest_dot_product() -> None:
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    values = torch.tensor([[[3.0, 0.0, 1.0], [1.0, 2.0, -4.0]]])  # (1, C 2, P 3)
    assert matched(values, features)[0].T.tolist() == [[1, 0], [0, 1], [1, 0]]


def test_its_gradient_is_that_feature() -> None:
    """Features (2 v, v) of v = 0 and 1: only the bright guide's, (2, 1), is positive."""
    net = places([2.0, 1.0], [0.0, 0.0])
    objective = guided(net, "act", [flat(0), flat(255)])
    here = torch.rand(1, 2, 3, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(objective.score({"act": here}).sum(), here)
    assert torch.allclose(grad, torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand_as(grad))


def test_several_guides_lie_side_by_side() -> None:
    net = places([2.0, 1.0], [0.0, 0.0])
    features = guide_features(net, "act", [flat(0), flat(255)])
    assert features.shape == (512, 2)
    assert features[0].tolist() == [0, 0]
    assert features[-1].tolist() == [2, 1]


def test_agreement_is_the_mean_cosine_with_the_best_match() -> None:
    """A grey guide's features are all along (2, 1), and so are a bright picture's; a black one
    fires nowhere, which counts as 0; half and half lies between."""
    net = places([2.0, 1.0], [0.0, 0.0])
    half = flat(255)
    half[:8] = 0
    for pixels, expected in ((flat(255), 1.0), (flat(0), 0.0), (half, 0.5)):
        assert agreement(net, "act", [flat(128)], pixels) == pytest.approx(expected, abs=1e-5)


def test_every_guide_that_is_named_must_be_there() -> None:
    net = places([2.0], [0.0])
    with pytest.raises(UserError, match="has 2 guides, not 1"):
        aim_of(net, Dream(layer="act", guides=KEYS), [flat(0)])


def test_a_dream_comes_closer_to_its_guide(squeezenet: Classifier) -> None:
    from sklearn.datasets import load_sample_image

    flower, china = (np.array(load_sample_image(n)) for n in ("flower.jpg", "china.jpg"))
    picture = china[100:228, 100:260]
    dream = Dream(layer="features.9", guides=KEYS[:1], octaves=2, iterations=5)
    *_, last = dreamt(squeezenet, dream, picture, guides=[flower])
    objective = aim_of(squeezenet, dream, [flower]).objective

    def score(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        from analysis.layers import run_to

        with torch.no_grad():
            out = run_to(squeezenet.module, "features.9", squeezenet.tensor(pixels))
            return float(objective.score({"features.9": out})[0])

    assert score(last.pixels()) > 1.4 * score(picture)
    before = agreement(squeezenet, dream.layer, [flower], picture)
    assert agreement(squeezenet, dream.layer, [flower], last.pixels()) > before + 0.02
