"""The layers of a claim: the ladder as buttons, and in each what its own claim does, put in by
``assets/errors_layers.js`` once that is measured."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, shared_beginning, signed
from dashboard.views.context import Context

REACH = 1.5  # times the margin: where a bar ends


def layers(here: Context) -> Component:
    """The ladder: the same question of another layer."""
    names, same = _names(here)
    buttons = [
        action(
            name.removeprefix(same), {"layer": name}, label=f"Ask {name}", **_current(here, name)
        )
        for name in names
    ]
    return html.Nav(
        [html.Span("layer", className="label"), *buttons],
        className="segments err-layers", **{"aria-label": "Layer"},
    )  # fmt: skip


def _names(here: Context) -> tuple[list[str], str]:
    """The layers, and what all their names begin with."""
    names = [step["layer"] for step in here.network["ladder"]]
    names += [] if here.layer in names else [here.layer]
    return names, shared_beginning(names)


def _current(here: Context, name: str) -> dict[str, str]:
    return {"aria-current": "true"} if name == here.layer else {}


def strip(here: Context) -> Component:
    """The same with the margin that each layer's own claim leaves. What a layer's button holds is
    put in by the script and stays as long as the question is the same."""
    names, same = _names(here)
    on_ladder = here.layer in [step["layer"] for step in here.network["ladder"]]
    asked = {**here.question, "tab": here.chosen.tab} | ({} if on_ladder else {"layer": here.layer})
    words = json.dumps(asked)
    buttons = [
        action([html.B(name.removeprefix(same)),
                html.Span(className="step", **{"data-own": f"{words}|{name}", "data-step": name})],
               {"layer": name}, label=f"Ask {name}", **_current(here, name))
        for name in names
    ]  # fmt: skip
    what = "groups" if here.chosen.tab == "groups" else "neurons"
    note = [
        "Each layer: the margin (tick: ", html.Span(signed(here.margin), className="num"),
        f") without the {what} that it claims, and how many times as far as random ones they move "
        "it. Grey: not confirmed.",
    ]  # fmt: skip
    return html.Div([
        html.Nav(buttons, className="err-layers err-strip", **{
            "aria-label": "Layer", "data-asked": words, "data-row": "",
        }),
        html.P(note, className="caption"),
    ], className="err-ladder")  # fmt: skip


def step(found: dict[str, Any]) -> list[Component]:
    """What is put into a layer's button: the margin left as a bar from zero, with a tick where it
    was; in numbers; and how many times as far as random."""
    before, left, times = found["before"], found["without"], found["times"]
    reach = REACH * max(abs(before), 1e-9)
    at = [50 + 50 * max(-1.0, min(1.0, v / reach)) for v in (before, left)]
    fill = {"left": f"{min(50, at[1]):.1f}%", "width": f"{abs(at[1] - 50):.1f}%"}
    bar = html.Span(
        [html.I(style=fill, className="neg" if left < 0 else None),
         html.U(style={"left": f"{at[0]:.1f}%"})], className="step-bar",
    )  # fmt: skip
    digits = 0 if times is None or abs(times) >= 10 else 1
    many = "" if times is None else "\u00d7 " + f"{times:.{digits}f}".replace("-", "\u2212")
    held = "" if found["verdict"] == "confirmed" else " unproved"
    return [html.Span([
        bar, html.Span(signed(left), className="num left"), html.Span(many, className="num label"),
    ], className="step-in" + held, title=_words(found, many))]  # fmt: skip


def _words(found: dict[str, Any], many: str) -> str:
    count = found["count"]
    moved = f", {many[2:]} times as far as random ones move it" if many else ""
    return (f"Margin {signed(found['before'])} \u2192 {signed(found['without'])} without {count}"
            f"{moved}: {found['verdict']}")  # fmt: skip
