"""Keep it: the footer of the Errors page with the sentence that is offered, the pin in the top bar,
and the drawer with everything that was kept (``assets/errors_findings.js``).
"""

import json
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from cache.finding import SENTENCE, Finding
from dashboard.components import note, unit_icon
from dashboard.error_desk import ErrorDesk
from dashboard.finding_offers import draft_of
from dashboard.parts import PARTS
from dashboard.protocol import JobError
from dashboard.service import Service
from dashboard.views.context import Context

ICONS = 5  # of a finding in the list
FILES = {"html": "one page that opens by itself", "json": "to be read in again", "csv": "numbers"}


def content(here: Context, desk: ErrorDesk) -> Component | None:
    """The footer of Errors' one picture, or of a pair together; nothing where there is no claim yet
    (its panel says why)."""
    try:
        draft = draft_of(here, desk)
    except (UserError, JobError):
        return None
    if not draft.sentence:
        return None
    return footer({name: getattr(here.chosen, name) for name in PARTS["err-keep"]}, draft)


def footer(data: dict[str, Any], draft: Finding) -> Component:
    """The field with the sentence and the button; ``data``: the part of the selection that they
    speak of, which the script compares with what is chosen when the button is pressed."""
    rows = len(draft.numbers)
    along = f"Kept with it: {rows} numbers, the picture, {len(draft.neurons)} icons, the command."
    return html.Section(
        [
            html.H2("Keep as finding", id="keep-title"),
            _field(draft.sentence, "keep-sentence"),
            html.Div(
                [
                    html.Button("keep as finding", type="button", className="fnd-main",
                                **{"data-local": "keep"}),
                    html.Span(along, className="caption"),
                ],
                className="fnd-row",
            ),
        ],
        className="fnd-keep", **{"data-of": json.dumps(data), "aria-labelledby": "keep-title"},
    )  # fmt: skip


def _field(text: str, id: str) -> Component:
    return html.Textarea(
        text, id=id, rows=3, maxLength=SENTENCE, className="fnd-sentence",
        placeholder="What did you find?", **{"aria-label": "The sentence of the finding"},
    )  # fmt: skip


def findings_button() -> Component:
    """Opens the drawer; the script keeps the count."""
    return html.Button(
        ["findings ", html.B(id="findings-count")], type="button", className="pill",
        **{"data-local": "findings"},
    )  # fmt: skip


# ---- the drawer and the pin, which every view shares ----


def pin_button() -> Component:
    """In the top bar: keeps the present view."""
    return html.Button(
        "keep", type="button", className="tool", title="Keep this view as a finding",
        **{"data-local": "pin", "aria-expanded": "false", "aria-controls": "pin-box"},
    )  # fmt: skip


def frame() -> list[Component]:
    """The drawer and the box of the pin, both closed."""
    box = [
        html.H2("Keep this view", id="pin-title"),
        _field("", "pin-sentence"),
        html.Div(
            [
                html.Button("keep as finding", type="button", className="fnd-main",
                            **{"data-local": "keep"}),
                findings_button(),
            ],
            className="fnd-row",
        ),
    ]  # fmt: skip
    drawer = [
        html.Header(
            [
                html.H2("Findings", id="findings-title"),
                html.Button("\u00d7", type="button", className="fnd-close",
                            **{"data-local": "findings", "aria-label": "Close the findings"}),
            ]
        ),
        html.Div(id="findings-list"),
        html.Footer(
            [
                html.Span("export", className="label"),
                *(html.A(kind.upper(), href=f"/findings.{kind}", title=text, download="")
                  for kind, text in FILES.items()),
            ]
        ),
    ]  # fmt: skip
    return [
        html.Div(box, id="pin-box", className="fnd-pin", hidden=True, role="dialog",
                 **{"aria-labelledby": "pin-title"}),
        html.Aside(drawer, id="findings", className="fnd-drawer", hidden=True, role="dialog",
                   tabIndex="-1", **{"aria-labelledby": "findings-title"}),
    ]  # fmt: skip


def listing(service: Service, found: Sequence[Finding]) -> list[Component]:
    """What was kept, the newest first."""
    if not found:
        return [note("Nothing was kept yet. A finding is a view with a sentence of yours, its "
                     "picture and the numbers that were measured.")]  # fmt: skip
    return [_item(service, one) for one in found]


def _item(service: Service, one: Finding) -> Component:
    image = html.Img(src=f"/finding/{one.seen}", alt=one.shows, width=72, height=72)
    thumb = image if one.seen else html.Span(className="fnd-none")
    return html.Article(
        [
            html.A(thumb, href=one.href, className="fnd-thumb", title=f"Open {one.shows or 'it'}",
                   tabIndex="-1", **{"aria-hidden": "true"}),
            html.Div(
                [
                    html.P(one.sentence, className="fnd-text"),
                    html.Div(_icons(service, one), className="fnd-icons"),
                    html.P([*_verdict(one), _facts(one)], className="caption"),
                    html.Div([
                        html.A("open", href=one.href), _do("edit", one), _do("remove", one),
                    ], className="fnd-row"),
                ]
            ),
        ],
        className="fnd-item", id=f"finding-{one.id}", **{"data-finding": one.id},
    )  # fmt: skip


def _icons(service: Service, one: Finding) -> list[Component]:
    """Icons as they were kept; those that were not drawn then are asked for, if this is the network
    that is open."""
    shown: list[Component] = []
    for unit in one.neurons[:ICONS]:
        if key := one.icons.get(unit):
            what = f"What neuron {unit} looks for"
            shown.append(html.Img(src=f"/finding/{key}", alt=what, title=what, width=32, height=32))
        elif one.model == service.config.model:
            shown.append(unit_icon(one.model, one.layer, unit, size=32))
    return shown


def _verdict(one: Finding) -> list[Component | str]:
    if not one.verdict:
        return []
    held = " yes" if one.verdict == "confirmed" else ""
    return [html.Span(one.verdict, className=f"fnd-verdict{held}"), " "]


def _facts(one: Finding) -> str:
    untrained = [] if one.trained else ["untrained, random weights"]
    layer = [one.layer] if one.layer else []
    model = one.model.split("/")[-1]
    return " \u00b7 ".join([one.date, model, *untrained, *layer])


def _do(what: str, one: Finding) -> Component:
    label = f"{what}: {one.sentence[:60]}"
    return html.Button(what, type="button", className="fnd-do",
                       **{"data-finding-do": what, "aria-label": label})  # fmt: skip
