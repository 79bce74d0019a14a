"""The settings of a dream, folded away: each with what it does and with the way back to the
original's."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from cache.errors import UserError
from dashboard import dream_settings
from dashboard.components import action, note
from dashboard.dream_settings import Setting
from dashboard.markup import Field
from dashboard.views.context import Context

ELSEWHERE = {"zoom", "turn", "frames"}  # settings of a stream that stand beside its changes


def content(here: Context) -> Component:
    """One field a setting; ``assets/dream.js`` makes a choice of what is typed."""
    way = way_of(here)
    try:
        values = dream_settings.read(way, here.chosen.how)
    except UserError as error:  # out of a link that was written by hand
        return html.Div([note(str(error), kind="error"), _back({}, {})], id="dream-settings")
    usual = {name: dream_settings.usual(way, name) for name in values}
    own = [name for name in values if name not in ELSEWHERE]
    changed = [name for name in own if values[name] != usual[name]]
    rows = [row(dream_settings.ALL[n], values[n], usual[n]) for n in own]
    summary = "Settings" if not changed else f"Settings ({len(changed)} changed)"
    return html.Details(
        [html.Summary(summary), html.Div(rows, className="dream-settings"),
         _back(values, usual) if changed else None],
        className="panel", id="dream-settings",
        **{"data-usual": json.dumps(usual)},
    )  # fmt: skip


def way_of(here: Context) -> str:
    """The mode whose usual settings hold."""
    goal = here.chosen.both == "class" or None
    return dream_settings.way(here.chosen.mode, goal)


def _back(values: dict[str, Any], usual: dict[str, Any]) -> Component:
    """Every setting here as usual; those that stand elsewhere stay."""
    kept = {name: value if name in ELSEWHERE else usual[name] for name, value in values.items()}
    how = dream_settings.written("stream", kept) if kept.keys() & ELSEWHERE else None
    return action("all as in the original", {"how": how}, className="quiet-button",
                  label="Every setting as in the original")  # fmt: skip


def row(setting: Setting, value: Any, usual: Any) -> Component:
    """A setting's name, its field and the way back to what is usual."""
    label = html.Span(setting.label, className="term", tabIndex="0",
                      **{"data-tip": setting.tip, "aria-description": setting.tip})  # fmt: skip
    reset = html.Button(
        f"usual: {_called(setting, usual)}", type="button", className="quiet-button",
        hidden=value == usual, **{
            "data-reset": setting.name,
            "aria-label": f"{setting.label} as usual: {_called(setting, usual)}",
        },
    )  # fmt: skip
    return html.Div([label, _field(setting, value), reset], className="dream-setting")


def _called(setting: Setting, value: Any) -> str:
    return setting.options.get(str(value)) or setting.written(value)


def _field(setting: Setting, value: Any) -> Any:
    own = {"aria-label": setting.label, "data-how": setting.name}
    if setting.options:
        options = [
            html.Option(text, value=name, selected=name == value)
            for name, text in setting.options.items()
        ]
        return html.Select(options, id=f"dream-how-{setting.name}", className="plain", **own)
    return Field(
        id=f"dream-how-{setting.name}", className="plain number", type="number",
        min=f"{setting.least:g}", max=f"{setting.most:g}", value=setting.written(value),
        step="1" if setting.whole else "any", **own,
    )  # fmt: skip
