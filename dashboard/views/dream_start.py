"""What a dream begins with: one of the pictures, or noise."""

from dataclasses import replace
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard import dream_settings
from dashboard.components import action
from dashboard.views.context import Context
from dashboard.views.dream_how import way_of
from dashboard.views.explore_callbacks import strip

NOISE_TOO = ("dream", "class", "stream", "layers", "two")  # modes that can begin with noise


def content(here: Context) -> list[Component]:
    """The choice, with the picture and the strip, or the seed of the noise."""
    noisy = from_noise(here)
    head = html.Header([html.H2("Start from"), _choice(noisy) if _both(here) else None])
    body = _noise(here) if noisy else _pictures(here)
    return [html.Section([head, *body], className="panel")]


def at_hand(here: Context) -> Context:
    """The selection; where its picture or layer is not to be had here (any more), with one that
    is: what is wrong is said beside it once, and another one can be chosen."""
    missing: dict[str, Any] = {}
    if here.chosen.picture and not here.service.library.find(here.chosen.picture):
        missing["picture"] = None
    if here.layer not in {known["layer"] for known in here.network["layers"]}:
        missing["layer"] = None
    return Context(replace(here.chosen, **missing), here.service) if missing else here


def from_noise(here: Context) -> bool:
    """Whether it begins with noise."""
    usual = "noise" if way_of(here) == "class" else "picture"
    return (here.chosen.start or usual) == "noise" and _both(here)


def _both(here: Context) -> bool:
    return here.chosen.mode in NOISE_TOO


def _choice(noisy: bool) -> Component:
    now = {"aria-current": "true"}
    return html.Div(
        [
            action("picture", {"start": "picture"}, label="Start from the picture",
                   **({} if noisy else now)),
            action("noise", {"start": "noise"}, label="Start from noise", **(now if noisy else {})),
        ],
        className="segments small",
    )  # fmt: skip


def _pictures(here: Context) -> list[Component]:
    """The picture that it starts from, and the others that are open."""
    there = at_hand(here)
    gone = there.chosen.picture != here.chosen.picture
    said = html.P("Choose one, or drop it onto the page again.", className="caption")
    tiles = html.Div(strip(there, marked=not gone), className="strip", role="list",
                     **{"aria-label": "Pictures to start from", "data-row": ""})  # fmt: skip
    return [said if gone else picture_of(here, here.picture), tiles]


def picture_of(here: Context, key: str) -> Component:
    """An open picture, with its name."""
    found = here.service.library.find(key)
    name = found.name if found else "picture"
    image = html.Img(src=f"/thumb/{key}", alt=name, className="dream-start")
    return html.Figure([image, html.Figcaption(name, className="caption")], className="dream-open")


def _noise(here: Context) -> list[Any]:
    """The seed, and another one."""
    way = way_of(here)
    values = dream_settings.read(way, here.chosen.how)
    seed = int(values["seed"])
    following = {**values, "seed": float(seed + 1)}
    return [html.P([
        "Faint grey noise, drawn from seed ", html.B(str(seed), id="dream-seed"), ". ",
        action("another", {"how": dream_settings.written(way, following)}, className="pill",
               label="Noise from the next seed"),
    ], className="dream-noise")]  # fmt: skip
