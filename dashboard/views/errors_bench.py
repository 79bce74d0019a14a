"""The third stage of Errors, right: the patch bench. What is laid on the picture, what the network
says of it while it moves, and noise of the same size beside it.

The numbers are put in by ``assets/errors_bench.js`` as they are measured.
"""

import json
from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from analysis.classes import Categories
from analysis.pasting import KINDS, LARGEST, SMALLEST, Patch
from cache.errors import UserError
from dashboard.bench_recipes import RECIPES
from dashboard.components import action, note, term
from dashboard.error_desk import ErrorDesk
from dashboard.markup import Field
from dashboard.views.context import Context
from dashboard.views.errors_bench_faders import faders

SOURCES = {"crop": "another picture", "icon": "a neuron's icon", "cell": "an atlas cell"}
AT_ONCE = {"noise": "noise", "blur": "blur", "flat": "a colour"}
FIRST = {"noise": (), "blur": ("0.04",), "flat": ("808080",)}


def content(here: Context, desk: ErrorDesk) -> list[Component]:
    """The bench, with the patch that the address names."""
    patch, wrong = _patch(here)
    laid = [*wrong, *([_empty()] if patch is None else _laid(here, patch))]
    # the parts stand in the same order with a patch and without: what they hold stays (markup.js)
    parts = [laid, _sources(here, patch), _suggest(here), _together(here, patch), _recipes(here),
             faders(here)]  # fmt: skip
    return [html.Section([
        html.Header([html.H2("Test it with a patch"), _remove(patch)]),
        *(html.Div(part) for part in parts),
    ], id="bench", className="panel bench", **{"data-bench": _about(here, patch)})]  # fmt: skip


def _patch(here: Context) -> tuple[Patch | None, list[Component]]:
    if here.chosen.patch is None:
        return None, []
    try:
        return Patch.parse(here.chosen.patch), []
    except UserError as error:
        return None, [note(str(error), kind="error")]


def shape_of(here: Context) -> tuple[int, int]:
    """Height and width of what the network sees."""
    _, height, width = here.network["input_size"]
    return int(height), int(width)


def proportions(patch: Patch, height: int, width: int) -> tuple[float, float]:
    """Height and width of a patch of size 1, in parts of the picture's."""
    shorter, high, wide = min(height, width), 1.0, 1.0
    if patch.box is not None:
        top, left, bottom, right = patch.box
        high, wide = (bottom - top) * height, (right - left) * width
        high, wide = high / max(high, wide), wide / max(high, wide)
    return high * shorter / height, wide * shorter / width


def _about(here: Context, patch: Patch | None) -> str:
    """What the script must know: the question, and the patch by its parts."""
    told: dict[str, Any] = {**here.at_layer, "wall": here.chosen.wall,
                            "names": [here.name(here.a), here.name(here.b)]}  # fmt: skip
    if patch is not None:
        high, wide = proportions(patch, *shape_of(here))
        told["patch"] = {
            "begin": ":".join([patch.kind, *patch.source]), "kind": patch.kind, "x": patch.x,
            "y": patch.y, "size": patch.size, "opacity": patch.opacity, "seed": patch.seed,
            "high": high, "wide": wide, "sd": patch.sd,
            "colour": "#{:02x}{:02x}{:02x}".format(*(patch.colour or (128, 128, 128))),
        }  # fmt: skip
    return json.dumps(told)


def own(here: Context, *more: Any) -> dict[str, str]:
    """The mark of an element that a script fills: it is kept as long as the question is the
    same."""
    return {"data-own": json.dumps([here.model, here.picture, here.a, here.b, *more])}


def _remove(patch: Patch | None) -> Component:
    inside = [] if patch is None else [
        action("take it off", {"patch": None}, label="Take the patch off", className="pill")
    ]  # fmt: skip
    return html.Div(inside, className="tools")


def _empty() -> Component:
    return html.P(
        "Put a part of another picture, an icon or plain noise where you like, drag it about, and "
        "watch both classes. A reason that holds changes the answer; noise of the same size is the "
        "control.", className="caption",
    )  # fmt: skip


# ---- the patch on the picture ----


def _laid(here: Context, patch: Patch) -> list[Component]:
    bars = html.Div(
        [*(_bar(here, side) for side in (0, 1)), _margin(),
         html.P(id="bench-verdict", className="conclusion", role="status")],
        id="bench-bars", className="bench-bars", **own(here),
    )  # fmt: skip
    curve = html.Figure([
        html.Div(id="bench-curve", role="img", **{"aria-label": "Probability over size"}),
        html.Figcaption("Probability over the size of the patch; dashed: noise instead. "
                        "A click takes that size.", className="caption"),
    ], className="bench-curve", **own(here))  # fmt: skip
    return [_stage(here, patch), *_controls(patch), bars, curve]


def _stage(here: Context, patch: Patch) -> Component:
    height, width = shape_of(here)
    high, wide = proportions(patch, height, width)
    high, wide = patch.size * high, patch.size * wide
    place = {
        "left": f"{100 * (patch.x - wide / 2):.2f}%", "width": f"{100 * wide:.2f}%",
        "top": f"{100 * (patch.y - high / 2):.2f}%", "height": f"{100 * high:.2f}%",
    }  # fmt: skip
    asked = urlencode({"model": here.model, "picture": here.picture, "patch": patch.word})
    lies = html.Div(
        [html.I(id="bench-cloth"), html.Span(id="bench-handle", **{"aria-hidden": "true"})],
        id="bench-patch", style=place, tabIndex="0", role="application",
        **{"aria-label": "The patch: arrows move it, plus and minus change its size",
           "data-texture": _texture(here, patch)},
    )  # fmt: skip
    return html.Div([
        html.Img(src=f"/blob/{here.answers['seen']}", alt="The picture as the network sees it",
                 draggable="false"),
        html.Img(id="bench-seen", src=f"/bench/seen.png?{asked}", alt="The same with the patch",
                 draggable="false"), lies,
    ], className="stage bench-stage", id="bench-stage",
       style={"aspectRatio": f"{width} / {height}"})  # fmt: skip


def _texture(here: Context, patch: Patch) -> str:
    """The address of what the patch shows, the same wherever it lies; none for a blur."""
    if patch.kind == "blur":
        return ""
    plain = Patch(patch.kind, patch.source, seed=patch.seed).word
    return f"/bench/texture.png?{urlencode({'model': here.model, 'patch': plain})}"


def _controls(patch: Patch) -> list[Component]:
    rows = [
        _slider("size", "Size", SMALLEST, LARGEST, patch.size),
        _slider("opacity", "Opacity", 0, 1, patch.opacity),
    ]
    if patch.kind == "blur":
        rows.append(_slider("sd", "Blur", 0.005, 0.2, patch.sd, step=0.005))
    if patch.kind == "flat":
        colour = "#{:02x}{:02x}{:02x}".format(*(patch.colour or (128, 128, 128)))
        rows.append(html.Label([html.Span("Colour"), Field(
            type="color", id="bench-colour", value=colour, **{"aria-label": "Colour of the patch"},
        )], className="bench-slider"))  # fmt: skip
    if patch.kind == "noise":
        again = Patch("noise", (), patch.x, patch.y, patch.size, patch.opacity, patch.seed + 1)
        rows.append(action("other noise", {"patch": again.word}, label="Draw other noise",
                           className="pill"))  # fmt: skip
    return [html.Div(rows, className="bench-controls")]


def _slider(
    name: str, label: str, least: float, most: float, value: float, *, step: float = 0.01
) -> Component:
    field = Field(
        type="range", id=f"bench-{name}", min=least, max=most, step=step, value=f"{value:g}",
        **{"data-bench-slider": name, "aria-label": f"{label} of the patch"},
    )  # fmt: skip
    return html.Label([html.Span(label), field, html.Output(f"{value:.0%}", className="num")],
                      className="bench-slider")  # fmt: skip


def _bar(here: Context, side: int) -> Component:
    """Probability before -> now, with noise as a band; the logits below."""
    tone, kind, name = (("pos", "for", here.name(here.a)), ("neg", "against", here.name(here.b)))[
        side
    ]

    def put(what: str, **more: Any) -> Component:
        return html.Span("\u2026", className="num", **{"data-put": f"{what}.{side}"}, **more)

    return html.Div([
        html.Div([html.B(name, className=tone), put("share")], className="who"),
        html.Div([html.I(className="band", **{"data-put": f"band.{side}"}),
                  html.I(className="fill", **{"data-put": f"fill.{side}"}),
                  html.U(**{"data-put": f"tick.{side}"})], className=f"bench-bar {kind}"),
        html.Div([html.Span(["logit ", put("logit")]), html.Span(["noise ", put("noise")])],
                 className="caption split"),
    ], className="bench-class")  # fmt: skip


def _margin() -> Component:
    """The same for the margin, around zero; the ends of the bar are put in with it."""
    return html.Div([
        html.Div([term("margin"), html.Span("\u2026", className="num", id="bench-margin")],
                 className="who"),
        html.Div([html.I(className="zero"), html.I(className="band", **{"data-put": "band.2"}),
                  html.I(className="fill", **{"data-put": "fill.2"}),
                  html.U(**{"data-put": "tick.2"})], className="bench-bar margin"),
        html.Div([html.Span("tick: without it; hatched: noise"),
                  html.Span("\u2026", className="num", id="bench-margin-noise")],
                 className="caption split"),
    ], className="bench-class")  # fmt: skip


# ---- where patches come from ----


def _sources(here: Context, patch: Patch | None) -> Component:
    place = patch or Patch("noise")
    plain = [
        action(text, {"patch": Patch(kind, FIRST[kind], place.x, place.y, place.size,
                                     place.opacity).word},
               label=f"Lay {text} on the picture", className="pill",
               **({"aria-current": "true"} if patch and patch.kind == kind else {}))
        for kind, text in AT_ONCE.items()
    ]  # fmt: skip
    opens = [
        html.Button(text, type="button", className="pill", **{
            "data-bench-open": kind, "aria-expanded": "false", "aria-controls": "bench-pane",
            **({"aria-current": "true"} if patch and patch.kind == kind else {}),
        }) for kind, text in SOURCES.items()
    ]  # fmt: skip
    pane = html.Div(id="bench-pane", **own(here, here.layer))
    lead = "Put on it" if patch is None else "Another patch"
    assert set(SOURCES) | set(AT_ONCE) == set(KINDS)
    return html.Div([html.H3(lead), html.Div([*opens, *plain], className="pills"), pane],
                    className="bench-sources")  # fmt: skip


def _work(here: Context, name: str, *more: Any) -> Component:
    """Where a longer work says how far it is, and what it found."""
    return html.Div(id=name, className="bench-work", role="status", **own(here, *more))


def _begins(text: Any, asked: dict[str, Any], into: str, label: str) -> Component:
    return html.Button(text, type="button", className="pill", title=label, **{
        "aria-label": label, "data-bench-job": json.dumps(asked), "data-into": into,
    })  # fmt: skip


def _suggest(here: Context) -> list[Component]:
    buttons = [
        _begins(html.Span(["for ", html.B(here.name(index), className=tone)]),
                {"task": "bench_suggest", "towards": side}, "bench-suggested",
                f"Look for patches that push {here.name(index)} over {here.name(other)}")
        for side, index, other, tone in (("b", here.b, here.a, "neg"), ("a", here.a, here.b, "pos"))
    ]  # fmt: skip
    return [html.H3("Let the program look for a patch"), html.Div(buttons, className="pills"),
            _work(here, "bench-suggested", here.layer)]  # fmt: skip


def _together(here: Context, patch: Patch | None) -> list[Component]:
    """The same patch on all pictures of the wall."""
    if patch is None:
        return []
    buttons = [
        _begins(html.Span(["how many become ", html.B(here.name(index), className=tone)]),
                {"task": "bench_all", "towards": side}, "bench-table",
                f"Lay it on all of them and count the {here.name(index)}")
        for side, index, tone in (("b", here.b, "neg"), ("a", here.a, "pos"))
    ]  # fmt: skip
    title = "The same patch on all pictures of this list"
    return [html.H3(title), html.Div(buttons, className="pills"),
            _work(here, "bench-table", patch.word)]  # fmt: skip


def _recipes(here: Context) -> list[Component]:
    """The cases of the atlas article, where the network knows the classes."""
    if not Categories(tuple(here.network["classes"])).is_imagenet:
        return []
    buttons = [
        _begins(f"{here.name(r.shows)} + {here.name(r.laid)} \u2192 {here.name(r.becomes)}",
                {"task": "bench_recipe", "recipe": r.name}, "bench-recipe",
                f"Try {here.name(r.laid)} on a picture of {here.name(r.shows)}")
        for r in RECIPES
    ]  # fmt: skip
    return [html.H3("Cases of the Activation Atlas article"),
            html.Div(buttons, className="pills recipes"),
            html.Div(id="bench-recipe", className="bench-work", role="status",
                     **{"data-own": here.model})]  # fmt: skip
