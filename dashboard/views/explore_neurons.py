"""The right column of Explore: the neurons that fire, the neuron groups, and the drawer of one
neuron."""

from typing import Any
from urllib.parse import urlencode

import dash
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import (
    action,
    amount,
    bar,
    copy_command,
    group_icon,
    note,
    signed,
    term,
    unit_icon,
)
from dashboard.markup import ATTRIBUTE, markup, panel
from dashboard.parts import part
from dashboard.protocol import INTERACTIVE, JobError
from dashboard.service import Service
from dashboard.views import neuron_reference
from dashboard.views.context import ROWS, Context
from dashboard.views.explore_check import bars
from dashboard.views.neuron_panels import responses

PATIENCE = 120  # seconds that a panel waits for the pass over the open pictures

VERDICTS = {
    "confirmed": "Confirmed.",
    "not confirmed": "Not beyond what as much other activation does: not confirmed.",
    "no fair control": "Nothing else here is as active: no fair control, so not confirmed.",
}


def register(app: dash.Dash, service: Service) -> None:
    """Adds the callbacks of the neuron list and the drawer."""

    @app.callback(
        panel("neurons-title"), panel("neurons"),
        Output("sort-row", "hidden"),
        part("neurons"), prevent_initial_call=True,
    )  # fmt: skip
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "explore":
            return (no_update,) * 3
        here = Context.of(service, data)
        try:
            if here.chosen.tab == "groups":
                return "Neuron groups", markup(groups(here)), True
            place = here.chosen.place
            where = "whole picture" if place is None else f"place {place[0]},{place[1]}"
            title = [term("neuron", "Neurons"), f", {where}"]
            return markup(title), markup(neurons(here)), False
        except (UserError, JobError) as error:
            return "Neurons", markup(note(str(error), kind="error")), False

    @app.callback(
        panel("drawer-facts"), panel("drawer-patches"), panel("drawer-command"),
        Output("drawer", "className"),
        part("drawer"), prevent_initial_call=True,
    )  # fmt: skip
    def open_drawer(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "explore" or data["unit"] is None:
            return *(no_update,) * 3, "drawer"
        try:
            here = Context.of(service, data)
            looking = note("Looking through the open pictures\u2026", kind="busy")
            command = copy_command(drawing_of(here, data["unit"]))
            parts = (drawer(here), looking, command)
        except (UserError, JobError) as error:
            parts = ([close_button(), note(str(error), kind="error")], None, None)
        return *map(markup, parts), "drawer open"

    @app.callback(
        panel("drawer-patches", allow_duplicate=True), Input("drawer-facts", ATTRIBUTE),
        State("selection", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_patches(_: Any, data: dict[str, Any]) -> Any:
        return patches_of(service, data, 6)


def patches_of(
    service: Service, data: dict[str, Any] | None, count: int, *, everything: bool = False
) -> Any:
    """The patches of the chosen neuron, or the one line that says why there are none.
    ``everything``: the middle and the weakest too, and how it answers to all pictures."""
    if not data or data["unit"] is None:
        return no_update
    try:
        here = Context.of(service, data)
        found = [patches(here, data["unit"], count)]
        if everything:
            found += [*_others(here, data["unit"], count), responses(here, data["unit"])]
        return markup(found)
    except (UserError, JobError) as error:
        return markup(note(str(error), kind="error"))


def _others(here: Context, unit: int, count: int) -> list[Component]:
    """The pictures in the middle, and those that excite it least."""
    parts = []
    for which, title in (("middle", "Middling"), ("weakest", "Weakest")):
        asked = {"model": here.model, "layer": here.layer, "channel": unit, "which": which}
        rows = here.service.ask("patches", **asked)[:count]
        if rows:
            figures = html.Div([_patch(here, row) for row in rows], className="patches")
            parts += [html.H3(title), figures]
    return parts


def neurons(here: Context) -> list[Component]:
    """Eight rows: icon, name, activation, effect."""
    place = here.chosen.place
    found = here.listed(here.chosen.sort)
    heads = html.Div(
        [html.Span(), html.Div([term("activation"), term("effect", "effect on the margin")])],
        className="legend",
    )
    rows = [_row(here, row, found["most"], found["reach"]) for row in found["neurons"]]
    more = html.Button("more", type="button", className="more", **{"data-local": "all"})
    words = ["--layer", here.layer, *here.versus, "--top", str(ROWS)]
    words += ["--at", f"{place[0]},{place[1]}"] if place else []
    command = copy_command(here.command("fires", *words))
    return [heads, *rows, more, neuron_reference.note_on_names(here), command]


def _row(here: Context, row: dict[str, Any], most: float, reach: float) -> Component:
    channel, effect, fires = row["channel"], row["effect"], row["activation"]
    side = "pos" if effect >= 0 else "neg"
    return action(
        [
            unit_icon(here.model, here.layer, channel),
            html.Div([
                html.Div([unit_name(here.model, here.layer, channel),
                          html.Span(f"{here.layer}:{channel}", className="auto")], className="who"),
                html.Div([
                    bar(fires, most, kind="activation"), html.Span(amount(fires), className="num"),
                    bar(effect, reach, kind="effect"),
                    html.Span(signed(effect, 2), className=f"num {side}"),
                ], className="measures"),
            ], style={"minWidth": 0}),
        ],
        {"unit": channel},
        label=f"Neuron {channel}: activation {amount(fires)}, effect {signed(effect, 2)}",
        className="neuron-row", **{
            "aria-pressed": str(here.chosen.unit == channel).lower(), "data-channel": str(channel),
            "data-effect": f"{effect:.6g}", "data-activation": f"{fires:.6g}",
        },
    )  # fmt: skip


def unit_name(model: str, layer: str, channel: int) -> Component:
    """A neuron's name: its number until the automatic name is there (``assets/icons.js``)."""
    return html.Span(
        f"neuron {channel}", className="unit-name name",
        **{"data-model": model, "data-layer": layer, "data-icon": str(channel)},
    )  # fmt: skip


# ---- groups ----


def groups(here: Context) -> list[Component]:
    """Six colours, each with what it looks for, its effect and a switch that measures."""
    found = here.service.ask("groups", **here.at_layer)
    off = [g for g in here.chosen.off if g < len(found["groups"])]
    measured = here.service.ask("without_groups", **here.at_layer, off=off) if off else None
    rows = [_group(here, n, g, n in off) for n, g in enumerate(found["groups"])]
    head = html.P(
        [
            term("group", "Groups"),
            " of neurons that fire together on this picture. "
            "Switch one off and the network is run again without it.",
        ],
        className="caption",
    )
    return [head, *rows, _measured(here, measured)]  # fmt: skip


def _group(here: Context, number: int, group: dict[str, Any], off: bool) -> Component:
    side = "pos" if group["effect"] >= 0 else "neg"
    top = ", ".join(str(c) for c in group["channels"][:4])
    return html.Div(
        [
            html.Span(className="swatch", style={"background": f"var(--g{number % 6})"}),
            group_icon(here.model, here.layer, number, here.picture),
            html.Div([html.Div(f"group {number + 1}"),
                      html.Div(f"most: {top}", className="auto"),
                      html.Div([term("effect"), " ", html.Span(signed(group["effect"], 2),
                                className=f"num {side}")])]),
            action("off" if off else "on", {"toggle_off": number},
                   label=f"Group {number + 1} {'back on' if off else 'off'}", className="switch",
                   **{"aria-pressed": str(off).lower()}),
        ],
        className="group-row", **{"data-off": str(off).lower(), "data-group": str(number)},
    )  # fmt: skip


def _measured(here: Context, measured: dict[str, Any] | None) -> Component:
    """What removing the groups that are off really does, beside the controls."""
    if measured is None:
        return html.P("All groups are on.", className="caption", id="groups-measured")
    said = measured["answer_without"]
    verb = "still says" if said == measured["answer_before"] else "now says"
    state = "" if measured["confirmed"] else " off"
    rows = bars(measured, "without these groups", "others,")
    return html.Div(
        [
            html.Div(rows, className="verdict" + state),
            html.P([f"Run again without them it {verb} ", html.B(here.name(said)), ". ",
                    VERDICTS[measured["verdict"]]], className="conclusion"),
        ],
        id="groups-measured",
    )  # fmt: skip


# ---- the drawer of one neuron ----


def close_button() -> Component:
    """Lets go of the neuron."""
    return action("\u00d7", {"unit": None}, label="Close", className="close")


def drawer(here: Context) -> list[Component]:
    """Icon, patches and what removing this one neuron really does."""
    unit = here.chosen.unit
    if unit is None:
        return []
    alone = here.service.ask("check", **here.at_layer, at=None, channels=[unit], take=1)
    effect, measured = alone["effect"], alone["before"] - alone["without"]
    facts = html.Div(
        [
            html.Span([term("effect"), " on the margin, estimated"]),
            html.B(signed(effect, 2), className="num"),
            html.Span([term("measured effect"), ", when it is removed"]),
            html.B(signed(measured, 2), className="num", id="measured-effect"),
        ],
        className="facts",
    )
    name = html.H2([unit_name(here.model, here.layer, unit), html.Span(className="unit-hint")])
    where = html.Span(f"{here.layer}, neuron {unit}", className="auto")
    top = html.Div([html.Div([name, where]), close_button()], className="top")
    icon = unit_icon(here.model, here.layer, unit, size=192)
    looks = html.Div([html.P(["What it looks for: the picture that excites it most."],
                      className="caption"),
                      action("open", {"view": "neuron"}, label=f"Open neuron {unit}",
                             className="pill")])  # fmt: skip
    return [
        top, html.Div([icon, looks], className="figures"), facts,
        html.H2("Real patches that excite it"),
    ]  # fmt: skip


def drawing_of(here: Context, unit: int) -> list[str]:
    """The words of the command that draws a neuron's icon."""
    model = [] if here.model == "squeezenet1_1" else ["--model", here.model]
    return ["visualize", *model, "--layer", here.layer, "--channel", str(unit), "-o", "icon.png"]


def patches(here: Context, unit: int, count: int) -> Component:
    """The strongest patches of the pictures that are open; says so while they are looked for."""
    jobs = here.service.jobs
    job = jobs.submit("examples", priority=INTERACTIVE, model=here.model, layer=here.layer)
    status = jobs.wait(job, timeout=PATIENCE)
    if status.state != "done":
        text = status.error or "There are many pictures to look through; choose it again later."
        return note(text, kind="error" if status.error else "quiet")
    rows = here.service.ask("patches", model=here.model, layer=here.layer, channel=unit)
    seen = status.result["pictures"]
    figures = [_patch(here, row) for row in rows[:count]]
    if not figures:
        return note(f"It fires on none of the {seen} pictures that are open.")
    return html.Div([
        html.Div(figures, className="patches"),
        html.P(f"Out of the {seen} pictures that are open here; with a folder of yours "
               "(--images DIR) there are more.", className="caption"),
    ])  # fmt: skip


def _patch(here: Context, row: dict[str, Any]) -> Component:
    # in the query: a network's name may be a path, and browsers resolve the dots of one
    asked = {"model": here.model, "layer": here.layer, **{k: row[k] for k in ("picture", "place")}}
    source = f"/patch?{urlencode(asked)}"
    found = here.service.library.find(row["picture"])
    name = found.name if found else "picture"
    caption = html.Figcaption(f"{amount(row['value'])}  {name}")
    image = html.Img(src=source, alt=f"Patch of {name}")
    return html.Figure([action(image, {"picture": row["picture"], "view": "explore"},
                               label=f"Open {name}"), caption])  # fmt: skip
