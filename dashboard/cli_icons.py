"""Icons on the command line: drawn once, kept in the cache under the same keys as the page's."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.explain import resolve_class
from analysis.featurevis.icons import RECIPE, Frame, IconRequest, check, in_quality, render
from analysis.featurevis.maco import Spectrum
from analysis.featurevis.objectives import LOGITS
from analysis.layers import find_layer
from analysis.models import Classifier
from analysis.recipes import Recipe, photographs, spectrum_of, transforms_named
from cache.codecs import encode
from cache.errors import UserError
from cache.keys import content_key
from cache.starter import Pack
from cache.store import Entry, Store
from dashboard.cli_names import pack_of
from dashboard.pictures import open_library

Show = Callable[[int, int], None]
ICON_SECONDS = 40.0  # after so long a report goes without further icons


@dataclass(frozen=True, eq=False)
class Drawn:
    """Pictures (B, S, S, 3) with what was measured of each, and the key they are kept under."""

    images: NDArray[np.uint8]
    activations: list[float]
    dead: list[bool]
    steps: int
    input_size: int
    key: str
    cached: bool


def draw(given: argparse.Namespace, classifier: Classifier, store: Store, show: Show) -> Drawn:
    """What ``visualize`` was asked for, out of the cache where it is there. Raises UserError."""
    request = _request(given, classifier, store)
    check(classifier, request)
    key = content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)
    entry = store.get(key)
    if entry is not None:
        return _drawn(entry, request, cached=True)
    frame: Frame | None = None
    for frame in render(classifier, request):
        show(frame.step, frame.steps)
    assert frame is not None  # a request has one step at least
    _keep(store, key, frame)
    entry = store.get(key)
    assert entry is not None  # what was just put
    return _drawn(entry, request, cached=False)


def _keep(store: Store, key: str, frame: Frame) -> None:
    """Stores the pictures of one request below each other, exactly as they are."""
    one = len(frame.images) == 1
    meta: dict[str, Any] = {
        "activation": frame.activations[0] if one else frame.activations,
        "dead": frame.dead[0] if one else frame.dead,
        "steps": frame.step, "input_size": frame.input_size,
    }  # fmt: skip
    store.put(key, "png", np.concatenate(list(frame.images)), meta=meta)


def _drawn(entry: Entry, request: IconRequest, *, cached: bool) -> Drawn:
    size = request.size
    images = np.asarray(entry.value).reshape(-1, size, size, 3)
    activation, dead = entry.meta["activation"], entry.meta["dead"]
    one = len(images) == 1
    return Drawn(
        images, [activation] if one else activation, [dead] if one else dead,
        entry.meta.get("steps", request.steps), entry.meta.get("input_size", request.input_size),
        entry.key, cached,
    )  # fmt: skip


def _request(given: argparse.Namespace, classifier: Classifier, store: Store) -> IconRequest:
    recipe = _recipe(given, classifier)
    plain = IconRequest(negative=given.negative, diversity=given.diversity, size=given.size)
    plain = recipe.applied(plain, classifier, spectrum=_spectrum(given, classifier, store))
    plain = replace(plain, settled=given.settled, schedule="growing" if given.grow else "settling")
    if given.said is not None:
        if given.layer is not None:
            raise UserError("--class draws the class's logit: leave --layer out")
        index = resolve_class(classifier, given.said)
        return replace(plain, layer=LOGITS, objective="class", units=(index,))
    if given.layer is None:
        raise UserError("name the layer with --layer; see: neuronscope layers")
    plain = replace(plain, layer=find_layer(classifier, given.layer).name)
    if given.direction is not None:
        return replace(plain, objective="direction", directions=(vector(given.direction),))
    if given.neuron is not None:
        return replace(plain, objective="neuron", units=(given.neuron,))
    if given.also is not None:
        return replace(plain, objective="sum", units=(given.channel, given.also))
    return replace(plain, objective="channel", units=(given.channel,))


def _recipe(given: argparse.Namespace, classifier: Classifier) -> Recipe:
    recipe = Recipe(
        kind=given.recipe, decorrelated=not given.no_decorrelation, steps=given.steps,
        input_size=given.input_size or min(224, classifier.input_size[1]), seed=given.seed,
    )  # fmt: skip
    named = given.transforms
    return replace(recipe, transforms=recipe.usual if named is None else transforms_named(named))


def _spectrum(given: argparse.Namespace, classifier: Classifier, store: Store) -> "Spectrum | None":
    """The photographs' own, of the folder that is named, or of the samples."""
    if given.recipe != "maco":
        return None
    if given.images is not None and not given.images.is_dir():
        raise UserError(f"there is no folder {str(given.images)!r}; --images names a folder")
    library = open_library({"images": given.images}, store)
    seen = [pixels for pixels in photographs(classifier, library) if pixels is not None]
    return spectrum_of(seen, decorrelated=not given.no_decorrelation)


def vector(path: Path) -> tuple[float, ...]:
    """The numbers of a .npy file that holds one direction; UserError where it does not."""
    try:
        values = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"there is no file {str(path)!r}") from None
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{str(path)!r} is no .npy file of numbers: write it with numpy.save(FILE, vector)"
        ) from error
    numbers = isinstance(values, np.ndarray) and values.dtype.kind in "fiu"
    if not numbers or values.ndim != 1 or not np.isfinite(values).all():
        raise UserError(f"{str(path)!r} must hold one vector of finite numbers")
    if not values.any():
        raise UserError(f"{str(path)!r} holds only zeros, which is no direction")
    return tuple(float(v) for v in values)


# ---- icons for a report ----


def icons_for(
    given: argparse.Namespace, classifier: Classifier, store: Store, found: dict[str, Any],
    show: Show, *, per_layer: int = 6, seconds: float = ICON_SECONDS,
) -> dict[tuple[str, int], bytes]:  # fmt: skip
    """The icons (encoded pictures) of the neurons that an explanation names first.

    Those in the cache, or that came with the program, come at once; the others are drawn as long as
    the time lasts, the deepest layer first, where icons say most.
    """
    pack = pack_of(classifier.fingerprint)
    pack = pack if pack is not None and pack.seed == given.seed else None
    wanted = [
        (layer["layer"], [c["channel"] for c in layer["channels"][:per_layer]])
        for layer in reversed(found["layers"])
    ]
    icons: dict[tuple[str, int], bytes] = {}
    deadline = time.monotonic() + seconds
    for done, (layer, channels) in enumerate(wanted, 1):
        missing = []
        for channel in channels:
            data = _stored(given, classifier, store, pack, layer, channel)
            if data is None:
                missing.append(channel)
            else:
                icons[layer, channel] = data
        if missing and time.monotonic() < deadline:
            icons |= _drawn_icons(given, classifier, store, layer, missing, deadline)
        show(done, len(wanted))
    return icons


def _icon_request(
    given: argparse.Namespace, classifier: Classifier, layer: str, units: tuple[int, ...],
    preset: str,
) -> IconRequest:  # fmt: skip
    plain = IconRequest(layer=layer, units=units, seed=given.seed)
    return in_quality(plain, preset, classifier)


def _icon_key(
    given: argparse.Namespace, classifier: Classifier, layer: str, channel: int, preset: str
) -> str:
    request = _icon_request(given, classifier, layer, (channel,), preset)
    return content_key(request, fingerprint=classifier.fingerprint, recipe=RECIPE)


def _stored(
    given: argparse.Namespace, classifier: Classifier, store: Store, pack: Pack | None, layer: str,
    channel: int,
) -> bytes | None:  # fmt: skip
    """The best picture that is there: in full quality, of the starter pack, a quick one."""
    shipped = None if pack is None else pack.picture(layer, channel)
    for preset in ("full", "preview"):
        found = store.read(_icon_key(given, classifier, layer, channel, preset))
        if found is not None:
            return found[0]
        if shipped is not None:
            return shipped.data
    return None


def _drawn_icons(
    given: argparse.Namespace, classifier: Classifier, store: Store, layer: str,
    channels: list[int], deadline: float,
) -> dict[tuple[str, int], bytes]:  # fmt: skip
    """Draws a few icons; past the deadline they are taken as they are, and not kept."""
    frames = render(classifier, _icon_request(given, classifier, layer, tuple(channels), "preview"))
    frame = next(frames)
    while not frame.done and time.monotonic() < deadline:
        frame = next(frames)
    icons = {}
    for i, channel in enumerate(channels):
        icons[layer, channel] = encode("webp", frame.images[i])[0]
        if frame.done:
            key = _icon_key(given, classifier, layer, channel, "preview")
            meta = {"activation": frame.activations[i], "dead": frame.dead[i], "steps": frame.step}
            store.put(key, "webp", frame.images[i], meta=meta)
    return icons
