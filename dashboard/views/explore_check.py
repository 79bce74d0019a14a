"""CHECK: the claim of the list above, measured. Before, without them, without equally active
others."""

from typing import Any

import dash
from dash import html, no_update
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import copy_command, note, share, signed, term
from dashboard.markup import markup, panel
from dashboard.parts import part
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.context import Context


def register(app: dash.Dash, service: Service) -> None:
    """Adds the callback of the check."""

    @app.callback(panel("check-body"), part("check"), prevent_initial_call=True)
    def fill(data: dict[str, Any]) -> Any:
        if not data or data["view"] != "explore":
            return no_update
        here = Context.of(service, data)
        try:
            here.listed("effect")  # the quick list first; the worker takes one thing at a time
            place = list(here.chosen.place) if here.chosen.place else None
            found = service.ask(
                "check", **here.at_layer, at=place, channels=None, take=here.chosen.take
            )
        except (UserError, JobError) as error:
            return markup(note(str(error), kind="error"))
        return markup(verdict(here, found))


def verdict(here: Context, found: dict[str, Any]) -> list[Component]:
    """Bars on one scale, and the sentence that follows."""
    count = len(found["channels"])
    if not count:
        return [note("No neuron here speaks for this answer; there is nothing to remove.")]
    which = "the strongest neuron" if count == 1 else f"the {count} strongest"
    return [
        html.Div(
            bars(found, f"without {which}", str(count)),
            className="verdict" + ("" if found["confirmed"] else " off"),
        ),
        _conclusion(here, found, count),
        _caveat(found, count),
        copy_command(here.command("explain", *here.versus, "--layer", here.layer)),
    ]


def bars(found: dict[str, Any], removed: str, count: str) -> list[Component]:
    """The margin as it is, without what was removed, and without both controls, on one scale."""
    controls = [
        (f"without {count} {text}", found[kind])
        for kind, text in (("equal", "equally active"), ("random", "at random"))
        if found[kind] is not None
    ]
    values = [0.0, found["before"], found["without"]]
    for _, control in controls:
        values += [control["mean"] - control["sd"], control["mean"] + control["sd"]]
    scale = (min(values), max(values) if max(values) > min(values) else min(values) + 1)
    rows = [*_row("as it is", found["before"], scale, id="before")]
    rows += _row(removed, found["without"], scale, id="without")
    for label, control in controls:
        rows += _row(label, control["mean"], scale, control["sd"])
    return rows


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
    """Says only what was measured; plain where the claim did not hold."""
    them = "this neuron" if count == 1 else f"these {count} neurons"
    control = found["equal"] or found["random"]
    if control is None:
        start = ["There are too few other neurons for a control: nothing is claimed. "]
    elif found["verdict"] == "no fair control":
        start = [
            html.B("No fair control: "), f"removing {them} moves the ", term("margin"), " by ",
            html.B(signed(found["without"] - found["before"]), className="num"),
            ", but no others here are as active, so it may be their strength alone. ",
        ]  # fmt: skip
    elif found["confirmed"]:
        cost = abs(found["before"] - found["without"])
        times, than = "much further", " than "
        if control["moved"] > 0.005:
            times, than = f"{cost / control['moved']:.1f} times", " as far as "
        start = [
            html.B("Confirmed: "), f"removing {them} moves the ", term("margin"), " by ",
            html.B(signed(found["without"] - found["before"]), className="num"), ", ",
            html.B(times), than,
            term("equally active", "equally active others"), ". ",
        ]  # fmt: skip
    else:
        start = [
            html.B("Not confirmed: "), f"removing {them} does not do what was claimed, or no more "
            "than removing ", term("equally active", "equally active others"), " would. ",
        ]  # fmt: skip
    return html.P([*start, _flips(here, found)], className="conclusion")


def _flips(here: Context, found: dict[str, Any]) -> Component:
    """The smallest set, in order of effect, that changes the answer; and that turns the margin."""
    flip, turn = found["flip"], found["reversal"]
    if flip is None and turn is None:
        text = "No set of neurons, in order of effect, flips the answer."
    else:
        parts = []
        if flip is not None:
            parts.append(f"Smallest set that flips the answer: {flip['count']} "
                         f"(to {here.name(flip['answer'])}).")  # fmt: skip
        if turn is not None and (flip is None or turn["count"] != flip["count"]):
            parts.append(f"Smallest that turns the margin round: {turn['count']}.")
        text = " ".join(parts)
    return html.Span(text, id="smallest")


def _caveat(found: dict[str, Any], count: int) -> Component:
    """How fair the fair control is: some strong neurons have no equal."""
    equal = found["equal"]
    if equal is None:
        return html.P("There are no equally active others to compare with.", className="caption")
    text = f"The others were as active as {share(equal['match'])} of these"
    if equal["unmatched"] >= 0.05 * count:
        text += f"; {equal['unmatched']:.1f} of {count} had no equal within a quarter"
    return html.P(f"{text}; {equal['draws']} draws.", className="caption")
