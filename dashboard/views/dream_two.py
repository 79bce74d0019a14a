"""The second network of a dream in two: which one, what both dream of, and at which layer of the
second."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action
from dashboard.views.context import Context

BOTH = {
    "layer": ("a layer", "What a layer of each network sees is made stronger"),
    "class": ("a class", "Both dream of the class of the same name"),
    "guide": ("a picture", "Both towards another picture, as a layer of each sees it"),
}


def second_of(here: Context) -> str:
    """The other network: as chosen, else the first other one that there is."""
    names = [row["name"] for row in here.service.ask("networks")]
    others = [n for n in names if n != here.model and not n.startswith("planted")]
    if here.chosen.second and here.chosen.second in names and here.chosen.second != here.model:
        return here.chosen.second
    if not others:
        raise UserError(
            "there is no second network on this machine: install the extra [timm], or start with "
            "--model and another network's name"
        )
    return str(others[0])


def second_layer_of(here: Context) -> str | None:
    """The chosen layer of the second network; None: the counterpart."""
    chosen = here.chosen.second_layer
    return chosen if chosen in _layers(here, second_of(here)) else None


def _layers(here: Context, second: str) -> list[str]:
    return [str(row["layer"]) for row in here.service.model(second)["layers"]]


def networks(here: Context) -> list[Component]:
    """Which one stands beside, and what both dream of."""
    second = second_of(here)
    every = [row["name"] for row in here.service.ask("networks") if row["name"] != here.model]
    names = [n for n in every if n == second or not n.startswith("planted")]
    options = [
        action(called(name), {"second": name}, label=f"Beside {name}", className="pill",
               **{"aria-pressed": str(name == second).lower()})
        for name in names
    ]  # fmt: skip
    now = {"aria-current": "true"}
    what = [
        action(title, {"both": name}, label=text, **(now if name == here.chosen.both else {}))
        for name, (title, text) in BOTH.items()
    ]
    return [
        html.Div([html.Span("beside", className="label"), *options], className="dream-pills"),
        html.Div([html.Span("both dream of", className="label"),
                  html.Div(what, className="segments small")], className="two-what"),
    ]  # fmt: skip


def called(name: str) -> str:
    """A network's name as people say it: of a file the file's."""
    return name.rpartition("/")[2].partition(":")[0].removesuffix(".py") or name


def second_layer(here: Context) -> Component:
    """The second network's layers; the one as deep as the first one's, where none is chosen."""
    second, chosen = second_of(here), second_layer_of(here)
    asked = {"model": here.model, "layer": here.layer, "second": second}
    same = here.service.ask("counterpart", **asked)
    options = [html.Option(f"{same} (as deep)", value="", selected=chosen is None)]
    options += [
        html.Option(name, value=name, selected=name == chosen) for name in _layers(here, second)
    ]
    field = html.Select(options, id="dream-second-layer", className="plain",
                        **{"aria-label": f"Layer of {second}"})  # fmt: skip
    return html.Label([html.Span(f"in {called(second)}", className="label"), field],
                      className="two-layer")  # fmt: skip


def heading(here: Context, start: str, goal: str, guide: str) -> list[Any]:
    """What is made in both."""
    names = " and ".join(map(called, (here.model, second_of(here))))
    of = {"class": [html.B(goal), f", out of {start},"],
          "guide": [f"{start} towards ", html.B(guide), ","]}  # fmt: skip
    return [*of.get(here.chosen.both, [html.B(start)]), f" in two networks: {names}"]
