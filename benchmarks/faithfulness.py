"""How true the explanations are, measured on real photographs.

    python -m benchmarks.faithfulness --images DIR [--model M] [--layer L] [--count 50]

Prints, for one network and layer: how exactly gradient x activation agrees with the derivative
worked out by hand (SqueezeNet), how well path integration adds up, and how far the margin moves
without the top neurons, without as many random others and without as many equally active others.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis import images
from analysis.ablation import logits_of, without
from analysis.attribution import LayerEffect, Target, attribute, default_target, integrate
from analysis.faithfulness import check
from analysis.flips import margins_of
from analysis.layers import find_layer
from analysis.models import Classifier, load
from analysis.tail import Tail


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, required=True, help="a folder with labels.csv")
    parser.add_argument("--model", default="squeezenet1_1")
    parser.add_argument("--layer", default="features.9")
    parser.add_argument("--count", type=int, default=50, help="how many pictures")
    parser.add_argument("--draws", type=int, default=20, help="control sets for each picture")
    parser.add_argument(
        "--target", choices=("true", "second"), default="true",
        help="margin over the true class where the answer is wrong, or always over the second",
    )  # fmt: skip
    parser.add_argument("--paths", type=int, default=10, help="pictures for path integration")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def pictures(folder: Path, count: int) -> Iterator[tuple[Path, int | None]]:
    """``count`` pictures spread evenly over the folder, with their class index where it is told."""
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i in np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int):
        index = rows[i].get("class_index")
        yield folder / rows[i]["file"], int(index) if index else None


def hand_derivative(module: nn.Module, start: int, h: Tensor, target: Target) -> Tensor:
    """d margin / d h of torchvision's SqueezeNet 1.1 from ``features[start]``, by the chain rule.

    Written out with transposed convolutions and the masks of the ReLUs; no autograd. ``h`` is the
    output of ``features[start]`` (start 9 to 12), (1, C, 13, 13), in any precision.
    """
    fires = [module.get_submodule(f"features.{i}") for i in range(start + 1, 13)]
    kept: list[tuple[nn.Module, Tensor, Tensor, Tensor]] = []
    for fire in fires:
        s = _conv(fire.squeeze, h).clamp(min=0)
        one, three = _conv(fire.expand1x1, s), _conv(fire.expand3x3, s)
        kept.append((fire, s, one, three))
        h = torch.cat([one, three], 1).clamp(min=0)
    last = module.get_submodule("classifier.1")
    out = _conv(last, h)
    gradient = torch.zeros_like(out)
    gradient[:, target.a] = 1 / out[0, 0].numel()
    if target.rather_than is not None:
        gradient[:, target.rather_than] = -1 / out[0, 0].numel()
    gradient = _back(last, gradient * (out > 0))
    for fire, s, one, three in reversed(kept):
        left, right = gradient.split([one.shape[1], three.shape[1]], 1)
        inner = _back(fire.expand1x1, left * (one > 0)) + _back(fire.expand3x3, right * (three > 0))
        gradient = _back(fire.squeeze, inner * (s > 0))
    return gradient


def _conv(conv: nn.Module, x: Tensor) -> Tensor:
    return functional.conv2d(x, conv.weight.to(x), conv.bias.to(x), padding=conv.padding)


def _back(conv: nn.Module, g: Tensor) -> Tensor:
    return functional.conv_transpose2d(g, conv.weight.to(g), padding=conv.padding)


def hand_error(
    classifier: Classifier,
    one: LayerEffect,
    x: Tensor,
    target: Target,
    precision: torch.dtype = torch.float32,
) -> float:
    """The largest difference of gradient x activation from the hand-written one, as a part of the
    largest effect.

    In the network's own float32 the ReLUs agree. In float64 one that lies within rounding of zero
    may fall on the other side, which is a difference of the pictures' numbers, not of the formula.
    """
    start = int(one.layer.name.split(".")[1])
    h = Tail(classifier.module, one.layer.name, x).activation.to(precision)
    with torch.no_grad():
        by_hand = (hand_derivative(classifier.module, start, h, target) * h)[0].flatten(1).numpy()
    return float(np.abs(one.effect - by_hand).max() / np.abs(by_hand).max())


def as_drawn_from_all(tail: Tail, one: LayerEffect, target: Target, count: int, rng) -> float:
    """Mean distance moved without ``count`` neurons drawn from all, the removed ones included."""
    sets = [rng.choice(one.layer.channels, count, replace=False).tolist() for _ in range(20)]
    logits = logits_of(tail, one.layer, (without(one.layer, s) for s in sets))
    return float(np.abs(margins_of(target, logits) - float(target.margin(tail.logits)[0])).mean())


def main() -> None:
    given = options()
    torch.set_num_threads(given.threads)
    classifier = load(given.model)
    layer = find_layer(classifier, given.layer)
    rows, gaps, errors, seconds = [], [], [], []
    for i, (path, true) in enumerate(pictures(given.images, given.count)):
        x = classifier.tensor(classifier.pixels(images.decode(path, min_side=classifier.resize)))
        with torch.no_grad():
            logits = classifier.module(x)
        target = default_target(logits, true=true if given.target == "true" else None)
        one = attribute(classifier, x, [layer.name], target).layers[layer.name]
        tail = Tail(classifier.module, layer.name, x)
        began = time.perf_counter()
        found = check(tail, one, target, draws=given.draws, seed=i)
        seconds.append(time.perf_counter() - began)
        rng = np.random.default_rng(i)
        anyone = as_drawn_from_all(tail, one, target, len(found.channels), rng)
        rows.append((found, anyone))
        if i < given.paths:
            for goal in (Target(target.a), target):
                way = integrate(classifier, x, layer.name, goal, tail=tail)
                gaps.append((goal.rather_than is None, way.gap, way.steps, way.expected))
            if given.model == "squeezenet1_1" and given.layer in HAND:
                pair = [hand_error(classifier, one, x, target, t) for t in PRECISIONS]
                errors.append(pair)
    report(given, rows, gaps, errors, seconds)


PRECISIONS = (torch.float32, torch.float64)
HAND = ("features.9", "features.10", "features.11", "features.12")


def report(given: argparse.Namespace, rows, gaps, errors, seconds) -> None:
    checks = [row[0] for row in rows]
    usable = [c for c in checks if c.random and c.equal]
    top = np.mean([abs(c.measured) for c in usable])
    random = np.mean([c.random.moved for c in usable])
    equal = np.mean([c.equal.moved for c in usable])
    print(f"{given.model} {given.layer}, {len(usable)} pictures, {len(checks[0].channels)} neurons")
    print(f"  mean margin before                    {np.mean([c.before for c in usable]):8.3f}")
    print(f"  mean effect, as attributed            {np.mean([c.effect for c in usable]):8.3f}")
    print(f"  moved without the top neurons         {top:8.3f}")
    print(f"  ... as many random others             {random:8.3f}   {top / random:5.1f} x (aim 8)")
    print(f"  ... as many equally active others     {equal:8.3f}   {top / equal:5.1f} x (aim 4)")
    anyone = np.mean([row[1] for row in rows])
    print(f"  ... random, removed ones not spared   {anyone:8.3f}   {top / anyone:5.1f} x")
    match = [c.equal.match for c in usable]
    loose = np.mean([c.equal.unmatched for c in usable])
    print(
        f"  equally active: activation {np.mean(match):.2f} of the removed (worst picture "
        f"{min(match):.2f}); {loose:.1f} of {len(checks[0].channels)} without an equal"
    )
    print(f"  confirmed {sum(c.confirmed for c in checks)} of {len(checks)}")
    for name in ("flip", "reversal"):
        sizes = [getattr(c, name).count for c in checks if getattr(c, name)]
        if sizes:
            print(f"  {name}: {len(sizes)} of {len(checks)}, median {np.median(sizes):.0f} neurons")
    print(f"  a check took {np.median(seconds):.3f} s (median)")
    for single, name in ((True, "logit"), (False, "margin")):
        some = [gap for gap in gaps if gap[0] is single]
        if some:
            print(
                f"  path integration of the {name} adds up within "
                f"{max(g[1] for g in some):.2%} at worst, {np.median([g[1] for g in some]):.2%} in "
                f"the middle, with {np.median([g[2] for g in some]):.0f} steps"
            )
    if errors:
        worst, middle = np.max(errors, 0), np.median(errors, 0)
        print(
            f"  gradient x activation against the derivative written by hand, {len(errors)} "
            f"pictures: {worst[0]:.1e} at worst; in float64 {middle[1]:.1e} in the middle, "
            f"{worst[1]:.1e} at worst"
        )


if __name__ == "__main__":
    main()
