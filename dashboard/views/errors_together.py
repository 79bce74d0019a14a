"""All pictures of a pair together: one claim for them all, and how many answers change."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard.components import action, copy_command, signed, term
from dashboard.error_desk import ErrorDesk
from dashboard.views.context import Context
from dashboard.views.errors_bench_commands import of_pair
from dashboard.views.errors_case import dropped
from dashboard.views.errors_claim import not_held, number
from dashboard.views.errors_claim_layers import layers
from dashboard.views.errors_claim_rows import norm_line, rows
from dashboard.views.errors_jobs import finished
from dashboard.views.errors_wall import pair_of
from dashboard.views.explore_check import bars

SHOWN = 12  # thumbnails


def content(here: Context, desk: ErrorDesk) -> list[Component | None]:
    """The claim, or how far its measurement is."""
    pair = pair_of(here.chosen.wall)
    if pair is None:
        raise UserError("choose a pair of classes first: what the pictures are, and what was said")
    found = measured(here, desk)
    return [found] if isinstance(found, Component) else _claim(here, pair, found)


def measured(here: Context, desk: ErrorDesk) -> Any:
    """The claim (a dict), or a line that says how far its measurement is."""
    desk.wait(here.model)
    chosen = here.chosen
    return finished(
        here, "together", "Asking every picture of the pair", model=here.model, layer=here.layer,
        wall=chosen.wall, known=desk.known(here.model), drop=dropped(here), sure=chosen.sure,
        among=chosen.among,
    )  # fmt: skip


def pictures(here: Context, desk: ErrorDesk) -> list[Component]:
    """The pair's pictures, each to be opened alone."""
    found = desk.ask("wall_pictures", here.chosen, here.model, wall=here.chosen.wall or "wrong")
    thumbs = [
        action(html.Img(src=f"/thumb/{one['key']}", alt=one["name"]),
               {"picture": one["key"], "stage": "picture"}, label=f"Open {one['name']}")
        for one in found["pictures"][:SHOWN]
    ]  # fmt: skip
    return [html.Div(thumbs, className="err-thumbs"),
            html.P(f"{found['total']} pictures", className="caption")]  # fmt: skip


def _claim(here: Context, pair: tuple[int, int], found: dict[str, Any]) -> list[Component | None]:
    true, said = (here.name(index) for index in pair)
    count = len(found["channels"])
    held = found["verdict"] == "confirmed"
    end = (
        f"Without {number(count)} neuron{'s' * (count != 1)} of {here.layer}, "
        f"{found['flips']['claimed']} of {found['pictures']} change their answer."
        if held else f"Nothing of {here.layer} is taken away." if not count
        else not_held(found["verdict"], f"{number(count)} neuron{'s' * (count != 1)}", here.layer)
    )  # fmt: skip
    some = f"{found['pictures']}"
    if found["of"] > found["pictures"]:
        some = f"the surest {found['pictures']} of {found['of']}"
    head = html.H1([
        f"Of {some} pictures together: ", html.B(said, className="pos"),
        " rather than ", html.B(true, className="neg"), " by ",
        html.Span(f"{abs(found['before']):.1f}", className="num"), " on average. ", end,
    ], id="err-sentence")  # fmt: skip
    return [
        head, layers(here), html.Div(rows(here, found), className="evidence"),
        html.P(norm_line(true, found["evidence"]["norm"]), className="caption"),
        *([_verdict(found, count)] if count else []),
        copy_command(of_pair(here, pair, dropped(here))),
    ]  # fmt: skip


def _verdict(found: dict[str, Any], count: int) -> Component:
    flips = found["flips"]
    controls = [
        f"{flips[kind]:.1f} without {count} {text}"
        for kind, text in (("equal", "equally active others"), ("random", "others at random"))
        if flips[kind] is not None
    ]  # fmt: skip
    words = [
        html.B(f"{found['verdict'].capitalize()}. "), "Mean ", term("margin"),
        f" {signed(found['before'])} \u2192 {signed(found['without'])}. Answers that change: ",
        html.B(f"{flips['claimed']} of {found['pictures']}", className="num"),
        *([f"; {', '.join(controls)} (mean of the draws)"] if controls else []), ".",
    ]  # fmt: skip
    shown = html.Div(bars(found, f"without these {count}", str(count)),
                     className="verdict" + ("" if found["confirmed"] else " off"))  # fmt: skip
    return html.Div([html.H2("The test: taken away in every picture"), shown,
                     html.P(words, className="conclusion", id="err-verdict")],
                    className="err-verdict")  # fmt: skip
