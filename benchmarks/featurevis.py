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
slows both; the figure is the median of the rounds' ratios, with the smallest and largest.
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
from typing import Any

import torch
from torch import nn

from analysis.featurevis.icons import IconRequest, render
from analysis.models import Classifier, load
from analysis.sources import find_source

LAYER = "inception4c"


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


def lucent_step(lucent: Any, module: nn.Module, channel: int, size: int | None, steps: int) -> None:
    """One run of Lucent; its hooks, which it leaves behind, are taken off again."""
    with contextlib.redirect_stderr(io.StringIO()):
        lucent.render_vis(
            module, f"{LAYER}:{channel}", thresholds=(steps,), progress=False, verbose=False,
            show_image=False, show_inline=False, fixed_image_size=size,
        )  # fmt: skip
    for part in module.modules():
        part._forward_hooks.clear()


def our_step(classifier: Classifier, channel: int, size: int, batch: int, steps: int) -> None:
    """One run of ours, of ``batch`` channels at once."""
    units = tuple((channel + i) % 512 for i in range(batch))
    request = IconRequest(layer=LAYER, units=units, steps=steps, size=128, input_size=size)
    for _ in render(classifier, request, every=steps):
        pass


def seconds(work: Callable[[], None]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    lucent: Any, module: nn.Module, classifier: Classifier, *, steps: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds a step and picture of every contestant, round by round."""
    batch = 8
    runs: dict[str, tuple[Callable[[int], None], int]] = {
        "lucent 224": (lambda c: lucent_step(lucent, module, c, None, steps), 1),
        "ours 224": (lambda c: our_step(classifier, c, 224, 1, steps), 1),
        "ours 128": (lambda c: our_step(classifier, c, 128, 1, steps), 1),
        "lucent 128": (lambda c: lucent_step(lucent, module, c, 128, steps), 1),
        "ours 128, 8 at once": (lambda c: our_step(classifier, c, 128, batch, steps), batch),
    }
    for work, _ in runs.values():
        work(0)  # first calls compile kernels and fill caches
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name, (work, pictures) in runs.items():
            channel = 37 * (turn + 1) % 512
            taken = seconds(lambda work=work, channel=channel: work(channel))  # type: ignore[misc]
            times[name].append(taken / (steps * pictures))
    return times


PAIRS = {
    "same network input, 224": ("lucent 224", "ours 224"),
    "icon's own 128 px (Lucent feeds 224)": ("lucent 224", "ours 128"),
    "both fed 128": ("lucent 128", "ours 128"),
    "128 px, 8 channels at once": ("lucent 224", "ours 128, 8 at once"),
}


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    ratios = {
        title: sorted(a / b for a, b in zip(times[peer], times[own], strict=True))
        for title, (peer, own) in PAIRS.items()
    }
    return {
        "milliseconds a step": {k: round(1e3 * statistics.median(v), 1) for k, v in times.items()},
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
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    module = find_source(options.model, trained=True).module.eval()
    classifier = load(options.model, device="cpu")
    lucent = import_lucent(options.lucent)
    times = measure(lucent, module, classifier, steps=options.steps, rounds=options.rounds)
    print(json.dumps(summary(times), indent=1))


if __name__ == "__main__":
    main()
