"""Atlases on the command line: built by the page's own task, told in figures, exported as files."""

import argparse
import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.atlas import export
from analysis.atlas.info import DOUBT, described
from analysis.atlas.reading import Atlas, opened
from cache.atlas import MANIFEST, atlases
from cache.errors import UserError
from cache.location import cache_dir
from cache.mosaics import webp
from dashboard import cli_output as out
from dashboard.protocol import Progress

if TYPE_CHECKING:
    from analysis.models import Classifier
    from dashboard.bench import Bench

Answer = tuple[Any, Iterable[str]]
OF_BUILD = {"--images", "--labels", "--grids", "--points", "--layout"}
OF_NETWORK = {"--layer", "--class", "--rather-than"}
SHORT = 12  # characters of a key that a table shows


def atlas(given: argparse.Namespace) -> Answer:
    """What ``build``, ``info`` or ``export`` was asked for. Raises UserError."""
    foreign = set() if given.action == "build" else OF_BUILD & given.named
    if given.output is not None and given.action != "export":
        foreign = {"-o"}
    if foreign:
        raise UserError(f"atlas {given.action} does not take {min(foreign)}")
    if given.rather_than is not None and given.said is None:
        raise UserError("--rather-than goes with --class: name both classes")
    return {"build": _build, "info": _info, "export": _export}[given.action](given)


# ---- build ----


def _build(given: argparse.Namespace) -> Answer:
    if given.key is not None:
        raise UserError("atlas build takes no KEY: it finds by itself what it may go on with")
    if given.layer is None:
        raise UserError("name the layer with --layer; see: neuronscope layers")
    started, bench = time.monotonic(), _bench(given)
    try:
        key = _followed(_building(given, bench))["key"]
    except KeyboardInterrupt:
        start = "\n" if sys.stderr.isatty() else ""
        print(f"{start}ended; what stands is kept, and the same command goes on", file=sys.stderr)
        raise
    found = described(opened(_root(given), key))
    seconds = round(time.monotonic() - started, 1)
    marked = out.mark(trained=bench.classifier(given.model).trained)
    return {**found, "seconds": seconds}, [*_described(found), f"{seconds:.0f} s", *marked]


def _building(given: argparse.Namespace, bench: "Bench") -> Iterator[Progress]:
    """The steps of the page's own task; what is wrong with the request is told before them."""
    from analysis.atlas.build import checked_sides
    from analysis.atlas.sampling import inner_layer
    from analysis.atlas.sweep import POINTS
    from dashboard.tasks_atlas import atlas as task

    classifier = bench.classifier(given.model)
    layer, sides = inner_layer(classifier, given.layer).name, checked_sides(given.grids)
    return task(
        bench, model=given.model, layer=layer, grids=sides, points=given.points or POINTS,
        classes=_classes(given, classifier), method=given.layout,
    )  # fmt: skip


def _followed(steps: Iterator[Progress]) -> Any:
    """The task's answer, after all of its steps are told."""
    tell = out.phases()
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            tell(None)
            return end.value
        tell(step.partial)


def _classes(given: argparse.Namespace, classifier: "Classifier") -> list[int]:
    """The one or two classes asked for, by number."""
    from analysis.explain import resolve_class

    named = [text for text in (given.said, given.rather_than) if text is not None]
    found = [resolve_class(classifier, text) for text in named]
    if len(set(found)) < len(found):
        raise UserError("--class and --rather-than name the same class: choose two")
    return found


# ---- which atlas ----


def _root(given: argparse.Namespace) -> Path:
    return cache_dir(given.cache)


def _bench(given: argparse.Namespace) -> "Bench":
    from dashboard.cli_bench import bench_of  # torch comes with it: a list of atlases needs none

    return bench_of(given)


def _asked(given: argparse.Namespace) -> Atlas:
    """The atlas that was named by its key or by its layer; where there is but one, that."""
    foreign = OF_NETWORK & given.named
    if given.key is not None and foreign:
        raise UserError(f"name the atlas by its KEY or by --layer: leave {min(foreign)} out")
    if given.key is None and given.layer is None and foreign:
        raise UserError("name the layer with --layer, or the atlas by its KEY")
    if given.layer is not None:
        return _of_layer(given)
    known = [f.key for f in atlases(_root(given)) if f.key.startswith((given.key or "").lower())]
    if len(known) == 1:
        return opened(_root(given), known[0])
    if given.key is None:
        why = "there are several atlases: name" if known else "there is no atlas yet: build"
        more = "one by KEY or --layer" if known else "one with neuronscope atlas build --layer L"
        raise UserError(f"{why} {more}")
    many = "several atlases have keys that begin with" if known else "no atlas has the key"
    raise UserError(f"{many} {given.key!r}; see: neuronscope atlas info")


def _of_layer(given: argparse.Namespace) -> Atlas:
    """The newest atlas of a layer, of the classes asked for, or of none."""
    from analysis.atlas.sampling import inner_layer

    classifier = _bench(given).classifier(given.model)
    layer, classes = inner_layer(classifier, given.layer).name, _classes(given, classifier)
    for folder in atlases(_root(given)):
        made = folder.get(MANIFEST, "json")
        own = (made["fingerprint"], made["layer"], made["classes"])
        if own == (classifier.fingerprint, layer, classes):
            return opened(_root(given), folder.key)
    of = " of these classes" if classes else ""
    raise UserError(
        f"there is no atlas of {layer}{of} yet; neuronscope atlas build --layer {layer} makes it"
    )


# ---- info ----


def _info(given: argparse.Namespace) -> Answer:
    if given.key is None and not OF_NETWORK & given.named:
        return _listed(_root(given))
    found = described(_asked(given))
    return found, _described(found)


def _listed(root: Path) -> Answer:
    """All atlases, the newest first; a damaged one with what is wrong with it."""
    found: list[dict[str, Any]] = []
    for folder in atlases(root):
        try:
            found.append(described(opened(root, folder.key)))
        except UserError as error:
            found.append({"key": folder.key, "damaged": str(error)})
    if not found:
        return found, ["no atlas yet; neuronscope atlas build --layer L makes one"]
    head = ("key", "layer", "network", "of", "places", "pictures", "trust", "grids", "icons")
    rows = [_row(one) for one in found if "damaged" not in one]
    damaged = [f"{one['key'][:SHORT]}: {one['damaged']}" for one in found if "damaged" in one]
    return found, [*out.table(head, rows), *damaged]


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    drawn = sum(grid["icons"] for grid in one["grids"])
    cells = sum(grid["cells"] for grid in one["grids"])
    return (
        one["key"][:SHORT], one["layer"], one["model"], _of(one["classes"]), one["points"],
        one["pictures"], one["quality"]["trust"], ",".join(str(g["side"]) for g in one["grids"]),
        f"{drawn} of {cells}",
    )  # fmt: skip


def _of(classes: list[int]) -> str:
    return " rather than ".join(f"class {index}" for index in classes) or "all classes"


def _described(one: dict[str, Any]) -> list[str]:
    """An atlas in figures, for a person."""
    quality, layout = one["quality"], one["layout"]
    way = layout["method"] + (", whitened" if layout["whitened"] else "")
    if layout["method"] == "umap":
        way += f" ({layout['metric']}, {layout['neighbors']} neighbours, seed {layout['seed']}"
        way += f"; umap-learn {layout['versions']['umap-learn']})"
    lines = [
        f"{one['layer']} of {one['model']}, {_of(one['classes'])}: {one['points']:,} places of "
        f"{one['pictures']:,} pictures ({one['title']}), {one['places']} of each at most",
        f"key {one['key']}", f"laid out by {way}", "",
        f"Neighbours on the map that are neighbours in truth (trustworthiness, k = {quality['k']}):"
        f" {quality['trust']:.3f} of 1; laid flat by PCA {quality['pca']:.3f}",
    ]  # fmt: skip
    lines += _grids(one["grids"])
    if one["skipped"]:
        lines += ["", f"Cannot be read and left out: {len(one['skipped'])}", *one["skipped"]]
    return [*lines, "", f"{one['bytes']:,} bytes in {one['folder']}"]


def _grids(grids: list[dict[str, Any]]) -> list[str]:
    head = (
        "grid", "cells", "apart", "samples", "doubtful", "cosine", "of random groups", "icons",
        "icon's cosine", "icons at home",
    )  # fmt: skip
    rows = [
        (
            grid["side"], grid["cells"], grid["apart"], grid["samples"], grid["doubtful"],
            grid["alike"], grid["at_random"], grid["icons"], grid.get("icon_cosine"),
            grid.get("icons_at_home"),
        )
        for grid in grids
    ]  # fmt: skip
    about = [
        "cosine: of a cell's samples to their mean, beside that of groups as large drawn at random",
        f"doubtful: cells whose samples' own trustworthiness is below {DOUBT}",
        "icon's cosine: of what the layer puts out at the icon's middle to its cell's mean; median",
        "icons at home: the part of icons that land in their own cell or one beside it",
    ]
    return ["", *out.table(head, rows), "", *about] if rows else ["", "no grid is cut yet"]


# ---- export ----


def _export(given: argparse.Namespace) -> Answer:
    if given.output is None:
        raise UserError("name the folder to write into with -o DIR")
    found = _asked(given)
    names, target, written = _names(given, found), out.folder(given.output), []
    for name, data in _files(found, names):
        out.save(target / name, data)
        written.append(target / name)
    document = {"key": found.folder.key, "layer": found.manifest["layer"], "files": written}
    return document, [out.named(path) for path in written]


def _names(given: argparse.Namespace, found: Atlas) -> tuple[str, ...]:
    """The classes of the atlas' network, which must be the one that is named."""
    classifier = _bench(given).classifier(given.model)
    if classifier.fingerprint != found.manifest["fingerprint"]:
        raise UserError(
            f"this atlas is of {found.manifest['model']}, not of {given.model} as it is now: name "
            "its network with --model (and --weights)"
        )
    return tuple(classifier.categories.names)


def _files(found: Atlas, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of an export."""
    for side in found.grids():
        yield f"mosaic-{side}.webp", webp(export.picture(found, side))
    whole = json.dumps(export.document(found, names), ensure_ascii=False, allow_nan=False)
    yield "cells.json", whole.encode()
    table = io.StringIO(newline="")
    lines = csv.writer(table)
    lines.writerow(export.COLUMNS)
    lines.writerows(export.rows(found, names))
    yield "samples.csv", table.getvalue().encode()
