"""Which answers a little change of the picture turns: the way in where nothing is labelled.

Each picture is blurred, turned, dimmed, noised and cropped, a little, made on the fly; the answer
to the untouched picture is the norm. What a person would still call by the same name should be
called so by the network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from analysis.passes import Array, Pass, Pixels, Readable

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 1
BLUR, TURN, DIM, NOISE, CROP = 0.005, 12.0, 0.5, 10.0, 0.8
"""Radius in parts of the side; degrees; brightness; standard deviation of 255; part of the side."""


@dataclass(frozen=True)
class ChangesRequest:
    """What the answers to changed pictures are kept under."""

    fit: str
    blur: float = BLUR
    turn: float = TURN
    dim: float = DIM
    noise: float = NOISE
    crop: float = CROP


def blurred(image: Image.Image) -> Image.Image:
    """As if a little out of focus."""
    return image.filter(ImageFilter.GaussianBlur(BLUR * max(image.size)))


def turned(image: Image.Image) -> Image.Image:
    """Turned by some degrees, and enlarged so that no corner is empty."""
    (w, h), cos, sin = image.size, np.cos(np.deg2rad(TURN)), np.sin(np.deg2rad(TURN))
    fits = max(cos + sin * h / w, cos + sin * w / h)
    wide = float(fits) + 4 / min(w, h)  # what lies at the edge is mixed with what is beyond
    larger = image.resize((round(w * wide), round(h * wide)), Image.Resampling.BILINEAR)
    return _middle(larger.rotate(TURN, Image.Resampling.BILINEAR), w, h)


def dimmed(image: Image.Image) -> Image.Image:
    """In half the light."""
    return ImageEnhance.Brightness(image).enhance(DIM)


def noised(image: Image.Image) -> Image.Image:
    """With grain, the same for every picture."""
    values = np.asarray(image, np.float32)
    grain = np.random.default_rng(0).normal(0, NOISE, values.shape)
    return Image.fromarray(np.clip(values + grain, 0, 255).astype(np.uint8))


def cropped(image: Image.Image) -> Image.Image:
    """Its middle, as large as it was."""
    w, h = image.size
    middle = _middle(image, round(CROP * w), round(CROP * h))
    return middle.resize((w, h), Image.Resampling.BILINEAR)


def _middle(image: Image.Image, w: int, h: int) -> Image.Image:
    left, top = (image.width - w) // 2, (image.height - h) // 2
    return image.crop((left, top, left + w, top + h))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": blurred, "turned": turned, "dimmed": dimmed, "noised": noised, "cropped": cropped,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Unsteady:
    """``number`` (N,): of each picture in the list that was asked about; ``norm`` (N,): the answer
    to the untouched picture; ``said`` (N, changes): to each changed one."""

    number: NDArray[np.int64]
    norm: NDArray[np.int64]
    said: NDArray[np.int64]

    @property
    def turns(self) -> NDArray[np.bool_]:
        """(N, changes): where the answer is another."""
        other: NDArray[np.bool_] = self.said != self.norm[:, None]
        return other


class Stability(Pass):
    """The answers of a network to these pictures, each as it is and changed in five ways."""

    columns = ("norm", "said")

    def __init__(self, classifier: "Classifier", pictures: Sequence[Readable], root: Path) -> None:
        request = ChangesRequest(classifier.fit)
        super().__init__(classifier, pictures, root, request=request, recipe=RECIPE)

    def result(self) -> Unsteady:
        """What is known of all of them after a ``run``. UserError: of none."""
        number, rows = self.found()
        return Unsteady(number, rows["norm"], rows["said"])

    def measured(self, pixels: list[Pixels]) -> dict[str, Array]:
        """The answers to each picture, and to each of its changed ones."""
        rows = [self._answers(one) for one in pixels]
        whole = np.stack(rows).astype(np.int64)
        return {"norm": whole[:, 0], "said": whole[:, 1:]}

    def _answers(self, pixels: Pixels) -> Array:
        image = Image.fromarray(pixels.squeeze())
        views = [pixels, *(_like(change(image), pixels) for change in CHANGES.values())]
        x = torch.cat([self.classifier.tensor(view) for view in views])
        with torch.no_grad():
            logits = self.classifier.module(x)
        found: Array = logits.argmax(1).cpu().numpy()
        return found


def _like(image: Image.Image, pixels: Pixels) -> Pixels:
    """As an array (H, W, C), also of one channel."""
    return np.array(image, np.uint8).reshape(pixels.shape)
