"""CHECK: the claim of the list above, measured. Before, without them, without equally active
others."""

from typing import Any

import dash
from dash import Input, Output, html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import copy_command, note, signed, term
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.context import Context


def register(app: dash.Dash, service: Service) -> None:
    """Adds the callback of the check."""

    @app.callback(
        Output("check-body", "children"), Input("selection", "data"), prevent_initial_call=True
    )
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "explore":
            return no_update
        here = Context.of(service, data)
        try:
            place = list(here.chosen.place) if here.chosen.place else None
            found = service.ask(
                "check", **here.at_layer, at=place, channels=None, take=here.chosen.take
            )
        except (UserError, JobError) as error:
            return note(str(error), kind="error")
        return verdict(here, found)


def verdict(here: Context, found: dict[str, Any]) -> list[Component]:
    """Bars on one scale, and the sentence that follows."""
    count = len(found["channels"])
    if not count:
        return [note("No neuron here speaks for this answer; there is nothing to remove.")]
    fair, anyhow = found["matched"], found["random"]
    low = min(0.0, found["before"], found["without"], fair["mean"] - fair["sd"])
    high = max(0.0, found["before"], found["without"], fair["mean"] + fair["sd"])
    scale = (low, high if high > low else low + 1)
    which = "the strongest neuron" if count == 1 else f"the {count} strongest"
    rows = [
        *_row("as it is", found["before"], scale),
        *_row(f"without {which}", found["without"], scale, id="without"),
        *_row(f"without {count} equally active", fair["mean"], scale, fair["sd"]),
        *_row(f"without {count} at random", anyhow["mean"], scale, anyhow["sd"]),
    ]
    state = "" if found["confirmed"] else " off"
    return [
        html.Div(rows, className="verdict" + state),
        _conclusion(here, found, count),
        html.P(found["caveat"], className="caption"),
        copy_command(here.command("explain", *here.versus, "--layer", here.layer)),
    ]


def _row(
    label: str, value: float, scale: tuple[float, float], sd: float | None = None, id: str = ""
) -> list[Component]:
    low, high = scale
    at = [100 * (v - low) / (high - low) for v in (0.0, value)]
    fill = html.I(
        className="fill" + " neg" * (value < 0),
        style={"left": f"{min(at):.1f}%", "width": f"{abs(at[1] - at[0]):.1f}%"},
    )
    parts = [fill, html.I(className="zero", style={"left": f"{at[0]:.1f}%"})]
    if sd is not None:
        ends = [100 * (v - low) / (high - low) for v in (value - sd, value + sd)]
        style = {"left": f"{ends[0]:.1f}%", "width": f"{ends[1] - ends[0]:.1f}%"}
        parts.append(html.I(className="spread", style=style))
    text = signed(value) + (f" \u00b1 {sd:.1f}" if sd is not None else "")
    named = {"id": id} if id else {}
    return [
        html.Span(label), html.Div(parts, className="track"),
        html.B(text, className="num", **named),
    ]  # fmt: skip


def _conclusion(here: Context, found: dict[str, Any], count: int) -> Component:
    """Says only what was measured; grey and plain where the claim did not hold."""
    them = "this neuron" if count == 1 else f"these {count} neurons"
    if found["confirmed"]:
        start = [html.B("Confirmed: "), f"removing {them} costs "]
        start += [html.B(signed(found["without"] - found["before"]), className="num"),
                  " of the ", term("margin"), ", ", html.B(f"{found['times']:.1f} times"),
                  " as much as ",
                  term("equally active", "equally active others"), ". "]  # fmt: skip
    else:
        start = [html.B("Not confirmed: "), f"removing {them} does no more than removing ",
                 term("equally active", "equally active others"), " would. "]  # fmt: skip
    flip = found["smallest"]
    if flip is None:
        end = "No set of these neurons, in order of effect, flips the answer."
    else:
        end = f"Smallest set that flips it: {flip} (to {here.name(found['flips_to'])})."
    return html.P([*start, html.Span(end, id="smallest")], className="conclusion")
