"""Faders of the patch bench: neurons turned up and down, and what the network then says."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, copy_command, unit_icon
from dashboard.markup import Field
from dashboard.selection import fade_of
from dashboard.views.context import Context
from dashboard.views.errors_bench_commands import of_faders
from dashboard.views.explore_neurons import unit_name

SHOWN = 6


def faders(here: Context) -> Component:
    """The neurons of the evidence, each from 0 to 2 times what it is."""
    set_to = {u: f for u, f in fade_of(here.chosen.fade).items() if u < here.channels}
    listed = [n["channel"] for n in here.listed("effect")["neurons"]]
    units = list(dict.fromkeys([*set_to, *listed]))[: max(SHOWN, len(set_to))]
    asked = {"task": "bench_cost"}
    cost = html.Button("what does that cost over the labelled pictures?", type="button",
                       className="pill", **{"data-bench-job": json.dumps(asked),
                                            "data-into": "bench-paid"})  # fmt: skip
    back = action("all back to 1", {"fade": None}, label="All faders back to 1", className="pill")
    moved = set_to and here.chosen.fade
    return html.Div([
        html.H3(f"Turn neurons of {here.layer} down or up"),
        html.Div([_fader(here, unit, set_to.get(unit, 1.0)) for unit in units],
                 className="bench-faders", id="bench-faders",
                 **{"data-fade": json.dumps(here.chosen.fade)}),
        html.P(id="bench-faded", className="conclusion", role="status",
               **_own(here, here.chosen.fade)),
        html.Div([cost, back, copy_command(of_faders(here))] if moved else [],
                 className="pills"),
        html.Div(id="bench-paid", className="bench-work", role="status",
                 **_own(here, here.chosen.fade)),
    ])  # fmt: skip


def _own(here: Context, fade: str | None) -> dict[str, str]:
    return {"data-own": json.dumps([*here.at_layer.values(), fade])}


def _fader(here: Context, unit: int, factor: float) -> Component:
    attributes: dict[str, Any] = {"data-fader": str(unit), "aria-label": f"Neuron {unit}, times"}
    slider = Field(type="range", min=0, max=2, step=0.05, value=f"{factor:g}", **attributes)
    return html.Div([
        unit_icon(here.model, here.layer, unit, size=36),
        html.Div([unit_name(here.model, here.layer, unit), slider]),
        html.Output(f"\u00d7 {factor:.2g}", className="num"),
    ], className="bench-fader" + (" moved" if factor != 1 else ""))  # fmt: skip
