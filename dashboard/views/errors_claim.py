"""The third stage of Errors, middle: the claim, its evidence row by row, and the verdict.

Nothing here says why without a number that was measured beside it; what fails its check is grey.
"""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, copy_command, share, signed, term
from dashboard.error_desk import ErrorDesk
from dashboard.finding_numbers import removed
from dashboard.views.context import Context
from dashboard.views.errors_case import claim_of, of_groups
from dashboard.views.errors_claim_layers import strip
from dashboard.views.errors_claim_rows import groups_rows, norm_line, rows, switch
from dashboard.views.explore_check import bars

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def content(here: Context, desk: ErrorDesk) -> list[Component | None]:
    """The claim of the open picture, of neurons or of their groups."""
    found = claim_of(here, desk)
    grouped = of_groups(here)
    evidence = groups_rows(here, found) if grouped else rows(here, found)
    return [
        _sentence(here, found),
        strip(here),
        switch(here),
        html.Div(evidence, className="evidence"),
        html.P(_about_groups(found) if grouped else _about_neurons(here, found),
               className="caption", id="err-about"),
        *_verdict(here, found),
        copy_command(here.command("explain", *here.versus, *_measured_again(here, found))),
    ]  # fmt: skip


def _measured_again(here: Context, found: dict[str, Any]) -> list[str]:
    """The options that have a command check the same neurons."""
    listed = ",".join(map(str, found["channels"]))
    return ["--layer", here.layer, *(["--without", listed] if listed else [])]


def _about_neurons(here: Context, found: dict[str, Any]) -> list[Any]:
    """What the numbers of the rows mean."""
    said = norm_line(here.name(here.b), found["evidence"]["norm"])
    if found["gradients"] > 1:
        said += [" Chosen in turn: each ", term("effect in turn", "effect"), " is that of its "
                 "neuron once those above it are gone."]  # fmt: skip
    return said


def _about_groups(found: dict[str, Any]) -> list[Any]:
    return [
        term("group", "Groups"), " of neurons that fire together on this picture; they make up "
        f"{share(found['explained'])} of what the layer puts out. What is ticked is taken away.",
    ]  # fmt: skip


def _sentence(here: Context, found: dict[str, Any]) -> Component:
    """ "Says convertible rather than jeep by 2.5. Three neurons of features.12 carry it." """
    margin = found["before"]
    ahead, behind = (here.a, here.b) if margin >= 0 else (here.b, here.a)
    says = here.answers["top"][0]["index"]
    verb = "Says" if says == ahead else "Prefers"
    carried = _carried(found, here.layer)
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


def _carried(found: dict[str, Any], layer: str) -> str:
    """What is claimed, as far as it was measured."""
    count = len(removed(found))
    if not count:
        return f"Nothing of {layer} is taken away."
    many = _many(found)
    if found["verdict"] != "confirmed":
        return not_held(found["verdict"], many, layer)
    turned = found["before"] * found["without"] <= 0
    carry = "carries" if count == 1 else "carry"
    text = f"{many.capitalize()} of {layer} {carry} "
    part = (found["before"] - found["without"]) / found["before"] if found["before"] else 0
    return text + ("it." if turned else f"{part:.0%} of it.")


def _many(found: dict[str, Any]) -> str:
    """ "three neurons", "one group of neurons"."""
    count = len(removed(found))
    s = "s" * (count != 1)
    return f"{number(count)} " + (f"group{s} of neurons" if "groups" in found else f"neuron{s}")


def not_held(verdict: str, many: str, layer: str) -> str:
    """What is said of a claim that was not confirmed."""
    if verdict == "no fair control":
        return f"Whether {many} of {layer} carry it, no fair control can say."
    return f"That {many} of {layer} carry it did not hold."


# ---- the verdict ----


def _verdict(here: Context, found: dict[str, Any]) -> list[Component]:
    count, of = len(removed(found)), "groups" if "groups" in found else "neurons"
    if not count:
        return [html.P("Every row is switched off: nothing is removed, nothing is claimed.",
                       className="note")]  # fmt: skip
    which = "without it" if count == 1 else f"without these {count}"
    others = "others," if of == "groups" else str(count)
    shown = html.Div(bars(found, which, others),
                     className="verdict" + ("" if found["confirmed"] else " off"))  # fmt: skip
    data = {k: found[k] for k in ("layer", "channels", "groups", "before", "without", "equal",
                                  "random", "verdict", "flip") if k in found}  # fmt: skip
    return [
        html.Div([html.H2(f"The test: the same {of} taken away"), shown,
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
        others = ["; without as much activation of the others"] if "groups" in found else [
            "; without as many ", term("equally active", "equally active others")]  # fmt: skip
        said += [*others, f" {signed(control['mean'])} \u00b1 {control['sd']:.1f}. "]
    else:
        said += ["; no others here are as active. "]
    if found["verdict"] == "not confirmed" and control is not None and abs(moved) > 0.05:
        as_claimed = moved * found["effect"] < 0
        said.append("Taking others away moves it as much, so these are not the reason. "
                    if as_claimed else "It moves the other way than claimed. ")  # fmt: skip
    flip, what = found["flip"], "number of groups" if "groups" in found else "set"
    if flip is not None:
        said.append(f"Smallest {what} that flips the answer: {flip['count']} "
                    f"(to {here.name(flip['answer'])}).")  # fmt: skip
    return said


def _also(here: Context, found: dict[str, Any]) -> str:
    """What the removal does to other classes."""
    moved = [f"{here.name(s['index'])} {share(s['before'])} \u2192 {share(s['without'])}"
             for s in found["shifts"][:4]]  # fmt: skip
    return "Also changed: " + ", ".join(moved) + "." if moved else "No other class changed by 1 %."
