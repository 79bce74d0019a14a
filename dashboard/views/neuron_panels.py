"""What stands below the icon on the Neuron page: how far to trust it, what feeds the neuron and
what it feeds, its weights, and how it answers to all open pictures.

Each panel comes when it is ready.
"""

from collections.abc import Sequence
from typing import Any

import dash
from dash import Input, State, html
from dash.development.base_component import Component

from dashboard.components import action, note, signed, term, unit_icon
from dashboard.markup import ATTRIBUTE, filled, panel
from dashboard.parts import part
from dashboard.protocol import BACKGROUND, JobStatus
from dashboard.service import Service
from dashboard.views import neuron_reference
from dashboard.views.charts import class_rows, histogram
from dashboard.views.context import Context
from dashboard.views.filling import of_neuron
from dashboard.views.places import place_map

PATIENCE = 280  # seconds that a panel waits for what it measures


def layout() -> list[Component]:
    """The empty panels, in reading order."""
    titles = {
        "trust": [term("trust", "How far to trust the icon")],
        "links": "On this picture: what makes it fire, and what it makes fire",
        "wiring": [term("weights", "Its weights"), ", whatever the picture"],
    }
    return [
        html.Section(
            [html.H2(title), html.Div(id=f"neuron-{name}", **filled(busy()))],
            className="panel", id=f"panel-{name}",
        )
        for name, title in titles.items()
    ]  # fmt: skip


def busy(*known: Component | None) -> Component:
    """What stands in a panel until it is measured: what is ``known`` already."""
    return html.Div([*known, note("Measuring\u2026", kind="busy")])


def register(app: dash.Dash, service: Service) -> None:
    """Adds one callback a panel."""
    running: dict[str, str] = {}

    # after the facts, which put "measuring" in the place of what was said of the neuron before
    @app.callback(
        panel("neuron-trust", allow_duplicate=True), Input("neuron-facts", ATTRIBUTE),
        State("for-neuron", "data"), prevent_initial_call=True,
    )  # fmt: skip
    def fill_trust(_: Any, data: dict[str, Any]) -> Any:
        return of_neuron(service, data, lambda here, unit: _trust(here, unit, running))

    @app.callback(panel("neuron-links"), part("links"), prevent_initial_call=True)
    def fill_links(data: dict[str, Any]) -> Any:
        return of_neuron(service, data, links)

    @app.callback(panel("neuron-wiring"), part("neuron"), prevent_initial_call=True)
    def fill_wiring(data: dict[str, Any]) -> Any:
        return of_neuron(service, data, wiring)


# ---- how far to trust the icon ----


def _trust(here: Context, unit: int, running: dict[str, str]) -> Component:
    """Measured behind the icons on the screen; what was measured for the neuron before is given
    up."""
    jobs = here.service.jobs
    job = jobs.submit("trusted", priority=BACKGROUND, model=here.model, layer=here.layer, unit=unit)
    before = running.get("trust")
    running["trust"] = job
    if before and before != job:
        jobs.cancel(before)
    status: JobStatus = jobs.wait(job, timeout=PATIENCE)
    if status.state != "done":
        return note(status.error or "This was given up; choose the neuron again.", kind="quiet")
    found = status.result
    more = neuron_reference.facts(here, unit, found["activation"])
    # compared with these photographs as it is: only what the places have in the mean is new
    return verdict(found, more[:1] if found["reference"] else more)


def verdict(found: dict[str, Any], reference: Sequence[tuple[str, str]] = ()) -> Component:
    """The sentence, the numbers that it follows from, what the ``reference`` photographs say, and
    the seeds' pictures."""
    sentence = found["sentence"][0].upper() + found["sentence"][1:] + "."
    many = found["pictures"]
    set_of = neuron_reference.photographs(many) if found["reference"] else f"{many} pictures"
    excites = f"{found['ratio']:.1f} times the strongest" if found["ratio"] else "none excites it"
    facts = [
        (f"the icon against {set_of}, at its strongest place", excites),
        ("pictures below the icon", f"{found['percentile']:.0f} of 100"),
        ("its rank among all neurons on this icon", f"{found['rank']} of {found['units']}"),
        ("how alike the seeds' pictures are to the layer", f"{found['agreement']:.2f} of 1"),
        ("spread of their activation", f"\u00b1 {100 * found['spread']:.0f} %"),
        *reference,
    ]
    cells: list[Component] = []
    for label, value in facts:
        cells += [html.Span(label), html.B(value, className="num")]
    seeds = [
        html.Img(src=url, alt=f"The icon of seed {n + 1}", width=96, height=96)
        for n, url in enumerate(found["seeds"])
    ]
    return html.Div(
        [
            html.Div([html.P(html.B(sentence, id="trust-sentence")),
                      html.Div(cells, className="facts")]),
            html.Figure([html.Div(seeds, className="seeds"),
                         html.Figcaption("Three seeds", className="caption")]),
        ],
        className="trust",
    )  # fmt: skip


# ---- from layer to layer, on the open picture ----


def links(here: Context, unit: int) -> Component:
    """Two lists: earlier neurons that make it fire here, later ones that it makes fire."""
    at = list(here.chosen.place) if here.chosen.place else None
    found = here.service.ask(
        "links", model=here.model, picture=here.picture, layer=here.layer, unit=unit, at=at
    )
    where = f"at place {at[0]},{at[1]}" if at else "on the whole picture"
    if not found["activation"]:
        text = f"Neuron {unit} does not fire {where}: nothing to trace. Choose a brighter place."
        return html.P(text, className="caption")
    columns = [fed(here, unit, found["feeds"], where), _driven(here, unit, found["drives"], where)]
    return html.Div(columns, className="links")


def fed(here: Context, unit: int, feeds: dict[str, Any] | None, where: str) -> Component:
    """The earlier neurons that make one fire, each estimate beside its measurement."""
    if feeds is None:
        return html.P("No layer of the ladder comes before this one.", className="caption")
    both = feeds["together"]
    check = (
        f"Taken away together these {both['count']} change it by {signed(-both['measured'])} "
        f"(estimated {signed(-both['expected'])})."
    )
    head = html.H3(f"What makes neuron {unit} fire {where}, in {feeds['layer']}")
    return html.Div([head, *_table(here, feeds["layer"], feeds["rows"]),
                     html.P(check, className="caption", id="fed-check")])  # fmt: skip


def _driven(here: Context, unit: int, drives: dict[str, Any], where: str) -> Component:
    target = drives["layer"]
    head = html.H3(f"What neuron {unit} makes fire {where}, in {target or 'the logits'}")
    return html.Div([head, *_table(here, target, drives["rows"])])


def _table(here: Context, layer: str | None, rows: list[dict[str, Any]]) -> list[Component]:
    reach = max([1e-12, *(abs(r[k]) for r in rows for k in ("effect", "measured"))])
    first = [html.Span()] if layer is None else [html.Span(), html.Span(), html.Span("where")]
    heads = [*first, html.Span("estimated"), html.Span("measured")]
    kind = "classes" if layer is None else "placed"
    legend = html.Div(heads, className=f"link-row label {kind}")
    return [legend, *(_link(here, layer, row, reach) for row in rows)]


def _link(here: Context, layer: str | None, row: dict[str, Any], reach: float) -> Component:
    values = [weighed(row[kind], reach, digits=1) for kind in ("effect", "measured")]
    if layer is None:
        return html.Div([html.Span(row["class"]), *values], className="link-row classes")
    where = place_map(row["map"], "effect", f"Where in {layer} neuron {row['channel']} does it")
    return source(here, layer, row["channel"], [where, *values], at=row["place"])


def source(
    here: Context, layer: str, channel: int, values: list[Component],
    *, at: list[int] | None = None,
) -> Component:  # fmt: skip
    """A neuron, of another layer or of this one, as a row that leads to it, at a place of its layer
    where one is known."""
    name = html.Span(
        f"neuron {channel}", className="unit-name name",
        **{"data-model": here.model, "data-layer": layer, "data-icon": str(channel)},
    )  # fmt: skip
    do: dict[str, Any] = {"layer": layer, "unit": channel, "view": "neuron"}
    where = ""
    if at is not None:
        do["at"], where = [int(at[0]), int(at[1])], f", at place {at[0]},{at[1]}"
    return action(
        [unit_icon(here.model, layer, channel, size=44), name, *values], do,
        label=f"Neuron {channel} of {layer}{where}",
        className="link-row" + " placed" * (at is not None),
    )  # fmt: skip


def _square(value: float, reach: float) -> Component:
    """A Hinton diagram's square: its area is the weight's size, its colour and place its sign."""
    side = 18 * (min(1.0, abs(value) / reach) ** 0.5)
    style = {"width": f"{side:.1f}px", "height": f"{side:.1f}px"}
    return html.Span(
        html.I(className="for" if value >= 0 else "against", style=style), className="hinton"
    )


# ---- the weights ----


def wiring(here: Context, unit: int) -> Component:
    """The largest weights into the neuron, and the classes that it speaks for most and least."""
    found = here.service.ask("wiring", model=here.model, layer=here.layer, unit=unit)
    rows = [
        source(here, found["source"], row["channel"], [weighed(row["weight"], found["reach"])])
        for row in found["rows"]
    ]
    into = [html.P("Its weights come from the picture itself.", className="caption")]
    if rows:
        head = f"Into neuron {unit}, from {found['source']}: {len(rows)} of {found['all']}"
        into = [html.H3(head), html.Div(rows, className="hinton-rows")]
    return html.Div([html.Div(into), html.Div(_classes(found))], className="links")


def _classes(found: dict[str, Any]) -> list[Component]:
    if not found["classes"]:
        text = "Between this layer and the classes lies more than one map: no weights of its own."
        return [html.P(text, className="caption")]
    reach = max(abs(row["weight"]) for row in found["classes"]) or 1.0
    rows = [
        html.Div([html.Span(row["class"]), weighed(row["weight"], reach)], className="class-row")
        for row in found["classes"]
    ]
    return [html.H3("Out of it, to the classes: the most and the least"), *rows]


def weighed(value: float, reach: float, *, digits: int = 2) -> Component:
    """A number with its square; ``reach`` is what the largest square of the diagram stands for. A
    thousand and more go without decimals: the column of a phone is narrow."""
    text = html.Span(signed(value, 0 if abs(value) >= 1000 else digits), className="num")
    return html.Span([_square(value, reach), text], className="weight")


# ---- all open pictures ----


def responses(here: Context, unit: int) -> Component:
    """How it answers to all open pictures: a histogram, and the classes that it answers most."""
    found = here.service.ask("responses", model=here.model, layer=here.layer, channel=unit)
    text = f"Its strongest response to each of the {found['pictures']} pictures"
    chart = histogram(found["edges"], found["counts"], text)
    head = html.H3("Classes that it answers most, with how many pictures of each")
    shown = html.Div([chart, html.Div([head, *class_rows(found["classes"])])], className="links")
    return html.Div([shown, neuron_reference.responses(here, unit)])
