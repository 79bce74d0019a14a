"""The Explore view: which neurons fire on this picture, and how they lead to the class.

The skeleton stands at once; each panel is filled by a callback of its own (``explore_callbacks``),
so that a slow measurement never holds back a quick one. Canvases are drawn by ``assets/canvas.js``.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components import action, note, section, term
from dashboard.markup import filled
from dashboard.selection import SORTS

MAP_NAMES = {
    "off": "off",
    "effect": "effect",
    "activation": "activation",
    "pixels": "pixels",
    "groups": "groups",
}


def layout() -> Component:
    """The three columns of LAYOUTS.md; one column in reading order below 900 px
    (``explore.css``)."""
    return html.Div(
        [
            html.Div(
                id="sentence",
                className="sentence",
                role="status",
                **filled(note("Loading the network\u2026", kind="busy")),
            ),
            html.Main(
                [
                    html.Div([_picture(), _predictions()], className="column left"),
                    html.Div([_grid(), _ladder()], className="column middle"),
                    html.Div([_neurons(), _check()], className="column right"),
                ],
                className="columns",
            ),
            html.Aside(
                [html.Div(id=f"drawer-{part}") for part in ("facts", "patches", "command")],
                id="drawer",
                className="drawer",
                **{"aria-label": "One neuron"},
            ),
            dcc.Store(id="grid-data"),
            dcc.Store(id="overlay-data"),
            html.Div(id="drawn", hidden=True),
            html.Div(id="overlaid", hidden=True),
        ],
        id="explore",
        className="view",
    )


def _picture() -> Component:
    maps = dmc.SegmentedControl(
        id="map-choice", data=[{"value": k, "label": v} for k, v in MAP_NAMES.items()],
        value="effect", size="xs", fullWidth=True,
    )  # fmt: skip
    stage = html.Div(
        [
            html.Img(id="seen", alt="The picture as the network sees it"),
            html.Canvas(
                id="overlay", tabIndex="0", role="application",
                **{"aria-label": "Places of the picture: arrows move, Escape lets go"},
            ),
        ],
        className="stage",
    )  # fmt: skip
    return html.Section(
        [
            stage,
            html.Div([html.Span("Map", className="label"), maps], className="map-row"),
            html.Div(id="map-note", className="caption"),
            html.Div(
                id="strip",
                className="strip",
                role="list",
                **{"aria-label": "Pictures", "data-row": ""},
            ),
        ],
        id="picture-panel",
        className="panel",
    )


def _predictions() -> Component:
    other = dmc.Select(
        id="other-class", placeholder="rather than another class\u2026", searchable=True, data=[],
        size="xs", limit=60, clearable=False, nothingFoundMessage="no such class",
        **{"aria-label": "Rather than another class"},
    )  # fmt: skip
    return html.Section(
        [html.H2("Answers"), html.Div(id="predictions"), other],
        id="predictions-panel", className="panel",
    )  # fmt: skip


def _grid() -> Component:
    return html.Section(
        [
            html.Header([html.H2(id="grid-title"), html.Div(id="grid-place", className="tools")]),
            html.Div(
                html.Canvas(
                    id="grid", tabIndex="0", role="application",
                    **{"aria-label": "Grid of places: arrows move, Escape lets go"},
                ),
                className="grid-stage",
            ),
            html.P(id="grid-note", className="caption"),
        ],
        id="grid-panel",
        className="panel",
    )  # fmt: skip


def _ladder() -> Component:
    return html.Section(
        html.Div(
            id="ladder", className="ladder", role="list",
            **{"aria-label": "Layers", "data-row": ""},
        ),
        id="ladder-panel", className="panel",
    )  # fmt: skip


def _neurons() -> Component:
    tabs = dmc.SegmentedControl(
        id="tab-choice", value="neurons", size="xs",
        data=[{"value": "neurons", "label": "neurons"}, {"value": "groups", "label": "groups"}],
    )  # fmt: skip
    sort = dmc.SegmentedControl(
        id="sort-choice", value="effect", size="xs",
        data=[{"value": kind, "label": f"by {kind}"} for kind in SORTS],
    )  # fmt: skip
    return html.Section(
        [
            html.Header(
                [
                    html.H2(id="neurons-title", **filled("Neurons")),
                    html.Div(tabs, className="tools"),
                ]
            ),
            html.Div(sort, id="sort-row"),
            html.Div(id="neurons"),
        ],
        id="neurons-panel",
        className="panel",
    )


def _check() -> Component:
    take = dmc.SegmentedControl(
        id="take-choice", value="5", size="xs",
        data=[{"value": n, "label": n} for n in ("1", "5", "25")],
    )  # fmt: skip
    return section(
        ["Check: ", term("measured effect", "is it true?")], [],
        id="check", className="check", tools=[html.Span("remove", className="label"), take],
    )  # fmt: skip


def vs_button(index: int, name: str, *, chosen: bool) -> Component:
    """The button that makes a class the one "instead of which"."""
    pressed: dict[str, Any] = {"aria-pressed": str(chosen).lower()}
    return action(
        "vs", {"b": index}, label=f"rather than {name}", className="vs" + " on" * chosen, **pressed
    )
