"""What the worker holds: networks, open pictures and their attributions, the most recent few of
each."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis import images, layers, models
from analysis.attribution import Attributions, Target, attribute, default_target
from analysis.layers import Layer
from analysis.library import Library
from analysis.models import Classifier
from analysis.processor import keep_memory
from analysis.tail import Tail
from cache.errors import UserError
from cache.store import Store
from dashboard.pictures import open_library
from dashboard.starter import Starter

T = TypeVar("T")


class Recent(Generic[T]):
    """The newest few values by key; the oldest is let go."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kept: OrderedDict[Hashable, T] = OrderedDict()

    def peek(self, key: Hashable) -> T | None:
        """The value kept under ``key``, or None."""
        return self.kept.get(key)

    def drop(self, key: Hashable) -> None:
        """Lets go of what is kept under ``key``, if anything is."""
        self.kept.pop(key, None)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value kept under ``key``, or the one made now."""
        if key not in self.kept:
            self.kept[key] = make()
        self.kept.move_to_end(key)
        while len(self.kept) > self.size:
            self.kept.popitem(last=False)
        return self.kept[key]


@dataclass(frozen=True, eq=False)
class Opened:
    """One picture before one network: pixels (H, W, C), input (1, C, H, W), logits (classes,)."""

    key: str
    pixels: NDArray[np.uint8]
    x: Tensor
    logits: NDArray[np.float32]
    label: int | None


class Bench:
    """The worker's state. One thread uses it."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        keep_memory()
        self.store = Store(Path(config["cache"]))
        self.library: Library = open_library(config, self.store)
        self.models = Recent[Classifier](2)
        self.opened = Recent[Opened](12)
        self.attributions = Recent[Attributions](8)
        self.tails = Recent[Tail](4)
        self.kept = Recent[Any](64)
        self.held: Any = None  # dreams that the disk does not take (``dream_held``)
        self.starter = Starter()

    def classifier(self, name: str) -> Classifier:
        """The network of that name; the one of the command line comes with its weights."""
        weights = self.config["weights"] if name == self.config["model"] else None
        device, fit = self.config["device"], self.config["fit"]
        return self.models.get(
            name, lambda: models.load(name, weights=weights, device=device, fit=fit)
        )

    def open(self, model: str, picture: str) -> Opened:
        """The picture as the network sees it, run once."""
        return self.opened.get((model, picture), lambda: self._open(model, picture))

    def _open(self, model: str, picture: str) -> Opened:
        classifier, found = self.classifier(model), self.library.find(picture)
        if found is None:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        pixels = self.pixels(classifier, picture)
        x = classifier.tensor(pixels)
        with torch.no_grad():
            logits = classifier.module(x)[0].float().cpu().numpy()
        label = classifier.categories.index_of_label(found.label)
        return Opened(picture, pixels, x, logits, label)

    def pixels(self, classifier: Classifier, picture: str) -> NDArray[np.uint8]:
        """The picture cut to the network's input, uint8 (H, W, C)."""
        found = self.library.find(picture)
        if found is None:
            raise UserError("this picture is not open here any more; drop it onto the page again")
        image = images.decode(found.read(), name=found.name, min_side=classifier.resize)
        return classifier.pixels(image)

    def target(self, opened: Opened, a: int | None, b: int | None) -> Target:
        """The two classes compared: as chosen, else the answer rather than the truth or the
        second."""
        usual = default_target(opened.logits, true=opened.label)
        said = usual.a if a is None else a
        if b is None or b == said:
            order = [int(i) for i in np.argsort(-opened.logits)[:2]]
            other = usual.rather_than if said == usual.a else next(i for i in order if i != said)
            return Target(said, other).checked(len(opened.logits))
        return Target(said, b).checked(len(opened.logits))

    def attribution(
        self, model: str, picture: str, layer: str, a: int | None, b: int | None
    ) -> Attributions:
        """Effects of the whole ladder in one pass, or of another layer in one of its own."""
        opened, classifier = self.open(model, picture), self.classifier(model)
        target = self.target(opened, a, b)
        names = [step.name for step in layers.ladder(classifier)]
        if layer not in names:
            names = [layers.find_layer(classifier, layer).name]
        return self.attributions.get(
            (model, picture, target, tuple(names)),
            lambda: attribute(classifier, opened.x, names, target),
        )

    def tail(self, model: str, picture: str, layer: str) -> Tail:
        """The rest of the network behind a layer, for the open picture."""
        opened, classifier = self.open(model, picture), self.classifier(model)
        found = layers.find_layer(classifier, layer)
        return self.tails.get(
            (model, picture, found.name), lambda: Tail(classifier.module, found.name, opened.x)
        )

    def keep_picture(self, pixels: NDArray[np.uint8], *, kind: str = "webp") -> str:
        """The cache key of a picture (H, W, 1 or 3) kept under its content, so that its address
        never changes what it shows."""
        wide = np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
        key = hashlib.sha256(repr(wide.shape).encode() + wide.tobytes()).hexdigest()
        if not self.store.has(key):
            self.store.put(key, kind, wide)
        return key

    def layer(self, model: str, layer: str) -> Layer:
        """The layer of that name, with its grid; UserError where it has none."""
        found = layers.find_layer(self.classifier(model), layer)
        if found.grid is None:
            raise UserError(f"layer {found.name} has no grid of places; choose another")
        return found
