"""The first Neuron page: what one neuron looks for, where it fires on the open picture, and what it
does there."""

from typing import Any

import dash
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action, amount, copy_command, note, share, signed, term, unit_icon
from dashboard.markup import ATTRIBUTE, Field, markup, panel
from dashboard.naming import own_names
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import neuron_panels, wall
from dashboard.views.context import Context
from dashboard.views.explore_neurons import drawing_of, patches_of, unit_name


def layout() -> Component:
    """The wall of all neurons of the layer, and what is filled for the chosen one."""
    patches = html.Section(
        [html.H2("Real patches"), html.Div(id="neuron-patches")], className="panel"
    )
    detail = html.Div(
        [
            html.Div(id="neuron-facts"),
            html.Div(
                [patches, *neuron_panels.layout(), html.Div(id="neuron-command")],
                id="neuron-rest",
                hidden=True,
            ),
        ],
        className="neuron-detail",
    )
    return html.Main([wall.layout(), detail], id="neuron-page", className="view neuron-page")


def register(app: dash.Dash, service: Service) -> None:
    """Adds the page's callbacks."""
    neuron_panels.register(app, service)

    @app.callback(
        panel("neuron-facts"), panel("neuron-patches"), panel("neuron-trust"),
        panel("neuron-command"),
        Output("neuron-rest", "hidden"), Output("wall", "data-asked"),
        Output("wall-names", "data-markup"),
        part("neuron"), prevent_initial_call=True,
    )  # fmt: skip
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return (no_update,) * 7
        here = Context.of(service, data)
        try:
            facts, command = page(here)
            asked, names = wall.asked(here, here.unit), wall.names(here)
        except (UserError, JobError) as error:
            back = action(
                "back to the picture", {"view": "explore"}, label="Back", className="pill"
            )
            line = markup([note(str(error), kind="error"), back])
            return line, "", "", "", True, *_choice(here)
        looking = note("Looking through the open pictures\u2026", kind="busy")
        filled = (facts, looking, neuron_panels.busy(), command)
        return *map(markup, filled), False, asked, markup(names)

    @app.callback(
        panel("neuron-patches", allow_duplicate=True), Input("neuron-facts", ATTRIBUTE),
        State("selection", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_patches(_: Any, data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return no_update
        try:
            unit = Context.of(service, data).unit
        except (UserError, JobError):
            return no_update  # the page above says it
        return patches_of(service, {**data, "unit": unit}, 9, everything=True)


def _choice(here: Context) -> tuple[Any, Any]:
    """The wall beside an error: another neuron can be chosen where the layer is one."""
    try:
        known = any(s["layer"] == here.layer for s in here.network["layers"])
        asked = wall.asked(here, -1)
    except (UserError, JobError):
        return no_update, no_update
    return (asked, markup(wall.names(here))) if known else (no_update, no_update)


def page(here: Context) -> tuple[list[Component], Component]:
    """Icon and facts with the open picture's map; and the command."""
    known = next((s for s in here.network["layers"] if s["layer"] == here.layer), None)
    if known is None:
        raise UserError(f"this network has no layer {here.layer!r} with a grid; choose another")
    unit = here.unit
    if unit >= known["channels"]:
        raise UserError(f"neuron {unit} is out of range: {here.layer} has {known['channels']}")
    parts = html.Div([_icon(here, unit), _facts(here, unit)], className="neuron-top")
    return [_head(here, unit, known["channels"]), parts], copy_command(drawing_of(here, unit))


def _head(here: Context, unit: int, channels: int) -> Component:
    step = [
        action("\u2190", {"unit": unit - 1, "view": "neuron"}, label="Previous neuron",
               className="pill", disabled=unit == 0),
        action("\u2192", {"unit": unit + 1, "view": "neuron"}, label="Next neuron",
               className="pill", disabled=unit + 1 >= channels),
        action("back to the picture", {"view": "explore", "unit": unit}, label="Back to Explore",
               className="pill"),
    ]  # fmt: skip
    hint = html.Span(className="unit-hint auto")
    name = html.H1([unit_name(here.model, here.layer, unit), _name_field(here, unit), hint])
    where = html.Span(f"neuron {unit} of {channels} in {here.layer}, {here.model.split('/')[-1]}",
                      className="label")  # fmt: skip
    return html.Header([html.Div([name, where]), html.Div(step, className="tools")],
                       className="neuron-head")  # fmt: skip


def _name_field(here: Context, unit: int) -> Component:
    """Where the user names the neuron; sent by ``assets/names.js``."""
    own = own_names(here.service, here.model, here.layer).get(unit, "")
    return Field(
        id=f"own-name-{unit}", className="own-name", type="text", maxLength=80, value=own,
        placeholder="name it yourself", autoComplete="off", **{
            "aria-label": "Your name for this neuron", "data-model": here.model,
            "data-layer": here.layer, "data-unit": str(unit), "data-kept": own,
        },
    )  # fmt: skip


def _icon(here: Context, unit: int) -> Component:
    text = [
        term("icon", "The picture that excites it most"),
        ", drawn by the program. "
        "A neuron may look for more than one picture shows; compare the real patches.",
    ]
    drawing = unit_icon(here.model, here.layer, unit, size=288)
    return html.Figure(
        [drawing, html.Figcaption(text, className="caption")], className="neuron-icon"
    )


def _facts(here: Context, unit: int) -> Component:
    alone = here.service.ask("check", **here.at_layer, at=None, channels=[unit], take=1)
    a, b = here.name(here.a), here.name(here.b)
    measured = alone["before"] - alone["without"]
    facts = [
        ("fires here (summed over places)", amount(alone["activation"]), ""),
        (["estimated ", term("effect"), " on the margin"], signed(alone["effect"], 2), ""),
        ([term("measured effect"), " when removed"], signed(measured, 2), "measured-effect"),
    ]
    for shift in alone["shifts"][:4]:
        name = here.name(shift["index"])
        facts.append((name, f"{share(shift['before'])} \u2192 {share(shift['without'])}", ""))
    cells: list[Component] = []
    for label, value, id_ in facts:
        cells += [html.Span(label), html.B(value, className="num", **({"id": id_} if id_ else {}))]
    fires = here.service.ask("channel_map", **here.at_layer, channel=unit, kind="activation")
    overlay = html.Div([
        html.Img(src=f"/blob/{here.answers['seen']}", alt="The open picture"),
        _veil(fires),
    ], className="stage small")  # fmt: skip
    return html.Div([
        html.H2("On the open picture"),
        html.P([f"{a} rather than {b}, ", term("margin"), " ",
                html.Span(signed(here.margin), className="num"), "."], className="caption"),
        html.Div([overlay, html.Div(cells, className="facts")], className="on-picture"),
        html.P("Bright: where it fires.", className="caption"),
    ])  # fmt: skip


def _veil(found: dict[str, Any]) -> Component:
    """The neuron's activation as a dark veil that opens where it fires; plain cells, no script."""
    most = max([1e-9, *found["values"]])
    cells = [
        html.I(style={"opacity": f"{0.72 * (1 - max(0.0, v / most) ** 0.6):.2f}"})
        for v in found["values"]
    ]
    shape = {"gridTemplateColumns": f"repeat({found['cols']}, 1fr)"}
    return html.Div(cells, className="veil", style=shape)
