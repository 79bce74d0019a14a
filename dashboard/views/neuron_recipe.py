"""The pane "recipe": one neuron drawn by two recipes side by side, switched part by part, so that
one sees what each part contributes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dash
from dash import html
from dash.development.base_component import Component

from analysis.recipes import LEAST_STEPS, MOST_STEPS, NAMES, SEEDS, SIZES, Recipe
from dashboard.components import NOTHING_YET, action, copy_command, term
from dashboard.markup import Field, panel
from dashboard.parts import part
from dashboard.service import Service
from dashboard.views.context import Context
from dashboard.views.filling import of_neuron

KINDS = {"lucid": "Frequencies", "pixel": "Pixels", "maco": "MACO"}
READY = {
    "no transforms": {"transforms": ()},
    "no colour decorrelation": {"decorrelated": False},
    "plain pixels": {"kind": "pixel"},
    "MACO": {"kind": "maco", "transforms": ("pad", "crop")},
}
SIDES = ("left", "right")
Control = Callable[[str, Recipe], Component]  # of one side


def layout() -> list[Component]:
    """The empty pane."""
    return [html.Section([
        html.H2("What each part of the recipe contributes"),
        html.Div(id="recipe"),
    ], className="panel", id="panel-recipe")]  # fmt: skip


def register(app: dash.Dash, service: Service) -> None:
    """Adds the pane's callback."""

    @app.callback(panel("recipe"), part("recipe"), prevent_initial_call=True)
    def fill(data: dict[str, Any]) -> Any:
        return of_neuron(service, data, studio)


def studio(here: Context, unit: int) -> list[Component]:
    """Two pictures, the sentence that tells them apart, and one row of switches a part."""
    left, right = Recipe.parse(here.chosen.left), Recipe.parse(here.chosen.right)
    said = left.differences(right)
    text = f"Right: the same, {', '.join(said)}." if said else "Both are made by the same recipe."
    pictures = [
        _rendering(here, unit, name, r) for name, r in zip(SIDES, (left, right), strict=True)
    ]
    return [
        html.P(
            "Left is the program's own recipe until you change it. Switch one part of the right "
            "one and see what that part was good for.", className="caption",
        ),
        html.Div([_ready(left, right), *pictures], className="studio pictures"),
        html.P(text, id="recipe-difference", className="difference"),
        html.Div(_switches(left, right), className="studio switches"),
    ]  # fmt: skip


def _ready(left: Recipe, right: Recipe) -> Component:
    """Comparisons that are one click away; each starts from the left recipe."""
    pills = []
    for name, given in READY.items():
        wanted = replace(left, **given)
        now = {"aria-current": "true"} if wanted == right != left else {}
        pills.append(action(name, {"right": wanted.word}, label=name, className="choice", **now))
    same = action("the same again", {"right": left.word}, label="Both by the same recipe",
                  className="choice", disabled=left == right)  # fmt: skip
    own = Recipe()
    back = action("the program's own, left", {"left": own.word}, className="choice",
                  label="The program's own recipe on the left", disabled=left == own)  # fmt: skip
    return html.Nav([html.H3("Compare with"), *pills, same, back], className="ready",
                    **{"aria-label": "Ready-made comparisons"})  # fmt: skip


def _rendering(here: Context, unit: int, side: str, recipe: Recipe) -> Component:
    """A picture with its progress and its numbers, filled by ``assets/studio.js``."""
    asked = {
        "task": "rendering", "model": here.model, "layer": here.layer, "unit": unit,
        "recipe": recipe.word,
    }  # fmt: skip
    facts = [
        (term("judged plainly"), "plain", f"{side}-plain"),
        (term("under views", "shifted and turned"), "viewed", f"{side}-viewed"),
        (term("by its own recipe"), "own", f"{side}-own"),
        ("drawn in", "seconds", f"{side}-seconds"),
    ]
    cells: list[Component] = []
    for label, put, id_ in facts:
        cells += [html.Span(label), html.B("\u2026", id=id_, className="num", **{"data-put": put})]
    model = [] if here.model == "squeezenet1_1" else ["--model", here.model]
    seed = recipe.seed + here.service.config.seed
    command = ["visualize", *model, "--layer", here.layer, "--channel", str(unit),
               *recipe.options(), *(["--seed", str(seed)] if seed else []),
               *_folder(here, recipe), "-o", "icon.png"]  # fmt: skip
    return html.Figure([
        html.Img(src=NOTHING_YET, className="drawn", id=f"{side}-picture", **{"data-put": "url"},
                 alt=f"Neuron {unit} by the {side} recipe"),
        html.Div([html.Progress(max="1", value="0", **{"data-put": "progress"}),
                  html.Span(id=f"{side}-step", className="label num", **{"data-put": "said"}),
                  html.Button("draw it", type="button", className="quiet-button again",
                              **{"data-again": ""})], className="forming"),
        html.Div(cells, className="facts"),
        html.Figcaption(copy_command(command)),
    ], className="rendering", id=f"rendering-{side}",
       **{"data-render": json.dumps(asked), "data-state": "waiting"})  # fmt: skip


def _folder(here: Context, recipe: Recipe) -> list[str]:
    """The pictures that a spectrum comes from, where they are the user's own."""
    folder = here.service.config.images
    return ["--images", str(folder)] if recipe.kind == "maco" and folder else []


# ---- the switches ----


def _switches(left: Recipe, right: Recipe) -> list[Component]:
    heads = [html.Span(), *(html.Span(side, className="label") for side in SIDES)]

    def row(label: Any, changed: bool, control: Control, kind: str = "") -> Component:
        both = [control(side, recipe) for side, recipe in zip(SIDES, (left, right), strict=True)]
        marked = "switch-row changed" if changed else "switch-row"
        label = html.Span(label, className="switch-label")
        return html.Div([label, *both], className=f"{marked} {kind}".strip())

    return [
        html.Div(heads, className="switch-row heads"),
        row(term("parameterisation", "made of"), left.kind != right.kind,
            lambda side, r: _segments(side, r, "kind", KINDS)),
        row(term("decorrelation", "colours decorrelated"),
            left.decorrelated != right.decorrelated, _colours, "onoff"),
        *(row(term(name), (name in left.transforms) != (name in right.transforms),
              _transform(name), "onoff") for name in NAMES),
        row(term("input size", "made for, px"), left.input_size != right.input_size,
            lambda side, r: _segments(side, r, "input_size", {n: str(n) for n in SIZES})),
        row("steps", left.steps != right.steps,
            lambda side, r: _number(side, r, "steps", LEAST_STEPS, MOST_STEPS)),
        row("seed of the noise", left.seed != right.seed,
            lambda side, r: _number(side, r, "seed", 0, SEEDS)),
    ]  # fmt: skip


def _colours(side: str, recipe: Recipe) -> Component:
    turned = replace(recipe, decorrelated=not recipe.decorrelated)
    return _toggle(side, recipe.decorrelated, "colours decorrelated", turned)


def _transform(name: str) -> Control:
    def control(side: str, recipe: Recipe) -> Component:
        on = name in recipe.transforms
        names = tuple(n for n in NAMES if (n in recipe.transforms) != (n == name))
        return _toggle(side, on, name, replace(recipe, transforms=names))

    return control


def _segments(side: str, recipe: Recipe, field: str, options: dict[Any, str]) -> Component:
    buttons = []
    for value, text in options.items():
        wanted = replace(recipe, **{field: value})
        if field == "kind":  # what belongs to a kind of picture comes with it
            usual = recipe.transforms == recipe.usual
            wanted = replace(wanted, transforms=wanted.usual if usual else recipe.transforms)
        now = {"aria-current": "true"} if getattr(recipe, field) == value else {}
        buttons.append(action(text, {side: wanted.word}, label=f"{text}, {side}", **now))
    return html.Div(buttons, className="segments small")


def _toggle(side: str, on: bool, name: str, turned: Recipe) -> Component:
    return action(
        html.Span(html.I(), className="knob"), {side: turned.word}, label=f"{name}, {side}",
        className="toggle", role="switch", **{"aria-checked": "true" if on else "false"},
    )  # fmt: skip


def _number(side: str, recipe: Recipe, field: str, least: int, most: int) -> Any:
    """A number field; the page's script puts its value in the place of ``?`` in the word."""
    parts = recipe.word.split("-")
    parts[{"steps": 4, "seed": 5}[field]] = "?"
    cell = Field(
        id=f"{side}-{field}", className="plain number", type="number", min=least, max=most,
        value=getattr(recipe, field), **{
            "aria-label": f"{field}, {side}", "data-side": side, "data-word": "-".join(parts),
        },
    )  # fmt: skip
    return html.Span(cell)
