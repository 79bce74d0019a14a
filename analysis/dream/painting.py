"""A start with a natural-image prior: drawn in Fourier coefficients and decorrelated colours.

Steps on pixels make a class's picture out of coloured noise, however they are blurred; the same
class drawn as feature visualization draws (Olah et al. 2017) has its shapes and its colours. Dreamt
on in octaves it grows larger and gains detail.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.dream.aims import Aim
from analysis.dream.settings import Dream
from analysis.featurevis import transforms
from analysis.featurevis.optimize import Observer, ascend
from analysis.featurevis.parameters import FourierPictures, generator, stretched
from analysis.featurevis.plan import planned

if TYPE_CHECKING:
    from analysis.models import Classifier

SMALL = 128  # the size at which the large shapes are made
SPREAD = 1.0  # the least spread of colours, before the sigmoid


def painted(classifier: "Classifier", aim: Aim, dream: Dream) -> Iterator[tuple[int, Tensor]]:
    """After each of ``dream.fourier`` steps: their number and the picture (1, C, S, S) in 0..1, at
    the network's own size S."""
    own = min(classifier.input_size[1:])
    observer = Observer(classifier, aim.objective, own, before_relu=aim.before_relu)
    size, device = observer.size, classifier.device
    random = [generator(dream.seed, "painted")]
    pictures = FourierPictures(size, random, channels=classifier.input_size[0], device=device)
    maps = transforms.draw(transforms.LUCID, random, dream.fourier)
    first = SMALL if size > SMALL else None
    plan = planned(maps, size, schedule="settling", first=first)
    for progress in ascend(observer, pictures, plan):
        with torch.no_grad():
            shown = stretched(pictures.logits(), SPREAD)
        yield progress.step, shown
