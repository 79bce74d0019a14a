"""The third stage of Errors, left: the picture with the map of the effect, and its twin."""

import json
from itertools import chain
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, share, signed
from dashboard.error_desk import ErrorDesk
from dashboard.selection import turned_of
from dashboard.views.context import Context
from dashboard.views.places import place_map


def content(here: Context, desk: ErrorDesk) -> list[Component | None]:
    """The picture, where its evidence lies, and the nearest picture that is answered right."""
    found = claim_of(here, desk)
    found_twin = found["twin"]
    return [
        _picture(here, found),
        _answers(here),
        None if found_twin is None else _twin(here, found_twin, desk),
    ]


def of_groups(here: Context) -> bool:
    """Whether the claim speaks of groups rather than of neurons."""
    return here.chosen.tab == "groups"


def claim_of(here: Context, desk: ErrorDesk) -> dict[str, Any]:
    """The measured claim of the open picture; what is dropped is left out of it."""
    if not of_groups(here):
        return neurons_claim(here, desk)
    turned = turned_of(here.chosen.drop)[1]
    return _asked(here, desk, "claim_groups", turned)


def neurons_claim(here: Context, desk: ErrorDesk) -> dict[str, Any]:
    """The claim in neurons, also while groups are shown: it has places."""
    return _asked(here, desk, "claim", dropped(here))


def _asked(here: Context, desk: ErrorDesk, task: str, drop: list[int]) -> dict[str, Any]:
    desk.wait(here.model)
    answer: dict[str, Any] = here.service.ask(
        task, **here.at_layer, drop=drop, known=desk.known(here.model)
    )
    return answer


def dropped(here: Context) -> list[int]:
    """The neurons that are left out of the removal."""
    return turned_of(here.chosen.drop)[0]


def stage(here: Context, seen: str, found: dict[str, Any], alt: str, **more: Any) -> Component:
    """A picture under the map of the effect, with the claimed places framed; of a claim in groups,
    under the colours of those that are taken away."""
    if "groups" in found:
        return html.Div([html.Img(src=f"/blob/{seen}", alt=alt), _colours(found)],
                        className="stage err-stage-picture", **more)  # fmt: skip
    rows, cols = found["map"]["rows"], found["map"]["cols"]
    spots = found["places"]["at"] if found["places"] else []
    frames = [
        html.I(className="spot", style={
            "left": f"{100 * col / cols:.2f}%", "top": f"{100 * row / rows:.2f}%",
            "width": f"{100 / cols:.2f}%", "height": f"{100 / rows:.2f}%",
        }) for row, col in spots
    ]  # fmt: skip
    cover = place_map(found["map"], "cover", "Where the evidence lies: blue for the answer, orange "
                      "for the other class")  # fmt: skip
    return html.Div([html.Img(src=f"/blob/{seen}", alt=alt), cover, *frames],
                    className="stage err-stage-picture", **more)  # fmt: skip


def _colours(found: dict[str, Any]) -> Component:
    by_number = sorted(found["evidence"], key=lambda row: row["group"])
    every = {**found, "values": [v for row in by_number for v in row["map"]]}
    off = [row["group"] for row in by_number if row["group"] not in found["groups"]]
    return place_map(every, "groups", "Where the groups are that are taken away",
                     **{"data-off": json.dumps(off)})  # fmt: skip


def _picture(here: Context, found: dict[str, Any]) -> Component:
    name = getattr(here.service.library.find(here.picture), "name", "picture")
    if "groups" in found:
        return html.Figure([
            stage(here, here.answers["seen"], found, name, id="err-seen"),
            html.Figcaption("Each colour: a group that is taken away, where it is strongest.",
                            className="caption", id="err-places"),
        ])  # fmt: skip
    places = found["places"]
    said = "No place speaks for the answer."
    if places:
        count = len(places["at"])
        what = "the framed place" if count == 1 else f"the {count} framed places"
        said = (f"Without {what} of {here.layer} the margin is {signed(places['without'])} "
                f"(as it is: {signed(places['before'])}).")  # fmt: skip
        if places["equal"] is not None:
            control = places["equal"]
            fair = places["verdict"] != "no fair control"
            others = "equally active others" if fair else "others, none of them as active"
            said += (f" Without as many {others}: {signed(control['mean'])} "
                     f"\u00b1 {control['sd']:.1f}.")  # fmt: skip
    verdict = places["verdict"] if places else "not confirmed"
    return html.Figure([
        stage(here, here.answers["seen"], found, name, id="err-seen"),
        html.Figcaption([html.B(f"{verdict.capitalize()}. " if places else ""), said],
                        className="caption" + ("" if verdict == "confirmed" else " unproved"),
                        id="err-places"),
    ])  # fmt: skip


def _answers(here: Context) -> Component:
    """The answers; a click explains another one, or against another one."""
    rows, first = [], [one["index"] for one in here.answers["top"][:4]]
    for index in [*first, *(i for i in (here.a, here.b) if i not in first)]:
        chance = here.answers["probabilities"][index]
        side = " a" if index == here.a else " b" if index == here.b else ""
        truth = [html.Span("label", className="truth")] * (here.answers["label"] == index)
        change = {"b": index} if index != here.a else {"a": index}
        rows.append(action(
            [html.Span([here.name(index), *truth]), html.Span(share(chance),
                                                              className="num")],
            change, label=f"rather than {here.name(index)}", className=f"err-answer{side}",
        ))  # fmt: skip
    return html.Div([*rows, _dreams(here)], className="err-answers")


def _dreams(here: Context) -> Component:
    """What the layer sees in the picture, made visible; alone, and as if it were the class said."""
    sees = {"view": "dream", "mode": "dream", "layer": here.layer, "look": "all"}
    like = {**sees, "mode": "guided"}
    return html.P([
        action("what does this layer see in it?", sees, className="quiet-button",
               label=f"Dream: what {here.layer} sees in this picture, made stronger"),
        *chain.from_iterable(
            (" ", action(f"{word} towards photographs of {here.name(i)}?",
                         {**like, "guide": f"class:{i}"}, className="quiet-button",
                         label=f"Dream guided by the open photographs of {here.name(i)}"))
            for word, i in (("and", here.a), ("or", here.b))
        ),
    ])  # fmt: skip


def _twin(here: Context, twin: dict[str, Any], desk: ErrorDesk) -> Component:
    """The same map on the nearest picture of the true class that is answered right."""
    asked = {"model": here.model, "picture": twin["key"]}
    seen = here.service.ask("predict", **asked)["seen"]
    values = here.service.ask(
        "channel_map", **asked, layer=here.layer, channel=None, a=here.a, b=here.b, kind="effect"
    )
    name = here.name(twin["said"])
    return html.Figure([
        html.H3(f"Its twin: a {name} that is answered right"),
        stage(here, seen, {"map": values, "places": None}, f"{twin['name']}, answered right"),
        html.Figcaption([
            f"{twin['name']}, {name} {share(twin['p_said'])}; the nearest such picture to the "
            "network. The same map: blue still speaks for ", html.B(here.name(here.a)), ". ",
            action("open", {"picture": twin["key"], "stage": "picture"},
                   label="Open the twin", className="quiet-button"),
        ], className="caption"),
    ], id="err-twin")  # fmt: skip
