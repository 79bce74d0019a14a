"""The wall of the Neuron page: every neuron of a layer; ``assets/wall.js`` makes its cells."""

import json
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.markup import Field, filled
from dashboard.views.context import Context

SORTS = {
    "effect": "by effect",
    "activation": "by activation",
    "class": "by class",
    "selectivity": "by selectivity",
    "name": "by name",
    "number": "by number",
}


def layout() -> Component:
    """The empty wall; plain controls, which the script reads."""
    options = [html.Option(text, value=kind) for kind, text in SORTS.items()]
    controls = [
        html.Select([], id="wall-layer", className="plain", **{"aria-label": "Layer"}),
        html.Select(options, id="wall-sort", className="plain", **{"aria-label": "Sort"}),
        Field(
            id="wall-search", className="plain", type="search", placeholder="name, number, class",
            autoComplete="off", **{"aria-label": "Search the neurons of this layer"},
        ),
    ]  # fmt: skip
    return html.Aside(
        [
            html.Div(id="wall-controls", **filled(controls)),
            html.P(id="wall-measure", className="caption", hidden=True),
            html.Div(html.Div(id="wall-size"), id="wall-view", tabIndex="0"),
            html.Div([html.Span(id="wall-count", className="label"), html.Div(id="wall-names")],
                     className="wall-foot"),
        ],
        id="wall", **{"aria-label": "All neurons of the layer"},
    )  # fmt: skip


def asked(here: Context, unit: int) -> str:
    """What the script asks for."""
    return json.dumps({**here.at_layer, "unit": unit})


def names(here: Context) -> list[Component]:
    """Taking the user's names out and in, as a file."""
    address = f"/api/names?{urlencode({'model': here.model})}"
    return [
        html.A("export names", href=address, className="quiet-button"),
        html.Label(
            ["import names", Field(id="names-file", type="file", accept=".json",
                                        **{"data-model": here.model})],
            className="quiet-button",
        ),
    ]  # fmt: skip
