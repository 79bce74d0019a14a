"""The Errors view: from a wrong picture to the reason, and a test of the reason.

Four stages, each one click further: the list of confused pairs, the wall of one pair's pictures,
one picture, or all of the pair together. Each stage is a part of the page of its own.
"""

from typing import Any

import dash
from dash import ClientsideFunction, Output, html, no_update
from dash.development.base_component import Component

from dashboard.components import action
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views.context import Context

__all__ = ["layout", "register"]


def layout() -> Component:
    """The way back, and the four stages, of which one is shown (``assets/errors.js``)."""
    return html.Main(
        [
            html.Nav(id="err-way", className="err-way", **{"aria-label": "The way here"}),
            html.Div(id="err-list", className="err-stage", **{"data-stage": "list"}),
            html.Div(id="err-wall", className="err-stage", **{"data-stage": "wall"}, hidden=True),
            html.Div(_case(), id="err-case", className="err-stage", hidden=True,
                     **{"data-stage": "picture together"}),
            html.Div(id="err-staged", hidden=True),
        ],
        id="errors-page", className="view errors-page",
    )  # fmt: skip


def _case() -> list[Component]:
    """The columns of LAYOUTS.md: the picture, the claim, and the test."""
    return [
        html.Div(html.Div(id="err-picture"), className="column left"),
        html.Div([html.Div(id="err-claim"), html.Div(id="err-keep")], className="column middle"),
        html.Div([html.Div(id="err-bench"), html.Div(id="err-map")], className="column right"),
    ]


def register(app: dash.Dash, service: Service) -> None:
    """Adds the callbacks of every stage."""
    app.clientside_callback(
        ClientsideFunction("errors", "stage"),
        Output("err-staged", "children"), part("err-way"), prevent_initial_call=True,
    )  # fmt: skip

    @app.callback(panel("err-way"), part("err-way"), prevent_initial_call=True)
    def fill_way(data: dict[str, Any]) -> Any:
        return markup(_way(Context.of(service, data))) if shown(data) else no_update


def shown(data: dict[str, Any] | None, *stages: str) -> bool:
    """Whether Errors is shown, at one of these stages (any, where none is named)."""
    return bool(data) and data is not None and data["view"] == "errors" and (
        not stages or data["stage"] in stages
    )  # fmt: skip


def _way(here: Context) -> list[Component]:
    """pictures > pair > picture: each step can be gone back to."""
    return [action("pictures", {"stage": "list"}, label="All pictures")]
