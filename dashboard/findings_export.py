"""All findings as a file: a page that opens by itself, JSON that can be taken over again, rows of
numbers."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.findings_report import render_findings
from cache.finding import Finding
from cache.findings import Findings
from cache.names import Names
from cache.starter import Pack
from dashboard.tables import as_csv

COLUMNS = (
    "id", "when", "sentence", "verdict", "network", "fingerprint", "picture", "layer", "neurons",
    "label", "value", "sd", "unit", "address", "repeat",
)  # fmt: skip
FORMATS = {".html": "text/html", ".json": "application/json", ".csv": "text/csv"}


def exported(kept: Findings, suffix: str, pack: Callable[[], Pack | None]) -> bytes:
    """The file of that ending (one of ``FORMATS``); ``pack``: automatic names come out of it."""
    if suffix == ".json":
        return json.dumps(kept.export(), indent=1).encode()
    found = kept.all()
    if suffix == ".csv":
        return rows(found).encode("utf-8", "replace")
    pictures = kept.pictures(key for one in found for key in one.pictures)
    names = names_of(kept.path.parent, found, pack() if found else None)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render_findings(found, pictures, names, when=when).encode("utf-8", "replace")


def names_of(
    root: Path, found: Iterable[Finding], pack: Pack | None
) -> dict[tuple[str, str, int], tuple[str, bool]]:
    """What the neurons of the findings are called: by the user (True), else by the reference
    photographs."""
    own, named = Names(root), dict[tuple[str, str, int], tuple[str, bool]]()
    for network, layer in {(f.network, f.layer) for f in found if f.neurons}:
        given = own.of(network, layer)
        fits = pack is not None and pack.fingerprint == network
        known = pack.reference(layer) if pack is not None and fits else None
        units = {u for f in found if (f.network, f.layer) == (network, layer) for u in f.neurons}
        for unit in units:
            automatic = known.names[unit] if known and unit < len(known.names) else ""
            if name := given.get(unit) or automatic:
                named[network, layer, unit] = (name, unit in given)
    return named


def rows(found: Sequence[Finding]) -> str:
    """CSV: a row for each number of each finding; one without any has one row."""
    return as_csv(COLUMNS, _lines(found))


def _lines(found: Sequence[Finding]) -> Iterator[tuple[Any, ...]]:
    for one in found:
        neurons = " ".join(map(str, one.neurons))
        start = (one.id, one.when, one.sentence, one.verdict, one.model, one.network, one.shows,
                 one.layer, neurons)  # fmt: skip
        numbers = [(n.label, n.value, n.sd, n.unit) for n in one.numbers] or [("", "", None, "")]
        for number in numbers:
            yield (*start, *number, one.href, one.repeat)
