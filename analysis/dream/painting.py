"""A start with a natural-image prior: drawn in Fourier coefficients and decorrelated colours.

Steps on pixels make a class's picture out of coloured noise, however they are blurred; the same
class drawn as feature visualization draws (Olah et al. 2017) has its shapes and its colours. Dreamt
on in octaves it grows larger and gains detail.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from analysis.dream.aims import Aim
from analysis.dream.settings import Dream
from analysis.featurevis import transforms
from analysis.featurevis.optimize import Observer, ascend
from analysis.featurevis.parameters import FourierPictures, frequencies, generator, stretched
from analysis.featurevis.plan import planned

if TYPE_CHECKING:
    from analysis.models import Classifier

SMALL = 128  # the size at which the large shapes are made
SPREAD = 1.0  # the least spread of colours, before the sigmoid
STEEPER, ALIKE = 0.3, 4  # by how much more than 1/f the weights fall, and from how many waves on
# after each step: without it a logit that knows no bounds takes everything to bright blue and white
KEPT = 0.96


class _Smooth(FourierPictures):
    """Coefficients whose weights fall with frequency to the power of 1.3: with feature
    visualization's 1 a class is speckled all over, with 1.5 its outlines are lost."""

    def __init__(self, size: int, generators: list[torch.Generator], **kinds: Any) -> None:
        super().__init__(size, generators, **kinds)
        waves = frequencies(size).mul_(size).clamp_min(1)
        self._weights = self._weights * (waves / ALIKE).pow(-STEEPER).to(self._weights)


def painted(classifier: "Classifier", aim: Aim, dream: Dream) -> Iterator[tuple[int, Tensor]]:
    """After each of ``dream.fourier`` steps: their number and the picture (1, C, S, S) in 0..1, at
    the network's own size S."""
    own = min(classifier.input_size[1:])
    observer = Observer(classifier, aim.objective, own, before_relu=aim.before_relu)
    size, device = observer.size, classifier.device
    random = [generator(dream.seed, "painted")]
    pictures = _Smooth(size, random, channels=classifier.input_size[0], device=device)
    maps = transforms.draw(transforms.LUCID, random, dream.fourier)
    first = SMALL if size > SMALL else None
    plan = planned(maps, size, schedule="settling", first=first)
    for progress in ascend(observer, pictures, plan):
        with torch.no_grad():
            pictures.coefficients.mul_(KEPT)
            shown = stretched(pictures.logits(), SPREAD)
        yield progress.step, shown
