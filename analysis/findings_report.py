"""All findings as one HTML file that needs nothing beside it: pictures, icons, numbers, how to
measure them again.
"""

from collections.abc import Mapping, Sequence
from html import escape

from analysis.filekinds import printable
from analysis.reportparts import (
    CONFIRMED,
    LOGITS,
    margin_bars,
    network_line,
    number,
    page,
    uri,
    verdict_tag,
)
from cache.finding import Finding, Number

Pictures = Mapping[str, bytes]
Names = Mapping[tuple[str, str, int], tuple[str, bool]]
GONE = "The picture is gone: it was not kept with this finding."


def render_findings(
    found: Sequence[Finding], pictures: Pictures, names: Names, *, when: str
) -> str:
    """The page of these findings, in their order.

    ``pictures``: encoded PNG or WebP pictures by the keys that the findings name; one that is not
    there is said to be gone. ``names``: what neurons are called, by (network, layer, neuron), and
    whether the user said so; ``when``: the date of the page.
    """
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    cards = "".join(_card(one, pictures, names) for one in found)
    body = (
        f'<header><div class="small">Neuronscope \u00b7 {escape(when)}</div>'
        f"<h1>{count}</h1></header><main>{cards or '<p>Nothing was kept yet.</p>'}</main>{_FOOTER}"
    )
    return page(f"{count}, Neuronscope", body, styles=("report.css", "findings.css"))


def _card(one: Finding, pictures: Pictures, names: Names) -> str:
    return (
        f'<section class="finding" id="f-{escape(one.id)}">'
        f"{_picture(one, pictures)}<div><h2>{escape(one.sentence)}</h2>"
        f'<p class="small">{verdict_tag(one.verdict) if one.verdict else ""} {escape(one.date)}'
        f"</p>{_numbers(one)}{_neurons(one, pictures, names)}{_source(one)}</div></section>"
    )


def _picture(one: Finding, pictures: Pictures) -> str:
    if not one.seen:
        return '<figure class="small">No picture belongs to this finding.</figure>'
    name = escape(one.shows)
    data = pictures.get(one.seen)
    if data is None:
        return (
            f'<figure><div class="gone small">{GONE}</div><figcaption>{name}</figcaption></figure>'
        )
    shown = f'<img class="seen" src="{uri(data)}" alt="{name}">'
    caption = f"What the network saw: {name}" if name else "What the network saw"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


# ---- what was measured ----


def _numbers(one: Finding) -> str:
    """Margins as bars on one scale, then everything else as a table."""
    margins = [
        (n.label, n.value, n.sd or 0.0)
        for n in one.numbers if n.unit == LOGITS and not isinstance(n.value, str)
    ]  # fmt: skip
    rest = "".join(
        f'<tr><th scope="row">{escape(n.label)}</th><td>{_value(n)}</td></tr>'
        for n in one.numbers if n.unit != LOGITS or isinstance(n.value, str)
    )  # fmt: skip
    off = "" if one.verdict in ("", "confirmed") else " off"
    bars = f'<div class="margins{off}">{margin_bars(margins)}</div>' if margins else ""
    return bars + (f"<table>{rest}</table>" if rest else "")


def _value(row: Number) -> str:
    if isinstance(row.value, str):
        return escape(row.value)
    spread = f" \u00b1 {number(row.sd)[1:]}" if row.sd is not None else ""
    return escape(f"{row.value:.4g}{spread} {row.unit}".replace("-", "\u2212").strip())


def _neurons(one: Finding, pictures: Pictures, names: Names) -> str:
    if not one.neurons:
        return ""
    icons = "".join(_icon(one, unit, pictures, names) for unit in one.neurons)
    return f'<h3>Neurons of {escape(one.layer)}</h3><div class="icons">{icons}</div>'


def _icon(one: Finding, unit: int, pictures: Pictures, names: Names) -> str:
    data = pictures.get(one.icons.get(unit, ""))
    what = f"what neuron {unit} looks for"
    shown = f'<img src="{uri(data)}" alt="{what}">' if data else f'<span title="{what}"></span>'
    name, own = names.get((one.network, one.layer, unit), ("", False))
    kind = "b" if own else "em"
    called = f"<small><{kind}>{escape(name)}</{kind}></small>" if name else ""
    return f"<figure>{shown}<figcaption>{unit}{called}</figcaption></figure>"


def _source(one: Finding) -> str:
    """The network, the command and the address, each on a line of its own."""
    lines = [network_line(one.model, trained=one.trained)]
    lines.append(f"<div>its fingerprint <code>{escape(one.network)}</code></div>")
    if one.repeat:
        lines.append(f"<div>measured again by <code>{escape(printable(one.repeat))}</code></div>")
    lines.append(f"<div>in the program at <code>{escape(one.href)}</code></div>")
    return f'<div class="source small">{"".join(lines)}</div>'


_FOOTER = (
    '<footer class="small"><p>Margin: the logit of the class that was said less that of the other. '
    f"{CONFIRMED} What is not confirmed is shown in grey. Names in italics are automatic.</p>"
    "</footer>"
)
