"""The atlases that ship with the program: icons and numbers of the embedded network's layers, made
from the reference photographs, none of which is in them.

A folder: ``maps.json`` says what each was made from, with the size and SHA-256 of every file; for
each layer ``LAYER.safetensors`` holds the numbers of its grids and ``LAYER-SIDE.webp`` their icons.
Effects and means are kept in ``STEPS`` steps of the largest of their cell on either side of zero:
enough to colour a map and to name what is largest, in a sixth of the bytes.
"""

import hashlib
import io
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cache.codecs import decode, encode
from cache.errors import UserError
from cache.mosaics import columns
from cache.starter import checked

log = logging.getLogger(__name__)
FORMAT, VERSION, MANIFEST = "neuronscope maps", 1, "maps.json"
STEPS = 15
PLAIN = ("col", "row", "count", "size", "trust", "cosine", "at_home", "top")
PACKED = ("effects", "means")
Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class ShippedMap:
    """The map of one layer. ``about``: what the manifest says of it; ``grids``: the arrays of each
    grid by its side (``PLAIN`` and ``PACKED``); ``icons``: WebP mosaics by side; ``digest`` names
    the content."""

    about: Mapping[str, Any]
    grids: Mapping[int, Mapping[str, Array]]
    icons: Mapping[int, bytes]
    digest: str

    def images(self, side: int) -> NDArray[np.uint8]:
        """(n, S, S, 3): the icons of a grid."""
        count = len(self.grids[side]["col"])
        with Image.open(io.BytesIO(self.icons[side]), formats=["WEBP"]) as opened:
            whole = np.asarray(opened.convert("RGB"))
        wide = columns(count)
        size = whole.shape[1] // wide
        cells = whole.reshape(-1, size, wide, size, 3).swapaxes(1, 2).reshape(-1, size, size, 3)
        return cells[:count]


def shipped_maps() -> Path:
    """Where the maps lie that came with the program."""
    return Path(str(files("cache"))) / "maps"


def packed(values: Array) -> dict[str, Array]:
    """Rows (n, C) in steps of their largest, deflated: {steps, largest}."""
    largest = np.maximum(np.abs(values).max(axis=1), 1e-12).astype(np.float32)
    steps = np.round(values / largest[:, None] * STEPS).astype(np.int8)
    # column by column: neighbouring cells are alike, so equal bytes come to stand together
    data = zlib.compress(np.ascontiguousarray(steps.T).tobytes(), 9)
    return {"steps": np.frombuffer(data, np.uint8), "largest": largest}


def unpacked(steps: Array, largest: Array, width: int) -> NDArray[np.float32]:
    """Back from ``packed``: (n, ``width``)."""
    plain = np.frombuffer(zlib.decompress(steps.tobytes()), np.int8).reshape(width, len(largest))
    values = plain.T.astype(np.float32) * (largest[:, None] / np.float32(STEPS))
    return values.astype(np.float32)


def maps_bytes(
    manifest: Mapping[str, Any],
    layers: Mapping[
        str, tuple[Mapping[str, Any], Mapping[int, Mapping[str, Array]], Mapping[int, bytes]]
    ],
) -> dict[str, bytes]:
    """The files of a folder of maps, ``maps.json`` last. ``layers``: of each what the manifest says
    of it, its grids' arrays and its mosaics."""
    content: dict[str, bytes] = {}
    for name, (_, grids, icons) in layers.items():
        arrays: dict[str, Array] = {}
        for side, grid in grids.items():
            arrays |= {f"{side}.{part}": np.asarray(grid[part]) for part in PLAIN}
            for part in PACKED:
                arrays |= {f"{side}.{part}.{k}": v for k, v in packed(grid[part]).items()}
            content[f"{name}-{side}.webp"] = icons[side]
        content[f"{name}.safetensors"] = encode("arrays", arrays)[0]
    sizes = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in content.items()
    }
    abouts = {name: {**about, "grids": sorted(grids)} for name, (about, grids, _) in layers.items()}
    whole = {"format": FORMAT, "version": VERSION, **manifest, "layers": abouts, "files": sizes}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    return {**content, MANIFEST: text.encode()}


def read_maps(folder: Path) -> dict[str, ShippedMap]:
    """The maps in ``folder`` by layer, every byte checked. UserError: there are none, or they are
    not as they were made."""
    wrong = "install neuronscope again, or run `make starter`"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
            raise UserError(f"the maps in {folder} are of another version: {wrong}")
        content = {name: checked(folder, name, size) for name, size in manifest["files"].items()}
        common = {k: v for k, v in manifest.items() if k not in ("layers", "files")}
        return {
            name: _map({**common, **about, "layer": name}, content)
            for name, about in manifest["layers"].items()
        }
    except FileNotFoundError as error:
        raise UserError(f"there are no maps in {folder}; `make starter` makes them") from error
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise UserError(f"the maps in {folder} are damaged ({error}): {wrong}") from error


def available_maps(folder: Path) -> dict[str, ShippedMap]:
    """The maps in ``folder``; without any, or with damaged ones, one line of warning and none."""
    try:
        return read_maps(folder)
    except UserError as error:
        log.warning("no atlas comes with this copy: %s", error)
        return {}


def _map(about: Mapping[str, Any], content: Mapping[str, bytes]) -> ShippedMap:
    name = about["layer"]
    arrays = decode("arrays", content[f"{name}.safetensors"], "")
    widths = {"effects": about["class_count"], "means": about["channels"]}
    grids: dict[int, dict[str, Array]] = {}
    for side in about["grids"]:
        own = {part: arrays[f"{side}.{part}"] for part in PLAIN}
        for part in PACKED:
            steps, largest = (arrays[f"{side}.{part}.{k}"] for k in ("steps", "largest"))
            own[part] = unpacked(steps, largest, widths[part])
        grids[side] = own
    icons = {side: content[f"{name}-{side}.webp"] for side in about["grids"]}
    digest = hashlib.sha256(content[f"{name}.safetensors"] + b"".join(icons.values())).hexdigest()
    return ShippedMap(about, grids, icons, digest)
