"""Makes the starter pack: icons of every channel, class pictures, reference numbers.

    python -m analysis.starter --out DIR [--layers L,...] [--units N] [--minutes M]
        [--photos DIR...] [--device auto|cpu|cuda|mps] [--work DIR] [--sheet DIR]

Every batch of pictures goes into the work folder as soon as it is drawn (a store of its own, keyed
by the request, the weights and the recipe), so a run that is killed goes on where it was, and
nothing of another recipe is taken over. The pack is written at the end, also of what there is
after ``--minutes``. Pictures are drawn in full quality and made smaller afterwards.
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.processor import settle

settle()  # before torch is imported

from analysis import photos, reference  # noqa: E402
from analysis.featurevis import precision  # noqa: E402
from analysis.featurevis.icons import PRESETS, RECIPE, IconRequest, render  # noqa: E402
from analysis.layers import find_layer  # noqa: E402
from analysis.models import load  # noqa: E402
from analysis.trust import answers  # noqa: E402
from cache.errors import UserError, ended  # noqa: E402
from cache.files import Draft, disk_errors  # noqa: E402
from cache.keys import content_key  # noqa: E402
from cache.reference import Reference  # noqa: E402
from cache.starter import CLASSES, pack_bytes  # noqa: E402
from cache.store import Store  # noqa: E402

if TYPE_CHECKING:
    from analysis.models import Classifier

MODEL, PRESET, SEED, BATCH = "squeezenet1_1", "full", 0, 8
QUALITY = 56  # of the WebP pictures: by looking hardly to be told from 80, and a third smaller
LIMIT = 14 * 10**6  # bytes, of the whole pack
Array = NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """How the pictures of one layer are made. ``side``: pixels that are kept; ``input_size``: what
    the network is fed; ``steps``; ``seconds``: of two cores for one picture, for the first
    estimate."""

    side: int
    input_size: int
    steps: int
    seconds: float


# The deepest layers first, so that a run that is ended early has what says most. What the first
# layers look for is a few pixels large: drawn at 224 and made smaller, stripes run into each other
# and a lattice of dots is gone; at a network input of 96 each repeats a few times, and is seen. 32
# steps less than a full icon's: at this size the eye does not tell them apart, though they reach
# .9 of its activation; class pictures at 160 likewise.
KINDS = {
    "features.12": Kind(96, 224, 112, 0.8),
    "features.11": Kind(96, 224, 112, 0.8),
    "features.10": Kind(96, 224, 112, 0.75),
    "features.9": Kind(96, 224, 112, 0.7),
    CLASSES: Kind(80, 160, 112, 0.5),
    "features.7": Kind(96, 224, 112, 0.7),
    "features.6": Kind(96, 96, 112, 0.3),
    "features.4": Kind(64, 96, 112, 0.25),
    "features.3": Kind(64, 96, 112, 0.2),
}


@dataclass(frozen=True)
class Batch:
    """Some pictures of one layer and the side that they are kept at; what the work folder knows
    them by."""

    request: IconRequest
    side: int


def batch_of(name: str, units: Sequence[int]) -> Batch:
    """The request for pictures of a layer, or of ``CLASSES``."""
    kind, preset = KINDS[name], asdict(PRESETS[PRESET])
    first = preset["first_size"]
    preset["steps"] = kind.steps
    if kind.input_size < preset["input_size"]:  # a small input is small from the first step on
        preset |= {
            "input_size": kind.input_size, "size": min(preset["size"], kind.input_size),
            "first_size": None if first is None or first >= kind.input_size else first,
        }  # fmt: skip
    request = replace(IconRequest(units=tuple(units), seed=SEED), **preset)
    if name == CLASSES:
        return Batch(replace(request, objective="class"), kind.side)
    return Batch(replace(request, layer=name), kind.side)


def drawn(classifier: "Classifier", batch: Batch) -> dict[str, Array]:
    """``images`` (B, side, side, 3), and of each ``reached``, ``peak`` (not of classes), ``dead``
    and ``steps``."""
    request = batch.request
    *_, frame = render(classifier, request, every=request.steps)
    found: dict[str, Array] = {
        "images": np.stack([smaller(image, batch.side) for image in frame.images]),
        "reached": np.array(frame.activations, np.float32),
        "dead": np.array(frame.dead, np.uint8),
        "steps": np.full(len(frame.images), frame.step, np.uint16),
    }
    if request.objective != "class":
        seen = answers(classifier, request.layer, frame.images, input_size=frame.input_size)
        rows = np.arange(len(request.units))
        found["peak"] = seen.strongest[rows, list(request.units)].astype(np.float32)
    return found


def smaller(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture at ``side`` pixels, antialiased."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))


def webp(image: NDArray[np.uint8]) -> bytes:
    """As the pack keeps a picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=QUALITY, method=6)
    return buffer.getvalue()


class Work:
    """Which pictures there are to be, and which of them the work folder has."""

    def __init__(self, classifier: "Classifier", store: Store, names: Sequence[str], few: int):
        self.classifier, self.store, self.names = classifier, store, list(names)
        self.units = {name: min(few or 10**6, self.count(name)) for name in names}

    def count(self, name: str) -> int:
        """How many channels a layer has, or the network classes."""
        if name == CLASSES:
            return len(self.classifier.categories)
        return find_layer(self.classifier, name).channels

    def batches(self, name: str) -> Iterator[tuple[list[int], Batch, str]]:
        """The units of each batch, its request, and its key in the work folder."""
        for first in range(0, self.units[name], BATCH):
            units = list(range(first, min(first + BATCH, self.units[name])))
            batch = batch_of(name, units)
            key = content_key(batch, fingerprint=self.classifier.fingerprint, recipe=RECIPE)
            yield units, batch, key

    def draw(self, *, until: float) -> None:
        """Draws what is missing until the clock says ``until``."""
        missing = [
            (name, units, batch, key) for name in self.names
            for units, batch, key in self.batches(name) if not self.store.has(key)
        ]  # fmt: skip
        clock = Clock(sum(KINDS[name].seconds * len(units) for name, units, *_ in missing))
        for name, units, batch, key in missing:
            if monotonic() > until:
                print("the time is up; run it again to go on", file=sys.stderr)
                return
            started = monotonic()
            self.store.put(key, "arrays", drawn(self.classifier, batch))
            each = (monotonic() - started) / len(units)
            left = clock.after(KINDS[name].seconds * len(units))
            line = f"{name}: {units[-1] + 1} of {self.units[name]}, {each:.2f} s each, {left}"
            print(line, file=sys.stderr, flush=True)

    def part(
        self, name: str, found: Reference | None
    ) -> tuple[dict[str, Any], list[bytes], dict[str, Array]]:
        """A layer as ``pack_bytes`` takes it, of what there is."""
        count = self.count(name)
        pictures = [b""] * count
        kinds = {"reached": np.float32, "dead": np.uint8, "steps": np.uint16, "peak": np.float32}
        numbers: dict[str, Array] = {
            kind: np.zeros(count, dtype) for kind, dtype in kinds.items()
            if kind != "peak" or name != CLASSES
        }  # fmt: skip
        for units, _, key in self.batches(name):
            entry = self.store.get(key)
            if entry is None:
                continue
            for row, unit in enumerate(units):
                pictures[unit] = webp(entry.value["images"][row])
                for kind, array in numbers.items():
                    array[unit] = entry.value[kind][row]
        made = KINDS[name]
        about = {
            "side": made.side, "input_size": made.input_size, "steps": made.steps,
            "drawn": sum(map(bool, pictures)), "reference": found is not None,
        }  # fmt: skip
        return about, pictures, {**numbers, **(found.arrays() if found else {})}


class Clock:
    """How long it still takes, by what the pictures drawn so far took beside their expectation."""

    def __init__(self, expected: float) -> None:
        self.expected, self.done, self.started = expected, 0.0, monotonic()

    def after(self, seconds: float) -> str:
        """The estimate, ``seconds`` of the expectation later."""
        self.done += seconds
        left = (monotonic() - self.started) * (self.expected - self.done) / self.done
        return f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"


def manifest(classifier: "Classifier", collections: Sequence[photos.Collection]) -> dict[str, Any]:
    """What the pack was made from."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        program = version("neuronscope")
    except PackageNotFoundError:
        program = "a checkout"
    sets = reference.counts_of(collections)
    numbers = {
        "recipe": reference.RECIPE, "pictures": sum(sets.values()), "sets": dict(sets),
        "classes": "as the network answers", "enough": reference.ENOUGH,
    }  # fmt: skip
    return {
        "program": program, "model": MODEL, "fingerprint": classifier.fingerprint, "seed": SEED,
        "recipe": RECIPE, "preset": asdict(PRESETS[PRESET]), "quality": QUALITY,
        "made_on": made_on(classifier),
        "reference": numbers if collections else None,
    }  # fmt: skip


def made_on(classifier: "Classifier") -> dict[str, str]:
    """What decides, beside the recipe, which picture an ascent ends at: rounding is enough to lead
    to another one that excites the unit as much."""
    light = next(precision.light(classifier).parameters()).dtype
    return {"device": classifier.device.type, "gradients": str(light).removeprefix("torch.")}


def write(folder: Path, content: dict[str, bytes]) -> None:
    """Puts the files of a pack in place, ``pack.json`` last; what else lay there goes."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in content.items():
            with Draft(folder / name) as draft:
                draft.write(data)
                draft.publish(used=time_ns())
        for old in folder.iterdir():
            if old.suffix in (".pictures", ".safetensors") and old.name not in content:
                old.unlink()


def build(given: argparse.Namespace) -> None:
    """Draws, measures, writes. Raises UserError."""
    classifier = load(MODEL, device=given.device)
    names = [n.strip() for n in given.layers.split(",")] if given.layers else list(KINDS)
    unknown = [name for name in names if name not in KINDS]
    if unknown:
        raise UserError(f"no layer of the pack: {unknown[0]}; there are {', '.join(KINDS)}")
    collections = [photos.folder(path) for path in given.photos]
    until = monotonic() + 60 * given.minutes if given.minutes else float("inf")
    store = Store(given.work or given.out.absolute().parent / f".{given.out.name}-work")
    measured: dict[str, Reference] = {}
    layers = [name for name in names if name != CLASSES]
    if collections and layers:
        measured = reference.measure(classifier, layers, collections, store, _counted)
    work = Work(classifier, store, names, given.units)
    work.draw(until=until)
    parts = {name: work.part(name, measured.get(name)) for name in names}
    content = pack_bytes(manifest(classifier, collections), parts)
    size = sum(map(len, content.values()))
    if size > LIMIT:
        raise UserError(f"the pack has {size:,} bytes, more than {LIMIT:,}: lower its quality")
    write(given.out, content)
    for name, (about, pictures, _) in parts.items():
        drawn_bytes = sum(map(len, pictures))
        print(f"{name}: {about['drawn']} of {len(pictures)} pictures, {drawn_bytes:,} bytes")
    print(f"{size:,} bytes in {given.out}")


def _counted(done: int, total: int) -> None:
    if done == total or not done % 200:
        print(f"reference photographs: {done} of {total}", file=sys.stderr, flush=True)


def options() -> argparse.ArgumentParser:
    """The words of the command."""
    parser = argparse.ArgumentParser("python -m analysis.starter", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the pack's folder")
    parser.add_argument("--layers", metavar="L,...", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--units", type=int, default=0, metavar="N", help="the first N of a layer")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop drawing after so long")
    parser.add_argument("--photos", type=Path, nargs="*", default=[], metavar="DIR")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--work", type=Path, metavar="DIR", help="what is drawn so far")
    return parser


def main() -> int:
    """As ``ended``."""
    return ended(lambda: build(options().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
