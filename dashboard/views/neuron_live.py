"""The pane "live" of the Neuron page: all neurons of the layer as small maps, of the opened picture
or of the computer's camera, as in the Deep Visualization Toolbox (Yosinski et al. 2015).

The page stands still; ``assets/live.js`` asks for the maps and paints them.
"""

import json
from typing import Any

import dash
from dash import Output, html
from dash.development.base_component import Component

from dashboard.components import unit_icon
from dashboard.markup import filled, markup, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views.context import Context
from dashboard.views.explore_neurons import unit_name
from dashboard.views.filling import plain_errors

SORTS = {"number": "by number", "strength": "strongest first"}
SCALES = {"own": "each map on its own scale", "same": "one scale for all maps"}
PROMISE = (
    "The camera's frames go to the program on this computer only, and are kept nowhere: "
    "not on disk, not in the cache, not in a log."
)


def layout() -> list[Component]:
    """Source, maps and the chosen neuron; everything in it is filled by the script."""
    return [
        html.Div(
            [_controls(), html.P(id="live-note", className="caption", role="status"),
             html.Div([_stage(), _beside()], className="live-top"), _mosaic()],
            id="live",
        )
    ]  # fmt: skip


def _controls() -> Component:
    source = [
        html.Button("Start the camera", type="button", className="pill", id="live-camera"),
        html.Span(id="live-rate", className="label num"),
    ]
    choices = [_select("live-sort", "Order of the maps", SORTS),
               _select("live-scale", "Scale of the maps", SCALES)]  # fmt: skip
    return html.Div(id="live-controls",
                    **filled([html.Div(source), html.Div(choices)]))  # fmt: skip


def _select(name: str, label: str, options: dict[str, str]) -> Component:
    chosen = [html.Option(text, value=value) for value, text in options.items()]
    return html.Select(chosen, id=name, className="plain", **{"aria-label": label})


def _stage() -> Component:
    """What the network sees, under the chosen neuron's map."""
    pictures = [
        html.Canvas(id="live-seen", role="img", **{"aria-label": "What the network sees"}),
        html.Canvas(id="live-cover", role="img",
                    **{"aria-label": "Bright: where the chosen neuron fires"}),
    ]  # fmt: skip
    return html.Figure([
        html.Div(pictures, className="stage live-stage"),
        html.Figcaption(id="live-seen-note", className="caption"),
    ])  # fmt: skip


def _beside() -> Component:
    return html.Div([
        html.Div(id="live-neuron"),
        html.Div([html.H3("The network says"), html.Div(id="live-answers")]),
    ], className="live-beside")  # fmt: skip


def _mosaic() -> Component:
    canvas = html.Canvas(
        id="live-mosaic", tabIndex="0", role="application",
        **{"aria-label": "One map for each neuron: arrows move, Enter chooses"},
    )  # fmt: skip
    return html.Section([
        html.Header([html.H2(id="live-title"), html.Div(id="live-scale-note", className="label")]),
        html.P(id="live-hover", className="caption num"),
        canvas,
    ], className="panel live-maps")  # fmt: skip


def register(app: dash.Dash, service: Service) -> None:
    """Adds the pane's callback: what the script asks for, and the chosen neuron's icon."""

    @app.callback(
        panel("live-neuron"), Output("live", "data-asked"), part("live"), prevent_initial_call=True
    )
    @plain_errors(2)
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return (dash.no_update,) * 2
        here = Context.of(service, data)
        unit = here.known_unit
        return markup(_neuron(here, unit)), json.dumps(asked(here, unit))


def asked(here: Context, unit: int) -> dict[str, Any]:
    """What the script must know: the question, and how a frame is cut to the network's input."""
    network = here.network
    return {
        "model": here.model, "layer": here.layer, "picture": here.picture, "unit": unit,
        "channels": here.channels, "input": network["input_size"], "resize": network["resize"],
        "fit": network["fit"], "seen": f"/blob/{here.answers['seen']}", "promise": PROMISE,
    }  # fmt: skip


def _neuron(here: Context, unit: int) -> Component:
    facts = [
        html.B(unit_name(here.model, here.layer, unit)),
        html.Div(f"{unit} of {here.layer}", className="label"),
        html.Div(id="live-peak", className="num"),
    ]
    return html.Div([unit_icon(here.model, here.layer, unit, size=144), html.Div(facts)],
                    className="live-neuron")  # fmt: skip
