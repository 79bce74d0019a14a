"""The evidence of a claim, row by row: neurons, or groups of them, each with a tick that takes it
into the removal or leaves it out."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, bar, group_icon, signed, unit_icon
from dashboard.selection import TABS, turned_of
from dashboard.views.context import Context
from dashboard.views.explore_neurons import unit_name
from dashboard.views.places import place_map

PATCHES = 3
MUCH = 100  # times the norm; beyond it the norm is all but silent


def switch(here: Context) -> Component:
    """Neurons, or groups of neurons that fire together on this picture."""
    buttons = [
        action(tab, {"tab": tab}, label=f"The evidence in {tab}",
               **({"aria-current": "true"} if tab == here.chosen.tab else {}))
        for tab in TABS
    ]  # fmt: skip
    return html.Nav(buttons, className="segments small err-tabs", **{"aria-label": "Evidence"})


def rows(here: Context, found: dict[str, Any]) -> list[Component]:
    """The evidence; what is left out of the removal is pale."""
    evidence, kept = found["evidence"]["rows"], set(found["channels"])
    reach = max((abs(row["effect"]) for row in evidence), default=0.0)
    return [_row(here, row, reach, row["channel"] in kept) for row in evidence]


def _row(here: Context, row: dict[str, Any], reach: float, kept: bool) -> Component:
    """Icon, real patches, name, here against the norm, effect; a switch takes it out of the
    removal."""
    unit = row["channel"]
    patches = html.Span(className="row-patches", **{
        "data-model": here.model, "data-layer": here.layer, "data-unit": str(unit),
        "data-count": str(PATCHES),
    })  # fmt: skip
    opens = action(
        unit_icon(here.model, here.layer, unit, size=72), {"view": "neuron", "unit": unit},
        label=f"Open neuron {unit}", className="evidence-icon",
    )  # fmt: skip
    return html.Div([
        _tick(here, str(unit), f"Neuron {unit}", kept), opens,
        html.Div([
            html.Div([unit_name(here.model, here.layer, unit), _against_norm(row)],
                     className="who"),
            patches,
            _measure(row["effect"], reach),
        ]),
    ], className="evidence-row" + ("" if kept else " left-out"),
       **{"data-unit": str(unit)})  # fmt: skip


def _against_norm(row: dict[str, Any]) -> Component:
    """ "x 4": how strongly it fires here, against the norm."""
    if row["norm"] is None:
        return html.Span("", className="label")
    if row["times"] is None and row["here"] * row["norm"] < 0:
        return html.Span("opposite there", className="label", title="On the norm it has the other "
                         "sign.")  # fmt: skip
    if row["times"] is None:
        return html.Span("silent there", className="label", title="It does not fire on the norm.")
    value = row["times"]
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}"
    text = f"\u00d7 {text}" if value < MUCH else f"> \u00d7 {MUCH}"
    return html.Span(text, className="times num", title="mean activation here, against the norm")


def norm_line(name: str, norm: dict[str, Any]) -> list[Any]:
    """What the numbers with a cross compare with; ``name``: of the class instead of which."""
    if norm["which"] == "none":
        return ["\u00d7: no picture is answered right yet, so there is no norm to compare with."]
    many = f"{norm['pictures']} pictures" if norm["pictures"] > 1 else "the one picture"
    if norm["which"] == "true class":
        return ["\u00d7: against ", many, " of ", html.B(name), " that the network gets right."]
    return ["\u00d7: against ", many, " of other classes that the network gets right; none of ",
            html.B(name), " is."]  # fmt: skip


def _tick(here: Context, name: str, who: str, kept: bool) -> Component:
    """Takes a row into the removal, or out of it; ``name``: as the address has it."""
    neurons, groups = turned_of(here.chosen.drop)
    turned = {*map(str, neurons), *(f"g{g}" for g in groups)} ^ {name}
    return action(
        "\u2713" if kept else "", {"drop": ",".join(sorted(turned, key=_place)) or None},
        label=f"{who}: {'leave it out of' if kept else 'take it into'} the removal",
        className="tick", **{"aria-pressed": "true" if kept else "false"},
    )  # fmt: skip


def _place(name: str) -> tuple[bool, int]:
    return name.startswith("g"), int(name.removeprefix("g"))


def _measure(effect: float, reach: float) -> Component:
    side = "pos" if effect >= 0 else "neg"
    return html.Div(
        [bar(effect, reach, kind="effect"), html.Span(signed(effect), className=f"num {side}")],
        className="measure",
    )


# ---- groups ----


def groups_rows(here: Context, found: dict[str, Any]) -> list[Component]:
    """All groups of the picture; those that are left in it are pale."""
    kept = set(found["groups"])
    reach = max((abs(row["effect"]) for row in found["evidence"]), default=0.0)
    return [_group(here, found, row, reach, row["group"] in kept) for row in found["evidence"]]


def _group(
    here: Context, found: dict[str, Any], row: dict[str, Any], reach: float, kept: bool
) -> Component:
    """Colour, icon, where it is, the neurons that are most of it, effect."""
    group, name = row["group"], group_name(row["group"])
    top = row["channels"][:4]
    most = [
        action(str(c), {"view": "neuron", "unit": c}, label=f"Open neuron {c}",
               className="quiet-button") for c in top
    ]  # fmt: skip
    places = {"rows": found["rows"], "cols": found["cols"], "values": row["map"]}
    where = html.Span([
        html.Img(src=f"/blob/{here.answers['seen']}", alt=""),
        place_map(places, "veil", f"Where {name} is: bright"),
    ], className="stage row-place")  # fmt: skip
    return html.Div([
        _tick(here, f"g{group}", name.capitalize(), kept),
        html.Span([group_icon(here.model, here.layer, group, here.picture)],
                  className="evidence-icon coloured",
                  style={"borderColor": f"var(--g{group % 6})"}),
        html.Div([
            html.Div([html.Span(name, className="name"),
                      html.Span(["most: ", *_listed(most)], className="label")],
                     className="who"),
            _measure(row["effect"], reach),
        ]),
        where,
    ], className="evidence-row of-group" + ("" if kept else " left-out"),
       **{"data-group": str(group)})  # fmt: skip


def group_name(group: int) -> str:
    """As Explore numbers them."""
    return f"group {group + 1}"


def _listed(parts: list[Component]) -> list[Any]:
    return [x for part in parts for x in (", ", part)][1:]
