"""Feature visualization against Lucent, to the same activation: processor time and icons a minute.

    python -m benchmarks.featurevis_reached --lucent /tmp/lucent \\
        --model ../shared/models/bvlc_googlenet.py:load --channels 16 --seeds 2 --out reached.json

How Lucent is installed stands in ``benchmarks.featurevis``. Lucent draws every channel with its own
512 steps, the network as its file makes it; ours draws the same channels as full icons, one by one
and in batches. Both pictures are judged by the same network, untransformed, at the size they are
shown (128 pixels) and at the network's own (224). Contestants take turns, so that a busy machine
slows both; times are of the processor, all threads. Ours always takes all its steps; where the
picture has only a share of Lucent's activation (the smaller one of the two sizes), the second
figure counts its ratio as that share. Every finished turn is written to ``--out``, and a run that
is started again goes on from there; ``--minutes`` ends a run early, between two turns.
"""

import argparse
import contextlib
import io
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.featurevis import objectives
from analysis.featurevis.icons import IconRequest, in_quality, render
from analysis.featurevis.optimize import Observer
from analysis.layers import find_layer
from analysis.models import Classifier, load
from analysis.sources import find_source
from benchmarks.featurevis import import_lucent

LAYERS = ("inception3b", "inception4a", "inception4d", "inception5a")
SIZES = (128, 224)
BATCH = 8


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What ``work`` gives, its seconds of processor and of the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    out = work()
    return out, time.process_time() - processor, time.perf_counter() - clock


def lucent_picture(
    lucent: Any, module: nn.Module, layer: str, channel: int, *, seed: int, steps: int
) -> Tensor:
    """(1, 3, 128, 128) in 0..1 after so many steps of ``render_vis``."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    with contextlib.redirect_stderr(io.StringIO()):
        images = lucent.render_vis(
            module, f"{layer}:{channel}", thresholds=(steps,), progress=False, verbose=False,
            show_image=False, show_inline=False,
        )  # fmt: skip
    for part in module.modules():
        part._forward_hooks.clear()
    return torch.from_numpy(images[0]).permute(0, 3, 1, 2).float()


def our_pictures(
    classifier: Classifier, layer: str, channels: list[int], seed: int, steps: int | None = None
) -> Tensor:
    """(B, 3, 128, 128) in 0..1, in full quality."""
    request = IconRequest(layer=layer, units=tuple(channels), seed=seed)
    request = in_quality(request, "full", classifier)
    request = request if steps is None else replace(request, steps=steps)
    *_, frame = render(classifier, request, every=request.steps)
    return torch.from_numpy(frame.images).permute(0, 3, 1, 2).float() / 255


def judged(
    classifier: Classifier, layer: str, channels: list[int], pictures: Tensor
) -> list[list[float]]:
    """For each picture its channel's mean activation at each of ``SIZES``."""
    wanted = objectives.channel(layer, channels)
    found = [Observer(classifier, wanted, size).measure(pictures).tolist() for size in SIZES]
    return [list(pair) for pair in zip(*found, strict=True)]


def their_turn(
    lucent: Any, module: nn.Module, classifier: Classifier, one: tuple[str, int, int], steps: int
) -> dict[str, Any]:
    """Lucent draws one channel."""
    layer, channel, seed = one
    picture, processor, clock = timed(
        lambda: lucent_picture(lucent, module, layer, channel, seed=seed, steps=steps)
    )
    whole = 512 / steps  # every step of Lucent's costs the same
    return {
        "layer": layer, "channel": channel, "seed": seed, "lucent steps": steps,
        "lucent": judged(classifier, layer, [channel], picture)[0],
        "lucent processor": processor * whole, "lucent clock": clock * whole,
    }  # fmt: skip


def our_turn(classifier: Classifier, one: tuple[str, int, int]) -> dict[str, Any]:
    """Ours draws the same channel, alone and with its neighbours in a batch."""
    layer, channel, seed = one
    count = find_layer(classifier, layer).channels
    others = [(channel + i) % count for i in range(BATCH)]
    own, processor, _ = timed(lambda: our_pictures(classifier, layer, [channel], seed))
    _, bulk_processor, bulk_clock = timed(lambda: our_pictures(classifier, layer, others, seed))
    return {
        "ours": judged(classifier, layer, [channel], own)[0],
        "our processor": processor,
        "our bulk processor": bulk_processor / BATCH,
        "our bulk clock": bulk_clock / BATCH,
    }


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    results = [r for r in results if "ours" in r]
    alive = [r for r in results if min(r["lucent"]) > 0]
    shares = np.array([[o / t for o, t in zip(r["ours"], r["lucent"], strict=True)] for r in alive])
    least = shares.min(axis=1) if len(alive) else np.array([])

    def ratio(theirs: str, ours: str) -> dict[str, float]:
        every = [r[theirs] / r[ours] for r in alive]
        counted = [e * min(1.0, float(s)) for e, s in zip(every, least, strict=True)]
        return {
            "all steps": round(statistics.median(every), 1),
            "times the share that is reached": round(statistics.median(counted), 1),
        }

    if not alive:
        return {"channels": len(results), "that Lucent excites": 0}
    reached = {
        f"at {size}": {
            "median share of Lucent's": round(float(np.median(shares[:, i])), 2),
            "smallest": round(float(shares[:, i].min()), 2),
            "reached": f"{int((shares[:, i] >= 1).sum())} of {len(alive)}",
        }
        for i, size in enumerate(SIZES)
    }
    return {
        "channels": len(results),
        "that Lucent excites": len(alive),
        "activation": reached,
        "both at 95 % or more": f"{int((least >= 0.95).sum())} of {len(alive)}",
        "processor time": ratio("lucent processor", "our processor"),
        "processor time, in bulk": ratio("lucent processor", "our bulk processor"),
        "icons a minute in bulk": ratio("lucent clock", "our bulk clock"),
    }


def chosen(classifier: Classifier, channels: int, seeds: int) -> list[tuple[str, int, int]]:
    """Every layer's random channels, layer by layer in turn."""
    draws = random.Random(0)
    picks = {n: draws.sample(range(find_layer(classifier, n).channels), channels) for n in LAYERS}
    return [(n, picks[n][i], s) for s in range(seeds) for i in range(channels) for n in LAYERS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lucent", type=Path, required=True, help="folder with Lucent")
    parser.add_argument("--model", required=True, help="PATH/bvlc_googlenet.py:load")
    parser.add_argument("--channels", type=int, default=16, help="of each layer")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=512, help="Lucent's; fewer for a trial only")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="JSON, gone on with if it is there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    module = find_source(options.model, trained=True).module.eval()
    classifier = load(options.model, device="cpu")
    lucent = import_lucent(options.lucent)
    results = json.loads(options.out.read_text()) if options.out.exists() else []
    known = {(r["layer"], r["channel"], r["seed"]): r for r in results}
    end = time.monotonic() + 60 * options.minutes
    for name in LAYERS:  # first calls compile kernels and lay weights out
        our_pictures(classifier, name, [0], 0, steps=3)
    for one in chosen(classifier, options.channels, options.seeds):
        if one not in known and time.monotonic() < end:
            known[one] = their_turn(lucent, module, classifier, one, options.steps)
            options.out.write_text(json.dumps(list(known.values()), indent=1))
        if one in known and "ours" not in known[one] and time.monotonic() < end:
            known[one].update(our_turn(classifier, one))
            options.out.write_text(json.dumps(list(known.values()), indent=1))
    print(json.dumps(summary(list(known.values())), indent=1))


if __name__ == "__main__":
    main()
