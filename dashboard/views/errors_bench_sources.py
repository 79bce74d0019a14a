"""Where the patches of the bench are chosen: the strip of pictures to crop from, the layer's
neurons, the cells of its atlas. Asked for when they are opened."""

from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component

from analysis.atlas.cellview import pushing_cells
from analysis.classes import Categories
from analysis.pasting import Patch
from cache.errors import UserError
from dashboard.atlas_desk import AtlasDesk
from dashboard.atlas_maps import Map
from dashboard.components import action, unit_icon
from dashboard.markup import Field
from dashboard.views.context import Context

STRIP = 60
CELLS = 12


def pane(here: Context, kind: str, place: Patch, atlases: AtlasDesk) -> list[Component]:
    """The choice of one kind; ``place``: where the patch is to lie. UserError: no such kind."""
    if kind == "crop":
        return _pictures(here)
    if kind == "icon":
        return _neurons(here, place)
    if kind == "cell":
        return _cells(here, place, atlases)
    raise UserError("patches come from a picture, an icon or an atlas cell")


def _moved(place: Patch, kind: str, *source: str) -> str:
    return Patch(kind, source, place.x, place.y, place.size, place.opacity).word


# ---- a part of another picture ----


def _pictures(here: Context) -> list[Component]:
    """Those of class b first: what the picture is to become is likely to be found there."""
    library = here.service.library
    pictures = [*library.uploads(), *library.main.pictures]
    kind = _kind_of(here)
    pictures.sort(key=lambda p: kind(p) != here.b)
    tiles = [
        html.Button(
            html.Img(src=f"/thumb/{p.key}", alt="", width=52, height=52),
            type="button", title=p.name,
            **{"data-crop": p.key, "aria-label": f"Cut a patch out of {p.name}"},
        )
        for p in pictures[:STRIP] if p.key != here.picture
    ]  # fmt: skip
    return [
        html.P("Choose a picture, then draw a box on it.", className="caption"),
        html.Div(tiles, className="strip", role="list", **{"data-row": "",
                                                           "aria-label": "Pictures to cut from"}),
        html.Div([html.Img(id="bench-crop-seen", alt="The picture to cut from", draggable="false"),
                  html.Div(id="bench-crop-box", tabIndex="0", role="application", **{
                      "aria-label": "The part that is cut out: arrows move it, plus and minus "
                      "change its size"})],
                 id="bench-crop", className="stage", hidden=True),
        html.Button("lay this part on the picture", type="button", id="bench-crop-take",
                    className="pill", hidden=True),
    ]  # fmt: skip


def _kind_of(here: Context) -> Any:
    categories = Categories(tuple(here.network["classes"]))
    return lambda picture: categories.index_of_label(getattr(picture, "label", None))


# ---- an icon ----


def _neurons(here: Context, place: Patch) -> list[Component]:
    found = here.listed("effect")["neurons"]
    tiles = [
        action(unit_icon(here.model, here.layer, n["channel"]),
               {"patch": _moved(place, "icon", here.layer, str(n["channel"]))},
               label=f"Lay the icon of neuron {n['channel']} on the picture")
        for n in found
    ]  # fmt: skip
    number = Field(type="number", id="bench-unit", className="plain number", min=0,
                   max=here.channels - 1, placeholder="number",
                   **{"aria-label": f"A neuron of {here.layer} by its number"})  # fmt: skip
    take = html.Button("take", type="button", id="bench-unit-take", className="pill")
    return [
        html.P(f"Those of {here.layer} that matter most here, or one by its number.",
               className="caption"),
        html.Div(tiles, className="bench-tiles"), html.Div([number, take], className="pills"),
    ]  # fmt: skip


# ---- a cell ----


def _cells(here: Context, place: Patch, atlases: AtlasDesk) -> list[Component]:
    found = atlases.for_layer(here.model, here.layer, None) or _any(here, atlases)
    if found is None:
        raise UserError("there is no atlas of this network yet; build one on the Atlas page")
    grid = found.grid(max(found.sides))
    push = np.asarray(grid.on_class(here.b) - grid.on_class(here.a))
    rows: list[Component] = []
    for side, index, sign in (("b", here.b, 1), ("a", here.a, -1)):
        cells = pushing_cells(grid.col, grid.row, sign * push, count=CELLS, drawn=grid.drawn)
        tone = "neg" if side == "b" else "pos"
        rows += [html.P(["Speak for ", html.B(here.name(index), className=tone), " over the other"],
                        className="caption"),
                 html.Div([_cell(here, found, place, cell) for cell in cells],
                          className="bench-tiles")]  # fmt: skip
    return [html.P(f"Cells of the atlas of {found.layer}.", className="caption"), *rows]


def _any(here: Context, atlases: AtlasDesk) -> Map | None:
    offered = [one for one in atlases.offered(here.model) if not one["classes"]]
    return atlases.open(offered[0]["key"]) if offered else None


def _cell(here: Context, found: Map, place: Patch, cell: int) -> Component:
    grid = found.grid(max(found.sides))
    most = here.name(int(grid.top[cell][0]))
    word = _moved(place, "cell", found.key, f"{grid.side},{cell}")
    return action(html.Img(src=f"{found.base}/icon/{grid.side}/{cell}.png", alt=most, width=56,
                           height=56),
                  {"patch": word}, label=f"Lay this cell on the picture; it speaks most for {most}",
                  )  # fmt: skip
