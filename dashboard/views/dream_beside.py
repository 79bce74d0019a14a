"""Beside a class that is dreamt of: its real pictures, and the neurons that speak for it."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action
from dashboard.error_desk import ErrorDesk
from dashboard.views import errors_class
from dashboard.views.context import Context
from dashboard.views.dream_what import goal_of


def content(here: Context, desk: ErrorDesk) -> Any:
    """Nothing, where no class is dreamt of."""
    if here.chosen.mode != "class":
        return ""
    goal = goal_of(here)
    keys = here.service.ask("labelled", model=here.model, index=goal)
    return html.Section(
        [html.H2(f"Beside it: {here.name(goal)} as it is"), _pictures(here, goal, keys),
         _neurons(here, desk, goal) if keys else None],
        className="panel dream-beside",
    )  # fmt: skip


def _neurons(here: Context, desk: ErrorDesk, goal: int) -> Component:
    """How the class is answered and by which neurons, when the open pictures have been."""
    status = desk.wait(here.model)
    if status.state in ("waiting", "running"):
        text = ["The network is asked about the open pictures", html.Span(className="so-far num"),
                "\u2026"]  # fmt: skip
        return html.P(text, className="note busy", **{"data-job": status.id})
    return errors_class.content(here, desk, goal)


def _pictures(here: Context, goal: int, keys: list[str]) -> Component:
    """The open photographs that are labelled so; a click starts from one."""
    if not keys:
        return html.P("None of the open pictures is labelled so; open a labelled folder "
                      "(--images DIR) to see real ones here.", className="caption")  # fmt: skip
    tiles = [
        action(html.Img(src=f"/thumb/{key}", alt=""), {"picture": key, "start": "picture"},
               label=f"Start from this {here.name(goal)}")
        for key in keys
    ]  # fmt: skip
    return html.Div(tiles, className="dream-real")
