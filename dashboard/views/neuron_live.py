"""The pane "live" of the Neuron page."""

import dash
from dash.development.base_component import Component

from dashboard.service import Service


def layout() -> list[Component]:
    """The empty pane."""
    return []


def register(app: dash.Dash, service: Service) -> None:
    """Adds the pane's callbacks."""
