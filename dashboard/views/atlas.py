"""The Atlas: everything that a layer can see as one map, with the opened picture on it."""

import json
from typing import Any

import dash
from dash import Output, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.atlas_maps import Map
from dashboard.components import action, note
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import atlas_cell
from dashboard.views.atlas_classes import builder, known_groups, on_map, panel_of_classes
from dashboard.views.context import Context


def layout() -> Component:
    """Choices on the left, the map, and the chosen cell on the right."""
    left = [
        html.Section([html.H2("Layers"), html.Div(id="map-layers")], className="panel"),
        html.Section([html.H2("Classes on the map"), html.Div(id="map-classes")],
                     className="panel"),
        html.Section([html.H2("The opened picture"), html.Div(id="map-picture")],
                     className="panel"),
    ]  # fmt: skip
    building = html.P(id="atlas-building", className="caption", role="status", hidden=True)
    maps = html.Div([_map("atlas"), _map("atlas-beside", hidden=True)], className="maps")
    return html.Main(
        [
            html.Aside(left, className="atlas-left"),
            html.Section([html.Div(id="map-head"), building, maps], className="atlas-middle"),
            html.Aside(html.Section(html.Div(id="map-cell"), className="panel"),
                       className="atlas-right"),
        ],
        id="atlas-page", className="view atlas-page",
    )  # fmt: skip


def _map(name: str, **more: Any) -> Component:
    """What the script draws one map into."""
    buttons = [
        html.Button(text, type="button", className=f"atlas-{kind}",
                    **{"aria-label": label, "title": label})
        for kind, text, label in (
            ("in", "+", "Closer"), ("out", "\u2212", "Further away"), ("fit", "all", "Show all"),
            ("names", "names", "Names of classes on the map"),
            ("apart", "apart", "Go to what lies apart"),
        )
    ]  # fmt: skip
    inside = [
        html.Canvas(className="atlas-canvas"),
        html.Canvas(className="atlas-mini"),
        html.Div(buttons, className="atlas-buttons"),
        html.P(className="atlas-hover caption num"),
    ]
    return html.Div(inside, id=name, className="atlas", **more)


def register(app: dash.Dash, service: Service, desk: AtlasDesk) -> None:
    """Adds one callback a panel."""
    atlas_cell.register(app, service, desk)

    @app.callback(
        Output("atlas", "data-asked"), Output("atlas-beside", "data-asked"),
        Output("atlas-beside", "hidden"), panel("map-head"), part("map"),
        prevent_initial_call=True,
    )  # fmt: skip
    def fill_map(data: dict[str, Any]) -> Any:
        if not _wanted(data):
            return (no_update,) * 4
        here = Context.of(service, data)
        try:
            found = desk.for_layer(here.model, here.layer, here.chosen.atlas)
            beside = desk.beside(here.model, here.chosen.beside)
            return (
                asked(here, found), asked(here, beside), beside is None,
                markup(_head(here, found)),
            )  # fmt: skip
        except (UserError, JobError) as error:
            return "null", "null", True, markup(note(str(error), kind="error"))

    @app.callback(panel("map-layers"), part("map-choice"), prevent_initial_call=True)
    def fill_layers(data: dict[str, Any]) -> Any:
        return _filled(service, data, lambda here: _layers(here, desk))

    @app.callback(panel("map-classes"), part("map-classes"), prevent_initial_call=True)
    def fill_classes(data: dict[str, Any]) -> Any:
        return _filled(service, data, panel_of_classes)

    @app.callback(
        panel("map-picture"), Output("atlas", "data-places"), Output("atlas-beside", "data-places"),
        part("map-picture"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_picture(data: dict[str, Any]) -> Any:
        if not _wanted(data):
            return (no_update,) * 3
        here = Context.of(service, data)
        try:
            shown, places = _picture(here, desk)
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error")), "[]", "[]"
        beside = desk.beside(here.model, here.chosen.beside)
        return markup(shown), json.dumps(places), json.dumps(places_of(here, beside))


def _wanted(data: dict[str, Any] | None) -> bool:
    return bool(data) and data is not None and data["view"] == "atlas"


def _filled(service: Service, data: dict[str, Any] | None, fill: Any) -> Any:
    """A panel as markup, or one line that says why not."""
    if not data or not _wanted(data):
        return no_update
    try:
        return markup(fill(Context.of(service, data)))
    except (UserError, JobError) as error:
        return markup(note(str(error), kind="error"))


def asked(here: Context, found: Map | None) -> str:
    """What the script of a map must know."""
    if found is None:
        return "null"
    chosen = here.chosen
    spot = [float(v) for v in chosen.spot.split(",")] if chosen.spot else None
    words = "?words=1" if known_groups(here) else ""
    a, b = on_map(here) if chosen.tint != "off" else (None, None)
    told = {
        "map": f"{found.base}/map.json{words}", "model": here.model, "layer": found.layer,
        "a": a, "b": b if chosen.tint == "ab" else None, "strength": chosen.strength, "spot": spot,
        "cell": cell_numbers(chosen.cell) if found.layer == here.layer else None,
        "grid": list(found.places),
    }  # fmt: skip
    return json.dumps(told)


def cell_numbers(text: str | None) -> list[int] | None:
    """``20:3,4`` as [side, column, row]."""
    if not text:
        return None
    side, place = text.split(":")
    return [int(side), *(int(v) for v in place.split(","))]


# ---- what the panels say


def _head(here: Context, found: Map | None) -> list[Component]:
    _ = here.known_layer  # no map can be built of a layer that is not there
    if found is None:
        return [html.H1(f"No map of {here.layer} yet"), _build(here)]
    head = found.head()
    drawn = sum(int(found.grid(side).drawn.sum()) for side in found.sides)
    cells = sum(len(found.grid(side)) for side in found.sides)
    forming = f", {drawn:,} of {cells:,} icons drawn" if drawn < cells else ""
    trust = head["quality"]
    said = (
        f"{head['points']:,} places of {head['pictures']:,} pictures{forming}. Neighbours on the "
        f"map are neighbours in truth: {trust['trust']:.2f} of 1 (laid flat, {trust['pca']:.2f})."
    )
    title = f"Everything {here.layer} can see"
    if head["classes"]:
        names = [here.name(index) for index in head["classes"]]
        title = f"What {here.layer} sees in {names[0]}"
        if len(names) == 2:
            title = f"What {here.layer} sees: {names[1]} on the left, {names[0]} on the right"
    line = [html.H1(title), html.P(said, className="caption")]
    return [*line, *([_build(here)] if drawn < cells or head["source"] == "starter" else [])]


def _build(here: Context) -> Component:
    """The button that begins, or goes on with, a map of the open pictures."""
    mapped = here.service.library.main
    return html.Div(builder(here, f"Build it from {len(mapped):,} pictures ({mapped.name})"))


def _layers(here: Context, desk: AtlasDesk) -> list[Component]:
    """The layers of the ladder: those with a map can be opened, or laid beside."""
    offered = desk.offered(here.model)
    rows = []
    for step in here.network["ladder"]:
        name = step["layer"]
        known = next((o for o in offered if o["layer"] == name and not o["classes"]), None)
        said = f"{known['points']:,} places" if known else "no map yet"
        current = {"aria-current": "true"} if name == here.layer else {}
        open_it = action([html.B(name), html.Span(said, className="label")], {"layer": name},
                         label=f"The map of {name}", className="layer-row", **current)  # fmt: skip
        put = _beside(here, known) if known and name != here.layer else None
        rows.append(html.Div([open_it, put], className="layer-line"))
    return [*rows, *_of_classes(here, offered)]


def _of_classes(here: Context, offered: list[dict[str, Any]]) -> list[Component]:
    """The layer's maps of one class or of two, and the way back from one."""
    own = [o for o in offered if o["layer"] == here.layer and o["classes"]]
    rows = []
    for one in own:
        there = here.chosen.atlas == one["key"]
        title = " \u2192 ".join(here.name(index) for index in reversed(one["classes"]))
        rows.append(action(
            [html.B(title), html.Span("\u00d7" if there else "open", className="label")],
            {"atlas": None if there else one["key"]}, className="layer-row",
            label=f"The map of {title}", **({"aria-current": "true"} if there else {}),
        ))  # fmt: skip
    return [html.H3(f"Of {here.layer}, by class"), *rows] if rows else []


def _beside(here: Context, known: dict[str, Any]) -> Component:
    """The switch that lays a layer's map beside the open one."""
    there = here.chosen.beside == known["key"]
    return action(
        "beside \u00d7" if there else "beside", {"beside": None if there else known["key"]},
        label=f"Lay the map of {known['layer']} beside", className="quiet-button",
    )  # fmt: skip


def _picture(here: Context, desk: AtlasDesk) -> tuple[list[Component], list[dict[str, Any]]]:
    (rows, cols), found = here.grid, desk.for_layer(here.model, here.layer, here.chosen.atlas)
    places = places_of(here, found)
    data = {"data-rows": str(rows), "data-cols": str(cols)}
    stage = html.Div(
        [html.Img(src=f"/blob/{here.answers['seen']}", alt="The opened picture"),
         html.Canvas(id="map-places", role="img", **data,
                     **{"aria-label": "Places of the picture; each is a dot on the map"})],
        className="stage small",
    )  # fmt: skip
    says = f"The network says {here.name(here.answers['a'])}."
    if places:
        says += " Point at a place, and the map shows where it lies."
    return [stage, html.P(says, className="caption")], places


def places_of(here: Context, found: Map | None) -> list[dict[str, Any]]:
    """The opened picture's places on a map."""
    if found is None:
        return []
    answer: list[dict[str, Any]] = here.service.ask(
        "atlas_places", model=here.model, picture=here.picture, layer=found.layer, key=found.key
    )
    return answer
