"""The panel of a cell of the Atlas: what its samples have in common, and how far to trust it."""

from typing import Any
from urllib.parse import urlencode

import dash
from dash import html, no_update
from dash.development.base_component import Component

from analysis.atlas import cellview
from analysis.atlas.regions import PART
from analysis.atlas.shown import Shown
from analysis.classgroups import shares
from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.atlas_maps import BuiltMap, Map
from dashboard.components import action, amount, note, signed, unit_icon
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.atlas_classes import known_groups
from dashboard.views.context import Context
from dashboard.views.explore_neurons import unit_name

CLASSES, GROUPS = 6, 4


def register(app: dash.Dash, service: Service, desk: AtlasDesk) -> None:
    """Adds the panel's callback."""

    @app.callback(panel("map-cell"), part("map-cell"), prevent_initial_call=True)
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "atlas":
            return no_update
        here = Context.of(service, data)
        try:
            found = desk.for_layer(here.model, here.layer, here.chosen.atlas)
            return markup(_cell(here, desk, found))
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error"))


def _cell(here: Context, desk: AtlasDesk, found: Map | None) -> list[Component]:
    if found is None or not here.chosen.cell:
        return [html.H2("A cell"), html.P("Choose a cell of the map: a click, or Enter.",
                                          className="caption")]  # fmt: skip
    side, place = here.chosen.cell.split(":")
    col, row = (int(v) for v in place.split(","))
    grid = found.grid(int(side))
    index = grid.find(col, row)
    if index is None:
        raise UserError("there is no cell at this place of the map; choose another")
    return [
        _head(found, grid, index), _classes(here, grid, index), _groups(here, grid, index),
        _samples(here, found, grid, index), _neurons(here, grid, index),
        _elsewhere(here, desk, found, grid, index),
    ]  # fmt: skip


def _head(found: Map, grid: Shown, index: int) -> Component:
    picture = note("Its icon is not drawn yet.", kind="busy")
    if grid.drawn[index]:
        picture = html.Img(
            src=f"{found.base}/icon/{grid.side}/{index}.png", className="cell-icon",
            alt="What the cell looks like to the layer", width=192, height=192,
        )  # fmt: skip
    facts = [f"mean of {int(grid.count[index]):,} places"]
    if grid.drawn[index]:
        home = "in it" if grid.at_home[index] else "elsewhere on the map"
        facts.append(f"the icon is like them by {grid.cosine[index]:.2f} of 1, and lands {home}")
    trust = grid.trust[index]
    if trust == trust:
        facts.append(f"its neighbours are neighbours in truth: {trust:.2f} of 1")
    return html.Div([
        html.H2(f"Cell {int(grid.col[index])},{int(grid.row[index])} of {grid.side}"),
        picture, html.Ul([html.Li(fact) for fact in facts], className="caption"),
    ])  # fmt: skip


def _classes(here: Context, grid: Shown, index: int) -> Component:
    rows = []
    for number in grid.top[index][:CLASSES]:
        value = float(grid.effects[index, number])
        rows.append(action(
            [html.Span(here.name(int(number))), html.B(signed(value, 2), className="num")],
            {"a": int(number), "tint": "a"}, className="class-line",
            label=f"Show where the evidence for {here.name(int(number))} lies",
        ))  # fmt: skip
    return html.Div([html.H3("Speaks for, in logits"), *rows])


def _groups(here: Context, grid: Shown, index: int) -> Component | None:
    """Groups of classes that make up much of what sets the cell apart."""
    known, count = known_groups(here), len(here.network["classes"])
    if not known:
        return None
    own, rows = shares(grid.effects, grid.count)[index], []
    for number in [int(i) for i in own.argsort(kind="stable")[::-1][:GROUPS] if own[i] >= PART]:
        word = known[number].word
        rows.append(action(
            [html.Span(word), html.B(f"{100 * own[number]:.0f} %", className="num")],
            {"a": count + number, "tint": "a"}, className="group-line",
            label=f"Show where the evidence for {word} lies",
        ))  # fmt: skip
    return html.Div([html.H3("Of what sets it apart"), *rows]) if rows else None


def _samples(here: Context, found: Map, grid: Shown, index: int) -> Component | None:
    if not isinstance(found, BuiltMap):
        return html.P(
            "No photographs come with this map. Open a folder (neuronscope --images DIR), and a "
            "map of your own pictures shows them here.", className="caption",
        )  # fmt: skip
    library, shown = here.service.library, []
    for one in cellview.typical(found.atlas, found.cells(grid.side), index):
        if library.find(one.key) is None:
            continue
        asked = {"model": here.model, "picture": one.key, "layer": here.layer, "place": one.place}
        shown.append(action(
            html.Img(src=f"/patch?{urlencode(asked)}", alt="", width=64, height=64),
            {"picture": one.key}, className="patch",
            label=f"{one.name}: the network says {here.name(one.said)}",
        ))  # fmt: skip
    said = (
        "Real patches, nearest to the mean first"
        if shown
        else ("The pictures that this map was made of are not open now.")
    )
    return html.Div([html.H3(said), html.Div(shown, className="patches")])


def _neurons(here: Context, grid: Shown, index: int) -> Component:
    rows = [
        action(
            [unit_icon(here.model, here.layer, unit, size=40),
             html.Span(unit_name(here.model, here.layer, unit)),
             html.B(f"{amount(mean)} (\u00d7 {amount(times)})", className="num")],
            {"unit": unit, "view": "neuron"}, className="neuron-line", label=f"Neuron {unit}",
        )
        for unit, mean, times in cellview.neurons(grid.means, grid.count, index)
    ]  # fmt: skip
    return html.Div([html.H3("Neurons that make it up: mean here (times their mean)"), *rows])


def _elsewhere(
    here: Context, desk: AtlasDesk, found: Map, grid: Shown, index: int
) -> Component | None:
    """The cells of other layers that the same places of the same pictures reach."""
    if not isinstance(found, BuiltMap):
        return None
    rows, cells = [], found.cells(grid.side)
    for other in desk.others(here.model, found):
        if grid.side not in other.sides:
            continue
        there = other.cells(grid.side)
        view = other.grid(grid.side)
        for cell, part_of in cellview.elsewhere(found.atlas, cells, index, other.atlas, there):
            at = [grid.side, int(view.col[cell]), int(view.row[cell])]
            icon = html.Img(
                src=f"{other.base}/icon/{grid.side}/{cell}.png", alt="", width=40, height=40
            )
            said = html.Span(f"{other.layer}: {100 * part_of:.0f} % of them")
            rows.append(action(
                [icon, said], {"layer": other.layer, "cell": at}, className="neuron-line",
                label=f"This cell of {other.layer}",
            ))  # fmt: skip
    if not rows:
        return None
    return html.Div([html.H3("The same places on other layers' maps"), *rows])
