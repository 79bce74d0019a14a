"""What the Neuron page says of one neuron, by the page's own tasks, for a terminal."""

import argparse
from collections.abc import Iterable
from typing import Any

from analysis import images
from analysis.activations import checked_channel
from analysis.attribution import position
from analysis.filekinds import printable
from analysis.layers import Layer
from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.bench import Bench
from dashboard.cli_bench import bench_of, finished
from dashboard.cli_names import YOU, Called
from dashboard.cli_tables import neuron_lines
from dashboard.starter import ENOUGH
from dashboard.tasks_neuron import lent, links, trusted, wiring
from dashboard.tasks_patches import examples, patches, responses

KINDS = ("strongest", "middle", "weakest")
LINK = ("channel", "class", "place", "effect", "measured")
OPEN = "open pictures"


def neuron(given: argparse.Namespace) -> tuple[Any, Iterable[str]]:
    """Everything of one neuron, as a document and as lines. Raises UserError, for what is not there
    before anything is looked through."""
    if given.at is not None and given.image is None:
        raise UserError("--at names a place on a picture: name the IMAGE as well")
    bench = bench_of(given)
    layer = bench.layer(given.model, given.layer)
    checked_channel(layer, given.channel)
    if given.at is not None:
        position(layer, given.at)
    picture = _lent_picture(given, bench)
    asked = {"model": given.model, "layer": layer.name}
    passed = finished(examples(bench, **asked), out.progress("pictures")).answer
    document = {
        "layer": layer.name, "channel": given.channel,
        **_called(given, bench, layer.name, passed),
        "responses": {**responses(bench, **asked, channel=given.channel),
                      "skipped": passed["skipped"]},
        "patches": _patches(given, bench, layer),
        "trust": None if given.no_trust else _trust(given, bench, layer.name),
        "weights": _weights(given, bench, layer.name),
        **(_links(given, bench, layer.name, picture) if picture else {}),
    }  # fmt: skip
    return document, neuron_lines(document, trained=bench.classifier(given.model).trained)


def _lent_picture(given: argparse.Namespace, bench: Bench) -> str | None:
    """The key of the picture that was named, opened as the network sees it."""
    if given.image is None:
        return None
    data = images.read_bytes(given.image)
    picture = bench.library.lend(data, name=printable(str(given.image)))
    bench.open(given.model, picture.key)
    return picture.key


def _called(
    given: argparse.Namespace, bench: Bench, layer: str, passed: dict[str, Any]
) -> dict[str, str | None]:
    """As on the page: the user's name, else that of the open pictures, or where these are few that
    of the reference photographs."""
    called: dict[str, str | None] = Called(given, bench.classifier(given.model))(
        layer, given.channel
    )
    few = passed["pictures"] < ENOUGH and lent(bench, given.model, layer) is not None
    if called["named_by"] == YOU or few:
        return called
    name = passed["names"].get(str(given.channel))
    return {"name": name, "named_by": OPEN if name else None}


def _patches(given: argparse.Namespace, bench: Bench, layer: Layer) -> dict[str, Any]:
    """{strongest, middle, weakest: [{picture, place, value}]}, a picture by its name in its
    folder and a place as (row, column)."""
    _, columns = layer.grid or (1, 1)
    asked = {"model": given.model, "layer": layer.name, "channel": given.channel}

    def row(found: dict[str, Any]) -> dict[str, Any]:
        picture = bench.library.find(found["picture"])
        assert picture is not None  # it is one of the open pictures
        place = divmod(found["place"], columns)
        return {"picture": picture.name, "place": place, "value": found["value"]}

    return {kind: [row(r) for r in patches(bench, **asked, which=kind)] for kind in KINDS}


def _trust(given: argparse.Namespace, bench: Bench, layer: str) -> dict[str, Any]:
    """What was measured, with the cache keys of the three pictures in place of addresses."""
    steps = trusted(bench, model=given.model, layer=layer, unit=given.channel)
    found = finished(steps, out.progress("steps of three icons")).answer
    return {**found, "seeds": [url.removeprefix("/blob/") for url in found["seeds"]]}


def _weights(given: argparse.Namespace, bench: Bench, layer: str) -> dict[str, Any]:
    found = wiring(bench, model=given.model, layer=layer, unit=given.channel)
    return {part: found[part] for part in ("source", "rows", "classes", "all")}


def _links(
    given: argparse.Namespace, bench: Bench, layer: str, picture: str
) -> dict[str, Any]:  # fmt: skip
    """What makes it fire on the picture, None where no layer comes before, and what it makes
    fire."""
    at = None if given.at is None else list(given.at)
    found = links(bench, model=given.model, picture=picture, layer=layer, unit=given.channel, at=at)
    feeds, drives = found["feeds"], found["drives"]
    return {
        "file": given.image, "at": given.at, "activation": found["activation"],
        "feeds": feeds and {**feeds, "rows": _rows(feeds["rows"])},
        "drives": {**drives, "rows": _rows(drives["rows"])},
    }  # fmt: skip


def _rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the maps, which are for the page."""
    return [{name: row[name] for name in LINK if name in row} for row in found]
