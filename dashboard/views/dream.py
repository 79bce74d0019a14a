"""The Dream view: what a network makes of a picture, or of noise, when what it sees in it is made
stronger.

Left what it begins with, what is looked for and how; right the result, which forms while one looks
(``assets/dream.js``); below, what was made and kept.
"""

from collections.abc import Callable
from typing import Any

import dash
from dash import Input, dcc, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action, note
from dashboard.dream_desk import DreamDesk
from dashboard.error_desk import ErrorDesk
from dashboard.markup import filled, markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views import (
    dream_beside,
    dream_course,
    dream_gallery,
    dream_how,
    dream_result,
    dream_start,
    dream_what,
)
from dashboard.views.context import Context

MODES = {
    "dream": ("Dream", "What the layer or neuron sees in the picture is made stronger, over and "
              "over: DeepDream."),
    "class": ("Class", "A picture of one class, out of noise or out of the picture."),
    "guided": ("Guided", "Towards another picture: each place is made more like what fits it best "
               "in the guide."),
    "stream": ("Stream", "A dream without end: after every frame the picture is enlarged a little, "
               "and dreamt on."),
    "layers": ("Layers", "The same picture at every step of the network, from strokes to objects."),
    "style": ("Style", "The content of one picture in the style of another."),
    "kept": ("Caricature", "What the layer keeps of the picture: exaggerated, or rebuilt from "
             "that alone."),
    "two": ("Two networks", "The same dream in two networks, side by side."),
}  # fmt: skip
Fill = Callable[[Context], Any]
FILLS: dict[str, Fill] = {
    "dream-from": dream_start.content,
    "dream-what": dream_what.content,
    "dream-course": dream_course.content,
    "dream-how": dream_how.content,
    "dream-result": dream_result.content,
}


def layout() -> Component:
    """The empty panels."""
    names = ("dream-from", "dream-what", "dream-course", "dream-how")
    left = [html.Div(id=name) for name in names]
    busy = filled(note("Loading the network\u2026", kind="busy"))
    right = [html.Div(id="dream-result", **busy), html.Div(id="dream-beside")]
    return html.Main(
        [
            dcc.Store(id="dream-tick"),
            html.Div(id="dream-modes"),
            html.Div([html.Div(left, className="column left"),
                      html.Div(right, className="column right")], className="columns"),
            html.Div(id="dream-gallery"),
        ],
        id="dream-page", className="view dream-page",
    )  # fmt: skip


def register(app: dash.Dash, service: Service, desk: DreamDesk, errors: ErrorDesk) -> None:
    """Adds a callback for each panel; ``errors`` knows what the network answers to all pictures."""
    _register(app, service, "dream-modes", _modes)
    for name, fill in FILLS.items():
        _register(app, service, name, fill)
    _register(app, service, "dream-beside", lambda here: dream_beside.content(here, errors))
    _register(app, service, "dream-gallery", lambda here: dream_gallery.content(here, desk))


def _register(app: dash.Dash, service: Service, name: str, fill: Fill) -> None:
    """A panel that is filled by its part of the selection, and when something was kept."""

    tick = "err-tick" if name == "dream-beside" else "dream-tick"

    @app.callback(panel(name), part(name), Input(tick, "data"), prevent_initial_call=True)
    def refill(data: dict[str, Any] | None, _: Any) -> Any:
        if not data or data["view"] != "dream":
            return no_update
        try:
            return markup(fill(_context(service, data)))
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error"))


def _context(service: Service, data: dict[str, Any]) -> Context:
    """The selection; where no layer is chosen, the one in the middle of the ladder: eyes and
    whirls rather than strokes, and clearer ones than of the last layers."""
    here = Context.of(service, data)
    if here.chosen.layer is not None or "layer" not in data:
        return here
    names = [step["layer"] for step in here.network["ladder"]]
    return Context.of(service, {**data, "layer": names[(len(names) - 1) // 2]})


def _modes(here: Context) -> list[Component]:
    """What can be done, as one row of buttons, and a line on the chosen one."""
    mode = here.chosen.mode
    tabs = [
        action(title, {"mode": name}, label=text,
               **({"aria-current": "true"} if name == mode else {}))
        for name, (title, text) in MODES.items()
    ]  # fmt: skip
    row = html.Nav(tabs, className="segments", **{"aria-label": "Ways to dream", "data-row": ""})
    return [row, html.P(MODES[mode][1], className="caption", id="dream-mode-text")]
