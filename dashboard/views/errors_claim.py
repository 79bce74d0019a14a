"""The third stage of Errors, middle: the claim, its evidence row by row, and the verdict.

Nothing here says why without a number that was measured beside it; what fails its check is grey.
"""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import (
    action,
    bar,
    copy_command,
    share,
    shared_beginning,
    signed,
    term,
    unit_icon,
)
from dashboard.error_desk import ErrorDesk
from dashboard.views.context import Context
from dashboard.views.errors_case import claim_of, dropped
from dashboard.views.explore_check import bars
from dashboard.views.explore_neurons import unit_name

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
PATCHES = 3
MUCH = 100  # times the norm; beyond it the norm is all but silent


def content(here: Context, desk: ErrorDesk) -> list[Component | None]:
    """The claim of the open picture."""
    found = claim_of(here, desk)
    norm = found["evidence"]["norm"]
    return [
        _sentence(here, found),
        layers(here),
        html.Div(rows(here, found), className="evidence"),
        html.P([*norm_line(here.name(here.b), norm), " ", _in_groups()], className="caption"),
        *_verdict(here, found),
        copy_command(here.command("explain", *here.versus, "--layer", here.layer)),
    ]


def _in_groups() -> Component:
    """The same question of neurons that fire together, each group with a switch that measures."""
    shown = {"view": "explore", "tab": "groups", "map": "groups"}
    return action("The same in neuron groups", shown, className="quiet-button",
                  label="Neuron groups of this picture, in Explore")  # fmt: skip


def _sentence(here: Context, found: dict[str, Any]) -> Component:
    """ "Says convertible rather than jeep by 2.5. Three neurons of features.12 carry it." """
    margin, count = found["before"], len(found["channels"])
    ahead, behind = (here.a, here.b) if margin >= 0 else (here.b, here.a)
    says = here.answers["top"][0]["index"]
    verb = "Says" if says == ahead else "Prefers"
    carried = _carried(found, count, here.layer)
    return html.H1([
        f"{verb} ", named(here, ahead), " rather than ", named(here, behind),
        " by ", html.Span(f"{abs(margin):.1f}", className="num"), ". ", carried,
        action("swap", {"a": here.b, "b": here.a}, label="Swap the two classes", className="pill"),
    ], id="err-sentence")  # fmt: skip


def number(count: int) -> str:
    """A count as a sentence has it."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def named(here: Context, index: int) -> Component:
    """A class of the two, in its colour; a click says what is known of it."""
    name = here.name(index)
    side = "pos" if index == here.a else "neg"
    return action(html.B(name, className=side), {"stage": "wall", "wall": f"{index},any"},
                  label=f"About {name}", className="err-named")  # fmt: skip


def _carried(found: dict[str, Any], count: int, layer: str) -> str:
    """What is claimed, as far as it was measured."""
    if not count:
        return f"Nothing of {layer} is taken away."
    many = f"{number(count)} neuron{'s' * (count != 1)}"
    if found["verdict"] != "confirmed":
        return not_held(found["verdict"], many, layer)
    turned = found["before"] * found["without"] <= 0
    carry = "carries" if count == 1 else "carry"
    text = f"{many.capitalize()} of {layer} {carry} "
    part = (found["before"] - found["without"]) / found["before"] if found["before"] else 0
    return text + ("it." if turned else f"{part:.0%} of it.")


def not_held(verdict: str, many: str, layer: str) -> str:
    """What is said of a claim that was not confirmed."""
    if verdict == "no fair control":
        return f"Whether {many} of {layer} carry it, no fair control can say."
    return f"That {many} of {layer} carry it did not hold."


def layers(here: Context) -> Component:
    """The ladder: the same question of another layer."""
    names = [step["layer"] for step in here.network["ladder"]]
    names += [] if here.layer in names else [here.layer]
    same = shared_beginning(names)
    buttons = [
        action(name.removeprefix(same), {"layer": name}, label=f"Ask {name}",
               **({"aria-current": "true"} if name == here.layer else {}))
        for name in names
    ]  # fmt: skip
    return html.Nav(
        [html.Span("layer", className="label"), *buttons],
        className="segments err-layers",
        **{"aria-label": "Layer"},
    )


def rows(here: Context, found: dict[str, Any]) -> list[Component]:
    """The evidence; what is left out of the removal is pale."""
    evidence, kept = found["evidence"]["rows"], set(found["channels"])
    reach = max((abs(row["effect"]) for row in evidence), default=0.0)
    return [_row(here, row, reach, row["channel"] in kept) for row in evidence]


def _row(here: Context, row: dict[str, Any], reach: float, kept: bool) -> Component:
    """Icon, real patches, name, here against the norm, effect; a switch takes it out of the
    removal."""
    unit, effect = row["channel"], row["effect"]
    left = sorted(set(dropped(here)) ^ {unit})
    switch = action(
        "\u2713" if kept else "", {"drop": ",".join(map(str, left)) or None},
        label=f"Neuron {unit}: {'leave it out of' if kept else 'take it into'} the removal",
        className="tick", **{"aria-pressed": "true" if kept else "false"},
    )  # fmt: skip
    patches = html.Span(className="row-patches", **{
        "data-model": here.model, "data-layer": here.layer, "data-unit": str(unit),
        "data-count": str(PATCHES),
    })  # fmt: skip
    opens = action(
        unit_icon(here.model, here.layer, unit, size=72), {"view": "neuron", "unit": unit},
        label=f"Open neuron {unit}", className="evidence-icon",
    )  # fmt: skip
    return html.Div([
        switch, opens,
        html.Div([
            html.Div([unit_name(here.model, here.layer, unit), _against_norm(row)],
                     className="who"),
            patches,
            html.Div([bar(effect, reach, kind="effect"),
                      html.Span(signed(effect), className="num " + ("pos" if effect >= 0 else
                                                                     "neg"))],
                     className="measure"),
        ]),
    ], className="evidence-row" + ("" if kept else " left-out"),
       **{"data-unit": str(unit)})  # fmt: skip


def _against_norm(row: dict[str, Any]) -> Component:
    """ "x 4": how strongly it fires here, against the norm."""
    if row["norm"] is None:
        return html.Span("", className="label")
    if row["times"] is None and row["here"] * row["norm"] < 0:
        return html.Span("opposite there", className="label", title="On the norm it has the other "
                         "sign.")  # fmt: skip
    if row["times"] is None:
        return html.Span("silent there", className="label", title="It does not fire on the norm.")
    value = row["times"]
    text = f"{value:.0f}" if value >= 10 else f"{value:.1f}"
    text = f"\u00d7 {text}" if value < MUCH else f"> \u00d7 {MUCH}"
    return html.Span(text, className="times num", title="mean activation here, against the norm")


def norm_line(name: str, norm: dict[str, Any]) -> list[Any]:
    """What the numbers with a cross compare with; ``name``: of the class instead of which."""
    if norm["which"] == "none":
        return ["\u00d7: no picture is answered right yet, so there is no norm to compare with."]
    many = f"{norm['pictures']} pictures" if norm["pictures"] > 1 else "the one picture"
    if norm["which"] == "true class":
        return ["\u00d7: against ", many, " of ", html.B(name), " that the network gets right."]
    return ["\u00d7: against ", many, " of other classes that the network gets right; none of ",
            html.B(name), " is."]  # fmt: skip


# ---- the verdict ----


def _verdict(here: Context, found: dict[str, Any]) -> list[Component]:
    count = len(found["channels"])
    if not count:
        return [html.P("Every row is switched off: nothing is removed, nothing is claimed.",
                       className="note")]  # fmt: skip
    which = "without it" if count == 1 else f"without these {count}"
    shown = html.Div(bars(found, which, str(count)),
                     className="verdict" + ("" if found["confirmed"] else " off"))  # fmt: skip
    data = {k: found[k] for k in ("layer", "channels", "before", "without", "equal", "random",
                                  "verdict", "flip")}  # fmt: skip
    return [
        html.Div([html.H2("The test: the same neurons taken away"), shown,
                  html.P(_words(here, found, count), className="conclusion", id="err-verdict"),
                  html.P(_also(here, found), className="caption", id="err-also")],
                 className="err-verdict", **{"data-claim": json.dumps(data)}),
    ]  # fmt: skip


def _words(here: Context, found: dict[str, Any], count: int) -> list[Any]:
    moved = found["without"] - found["before"]
    said: list[Any] = [html.B(f"{found['verdict'].capitalize()}. ")]
    said += [term("margin", "Margin"), f" {signed(found['before'])} \u2192 "
             f"{signed(found['without'])} without {'it' if count == 1 else 'them'}"]  # fmt: skip
    control = found["equal"]
    if control is not None:
        said += ["; without as many ", term("equally active", "equally active others"),
                 f" {signed(control['mean'])} \u00b1 {control['sd']:.1f}. "]  # fmt: skip
    else:
        said += ["; no others here are as active. "]
    if found["verdict"] == "not confirmed" and control is not None and abs(moved) > 0.05:
        as_claimed = moved * found["effect"] < 0
        said.append("Taking others away moves it as much, so these are not the reason. "
                    if as_claimed else "It moves the other way than claimed. ")  # fmt: skip
    flip = found["flip"]
    if flip is not None:
        said.append(f"Smallest set that flips the answer: {flip['count']} "
                    f"(to {here.name(flip['answer'])}).")  # fmt: skip
    return said


def _also(here: Context, found: dict[str, Any]) -> str:
    """What the removal does to other classes."""
    moved = [f"{here.name(s['index'])} {share(s['before'])} \u2192 {share(s['without'])}"
             for s in found["shifts"][:4]]  # fmt: skip
    return "Also changed: " + ", ".join(moved) + "." if moved else "No other class changed by 1 %."
