"""How good full icons are, over random units: stronger than photographs, own, not grey.

    python -m benchmarks.icons --images DIR --out icons.json [--model M] [--layers A,B,C,D]
        [--units 64] [--sheet SHEET.png] [--minutes 2]

A unit's activation is its mean over all places, of a picture as the network takes it. Three figures
for each layer, over random units that any of the photographs excites: the share of icons that
excite their unit more than every photograph does; the share whose unit ranks in the first 5 of the
layer on its own icon, by z-score against the photographs; and how many icons are grey or reported
dead. Photographs are passed once; what is finished is kept in ``--out``, and a run that is started
again goes on from there.
"""

import argparse
import json
import random
import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from analysis import photos
from analysis.featurevis.icons import IconRequest, in_quality, render
from analysis.featurevis.objectives import field
from analysis.layers import Layer, find_layer, hooked
from analysis.models import Classifier, load

DEFAULTS = {
    "squeezenet1_1": "features.6,features.8,features.10,features.12",
    "bvlc_googlenet": "inception3b,inception4a,inception4d,inception5a",
}
BATCH, FIRST, GREY = 8, 5, 12.0  # a picture whose 8-bit values spread less than GREY is grey

Array = NDArray[np.float64]


def means(
    classifier: Classifier, layers: list[Layer], pictures: list[NDArray[np.uint8]]
) -> dict[str, Array]:
    """{layer: (B, C)} mean activations over all places of pictures (H, W, C) uint8."""
    found: dict[str, Array] = {}

    def look(layer: Layer, raw: Tensor) -> None:
        found[layer.name] = field(raw, layer).mean(dim=(2, 3)).double().cpu().numpy()

    x = torch.cat([classifier.tensor(picture) for picture in pictures])
    looks = {layer.name: partial(look, layer) for layer in layers}
    with torch.no_grad(), hooked(classifier.module, looks):  # type: ignore[arg-type]
        classifier.module(x)
    return found


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some


def over_photographs(
    classifier: Classifier, layers: list[Layer], folder: Path, limit: int | None
) -> dict[str, dict[str, list[float]]]:
    """{layer: mean, sd and max over the photographs, of every channel}."""
    rows: dict[str, list[Array]] = {layer.name: [] for layer in layers}
    for some in batches(islice(photos.folder(folder), limit), BATCH):
        pictures = [classifier.pixels(p.decode(min_side=classifier.resize)) for p in some]
        for name, values in means(classifier, layers, pictures).items():
            rows[name].append(values)
    every = {name: np.concatenate(parts) for name, parts in rows.items()}
    return {
        name: {
            "mean": v.mean(axis=0).tolist(),
            "sd": v.std(axis=0).tolist(),
            "max": v.max(axis=0).tolist(),
        }
        for name, v in every.items()
    }


def drawn(
    classifier: Classifier, layer: Layer, units: list[int], known: dict[str, list[float]]
) -> tuple[list[dict[str, Any]], list[NDArray[np.uint8]]]:
    """The icons of some units, and how each of them answers."""
    request = in_quality(IconRequest(layer=layer.name, units=tuple(units)), "full", classifier)
    *_, frame = render(classifier, request, every=request.steps)
    side = classifier.input_size[1]
    seen = [np.array(Image.fromarray(i).resize((side, side))) for i in frame.images]
    if classifier.input_size[0] == 1:
        seen = [picture[..., :1] for picture in seen]
    values = means(classifier, [layer], seen)[layer.name]
    mean, sd, top = (np.array(known[k]) for k in ("mean", "sd", "max"))
    z = (values - mean) / np.where(sd > 0, sd, np.inf)
    found = [
        {
            "layer": layer.name, "unit": unit, "activation": float(values[i, unit]),
            "photographs": float(top[unit]), "rank": int((z[i] > z[i, unit]).sum()) + 1,
            "spread": float(frame.images[i].std()), "dead": frame.dead[i],
        }
        for i, unit in enumerate(units)
    ]  # fmt: skip
    return found, list(frame.images)


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    def figures(some: list[dict[str, Any]]) -> dict[str, Any]:
        above = [r["activation"] > r["photographs"] for r in some]
        return {
            "units": len(some),
            "above every photograph": round(float(np.mean(above)), 3),
            f"own unit in the first {FIRST}": round(
                float(np.mean([r["rank"] <= FIRST for r in some])), 3
            ),
            "median rank": float(np.median([r["rank"] for r in some])),
            "grey or dead": sum(r["spread"] < GREY or r["dead"] for r in some),
        }

    names = dict.fromkeys(r["layer"] for r in results)
    told = {name: figures([r for r in results if r["layer"] == name]) for name in names}
    return {**told, "all": figures(results)} if results else told


def sheet(pictures: dict[str, list[NDArray[np.uint8]]]) -> Image.Image:
    """One row for each layer."""
    wide = max(map(len, pictures.values()))
    rows = []
    for row in pictures.values():
        blank = [np.zeros_like(row[0])] * (wide - len(row))
        rows.append(np.concatenate([*row, *blank], axis=1))
    return Image.fromarray(np.concatenate(rows))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--out", type=Path, required=True, help="JSON, gone on with if it is there")
    parser.add_argument("--model", default="squeezenet1_1")
    parser.add_argument("--layers", help="four names, with commas")
    parser.add_argument("--units", type=int, default=64, help="of each layer")
    parser.add_argument("--limit", type=int, help="so many photographs only")
    parser.add_argument("--sheet", type=Path, help="this run's icons as one PNG")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    asked = options()
    torch.set_num_threads(asked.threads)
    end = time.monotonic() + 60 * asked.minutes
    classifier = load(asked.model, device="cpu")
    plain = Path(asked.model.rsplit(":", 1)[0]).stem
    names = (asked.layers or DEFAULTS[plain]).split(",")
    layers = [find_layer(classifier, name) for name in names]
    kept = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    if "photographs" not in kept:
        kept = {
            "photographs": over_photographs(classifier, layers, asked.images, asked.limit),
            "icons": [],
        }
        asked.out.write_text(json.dumps(kept))
    done = {(r["layer"], r["unit"]) for r in kept["icons"]}
    shown: dict[str, list[NDArray[np.uint8]]] = {}
    for layer in sorted(layers, key=lambda x: sum(n == x.name for n, _ in done)):
        known = kept["photographs"][layer.name]
        live = [u for u, top in enumerate(known["max"]) if top > 0]
        units = random.Random(0).sample(live, min(asked.units, len(live)))
        for some in batches([u for u in units if (layer.name, u) not in done], BATCH):
            if time.monotonic() > end:
                break
            found, pictures = drawn(classifier, layer, some, known)
            kept["icons"] += found
            shown.setdefault(layer.name, []).extend(pictures)
            asked.out.write_text(json.dumps(kept))
    if asked.sheet and shown:
        sheet(shown).save(asked.sheet)
    print(json.dumps(summary(kept["icons"]), indent=1))


if __name__ == "__main__":
    main()
