"""The third stage of Errors, right: the patch bench. What is laid on the picture, what the network
says of it while it moves, and noise of the same size beside it.

The numbers are put in by ``assets/errors_bench.js`` as they are measured.
"""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from analysis.pasting import LARGEST, SMALLEST, Patch
from cache.errors import UserError
from dashboard.components import action, copy_command, note, term
from dashboard.error_desk import ErrorDesk
from dashboard.markup import Field
from dashboard.views.context import Context
from dashboard.views.errors_bench_choices import own, recipes, sources, suggest, together
from dashboard.views.errors_bench_commands import of_patch
from dashboard.views.errors_bench_faders import faders
from dashboard.views.errors_wall import pair_of


def content(here: Context, desk: ErrorDesk) -> list[Component]:
    """The bench, with the patch that the address names; of many pictures together on the first."""
    if here.chosen.stage == "together":
        here = _first(here, desk)
    patch, wrong = _patch(here)
    laid = [*wrong, *([_empty()] if patch is None else _laid(here, patch))]
    # the parts stand in the same order with a patch and without: what they hold stays (markup.js)
    parts = [laid, sources(here, patch), suggest(here), together(here, patch, desk),
             recipes(here), faders(here)]  # fmt: skip
    return [html.Section([
        html.Header([html.H2("Test it with a patch"), _remove(patch)]),
        *(html.Div(part) for part in parts),
    ], id="bench", className="panel bench", **{"data-bench": _about(here, patch)})]  # fmt: skip


def _first(here: Context, desk: ErrorDesk) -> Context:
    """The first picture of the list, where the chosen one is not in it, and the list's classes."""
    keys, pair = desk.keys(here.chosen, here.model), pair_of(here.chosen.wall)
    given: dict[str, Any] = (
        {} if here.chosen.picture in keys else {"picture": next(iter(keys), None)}
    )
    if pair is not None:
        given |= {"a": pair[1], "b": pair[0]}
    return Context(replace(here.chosen, **given), here.service)


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
    chosen = here.chosen
    told: dict[str, Any] = {
        **here.at_layer, "wall": chosen.wall, "sure": chosen.sure, "among": chosen.among,
        "names": [here.name(here.a), here.name(here.b)],
    }  # fmt: skip
    if patch is not None:
        high, wide = proportions(patch, *shape_of(here))
        told["patch"] = {
            "begin": ":".join([patch.kind, *patch.source]), "kind": patch.kind, "x": patch.x,
            "y": patch.y, "size": patch.size, "opacity": patch.opacity, "seed": patch.seed,
            "high": high, "wide": wide, "sd": patch.sd,
            "colour": "#{:02x}{:02x}{:02x}".format(*(patch.colour or (128, 128, 128))),
        }  # fmt: skip
    return json.dumps(told)


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
    return [_stage(here, patch), *_controls(patch), bars, curve, _files(here, patch)]


def _files(here: Context, patch: Patch) -> Component:
    """The curve as files, and the command that measures the same."""
    query = urlencode({**here.question, "patch": patch.word})
    links = [html.A(kind.upper(), href=f"/bench/curve.{kind}?{query}", download="",
                    className="quiet-button") for kind in ("csv", "json")]  # fmt: skip
    return html.P(["The curve as ", links[0], " or ", links[1], ". ",
                   copy_command(of_patch(here, patch))], className="caption")  # fmt: skip


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
