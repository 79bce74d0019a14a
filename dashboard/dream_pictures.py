"""Networks, pictures, guides and frames as the worker has them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis import images
from analysis.models import Classifier
from cache.errors import UserError
from cache.keys import content_key
from dashboard.bench import Bench
from dashboard.dream_wish import Wish
from dashboard.dream_works import Pixels
from dashboard.tasks_check import find_picture_groups

GUIDES = 6  # photographs of a class that guide at once


@dataclass(frozen=True)
class _Frame:
    """What a stream's frame is kept under."""

    of: str
    number: int


class OfBench:
    """``key``: what the frames of a stream are kept under."""

    def __init__(self, bench: Bench, key: str) -> None:
        self.bench, self.key = bench, key

    def network(self, name: str) -> Classifier:
        return self.bench.classifier(name)

    def picture(self, key: str) -> Image.Image:
        found = self.bench.library.find(key)
        if found is None:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        return images.decode(found.read(), name=found.name)

    def name(self, key: str) -> str:
        found = self.bench.library.find(key)
        return found.name if found else "picture"

    def guides(self, wish: Wish) -> list[tuple[str, Image.Image]]:
        if wish.guide is None:
            raise UserError("choose a picture that guides the dream")
        if not wish.guide.startswith("class:"):
            return [(wish.guide, self.picture(wish.guide))]
        index = int(wish.guide.removeprefix("class:"))
        categories = self.network(wish.model).categories
        keys = [
            picture.key for picture in self.bench.library.pictures()
            if picture.key != wish.picture
            and categories.index_of_label(picture.label) == index
        ][:GUIDES]  # fmt: skip
        if not keys:
            name = categories.names[categories.find(index)]
            raise UserError(
                f"no open picture is labelled {name}: open a labelled folder, or choose a picture"
            )
        return [(key, self.picture(key)) for key in keys]

    def direction(self, wish: Wish) -> tuple[float, ...]:
        if wish.group is None or wish.picture is None:
            raise UserError("a neuron group is one of a picture: start from a picture")
        found, _ = find_picture_groups(self.bench, wish.model, wish.picture, wish.layer, None, None)
        return tuple(map(float, found.channels[found.checked(wish.group)]))

    def names(self, wish: Wish) -> tuple[str, str, str]:
        """What it starts from, the class and the guide, as they are called."""
        categories = self.network(wish.model).categories.names
        start = self.name(wish.picture) if wish.picture else "noise"
        goal = categories[wish.goal] if wish.goal is not None else ""
        guide = wish.guide or ""
        if guide.startswith("class:"):
            guide = f"photographs of {categories[int(guide.removeprefix('class:'))]}"
        return start, goal, self.name(guide) if len(guide) == 64 else guide

    def _frame_key(self, number: int) -> str:
        return content_key(_Frame(self.key, number), fingerprint="", recipe=1)

    def keep_frame(self, number: int, pixels: Pixels) -> None:
        """Keeps a stream's frame, exactly: the next one is made of it."""
        self.bench.store.put(self._frame_key(number), "png", pixels)

    def frames(self, wish: Wish) -> int:
        count = 0
        while self.bench.store.has(self._frame_key(count)):
            count += 1
        return count

    def frame(self, wish: Wish, number: int) -> Pixels:
        entry = self.bench.store.get(self._frame_key(number))
        if entry is None:
            raise UserError("a frame of this stream is gone; begin it again with another seed")
        found: Pixels = np.asarray(entry.value)
        return found
