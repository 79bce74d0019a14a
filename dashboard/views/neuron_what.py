"""The pane "what it looks for": the neuron's icon, real patches, where it fires on the open picture
and what it does there."""

from typing import Any

import dash
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import amount, copy_command, icon, note, share, signed, term, unit_icon
from dashboard.markup import ATTRIBUTE, markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import neuron_hinton, neuron_panels, neuron_reference, places
from dashboard.views.context import Context
from dashboard.views.explore_neurons import drawing_of, patches_of


def layout() -> list[Component]:
    """Icon and facts, then the panels."""
    patches = html.Section(
        [html.H2("Real patches"), html.Div(id="neuron-patches")], className="panel"
    )
    rest = [
        patches, *neuron_panels.layout(), neuron_hinton.layout(), html.Div(id="neuron-command")
    ]  # fmt: skip
    return [
        html.Div(id="neuron-facts"), html.Div(rest, id="neuron-rest", hidden=True), places.layout()
    ]  # fmt: skip


def register(app: dash.Dash, service: Service) -> None:
    """Adds the pane's callbacks."""
    neuron_panels.register(app, service)
    neuron_hinton.register(app, service)
    places.register(app)

    @app.callback(
        panel("neuron-facts"), panel("neuron-patches"), panel("neuron-trust"),
        panel("neuron-command"), Output("neuron-rest", "hidden"),
        part("neuron"), prevent_initial_call=True,
    )  # fmt: skip
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return (no_update,) * 5
        try:
            here = Context.of(service, data)
            unit = here.known_unit
            facts = html.Div(
                [_icon(here, unit), _kin(here, unit), _facts(here, unit)], className="neuron-top"
            )
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error")), "", "", "", True
        looking = note("Looking through the open pictures\u2026", kind="busy")
        before = neuron_panels.busy(neuron_reference.waiting(here, unit))
        filled = (facts, looking, before, copy_command(drawing_of(here, unit)))
        return *map(markup, filled), False

    @app.callback(
        panel("neuron-patches", allow_duplicate=True), Input("neuron-facts", ATTRIBUTE),
        State("for-neuron", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_patches(_: Any, data: dict[str, Any]) -> Any:
        if not data or data["view"] != "neuron":
            return no_update
        try:
            unit = Context.of(service, data).known_unit
        except (UserError, JobError):
            return no_update  # the head says it
        return patches_of(service, {**data, "unit": unit}, 9, everything=True)


def _icon(here: Context, unit: int) -> Component:
    text = [
        term("icon", "The picture that excites it most"),
        ", drawn by the program. "
        "A neuron may look for more than one picture shows; compare the real patches.",
    ]
    drawing = unit_icon(here.model, here.layer, unit, size=288)
    reached = html.P(["reached ", _said(here, f"{unit}!")], className="reached")
    return html.Figure(
        [drawing, reached, html.Figcaption(text, className="caption")], className="neuron-icon"
    )


def _kin(here: Context, unit: int) -> Component:
    """Unlike pictures of the neuron and its opposite, drawn when its own icon is there."""
    unlike = [
        html.Figure([
            _after(icon(here.model, here.layer, f"{unit}d", f"Unlike picture {n + 1} of neuron "
                        f"{unit}", size=92), unit, {"objectPosition": f"0 {n * 100 / 3:.3f}%"}),
            html.Figcaption(_said(here, f"{unit}d", n), className="label"),
        ]) for n in range(4)
    ]  # fmt: skip
    least = icon(here.model, here.layer, f"{unit}-", f"The opposite of neuron {unit}", size=92)
    words = html.P("Nothing was found that makes it smaller.", className="label none-found")
    return html.Div([
        html.H3(term("diversity", "Four unlike ones")),
        html.Div(unlike, className="kin"),
        html.H3(term("negative", "Its opposite")),
        html.Div([_after(least, unit, {}), words,
                  html.P([_said(here, f"{unit}-"), html.Br(), "before a ReLU"],
                         className="label")], className="opposite"),
    ], className="kin-column")  # fmt: skip


def _after(drawing: Component, unit: int, style: dict[str, str]) -> Component:
    """The same icon, asked for once the neuron's own is done."""
    setattr(drawing, "data-after", f"{unit}!")
    drawing.style = style
    return drawing


def _said(here: Context, token: str, nth: int = 0) -> Component:
    """Where ``assets/icons.js`` writes the activation that an icon reached."""
    return html.Span(
        className="icon-said num",
        **{"data-model": here.model, "data-layer": here.layer, "data-icon": token,
           "data-nth": str(nth)},
    )  # fmt: skip


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
    picture = html.Div(places.chooser(here.answers["seen"], fires))
    return html.Div([
        html.H2("On the open picture"),
        html.P([f"{a} rather than {b}, ", term("margin"), " ",
                html.Span(signed(here.margin), className="num"), "."], className="caption"),
        html.Div([picture, html.Div(cells, className="facts")], className="on-picture"),
    ])  # fmt: skip
