"""An explanation as one HTML file that needs nothing beside it: pictures, icons, style inside."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.explain import sentence
from analysis.filekinds import printable
from analysis.reportparts import (
    CONFIRMED,
    bar,
    margin_bars,
    network_line,
    number,
    page,
    png,
    share,
    span,
    uri,
    verdict_tag,
)

Icons = Mapping[tuple[str, int], bytes]
SHOWN = 6
GROUP_COLOURS = 6


def render_report(
    found: dict[str, Any], pixels: NDArray[np.uint8], icons: Icons, *, name: str,
    repeat: str = "", when: str = "",
) -> str:  # fmt: skip
    """The page for an explanation as ``explain`` gives it.

    ``pixels``: uint8 (H, W, 1 or 3), the picture as the network saw it; ``icons``: encoded PNG or
    WebP pictures by (layer, channel), for those neurons that have one; ``name``: of the picture;
    ``repeat``: the command that measures it again, ``when`` it was measured.
    """
    title, network = sentence(found), found["network"]
    layers = "".join(_layer(found, one, icons) for one in reversed(found["layers"]))
    line = " · ".join(filter(None, ("Neuronscope", printable(name), when)))
    return page(title, (
        f'<header><div class="small">{escape(line)}</div><h1>{escape(title)}</h1>'
        f"{network_line(str(network['name']), trained=network['trained'])}</header>"
        f"{_top(found, pixels)}<main>{layers}</main>{_footer(found, repeat)}"
    ))  # fmt: skip


def _top(found: dict[str, Any], pixels: NDArray[np.uint8]) -> str:
    (h, w), picture = pixels.shape[:2], png(pixels)
    cut = "the whole picture, squeezed" if found["network"]["fit"] == "squeeze" else "the crop"
    rows = "".join(
        f"<span>{_marked(e, found)}</span>"
        f'<span class="track"><i style="left:0;width:{e["probability"]:.2%}"></i></span>'
        f'<span class="num">{share(e["probability"])}</span>'
        for e in found["classes"]["top"]
    )
    seen = (  # embedded once; every map shows it again
        f'<svg class="seen" viewBox="0 0 {w} {h}" role="img"><title>{cut} that the network saw'
        f'</title><defs><image id="seen" href="{picture}" width="1" height="1" '
        f'preserveAspectRatio="none"/></defs><use href="#seen" transform="scale({w} {h})"/></svg>'
    )
    return (
        f'<section class="top"><figure>{seen}<figcaption>{cut} that the network saw</figcaption>'
        f'</figure><div><h3>Predictions</h3><div class="rank">{rows}</div>{_overview(found)}</div>'
        "</section>"
    )


def _marked(entry: dict[str, Any], found: dict[str, Any]) -> str:
    """A class's name, strong where the explanation is about it."""
    name = escape(entry["class"])
    sides = (found["classes"]["said"], found["classes"]["rather_than"])
    return f"<b>{name}</b>" if entry in sides else name


def _overview(found: dict[str, Any]) -> str:
    """What the checks of all layers say together."""
    checks = [c for c in found["checks"] if c["removed"] == "neurons"]
    held = [c["layer"] for c in checks if c["confirmed"]]
    flips = [c for c in checks if c["smallest_flip"]]
    lines = [
        f"Taking a layer's leading neurons away moves the margin further than taking as many "
        f"equally active others in <b>{len(held)} of {len(checks)}</b> layers."
    ]
    if flips:
        least = min(flips, key=lambda c: int(c["smallest_flip"]["count"]))
        flip = least["smallest_flip"]
        word, them = ("neuron", "it") if flip["count"] == 1 else ("neurons", "them")
        lines.append(
            f"The fewest that change the answer: <b>{flip['count']} {word}</b> of "
            f"{escape(least['layer'])}; without {them} the answer is {escape(flip['answer'])}."
        )
    return f"<h3>Checked</h3>{''.join(f'<p>{line}</p>' for line in lines)}"


# ---- one layer ----


def _layer(found: dict[str, Any], one: dict[str, Any], icons: Icons) -> str:
    grid = "{} x {} places".format(*one["grid"]) if one["grid"] else "no grid of places"
    checks = [c for c in found["checks"] if c["layer"] == one["layer"]]
    neurons = "".join(_neuron(one, n, icons) for n in one["channels"][:SHOWN])
    return (
        f'<section class="layer"><div class="head"><h2>{escape(one["layer"])}</h2>'
        f'<span class="small">{one["size"]} neurons, {grid}</span></div>'
        f"{''.join(_check(found, c) for c in checks if c['removed'] == 'neurons')}"
        f'<div class="body"><figure>{_map(one)}</figure>'
        f"<div><h3>Neurons with the largest effect</h3>{neurons or 'none has an effect'}</div>"
        f"<div>{_groups(one, checks)}</div></div></section>"
    )


def _neuron(layer: dict[str, Any], neuron: dict[str, Any], icons: Icons) -> str:
    most = max(abs(n["effect"]) for n in layer["channels"])
    data = icons.get((layer["layer"], neuron["channel"]))
    what = f"what neuron {neuron['channel']} looks for"
    icon = f'<img src="{uri(data)}" alt="{what}">' if data else '<span class="none"></span>'
    return (
        f'<div class="neuron" title="activation {neuron["activation"]:.4g}">{icon}'
        f"<span>{_called(neuron)}</span>{bar(neuron['effect'], -most, most)}"
        f'<span class="num">{number(neuron["effect"], 2)}</span></div>'
    )


def _called(neuron: dict[str, Any]) -> str:
    """The neuron's number, and below it its name, if it has one: with where that is from, unless
    the user gave it."""
    number, name = f"neuron {neuron['channel']}", neuron.get("name")
    if not name:
        return number
    own = neuron["named_by"] == "you"
    whence = "your name for it" if own else f"automatic, from {neuron['named_by']}"
    shown = f"<b>{escape(name)}</b>" if own else f"<em>{escape(name)}</em>"
    return f'{number}<small title="{whence}">{shown}</small>'


def _scale(found: dict[str, Any]) -> tuple[float, float]:
    """The least and the largest margin of all rows of all layers, so that they can be compared."""
    checks = [c for c in found["checks"] if c["removed"] == "neurons"]
    return span([row for check in checks for row in _margins(found, check)])


def _margins(found: dict[str, Any], check: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(label, margin, spread): as it is, without the neurons, and without others."""
    count = len(check["channels"])
    rows = [("as it is", found["margin"], 0.0), (f"without these {count}", check["without"], 0.0)]
    for key, words in (("equally_active", "equally active"), ("random", "random")):
        if control := check[key]:
            rows.append((f"without {count} {words} others", control["mean"], control["sd"]))
    return rows


def _check(found: dict[str, Any], check: dict[str, Any]) -> str:
    """The margin before, without the neurons, and without others, on one scale for the page."""
    if not check["channels"]:
        return '<p class="verdict small">No neuron of this layer speaks for the answer.</p>'
    flip = check["smallest_flip"]
    if flip:
        fewest = f"smallest set that flips it: {flip['count']} (to {escape(flip['answer'])})"
    else:
        fewest = "no set of them flips it"
    note = f'<p class="small">{verdict_tag(check["verdict"])} {fewest}</p>{_removed(check)}'
    return (
        f'<div class="verdict">{margin_bars(_margins(found, check), _scale(found))}{note}'
        f"{_also(check)}</div>"
    )


def _removed(check: dict[str, Any]) -> str:
    """Which neurons "these" are."""
    listed = ", ".join(map(str, check["channels"]))
    return f'<p class="small">these: neurons {listed}</p>'


def _also(check: dict[str, Any]) -> str:
    """What the removal does to other classes."""
    moved = ", ".join(
        f"{escape(one['class'])} {share(one['before'])} to {share(one['without'])}"
        for one in check["also_changed"]
    )
    return f'<p class="small">also changed: {moved}</p>' if moved else ""


def _groups(one: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    if not one["groups"]:
        return ""
    most = max(max(abs(g["effect"]), abs(g["measured"])) for g in one["groups"]) or 1.0
    rows = "".join(
        f'<div class="group" title="neurons {", ".join(map(str, g["channels"]))}">'
        f'<span class="dot" style="background:var(--g{g["group"] % GROUP_COLOURS})"></span>'
        f"<span>group {g['group']}</span>{bar(g['measured'], -most, most)}"
        f'<span class="num">{number(g["measured"], 2)}</span></div>'
        for g in one["groups"]
    )
    held = [c for c in checks if c["removed"] == "group" and c["confirmed"]]
    note = f'<p class="small">Group {held[0]["group"]} is confirmed.</p>' if held else ""
    return f"<h3>Neuron groups, measured effect</h3>{_group_picture(one)}{rows}{note}"


def _group_picture(one: dict[str, Any]) -> str:
    """Where each group is: its colour over the places at which it is the strongest."""
    drawn = "".join(
        f'<rect x="{c}" y="{r}" width="1" height="1" fill="var(--g{g % GROUP_COLOURS})" '
        f'fill-opacity=".55"><title>{r},{c}: group {g}</title></rect>'
        for r, row in enumerate(one["group_map"]) for c, g in enumerate(row) if g is not None
    )  # fmt: skip
    return _over_picture(drawn, one["group_map"], "where each group is strongest")


def _over_picture(drawn: str, cells: Sequence[Sequence[Any]], title: str) -> str:
    rows, cols = len(cells), len(cells[0])
    return (
        f'<svg class="map" viewBox="0 0 {cols} {rows}" role="img"><title>{title}</title>'
        f'<use href="#seen" class="dim" transform="scale({cols} {rows})"/>{drawn}</svg>'
    )


def _map(one: dict[str, Any]) -> str:
    """The effect of each place over the picture: colour by sign, and a sign on the strongest."""
    if not one["map"]:
        return ""
    cells = np.asarray(one["map"])
    rows, cols = cells.shape
    most = float(np.abs(cells).max()) or 1.0
    signs = set(np.argsort(-np.abs(cells), axis=None)[:5].tolist())
    drawn = "".join(
        _cell(r, c, float(cells[r, c]), most, signed=r * cols + c in signs)
        for r in range(rows) for c in range(cols) if abs(cells[r, c]) > 0.05 * most
    )  # fmt: skip
    return (
        _over_picture(drawn, one["map"], "effect of each place")
        + "<figcaption>effect of each place: blue and + for, orange and − against</figcaption>"
    )


def _cell(row: int, column: int, value: float, most: float, *, signed: bool) -> str:
    colour = "#6ea8ea" if value > 0 else "#f0a24a"
    strength = min(0.85, 0.1 + 0.75 * abs(value) / most)
    box = (
        f'<rect x="{column}" y="{row}" width="1" height="1" fill="{colour}" '
        f'fill-opacity="{strength:.2f}"><title>{row},{column}: {value:+.2f}</title></rect>'
    )
    if not signed:
        return box
    sign = "+" if value > 0 else "−"
    return (
        f'{box}<text x="{column + 0.5}" y="{row + 0.78}" font-size="0.8" text-anchor="middle" '
        f'fill="#10131a">{sign}</text>'
    )


def _footer(found: dict[str, Any], repeat: str) -> str:
    network = found["network"]
    named = {n.get("named_by") for one in found["layers"] for n in one["channels"]} - {None, "you"}
    names = "".join(f" Names in italics are automatic, from {escape(n)}." for n in sorted(named))
    again = f"<p>Measured again by: <code>{escape(printable(repeat))}</code></p>" if repeat else ""
    return (
        f'<footer class="small">{again}<p>Effect: gradient x activation, in logits of the margin. '
        "Measured effect: the margin as it is less the margin without. "
        f"{CONFIRMED}{names}</p>"
        f"<code>network {escape(str(network['fingerprint']))}</code></footer>"
    )
