"""Makes the maps that ship with the program, of the embedded network and the reference photographs.

    python -m analysis.atlas.ship --out DIR --photos DIR... [--work DIR] [--layers L,...]

The atlases are built in the work folder, as ``neuronscope atlas build`` does it; a run that is
ended goes on where it was. What is written holds icons and numbers only.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.processor import settle

settle()  # before torch is imported

from analysis import photos  # noqa: E402
from analysis.atlas.build import GRIDS, RECIPE, Build, requested  # noqa: E402
from analysis.atlas.reading import Atlas  # noqa: E402
from analysis.atlas.shown import pictures, shown  # noqa: E402
from analysis.models import load  # noqa: E402
from analysis.starter import LIMIT, MODEL, made_on, write  # noqa: E402
from cache.errors import UserError, ended  # noqa: E402
from cache.maps import PACKED, PLAIN, maps_bytes  # noqa: E402
from cache.mosaics import mosaic, webp  # noqa: E402
from cache.starter import shipped  # noqa: E402

if TYPE_CHECKING:
    from analysis.models import Classifier

LAYERS = ("features.12", "features.7")
SIDES = {20: 80, 40: 56}  # pixels of an icon, by grid: the finer one is seen from further away
QUALITY = 45  # by looking not to be told from 50, and a twentieth smaller
TOLD = 15.0  # seconds between two lines of progress
Array = NDArray[Any]


def build(
    classifier: "Classifier", layer: str, given: Sequence[photos.Collection], work: Path
) -> Atlas:
    """The atlas of a layer, finished, in the work folder."""
    every = [picture for collection in given for picture in collection]
    request, kept = requested(classifier, layer, every)
    making, told = Build(classifier, request, kept, work, title="reference photographs"), 0.0
    for step in making.run(GRIDS):
        if monotonic() - told > TOLD:
            told = monotonic()
            left = "" if step.left is None else f", about {step.left / 60:.0f} min left"
            print(f"{layer}: {step.phase}, {step.done} of {step.total}{left}", file=sys.stderr)
    return Atlas(making.folder, making.shards)


def part(
    classifier: "Classifier", atlas: Atlas
) -> tuple[dict[str, Any], dict[int, dict[str, Array]], dict[int, bytes]]:
    """A layer's map as ``maps_bytes`` takes it."""
    made = atlas.manifest
    about = {
        "recipe": RECIPE, "channels": made["channels"], "grid": made["grid"],
        "class_count": len(classifier.categories), "pictures": len(made["pictures"]),
        "points": made["points"], "places": made["places"], "layout": made["layout"],
        "quality": made["quality"], "judged_at": made["judged_at"],
    }  # fmt: skip
    grids, icons = {}, {}
    for side in atlas.grids():
        grid = shown(atlas, side)
        own = {name: np.asarray(getattr(grid, name)) for name in (*PLAIN, *PACKED)}
        own["at_home"] = own["at_home"].astype(np.uint8)
        own["top"] = own["top"].astype(np.uint16)
        grids[side] = own
        images = pictures(atlas, side)
        icons[side] = webp(
            mosaic(smaller(images, min(SIDES[side], images.shape[1]))), quality=QUALITY, method=6
        )
    return about, grids, icons


def smaller(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pictures (n, S, S, 3) at ``side`` pixels, antialiased."""
    how = Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), how)) for one in images])


def run(given: argparse.Namespace) -> None:
    """Builds, packs, writes. Raises UserError."""
    classifier = load(MODEL, device=given.device)
    collections = [photos.folder(path) for path in given.photos]
    layers = given.layers.split(",") if given.layers else LAYERS
    parts = {
        name: part(classifier, build(classifier, name, collections, given.work)) for name in layers
    }
    manifest = {
        "model": MODEL, "fingerprint": classifier.fingerprint, "made_on": made_on(classifier),
        "sets": {c.name: len(c) for c in collections},
    }  # fmt: skip
    content = maps_bytes(manifest, parts)
    size, beside = (sum(map(len, content.values())), _bytes(shipped()))
    if size + beside > LIMIT:
        raise UserError(f"{size:,} bytes of maps and {beside:,} of icons are more than {LIMIT:,}")
    write(given.out, content)
    print(f"{size:,} bytes in {given.out}, {beside:,} in the starter pack")


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def options() -> argparse.ArgumentParser:
    """The words of the command."""
    parser = argparse.ArgumentParser("python -m analysis.atlas.ship", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--work", type=Path, default=Path(".maps-work"), metavar="DIR")
    parser.add_argument("--layers", metavar="L,...", help=f"of the embedded network: {LAYERS}")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    return parser


if __name__ == "__main__":
    sys.exit(ended(lambda: run(options().parse_args())))
