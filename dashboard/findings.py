"""Keeps a view as a finding, with its pictures. Only the address and the sentence come from the
page.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cache.codecs import decode, encode
from cache.errors import UserError
from cache.finding import Finding, picture_key, sentence_of
from cache.findings import Findings
from dashboard.error_desk import ErrorDesk
from dashboard.finding_bench import patched
from dashboard.finding_offers import at, draft_of, of_picture
from dashboard.service import Service
from dashboard.views.context import Context

SHEET = 9  # pictures of a pair that are kept in one


def findings_of(service: Service) -> Findings:
    """Where findings are kept."""
    return Findings(service.store.root)


def keep(service: Service, desk: ErrorDesk, href: str, sentence: str) -> Finding:
    """Measures the view of that address and keeps it under the sentence, with its pictures."""
    line, here = sentence_of(sentence), at(service, href)
    draft = replace(draft_of(here, desk), sentence=line)
    pictures = {}
    if seen := _seen(here, desk):
        draft = replace(draft, seen=picture_key(seen))
        pictures[draft.seen] = seen
    icons = icons_of(service, draft)
    draft = replace(draft, icons={unit: picture_key(data) for unit, data in icons.items()})
    return findings_of(service).add(draft, pictures | {picture_key(d): d for d in icons.values()})


def _seen(here: Context, desk: ErrorDesk) -> bytes | None:
    """What the view shows as the network saw it: its picture, with the patch on it if there is one,
    or several of a pair in one."""
    if of_picture(here):
        data = patched(here)
        return _smaller(_pixels(here, here.picture) if data is None else decode("png", data, ""))
    if here.chosen.stage != "together":
        return None
    shown = [_pixels(here, key) for key in desk.keys(here.chosen, here.model)[:SHEET]]
    return _smaller(_sheet([one for one in shown if one is not None]))


def _pixels(here: Context, picture: str) -> NDArray[np.uint8] | None:
    """(H, W, 3)"""
    service, asked = here.service, {"model": here.model, "picture": picture}
    key = service.ask("predict", **asked)["seen"]
    if not service.store.has(key):  # evicted since it was asked for: the worker makes it anew
        service.jobs.call("predict", **asked)
    entry = service.store.get(key)
    return None if entry is None else np.asarray(entry.value)


def _sheet(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
    """Pictures side by side, in rows of three."""
    if not pictures:
        return None
    across = min(3, len(pictures))
    empty = [np.full_like(pictures[0], 128)] * (-len(pictures) % across)
    cells = [*pictures, *empty]
    rows = [np.concatenate(cells[i : i + across], axis=1) for i in range(0, len(cells), across)]
    return np.concatenate(rows)


def _smaller(pixels: NDArray[np.uint8] | None) -> bytes | None:
    """The picture in the smaller of two formats."""
    if pixels is None:
        return None
    return min((encode(kind, pixels)[0] for kind in ("png", "webp")), key=len)


def icons_of(service: Service, finding: Finding) -> dict[int, bytes]:
    """The icons of its neurons that are there now: finished ones, else those that came with the
    program, else quick ones."""
    if not finding.neurons:
        return {}
    pack, found = service.pack(finding.model), {}
    tokens = [f"{unit}{quality}" for unit in finding.neurons for quality in ("", "!")]
    known = service.jobs.call(
        "icons_known", model=finding.model, layer=finding.layer, tokens=tokens
    )
    for unit in finding.neurons:
        shipped = pack.picture(finding.layer, unit) if pack is not None else None
        stored = [known[t] for t in (f"{unit}!", str(unit)) if t in known]
        data = [d for icon in stored if (d := service.store.read(icon["url"].split("/")[-1]))]
        if shipped is not None and f"{unit}!" not in known:
            found[unit] = shipped.data
        elif data:
            found[unit] = data[0][0]
    return found


def illustrated(service: Service, found: Sequence[Finding]) -> list[Finding]:
    """The same findings, those of the network that is open with the icons drawn meanwhile."""
    kept, config = findings_of(service), service.config
    whole = []
    for one in found:
        lacking = set(one.neurons) - set(one.icons)
        if lacking and one.model == config.model and _is_open(service, one):
            new = icons_of(service, replace(one, neurons=tuple(sorted(lacking))))
            one = kept.illustrate(one.id, new) if new else one
        whole.append(one)
    return whole


def _is_open(service: Service, one: Finding) -> bool:
    try:
        return bool(service.model(one.model)["fingerprint"] == one.network)
    except UserError:
        return False
