"""Charts of plain elements, drawn by the style sheet alone."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import amount

ROWS = 6


def histogram(edges: Sequence[float], counts: Sequence[int], text: str) -> Component:
    """Bars of how many pictures lie between two edges; ``text`` says what of."""
    most = max([1, *counts])
    bars = [
        html.I(
            style={"height": f"{100 * n / most:.0f}%"},
            title=f"{n} pictures: {amount(low)} to {amount(high)}",
        )
        for n, low, high in zip(counts, edges, edges[1:], strict=False)
    ]
    ends = [html.Span(amount(edges[0])), html.Span(amount(edges[-1]))]
    return html.Figure([
        html.Div(bars, className="histogram", role="img", **{"aria-label": f"Histogram: {text}"}),
        html.Div(ends, className="axis label"),
        html.Figcaption(text, className="caption"),
    ])  # fmt: skip


def class_rows(classes: Sequence[dict[str, Any]]) -> list[Component]:
    """The first few classes, each with its mean response as a bar and how many pictures it had."""
    top = max([1e-12, *(row["mean"] for row in classes)])
    return [
        html.Div([html.Span(row["class"]), html.Span(html.I(style={
            "width": f"{100 * max(0.0, row['mean']) / top:.0f}%"}), className="bar activation"),
            html.Span(f"{row['pictures']}", className="label")], className="class-row wide")
        for row in classes[:ROWS]
    ]  # fmt: skip
