"""The course of a stream: how it moves, how long it runs, and what it turns to at which frame
(``assets/stream.js`` makes a choice of what is typed)."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from analysis.dream import schedule
from analysis.dream.schedule import Change, Stream
from dashboard import dream_settings
from dashboard.components import action, unit_icon
from dashboard.dream_wish import looked_for
from dashboard.markup import Field
from dashboard.views.context import Context
from dashboard.views.dream_how import row

EVERY = 20  # frames of a layer, on the way through all of them
SWELL = 24  # frames from weak to strong and back
CLASS = "class"
TIP = ("After so many frames the stream turns to something else, or dreams more or less strongly: "
       "the strength, so many times the step, is reached there evenly.")  # fmt: skip


def content(here: Context) -> Any:
    """Nothing, where it is no stream."""
    if here.chosen.mode != "stream":
        return ""
    values = dream_settings.read("stream", here.chosen.how)
    return [
        html.Section([html.H2("Motion"), *_motion(values)], className="panel"),
        _then(here, values),
    ]


# ---- motion and length ----


def _motion(values: dict[str, Any]) -> list[Component]:
    """Zoom and turn of a frame, and how many frames."""
    usual = {name: dream_settings.usual("stream", name) for name in values}
    rows = [row(dream_settings.ALL[n], values[n], usual[n]) for n in ("zoom", "turn")]
    endless = not values["frames"]
    now = {"aria-current": "true"}
    choice = html.Div(
        [
            action("for a while", length(values, values["frames"] or usual["frames"]),
                   label="It pauses after so many frames", **({} if endless else now)),
            action("for ever", length(values, 0), label="It runs until you pause it or leave",
                   **(now if endless else {})),
        ],
        className="segments small then-length",
    )  # fmt: skip
    if endless:
        held = Field(type="hidden", min="0", max="999999", value="0", **{"data-how": "frames"})
        said = html.P(["It runs until you pause it or leave the page, and goes on from where it "
                       "was. The first and the last frames are kept.", held],
                      className="caption")  # fmt: skip
        return [html.Div(rows, className="dream-settings"), choice, said]
    rows.append(row(dream_settings.ALL["frames"], values["frames"], usual["frames"]))
    return [html.Div(rows[:2], className="dream-settings"), choice,
            html.Div(rows[2:], className="dream-settings")]  # fmt: skip


def length(values: dict[str, Any], many: Any) -> dict[str, Any]:
    """The choice of a length; 0: without end."""
    found = {**values, "frames": many, **({} if many else {"skip": 0})}
    return {"how": dream_settings.written("stream", found)}


# ---- what it turns to ----


def _then(here: Context, values: dict[str, Any]) -> Component:
    """The track, a row for each change, the way to add one, and some that are ready-made."""
    stream = schedule.read(here.chosen.then)
    head = html.Header([
        html.H2("Then", className="term", tabIndex="0",
                **{"data-tip": TIP, "aria-description": TIP}),
        action("clear", {"then": None}, label="No changes", className="quiet-button")
        if here.chosen.then else None,
    ])  # fmt: skip
    told = [{"frame": m.frame, "what": schedule.what(m), "strength": m.strength}
            for m in stream.changes]  # fmt: skip
    rows: list[Any] = [_row(here, change) for change in stream.changes]
    if stream.again:
        rows.append(_again(stream))
    rows.append(_too_late(stream, values))
    fresh = Change((stream.changes[-1].frame if stream.changes else 0) + 30, here.layer)
    add = html.Details(
        [html.Summary("add a change"), _fields(here, fresh, None)], id="then-new",
        className="then-new",
    )  # fmt: skip
    if not stream.changes:
        rows = [html.P(f"It stays with {_name(here, _first(here))}. Let it turn to something else, "
                       "or grow stronger, on its way.", className="caption")]  # fmt: skip
    return html.Section(
        [head, _track(here, stream), html.Div(rows, className="then-list"), add,
         _ready(here, stream, values)],
        className="panel", id="dream-then",
        **{"data-then": json.dumps(told), "data-repeats": str(stream.again),
           "data-own-layer": schedule.what(_first(here)), "data-model": here.model},
    )  # fmt: skip


def _too_late(stream: Stream, values: dict[str, Any]) -> Any:
    """Of changes that the stream ends before; a click makes it long enough."""
    frames = values["frames"]
    late = [change.frame for change in stream.changes if 0 < frames <= change.frame]
    if not late:
        return None
    enough = late[-1] + EVERY
    fits = enough - values["skip"] <= dream_settings.LONGEST
    text, many = (f"{enough} frames", float(enough)) if fits else ("for ever", 0)
    longer = action(text, length(values, many), className="quiet-button",
                    label="Long enough for every change")  # fmt: skip
    said = f"It pauses after {frames:.0f} frames, before the change at {late[0]}: let it run "
    return html.P([said, longer], className="caption then-late")


def _first(here: Context) -> Change:
    """What it begins with."""
    units, _ = looked_for(here.chosen)
    return Change(0, here.layer, channels=units)


def _track(here: Context, stream: Stream) -> Any:
    """Its whole length: a block a layer, the deeper the darker; its height is the strength."""
    if not stream.changes:
        return ""
    depth = [known["layer"] for known in here.network["layers"]]
    moments = list(stream.changes)
    if moments[0].frame:
        moments.insert(0, _first(here))
    end = stream.again or moments[-1].frame + max(10, moments[-1].frame // 6)
    last = moments[0].strength if stream.again else moments[-1].strength
    tops = [*(m.strength for m in moments), last]
    most, ends = max(*tops, 1.0), [*(m.frame for m in moments[1:]), end]
    blocks = []
    for number, moment in enumerate(moments):
        left, right = (100 - 100 * tops[number + n] / most for n in (0, 1))
        deep = depth.index(moment.layer) / max(1, len(depth) - 1) if moment.layer in depth else 1
        style = {
            "flexGrow": ends[number] - moment.frame, "--deep": f"{25 + 65 * deep:.0f}%",
            "clipPath": f"polygon(0 {left:.1f}%, 100% {right:.1f}%, 100% 100%, 0 100%)",
        }  # fmt: skip
        said = f"after frame {moment.frame}: {_name(here, moment)}"
        blocks.append(html.I(style=style, title=said))
    now = html.B(className="then-now", hidden=True, **{"data-own": "now"})
    return html.Div([*blocks, now], className="then-track", id="then-track", role="img",
                    **{"data-end": str(end), "aria-label": "The strength over the frames, the "
                       "deeper the layer the darker"})  # fmt: skip


def _name(here: Context, change: Change) -> str:
    if change.class_index is not None:
        return here.name(change.class_index) if change.class_index < len(
            here.network["classes"]) else f"class {change.class_index}"  # fmt: skip
    many = "neuron" if len(change.channels) == 1 else "neurons"
    of = f", {many} {', '.join(map(str, change.channels))}" if change.channels else ""
    return f"{change.layer}{of}"


def _row(here: Context, change: Change) -> Component:
    """One change: what it is, and unfolded how to alter it."""
    icon = None
    if len(change.channels) == 1:
        icon = unit_icon(here.model, change.layer, change.channels[0], size=22)
    strength = f"\u00d7 {change.strength:.3g}" if change.strength != 1 else ""
    summary = html.Summary([
        html.B(str(change.frame), className="num"), html.Span([icon, _name(here, change)]),
        html.Span(strength, className="label num"),
    ])  # fmt: skip
    return html.Details([summary, _fields(here, change, change.frame)],
                        id=f"then-{change.frame}", className="then-moment")  # fmt: skip


def _again(stream: Stream) -> Component:
    remove = html.Button("\u00d7", type="button", className="then-remove", title="Do not repeat",
                         **{"data-then-remove": "again", "aria-label": "Do not repeat"},
                         )  # fmt: skip
    field = Field(type="number", className="plain number", min="1", max=str(schedule.LAST),
                  value=str(stream.again), id="then-again",
                  **{"aria-label": "Frame at which it begins again"})  # fmt: skip
    return html.Div([field, html.Span("again from the beginning"), remove], className="then-again")


def _fields(here: Context, change: Change, known: int | None) -> Component:
    """The fields of a change; ``known``: the frame it has, None for one that is to be added."""
    name = "new" if known is None else str(known)
    is_class = change.class_index is not None
    every = [step["layer"] for step in here.network["layers"]]
    options = [html.Option(n, value=n, selected=n == change.layer) for n in every]
    options.append(html.Option("a class", value=CLASS, selected=is_class))
    layer = html.Select(options, className="plain", id=f"then-{name}-layer",
                        **{"data-then-field": "layer"})  # fmt: skip
    text = _name(here, change) if is_class else ", ".join(map(str, change.channels))
    part = Field(type="text", className="plain", value=text, autoComplete="off",
                 id=f"then-{name}-part", placeholder="class" if is_class else "all",
                 list="class-names" if is_class else None,
                 **{"data-then-field": "part"})  # fmt: skip
    verb = "add" if known is None else "remove"
    button = html.Button(verb, type="button", className="pill", **{f"data-then-{verb}": name})
    return html.Div(
        [
            _labelled("after frame", _number(f"then-{name}-frame", "frame", change.frame, "1")),
            _labelled("dream", layer),
            _labelled("which class" if is_class else "neurons", part),
            _labelled("strength \u00d7", _number(f"then-{name}-strength", "strength",
                                                change.strength, "any")),
            button,
        ],
        className="then-fields", **{"data-moment": name},
    )  # fmt: skip


def _number(id: str, name: str, value: float, step: str) -> Field:
    most = schedule.LAST if name == "frame" else schedule.STRONGEST
    return Field(type="number", className="plain number", id=id, min="0", max=f"{most:g}",
                 step=step, value=f"{value:.12g}", **{"data-then-field": name})  # fmt: skip


def _labelled(text: str, field: Any) -> Component:
    return html.Label([html.Span(text, className="label"), field])


def _ready(here: Context, stream: Stream, values: dict[str, Any]) -> Component:
    """Changes at one click, and those that are there over and over."""
    layers = [step["layer"] for step in here.network["ladder"]]
    through = schedule.there_and_back(layers, EVERY)
    swelling = Stream(changes=(Change(SWELL // 2, here.layer, 3.0, _first(here).channels),),
                      again=SWELL)  # fmt: skip
    pills = []
    if len(layers) > 1:
        whole = values if not values["frames"] else {**values, "frames": float(through.again)}
        pills.append(action(
            "strokes to objects and back",
            {"layer": layers[0], "look": "all", "then": schedule.written(through),
             "how": dream_settings.written("stream", whole)},
            label="Through all layers, strokes to objects and back", className="pill",
        ))  # fmt: skip
    pills.append(action("stronger and weaker", {"then": schedule.written(swelling)},
                        className="pill", label="Stronger and weaker, over and over"))  # fmt: skip
    if stream.changes and not stream.again:
        last = stream.changes[-1].frame
        again = Stream(changes=stream.changes, again=last + max(10, last // 6))
        pills.append(action("over and over", {"then": schedule.written(again)}, className="pill",
                            label="The changes begin again after the last one"))  # fmt: skip
    return html.Div(pills, className="dream-pills then-ready")
