"""What of the selection each panel depends on. A panel is asked again only when its own part has
changed; it is given nothing else, so it cannot show what it would not be told of.

To fill a panel takes the server a few milliseconds and the browser, which lays it out anew, thirty
times as long.
"""

import json

import dash
from dash import Input, Output, dcc

_PICTURE = ("view", "model", "picture")
_CLASSES = (*_PICTURE, "a", "b")
_LAYER = (*_CLASSES, "layer")
_DREAM = (*_PICTURE, "layer", "unit", "mode", "look", "goal", "guide")
_TWO = ("second", "second_layer", "both")
PARTS: dict[str, tuple[str, ...]] = {
    "view": ("view",),
    "bar": (*_PICTURE, "map", "tab", "sort", "take"),
    "sentence": (*_LAYER, "tab", "off"),
    "classes": ("view", "model"),
    "answers": _CLASSES,
    "strip": _PICTURE,
    "grid": (*_LAYER, "row", "col"),
    "ladder": _LAYER,
    "overlay": (*_LAYER, "map", "unit", "off"),
    "neurons": (*_LAYER, "row", "col", "unit", "tab", "sort", "off"),
    "drawer": (*_LAYER, "unit"),
    "check": (*_LAYER, "row", "col", "take"),
    "pane": ("view", "pane"),
    "head": (*_LAYER, "unit", "pane"),
    "neuron": (*_LAYER, "unit"),
    "links": (*_LAYER, "unit", "row", "col"),
    "recipe": (*_LAYER, "unit", "left", "right"),
    "blend": (*_LAYER, "unit", "other"),
    "live": (*_LAYER, "unit", "row", "col"),
    "map": (*_LAYER, "atlas", "beside", "spot", "cell", "tint", "strength"),
    "map-picture": (*_LAYER, "atlas", "beside"),
    "map-cell": ("view", "model", "picture", "layer", "atlas", "cell"),
    "map-choice": ("view", "model", "layer", "atlas", "beside"),
    "map-classes": (*_CLASSES, "tint", "strength"),
    "err-way": (*_PICTURE, "stage", "wall"),
    "err-list": ("view", "model", "stage", "wall", "sure", "among"),
    "err-wall": ("view", "model", "stage", "wall", "sure", "among", "order"),
    "err-picture": (*_LAYER, "stage", "wall", "sure", "among", "tab", "drop"),
    "err-claim": (*_LAYER, "stage", "wall", "sure", "among", "tab", "drop"),
    "err-bench": (*_LAYER, "stage", "wall", "sure", "among", "unit", "tab", "patch", "fade"),
    "err-map": (*_LAYER, "stage"),
    "err-source": (*_LAYER, "stage", "drop"),
    "err-keep": (*_LAYER, "stage", "wall", "sure", "among", "tab", "drop", "patch", "fade"),
    "dream-modes": ("view", "mode"),
    "dream-from": (*_PICTURE, "mode", "start", "how", "both"),
    "dream-what": (*_DREAM, *_TWO),
    "dream-course": (*_PICTURE, "layer", "unit", "mode", "look", "how", "then"),
    "dream-how": ("view", "model", "picture", "mode", "start", "how", "both"),
    "dream-result": (*_DREAM, "start", "how", "then", "quality", *_TWO, "made"),
    "dream-beside": (*_DREAM, "made"),
    "dream-gallery": ("view", "made"),
}
_EVERYWHERE = {"view", "bar", "pane"}
# The pane of the Neuron page that a part belongs to; "head" is that of all of them.
_PANES = {
    "neuron": "neuron",
    "links": "neuron",
    "recipe": "recipe",
    "blend": "blend",
    "live": "live",
}
# Before the first address is read nothing is known; afterwards a part that is the same stays, and
# so does that of a view, or of a pane of it, that is not shown.
_SPLIT = """function (selection) {
    const parts = %s, views = %s, panes = %s, last = window.neuronscope.parts || {};
    window.neuronscope.parts = { ...last };
    return Object.entries(parts).map(([name, fields]) => {
        if (views[name] && views[name] !== selection.view) return window.dash_clientside.no_update;
        if (panes[name] && panes[name] !== selection.pane) return window.dash_clientside.no_update;
        const part = Object.fromEntries(fields.map((f) => [f, selection[f]]));
        const text = window.neuronscope.parts[name] = JSON.stringify(part);
        return text === last[name] ? window.dash_clientside.no_update : part;
    });
}"""


def stores() -> list[dcc.Store]:
    """One for each part."""
    return [dcc.Store(id=f"for-{name}") for name in PARTS]


def _views() -> dict[str, str]:
    """The one view that a part belongs to; those of every view are left out."""
    of_neuron = {"head", *_PANES}
    begin = {"map": "atlas", "err": "errors", "dream": "dream"}
    return {
        n: "neuron" if n in of_neuron else begin.get(n.split("-")[0], "explore")
        for n in PARTS if n not in _EVERYWHERE
    }  # fmt: skip


def part(name: str) -> Input:
    """The input of a panel's callback: its part of the selection (a dict) when that changes."""
    return Input(f"for-{name}", "data")


def register(app: dash.Dash) -> None:
    """Adds the callback, in the browser, that takes a selection apart."""
    app.clientside_callback(
        _SPLIT % (json.dumps(PARTS), json.dumps(_views()), json.dumps(_PANES)),
        *(Output(f"for-{name}", "data") for name in PARTS),
        Input("selection", "data"), prevent_initial_call=True,
    )  # fmt: skip
