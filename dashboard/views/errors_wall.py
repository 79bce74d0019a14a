"""The second stage of Errors: the pictures of one pair, or of a list, with both probabilities."""

from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, further, note, share
from dashboard.error_desk import ErrorDesk
from dashboard.views import errors_class
from dashboard.views.context import Context
from dashboard.views.errors_jobs import finished

ORDERS = {
    "usual": "usual",
    "sure": "surest",
    "unsure": "least sure",
    "near": "nearly right",
    "name": "name",
}
TITLES = {
    "wrong": "All wrong ones",
    "right": "All right ones",
    "unsure": "Least sure first",
    "check": "Check the label",
    "twice": "There twice",
    "changes": "Changes its answer",
}
SAYS = {
    "unsure": "First the pictures whose two strongest answers are nearly alike.",
    "check": "The network, and the pictures that are most alike to it, speak for another class "
    "than the label: look at the label before you explain the answer.",
    "twice": "Nearly the same picture is in the set once more.",
}


def content(here: Context, desk: ErrorDesk) -> list[Component]:
    """The thumbnails; of a pair with several pictures the first card is all of them together."""
    wall = here.chosen.wall or "wrong"
    if wall == "changes":
        return _changes(here)
    desk.wait(here.model)
    found = desk.ask("wall_pictures", here.chosen, here.model, wall=wall, order=here.chosen.order)
    count = html.Span(f"{found['total']:,}", className="label num")
    labelled = any(one["true"] is not None for one in found["pictures"])
    order = [_order(here, labelled)] if found["total"] > 1 else []
    head = html.Header([html.H1(title(here, wall)), count, *order])
    one = class_of(wall)
    about = [] if one is None else [errors_class.content(here, desk, one)]
    if not found["pictures"] and not about:
        return [head, note("No picture is in this list any more; go back and choose another.")]
    pair = pair_of(wall)
    confused = pair is not None and pair[0] != pair[1]
    together = [_together(found)] if confused and found["total"] > 1 else []
    cards = [*together, *(card(here, one) for one in found["pictures"])]
    pages = further(f"/api/errors/wall?{_asked(here, wall)}", first=len(found["pictures"]),
                    total=found["total"])  # fmt: skip
    says = [html.P(SAYS[wall], className="caption")] if wall in SAYS else []
    return [head, *about, *says, html.Div(cards, className="err-cards"), pages]


def next_cards(here: Context, desk: ErrorDesk, first: int) -> list[Component]:
    """The pictures of a wall from the ``first`` on, a page of them."""
    found = desk.ask("wall_pictures", here.chosen, here.model, wall=here.chosen.wall or "wrong",
                     order=here.chosen.order, first=first)  # fmt: skip
    return [card(here, one) for one in found["pictures"]]


def _asked(here: Context, wall: str) -> str:
    """The query of a page of the wall: the network, the list, its filters and its order."""
    chosen = here.chosen
    given = {"model": here.model, "wall": wall, "sure": chosen.sure, "among": chosen.among,
             "order": chosen.order}  # fmt: skip
    return urlencode({name: value for name, value in given.items() if value is not None})


def _order(here: Context, labelled: bool) -> Component:
    """The order of the thumbnails; only a label can be nearly right."""
    buttons = [
        action(text, {"order": order}, label=f"In order: {text}",
               **({"aria-current": "true"} if here.chosen.order == order else {}))
        for order, text in ORDERS.items() if labelled or order != "near"
    ]  # fmt: skip
    return html.Nav(buttons, className="segments", **{"aria-label": "Order"})


def pair_of(wall: str | None) -> tuple[int, int] | None:
    """The classes of a wall that is a pair: (true, said)."""
    parts = (wall or "").split(",")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def class_of(wall: str | None) -> int | None:
    """The class whose wrong pictures a wall holds, whatever was said."""
    true, _, said = (wall or "").partition(",")
    return int(true) if said == "any" and true.isdecimal() else None


def title(here: Context, wall: str) -> list[Any] | str:
    """What a wall is called."""
    if "," not in wall:
        return TITLES.get(wall, wall)
    true, said = (None if v == "any" else int(v) for v in wall.split(","))
    count = len(here.network["classes"])
    if any(v is not None and v >= count for v in (true, said)):
        return "A class that this network does not have"
    left = "any class" if true is None else here.name(true)
    right = "another class" if said is None else here.name(said)
    if true == said:
        return [html.B(left), html.Span(", answered right", className="label")]
    return [html.B(left), html.Span(" said ", className="label"), html.B(right, className="pos")]


def _changes(here: Context) -> list[Component]:
    """The pictures whose answer a little change turns, those that turn most first."""
    found = finished(here, "unsteady", "Asking about every picture, changed in five ways",
                     model=here.model)  # fmt: skip
    if isinstance(found, Component):
        return [found]
    each = ", ".join(f"{name} {count:,}" for name, count in found["each"].items())
    head = html.Header([html.H1("Changes its answer"),
                        html.Span(f"{found['turning']:,} of {found['answered']:,}",
                                  className="label num")])  # fmt: skip
    says = ("Each picture changed a little, in five ways; the answer to the untouched one is the "
            f"norm. Answers that turned: {each}.")  # fmt: skip
    cards = [_unsteady(here, one) for one in found["pictures"]]
    return [head, html.P(says, className="caption"), html.Div(cards, className="err-cards")]


def _unsteady(here: Context, one: dict[str, Any]) -> Component:
    lines = [html.Span([html.Span(f"{how}: ", className="label"), here.name(said)])
             for how, said in one["turned"]]  # fmt: skip
    return action(
        [html.Img(src=f"/thumb/{one['key']}", alt=one["name"], width=120, height=120),
         html.B(here.name(one["norm"]), className="pos"), *lines],
        {"picture": one["key"], "stage": "picture", "b": one["turned"][0][1]},
        className="err-card",
        label=f"{one['name']}: {here.name(one['norm'])}, {len(one['turned'])} of 5 changes turn it",
    )  # fmt: skip


def _together(found: dict[str, Any]) -> Component:
    mosaic = [html.Img(src=f"/thumb/{one['key']}", alt="") for one in found["pictures"][:4]]
    text = f"all {found['total']} together"
    return action([html.Span(mosaic, className="mosaic"), html.B(text)], {"stage": "together"},
                  label=text, className="err-card together")  # fmt: skip


def card(here: Context, one: dict[str, Any], **more: Any) -> Component:
    """A picture with what it is called and what it is, each with the probability; ``more``: what
    else a click chooses."""
    said, true = here.name(one["said"]), None if one["true"] is None else here.name(one["true"])
    wrong = one["true"] is not None and one["true"] != one["said"]
    lines = [html.Span([html.B(said, className="pos"), " ", _share(one["p_said"])])]
    if true is not None:
        verb = "is" if wrong else "right"
        own = [html.B(true, className="neg"), " ", _share(one["p_true"])] if wrong else ["right"]
        lines.append(html.Span([verb + " ", *own] if wrong else own))
    marks = [html.Span("check the label", className="doubt")] * one["check"]
    marks += [html.Span("there twice", className="doubt")] * (one["twin"] is not None)
    return action(
        [html.Img(src=f"/thumb/{one['key']}", alt=one["name"], width=120, height=120),
         *lines, *marks],
        {"picture": one["key"], "stage": "picture", **more},
        label=f"{one['name']}: says {said}" + (f", is {true}" if wrong else ""),
        className="err-card",
    )  # fmt: skip


def _share(probability: float) -> Component:
    """A probability that is not parted at the end of a line."""
    return html.Span(share(probability), className="num")
