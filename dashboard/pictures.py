"""Which pictures there are: the same answer in the web process and in the worker."""

from pathlib import Path
from typing import Any

from analysis import planted
from analysis.library import Library
from analysis.photos import folder, samples
from cache.store import Store


def open_library(config: dict[str, Any], store: Store) -> Library:
    """The user's folder first, where one is given; the pictures of a planted bug, where that is
    what the page was started with; then the sample photographs."""
    collections = []
    if config.get("images"):
        labels = Path(config["labels"]) if config.get("labels") else None
        collections.append(folder(Path(config["images"]), labels=labels))
    if config.get("model") in planted.NAMES:
        collections.append(planted.collection(config["model"]))
    return Library([*collections, samples()], store)
