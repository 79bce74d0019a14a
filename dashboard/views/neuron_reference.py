"""What the reference photographs say of a neuron: beside its icon, and where the user's own
pictures are few."""

from dash import html
from dash.development.base_component import Component

from dashboard.components import amount, term
from dashboard.starter import ENOUGH, reference_of
from dashboard.views.charts import class_rows, histogram
from dashboard.views.context import Context

Fact = tuple[str, str]


def photographs(count: int) -> str:
    """How the set is called wherever it is shown."""
    return f"{count:,} reference photographs"


def facts(here: Context, unit: int, activation: float | None = None) -> list[Fact]:
    """How far the icon goes beyond the photographs: as a mean over all places, which is what it is
    drawn for, and at its strongest place.

    ``activation``: at the strongest place of the icon that was measured here; by default that of
    the picture in the starter pack. Nothing where the pack does not know the neuron.
    """
    pack = here.service.pack(here.model)
    known = None if pack is None else pack.reference(here.layer)
    if pack is None or known is None:
        return []
    stored, of = pack.picture(here.layer, unit), photographs(known.pictures)
    peak = activation if activation is not None or stored is None else stored.peak
    rows = [
        ("as a mean over all places", stored.reached if stored else None, known.widest),
        ("at its strongest place", peak, known.maximum),
    ]
    return [
        (f"the icon against {of}, {where}", f"{value / float(most[unit]):.1f} times the strongest")
        if most[unit] > 0 else (f"{of}, {where}", "none excites it")
        for where, value, most in rows if value is not None
    ]  # fmt: skip


def waiting(here: Context, unit: int) -> Component | None:
    """What is known of the icon before it is measured here."""
    lines = facts(here, unit)
    if not lines:
        return None
    cells = [cell for label, value in lines
             for cell in (html.Span(label), html.B(value, className="num"))]  # fmt: skip
    return html.Div(cells, className="facts")


def responses(here: Context, unit: int) -> Component | None:
    """Histogram and classes out of the reference photographs, where the open pictures are few."""
    if len(here.service.library.pictures()) >= ENOUGH:
        return None
    known = reference_of(here.service, here.model, here.layer)
    if known is None:
        return None
    edges, counts = known.histogram(unit)
    rows = [
        {"class": here.name(int(index)), "mean": float(mean), "pictures": int(count)}
        for index, mean, count in zip(
            known.classes[unit], known.class_means[unit], known.class_pictures[unit], strict=True
        )
    ]  # fmt: skip
    text = f"Its strongest response to each of {photographs(known.pictures)}"
    selectivity = html.P(
        [term("selectivity"), f" {float(known.selectivity[unit]):.2f} of 1; classes as the network "
         "answered, with how many photographs of each"], className="caption",
    )  # fmt: skip
    head = html.H3("Classes of the reference photographs that it answers most")
    shown = histogram([float(e) for e in edges], [int(n) for n in counts], text)
    return html.Div(
        [shown, html.Div([head, *class_rows(rows), selectivity])],
        className="links", id="reference-responses",
    )  # fmt: skip


def note_on_names(here: Context) -> Component | None:
    """Says under a list where the names in it come from, if not from the user's pictures."""
    if len(here.service.library.pictures()) >= ENOUGH:
        return None
    known = reference_of(here.service, here.model, here.layer)
    if known is None:
        return None
    text = (
        f"Names in italics are automatic, from {photographs(known.pictures)}; open a folder of "
        f"{amount(ENOUGH)} or more (--images DIR) for names of your own pictures."
    )
    return html.P(text, className="caption")
