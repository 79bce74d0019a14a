"""What a patch of the bench shows, found in the worker: a part of another picture, an icon, a cell
of an atlas."""

import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.atlas.reading import opened
from analysis.layers import find_layer
from analysis.pasting import Patch, Pixels, cut
from cache.atlas import atlas_folder
from cache.errors import UserError
from cache.keys import is_key
from cache.location import cache_dir
from cache.maps import available_maps, shipped_maps
from cache.starter import CLASSES
from dashboard.atlas_desk import version_of
from dashboard.atlas_maps import STARTER, BuiltMap, Map, StarterMap
from dashboard.bench import Bench
from dashboard.tasks_icons import Subject, icon_key

UNDRAWN = "this icon is not drawn yet; look at it for a moment, then choose it again"


def texture(bench: Bench, model: str, patch: Patch) -> Pixels | None:
    """uint8 (h, w, C); None for a patch that needs none. UserError where it is not there."""
    if patch.kind == "crop":
        return _crop(bench, model, patch)
    if patch.kind == "icon":
        return _icon(bench, model, *patch.source)
    if patch.kind == "cell":
        key, (side, cell) = patch.source[0], _whole(patch.source[1], 2)
        data = map_of(bench, model, key).icon(side, cell)
        if data is None:
            raise UserError("this cell's icon is not drawn; choose another cell")
        return _decoded(data)
    return None


def _crop(bench: Bench, model: str, patch: Patch) -> Pixels:
    classifier, (picture, _) = bench.classifier(model), patch.source
    pixels: NDArray[np.uint8] = bench.kept.get(
        ("seen", model, picture), lambda: bench.pixels(classifier, picture)
    )
    box = patch.box
    assert box is not None  # it is a crop
    return cut(pixels, box)


def _icon(bench: Bench, model: str, layer: str, token: str) -> Pixels:
    """A neuron's icon, or a class's picture: out of the starter pack, or drawn here."""
    (unit,) = _whole(token, 1)
    pack = bench.starter.fitting(bench.classifier(model).fingerprint, bench.config["seed"])
    found = None if pack is None else pack.picture(layer, unit)
    if found is not None:
        return _decoded(found.data)
    if layer == CLASSES:
        raise UserError("there are no class pictures of this network; choose another patch")
    name = find_layer(bench.classifier(model), layer).name
    for full in (True, False):
        entry = bench.store.get(icon_key(bench, model, name, Subject(unit, full)))
        if entry is not None:
            return np.asarray(entry.value, np.uint8)
    raise UserError(UNDRAWN)


def map_of(bench: Bench, model: str, key: str) -> Map:
    """The atlas of a key. UserError: it is not here, or of another network."""
    mark = bench.classifier(model).fingerprint
    if key.startswith(STARTER):
        maps = bench.kept.get("maps", lambda: available_maps(shipped_maps()))
        found = maps.get(key.removeprefix(STARTER))
        if found is not None and found.about["fingerprint"] == mark:
            shipped: Map = bench.kept.get(("map", key), lambda: StarterMap(found))
            return shipped
    root = cache_dir(bench.config["cache"])
    if not is_key(key) or not (folder := atlas_folder(root, key)).has("layout"):
        raise UserError("this atlas is not here any more; choose another patch")
    version = version_of(folder)
    built: BuiltMap = bench.kept.get(
        ("map", key, version), lambda: BuiltMap(opened(root, key), version)
    )
    if built.atlas.manifest["fingerprint"] != mark:
        raise UserError("this atlas is of another network; choose another patch")
    return built


def _whole(text: str, count: int) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,7}(,\d{1,7})*", text) or text.count(",") != count - 1:
        raise UserError("this address names no patch that can be laid on a picture; choose again")
    return tuple(int(part) for part in text.split(","))


def _decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data), formats=["WEBP", "PNG"]) as image:
        return np.asarray(image.convert("RGB"), np.uint8)
