"""One class: its picture, how often it is met and named, whom it is confused with, and the neurons
that speak for it."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, share, signed, unit_icon
from dashboard.error_desk import ErrorDesk
from dashboard.starter import class_url
from dashboard.views.context import Context
from dashboard.views.errors_jobs import finished
from dashboard.views.explore_neurons import unit_name


def content(here: Context, desk: ErrorDesk, index: int) -> Component:
    """What is known of the class; a line while its neurons are looked for."""
    found = finished(
        here, "of_class", "Looking for the neurons that speak for it", model=here.model,
        layer=here.layer, index=index, known=desk.known(here.model),
    )  # fmt: skip
    if isinstance(found, Component):
        return found
    return html.Section([
        _picture(here, index), _counts(here, index, found), _neurons(here, index, found),
    ], className="err-class")  # fmt: skip


def _picture(here: Context, index: int) -> Component | None:
    """What the network thinks the class looks like, where it was drawn."""
    drawn = class_url(here.service.pack(here.model), index)
    if drawn is None:
        return None
    text = f"What {here.name(index)} looks like to the network"
    caption = html.Figcaption("as the network pictures it", className="caption")
    return html.Figure([html.Img(src=drawn, alt=text, width=120, height=120), caption])


def _counts(here: Context, index: int, found: dict[str, Any]) -> Component:
    counts = found["counts"]
    lines = []
    if counts["recall"] is not None:
        lines.append([html.B(share(counts["recall"])), f" of its {_pictures(counts['pictures'])} "
                      "answered right (recall)"])  # fmt: skip
    if counts["precision"] is not None:
        called = _pictures(counts["said"], " that it calls so")
        lines.append([html.B(share(counts["precision"])), f" of the {called} (precision)"])
    parts: list[Any] = [html.P(line) for line in lines]
    for title, key, own in (("Taken for", "taken_for", True), ("What is taken for it", "given_to",
                                                              False)):  # fmt: skip
        if found[key]:
            rows = [_other(here, index, other, count, own) for other, count in found[key]]
            parts += [html.H3(title), html.Div(rows, className="err-others")]
    return html.Div(parts)


def _other(here: Context, index: int, other: int, count: int, own: bool) -> Component:
    wall = f"{index},{other}" if own else f"{other},{index}"
    text = [here.name(other), html.Span(f" {count}", className="label num")]
    return action(text, {"stage": "wall", "wall": wall}, className="pill",
                  label=f"{here.name(other)}: {count}")  # fmt: skip


def _neurons(here: Context, index: int, found: dict[str, Any]) -> Component:
    head = html.H3(f"Neurons of {found['layer']} that speak for {here.name(index)}")
    check = found["check"]
    if check is None:
        return html.Div([head, html.P("None of its pictures is answered right, so there is "
                                      "nothing to look at.", className="caption")])  # fmt: skip
    rows = [
        html.Figure([
            action(unit_icon(here.model, here.layer, row["channel"], size=72),
                   {"view": "neuron", "unit": row["channel"]},
                   label=f"Open neuron {row['channel']}"),
            html.Figcaption([unit_name(here.model, here.layer, row["channel"]), html.Br(),
                             html.Span(signed(row["effect"]), className="num pos")]),
        ]) for row in found["neurons"]
    ]  # fmt: skip
    control = check["equal"]
    others = (
        f"; without as many equally active others {control['mean']:.1f} \u00b1 {control['sd']:.1f}"
        if control else ""
    )  # fmt: skip
    text = (
        f"{check['verdict'].capitalize()}. Over {_many(check['pictures'])} answered right its "
        f"logit is {check['before']:.1f}, without them {check['without']:.1f}{others}."
    )  # fmt: skip
    proved = "" if check["verdict"] == "confirmed" else " unproved"
    return html.Div([head, html.Div(rows, className="err-speakers"),
                     html.P(text, className="caption" + proved)])  # fmt: skip


def _many(count: int) -> str:
    return "the one picture" if count == 1 else f"{count} pictures"


def _pictures(count: int, which: str = "") -> str:
    """ "5 pictures that it calls so are"; of one picture "is"."""
    return f"{count} picture{which} is" if count == 1 else f"{count} pictures{which} are"
