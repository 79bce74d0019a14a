"""Names of neurons in the terminal: the user's own, and those out of the reference photographs."""

import argparse
import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from analysis import images
from cache.errors import UserError
from cache.location import cache_dir, cache_path
from cache.names import Names, read_names
from cache.starter import MANIFEST, Pack, available, shipped
from dashboard import cli_output as out

if TYPE_CHECKING:
    from analysis.models import Classifier

YOU, REFERENCE = "you", "reference photographs"


class Called:
    """What the neurons of a network are called: {name, named_by}, both None where one has no
    name."""

    def __init__(self, given: argparse.Namespace, classifier: "Classifier") -> None:
        network = classifier.fingerprint
        names = Names(cache_path(given.cache))
        self._own = cache(lambda layer: names.of(network, layer))
        self._pack = pack_of(network)

    def __call__(self, layer: str, unit: int) -> dict[str, str | None]:
        if own := self._own(layer).get(unit):
            return {"name": own, "named_by": YOU}
        known = self._pack and self._pack.reference(layer)
        name = known.names[unit] if known else ""
        return {"name": name or None, "named_by": REFERENCE if name else None}


def shipped_pack() -> Pack | None:
    """The starter pack. A checkout without one is not worth a word here."""
    return available(shipped()) if (shipped() / MANIFEST).is_file() else None


def pack_of(network: str) -> Pack | None:
    """The starter pack, if it is of this very network."""
    pack = shipped_pack()
    return pack if pack is not None and pack.fingerprint == network else None


def with_origin(named: dict[str, Any]) -> str:
    """A name as a table shows it: the user's as it is, an automatic one with where it is from."""
    if not named["name"]:
        return ""
    return str(named["name"]) + (f" ({named['named_by']})" if named["named_by"] != YOU else "")


def names(given: argparse.Namespace, fingerprint: Callable[[], str]) -> tuple[Any, Iterable[str]]:
    """Lists the user's names of a network, writes them into a file, or takes a file over. Its
    ``fingerprint``, for which it is loaded, is asked for once nothing else can be wrong."""
    if (given.action == "list") == (given.file is not None):
        takes = "takes no file" if given.file else f"needs a file: names {given.action} F.json"
        raise UserError(f"names {given.action} {takes}")
    kept = Names(cache_dir(given.cache) if given.action == "import" else cache_path(given.cache))
    if given.action == "import":
        document = read_names(images.read_bytes(given.file))
        count = kept.import_(fingerprint(), document)
        return {"file": given.file, "names": count}, [f"{count} names taken over"]
    path = out.target(given.file, (".json",)) if given.file else None
    document = {**kept.export(fingerprint()), "model": given.model}
    rows = [
        {"layer": layer, "channel": int(unit), "name": name}
        for layer, units in document["names"].items() for unit, name in units.items()
    ]  # fmt: skip
    if path is None:
        table = out.table(("layer", "neuron", "name"), [tuple(row.values()) for row in rows])
        return rows, table if rows else ["no neuron of this network has a name of yours yet"]
    text = json.dumps(document, indent=1, ensure_ascii=False)
    out.save(path, text.encode())
    return {"file": path, "names": len(rows)}, [f"{len(rows)} names in {path}"]
