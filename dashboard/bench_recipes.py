"""The cases of the atlas article (Carter et al., "Activation Atlas", Distill 2019), by ImageNet's
class numbers. Imports no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What the picture shows, what is laid on it, and what the network is then to see."""

    name: str
    shows: int
    laid: int
    becomes: int


RECIPES = (
    Recipe("whale", 147, 429, 2),
    Recipe("snorkel", 801, 820, 983),
    Recipe("pan", 567, 959, 909),
)
