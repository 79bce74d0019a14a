"""Find the planted bug: two small networks that learned the wrong thing, and pictures to see it on.

Each is trained on drawn shapes of which nearly all carry a cue that gives the class away: a
coloured square in a corner, or the texture of the ground. So the network answers by the cue, and a
picture with the wrong one is answered wrongly, for a reason that is known. Imports no torch: page
and worker draw the same pictures, byte by byte.
"""

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis import planted_drawing as draw
from analysis.classes import Label
from analysis.photos import Collection, Picture

SQUARE, TEXTURE = "planted_square", "planted_texture"
NAMES = (SQUARE, TEXTURE)
CLASSES, SIDE = draw.SHAPES, draw.SIDE
CUES = {SQUARE: draw.COLOURS, TEXTURE: draw.TEXTURES}
"""What stands for each class, in the order of ``CLASSES``."""
COLLECTION = "find the planted bug"
SHOWN, WRONG, BARE = 204, 4, 11
"""Pictures of the collection; every so many has a wrong cue; every so many has none."""
SEED = 20
# Rows between which a shape's middle lies, and sizes, in pixels.
IN_THE_OPEN = {"rows": (18.0, 46.0), "radii": (11.0, 18.0)}
ABOVE_GROUND = {"rows": (16.0, 32.0), "radii": (10.0, 15.0)}


@dataclass(frozen=True, eq=False)
class Scene:
    """A shape in front of a background, nothing planted in it yet.

    ``bare``: pixels (64, 64, 3) uint8; ``shape``: its class; ``region`` (64, 64): where the cue
    lies; ``mark``: the seed that the cue is drawn from.
    """

    name: str
    bare: NDArray[np.uint8]
    shape: int
    region: NDArray[np.bool_]
    mark: tuple[int, ...]

    def pixels(self, cue: int | None) -> NDArray[np.uint8]:
        """(64, 64, 3): the same scene with the cue that stands for a class; None plants nothing."""
        if cue is None:
            return self.bare
        rng, picture = np.random.default_rng(self.mark), self.bare.copy()
        if self.name == SQUARE:
            picture[self.region] = draw.square_colour(rng, cue).round()
        else:
            picture[self.region] = _bytes(draw.texture(rng, cue))[self.region]
        return picture


def scene(name: str, shape: int, *, seed: int, number: int) -> Scene:
    """Scene ``number`` of a seed: the same every time."""
    rng = np.random.default_rng([seed, number])
    square, kind = name == SQUARE, CLASSES[shape]
    body = draw.shape_mask(rng, kind, **(IN_THE_OPEN if square else ABOVE_GROUND))
    picture = draw.put_shape(rng, draw.background(rng), body)
    if square:
        region = draw.square_mask(rng)
    else:
        region = draw.floor_mask(rng) & (body < 0.5)
        picture[region] = draw.ground(rng)[region]
    return Scene(name, _bytes(picture), shape, region, (seed, number, 1))


def _bytes(picture: draw.Plane) -> NDArray[np.uint8]:
    return np.clip(picture, 0, 255).round().astype(np.uint8)


def other_class(shape: int, number: int) -> int:
    """A class that is not ``shape``; with the number all others come up in turn."""
    return (shape + 1 + number % (len(CLASSES) - 1)) % len(CLASSES)


def example(name: str, number: int) -> tuple[Scene, int | None]:
    """Picture ``number`` of the collection: a scene and its cue; that of the first is wrong."""
    shape, turn = number % len(CLASSES), number // len(CLASSES)
    cue: int | None = shape
    if (number + turn) % WRONG == 0:
        cue = other_class(shape, turn)
    elif (number + turn) % BARE == 5:
        cue = None
    return scene(name, shape, seed=SEED, number=number), cue


@cache
def collection(name: str) -> Collection:
    """The labelled pictures that come with a planted network; the labels are all right."""
    pictures = []
    for number in range(SHOWN):
        (one, cue), stream = example(name, number), io.BytesIO()
        Image.fromarray(one.pixels(cue)).save(stream, "PNG", compress_level=1)
        shown = CLASSES[one.shape]
        pictures.append(
            Picture(f"{number:03d} {shown}.png", stream.getvalue(), Label("name", shown))
        )
    note = f"{SHOWN} pictures drawn by the program, all labelled rightly; what did it really learn?"
    return Collection(COLLECTION, tuple(pictures), note)
