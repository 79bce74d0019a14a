"""The map over the opened picture, and the line that says what it shows."""

from typing import Any

import dash
from dash import Output, html, no_update

from dashboard.components import signed
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views.context import Context
from dashboard.views.filling import plain_errors, wanted


def register(app: dash.Dash, service: Service) -> None:
    """Adds the callback of the map."""

    @app.callback(
        panel("map-note"), Output("overlay-data", "data"),
        part("overlay"), prevent_initial_call=True,
    )  # fmt: skip
    @plain_errors(2)
    def fill(data: dict[str, Any]) -> Any:
        if not wanted(data):
            return no_update, no_update
        line, drawn = overlay(Context.of(service, data))
        return markup(line), drawn


def _pixels_text(found: dict[str, Any]) -> str:
    """The map of pixels beside its own check."""
    first = f"{100 * found['share']:.0f} %"
    mean, sd = found["shifted"]
    return (
        f"Integrated gradients. Blurring the first {first} of pixels: margin "
        f"{signed(found['before'])} \u2192 {signed(found['without'])}; the same shape elsewhere: "
        f"{signed(mean)} \u00b1 {sd:.1f}."
    )


def overlay(here: Context) -> tuple[Any, dict[str, Any] | None]:
    """The line below the picture and the map over it."""
    kind, unit = here.chosen.map, here.chosen.unit
    ask = here.service.ask
    a, b = here.name(here.a), here.name(here.b)
    if kind == "off":
        return "The picture as the network sees it.", None
    if kind == "groups":
        found = ask("groups", **here.at_layer)
        return "Each colour: neurons that fire together here.", {
            "kind": "groups", "rows": found["rows"], "cols": found["cols"],
            "values": [v for g in found["groups"] for v in g["map"]], "off": list(here.chosen.off),
        }  # fmt: skip
    if kind == "pixels":
        found = ask("pixels", **here.question)
        return _pixels_text(found), {"kind": "effect", **found["map"]}
    drawn = ask("channel_map", **here.at_layer, channel=unit, kind=kind)
    who = f"neuron {unit}" if unit is not None else f"all neurons of {here.layer}"
    if kind == "effect":
        text = ["Effect of ", who, ": ", html.Span(f"blue for {a}", className="pos"), ", ",
                html.Span(f"orange for {b}", className="neg"), "."]  # fmt: skip
        return text, drawn
    return f"Bright where {who} fire{'s' if unit is not None else ''}.", drawn
