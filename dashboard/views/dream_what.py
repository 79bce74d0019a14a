"""What a dream looks for: a layer of the ladder, all of it, some of its neurons or a group."""

from itertools import takewhile
from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import (
    action,
    class_field,
    group_icon,
    shared_beginning,
    unit_icon,
)
from dashboard.dream_wish import GUIDES, looked_for
from dashboard.markup import Field
from dashboard.views import dream_two
from dashboard.views.context import Context
from dashboard.views.dream_start import at_hand, from_noise, picture_of

NEURONS = 8  # icons that are offered
LAYERED = ("dream", "guided", "stream", "kept", "two")
CHOOSY = ("dream", "stream")  # modes in which a part of the layer can be chosen
GUIDED = ("guided", "style")
GONE = "a picture that is not open here any more"
FAMOUS = ("banana", "dumbbell", "ant", "starfish")  # the classes of "Inceptionism" (2015)


def content(here: Context) -> list[Component]:
    """What a mode asks for: a class, a guide, another network, the layer, and what of it."""
    here = at_hand(here)
    mode, parts = here.chosen.mode, list[Any]()
    if mode == "class":
        parts += [_class(here)]
    if mode in GUIDED:
        parts += _guide(here)
    if mode == "two":
        parts += _two(here)
    elif mode in LAYERED:
        parts += [_ladder(here)]
    if mode in CHOOSY:
        parts += [_part(here), *_neurons(here)]
    if mode == "layers":
        parts += [html.P("All of each layer, from strokes to objects. A click on one opens it.",
                         className="caption")]  # fmt: skip
    titles = {"style": "Style of", "guided": "Towards", "class": "Class", "kept": "Which layer"}
    title = titles.get(mode, "What to look for")
    return [html.Section([html.H2(title), *parts], className="panel")]


def _two(here: Context) -> list[Any]:
    """The other network, and what both dream of."""
    parts = list[Any](dream_two.networks(here))
    if here.chosen.both == "class":
        return [*parts, _class(here)]
    guide = _guide(here) if here.chosen.both == "guide" else []
    return [*parts, *guide, _ladder(here), dream_two.second_layer(here)]


# ---- a class ----


def goal_of(here: Context) -> int:
    """The class that is dreamt of: as chosen, else the answer to the open picture."""
    chosen = here.chosen.goal
    if chosen is not None and chosen < len(here.network["classes"]):
        return chosen
    return here.a


def _class(here: Context) -> Component:
    """A field that finds a class, and some that are one click away."""
    goal, names = goal_of(here), here.network["classes"]
    field = class_field("dream-goal", "goal", here.model, label="Class to dream of",
                        hint="a class by name or number", value=here.name(goal))  # fmt: skip
    near = [i for i in (here.a, here.b) if i != goal]
    famous = [names.index(n) for n in FAMOUS if n in names]
    offered = list(dict.fromkeys([*near, *(i for i in famous if i != goal)]))
    pills = [
        action(here.name(i), {"goal": i}, label=f"Dream of {here.name(i)}", className="pill")
        for i in offered
    ]
    return html.Div([field, html.Div(pills, className="dream-pills")], className="dream-class")


# ---- a guide ----


def guide_of(here: Context) -> str:
    """The guide: as chosen, else the next picture that is open."""
    if here.chosen.guide:
        return here.chosen.guide
    keys = [p.key for p in here.service.library.main.pictures]
    at = keys.index(here.picture) if here.picture in keys else -1
    return keys[(at + 1) % len(keys)] if keys else here.picture


def guide_name(here: Context, guide: str) -> str:
    """As the page calls it."""
    if guide.startswith("class:"):
        index = int(guide.removeprefix("class:"))
        names = here.network["classes"]
        if index >= len(names):
            raise UserError(f"class {index} is out of range: this network has {len(names)}")
        return f"photographs of {names[index]}"
    found = here.service.library.find(guide)
    if found is None and here.chosen.made:  # what was made is shown all the same
        return GONE
    if found is None:
        raise UserError("the guide is not open here any more; choose another picture")
    return found.name


def _guide(here: Context) -> list[Any]:
    """The strip of guides, and the photographs of a class."""
    guide = guide_of(here)
    pictures = here.service.library.main.pictures[:40]
    tiles = [
        action(html.Img(src=f"/thumb/{p.key}", alt="", width=52, height=52), {"guide": p.key},
               label=f"Towards {p.name}",
               **({"aria-current": "true"} if p.key == guide else {"tabIndex": "-1"}))
        for p in pictures
    ]  # fmt: skip
    strip = html.Div(tiles, className="strip", role="list",
                     **{"aria-label": "Guides", "data-row": ""})  # fmt: skip
    shown = picture_of(here, guide) if here.service.library.find(guide) else None
    if here.chosen.mode == "style":
        return [shown, strip]
    return [shown or _guides(here, guide), strip, *_photographs(here, guide)]


def _labelled(here: Context, index: int) -> list[str]:
    """The open pictures of a class that can guide: not the one that it starts from."""
    if not 0 <= index < len(here.network["classes"]):
        return []
    keys = here.service.ask("labelled", model=here.model, index=index)
    start = None if from_noise(here) else here.picture
    return [key for key in keys if key != start][:GUIDES]


def _guides(here: Context, guide: str) -> Any:
    """The photographs of a class that guide."""
    index = guide.removeprefix("class:")
    keys = _labelled(here, int(index)) if index.isdigit() else []
    images = [html.Img(src=f"/thumb/{key}", alt="", className="dream-start") for key in keys]
    return html.Div(images, className="dream-guides") if keys else None


def _photographs(here: Context, guide: str) -> list[Any]:
    """The photographs of a class: of the answers to the picture where some are open, or of any."""
    offered = [f"class:{i}" for i in (here.a, here.b) if _labelled(here, i)]
    index = guide.removeprefix("class:")
    if index != guide and int(index) < len(here.network["classes"]):
        offered = list(dict.fromkeys([guide, *offered]))
    pills = [
        action(guide_name(here, one), {"guide": one}, className="pill",
               label=f"Towards the open {guide_name(here, one)}",
               **{"aria-pressed": str(guide == one).lower()})
        for one in offered
    ]  # fmt: skip
    field = class_field("dream-guide", "guide", here.model, label="Towards the photographs of",
                        hint="or of any class", **{"data-before": "class:"})  # fmt: skip
    return [html.Div(pills, className="dream-pills") if pills else None, field]


# ---- a layer, and what of it ----


def _ladder(here: Context) -> Component:
    """The steps of the network, each with a neuron that fires there on the picture."""
    every = [step["layer"] for step in here.network["layers"]]
    steps = {step["layer"] for step in here.network["ladder"]} | {here.layer}
    names = [name for name in every if name in steps]
    shared = _said_once(names)
    tiles = [_step(here, name, name.removeprefix(shared) or name) for name in names]
    row = html.Div(tiles, className="dream-ladder", role="list",
                   **{"aria-label": "Layers, from strokes to objects", "data-row": ""})  # fmt: skip
    other = html.Select(
        [html.Option(name, value=name, selected=name == here.layer) for name in every],
        id="dream-layer", className="plain", **{"aria-label": "Any layer"},
    )  # fmt: skip
    ends = html.Div([html.Span("strokes"), other, html.Span("objects")],
                    className="dream-ends label")  # fmt: skip
    return html.Div([row, ends])


def _said_once(names: list[str]) -> str:
    """What narrow tiles leave away: also the word before the numbers, ``inception`` of
    ``inception3a`` and ``inception4b``."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    shared = "".join(letters[0] for letters in same).rstrip("0123456789")
    whole = all(not name[len(shared) :][:1].isalpha() for name in names)
    return shared if whole else shared_beginning(names)


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
        id="dream-units", className="plain", type="text", placeholder="or numbers: 402, 17",
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
