"""A recipe of feature visualization as a person switches it, part by part, and what a picture made
by it is worth.

Source: Olah, Mordvintsev and Schubert, Feature Visualization (Distill 2017), whose readers switch
transforms and colour decorrelation; Fel et al. 2023 for phases alone. Importing this file imports
no torch, so that the page can read recipes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.featurevis.icons import IconRequest
    from analysis.featurevis.maco import Spectrum
    from analysis.library import Library
    from analysis.models import Classifier

KINDS = {"lucid": "fourier", "pixel": "pixels", "maco": "maco"}  # as commands name them
NAMES = ("pad", "jitter", "scale", "rotate", "crop")
USUAL = {"maco": ("pad", "crop")}
LUCID = ("pad", "jitter", "scale", "rotate")
SIZES = (64, 96, 128, 224)
LEAST_STEPS, MOST_STEPS, SEEDS = 16, 512, 1000
JUDGED_AT = 224
PHOTOGRAPHS = 200  # of the open ones, whose mean spectrum is taken
_VIEWS = 16


@dataclass(frozen=True)
class Recipe:
    """How a picture is made; by default the program's own way in full quality."""

    kind: str = "lucid"
    decorrelated: bool = True
    transforms: tuple[str, ...] = LUCID
    input_size: int = JUDGED_AT
    steps: int = 144
    seed: int = 0

    @classmethod
    def parse(cls, word: str | None) -> "Recipe":
        """What ``word`` says; the program's own recipe where that is no recipe."""
        parts = (word or "").split("-")
        if len(parts) != 6 or parts[0] not in KINDS or not all(p.isdecimal() for p in parts[3:]):
            return cls()
        size, steps, seed = (int(p[:6]) for p in parts[3:])
        return cls(
            parts[0], parts[1] == "decorrelated",
            tuple(n for n in NAMES if n in parts[2].split(".")),
            size if size in SIZES else cls.input_size,
            min(MOST_STEPS, max(LEAST_STEPS, steps)), min(SEEDS, seed),
        )  # fmt: skip

    @property
    def word(self) -> str:
        """The same as short words, for an address: ``lucid-decorrelated-pad.jitter-224-112-0``."""
        colours = "decorrelated" if self.decorrelated else "plain"
        views = ".".join(n for n in NAMES if n in self.transforms) or "none"
        return f"{self.kind}-{colours}-{views}-{self.input_size}-{self.steps}-{self.seed}"

    @property
    def usual(self) -> tuple[str, ...]:
        """The transforms that belong to this kind of picture."""
        return USUAL.get(self.kind, LUCID)

    def options(self) -> list[str]:
        """The options of ``neuronscope visualize`` that differ from what it does by itself."""
        own, words = Recipe(), []
        if self.kind != own.kind:
            words += ["--recipe", self.kind]
        if not self.decorrelated:
            words += ["--no-decorrelation"]
        if self.transforms != self.usual:
            words += ["--transforms", ",".join(self.transforms) or "none"]
        for name in ("input_size", "steps"):
            if getattr(self, name) != getattr(own, name):
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        return words

    def differences(self, other: "Recipe") -> list[str]:
        """What ``other`` does otherwise, as the ends of a sentence: "without transforms"."""
        found = []
        if self.kind != other.kind:
            found.append(_MADE_OF[other.kind])
        if self.decorrelated != other.decorrelated:
            found.append(("with" if other.decorrelated else "without") + " colour decorrelation")
        gone = [n for n in self.transforms if n not in other.transforms]
        new = [n for n in other.transforms if n not in self.transforms]
        if gone:
            found.append("without " + (_listed(gone) if other.transforms else "transforms"))
        if new:
            found.append("with " + _listed(new))
        if self.input_size != other.input_size:
            found.append(f"made for {other.input_size} px instead of {self.input_size}")
        if self.steps != other.steps:
            found.append(f"in {other.steps} steps instead of {self.steps}")
        if self.seed != other.seed:
            found.append(f"from other noise (seed {other.seed})")
        return found

    def request(
        self, classifier: "Classifier", layer: str, unit: int, *, spectrum: "Spectrum | None" = None
    ) -> "IconRequest":
        """The icon of a channel made by this recipe, the network fed no larger pictures than its
        own. ``spectrum``: what "maco" needs."""
        from analysis.featurevis.icons import IconRequest

        fed = min(self.input_size, *classifier.input_size[1:])
        plain = IconRequest(layer=layer, units=(unit,))
        return replace(self, input_size=fed).applied(plain, classifier, spectrum=spectrum)

    def applied(
        self,
        request: "IconRequest",
        classifier: "Classifier",
        *,
        spectrum: "Spectrum | None" = None,
    ) -> "IconRequest":
        """What is asked for, in full quality but made by this recipe."""
        from analysis.featurevis.icons import PRESETS, in_quality

        first = PRESETS["full"].first_size
        given: dict[str, Any] = {
            "size": request.size, "seed": self.seed, "steps": self.steps, "spectrum": spectrum,
            "parameterisation": KINDS[self.kind], "decorrelated": self.decorrelated,
            "transforms": None if self.transforms == self.usual else self.transforms,
            "input_size": self.input_size,
            "first_size": first if first is not None and first < self.input_size else None,
        }  # fmt: skip
        return replace(in_quality(request, "full", classifier), **given)


_MADE_OF = {
    "lucid": "made of frequencies",
    "pixel": "made of plain pixels",
    "maco": "made of phases alone (MACO: all as strong as in photographs)",
}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def transforms_named(text: str) -> tuple[str, ...]:
    """The transforms of a comma-separated list, or of "none"; UserError for another word."""
    words = [] if text.strip() in ("", "none") else [w.strip() for w in text.split(",")]
    wrong = next((w for w in words if w not in NAMES), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is no transform: there are {', '.join(NAMES)}, or none")
    return tuple(n for n in NAMES if n in words)


def photographs(classifier: "Classifier", library: "Library") -> Iterator[NDArray[np.uint8] | None]:
    """The pictures that are open, spread over all of them, as the network sees them: uint8 (H, W,
    C), or None for a file that is no picture."""
    from analysis import images

    opened = library.pictures()
    for picture in opened[:: max(1, -(-len(opened) // PHOTOGRAPHS))]:
        try:
            image = images.decode(picture.read(), name=picture.name, min_side=classifier.resize)
        except UserError:
            yield None
        else:
            yield classifier.pixels(image)


def spectrum_of(seen: list[NDArray[np.uint8]], *, decorrelated: bool) -> "Spectrum":
    """The mean spectrum of photographs of one size; UserError where there are none."""
    from analysis.featurevis.maco import mean_spectrum

    if not seen:
        raise UserError("maco needs photographs: open a folder of pictures with --images DIR")
    return mean_spectrum(np.stack(seen), decorrelated=decorrelated)


@dataclass(frozen=True)
class Judged:
    """A channel's mean activation on a picture: ``own`` as the recipe sees it, under its random
    views at its input size; ``plain`` without any transform and ``viewed`` under Lucid's views, the
    network fed ``size`` pixels both times (224, or its own where that is less)."""

    own: float
    plain: float
    viewed: float
    size: int


def judged(classifier: "Classifier", request: "IconRequest", picture: NDArray[np.uint8]) -> Judged:
    """Of one picture uint8 (S, S, 3), as it is shown. The plain number and the viewed one can be
    compared between recipes (``benchmarks/featurevis_reached.py`` judges the plain way)."""
    import torch

    from analysis.featurevis import transforms
    from analysis.featurevis.icons import objective_of
    from analysis.featurevis.optimize import Observer
    from analysis.featurevis.parameters import generator

    objective = objective_of(classifier, request)
    channels = classifier.input_size[0]
    pixels = torch.from_numpy(np.ascontiguousarray(picture[..., :channels]))
    pixels = (pixels.permute(2, 0, 1).float()[None] / 255).to(classifier.device)
    fed = Observer(classifier, objective, request.input_size)
    maco = request.parameterisation == "maco"
    names = request.transforms
    if names is None:
        names = transforms.MACO_NAMES if maco else transforms.LUCID_NAMES
    whole = fed.at(min(JUDGED_AT, *classifier.input_size[1:]))

    def under(views: transforms.Views, observer: Observer) -> float:
        maps = transforms.draw(views, [generator(request.seed, "judged")], _VIEWS)
        seen = [transforms.view(pixels, m, observer.size, pad=views.pad) for m in maps]
        return float(np.mean([observer.measure(s)[0].item() for s in seen]))

    own = under(transforms.views(names), fed)
    viewed = under(transforms.LUCID, whole)
    return Judged(own, whole.measure(pixels)[0].item(), viewed, whole.size)
