"""What a dream looks for: a layer of the ladder, all of it, some of its neurons or a group."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, group_icon, shared_beginning, unit_icon
from dashboard.dream_wish import looked_for
from dashboard.markup import Field
from dashboard.views.context import Context
from dashboard.views.dream_start import from_noise

NEURONS = 8  # icons that are offered
LAYERED = ("dream", "guided", "stream", "kept", "two")
CHOOSY = ("dream", "stream", "two")  # modes in which a part of the layer can be chosen


def content(here: Context) -> list[Component]:
    """The ladder, and what of the layer."""
    mode = here.chosen.mode
    parts: list[Any] = []
    if mode in LAYERED:
        parts += [_ladder(here)]
    if mode in CHOOSY:
        parts += [_part(here), *_neurons(here)]
    return [html.Section([html.H2("What to look for"), *parts], className="panel")]


def _ladder(here: Context) -> Component:
    """The steps of the network, each with a neuron that fires there on the picture."""
    names = [step["layer"] for step in here.network["ladder"]]
    shared = shared_beginning(names)
    tiles = [_step(here, name, name.removeprefix(shared)) for name in names]
    row = html.Div(tiles, className="dream-ladder", role="list",
                   **{"aria-label": "Layers, from strokes to objects", "data-row": ""})  # fmt: skip
    ends = html.Div([html.Span("strokes"), html.Span("objects")], className="dream-ends label")
    return html.Div([row, ends])


def _step(here: Context, name: str, short: str) -> Component:
    current = {"aria-current": "true"} if name == here.layer else {"tabIndex": "-1"}
    icon = unit_icon(here.model, name, _strongest(here, name), size=34)
    text = html.Span(short.replace("encoder_layer_", ""))
    return action([icon, text], {"layer": name}, label=f"Layer {name}", **current)


def _strongest(here: Context, layer: str) -> int:
    """The neuron of a layer that fires most on the open picture."""
    asked = {**here.question, "layer": layer, "at": None, "sort": "activation", "top": 1}
    return int(here.service.ask("neurons", **asked)["neurons"][0]["channel"])


def _part(here: Context) -> Component:
    """All of the layer, or the neurons and groups that are chosen below."""
    units, group = looked_for(here.chosen)
    whole = not units and group is None
    all_of_it = action(f"all of {here.layer}", {"look": "all"}, label="The whole layer",
                       className="pill", **{"aria-pressed": str(whole).lower()})  # fmt: skip
    field = Field(
        id="dream-units", className="plain", type="text", placeholder="neurons, by number: 402, 17",
        value=", ".join(map(str, units)), autoComplete="off", inputMode="numeric",
        **{"aria-label": "Neurons by number", "data-units": str(here.channels)},
    )  # fmt: skip
    return html.Div([all_of_it, field], className="dream-part")


def _neurons(here: Context) -> list[Component]:
    """The neurons that fire most here, to be switched on and off; and the groups."""
    units, group = looked_for(here.chosen)
    listed = [row["channel"] for row in here.listed("activation")["neurons"]][:NEURONS]
    offered = [*units, *(u for u in listed if u not in units)][: max(NEURONS, len(units))]
    tiles = [_tile(here, unit, units) for unit in offered]
    found: list[Component] = [
        html.Div(tiles, className="dream-icons", role="list",
                 **{"aria-label": "Neurons that fire on the picture", "data-row": ""})
    ]  # fmt: skip
    if not from_noise(here):
        found.append(_groups(here, group))
    return found


def _tile(here: Context, unit: int, chosen: tuple[int, ...]) -> Component:
    on = unit in chosen
    left = [u for u in chosen if u != unit] if on else [*chosen, unit]
    look = ",".join(map(str, sorted(left))) or "all"
    text = f"Neuron {unit}" + (", chosen" if on else "")
    return action([unit_icon(here.model, here.layer, unit, size=72), html.Span(str(unit))],
                  {"look": look}, label=text, **{"aria-pressed": str(on).lower()})  # fmt: skip


def _groups(here: Context, chosen: int | None) -> Component:
    """Neuron groups of the picture, found when they are asked for."""
    count = 6
    tiles = [
        action([html.I(className="swatch", style={"background": f"var(--g{g})"}), f"group {g + 1}"],
               {"look": f"g{g}" if g != chosen else "all"}, label=f"Neuron group {g + 1}",
               **{"aria-pressed": str(g == chosen).lower()})
        for g in range(count)
    ]  # fmt: skip
    shown: list[Any] = []
    if chosen is not None:
        shown = [group_icon(here.model, here.layer, chosen, here.picture)]
    return html.Details(
        [html.Summary("or a neuron group of the picture"),
         html.Div(tiles, className="dream-groups"), *shown],
        open=chosen is not None,
    )  # fmt: skip
