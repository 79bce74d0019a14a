"""What a network answers to many pictures, and which of them are alike to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from analysis.layers import Layer, hooked, ladder, list_layers, to_positions
from analysis.passes import Array, Pass, Pixels, Readable, Step
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

__all__ = ["Answers", "Evaluation", "Step"]
RECIPE = 1
SIDE = 16  # pixels of the grey thumbnail that near duplicates are told by


@dataclass(frozen=True)
class AnswersRequest:
    """What the answers of a network are kept under: how a picture is cut, and the layer whose mean
    over all places tells which pictures are alike."""

    layer: str
    fit: str


@dataclass(frozen=True, eq=False)
class Answers:
    """What is known of the pictures that could be read, in their order.

    ``number``: of each in the list that was asked about; ``logits`` (N, classes); ``vectors``
    (N, C): the last layer with places, mean over them; ``thumbs`` (N, 256): 16 x 16 in grey;
    ``unread``: why the others could not be read, one line each.
    """

    number: NDArray[np.int64]
    logits: NDArray[np.float32]
    vectors: Array
    thumbs: NDArray[np.uint8]
    unread: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.number)


def alike_layer(classifier: "Classifier") -> Layer:
    """The layer that tells which pictures are alike: the last one of the ladder, or without any
    grid the last but the answer itself."""
    steps = ladder(classifier)
    flat = list_layers(classifier)
    if not steps and not flat:
        raise UserError(f"{classifier.name} has no layers that could be looked into")
    return steps[-1] if steps else flat[max(0, len(flat) - 2)]


class Evaluation(Pass):
    """The answers of a network to these pictures."""

    columns = ("logits", "vector", "thumb")

    def __init__(self, classifier: "Classifier", pictures: Sequence[Readable], root: Path) -> None:
        self.layer = alike_layer(classifier)
        request = AnswersRequest(self.layer.name, classifier.fit)
        super().__init__(classifier, pictures, root, request=request, recipe=RECIPE)

    def result(self) -> Answers:
        """What is known of all of them after a ``run``. UserError: of none."""
        number, rows = self.found()
        logits, vectors, thumbs = (rows[name] for name in self.columns)
        return Answers(number, logits, vectors, thumbs, self.unread)

    def measured(self, pixels: list[Pixels]) -> dict[str, Array]:
        """Logits, mean of the layer, and grey thumbnail of each picture."""
        x = torch.cat([self.classifier.tensor(one) for one in pixels])
        means: list[torch.Tensor] = []

        def look(raw: torch.Tensor) -> None:
            means.append(to_positions(raw, self.layer)[:, :, self.layer.extras :].mean(2))

        with torch.no_grad(), hooked(self.classifier.module, {self.layer.name: look}):
            logits = self.classifier.module(x).float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise UserError(f"{self.classifier.name} gives numbers that are not finite")
        vectors = means[0].float().cpu().numpy().astype(np.float32)
        thumbs = np.stack([grey_thumb(one) for one in pixels])
        return {"logits": logits, "vector": vectors, "thumb": thumbs}


def grey_thumb(pixels: Pixels) -> Array:
    """(256,): the picture (H, W, C) as the network sees it, 16 x 16 in grey."""
    image = Image.fromarray(pixels.squeeze()).convert("L")
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.uint8).reshape(-1)
