"""What was made and kept: pairs of before and after, the newest first."""

from dash import html
from dash.development.base_component import Component

from cache.dreams import Dream
from cache.errors import UserError
from dashboard import dream_wish
from dashboard.components import action
from dashboard.dream_desk import DreamDesk
from dashboard.markup import Field
from dashboard.views.context import Context

SHOWN, MOST = 60, 600  # those between are folded away, and fetch no picture until one looks
SHEETS = ("layers", "two")  # modes whose result shows several pictures beside each other


def content(here: Context, desk: DreamDesk) -> Component:
    """The list, or what will stand there."""
    going = desk.line.ids()
    made = [one for one in desk.kept.all() if one.id not in going]
    count = f"{len(made)}, {desk.kept.size() / 2**20:.1f} MB" if made else ""
    reopen = html.Label(
        ["open a result file", Field(id="dream-file", type="file", accept="image/*,video/mp4")],
        className="quiet-button",
        title="A picture or film that Neuronscope made: its settings reopen",
    )  # fmt: skip
    head = html.Header([
        html.H2("Made and kept"),
        html.Div([html.Span(count, className="label num"), reopen], className="tools"),
    ])  # fmt: skip
    making = html.Div(id="dream-making", **{"data-own": "making"})  # filled by dream_making.js
    rows = [_row(one, one.id == here.chosen.made) for one in made[:MOST]]
    listed = html.Div([making, *rows[:SHOWN]], className="dream-list")
    if made:
        older = [
            html.Summary(f"{len(rows) - SHOWN} older ones"),
            html.Div(rows[SHOWN:], className="dream-list"),
        ]
        folded = html.Details(older, id="dream-older") if rows[SHOWN:] else None
        return html.Section([head, listed, folded], className="panel")
    empty = html.P("Dreams in full size are kept here, also those that you stop, with their "
                   "settings; small ones when you say so.", className="caption")  # fmt: skip
    return html.Section([head, listed, empty], className="panel")


def _row(made: Dream, current: bool) -> Component:
    both = "before" in made.found and made.asked.get("mode") not in SHEETS
    thumbs = [
        html.Img(src=f"/dreams/{made.id}/{which}.webp?at={made.when}", alt=which)
        for which in (("before", "after") if both else ("after",))
    ]
    try:
        do = dream_wish.changes(dream_wish.read(made.asked)) | {"made": made.id}
    except UserError:  # of another version of the program: the file can still be saved
        do = {"view": "dream"}
    words = made.words + (", stopped" if made.stopped else "")
    now = {"aria-current": "true"} if current else {}
    pair = html.Div(thumbs, className="dream-pair" if both else "dream-pair alone")
    open_it = action(pair, do, label=f"Open: {words}", **now)
    remove = html.Button(
        "\u00d7", type="button", className="dream-remove", title="Remove it for good",
        **{"data-remove": made.id, "aria-label": f"Remove: {words}"},
    )  # fmt: skip
    return html.Figure([open_it, html.Figcaption(words, className="caption"), remove])
