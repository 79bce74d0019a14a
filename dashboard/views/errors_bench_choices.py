"""Below the patch of the bench: where another one comes from, what the program looks for itself,
the same patch on many pictures, and the cases of the atlas article."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from analysis.classes import Categories
from analysis.pasting import KINDS, Patch
from cache.errors import UserError
from dashboard.bench_recipes import RECIPES
from dashboard.components import action
from dashboard.error_desk import ErrorDesk
from dashboard.views.context import Context
from dashboard.views.errors_wall import title

SOURCES = {"crop": "another picture", "icon": "a neuron's icon", "cell": "an atlas cell"}
AT_ONCE = {"noise": "noise", "blur": "blur", "flat": "a colour"}
FIRST = {"noise": (), "blur": ("0.04",), "flat": ("808080",)}


def own(here: Context, *more: Any) -> dict[str, str]:
    """The mark of an element that a script fills: it is kept as long as the question is the
    same."""
    return {"data-own": json.dumps([here.model, here.picture, here.a, here.b, *more])}


def sources(here: Context, patch: Patch | None) -> Component:
    """Every kind of patch; those that must be chosen from something open a pane."""
    place = patch or Patch("noise")
    plain = [
        action(text, {"patch": Patch(kind, FIRST[kind], place.x, place.y, place.size,
                                     place.opacity).word},
               label=f"Lay {text} on the picture", className="pill",
               **({"aria-current": "true"} if patch and patch.kind == kind else {}))
        for kind, text in AT_ONCE.items()
    ]  # fmt: skip
    opens = [
        html.Button(text, type="button", className="pill", **{
            "data-bench-open": kind, "aria-expanded": "false", "aria-controls": "bench-pane",
            **({"aria-current": "true"} if patch and patch.kind == kind else {}),
        }) for kind, text in SOURCES.items()
    ]  # fmt: skip
    pane = html.Div(id="bench-pane", **own(here, here.layer))
    lead = "Put on it" if patch is None else "Another patch"
    assert set(SOURCES) | set(AT_ONCE) == set(KINDS)
    return html.Div([html.H3(lead), html.Div([*opens, *plain], className="pills"), pane],
                    className="bench-sources")  # fmt: skip


def _work(here: Context, name: str, *more: Any) -> Component:
    """Where a longer work says how far it is, and what it found."""
    return html.Div(id=name, className="bench-work", role="status", **own(here, *more))


def _begins(text: Any, asked: dict[str, Any], into: str, label: str) -> Component:
    return html.Button(text, type="button", className="pill", title=label, **{
        "aria-label": label, "data-bench-job": json.dumps(asked), "data-into": into,
    })  # fmt: skip


def suggest(here: Context) -> list[Component]:
    """The program's own search, for either class."""
    buttons = [
        _begins(html.Span(["for ", html.B(here.name(index), className=tone)]),
                {"task": "bench_suggest", "towards": side}, "bench-suggested",
                f"Look for patches that push {here.name(index)} over {here.name(other)}")
        for side, index, other, tone in (("b", here.b, here.a, "neg"), ("a", here.a, here.b, "pos"))
    ]  # fmt: skip
    return [html.H3("Let the program look for a patch"), html.Div(buttons, className="pills"),
            _work(here, "bench-suggested", here.layer)]  # fmt: skip


def together(here: Context, patch: Patch | None, desk: ErrorDesk) -> list[Component]:
    """The same patch on all pictures of the list that one comes from, with its filters."""
    if patch is None:
        return []
    buttons = [
        _begins(html.Span(["how many become ", html.B(here.name(index), className=tone)]),
                {"task": "bench_all", "towards": side}, "bench-table",
                f"Lay it on all of them and count the {here.name(index)}")
        for side, index, tone in (("b", here.b, "neg"), ("a", here.a, "pos"))
    ]  # fmt: skip
    chosen = here.chosen
    return [
        html.H3("The same patch on all pictures of the list"),
        _list(here, desk),
        html.Div(buttons, className="pills"),
        _work(here, "bench-table", patch.word, chosen.wall, chosen.sure, chosen.among),
    ]


def _list(here: Context, desk: ErrorDesk) -> Component:
    """What that list is, and how many pictures it has, as far as they are answered."""
    wall = None if here.chosen.wall == "matrix" else here.chosen.wall
    try:
        count = desk.ask("list_size", here.chosen, here.model, wall=wall)
    except UserError:  # nothing is answered yet
        count = None
    many = [f"{count:,} picture{'s' * (count != 1)}: "] if count is not None else []
    what = title(here, wall) if wall else "the wrong ones, or all where none is known to be wrong"
    return html.P([*many, what, *_filtered(here, wall), "."], className="caption", id="bench-list")


def _filtered(here: Context, wall: str | None) -> list[str]:
    """The filters of the first page; the answers that change have none."""
    if wall == "changes":
        return []
    sure, among = here.chosen.sure, here.chosen.among
    words = [f", {sure.replace('-', ' to ')} % sure"] if sure else []
    known = among is not None and among < len(here.network["classes"])
    return [*words, f", only {here.name(among)}"] if known and among is not None else words


def recipes(here: Context) -> list[Component]:
    """The cases of the atlas article, where the network knows the classes."""
    if not Categories(tuple(here.network["classes"])).is_imagenet:
        return []
    buttons = [
        _begins(f"{here.name(r.shows)} + {here.name(r.laid)} \u2192 {here.name(r.becomes)}",
                {"task": "bench_recipe", "recipe": r.name}, "bench-recipe",
                f"Try {here.name(r.laid)} on a picture of {here.name(r.shows)}")
        for r in RECIPES
    ]  # fmt: skip
    return [html.H3("Cases of the Activation Atlas article"),
            html.Div(buttons, className="pills recipes"),
            html.Div(id="bench-recipe", className="bench-work", role="status",
                     **{"data-own": here.model})]  # fmt: skip
