"""Faders of the patch bench: neurons or groups turned up and down, and what is then said."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, copy_command, group_icon, unit_icon
from dashboard.markup import Field
from dashboard.selection import fade_of
from dashboard.views.context import Context
from dashboard.views.errors_bench_commands import of_faders
from dashboard.views.errors_case import of_groups
from dashboard.views.errors_claim_rows import group_name, switch
from dashboard.views.explore_neurons import unit_name

SHOWN = 6


def faders(here: Context) -> Component:
    """The neurons or groups of the evidence, each from 0 to 2 times what it is; and all that are
    turned already."""
    neurons, groups = fade_of(here.chosen.fade)
    neurons = {u: f for u, f in neurons.items() if u < here.channels}
    rows = [*_groups(here, groups), *_neurons(here, neurons)]
    asked = {"task": "bench_cost"}
    cost = html.Button("what does that cost over the labelled pictures?", type="button",
                       className="pill", **{"data-bench-job": json.dumps(asked),
                                            "data-into": "bench-paid"})  # fmt: skip
    back = action("all back to 1", {"fade": None}, label="All faders back to 1", className="pill")
    moved = (neurons or groups) and here.chosen.fade
    like = (" In the other pictures a group is what looks like it there." if moved and groups
            else "")  # fmt: skip
    return html.Div([
        html.H3(f"Turn {here.chosen.tab} of {here.layer} down or up"),
        switch(here),
        html.Div(rows, className="bench-faders", id="bench-faders",
                 **{"data-fade": json.dumps(here.chosen.fade)}),
        html.P(id="bench-faded", className="conclusion", role="status",
               **_own(here, here.chosen.fade)),
        html.Div([cost, back, copy_command(of_faders(here))] if moved else [],
                 className="pills"),
        html.P(like, className="caption") if like else None,
        html.Div(id="bench-paid", className="bench-work", role="status",
                 **_own(here, here.chosen.fade)),
    ])  # fmt: skip


def _neurons(here: Context, set_to: dict[int, float]) -> list[Component]:
    """Those with the largest effects, where neurons are shown."""
    listed = [] if of_groups(here) else here.listed("effect")["neurons"]
    units = list(dict.fromkeys([*set_to, *(n["channel"] for n in listed)]))
    return [
        _fader(str(unit), f"Neuron {unit}", set_to.get(unit, 1.0),
               unit_icon(here.model, here.layer, unit, size=36),
               unit_name(here.model, here.layer, unit))
        for unit in units[: max(SHOWN, len(set_to))]
    ]  # fmt: skip


def _groups(here: Context, set_to: dict[int, float]) -> list[Component]:
    """All of the picture's, where groups are shown."""
    if not (set_to or of_groups(here)):
        return []
    there = len(here.service.ask("groups", **here.at_layer)["groups"])
    return [
        _fader(f"g{group}", group_name(group).capitalize(), set_to.get(group, 1.0),
               html.Span([group_icon(here.model, here.layer, group, here.picture)],
                         className="coloured", style={"borderColor": f"var(--g{group % 6})"}),
               html.Span(group_name(group)))
        for group in range(there) if of_groups(here) or group in set_to
    ]  # fmt: skip


def _own(here: Context, fade: str | None) -> dict[str, str]:
    return {"data-own": json.dumps([*here.at_layer.values(), fade])}


def _fader(
    name: str, label: str, factor: float, picture: Component, called: Component
) -> Component:
    """One slider; ``name``: as the address has it."""
    attributes: dict[str, Any] = {"data-fader": name, "aria-label": f"{label}, times"}
    slider = Field(type="range", min=0, max=2, step=0.05, value=f"{factor:g}", **attributes)
    return html.Div([
        picture, html.Div([called, slider]), html.Output(f"\u00d7 {factor:.2g}", className="num"),
    ], className="bench-fader" + (" moved" if factor != 1 else ""))  # fmt: skip
