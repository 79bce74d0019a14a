"""Hinton diagrams of the opened picture's own numbers: how the neuron fires at each place, the
strongest neurons of its layer, and the classes' logits. A square's area is the size, its colour the
sign; each diagram says what its largest square is."""

from typing import Any

import dash
import numpy as np
from dash import html
from dash.development.base_component import Component

from dashboard.components import amount, note, signed, term
from dashboard.grids import blocks, numbers
from dashboard.markup import filled, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views import neuron_panels
from dashboard.views.context import Context
from dashboard.views.filling import of_neuron
from dashboard.views.places import place_map

CELLS = 14
MOST, LEAST = 10, 5


def layout() -> Component:
    """The empty panel."""
    title = html.H2(["This picture's own numbers, ", term("hinton", "signed")])
    waiting = html.Div(id="neuron-own", **filled(note("Measuring\u2026", kind="busy")))
    return html.Section([title, waiting], className="panel", id="panel-own")


def register(app: dash.Dash, service: Service) -> None:
    """Adds the panel's callback."""

    @app.callback(panel("neuron-own"), part("links"), prevent_initial_call=True)
    def fill(data: dict[str, Any]) -> Any:
        return of_neuron(service, data, diagrams)


def diagrams(here: Context, unit: int) -> Component:
    """The three diagrams side by side."""
    return html.Div([_grid(here, unit), _neurons(here), _logits(here)], className="own-numbers")


def _grid(here: Context, unit: int) -> Component:
    found = here.service.ask("channel_map", **here.at_layer, channel=unit, kind="activation")
    values = np.array(found["values"]).reshape(found["rows"], found["cols"])
    fine = max(values.shape) > CELLS
    cells = blocks(values, CELLS, "mean")
    shown = {"rows": cells.shape[0], "cols": cells.shape[1], "values": numbers(cells)}
    largest = float(cells.flat[np.abs(cells).argmax()])
    sentence = f"Largest square: {signed(largest)}" + (", a mean over several places." * fine)
    quiet = "" if (values < 0).any() else " It is nowhere negative on this picture."
    return html.Div([
        html.H3(f"Neuron {unit} at each place"),
        place_map(shown, "hinton", f"Neuron {unit}'s activation at each place, signed"),
        html.P((sentence if sentence.endswith(".") else sentence + ".") + quiet,
               className="caption"),
    ])  # fmt: skip


def _neurons(here: Context) -> Component:
    rows = here.listed("activation")["neurons"]
    reach = max([1e-12, *(abs(row["activation"]) for row in rows)])
    at = here.chosen.place
    where = f"at place {at[0]},{at[1]}" if at else "summed over the picture"
    lines = [
        neuron_panels.source(here, here.layer, row["channel"],
                             [neuron_panels.weighed(row["activation"], reach, digits=1)])
        for row in rows
    ]  # fmt: skip
    if not lines:
        lines = [html.P("No neuron fires there.", className="caption")]
    return html.Div([
        html.H3(f"The strongest of {here.layer}, {where}"),
        html.Div(lines, className="hinton-rows"),
    ])  # fmt: skip


def _logits(here: Context) -> Component:
    """The most and the least, away from the mean of all classes: a logit's zero means nothing."""
    logits = np.array(here.answers["logits"], np.float64)
    away = logits - logits.mean()
    order = np.argsort(-away, kind="stable")
    many = len(order) > MOST + LEAST
    ends = [*order[:MOST], *order[-LEAST:]] if many else [*order]
    reach = float(np.abs(away).max()) or 1.0
    lines: list[Component] = []
    for n, i in enumerate(ends):
        if many and n == MOST:
            gap = f"\u2026 {len(order) - MOST - LEAST} between"
            lines.append(html.Div(gap, className="label gap"))
        row = [html.Span(here.name(int(i))), neuron_panels.weighed(float(away[i]), reach, digits=1)]
        lines.append(html.Div(row, className="class-row", **{"data-class": str(i)}))
    mean = amount(float(logits.mean()))
    return html.Div([
        html.H3(["The classes' ", term("logit", "logits"), f", less their mean of {mean}"]),
        html.Div(lines, id="own-logits"),
    ])  # fmt: skip
