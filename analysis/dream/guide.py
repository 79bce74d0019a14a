"""Towards another picture's features.

Source: google/deepdream, ``dream.ipynb``, "Controlling dreams". At every place of the layer, that
vector of the guide's is sought that has the largest dot product with what is there; the gradient
is that vector.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import cosine_similarity

from analysis.featurevis.objectives import Fields, Objective, field
from analysis.layers import find_layer, run_to

if TYPE_CHECKING:
    from analysis.models import Classifier

AT_ONCE = 1 << 24  # dot products held at a time, 64 MiB
MOST = 16384  # vectors of all guides together; of more, evenly many of each are taken


def guided(classifier: "Classifier", layer: str, guides: Sequence[NDArray[np.uint8]]) -> Objective:
    """The sum over places of the activation's dot product with the guides' feature that matches it
    best. ``guides``: pictures uint8 (H, W, 3), each seen as the network sees a picture."""
    features = guide_features(classifier, layer, guides)

    def score(f: Fields) -> Tensor:
        values = f[layer].flatten(2)
        return (values * matched(values, features.to(values))).sum(dim=(1, 2))

    return Objective(f"guided {layer}", (layer,), score)


@torch.no_grad()
def guide_features(
    classifier: "Classifier", layer_name: str, guides: Sequence[NDArray[np.uint8]]
) -> Tensor:
    """(N, C): the layer's output at the places of all guides."""
    layer, found = find_layer(classifier, layer_name), []
    for guide in guides:
        x = classifier.tensor(classifier.pixels(Image.fromarray(guide)))
        own = field(run_to(classifier.module, layer.name, x), layer)[0].flatten(1).T
        every = -(-len(own) * len(guides) // MOST)
        found.append(own[::every].clone())
    return torch.cat(found)


@torch.no_grad()
def agreement(
    classifier: "Classifier",
    layer_name: str,
    guides: Sequence[NDArray[np.uint8]],
    pixels: NDArray[np.uint8],
) -> float:
    """How much a picture (H, W, 3) looks, to the layer, like its guides: over all places, the mean
    cosine with the feature that ``guided`` draws that place to. -1..1; places where nothing fires
    count as 0."""
    features = guide_features(classifier, layer_name, guides)
    values = guide_features(classifier, layer_name, [pixels]).T.unsqueeze(0)
    cosines = cosine_similarity(values, matched(values, features), dim=1)
    return float(cosines.mean())


@torch.no_grad()
def matched(values: Tensor, features: Tensor) -> Tensor:
    """(B, C, P): of the features (N, C) the one with the largest dot product with each place of
    ``values`` (B, C, P)."""
    rows = max(1, AT_ONCE // len(features))
    places = values.detach().transpose(1, 2).reshape(-1, values.shape[1])
    best = [(part @ features.T).argmax(dim=1) for part in torch.split(places, rows)]
    chosen = features[torch.cat(best)]
    return chosen.view(len(values), -1, values.shape[1]).transpose(1, 2)
