"""The Errors view: from a wrong picture to the reason, and a test of the reason.

Four stages, each one click further: the list of confused pairs, the wall of one pair's pictures,
one picture, or all of the pair together. Each stage is a part of the page of its own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.components import action, note
from dashboard.error_desk import ErrorDesk
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import (
    errors_bench,
    errors_case,
    errors_claim,
    errors_findings,
    errors_list,
    errors_map,
    errors_together,
    errors_wall,
)
from dashboard.views.context import Context

Fill = Callable[[Context, ErrorDesk], Any]
FILLS: dict[str, tuple[tuple[str, ...], Fill]] = {
    "err-list": (("list",), errors_list.content),
    "err-wall": (("wall",), errors_wall.content),
    "err-claim": (("picture", "together"), lambda here, desk: _claims(here).content(here, desk)),
    "err-picture": (("picture", "together"), lambda here, desk: _left(here)(here, desk)),
    "err-bench": (("picture", "together"), errors_bench.content),
    "err-keep": (("picture", "together"), errors_findings.content),
}


def _claims(here: Context) -> Any:
    return errors_together if here.chosen.stage == "together" else errors_claim


def _left(here: Context) -> Fill:
    together = here.chosen.stage == "together"
    return errors_together.pictures if together else errors_case.content


def layout() -> Component:
    """The way back, and the stages, of which one is shown (``assets/errors.js``)."""
    return html.Main(
        [
            dcc.Store(id="err-tick"),
            html.Nav(id="err-way", className="err-way", **{"aria-label": "The way here"}),
            html.Div(id="err-list", className="err-stage", **{"data-stage": "list"}),
            html.Div(id="err-wall", className="err-stage", **{"data-stage": "wall"}, hidden=True),
            html.Div(_case(), id="err-case", className="err-stage columns", hidden=True,
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
        html.Div(
            [html.Div(id="err-bench"), html.Div(id="err-map"), html.Div(id="err-source")],
            className="column right",
        ),
    ]


def register(app: dash.Dash, service: Service, desk: ErrorDesk, atlases: AtlasDesk) -> None:
    """Adds the callbacks of every stage."""
    app.clientside_callback(
        ClientsideFunction("errors", "stage"),
        Output("err-staged", "children"), part("err-way"), prevent_initial_call=True,
    )  # fmt: skip
    _register(app, service, desk, "err-way", ((), _way))
    for name, fill in FILLS.items():
        _register(app, service, desk, name, fill)
    on_map = partial(errors_map.content, atlases=atlases)
    _register(app, service, desk, "err-map", (("picture",), on_map))
    _register(app, service, desk, "err-source", (("picture",), errors_map.source))


def _register(
    app: dash.Dash, service: Service, desk: ErrorDesk, name: str, how: tuple[tuple[str, ...], Fill]
) -> None:
    """A panel that is filled anew by its part of the selection, and when more is known."""
    stages, fill = how

    @app.callback(panel(name), part(name), Input("err-tick", "data"), prevent_initial_call=True)
    def filled(data: dict[str, Any], _: Any) -> Any:
        if not shown(data, *stages):
            return no_update
        try:
            return markup(fill(Context.of(service, data), desk))
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error"))


def shown(data: dict[str, Any] | None, *stages: str) -> bool:
    """Whether Errors is shown, at one of these stages (any, where none is named)."""
    return bool(data) and data is not None and data["view"] == "errors" and (
        not stages or data["stage"] in stages
    )  # fmt: skip


def _way(here: Context, desk: ErrorDesk) -> list[Component]:
    """pictures > pair > picture: each step can be gone back to."""
    chosen, stage = here.chosen, here.chosen.stage
    main = here.service.library.main
    steps: list[Any] = [_step(f"{main.name} ({len(main):,})", {"stage": "list"}, stage == "list")]
    wall = chosen.wall if chosen.wall != "matrix" else None
    if stage != "list" and wall:
        steps.append(_step(errors_wall.title(here, wall), {"stage": "wall"}, stage == "wall"))
    if stage == "together":
        steps.append(_step("all together", {"stage": "together"}, True))
    if stage == "picture":
        found = here.service.library.find(
            here.chosen.picture or here.picture
        )  # also one that is gone
        steps.append(_step(found.name if found else "picture", {"stage": "picture"}, True))
    parts: list[Any] = [steps[0]]
    for step in steps[1:]:
        parts += [html.Span("\u203a", className="label"), step]
    going = {"data-model": here.model, "id": "err-going"}
    tools = [html.Span(className="spacer"), html.Span(**going), errors_findings.findings_button()]
    return [*parts, *tools]


def _step(text: Any, do: dict[str, Any], current: bool) -> Component:
    more = {"aria-current": "page"} if current else {}
    label = text if isinstance(text, str) else "The pair"
    return action(text, do, label=label, **more)
