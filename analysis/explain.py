"""The whole explanation of one answer: which class rather than which, by which neurons, at which
places, in which groups, layer by layer, each with its check.

The command and the page ask the same functions, so the same question has the same numbers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from analysis import images
from analysis.attribution import Target
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture before a network: pixels (H, W, C), input (1, C, H, W), logits (classes,)."""

    pixels: NDArray[np.uint8]
    x: Tensor
    logits: NDArray[np.float64]


def look(classifier: "Classifier", picture: Path | Image.Image) -> Seen:
    """Decodes a file where one is named, and runs the network once. Raises UserError."""
    if isinstance(picture, Path):
        picture = images.decode(picture, min_side=classifier.resize)
    pixels = classifier.pixels(picture)
    x = classifier.tensor(pixels)
    with torch.no_grad():
        logits = classifier.module(x)[0].double().cpu().numpy()
    if not np.isfinite(logits).all():
        raise UserError(f"{classifier.name} gives numbers that are not finite for this picture")
    return Seen(pixels, x, logits)


def shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax (classes,)."""
    powers = np.exp(logits - logits.max())
    share: NDArray[np.float64] = powers / powers.sum()
    return share


def resolve_class(classifier: "Classifier", text: str | int) -> int:
    """A class by index, name or unique part of one."""
    return classifier.categories.find(text)


def resolve(
    classifier: "Classifier",
    logits: NDArray[np.float64],
    said: str | int | None = None,
    rather_than: str | int | None = None,
    *,
    true: int | None = None,
) -> Target:
    """The two classes compared; by default the answer, rather than the true class where that is
    known and another, else rather than the strongest other class. Raises UserError."""
    order = np.argsort(-logits, kind="stable")
    a = int(order[0]) if said is None else resolve_class(classifier, said)
    others = [int(i) for i in order if i != a]
    if rather_than is not None:
        b: int | None = resolve_class(classifier, rather_than)
    else:
        b = true if true is not None and true != a else next(iter(others), None)
    return Target(a, b).checked(len(logits))


def entry(classifier: "Classifier", logits: NDArray[np.float64], index: int) -> dict[str, Any]:
    """{class, index, logit, probability} of one class."""
    return {
        "class": classifier.categories.names[index],
        "index": int(index),
        "logit": float(logits[index]),
        "probability": float(shares(logits)[index]),
    }


def ranking(
    classifier: "Classifier", logits: NDArray[np.float64], top: int = 5
) -> list[dict[str, Any]]:
    """The first answers, the likeliest first."""
    order = np.argsort(-logits, kind="stable")[:top]
    return [entry(classifier, logits, int(i)) for i in order]


def sides(
    classifier: "Classifier", logits: NDArray[np.float64], target: Target
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Both classes of a target as entries; a network with one class has no other."""
    other = target.rather_than
    return (
        entry(classifier, logits, target.a),
        None if other is None else entry(classifier, logits, other),
    )
