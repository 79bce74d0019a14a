"""Class names: shown so that no two look alike, and found by index, by exact name or by a unique
part."""

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

from cache.errors import UserError


@dataclass(frozen=True)
class Label:
    """What a labelled folder says of a picture, before any network's classes are known."""

    kind: Literal["index", "name", "synset"]
    value: int | str


def plain(name: str) -> str:
    """A name as people compare it: lower case, with spaces for underscores and single spaces."""
    return " ".join(name.replace("_", " ").lower().split())


@cache
def imagenet_synsets() -> dict[str, int]:
    """WordNet id -> index of the 1,000 classes of ImageNet 2012, whose order is that of the ids."""
    text = (files("analysis") / "data" / "imagenet_synsets.txt").read_text("ascii")
    return {synset: index for index, synset in enumerate(text.split())}


@dataclass(frozen=True)
class Categories:
    """The classes of one network, in the order of its logits."""

    raw: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Categories":
        """Categories from any iterable of names."""
        return cls(tuple(str(name).strip() for name in names))

    @classmethod
    def numbered(cls, count: int) -> "Categories":
        """Names for a network that has none: ``class 0`` and so on."""
        return cls(tuple(f"class {i}" for i in range(count)))

    def __len__(self) -> int:
        return len(self.raw)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Display names; a name that occurs twice carries its index: ``crane (134)``."""
        seen = Counter(plain(name) for name in self.raw)
        return tuple(
            f"{name} ({i})" if seen[plain(name)] > 1 else name for i, name in enumerate(self.raw)
        )

    def find(self, text: str | int) -> int:
        """The index of a class named by index, exact name or unique part of a name.

        Raises UserError, with the nearest names, when none or several fit.
        """
        wanted = plain(str(text))
        if wanted.isdecimal():
            return self._by_index(int(wanted))
        shown = [i for i, name in enumerate(self.names) if plain(name) == wanted]
        exact = shown or [i for i, name in enumerate(self.raw) if plain(name) == wanted]
        fits = exact or [i for i, name in enumerate(self.raw) if wanted and wanted in plain(name)]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise UserError(f"class {text!r} fits several: {self._listed(fits)}; name one of them")
        near = difflib.get_close_matches(wanted, [plain(n) for n in self.names], 3, 0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        raise UserError(f"this network has no class {text!r}{hint}")

    def _by_index(self, index: int) -> int:
        if index < len(self.raw):
            return index
        raise UserError(f"class index {index} is out of range: this network has {len(self.raw)}")

    def _listed(self, indices: list[int]) -> str:
        few = ", ".join(f"{self.raw[i]} ({i})" for i in indices[:5])
        return few + (f" and {len(indices) - 5} more" if len(indices) > 5 else "")

    @cached_property
    def is_imagenet(self) -> bool:
        """Whether these are ImageNet's 1,000 classes, so that its ids and indices may be used."""
        marks = {1: "goldfish", 340: "zebra", 817: "sports car", 963: "pizza"}
        return len(self.raw) == 1000 and all(marks[i] in plain(self.raw[i]) for i in marks)

    def index_of_label(self, label: Label | None) -> int | None:
        """The class that a label means in this network, or None where it has no such class."""
        if label is None:
            return None
        if label.kind == "index":
            index = int(label.value)
            return index if 0 <= index < len(self.raw) else None
        if label.kind == "synset":
            return imagenet_synsets().get(str(label.value)) if self.is_imagenet else None
        wanted = plain(str(label.value))
        fits = [i for i, n in enumerate(self.names) if plain(n) == wanted]
        fits = fits or [i for i, n in enumerate(self.raw) if plain(n) == wanted]
        return fits[0] if len(fits) == 1 else None
