"""Fills the panels of Explore, each by a callback of its own on the selection."""

import json
from typing import Any

import dash
from dash import Output, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action, copy_command, share, shared_beginning, signed, term
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.starter import class_url
from dashboard.views import explore_check, explore_map, explore_neurons
from dashboard.views.context import Context
from dashboard.views.explore import vs_button
from dashboard.views.filling import plain_errors, wanted

STRIP_LENGTH = 60


def register(app: dash.Dash, service: Service) -> None:
    """Adds Explore's callbacks."""
    _register_picture(app, service)
    _register_bar(app, service)
    _register_layer(app, service)
    explore_map.register(app, service)
    explore_neurons.register(app, service)
    explore_check.register(app, service)


def _register_picture(app: dash.Dash, service: Service) -> None:
    @app.callback(panel("sentence"), part("sentence"), prevent_initial_call=True)
    @plain_errors(1)
    def fill_sentence(data: dict[str, Any]) -> Any:
        return markup(sentence(Context.of(service, data))) if wanted(data) else no_update

    @app.callback(
        panel("predictions"), Output("seen", "src"),
        Output("other-class", "value"), Output("shown-other", "data"),
        part("answers"), prevent_initial_call=True,
    )  # fmt: skip
    @plain_errors(4)
    def fill(data: dict[str, Any]) -> Any:
        if not wanted(data):
            return (no_update,) * 4
        here = Context.of(service, data)
        seen = f"/blob/{here.answers['seen']}"
        return markup(predictions(here)), seen, str(here.b), str(here.b)

    @app.callback(Output("other-class", "data"), part("classes"), prevent_initial_call=True)
    def fill_classes(data: dict[str, Any]) -> Any:
        if not wanted(data):
            return no_update
        try:
            names = Context.of(service, data).network["classes"]
        except (UserError, JobError):
            return []  # the panels say why
        return [{"value": str(i), "label": n} for i, n in enumerate(names)]

    @app.callback(panel("strip"), part("strip"), prevent_initial_call=True)
    @plain_errors(1)
    def fill_strip(data: dict[str, Any]) -> Any:
        return markup(strip(Context.of(service, data))) if wanted(data) else no_update


def _register_bar(app: dash.Dash, service: Service) -> None:
    @app.callback(
        Output("model-choice", "data"), Output("model-choice", "value"),
        Output("collection-choice", "data"), Output("collection-choice", "value"),
        Output("untrained", "children"),
        Output("map-choice", "value"), Output("tab-choice", "value"),
        Output("sort-choice", "value"), Output("take-choice", "value"),
        Output("shown", "data"),
        part("bar"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_bar(data: dict[str, Any]) -> Any:
        here = Context.of(service, data)
        chosen = here.chosen
        try:
            names = [row["name"] for row in service.ask("networks")]
            untrained = "" if here.network["trained"] else "untrained, random weights"
        except (UserError, JobError) as error:
            names, untrained = [here.model], str(error)
        collections = service.library.collections
        holder = next(
            (c.name for c in collections if any(p.key == chosen.picture for p in c.pictures)),
            collections[0].name if not chosen.picture and collections else None,
        )
        return (
            [{"value": n, "label": n.split("/")[-1].replace(".py:", ":")} for n in names],
            here.model,
            [c.name for c in collections], holder, untrained,
            chosen.map, chosen.tab, chosen.sort, str(chosen.take),
            {"model": here.model, "collection": holder, "map": chosen.map, "tab": chosen.tab,
             "sort": chosen.sort, "take": str(chosen.take)},
        )  # fmt: skip


def sentence(here: Context) -> list[Component]:
    """ "Says BOW TIE 53 % rather than MILITARY UNIFORM: margin +6.1"."""
    said = here.a == here.answers["top"][0]["index"]
    verb = "Says" if said else "For"
    share_a = share(here.answers["probabilities"][here.a])
    truth = here.answers["label"]
    known = [] if truth is None or said is False else [_truth(here, truth)]
    return [
        html.Span([
            f"{verb} ", html.B(here.name(here.a), className="pos"), " ",
            html.Span(share_a, className="num"), " rather than ",
            html.B(here.name(here.b), className="neg"), ": ", term("margin"), " ",
            *_margin(here), *known,
        ]),
        action("swap", {"a": here.b, "b": here.a}, label="Swap the two classes", className="pill"),
        action("why?", {"view": "errors", "stage": "picture"}, className="pill",
               label="The claim of Errors: which neurons carry it, its twin, a patch to test it"),
        html.Button("test it", type="button", className="pill", **{"data-local": "test"},
                    title="Go to the check of the explanation"),
        copy_command(here.command("explain", *here.versus)),
    ]  # fmt: skip


def _margin(here: Context) -> list[Component]:
    """The margin; with groups off, the old value struck through and the measured one."""
    number = html.B(signed(here.margin), className="num", id="margin")
    if not (here.chosen.off and here.chosen.tab == "groups"):
        return [number]
    known = len(here.service.ask("groups", **here.at_layer)["groups"])
    off = [group for group in here.chosen.off if group < known]
    if not off:
        return [number]
    found = here.service.ask("without_groups", **here.at_layer, off=off)
    number.className = "num struck"
    count = "a group" if len(off) == 1 else f"{len(off)} groups"
    new = html.B(signed(found["without"]), className="num", id="margin-without")
    return [number, " ", new, html.Span(f" without {count}", className="label")]


def _truth(here: Context, truth: int) -> Component:
    if truth == here.answers["top"][0]["index"]:
        return html.Span(" \u2013 right", className="label")
    return html.Span(f" \u2013 wrong, it is {here.name(truth)}", className="label")


def predictions(here: Context) -> list[Component]:
    """Five answers; and the two that are compared, if they are not among them."""
    rows = here.answers["top"][:5]
    shown = {row["index"] for row in rows}
    for index in (here.a, here.b):
        if index not in shown:
            rows = [*rows, _row_of(here, index)]
            shown.add(index)
    return [_answer(here, row) for row in rows]


def _row_of(here: Context, index: int) -> dict[str, Any]:
    return {"index": index, "class": here.name(index),
            "probability": here.answers["probabilities"][index]}  # fmt: skip


def _answer(here: Context, row: dict[str, Any]) -> Component:
    index, name = row["index"], row["class"]
    side = " a" if index == here.a else " b" if index == here.b else ""
    bar = html.I(style={"width": f"{100 * row['probability']:.1f}%"})
    truth = [html.Span("true class", className="truth")] * (here.answers["label"] == index)
    drawn = class_url(here.service.pack(here.model), index)
    what = f"What {name} looks like to the network"
    icon = html.Img(src=drawn or "", alt=what, title=what, width=28, height=28)
    return html.Div(
        [
            *[icon] * (drawn is not None),
            action([bar, name, *truth], {"a": index, "b": None if index == here.b else here.b},
                   label=f"explain {name}", className="name"),
            html.Span(share(row["probability"]), className="num"),
            vs_button(index, name, chosen=index == here.b),
        ],
        className="answer" + side + " pictured" * (drawn is not None), **{"data-class": str(index)},
    )  # fmt: skip


def strip(here: Context, *, marked: bool = True) -> list[Component]:
    """The pictures that can be opened, a tile to add one first, then what was added; ``marked``:
    the one that is open is told apart."""
    add = html.Button(["+ add", html.Br(), "picture"], type="button", className="add",
                      title="Add a picture: click, drop it anywhere, or paste it",
                      **{"data-local": "pick"})  # fmt: skip
    library = here.service.library
    shown = next(
        (c for c in library.collections if any(p.key == here.picture for p in c.pictures)),
        library.collections[0] if library.collections else None,
    )
    pictures = [*library.uploads(), *(shown.pictures if shown else ())]
    keys = [p.key for p in pictures]
    start = max(0, (keys.index(here.picture) if here.picture in keys else 0) - STRIP_LENGTH // 2)
    open_one = here.picture if marked else ""
    return [add, *(_tile(p, open_one) for p in pictures[start : start + STRIP_LENGTH])]


def _tile(picture: Any, chosen: str) -> Component:
    image = html.Img(src=f"/thumb/{picture.key}", alt="", width=52, height=52)
    current = {"aria-current": "true"} if picture.key == chosen else {"tabIndex": "-1"}
    return action(image, {"picture": picture.key}, label=f"Open {picture.name}", **current)


def _register_layer(app: dash.Dash, service: Service) -> None:
    @app.callback(
        panel("grid-title"), Output("grid-data", "data"),
        panel("grid-place"),
        part("grid"), prevent_initial_call=True,
    )  # fmt: skip
    @plain_errors(3)
    def fill(data: dict[str, Any]) -> Any:
        if not wanted(data):
            return (no_update,) * 3
        here = Context.of(service, data)
        grid = service.ask("grid", **here.at_layer)
        seen = f"/blob/{here.answers['seen']}"
        place = list(here.chosen.place) if here.chosen.place else None
        rows, cols = grid["fullRows"], grid["fullCols"]
        if place and (place[0] >= rows or place[1] >= cols):
            raise UserError(f"place {place[0]},{place[1]} is outside the {rows} x {cols} grid")
        title = ["How ", html.B(here.layer), " sees it"]
        return (
            markup(title),
            {**here.at_layer, **grid, "seen": seen, "place": place},
            markup(_layer_facts(here, grid)),
        )

    @app.callback(panel("ladder"), part("ladder"), prevent_initial_call=True)
    @plain_errors(1)
    def fill_ladder(data: dict[str, Any]) -> Any:
        if not wanted(data):
            return no_update
        here = Context.of(service, data)
        rows = service.ask("ladder", **here.question)
        shared = shared_beginning([row["layer"] for row in rows])
        return markup(_step(row, here.layer, shared) for row in rows)


def _layer_facts(here: Context, grid: dict[str, Any]) -> list[Component]:
    known = next((s for s in here.network["layers"] if s["layer"] == here.layer), None)
    count = f"{known['channels']} neurons, " if known else ""
    facts = [
        html.Span(f"{count}{grid['fullRows']} \u00d7 {grid['fullCols']} places", className="label")
    ]
    if here.chosen.place:
        row, col = here.chosen.place
        text = f"place {row},{col} \u00d7"
        facts.append(action(text, {"at": None}, label="Whole picture again", className="pill"))
    return facts


def _step(row: dict[str, Any], chosen: str, shared: str) -> Component:
    canvas = html.Canvas(**{
        "data-values": json.dumps(row["values"]), "data-rows": str(row["rows"]),
        "data-cols": str(row["cols"]), "aria-hidden": "true",
    })  # fmt: skip
    current = {"aria-current": "true"} if row["layer"] == chosen else {"tabIndex": "-1"}
    label = f"Layer {row['layer']}: where it speaks for and against"
    short = row["layer"].removeprefix(shared).replace("encoder_layer_", "layer ")
    return action([canvas, html.Span(short)], {"layer": row["layer"]}, label=label, **current)
