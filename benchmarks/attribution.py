"""Five layers' attributions in one pass against captum layer by layer: ratios of one run.

    python -m benchmarks.attribution --model ../shared/models/bvlc_googlenet.py:load
    python -m benchmarks.attribution --model squeezenet1_1

The same picture, target (A rather than B) and layers for all; captum is asked as its manual says,
``LayerGradientXActivation(forward, layer).attribute(x)`` for each layer in turn: on the network as
its file makes it, and on the same network as ``analysis.models`` prepares it (which is faster).
Last comes captum with the list of layers, which also takes one pass. Rounds are interleaved, so
that a busy machine slows all; the figure is the median of the rounds' ratios, with the smallest and
largest. The results are compared as well.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn

from analysis import images
from analysis.attribution import Attributions, Target, attribute, default_target
from analysis.layers import ladder, to_positions
from analysis.models import load
from analysis.sources import find_source

Captum = dict[str, Tensor]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="squeezenet1_1")
    parser.add_argument("--layers", help="five layers with commas between; default: of the ladder")
    parser.add_argument("--image", type=Path, help="default: noise")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser.parse_args()


def one_by_one(module: nn.Module, x: Tensor, names: list[str], target: Target) -> Captum:
    """Captum, layer by layer."""
    found = {}
    for name in names:
        method = LayerGradientXActivation(
            lambda x: target.margin(module(x)), module.get_submodule(name)
        )
        found[name] = method.attribute(x)
    return found


def listed(module: nn.Module, x: Tensor, names: list[str], target: Target) -> Captum:
    """Captum with all layers in one call."""
    layers = [module.get_submodule(name) for name in names]
    method = LayerGradientXActivation(lambda x: target.margin(module(x)), layers)
    return dict(zip(names, method.attribute(x), strict=True))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def difference(ours: Attributions, captum: Captum) -> float:
    """The largest difference as a part of the layer's largest effect."""
    worst = 0.0
    for name, one in ours.layers.items():
        theirs = to_positions(captum[name].detach(), one.layer)[0].cpu().numpy()
        worst = max(worst, float(abs(one.effect - theirs).max() / abs(theirs).max()))
    return worst


def main() -> None:
    given = options()
    torch.set_num_threads(given.threads)
    classifier = load(given.model)
    names = given.layers.split(",") if given.layers else [s.name for s in ladder(classifier)[-5:]]
    plain = find_source(given.model, trained=True).module.eval()
    x = classifier.probe()
    if given.image:
        x = classifier.tensor(classifier.pixels(images.decode(given.image)))
    with torch.no_grad():
        target = default_target(classifier.module(x).cpu())
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: attribute(classifier, x, names, target),
        "captum, by layer, prepared": lambda: one_by_one(classifier.module, x, names, target),
        "captum, by layer, as made": lambda: one_by_one(plain, x.contiguous(), names, target),
        "captum, list of layers": lambda: listed(classifier.module, x, names, target),
    }
    ours = attribute(classifier, x, names, target)
    print(f"{given.model}: {', '.join(names)}; {given.rounds} rounds, {given.threads} threads")
    theirs = one_by_one(classifier.module, x, names, target)
    print(f"largest difference: {difference(ours, theirs):.1e}")
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(given.rounds):
        for way, work in ways.items():
            times[way].append(seconds(work))
    for way, took in times.items():
        ratios = [t / o for t, o in zip(took, times["ours"], strict=True)]
        print(
            f"  {way:28} {1000 * statistics.median(took):7.0f} ms   "
            f"{statistics.median(ratios):5.1f} x ({min(ratios):.1f} to {max(ratios):.1f})"
        )


if __name__ == "__main__":
    main()
