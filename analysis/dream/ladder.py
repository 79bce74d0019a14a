"""The same picture dreamt at several layers, from strokes to objects, on one sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from analysis.dream.engine import Frame, dreamt
from analysis.dream.settings import RANGES, Dream
from analysis.layers import ladder
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RUNGS = 8
PREVIEW = 160  # pixels of the longer side of each picture: all eight in the time of one preview
PAPER, INK = (255, 255, 255), (40, 40, 40)
GAP, LINE, LETTERS = 12, 26, 15  # pixels: between pictures, below each, height of letters
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Rung:
    """One layer's dream, as its settings say: the ``number``-th of ``count``, counted from 1."""

    number: int
    count: int
    dream: Dream
    frame: Frame


def rungs(classifier: "Classifier", dream: Dream, count: int = RUNGS) -> list[Dream]:
    """The same dream at up to ``count`` layers, chosen evenly as for Explore's ladder. UserError
    for a dream of a class, for channels and the like, which belong to one layer, and for a network
    without layers to choose from."""
    if dream.class_index is not None or dream.channels or dream.direction:
        raise UserError("a ladder of layers dreams of whole layers: leave class and channels out")
    layers = ladder(classifier, count)
    if not layers:
        raise UserError(
            f"{classifier.name} has no layer with a grid of places to climb by: dream of one layer"
        )
    return [replace(dream, layer=layer.name) for layer in layers]


def previewed(dream: Dream) -> Dream:
    """The same in half as many steps, each twice as large, and three octaves at the most: the
    colours may go as far."""
    iterations = -(-dream.iterations // 2)
    step = min(RANGES["step"][1], dream.step * dream.iterations / iterations)
    return replace(dream, octaves=min(dream.octaves, 3), iterations=iterations, step=step)


def climbed(
    classifier: "Classifier",
    dreams: Sequence[Dream],
    picture: Pixels | None = None,
    *,
    guides: Sequence[Pixels] = (),
) -> Iterator[Rung]:
    """All of these dreams in turn, frame by frame; may be closed at any moment. The last frame of
    each is ``frame.finished``."""
    for number, dream in enumerate(dreams, start=1):
        for frame in dreamt(classifier, dream, picture, guides=guides):
            yield Rung(number, len(dreams), dream, frame)


def sheet(pictures: Sequence[Pixels], captions: Sequence[str], *, columns: int = 4) -> Pixels:
    """uint8 (H, W, 3): pictures (h, w, 3) in rows, each in a cell of the largest one's size, with
    a line of text below it."""
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    h, w = (max(p.shape[axis] for p in pictures) for axis in (0, 1))
    across, down = w + GAP, h + LINE + GAP
    paper = Image.new("RGB", (columns * across + GAP, rows * down + GAP), PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(LETTERS)
    for number, (pixels, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = GAP + column * across, GAP + row * down
        paper.paste(Image.fromarray(pixels), (left, top))
        pen.text((left, top + pixels.shape[0] + 4), _fitted(caption, font, w), INK, font)
    return np.array(paper)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, shortened at its end to ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
