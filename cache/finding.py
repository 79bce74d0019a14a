"""One finding: a view of the page with a sentence and what was measured; and how it is written as
JSON, which is trusted no further than its form goes.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from cache.errors import UserError
from cache.kept import clean

SENTENCE = 600  # characters at most
WORDS, LONG = 300, 4000
NEURONS, NUMBERS = 64, 40
PICTURE_BYTES = 2 * 2**20
VERDICTS = ("", "confirmed", "not confirmed", "no fair control")
_ID = re.compile(r"[0-9a-f]{8}")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_HREF = re.compile(r"/[a-z]{1,20}(\?[!#-;=?-\[\]-~]*)?")  # a view of ours; no quote, < > or \
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Number:
    """One row of what was measured: a number (with its spread, where it is a mean) or words.
    ``unit``: "logits" for the margins, which share one scale."""

    label: str
    value: float | str
    sd: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``href`` reopens the view; ``network`` is a fingerprint; ``shows`` the picture's name;
    ``repeat`` the command that measures it again. ``seen`` (the picture as the network saw it) and
    ``icons`` (by neuron) are keys of pictures that are kept along. ``id`` and ``when`` (UTC) are
    given when it is kept."""

    sentence: str
    href: str
    network: str
    model: str
    trained: bool = True
    verdict: str = ""
    numbers: tuple[Number, ...] = ()
    repeat: str = ""
    layer: str = ""
    neurons: tuple[int, ...] = ()
    shows: str = ""
    seen: str = ""
    icons: dict[int, str] = field(default_factory=dict)
    id: str = ""
    when: str = ""

    @property
    def date(self) -> str:
        """When it was kept, for a person: ``2026-11-21 18:02 UTC``."""
        return self.when[:16].replace("T", " ") + " UTC" if self.when else ""

    @property
    def pictures(self) -> set[str]:
        """The keys of all its pictures."""
        return {self.seen, *self.icons.values()} - {""}


def sentence_of(text: str) -> str:
    """A sentence as it is kept: one line. UserError where nothing is left of it."""
    line = clean(text, SENTENCE)
    if not line:
        raise UserError("write a sentence that says what was found")
    return line


def picture_key(data: bytes) -> str:
    """What a picture is kept under: the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def is_picture(data: bytes) -> bool:
    """Whether these bytes may be kept and served: PNG or WebP of a small picture, by their head."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return (webp or data.startswith(b"\x89PNG")) and len(data) <= PICTURE_BYTES


# ---- as JSON ----


def written(finding: Finding) -> dict[str, Any]:
    """The finding as JSON's own kinds, which ``read`` takes back."""
    plain = {f.name: getattr(finding, f.name) for f in fields(finding)}
    numbers = [{f.name: getattr(n, f.name) for f in fields(n)} for n in finding.numbers]
    icons = {str(unit): key for unit, key in finding.icons.items()}
    return {**plain, "numbers": numbers, "neurons": list(finding.neurons), "icons": icons}


def read(given: Any) -> Finding:
    """A finding out of a document. ValueError: something in it has not the form that ``written``
    gives it."""
    _must(isinstance(given, dict))
    known = {f.name for f in fields(Finding)}
    _must(set(given) <= known and {"sentence", "href", "network", "model"} <= set(given))
    finding = Finding(**{
        **{name: _text(given.get(name, ""), LONG) for name in ("href", "repeat")},
        **{name: clean(_text(given.get(name, ""), LONG), WORDS)
           for name in ("network", "model", "layer", "shows")},
        **{name: _text(given.get(name, ""), 100) for name in ("verdict", "seen", "id", "when")},
        "sentence": clean(_text(given["sentence"], LONG), SENTENCE),
        "trained": given.get("trained", True),
        "numbers": tuple(map(_number, _list(given.get("numbers", []), NUMBERS))),
        "neurons": tuple(map(_unit, _list(given.get("neurons", []), NEURONS))),
        "icons": _icons(given.get("icons", {})),
    })  # fmt: skip
    _check(finding)
    return finding


def _check(finding: Finding) -> None:
    _must(bool(finding.sentence) and isinstance(finding.trained, bool))
    _must(finding.verdict in VERDICTS and bool(_HREF.fullmatch(finding.href)))
    _must(all(_KEY.fullmatch(key) for key in finding.pictures))
    _must(not finding.id or bool(_ID.fullmatch(finding.id)))
    _must(not finding.when or bool(_WHEN.fullmatch(finding.when)))


def _must(holds: bool) -> None:
    if not holds:
        raise ValueError("this has not the form of a finding")


def _text(value: Any, longest: int) -> str:
    _must(isinstance(value, str) and len(value) <= longest)
    return str(value)


def _list(value: Any, longest: int) -> Iterable[Any]:
    _must(isinstance(value, list) and len(value) <= longest)
    return list(value)


def _number(row: Any) -> Number:
    _must(isinstance(row, dict) and set(row) <= {"label", "value", "sd", "unit"})
    value, sd = row.get("value"), row.get("sd")
    measured = _measure(value) if not isinstance(value, str) else clean(value, WORDS)
    spread = None if sd is None else _measure(sd)
    unit = clean(_text(row.get("unit", ""), 40), 40)
    return Number(clean(_text(row.get("label"), LONG), WORDS), measured, spread, unit)


def _measure(value: Any) -> float:
    _must(isinstance(value, int | float) and not isinstance(value, bool))
    _must(abs(value) < 1e300 and isfinite(value))
    return float(value)


def _unit(value: Any) -> int:
    _must(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9)
    return int(value)


def _icons(value: Any) -> dict[int, str]:
    _must(isinstance(value, dict) and len(value) <= NEURONS)
    for unit in value:
        _must(isinstance(unit, str) and unit.isascii() and unit.isdecimal() and len(unit) < 10)
    return {int(unit): _text(key, 64) for unit, key in value.items()}
