"""The Neuron page: the wall of a layer, the chosen neuron's head, and the panes below it, of which
one is shown."""

from typing import Any

import dash
from dash import Output, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action, note
from dashboard.markup import Field, markup, panel
from dashboard.naming import own_names
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import neuron_blend, neuron_live, neuron_recipe, neuron_what, wall
from dashboard.views.context import Context
from dashboard.views.explore_neurons import unit_name

PANES = {
    "neuron": ("What it looks for", neuron_what),
    "recipe": ("Recipe", neuron_recipe),
    "blend": ("Blend", neuron_blend),
    "live": ("Live", neuron_live),
}


def layout() -> Component:
    """The wall of all neurons of the layer, and what is filled for the chosen one."""
    panes = [
        html.Div(module.layout(), id=f"pane-{name}", className="pane")
        for name, (_, module) in PANES.items()
    ]
    detail = [html.Div(id="neuron-head"), html.Div(panes, id="neuron-panes", hidden=True)]
    return html.Main(
        [wall.layout(), html.Div(detail, className="neuron-detail")],
        id="neuron-page", className="view neuron-page", **{"data-pane": "neuron"},
    )  # fmt: skip


def register(app: dash.Dash, service: Service) -> None:
    """Adds the page's callbacks and those of its panes."""
    for _, module in PANES.values():
        module.register(app, service)
    app.clientside_callback(
        "function (s) { return s.pane; }",
        Output("neuron-page", "data-pane"), part("pane"), prevent_initial_call=True,
    )  # fmt: skip

    @app.callback(
        panel("neuron-head"), Output("neuron-panes", "hidden"), Output("wall", "data-asked"),
        Output("wall-names", "data-markup"),
        part("head"), prevent_initial_call=True,
    )  # fmt: skip
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return (no_update,) * 4
        here = Context.of(service, data)
        try:
            head = _head(here, here.known_unit)
            asked, names = wall.asked(here, here.unit), wall.names(here)
        except (UserError, JobError) as error:
            back = action(
                "back to the picture", {"view": "explore"}, label="Back", className="pill"
            )
            return markup([note(str(error), kind="error"), back]), True, *_choice(here)
        return markup(head), False, asked, markup(names)


def _choice(here: Context) -> tuple[Any, Any]:
    """The wall beside an error: another neuron can be chosen where the layer is one."""
    try:
        known = any(s["layer"] == here.layer for s in here.network["layers"])
        asked = wall.asked(here, -1)
    except (UserError, JobError):
        return no_update, no_update
    return (asked, markup(wall.names(here))) if known else (no_update, no_update)


def _head(here: Context, unit: int) -> list[Component]:
    channels = here.channels
    step = [
        action("\u2190", {"unit": unit - 1, "view": "neuron"}, label="Previous neuron",
               className="pill", disabled=unit == 0),
        action("\u2192", {"unit": unit + 1, "view": "neuron"}, label="Next neuron",
               className="pill", disabled=unit + 1 >= channels),
        action("dream of it", {"view": "dream", "mode": "dream", "unit": unit, "look": str(unit)},
               label="Dream of this neuron, on the open picture", className="pill"),
        action("back to the picture", {"view": "explore", "unit": unit}, label="Back to Explore",
               className="pill"),
    ]  # fmt: skip
    hint = html.Span(className="unit-hint auto")
    name = html.H1([unit_name(here.model, here.layer, unit), _name_field(here, unit), hint])
    where = html.Span(f"neuron {unit} of {channels} in {here.layer}, {here.model.split('/')[-1]}",
                      className="label")  # fmt: skip
    head = html.Header([html.Div([name, where]), html.Div(step, className="tools")],
                       className="neuron-head")  # fmt: skip
    return [head, _tabs(here.chosen.pane)]


def _tabs(shown: str) -> Component:
    """The panes, as one row of buttons."""
    tabs = [
        action(title, {"pane": name}, label=title,
               **({"aria-current": "true"} if name == shown else {}))
        for name, (title, _) in PANES.items()
    ]  # fmt: skip
    return html.Nav(
        tabs, className="segments", **{"aria-label": "Parts of the page", "data-row": ""}
    )


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
