"""How far to trust an icon.

An icon is the answer of an optimiser, not of the network's life: it may fall short of real
pictures, please other neurons more, or show one of several things that the neuron looks for. Each
is measured here, on the picture as it is shown, and one plain sentence says which comes first.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from analysis.activations import checked_channel
from analysis.examples import extremes
from analysis.featurevis.objectives import field
from analysis.featurevis.optimize import usable_size
from analysis.layers import capture, find_layer
from analysis.tally import Examples
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Array = NDArray[np.float32]

FEW = 30  # pictures; below, the highest of them says little
FIRST = 5  # of the layer: a rank that counts as selective
REACHED = 99.0  # percentile of the pictures that a strong icon comes up to
# Least mean cosine between the seeds' pictures. Measured on two layers each of SqueezeNet and
# GoogLeNet (6 neurons each, 2 or 3 seeds, 48 steps): pictures of two neurons 0.61 at most, seeds of
# one neuron 0.61 to 0.99, but for one neuron at 0.48.
ALIKE = 0.6
UNEVEN = 0.5  # most sd of the seeds' activations, as a part of their mean

DEAD = "nothing excites it"
POOR = "few pictures to compare with"
SHORT = "real pictures excite it more than this icon"
OTHERS = "other units answer to this icon more than this one"
SEEDS = "seeds disagree: it may look for more than one thing"
STRONG = "strong and selective"


@dataclass(frozen=True)
class Trust:
    """The numbers, and the sentence that follows.

    ``activation``: of the first picture, the icon that is shown, at its strongest place;
    ``activations`` those of all seeds. ``maximum``: the highest of the user's ``pictures``, and
    ``percentile``: how many in a hundred of them lie below the icon. ``rank`` of the neuron among
    the ``units`` of its layer on its own icon, by ``z`` (standard deviations from the mean over the
    pictures), 1 is the first. ``spread``: sd of the seeds' activations over their mean;
    ``agreement``: mean cosine similarity, over pairs of seeds, of the layer's activations averaged
    over places; both None for a single seed. ``dead``: the same on all pictures, and no icon above
    that.
    """

    activation: float
    activations: tuple[float, ...]
    maximum: float
    percentile: float
    pictures: int
    rank: int
    units: int
    z: float
    spread: float | None
    agreement: float | None
    dead: bool = False

    @property
    def ratio(self) -> float | None:
        """Activation over the maximum; None where no picture excites the neuron."""
        return self.activation / self.maximum if self.maximum > 0 else None

    @property
    def sentence(self) -> str:
        """The first that holds, from the gravest: nothing excites it (no seed, no picture); few
        pictures; fewer than REACHED in a hundred lie below the icon; not among the FIRST of the
        layer; seeds less than ALIKE alike or more than UNEVEN apart; else strong and selective."""
        if self.dead:
            return DEAD
        if self.pictures < FEW:
            return POOR
        if self.percentile < REACHED:
            return SHORT
        if self.rank > FIRST:
            return OTHERS
        apart = self.spread is not None and self.spread > UNEVEN
        if apart or (self.agreement is not None and self.agreement < ALIKE):
            return SEEDS
        return STRONG


@dataclass(frozen=True, eq=False)
class Answers:
    """What a layer answers to some pictures: ``strongest`` place and ``mean`` over all, (S, C)
    each."""

    strongest: Array
    mean: Array


def answers(
    classifier: "Classifier",
    layer_name: str,
    pictures: NDArray[np.uint8],
    *,
    input_size: int | None = None,
) -> Answers:
    """Runs pictures (S, H, W, 3) as they are shown, unshifted and unturned.

    ``input_size``: what the pictures were made for (``Frame.input_size``), by default their own
    size: a picture scores at the scale it was made for. The next size that the network takes is
    used where it does not take this one.
    """
    layer = find_layer(classifier, layer_name)
    if layer.grid is None:
        raise UserError(f"layer {layer.name} has no grid of places; choose another")
    size = usable_size(classifier, layer.name, input_size or pictures.shape[1])
    x = torch.from_numpy(np.ascontiguousarray(pictures)).to(classifier.device)
    x = x.permute(0, 3, 1, 2).float() / 255
    if classifier.input_size[0] == 1:
        x = x.mean(1, keepdim=True)
    if x.shape[2:] != (size, size):
        x = functional.interpolate(x, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
    x = classifier.normalise(x).contiguous(memory_format=torch.channels_last)
    raw = capture(classifier.module, [layer.name], x)[0][layer.name]
    values = field(raw, layer)
    strongest, mean = extremes(raw, layer)[0], values.mean((2, 3))
    return Answers(strongest.float().cpu().numpy(), mean.float().cpu().numpy())


def trust(
    classifier: "Classifier",
    layer_name: str,
    unit: int,
    pictures: NDArray[np.uint8],
    examples: Examples,
    *,
    input_size: int | None = None,
) -> Trust:
    """Measures the icons ``pictures`` (S, H, W, 3) of one neuron, one a seed, the shown one first.

    ``examples``: what the layer answered to the user's pictures. ``input_size`` as in ``answers``.
    Raises UserError for a neuron or layer that is not there, or without any picture.
    """
    checked_channel(find_layer(classifier, layer_name), unit)
    if not len(pictures):
        raise UserError("hand in at least one icon of the neuron")
    if not examples.pictures:
        raise UserError("there is no picture to compare the icon with; open a folder")
    return weigh(answers(classifier, layer_name, pictures, input_size=input_size), unit, examples)


def weigh(found: Answers, unit: int, examples: Examples) -> Trust:
    """The numbers of one neuron from the layer's answers to its icons."""
    own = found.strongest[:, unit]
    z = examples.z(found.strongest[0])
    several = len(own) > 1
    maximum = examples.maximum(unit)
    nothing = 1e-6 * max(float(examples.sd.max()), abs(float(examples.mean[unit])))
    still = float(examples.sd[unit]) <= nothing and float(own.max()) <= maximum + nothing
    return Trust(
        activation=float(own[0]),
        activations=tuple(float(value) for value in own),
        maximum=maximum,
        percentile=examples.percentile(unit, float(own[0])),
        pictures=examples.pictures,
        rank=int((z > z[unit]).sum()) + 1,
        units=len(z),
        z=float(z[unit]),
        spread=float(own.std() / max(abs(own.mean()), 1e-12)) if several else None,
        agreement=_agreement(found.mean) if several else None,
        dead=still,
    )


def _agreement(mean: Array) -> float:
    """Mean cosine over the pairs of rows (S, C); a row of zeros is like no other."""
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    unit = mean / np.maximum(length, 1e-12)
    return float(np.mean([unit[i] @ unit[j] for i, j in combinations(range(len(unit)), 2)]))
