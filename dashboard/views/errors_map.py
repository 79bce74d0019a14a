"""The third stage of Errors, right: where the claimed places lie on the atlas, and which earlier
neurons feed the evidence."""

import json

from dash import html
from dash.development.base_component import Component

from dashboard.atlas_desk import AtlasDesk
from dashboard.components import action, note
from dashboard.error_desk import ErrorDesk
from dashboard.views import atlas
from dashboard.views.context import Context
from dashboard.views.errors_case import neurons_claim
from dashboard.views.neuron_panels import fed


def content(here: Context, desk: ErrorDesk, atlases: AtlasDesk) -> list[Component]:
    """The layer's map with the places that carry the claim; a click on a cell opens it there."""
    head = html.H2("On the atlas")
    found = atlases.for_layer(here.model, here.layer, None)
    if found is None:
        text = f"There is no map of {here.layer} yet. "
        link = action(
            "Build one", {"view": "atlas"}, label="To the Atlas", className="quiet-button"
        )
        return [head, html.P([text, link], className="caption")]
    claimed = neurons_claim(here, desk)["places"]
    spots = {tuple(at) for at in (claimed["at"] if claimed else ())}
    every = atlas.places_of(here, found)
    lit = [p for p in every if (p["row"], p["col"]) in spots]
    return [
        head,
        html.Div(
            [html.Canvas(className="atlas-canvas"), html.P(className="atlas-hover caption num")],
            id="err-atlas", className="atlas", **{
                "data-asked": atlas.asked(here, found), "data-places": json.dumps(lit),
                "data-opens": "atlas",
            },
        ),
        html.P("Dots: the framed places of the picture, beside what the layer finds alike.",
               className="caption"),
    ]  # fmt: skip


def source(here: Context, desk: ErrorDesk) -> list[Component]:
    """What makes the first neuron of the claim fire on this picture, in an earlier layer."""
    channels = neurons_claim(here, desk)["channels"]
    if not channels:
        return [note("Nothing is claimed, so nothing is traced back.")]
    found = here.service.ask(
        "links", model=here.model, picture=here.picture, layer=here.layer, unit=channels[0], at=None
    )
    return [fed(here, channels[0], found["feeds"], "on this picture")]
