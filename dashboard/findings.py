"""Keeps a view as a finding, with its pictures. Only the address and the sentence come from the
page.
"""

from collections.abc import Sequence
from dataclasses import replace

from cache.codecs import encode
from cache.errors import UserError
from cache.finding import Finding, picture_key, sentence_of
from cache.findings import Findings
from dashboard.error_desk import ErrorDesk
from dashboard.finding_offers import at, claim_of, of_picture, offer
from dashboard.service import Service
from dashboard.views.context import Context


def findings_of(service: Service) -> Findings:
    """Where findings are kept."""
    return Findings(service.store.root)


def draft_of(here: Context, desk: ErrorDesk) -> Finding:
    """What the view offers to be kept."""
    return offer(here, claim_of(here, desk))


def keep(service: Service, desk: ErrorDesk, href: str, sentence: str) -> Finding:
    """Measures the view of that address and keeps it under the sentence, with its pictures."""
    line, here = sentence_of(sentence), at(service, href)
    draft = replace(draft_of(here, desk), sentence=line)
    pictures = {}
    if of_picture(here) and (seen := _seen(here)):
        draft = replace(draft, seen=picture_key(seen))
        pictures[draft.seen] = seen
    icons = icons_of(service, draft)
    draft = replace(draft, icons={unit: picture_key(data) for unit, data in icons.items()})
    return findings_of(service).add(draft, pictures | {picture_key(d): d for d in icons.values()})


def _seen(here: Context) -> bytes | None:
    """The picture as the network saw it, in the smaller of two formats."""
    store, key = here.service.store, here.answers["seen"]
    if not store.has(key):  # evicted since it was asked for: the worker makes it anew
        here.service.jobs.call("predict", model=here.model, picture=here.picture)
    entry = store.get(key)
    if entry is None:
        return None
    return min((encode(kind, entry.value)[0] for kind in ("png", "webp")), key=len)


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
