"""Icons: pictures of what a network's units look for, rendered as a stream of frames."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from analysis.featurevis import objectives, transforms
from analysis.featurevis.maco import PhasePictures, Spectrum
from analysis.featurevis.objectives import LOGITS, Objective
from analysis.featurevis.optimize import Observer, Progress, ascend
from analysis.featurevis.parameters import (
    FourierPictures,
    Pictures,
    PixelPictures,
    generator,
    stretched,
    to_uint8,
)
from analysis.featurevis.plan import Plan, Schedule, planned
from analysis.featurevis.transforms import Transform
from analysis.layers import find_layer, ladder
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

RECIPE = 5  # raise when a change alters pictures, so that stored ones are made anew
SPREAD = 1.0
CHECKED = 16  # steps between two looks at whether a picture still gains
Kind = Literal["channel", "neuron", "direction", "deepdream", "class", "sum"]
Parameterisation = Literal["fourier", "pixels", "maco"]


@dataclass(frozen=True, kw_only=True)
class IconRequest:
    """What is drawn and how well; the same request gives the same pictures.

    ``units``: channels, or classes where ``objective`` is "class" (which needs no layer);
    ``directions``: vectors (C) where it is "direction", and ``near`` as many whose cosine counts in
    place of theirs; "sum" draws one picture of all the channels together, by their ``weights``
    (each 1 where there are none). ``place``: (row, column) of the layer's grid at ``input_size``,
    by default the middle, for "neuron" and for "direction" unless ``everywhere``. ``negative``:
    what makes the unit small (measured before the layer's own ReLU).
    ``diversity``: so many unlike pictures of every unit. ``size``: pixels of the pictures;
    ``input_size``: what the network is fed, the scale that the picture is made for; networks that
    take one size only are fed that. ``parameterisation``: Fourier coefficients, plain pixels, or
    phases alone ("maco"), which needs the ``spectrum`` of photographs; ``decorrelated`` colours or
    plain ones (the spectrum knows its own); ``transforms``: their names, by default those that
    belong to the parameterisation. ``schedule`` and ``first_size``: see ``plan``. ``settled``: a
    picture is finished once its activation, untransformed, has risen by less than this share in
    32 steps; 0 draws all steps.
    """

    layer: str = LOGITS
    objective: Kind = "channel"
    units: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    directions: tuple[tuple[float, ...], ...] = ()
    near: tuple[tuple[float, ...], ...] = ()
    place: tuple[int, int] | None = None
    everywhere: bool = False
    cosine_power: float = 2.0
    negative: bool = False
    diversity: int = 1
    steps: int = 128
    size: int = 128
    input_size: int = 128
    seed: int = 0
    parameterisation: Parameterisation = "fourier"
    decorrelated: bool = True
    transforms: tuple[Transform, ...] | None = None
    spectrum: Spectrum | None = None
    schedule: Schedule = "steady"
    first_size: int | None = None
    settled: float = 0.0


@dataclass(frozen=True)
class Preset:
    """Named settings of a request, put into it by ``in_quality``."""

    steps: int
    size: int
    input_size: int
    schedule: Schedule = "steady"
    first_size: int | None = None


PRESETS = {
    "preview": Preset(48, 128, 128),
    "full": Preset(144, 128, 224, schedule="settling", first_size=128),
}


def in_quality(request: IconRequest, name: str, classifier: "Classifier") -> IconRequest:
    """The request with the settings of a preset; a network of small pictures is fed no larger ones
    than its own."""
    own, preset = min(classifier.input_size[1:]), PRESETS[name]
    first = preset.first_size if preset.first_size is not None and preset.first_size < own else None
    size = min(preset.input_size, own)
    return replace(request, **{**asdict(preset), "input_size": size, "first_size": first})


@dataclass(frozen=True)
class Frame:
    """The pictures after ``step`` of ``steps`` steps.

    ``images``: uint8 (B, S, S, 3), unit by unit, the diverse ones of a unit together;
    ``activations``: the objective's value, in the layer's own unit and sign, of each picture as it
    is shown; ``dead``: nothing has made this unit answer so far. ``input_size``: what the network
    was really fed.
    """

    step: int
    steps: int
    images: NDArray[np.uint8]
    activations: list[float]
    dead: list[bool]
    input_size: int
    done: bool


def render(classifier: "Classifier", request: IconRequest, *, every: int = 8) -> Iterator[Frame]:
    """Draws the requested pictures in one batch and yields them every so many steps, and at the
    end.

    A generator that may be closed at any moment. Every unit draws its own random numbers, so its
    picture does not depend on what it is batched with (but for rounding). Raises UserError for a
    unit or layer that the network does not have.
    """
    for frame in strides(classifier, request, every=every):
        if frame is not None:
            yield frame


def strides(
    classifier: "Classifier", request: IconRequest, *, every: int = 8
) -> Iterator[Frame | None]:
    """As ``render``, but after every single step: a frame now and then, else None, so that whoever
    shares the processor can take a turn in between."""
    check(classifier, request)
    measured = objective_of(classifier, request)
    wanted = -measured if request.negative else measured
    if request.diversity > 1:
        layer = request.layer or ladder(classifier)[-1].name
        wanted = objectives.varied(wanted, layer, request.diversity)
    before_relu = request.negative and request.layer != LOGITS
    observer = Observer(classifier, wanted, request.input_size, before_relu=before_relu)
    meter = observer.for_(measured)
    pictures, plan = _start(classifier, request, min(request.size, observer.size), observer.size)
    finished = _Settled(pictures, meter, request) if request.settled else None
    for progress in ascend(observer, pictures, plan, finished=finished):
        done = progress.step == request.steps or bool(progress.resting.all())
        shown = progress.step % every == 0 or done
        yield _frame(pictures, progress, meter, request, done) if shown else None


class _Settled:
    """Which pictures hardly gain any more; the diverse ones of a unit finish together."""

    def __init__(self, pictures: Pictures, meter: Observer, request: IconRequest) -> None:
        self.pictures, self.meter, self.request = pictures, meter, request
        self.reached: list[Tensor] = []

    @torch.no_grad()
    def __call__(self, step: int) -> Tensor | None:
        """(B) bool at every sixteenth step, None in between."""
        if step % CHECKED:
            return None
        sign = -1 if self.request.negative else 1
        self.reached.append(sign * self.meter.measure(stretched(self.pictures.logits(), SPREAD)))
        if len(self.reached) < 3:
            return None
        before, now = self.reached[-3], self.reached[-1]
        slow = (now - before <= self.request.settled * now.abs()) & (now != 0)
        groups = slow.view(-1, self.request.diversity).all(dim=1)
        return groups.repeat_interleave(self.request.diversity)


def _start(
    classifier: "Classifier", request: IconRequest, size: int, input_size: int
) -> tuple[Pictures, Plan]:
    """The noise pictures and all their random views, each from its own generator."""
    subjects: tuple[object, ...] = request.directions or request.units
    if request.objective == "sum":
        subjects = (tuple(zip(request.units, _weights(request), strict=True)),)
    own = [generator(request.seed, s, r) for s in subjects for r in range(request.diversity)]
    pictures = painted(classifier, request, size, own)
    names = request.transforms
    if names is None:
        maco = request.parameterisation == "maco"
        names = transforms.MACO_NAMES if maco else transforms.LUCID_NAMES
    views = transforms.views(names)
    maps = transforms.draw(views, own, request.steps)
    first = request.first_size
    return pictures, planned(
        maps, input_size, schedule=request.schedule, first=first, pad=views.pad
    )


def painted(
    classifier: "Classifier", request: IconRequest, size: int, own: list[torch.Generator]
) -> Pictures:
    """Pictures at their random start, in the requested parameterisation."""
    channels, device = classifier.input_size[0], classifier.device
    if request.parameterisation == "maco":
        if request.spectrum is None:
            raise UserError("maco needs the spectrum of photographs: open a folder of pictures")
        return PhasePictures(size, own, request.spectrum, channels=channels, device=device)
    kind = PixelPictures if request.parameterisation == "pixels" else FourierPictures
    return kind(size, own, channels=channels, decorrelated=request.decorrelated, device=device)


def _weights(request: IconRequest) -> tuple[float, ...]:
    return request.weights or (1.0,) * len(request.units)


@torch.no_grad()
def _frame(
    pictures: Pictures, progress: Progress, meter: Observer, request: IconRequest, done: bool
) -> Frame:
    pixels = stretched(pictures.logits(), SPREAD)
    scores = meter.measure(pixels)
    dead = progress.stuck | (progress.silent & (scores == 0))
    if pixels.shape[-1] != request.size:
        shape = (request.size, request.size)
        pixels = functional.interpolate(pixels, size=shape, mode="bicubic", antialias=True)
    return Frame(
        progress.step, request.steps, to_uint8(pixels), scores.tolist(), dead.tolist(),
        meter.size, done,
    )  # fmt: skip


def objective_of(classifier: "Classifier", request: IconRequest) -> Objective:
    """The requested objective for the whole batch, before sign and diversity."""
    if request.objective == "sum":
        return objectives.weighted(request.layer, request.units, _weights(request))
    units = [u for u in request.units for _ in range(request.diversity)]
    if request.objective == "class":
        return objectives.class_logit(units)
    if request.objective == "channel":
        return objectives.channel(request.layer, units)
    if request.objective == "neuron":
        return objectives.neuron(request.layer, units, request.place)
    if request.objective == "deepdream":
        return objectives.deepdream(request.layer)
    vectors, near = (
        torch.tensor(v, device=classifier.device).repeat_interleave(request.diversity, dim=0)
        for v in (request.directions, request.near or request.directions)
    )
    return objectives.direction(
        request.layer,
        vectors,
        cosine_power=request.cosine_power,
        near=near,
        place=request.place,
        everywhere=request.everywhere,
    )


def check(classifier: "Classifier", request: IconRequest) -> None:
    """UserError where a request asks for what this network does not have."""
    if min(request.steps, request.size, request.input_size, request.diversity) < 1:
        raise UserError("steps, size, input size and diversity must be 1 or more")
    if request.objective == "class":
        count, what = len(classifier.categories), "this network"
    else:
        count, what = find_layer(classifier, request.layer).channels, f"layer {request.layer!r}"
    if request.weights and len(request.weights) != len(request.units):
        raise UserError(f"{len(request.units)} units need as many weights")
    if request.objective == "direction":
        vectors = (*request.directions, *request.near)
        if not request.directions or any(len(v) != count for v in vectors):
            raise UserError(f"a direction in {what} has {count} numbers")
        return
    kind = "class" if request.objective == "class" else "channel"
    if not request.units:
        raise UserError(f"name at least one {kind} to draw")
    wrong = next((u for u in request.units if not 0 <= u < count), None)
    if wrong is not None:
        raise UserError(f"{kind} {wrong} is out of range: {what} has 0 to {count - 1}")
