"""How fast a dream is, beside a plain loop and a textbook's, and what memory large pictures take.

    python -m benchmarks.dream [--model M --layer L] [--size 512] [--rounds 3] [--minutes 10]
    python -m benchmarks.dream --memory 1,3,12,24 [--mode style|kept]

Three ways of the same dream (4 octaves of 10 steps) on the same photograph, step by step in turn so
that whatever else the machine does falls on all alike; each figure is the first quartile of a
step's seconds over the rounds, as other work only adds to them. "plain": the engine's own gradient
in a bare loop with torch.roll, no tiles, no frames. "textbook": as tutorials have it, a hook, the
whole forward pass, contiguous memory, torch's own response norm, single precision (its weights are
frozen, too). ``--memory``: the peak of the whole command's memory, from a photograph's file to the
result's, in two octaves of one step (``--mode``: eight steps of a style or a caricature), for
pictures of so many megapixels; and how much of it a further pixel costs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from analysis.dream import pyramid
from analysis.dream.aims import aim_of
from analysis.dream.engine import Dreamer
from analysis.dream.gamut import move
from analysis.dream.settings import Dream
from analysis.dream.tiles import Feed
from analysis.models import Classifier, load
from analysis.speed import BandedResponseNorm

Pixels = NDArray[np.uint8]
Way = Callable[[Tensor], Any]
STEP, JITTER = 1.5 / 255, 32
SMALLEST = 0.25  # megapixels: what all the others are compared with


def photograph() -> Pixels:
    """scikit-learn's "china", 640 x 427."""
    from sklearn.datasets import load_sample_image

    return np.array(load_sample_image("china.jpg"))


def engine(dreamer: Dreamer) -> Way:
    random = torch.Generator().manual_seed(0)

    def step(picture: Tensor) -> None:
        for _ in dreamer.step(picture, torch.empty_like(picture), random):
            pass

    return step


def looped(gradient: Callable[[Tensor], Tensor]) -> Way:
    """google/deepdream's ``make_step`` around a gradient."""
    random = torch.Generator().manual_seed(0)

    def step(picture: Tensor) -> None:
        down, right = torch.randint(-JITTER, JITTER + 1, (2,), generator=random).tolist()
        rolled = torch.roll(picture, (down, right), (2, 3))
        grad = gradient(rolled)
        rolled = rolled.detach().clone()
        move(rolled, grad, STEP / float(grad.abs().mean()))
        picture.copy_(torch.roll(rolled, (-down, -right), (2, 3)))

    return step


def plain(feed: Feed) -> Way:
    """The engine's arithmetic (early end, channels last, bfloat16 where it is used) in a loop."""

    def gradient(rolled: Tensor) -> Tensor:
        leaf = rolled.requires_grad_()
        score = feed.observer.objective.score(feed.observer.fields(leaf, feed.observer.light))
        (grad,) = torch.autograd.grad(score.sum(), leaf)
        return grad

    return looped(gradient)


def textbook(classifier: Classifier, layer: str) -> Way:
    """A forward hook on a module, the whole network, torch's own everything."""
    from copy import deepcopy

    module = unbanded(deepcopy(classifier.module)).to(memory_format=torch.contiguous_format)
    caught: list[Tensor] = []
    module.get_submodule(layer).register_forward_hook(lambda m, i, o: caught.append(o))

    def gradient(rolled: Tensor) -> Tensor:
        leaf = rolled.clone().requires_grad_()
        caught.clear()
        module(classifier.normalise(leaf))
        caught[0].norm().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        return leaf.grad

    return looped(gradient)


def unbanded(module: nn.Module) -> nn.Module:
    """With torch's own response norms again."""
    for name, child in list(module.named_children()):
        if isinstance(child, BandedResponseNorm):
            norm = nn.LocalResponseNorm(child.size, child.alpha, child.beta, child.k)
            setattr(module, name, norm)
        else:
            unbanded(child)
    return module


def timed(
    classifier: Classifier, dream: Dream, size: int, rounds: int, minutes: float
) -> Iterator[dict[str, Any]]:
    """Per octave: the seconds of a step in each way."""
    dreamer = Dreamer(classifier, aim_of(classifier, dream), dream)
    ways = {
        "engine": engine(dreamer),
        "plain": plain(dreamer.feed),
        "textbook": textbook(classifier, dream.layer),
    }
    base = pyramid.to_tensor(photograph(), 3, classifier.device)
    h, w = base.shape[2:]
    full = pyramid.long_side((h, w), size)
    levels = pyramid.sizes(full, dream.octaves, dream.scale)
    until = time.monotonic() + 60 * minutes
    for octave, level in enumerate(levels, start=1):
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        own = pyramid.resized(pyramid.Source.of(base), level).whole()
        pictures = {name: own.clone() for name in ways}
        for way, picture in zip(ways.values(), pictures.values(), strict=True):
            way(picture)  # kernels are laid out
        for turn in range(dream.iterations * rounds):
            if time.monotonic() > until and turn > 4:
                break
            names = list(ways)
            for name in names[turn % 3 :] + names[: turn % 3]:
                began = time.perf_counter()
                ways[name](pictures[name])
                seconds[name].append(time.perf_counter() - began)
        middle = {name: statistics.quantiles(found, n=4)[0] for name, found in seconds.items()}
        yield {"octave": octave, "size": level, "turns": len(seconds["engine"]), **middle}


def told(rows: list[dict[str, Any]]) -> None:
    whole = {"engine": 0.0, "plain": 0.0, "textbook": 0.0}
    print("octave  size        engine   plain  textbook  (s a step)  /plain  textbook/")
    for row in rows:
        h, w = row["size"]
        print(
            f"{row['octave']:6}  {h:4}x{w:<5} {row['engine']:8.3f}{row['plain']:8.3f}"
            f"{row['textbook']:10.3f}{row['engine'] / row['plain']:20.2f}"
            f"{row['textbook'] / row['engine']:11.2f}"
        )
        for name in whole:
            whole[name] += 10 * row[name]
    print(
        f"whole dream: engine {whole['engine']:.1f} s, plain {whole['plain']:.1f} s, textbook "
        f"{whole['textbook']:.1f} s; engine / plain {whole['engine'] / whole['plain']:.2f}, "
        f"textbook / engine {whole['textbook'] / whole['engine']:.2f}"
    )


def memory(options: list[str], megapixels: list[float]) -> None:
    """Prints the peaks of one command after the other."""
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in (SMALLEST, *sorted(set(megapixels) - {SMALLEST})):
            width = round((size * 1e6 * 4 / 3) ** 0.5)
            began = time.perf_counter()
            peak = _peak(Path(folder), width, options)
            line = f"{size:g} megapixels: at most {peak / 2**20:.0f} MiB"
            for before, least in dict.fromkeys((*found[:1], *found[-1:])):
                each = (peak - least) / (size - before) / 1e6
                line += f", {each:.1f} bytes a pixel more than at {before:g}"
            print(f"{line}; {time.perf_counter() - began:.0f} s", flush=True)
            found.append((size, peak))


def _options(mode: str, model: str, layer: str) -> list[str]:
    """What tells the command how to dream, but for the size; in a style the guide is added."""
    few = {"dream": ["--octaves", "2", "--iterations", "1"]}.get(mode, ["--steps", "8"])
    of = [] if mode == "style" else ["--layer", layer]
    return ["--mode", mode, "--model", model, *of, *few]


def _peak(folder: Path, width: int, options: list[str]) -> float:
    """Bytes that the command took at once for a picture so wide."""
    source, cache = folder / f"{width}.jpg", folder / "cache"
    Image.fromarray(photograph()).resize((width, width * 3 // 4)).save(source, quality=92)
    guide = ["--guide", source] if "style" in options else []
    words = ["dream", source, *options, *guide, "--size", width, "--cache", cache,
             "-o", folder / "made.png"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard.cli", *map(str, words)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the command failed: {' '.join(map(str, words))}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="squeezenet1_1")
    parser.add_argument("--layer", default="features.7")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--memory", default="")
    parser.add_argument("--mode", default="dream", choices=("dream", "style", "kept"))
    given = parser.parse_args()
    if given.memory:
        options = _options(given.mode, given.model, given.layer)
        memory(options, [float(part) for part in given.memory.split(",")])
        return
    torch.set_num_threads(2)
    classifier = load(given.model, device="cpu")
    dream = Dream(layer=given.layer)
    told(list(timed(classifier, dream, given.size, given.rounds, given.minutes / 4)))


if __name__ == "__main__":
    main()
