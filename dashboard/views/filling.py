"""How a panel's callback begins and ends."""

import functools
from collections.abc import Callable
from typing import Any

from dash import no_update

from cache.errors import UserError
from dashboard.components import note
from dashboard.markup import markup
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.context import Context


def plain_errors(count: int) -> Callable[..., Callable[..., Any]]:
    """A panel that cannot be filled says why in one line, in its first place (a markup); the others
    stay."""

    def wrap(fill: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fill)
        def safe(*given: Any) -> Any:
            try:
                return fill(*given)
            except (UserError, JobError) as error:
                rest = [no_update] * (count - 1)
                line = markup(note(str(error), kind="error"))
                return (line, *rest) if count > 1 else line

        return safe

    return wrap


def wanted(data: dict[str, Any] | None) -> bool:
    """Whether Explore is shown at all."""
    return bool(data) and data is not None and data["view"] == "explore"


def of_neuron(
    service: Service, data: dict[str, Any] | None, fill: Callable[[Context, int], Any]
) -> Any:
    """A panel of the Neuron page as markup: what ``fill`` makes of the context and the chosen
    neuron, or one line that says why not; as it is while the page is not shown."""
    if not data or data["view"] != "neuron":
        return no_update
    try:
        here = Context.of(service, data)
        return markup(fill(here, here.known_unit))
    except (UserError, JobError) as error:
        return markup(note(str(error), kind="error"))
