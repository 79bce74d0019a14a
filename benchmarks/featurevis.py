"""A step of feature visualization against Lucent's ``render_vis``: ratios of one interleaved run.

Lucent is never installed beside the project. It goes into a folder of its own, without the old
torch stack that it names as dependencies:

    python -m pip install --no-deps --target /tmp/lucent torch-lucent kornia kornia_rs tqdm \\
        future ipython decorator traitlets matplotlib-inline stack-data asttokens executing \\
        pure_eval prompt_toolkit wcwidth pygments jedi parso pexpect ptyprocess \\
        ipython-pygments-lexers
    python -m benchmarks.featurevis --lucent /tmp/lucent \\
        --model ../shared/models/bvlc_googlenet.py:load

Lucent gets the network as its file makes it; ours is the same file through ``analysis.models``.
Both draw one channel on 128 pixels with the same transforms, Adam and number of steps. Lucent feeds
the network 224 pixels whatever the picture; "at 128" sets that against our input of 128, and the
line below it gives Lucent an input of 128 as well. Rounds are interleaved, so that a busy machine
slows both; the figure is the median of the rounds' ratios, with the smallest and largest. Rounds go
through ``--layers`` in turn, each with another channel.

"share of the matrix product" sets the multiplications of a step's convolutions, there and back,
against a product of two square matrices on the same threads in the same run, in the number format
that the gradients are computed in. ``benchmarks.featurevis_reached`` compares what comes out.
"""

import argparse
import contextlib
import gc
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from analysis.featurevis.icons import IconRequest, render
from analysis.featurevis.precision import light
from analysis.layers import find_layer, run_to
from analysis.models import Classifier, load
from analysis.sources import find_source

LAYERS = "inception3b,inception4a,inception4d,inception5a"
SIDE = 2048  # of the matrices


def import_lucent(folder: Path) -> Any:
    """Lucent's render module, from its own folder, on today's kornia.

    Lucent calls two functions at the top of ``kornia`` that have moved to ``geometry.transform``.
    """
    sys.path.append(str(folder))
    import kornia
    from kornia.geometry import transform

    for name in ("get_rotation_matrix2d", "warp_affine"):
        if not hasattr(kornia, name):
            setattr(kornia, name, getattr(transform, name))
    from lucent.optvis import render as lucent_render

    return lucent_render


def lucent_step(
    lucent: Any, module: nn.Module, layer: str, channel: int, size: int | None, steps: int
) -> None:
    """One run of Lucent; its hooks, which it leaves behind, are taken off again."""
    with contextlib.redirect_stderr(io.StringIO()):
        lucent.render_vis(
            module, f"{layer}:{channel}", thresholds=(steps,), progress=False, verbose=False,
            show_image=False, show_inline=False, fixed_image_size=size,
        )  # fmt: skip
    for part in module.modules():
        part._forward_hooks.clear()


def our_step(
    classifier: Classifier, layer: str, channel: int, size: int, batch: int, steps: int
) -> None:
    """One run of ours, of ``batch`` channels at once."""
    count = find_layer(classifier, layer).channels
    units = tuple((channel + i) % count for i in range(batch))
    request = IconRequest(layer=layer, units=units, steps=steps, size=128, input_size=size)
    for _ in render(classifier, request, every=steps):
        pass


def seconds(work: Callable[[], None]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    lucent: Any,
    module: nn.Module,
    classifier: Classifier,
    layers: list[str],
    *,
    steps: int,
    rounds: int,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds a step and picture of every contestant, and the shares of the matrix product's speed
    that ours reach, round by round."""
    batch = 8

    def lucents(size: int | None) -> Callable[[str, int], None]:
        return lambda layer, c: lucent_step(lucent, module, layer, c, size, steps)

    def ours(size: int, count: int = 1) -> Callable[[str, int], None]:
        return lambda layer, c: our_step(classifier, layer, c, size, count, steps)

    runs: dict[str, tuple[Callable[[str, int], None], int, int]] = {
        "lucent 224": (lucents(None), 1, 0),
        "ours 224": (ours(224), 1, 224),
        "ours 128": (ours(128), 1, 128),
        "lucent 128": (lucents(128), 1, 0),
        "ours 128, 8 at once": (ours(128, batch), batch, 128),
        "ours 224, 8 at once": (ours(224, batch), batch, 224),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    shares: dict[str, list[float]] = {name: [] for name, run in runs.items() if run[2]}
    for turn in range(rounds):
        layer = layers[turn % len(layers)]
        channel = 37 * (turn + 1) % find_layer(classifier, layer).channels
        our_step(classifier, layer, channel, 128, 1, 2)  # lays weights out
        speed = product_speed(light(classifier))
        for name, (work, pictures, size) in runs.items():
            if turn == 0:
                work(layer, 0)  # first calls compile kernels and fill caches
            taken = seconds(lambda work=work, layer=layer, c=channel: work(layer, c))  # type: ignore[misc]
            times[name].append(taken / (steps * pictures))
            if size:
                done = multiplications(classifier, layer, size) / times[name][-1]
                shares[name].append(done / speed)
    return times, shares


def multiplications(classifier: Classifier, layer: str, size: int) -> float:
    """Floating-point operations of the convolutions in one step of one picture, there and back."""
    found: list[float] = []

    def count(module: nn.Module, _: Any, out: torch.Tensor) -> None:
        kernel = cast(nn.Conv2d, module).weight
        found.append(2.0 * out.numel() * kernel[0].numel())

    handles = [
        m.register_forward_hook(count)
        for m in classifier.module.modules()
        if isinstance(m, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            run_to(classifier.module, layer, torch.zeros(1, 3, size, size))
    finally:
        for handle in handles:
            handle.remove()
    return 2 * sum(found)


def product_speed(module: nn.Module) -> float:
    """Operations a second of a matrix product in the network's number format."""
    kind = next(module.parameters()).dtype
    a, b = (torch.rand(SIDE, SIDE).to(kind) for _ in range(2))
    taken = min(seconds(lambda: a @ b) for _ in range(4))
    return 2.0 * SIDE**3 / taken


PAIRS = {
    "same network input, 224": ("lucent 224", "ours 224"),
    "icon's own 128 px (Lucent feeds 224)": ("lucent 224", "ours 128"),
    "both fed 128": ("lucent 128", "ours 128"),
    "128 px, 8 channels at once": ("lucent 224", "ours 128, 8 at once"),
    "224 px, 8 channels at once": ("lucent 224", "ours 224, 8 at once"),
}


def summary(times: dict[str, list[float]], shares: dict[str, list[float]]) -> dict[str, Any]:
    ratios = {
        title: sorted(a / b for a, b in zip(times[peer], times[own], strict=True))
        for title, (peer, own) in PAIRS.items()
    }
    return {
        "milliseconds a step": {k: round(1e3 * statistics.median(v), 1) for k, v in times.items()},
        "share of the matrix product": {
            k: round(statistics.median(v), 2) for k, v in shares.items()
        },
        "ratios": {
            title: {
                "median": round(statistics.median(r), 2),
                "least": round(r[0], 2),
                "most": round(r[-1], 2),
            }
            for title, r in ratios.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lucent", type=Path, required=True, help="folder with Lucent (see above)")
    parser.add_argument("--model", required=True, help="PATH/bvlc_googlenet.py:load")
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=16, help="channels, a layer each in turn")
    parser.add_argument("--layers", default=LAYERS, help="names, with commas")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    module = find_source(options.model, trained=True).module.eval()
    classifier = load(options.model, device="cpu")
    lucent = import_lucent(options.lucent)
    times, shares = measure(
        lucent, module, classifier, options.layers.split(","), steps=options.steps,
        rounds=options.rounds,
    )  # fmt: skip
    print(json.dumps(summary(times, shares), indent=1))


if __name__ == "__main__":
    main()
