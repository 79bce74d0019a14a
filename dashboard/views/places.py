"""Places of a layer's grid on the Neuron page: small maps, and the picture as the chooser of one.

A map is one canvas that carries its numbers; ``assets/places.js`` paints it.
"""

import json
from typing import Any

import dash
from dash import ClientsideFunction, Output, html
from dash.development.base_component import Component

from dashboard.parts import part


def layout() -> Component:
    """Where the script's callback ends; it shows nothing itself."""
    return html.Div(id="placed", hidden=True)


def register(app: dash.Dash) -> None:
    """Tells the script which place is chosen."""
    app.clientside_callback(
        ClientsideFunction("places", "choose"), Output("placed", "children"), part("links"),
        prevent_initial_call=True,
    )  # fmt: skip


def place_map(found: dict[str, Any], kind: str, label: str, **more: Any) -> Component:
    """A grid of numbers, {rows, cols, values}. ``kind``: ``effect`` signed by colour, ``hinton``
    signed squares, ``veil`` a dark cover that opens where a neuron fires."""
    data = {
        "data-rows": str(found["rows"]), "data-cols": str(found["cols"]), "data-kind": kind,
        "data-values": json.dumps(found["values"], separators=(",", ":")), "aria-label": label,
    }  # fmt: skip
    return html.Canvas(**{"className": f"place-map {kind}", "role": "img", **data, **more})


def chooser(seen: str, found: dict[str, Any]) -> list[Component]:
    """The picture with a neuron's map over it: a click or the arrows choose a place."""
    cover = place_map(
        found, "veil", "Where it fires: a click or the arrows choose a place, Escape lets go",
        id="place-chooser", tabIndex="0", role="application",
    )  # fmt: skip
    return [
        html.Div([html.Img(src=f"/blob/{seen}", alt="The open picture"), cover],
                 className="stage small"),
        html.P("Bright: where it fires.", id="place-note", className="caption"),
    ]  # fmt: skip
