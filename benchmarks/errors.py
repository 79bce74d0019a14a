"""Whether the reasons given for a network's errors are the reasons, layer by layer.

    python -m benchmarks.errors --images DIR [DIR ...] --out errors.json [--model M]
        [--layers L,M] [--count 100] [--ranked 100] [--by claim|gradient|path|turns]

Wrongly answered labelled pictures, drawn at random; the margin is the class said minus the true
one. For every layer of the ladder it is measured what the margin loses without the 5 % of the
neurons that speak most for it, beside as many random and as many equally active others; how well
the order of the effects is the order of what single removals cost; and whether neurons that go, or
come, in order of effect change the margin sooner than in random orders. What is finished is kept
in ``--out``, and a run that is started again goes on from there, also with more pictures.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis import photos
from analysis.attribution import LayerEffect, Target, attribute, integrate
from analysis.evaluation import Evaluation
from analysis.faithfulness import SHARE
from analysis.layers import Layer, find_layer, ladder
from analysis.models import Classifier, load
from analysis.tail import Tail
from analysis.turns import chosen, in_turn
from benchmarks.errors_one import Record, ranked, removal
from benchmarks.errors_table import tables
from cache.errors import UserError
from cache.location import cache_dir
from dashboard import cli_output as out
from dashboard.answered import Answered

CHUNK = 64  # pictures that are answered at a time, until there are enough errors


@dataclass(frozen=True)
class Error:
    """A picture and the margin that is explained: the class said rather than the true one."""

    picture: photos.Picture
    target: Target


def errors(
    classifier: Classifier, folders: Sequence[Path], root: Path, count: int
) -> Iterator[Error]:
    """Up to ``count`` wrongly answered pictures of the folders, in an order drawn once, so that
    fewer are always the first of more; the same picture once."""
    every = [picture for path in folders for picture in photos.folder(path) if picture.label]
    order = np.random.default_rng(0).permutation(len(every))
    found: dict[str, Error] = {}
    for start in range(0, len(every), CHUNK):
        some = [every[i] for i in order[start : start + CHUNK]]
        for error in _wrong(classifier, some, root):
            if len(found) < count and error.picture.key not in found:
                found[error.picture.key] = error
                yield error
        if len(found) >= count:
            return


def _wrong(classifier: Classifier, pictures: list[photos.Picture], root: Path) -> Iterator[Error]:
    run = Evaluation(classifier, pictures, root)
    show = out.progress("answered")
    for step in run.run():
        show(step.done, step.total)
    known = Answered(classifier, tuple(pictures), run.result())
    for row in np.flatnonzero(known.judged.wrong):
        picture = known.picture(row)
        assert isinstance(picture, photos.Picture)
        target = Target(int(known.judged.said[row]), int(known.judged.labels[row]))
        yield Error(picture, target)


class Kept:
    """The results on disk: {layer: {picture: {part: record}}}."""

    def __init__(self, path: Path, asked: Record) -> None:
        self.path, self.asked = path, asked
        known = json.loads(path.read_text()) if path.exists() else {"asked": asked, "layers": {}}
        if known["asked"] != asked:
            raise UserError(f"{path} was measured otherwise ({known['asked']}): name another --out")
        self.layers: dict[str, dict[str, Record]] = known["layers"]

    def has(self, layer: str, key: str, part: str) -> bool:
        return part in self.layers.get(layer, {}).get(key, {})

    def put(self, layer: str, key: str, part: str, record: Record) -> None:
        self.layers.setdefault(layer, {}).setdefault(key, {})[part] = record

    def save(self) -> None:
        """In one step: a run may be ended at any time."""
        draft = self.path.with_name(f"{self.path.name}.draft")
        draft.write_text(json.dumps({"asked": self.asked, "layers": self.layers}))
        draft.replace(self.path)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="labelled folders")
    parser.add_argument("--out", type=Path, required=True, help="JSON, gone on with if it is there")
    parser.add_argument("--model", default="squeezenet1_1")
    parser.add_argument("--layers", help="with commas, in place of the ladder")
    parser.add_argument("--count", type=int, default=100, help="errors")
    parser.add_argument("--ranked", type=int, help="errors with single removals and curves: all")
    parser.add_argument(
        "--by", choices=("claim", "gradient", "path", "turns"), default="claim",
        help="as the page claims: gradient x activation, or neurons chosen in turn, each time with "
        "a new gradient, where that moves the margin further; or always the first, always the "
        "second (the removal alone), or integrated along the path from zero",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=100, help="on the path")
    parser.add_argument("--draws", type=int, default=20, help="control sets for each picture")
    parser.add_argument("--singles", type=int, default=128, help="neurons removed one by one")
    parser.add_argument("--orders", type=int, default=3, help="random orders of the curves")
    parser.add_argument("--cache", help="where the answers are kept (default: the program's)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def attributed(
    given: argparse.Namespace, classifier: Classifier, x: torch.Tensor, tail: Tail, target: Target
) -> tuple[LayerEffect, float]:
    """The effects in the tail's layer, and the seconds that they take."""
    began = time.perf_counter()
    if given.by == "path":
        one: LayerEffect = integrate(classifier, x, tail.name, target, steps=given.steps, tail=tail)
    else:
        one = attribute(classifier, x, [tail.name], target).layers[tail.name]
    return one, time.perf_counter() - began


def measured(
    given: argparse.Namespace, classifier: Classifier, error: Error, layer: Layer, part: str
) -> Record:
    """One part, "removal" or "ranked", of what is measured of a picture in a layer."""
    image = error.picture.decode(min_side=classifier.resize)
    x = classifier.tensor(classifier.pixels(image))
    tail = Tail(classifier.module, layer.name, x)
    one, seconds = attributed(given, classifier, x, tail, error.target)
    seed = int(error.picture.key[:8], 16)
    if part == "ranked":
        return ranked(tail, one, error.target, most=given.singles, orders=given.orders, seed=seed)
    began, turns, count = time.perf_counter(), None, max(1, round(SHARE * layer.channels))
    if given.by == "turns":
        turns = in_turn(tail, layer, error.target, count)
        seconds = time.perf_counter() - began
    elif given.by == "claim":
        turns = chosen(tail, one, error.target, count)
        seconds += time.perf_counter() - began
    found = removal(tail, one, error.target, draws=given.draws, seed=seed, turns=turns)
    return found | {"attributed": seconds}


def measure(
    given: argparse.Namespace, classifier: Classifier, layers: Sequence[Layer], kept: Kept
) -> list[str]:
    """Measures what is missing in ``kept``, removals first; the keys of the pictures."""
    every = list(errors(classifier, given.images, cache_dir(given.cache), given.count))
    ranks = given.count if given.ranked is None else given.ranked
    ranks = 0 if given.by == "turns" else ranks
    for part, some in (("removal", every), ("ranked", every[:ranks])):
        for number, error in enumerate(some, 1):
            key = error.picture.key
            missing = [x for x in layers if not kept.has(x.name, key, part)]
            for layer in missing:
                kept.put(layer.name, key, part, measured(given, classifier, error, layer, part))
            if missing:
                kept.save()
                print(f"{part}: {number} of {len(some)} errors", file=sys.stderr, flush=True)
    return [error.picture.key for error in every]


def main() -> None:
    given = options()
    torch.set_num_threads(given.threads)
    classifier = load(given.model, device="cpu")
    named = given.layers.split(",") if given.layers else []
    layers = [find_layer(classifier, n) for n in named] or list(ladder(classifier))
    asked: Record = {k: vars(given)[k] for k in ("by", "draws", "singles", "orders")}
    asked |= {"network": classifier.fingerprint, "steps": given.steps if given.by == "path" else 0}
    kept = Kept(given.out, asked)
    keys = measure(given, classifier, layers, kept)
    print(f"{classifier.name}: {len(keys)} errors, by {given.by}")
    for line in tables({x.name: kept.layers.get(x.name, {}) for x in layers}, keys):
        print(line)


if __name__ == "__main__":
    main()
