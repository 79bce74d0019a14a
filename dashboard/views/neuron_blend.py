"""The pane "blend": from one neuron to another in a row of pictures, both at once, and the neuron
together with those that fire strongest beside it on the open picture."""

import json
from typing import Any

import dash
from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import NOTHING_YET, action, amount, icon, note, term, unit_icon
from dashboard.markup import Field, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views.context import Context
from dashboard.views.filling import of_neuron

ROW = 7  # as tasks_studio draws it
COMPANIONS = 4
MIDDLE = ROW // 2


def layout() -> list[Component]:
    """The empty pane."""
    return [html.Div(id="blend", className="blend")]


def register(app: dash.Dash, service: Service) -> None:
    """Adds the pane's callback."""

    @app.callback(panel("blend"), part("blend"), prevent_initial_call=True)
    def fill(data: dict[str, Any]) -> Any:
        return of_neuron(service, data, blended)


def blended(here: Context, unit: int) -> list[Component]:
    """The choice of the second neuron, the row, and the pairs."""
    beside = _companions(here, unit)
    if not beside:
        raise UserError(f"{here.layer} has only one neuron: there is none to blend it with")
    other = here.chosen.other
    other = beside[0]["channel"] if other is None or other == unit else other
    if other >= here.channels:
        line = f"neuron {other} is out of range: {here.layer} has {here.channels}"
        return [_choice(here, unit, other), note(line, kind="error")]
    return [_choice(here, unit, other), _row(here, unit, other), _pairs(here, unit, beside)]


def _companions(here: Context, unit: int) -> list[dict[str, Any]]:
    """The neurons that fire strongest on the open picture, without the one that is shown."""
    found = here.service.ask(
        "neurons", **here.at_layer, at=None, sort="activation", top=COMPANIONS + 1
    )
    return [n for n in found["neurons"] if n["channel"] != unit][:COMPANIONS]


def _choice(here: Context, unit: int, other: int) -> Component:
    field = Field(
        id="blend-other", className="plain number", type="number", min=0, max=here.channels - 1,
        value=other, **{"aria-label": "The second neuron", "data-side": "other", "data-word": "?"},
    )  # fmt: skip
    pick = html.Button(
        "choose on the wall", type="button", className="pill", id="blend-pick",
        **{"data-pick": "other", "aria-pressed": "false"},
    )  # fmt: skip
    turn = action(
        "\u21c4", {"unit": other, "other": unit, "view": "neuron"}, className="pill",
        label="The other way round",
    )  # fmt: skip
    return html.Div(
        [html.H2(f"From neuron {unit} to neuron"), field, pick, turn], className="blend-choice"
    )


# ---- the row ----


def _row(here: Context, unit: int, other: int) -> Component:
    asked = {
        "task": "blending", "model": here.model, "layer": here.layer, "unit": unit, "other": other,
    }  # fmt: skip
    legend = html.P([
        html.I(className="first"), f"neuron {unit} answers ", html.I(className="last"),
        f"neuron {other} answers",
    ], className="blend-legend label")  # fmt: skip
    slider = Field(
        id="blend-share", type="range", min=0, max=ROW - 1, step=1, value=MIDDLE,
        **{"aria-label": f"Share of neuron {other}", "data-slide": ""},
    )  # fmt: skip
    forming = html.Div([
        html.Progress(max="1", value="0", **{"data-put": "progress"}),
        html.Span(id="blend-step", className="label num", **{"data-put": "said"}),
        html.Button("draw it", type="button", className="quiet-button again", **{"data-again": ""}),
    ], className="forming")  # fmt: skip
    return html.Div([
        html.Div([_step(i, unit, other) for i in range(ROW)], className="blend-row"),
        slider, html.Div([legend, forming], className="under-row"),
        html.Div([_large(unit, other), _both(here, unit, other)], className="blend-large"),
    ], id="blending", **{"data-render": json.dumps(asked), "data-state": "waiting"})  # fmt: skip


def _strip(nth: int, alt: str, **more: Any) -> Component:
    """One picture of the row, which comes as one file with all of them below each other."""
    style = {"objectPosition": f"0 {nth * 100 / (ROW - 1):.3f}%"}
    return html.Img(
        src=NOTHING_YET, className="drawn", alt=alt, style=style, **{"data-put": "url"}, **more
    )


def _step(nth: int, unit: int, other: int) -> Component:
    share = round(100 * nth / (ROW - 1))
    bars = [
        html.Span(html.I(**{"data-put": f"bar.{end}.{nth}"}), className=f"reply {end}")
        for end in ("first", "last")
    ]
    label = f"{100 - share} % neuron {unit}, {share} % neuron {other}"
    return html.Button(
        [_strip(nth, label), *bars], type="button", title=label,
        **{"aria-label": label, "data-stop": str(nth)},
    )  # fmt: skip


def _large(unit: int, other: int) -> Component:
    """The picture at the slider; ``assets/studio.js`` puts its number in the place of ``@``."""
    facts = [
        (f"share of neuron {other}", "share", "blend-said"),
        (f"neuron {unit} answers", "first.@", "blend-first"),
        (f"neuron {other} answers", "last.@", "blend-last"),
    ]
    cells: list[Component] = []
    for label, put, id_ in facts:
        cells += [html.Span(label), html.B("\u2026", id=id_, className="num", **{"data-put": put})]
    return html.Figure([
        _strip(MIDDLE, "The picture at the slider", id="blend-picture"),
        html.Div(cells, className="facts"),
        html.Figcaption("Mean activation, the network fed 128 px. Halfway a picture has to please "
                        "both; what each end gives up for it shows in its bar.",
                        className="caption"),
    ])  # fmt: skip


def _both(here: Context, unit: int, other: int) -> Component:
    token = f"{unit}+{other}!"
    reached = html.Span(
        className="icon-said num", id="sum-reached",
        **{"data-model": here.model, "data-layer": here.layer, "data-icon": token},
    )  # fmt: skip
    return html.Figure([
        icon(here.model, here.layer, token, f"Neurons {unit} and {other} at once", size=288),
        html.Div([html.Span("both together reach"), html.B(reached, className="num")],
                 className="facts"),
        html.Figcaption([term("added", "Added"), f": one picture for {unit} + {other}, drawn as a "
                         "neuron's own icon is, the network fed 224 px."], className="caption"),
    ])  # fmt: skip


# ---- pairs ----


def _pairs(here: Context, unit: int, beside: list[dict[str, Any]]) -> Component:
    rows = [_pair(here, unit, n) for n in beside]
    return html.Section([
        html.H2(f"Neuron {unit} with those that fire strongest on the open picture"),
        html.Div(rows, className="pairs"),
    ], className="panel", id="panel-pairs")  # fmt: skip


def _pair(here: Context, unit: int, found: dict[str, Any]) -> Component:
    other, fires = found["channel"], amount(found["activation"])
    parts = [
        unit_icon(here.model, here.layer, unit, size=72), html.Span("+"),
        unit_icon(here.model, here.layer, other, size=72), html.Span("="),
        icon(here.model, here.layer, f"{unit}+{other}", f"Neurons {unit} and {other} at once",
             size=96),
        html.Span([html.B(f"neuron {other}"), html.Br(), f"fires here {fires}"], className="label"),
    ]  # fmt: skip
    now = {"aria-current": "true"} if here.chosen.other == other else {}
    return action(
        parts, {"other": other}, className="pair", label=f"Blend with neuron {other}", **now
    )
