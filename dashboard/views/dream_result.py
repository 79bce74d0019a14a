"""The result of a dream: empty here, filled while it forms by ``assets/dream.js``."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import dream_settings
from dashboard.components import NOTHING_YET, action, copy_command
from dashboard.dream_command import words
from dashboard.dream_told import changing, sought
from dashboard.dream_wish import Wish, looked_for
from dashboard.markup import Field
from dashboard.views import dream_film, dream_two
from dashboard.views.context import Context
from dashboard.views.dream_how import way_of
from dashboard.views.dream_start import from_noise
from dashboard.views.dream_two import second_layer_of, second_of
from dashboard.views.dream_what import (
    CHOOSY,
    GONE,
    GUIDED,
    LAYERED,
    goal_of,
    guide_name,
    guide_of,
)


def wish_of(here: Context) -> Wish:
    """What the selection asks for, with every gap filled."""
    chosen, mode = here.chosen, here.chosen.mode
    units, group = looked_for(chosen) if mode in CHOOSY else ((), None)
    both = chosen.both if mode == "two" else None
    way = way_of(here)
    if from_noise(here):
        group = None  # a group is one of the picture
    return Wish(
        mode=mode, model=here.model,
        layer=here.layer if mode in LAYERED and both != "class" else "",
        picture=None if from_noise(here) else _start(here), units=units, group=group,
        goal=goal_of(here) if "class" in (mode, both) else None,
        guide=guide_of(here) if mode in GUIDED or both == "guide" else None,
        second=second_of(here) if both else None,
        second_layer=second_layer_of(here) if both in ("layer", "guide") else None,
        then=chosen.then if mode == "stream" else None,
        how=dream_settings.written(way, dream_settings.read(way, chosen.how)),
        preview=chosen.quality == "preview",
    )  # fmt: skip


def _start(here: Context) -> str:
    """The picture that it begins with; what was made of one is shown also when that is no longer
    open."""
    return here.chosen.picture if here.chosen.made and here.chosen.picture else here.picture


def content(here: Context) -> list[Component]:
    """Heading, stage, progress, numbers and what can be done with it."""
    wish = wish_of(here)
    _ = wish.settings  # a value that cannot be is said in place of a picture
    head = html.Header([
        html.H2(_heading(here, wish), id="dream-heading"),
        html.Span(id="dream-size", className="label num", **{"data-own": "size"}),
    ])  # fmt: skip
    parts = html.Div(id="dream-parts", hidden=True, **{"data-own": "parts"})
    numbers = html.P(id="dream-numbers", className="caption", **{"data-own": "numbers"})
    return [html.Section(
        [head, _stage(), parts, _progress(), numbers, _tools(here, wish),
         dream_film.held() if wish.mode == "stream" else None],
        className="panel dream-result", id="dream-shown",
        **{"data-dream": json.dumps(wish.plain()), "data-measure": _measure(here, wish),
           "data-mode": wish.mode},
    )]  # fmt: skip


def _measure(here: Context, wish: Wish) -> str:
    """What the number is that was to become larger."""
    if wish.goal is not None:
        return f"Logit of {here.name(wish.goal)}"
    if wish.mode == "guided":
        return f"Agreement with the guide in {wish.layer} (cosine)"
    if wish.mode == "two" and wish.guide is not None:  # each network has a layer of its own
        return "Agreement with the guide (cosine)"
    if wish.units:
        return (
            "How strongly they fire (mean)"
            if len(wish.units) > 1
            else "How strongly it fires (mean)"
        )
    if wish.group is not None:
        return "How strongly the group fires"
    own = "the layer" if wish.mode == "two" else wish.layer
    return "" if not own else f"How strongly {own} fires (root mean square)"


def _heading(here: Context, wish: Wish) -> list[Any]:
    found = here.service.library.find(wish.picture) if wish.picture else None
    start = found.name if found else GONE if wish.picture else "noise"
    goal = here.name(wish.goal) if wish.goal is not None else ""
    guide = guide_name(here, wish.guide) if wish.guide else ""
    sees = "see" if len(wish.units) > 1 else "sees"
    course = ", ".join([*changing(wish), "from "])
    return {
        "dream": ["What ", html.B(sought(wish)), f" {sees} in {start}"],
        "class": [html.B(goal), f", out of {start}"],
        "guided": [f"{start} towards ", html.B(guide), f", as {wish.layer} sees it"],
        "stream": ["A stream of what ", html.B(sought(wish)), f" {sees}, ", course, start],
        "layers": [html.B(start), ", dreamt at every layer"],
        "style": [html.B(start), f" in the style of {guide}"],
        "kept": ["What ", html.B(wish.layer), f" keeps of {start}"],
        "two": dream_two.heading(here, start, goal, guide) if wish.second else [],
    }[wish.mode]


def _stage() -> Component:
    """Before and after, one over the other, with the slider between them."""
    slider = Field(
        id="dream-slider", type="range", min="0", max="100", value="0", step="1",
        **{"aria-label": "Before and after: how much of the picture before is shown",
           "data-own": "slider"},
    )  # fmt: skip
    return html.Div(
        [
            html.Img(src=NOTHING_YET, alt="The dream", id="dream-after"),
            html.Img(src=NOTHING_YET, alt="The picture before", id="dream-before"),
            html.I(className="dream-line"),
            html.Span("\u2194", className="dream-knob"),
            slider,
            html.Span("before", className="dream-tag before"),
            html.Span("after", className="dream-tag after"),
        ],
        className="dream-stage", id="dream-stage", **{"data-own": "stage"},
    )  # fmt: skip


def _progress() -> Component:
    stop = html.Button("Stop", type="button", className="pill", id="dream-stop",
                       title="End it now; what is there is kept")  # fmt: skip
    on = html.Button("dream it whole", type="button", className="pill", id="dream-on", hidden=True)
    return html.Div(
        [html.Progress(max="1", value="0"), html.Span(id="dream-said", className="label num"),
         stop, on],
        className="dream-progress", id="dream-progress", **{"data-own": "progress"},
    )  # fmt: skip


def _command(here: Context, wish: Wish) -> Component:
    """The same in the terminal."""
    guide, photographs = wish.guide, list[str]()
    if guide and guide.startswith("class:"):
        photographs = here.folder
    elif guide:
        guide = here.path(guide)
    start = here.path(wish.picture) if wish.picture else "noise"
    return copy_command([*words(wish, start, guide), *here.network_options, *photographs])


def _tools(here: Context, wish: Wish) -> Component:
    """What can be done with the result."""
    large = action(["full size", html.Span(id="dream-cost", className="label")],
                   {"quality": "full"}, label="Dream it in full size", className="pill strong",
                   id="dream-full")  # fmt: skip
    small = action("small again", {"quality": "preview"}, label="Back to the small, quick one",
                   className="pill")  # fmt: skip
    buttons = html.Div(
        [
            large if wish.preview else small,
            *(dream_film.tools(wish) if wish.mode == "stream" else ()),
            html.Button("again", type="button", className="pill", id="dream-again",
                        title="The result becomes the picture, and is dreamt on"),
            html.A("save", className="pill", id="dream-save", download=True,
                   title="Save the picture, with its settings in it"),
            html.Button("save as MP4", type="button", className="pill", id="dream-film",
                        hidden=True, title="The frames so far as a film"),
            html.Button("keep", type="button", className="pill", id="dream-keep",
                        title="Put it into the list below"),
        ],
        className="dream-tools", id="dream-tools",
        **{"data-own": f"tools-{wish.mode}-{wish.preview}-{wish.how}"},
    )  # fmt: skip
    return html.Div([buttons, _command(here, wish)], className="dream-below")
