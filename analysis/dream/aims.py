"""What a dream is to make stronger, as an objective that parts of a picture add up to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.dream.guide import guided
from analysis.dream.settings import Dream
from analysis.featurevis import objectives
from analysis.featurevis.objectives import Fields, Objective
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RIVALS = 0.5  # at 1 what tells the class from the next one is all that is left of the picture


@dataclass(frozen=True)
class Aim:
    """``objective`` is to become large. ``additive``: over all places of the picture it is a sum,
    so that tiles simply add up; else each tile's gradient counts by the tile's share of the
    picture. ``before_relu``: it is measured before the layer's own ReLU."""

    objective: Objective
    additive: bool = True
    before_relu: bool = False


def aim_of(classifier: "Classifier", dream: Dream, guides: Sequence[NDArray[np.uint8]] = ()) -> Aim:
    """The aim of a checked dream; ``guides``: the pictures (H, W, 3) that its guides name."""
    if len(guides) != len(dream.guides):
        raise UserError(f"this dream has {len(dream.guides)} guides, not {len(guides)}: open them")
    plain = _plain(classifier, dream, guides)
    if not dream.negative:
        return plain
    single = bool(dream.channels or dream.direction)
    return replace(plain, objective=-plain.objective, before_relu=single)


def _plain(classifier: "Classifier", dream: Dream, guides: Sequence[NDArray[np.uint8]]) -> Aim:
    layer = dream.layer
    if dream.class_index is not None:
        return Aim(set_apart(dream.class_index), additive=False)
    if dream.guides:
        return Aim(guided(classifier, layer, guides))
    if dream.direction:
        vector = torch.tensor([dream.direction], device=classifier.device)
        return Aim(summed(objectives.direction(layer, vector, everywhere=True)))
    if dream.channels:
        ones = [1.0] * len(dream.channels)
        return Aim(summed(objectives.weighted(layer, dream.channels, ones)))
    return Aim(summed(objectives.deepdream(layer)))


def set_apart(index: int) -> Objective:
    """The logit of a class less ``RIVALS`` times the soft maximum of all others, before the
    softmax.

    The logit alone (Simonyan et al. 2013) also grows by what many classes share: SqueezeNet's
    "banana" became a thing of eyes that it calls a puffer.
    """
    alone = objectives.class_logit([index])
    (logits,) = alone.layers

    def score(f: Fields) -> Tensor:
        values = f[logits][:, :, 0, 0]
        others = torch.cat([values[:, :index], values[:, index + 1 :]], dim=1)
        own = values[:, index]
        return own - RIVALS * others.logsumexp(dim=1) if others.numel() else own

    return replace(alone, score=score)


def summed(mean: Objective) -> Objective:
    """The sum over places of an objective of one layer that is a mean over them."""
    (layer,) = mean.layers

    def score(f: Fields) -> Tensor:
        places = f[layer].shape[2] * f[layer].shape[3]
        return mean.score(f) * places

    return replace(mean, score=score)
