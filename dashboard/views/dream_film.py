"""What can be done with the frames of a stream: more of them, a film of some, none any more."""

from dash import html
from dash.development.base_component import Component

from dashboard import dream_settings
from dashboard.components import action
from dashboard.dream_wish import Wish
from dashboard.markup import Field
from dashboard.views.dream_course import length

MORE = 60  # frames by which a stream goes on


def tools(wish: Wish) -> list[Component]:
    """Of a stream: how it goes on, and which of its frames are saved."""
    values = wish.settings
    if not values["frames"]:
        return [_end()]
    size = {"quality": "preview" if wish.preview else "full"}
    longer = length(values, values["frames"] + MORE)
    return [
        action(f"{MORE} more frames", {**longer, **size}, label="Go on from the last frame",
               className="pill", id="dream-more"),
        action("for ever", {**length(values, 0), **size}, className="pill", id="dream-forever",
               label="Go on until you pause it or leave"),
    ]  # fmt: skip


def _end() -> Component:
    """Which frames of a stream without end become a film."""
    which = html.Select(
        [html.Option("the last", value="last", selected=True),
         html.Option("the first", value="first")],
        id="dream-end", className="plain", **{"aria-label": "Which frames are saved"},
    )  # fmt: skip
    many = Field(type="number", id="dream-many", className="plain number", min="1",
                 max=str(dream_settings.LONGEST), value="120", step="1",
                 **{"aria-label": "How many frames are saved"})  # fmt: skip
    return html.Span([which, many, html.Span("frames:", className="label")], id="dream-ends-of",
                     className="then-end", hidden=True)  # fmt: skip


def held() -> Component:
    """What is kept of the frames, once it rests; filled by ``assets/stream.js``."""
    return html.P(
        [html.Span(**{"data-own": "held"}, id="dream-held"),
         html.Button("clear", type="button", className="quiet-button", id="dream-clear",
                     title="Take these frames away; it then begins anew")],
        className="caption then-held", id="dream-held-line", hidden=True,
        **{"data-own": "held-line"},
    )  # fmt: skip
