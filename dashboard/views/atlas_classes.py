"""The Atlas' panel of classes: which of them colour the map, and how much.

Groups of classes ("dogs") count on after the classes: class ``n + g`` of a network with n classes
is its group g (``analysis.classgroups``). Elsewhere on the page such a number is no class, and the
answer to the picture stands in its place.
"""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from analysis.classes import Categories
from analysis.classgroups import Group, groups
from dashboard.components import action, class_field, term
from dashboard.views.context import Context

TINTS = {"off": "no class", "a": "one class", "ab": "A against B"}
STRENGTHS = {1: "soft", 2: "clear", 3: "hard"}


def known_groups(here: Context) -> tuple[Group, ...]:
    """The groups of the network's classes."""
    return groups(Categories.of(here.network["classes"]))


def on_map(here: Context) -> tuple[int, int]:
    """The numbers of A and B on the map: classes, or groups of them."""
    a, b = (_group(here, chosen) for chosen in (here.chosen.a, here.chosen.b))
    return here.a if a is None else a, here.b if b is None else b


def called(here: Context, number: int) -> str:
    """The name of a class, or the word for a group."""
    count = len(here.network["classes"])
    return here.name(number) if number < count else known_groups(here)[number - count].word


def grouped(here: Context, number: int) -> bool:
    """Whether it is the number of a group."""
    return number >= len(here.network["classes"])


def panel_of_classes(here: Context) -> list[Component]:
    """What the panel holds."""
    tint = here.chosen.tint
    kinds = [
        action(text, {"tint": kind}, label=text,
               **({"aria-current": "true"} if kind == tint else {}))
        for kind, text in TINTS.items()
    ]  # fmt: skip
    found = [html.Nav(kinds, className="segments", **{"aria-label": "Classes on the map"})]
    words = _words(here)
    if tint == "off":
        said = "Shows where on the map the evidence for a class lies"
        said += ", or for all classes of a kind:" if words else "."
        return [*found, html.P(said, className="caption"), *words]
    a, b = on_map(here)
    found.append(_field(here, "a", "A" if tint == "ab" else "class", called(here, a)))
    if tint == "ab":
        found.append(_field(here, "b", "B", called(here, b)))
    own = (a,) if tint == "a" else (a, b)
    single = not any(grouped(here, number) for number in own)
    only = "Map only what speaks for it" if tint == "a" else "Map only these two, side by side"
    return [
        *found, _strengths(here), html.P(_about(here, own), className="caption"),
        *([builder(here, only, own)] if single else []), *(words if tint == "a" else []),
    ]  # fmt: skip


def builder(here: Context, text: str, classes: Sequence[int] = ()) -> Component:
    """A button that begins a build (``assets/classes.js``)."""
    asked = {"data-model": here.model, "data-layer": here.layer}
    if classes:
        asked["data-classes"] = ",".join(map(str, classes))
    return html.Button(text, type="button", className="pill atlas-build", **asked)


def _group(here: Context, number: int | None) -> int | None:
    """The number, if it is that of a group."""
    count = len(here.network["classes"])
    fits = number is not None and count <= number < count + len(known_groups(here))
    return number if fits else None


def _words(here: Context) -> list[Component]:
    """The great groups, each a choice; the smaller ones are found by typing."""
    count, rows = len(here.network["classes"]), []
    shown = on_map(here)[0] if here.chosen.tint == "a" else None
    for number, group in enumerate(known_groups(here)):
        if group.great:
            current = {"aria-current": "true"} if shown == count + number else {}
            rows.append(action(
                group.word, {"a": count + number, "tint": "a"}, className="pill",
                label=f"Show where the evidence for {group.word} lies", **current,
            ))  # fmt: skip
    return [html.Div(rows, className="map-groups")] if rows else []


def _strengths(here: Context) -> Component:
    levels = [
        action(text, {"strength": level}, label=f"Strength: {text}",
               **({"aria-current": "true"} if level == here.chosen.strength else {}))
        for level, text in STRENGTHS.items()
    ]  # fmt: skip
    return html.Nav(levels, className="segments", **{"aria-label": "Strength"})


def _about(here: Context, own: tuple[int, ...]) -> list[Component | str]:
    """What the colours mean."""
    if len(own) == 2:
        return [
            html.Span("\u25b2 blue", className="for"), ": speaks for A rather than B; ",
            html.Span("\u25bc orange", className="against"), ": for B rather than A.",
        ]  # fmt: skip
    if not grouped(here, own[0]):
        return [
            term("effect"), " on the class, mean of a cell's places; dim: little or against it."
        ]  # fmt: skip
    count = len(known_groups(here)[own[0] - len(here.network["classes"])].classes)
    return [
        "Mean ", term("effect"), f" on its {count} classes beyond the mean on all classes; dim: "
        "little or below it.",
    ]  # fmt: skip


def _field(here: Context, name: str, label: str, value: str) -> Component:
    """A field that finds a class by its name (``assets/classes.js``)."""
    field = class_field(f"map-class-{name}", name, here.model, label=f"Class {label}", value=value,
                        **{"data-groups": True})  # fmt: skip
    return html.Label([html.Span(label, className="label"), field], className="class-field")
