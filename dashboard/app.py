"""The Dash application: the frame around the views and the one way by which a choice becomes an
address."""

import json
from dataclasses import replace
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard import (
    bench_routes,
    dream_routes,
    error_routes,
    findings_routes,
    parts,
    routes,
    selection,
)
from dashboard.atlas_desk import AtlasDesk
from dashboard.components import action
from dashboard.dream_desk import DreamDesk
from dashboard.error_desk import ErrorDesk
from dashboard.parts import part
from dashboard.selection import Selection
from dashboard.service import Service
from dashboard.views import (
    atlas,
    dream,
    errors,
    errors_findings,
    explore,
    explore_callbacks,
    neuron,
)

TITLES = {"explore": "Explore", "neuron": "Neuron", "atlas": "Atlas", "errors": "Errors",
          "dream": "Dream"}  # fmt: skip
CONTROLS = (
    "model-choice", "collection-choice", "map-choice", "tab-choice", "sort-choice", "take-choice",
    "other-class",
)  # fmt: skip
THEME_SCRIPT = """<script>
window.neuronscope = {
  wantedTheme: function () {
    var kept = localStorage.getItem("neuronscope-theme");
    return kept || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }
};
document.documentElement.dataset.mantineColorScheme = window.neuronscope.wantedTheme();
</script>"""

_SHOW = """function (s) {
    const titles = %s;
    for (const name of Object.keys(titles)) {
        document.getElementById("view-" + name).hidden = s.view !== name;
        const button = document.getElementById("nav-" + name);
        if (s.view === name) button.setAttribute("aria-current", "page");
        else button.removeAttribute("aria-current");
    }
    const first = s.view === "explore" ? "" : titles[s.view] + " \u2013 ";
    document.title = first + "Neuronscope";
    window.dispatchEvent(new Event("resize"));
    return "";
}"""


def create_app(service: Service) -> dash.Dash:
    """The application on a running worker; ``service.config`` says which network it opens on."""
    app = dash.Dash(
        __name__, title="Neuronscope", update_title="", serve_locally=True, assets_folder="assets",
        suppress_callback_exceptions=True, meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"}
        ],
    )  # fmt: skip
    app.index_string = _index(app.index_string)
    app.layout = _frame
    _navigation(app, service)
    explore_callbacks.register(app, service)
    neuron.register(app, service)
    desk = AtlasDesk(service)
    atlas.register(app, service, desk)
    errors_desk = ErrorDesk(service)
    errors.register(app, service, errors_desk, desk)
    dream_desk = DreamDesk(service)
    service.endings.append(dream_desk.line.close)
    dream.register(app, service, dream_desk, errors_desk)
    routes.register(app.server, service, desk)
    dream_routes.register(app.server, dream_desk)
    error_routes.register(app.server, service, errors_desk)
    bench_routes.register(app.server, service, desk)
    findings_routes.register(app.server, service, errors_desk)
    return app


def _index(text: str) -> str:
    """Dash's page with a language, and the theme set before the first paint."""
    return text.replace("<html>", '<html lang="en">').replace("{%css%}", "{%css%}" + THEME_SCRIPT)


def _frame() -> Component:
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="selection"),
            *parts.stores(),
            dcc.Store(id="action"),
            dcc.Store(id="acknowledged"),
            dcc.Store(id="shown"),
            dcc.Store(id="shown-other"),
            html.Div(id="controlled", hidden=True),
            html.Div(id="heard", hidden=True),
            _bar(),
            html.Div(id="view-explore", children=explore.layout()),
            html.Div(id="view-neuron", children=neuron.layout(), hidden=True),
            html.Div(id="view-atlas", children=atlas.layout(), hidden=True),
            html.Div(id="view-errors", children=errors.layout(), hidden=True),
            html.Div(id="view-dream", children=dream.layout(), hidden=True),
            *errors_findings.frame(),
            html.Div(id="toast", className="toast", role="alert"),
            html.Div(id="themed", hidden=True),
        ],
        id="mantine",
        theme={"fontFamily": "var(--sans)", "primaryColor": "dark", "defaultRadius": "sm"},
    )


def _bar() -> Component:
    views = [
        action(title, {"view": name}, label=title, id=f"nav-{name}")
        for name, title in TITLES.items()
    ]
    networks = dmc.Select(
        id="model-choice", data=[], size="xs", w=200, allowDeselect=False,
        **{"aria-label": "Network"},
    )  # fmt: skip
    pictures = dmc.Select(
        id="collection-choice", data=[], size="xs", w=190, allowDeselect=False,
        placeholder="dropped here",
        **{"aria-label": "Pictures"},
    )  # fmt: skip
    return html.Header(
        [
            html.A("Neuronscope", href="/explore", className="brand"),
            html.Nav(views, className="views", **{"aria-label": "Views"}),
            html.Span(id="untrained", className="untrained"),
            html.Span(className="spacer"),
            html.Div(id="jobs", className="jobs", role="status"),
            networks,
            pictures,
            errors_findings.pin_button(),
            html.Button("link", type="button", className="tool", title="Copy a link to this view",
                        **{"data-local": "link"}),
            html.Button("\u25d1", type="button", className="tool", title="Dark or light",
                        **{"data-local": "theme", "aria-label": "Dark or light"}),
        ],
        className="bar-top",
    )  # fmt: skip


def _navigation(app: dash.Dash, service: Service) -> None:
    """Choice -> selection + URL, and URL -> selection; nothing else writes either.

    A choice that comes while another is under way takes that one along: Dash drops the answer to
    the first, and the page sends every choice until it is acknowledged (``assets/actions.js``).
    """

    @app.callback(
        Output("selection", "data"), Output("url", "href"), Output("acknowledged", "data"),
        Input("action", "data"), State("selection", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def choose(do: dict[str, Any], now: dict[str, Any] | None) -> tuple[Any, Any, int]:
        before = Selection(**{**now, "off": tuple(now["off"])}) if now else Selection()
        after = before
        for choice in do["changes"]:
            if "collection" in choice:
                choice = _first_of(service, choice["collection"], after)
            after = _changed(after, choice)
        if after == before:
            return no_update, no_update, do["at"]
        return _data(after), after.href(), do["at"]

    @app.callback(
        Output("selection", "data", allow_duplicate=True),
        Input("url", "pathname"), Input("url", "search"), State("selection", "data"),
        prevent_initial_call="initial_duplicate",
    )  # fmt: skip
    def follow(path: str, query: str, now: dict[str, Any] | None) -> Any:
        there = _data(selection.parse(path, query))
        return no_update if now == there else there

    app.clientside_callback(
        ClientsideFunction("choices", "fromControls"),
        Output("controlled", "children"),
        *(Input(name, "value") for name in CONTROLS),
        State("shown", "data"), State("shown-other", "data"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("choices", "acknowledge"),
        Output("heard", "children"), Input("acknowledged", "data"), prevent_initial_call=True,
    )  # fmt: skip
    parts.register(app)
    _drawing(app)


def _drawing(app: dash.Dash) -> None:
    """What happens in the browser alone: which view is shown, the theme, the canvases."""
    app.clientside_callback(
        _SHOW % json.dumps(TITLES),
        Output("themed", "children"), part("view"), prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        "function () { return window.neuronscope.wantedTheme(); }",
        Output("mantine", "forceColorScheme"), Input("url", "id"),
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explore", "drawGrid"),
        Output("drawn", "children"), Input("grid-data", "data"),
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("explore", "drawOverlay"),
        Output("overlaid", "children"), Input("overlay-data", "data"),
    )  # fmt: skip


def _data(chosen: Selection) -> dict[str, Any]:
    return {**chosen.__dict__, "off": list(chosen.off)}


def _changed(before: Selection, choice: dict[str, Any]) -> Selection:
    """The selection after a choice that came from the page; nonsense in it changes nothing."""
    known = {"toggle_off", "at", *before.__dict__}
    choice = {k: v for k, v in choice.items() if k in known}
    if "toggle_off" in choice:
        group = int(choice.pop("toggle_off"))
        choice["off"] = tuple(sorted(set(before.off) ^ {group}))
    if isinstance(choice.get("cell"), list):
        side, col, row = (int(v) for v in choice["cell"])
        choice["cell"] = f"{side}:{col},{row}"
    if isinstance(choice.get("spot"), list):
        choice["spot"] = ",".join(f"{float(v):.3f}" for v in choice["spot"])
    if choice.get("unit") is not None and choice["unit"] == before.unit and "view" not in choice:
        choice["unit"] = None
    after = selection.change(before, **choice)
    return replace(after, off=tuple(after.off))


def _first_of(service: Service, name: str | None, before: Selection) -> dict[str, Any]:
    """The choice that opens a collection: its first picture, unless the open one is in it."""
    try:
        for shown in service.library.collections:
            keys = [p.key for p in shown.pictures]
            if shown.name == name and keys and before.picture not in keys:
                return {"picture": keys[0]}
    except UserError:
        return {}
    return {}
