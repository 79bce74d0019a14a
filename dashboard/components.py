"""Small pieces that every view is made of, so that a neuron, a number or a term looks the same
everywhere.

Anything with ``do`` is a real button whose choice travels as data (see ``assets/actions.js``): the
page needs one listener and no callback a button.
"""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.markup import Field

GLOSSARY = {
    "neuron": "One channel of a layer: the same feature detector, run at every place.",
    "margin": "How far the answer is ahead: the logit of the class it said minus the logit "
    "of the other class. Below zero the other class wins.",
    "effect": "Attribution: activation times gradient. How much this neuron, as it fires "
    "here, should move the margin. An estimate to first order; the check measures it.",
    "effect in turn": "Activation times gradient, worked out anew once the neurons above it are "
    "removed: where neurons stand in for each other, some matter only then. The test measures them "
    "all together.",
    "measured effect": "What really happens to the margin when the neurons are removed (set "
    "to zero) and the rest of the network is run again.",
    "activation": "How strongly the neuron fires here: its output, summed over the places.",
    "place": "One cell (row, column) of the layer's grid. It sees a patch of the picture.",
    "group": "Neurons that fire together on this picture, found by non-negative matrix "
    "factorization of the layer's activations.",
    "equally active": "Other neurons that fire about as strongly on this picture. The fair "
    "control: removing strong neurons always does something.",
    "icon": "A picture made by the program that excites this neuron (feature visualization).",
    "diversity": "Pictures that are to excite the neuron and to differ from each other. What they "
    "share, it needs; what differs, it can do without.",
    "negative": "The picture that makes the neuron smallest. Below zero its ReLU hides it, so this "
    "is measured before one.",
    "trust": "A picture made by a program may please other neurons more than its own, or show one "
    "of several things that the neuron looks for. This is measured on the icon that is shown.",
    "weights": "How the network is wired: what one more of the other neuron, everywhere, adds to "
    "this one, with everything between them taken as linear.",
    "selectivity": "How far it prefers one class: 0, it answers all classes alike; 1, one alone.",
    "hinton": "A Hinton diagram: the area of a square is the size of the number, its colour the "
    "sign, blue above zero and orange below.",
    "added": "The sum of both activations is made large. Where neurons work together the picture "
    "shows what they mean together; where they do not, one of them may win.",
    "under views": "How strongly it excites the neuron when the picture is shifted, turned and "
    "resized a little, at random (the mean of 16 views). A picture that excites only "
    "exactly as it was made is a pattern that happens to please, not what the neuron looks for.",
    "parameterisation": "What is changed step by step: the picture's frequencies, all alike strong "
    "at the start, as in Lucid; its pixels; or the frequencies' phases alone, each as strong as in "
    "your photographs (MACO).",
    "decorrelation": "Colours along the axes in which those of photographs vary, so that no step "
    "favours the colours that usually come together.",
    "pad": "Grey around the picture, which moves into view as it is shifted and turned.",
    "jitter": "Before each step the picture is shifted by a few pixels, at random.",
    "scale": "Before each step the picture is enlarged or reduced by up to a tenth, at random.",
    "rotate": "Before each step the picture is turned by up to 10 degrees, at random.",
    "crop": "Each step sees a random part of the picture, as MACO does.",
    "input size": "The size that the network is fed while the picture is made: the scale of the "
    "shapes in it.",
    "judged plainly": "How strongly the finished picture excites the neuron (mean over all "
    "places), fed at 224 pixels (or its own size, where that is less) without any transform.",
    "by its own recipe": "How strongly it excites the neuron as the recipe itself sees it: under "
    "its random transforms, at the size it is made for. Recipes that look at less are easier to "
    "please, so do not compare by this.",
    "top-1": "The part of the labelled pictures whose class is the network's first answer.",
    "top-5": "The part of the labelled pictures whose class is among the first five answers.",
    "calibration": "Of all pictures that the network is 70 % sure of, 70 in 100 should be right. "
    "The number is the mean distance between how sure it is and how often it is right.",
    "logit": "The network's raw score of a class, before scores are made into percentages.",
}
NOTHING_YET = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
BLUE, ORANGE = "for", "against"  # CSS classes: for the answer, against it


def term(word: str, text: str | None = None) -> Component:
    """A technical term that explains itself in one tooltip: by mouse, keyboard or touch."""
    meaning = {"data-tip": GLOSSARY[word], "aria-description": GLOSSARY[word]}
    return html.Span(text or word, className="term", tabIndex="0", **meaning)


def action(
    children: Any, do: dict[str, Any], *, label: str, className: str = "", **more: Any
) -> Component:
    """A button that makes the selection ``do``; ``label`` is its name for a screen reader."""
    attributes = {"data-do": json.dumps(do), "aria-label": label, "title": label, **more}
    return html.Button(children, type="button", className=className, **attributes)


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign always written; a true minus, so that columns stand straight."""
    text = f"{abs(value):.{digits}f}"
    zero = float(text) == 0
    return text if zero else ("+" if value > 0 else "\u2212") + text


def amount(value: float) -> str:
    """A plain quantity in three digits, without an exponent: ``2760``, ``34.1``, ``0.52``."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:.{digits}f}".replace("-", "\u2212")


def share(probability: float) -> str:
    """A probability or share as people read it: ``53 %``, ``<1 %``, ``0 %`` for none."""
    percent = 100 * probability
    if 0 < percent < 0.5:
        return "<1 %"
    return f"{percent:.0f} %" if percent < 99.5 or probability == 1 else ">99 %"


def unit_icon(model: str, layer: str, channel: int, *, size: int = 56) -> Component:
    """Where the icon of a neuron appears as it is rendered; a large one in full quality."""
    token = f"{channel}!" if size > 100 else str(channel)
    return icon(model, layer, token, f"What neuron {channel} of {layer} looks for", size=size)


def group_icon(model: str, layer: str, group: int, picture: str) -> Component:
    """The icon of a neuron group of one picture."""
    return icon(model, layer, f"g{group}@{picture}", f"What group {group + 1} looks for", size=56)


def icon(model: str, layer: str, token: str, text: str, *, size: int) -> Component:
    """A place for an icon, which ``assets/icons.js`` asks for by its token (see ``Subject``)."""
    return html.Img(
        key=f"{model}|{layer}|{token}", className="unit-icon", src=NOTHING_YET,
        alt=text, width=size, height=size,
        **{"data-model": model, "data-layer": layer, "data-icon": token},
    )  # fmt: skip


def bar(value: float, largest: float, *, kind: str) -> Component:
    """A bar for an activation (from the left) or, signed, for an effect (from the middle)."""
    part = 0.0 if largest <= 0 else min(1.0, abs(value) / largest)
    if kind == "activation":
        return html.Div(html.I(style={"width": f"{100 * part:.1f}%"}), className="bar activation")
    side = BLUE if value >= 0 else ORANGE
    style = {"width": f"{50 * part:.1f}%", "left" if value >= 0 else "right": "50%"}
    return html.Div(html.I(style=style), className=f"bar effect {side}")


def class_field(
    id: str, choice: str, model: str, *, label: str, value: str = "", hint: str = "", **more: Any
) -> Component:
    """A field that finds a class by its name and makes it the ``choice`` (``assets/classes.js``;
    ``more``: what is said there)."""
    return Field(
        id=id, className="plain", type="search", value=value, placeholder=hint, autoComplete="off",
        list="class-and-group-names" if "data-groups" in more else "class-names",
        **{"aria-label": label, "data-class": choice, "data-model": model, **more},
    )  # fmt: skip


def note(text: str, *, kind: str = "quiet") -> Component:
    """One plain line: ``quiet``, ``busy`` (with a moving mark) or ``error``."""
    role = {"role": "alert"} if kind == "error" else {}
    return html.P(text, className=f"note {kind}", **role)


def section(
    title: Any, children: Any, *, id: str, className: str = "", tools: Any = None
) -> Component:
    """A panel with its heading; the id names it for the address of screenshots and tests."""
    heading = html.Header([html.H2(title, id=f"{id}-title"), html.Div(tools, className="tools")])
    return html.Section(
        [heading, html.Div(children, id=f"{id}-body")],
        id=id, className=f"panel {className}", **{"aria-labelledby": f"{id}-title"},
    )  # fmt: skip


def copy_command(words: list[str]) -> Component:
    """ "copy as command": the same analysis for the terminal."""
    import shlex

    command = shlex.join(["neuronscope", *words])
    return html.Button(
        "copy as command", type="button", className="quiet-button",
        title=command, **{"data-copy": command},
    )  # fmt: skip


def further(address: str, *, first: int, total: int) -> Component:
    """The rest of a long list: its next page is asked for at ``address`` (``assets/pages.js``)."""
    button = html.Button(f"{total - first:,} more", type="button", className="more pill",
                         **{"data-page": address, "data-first": str(first),
                            "data-total": str(total)})  # fmt: skip
    return html.Div(button if first < total else [], className="further",
                    **{"data-own": f"{address} {total}"})  # fmt: skip


def shared_beginning(names: list[str]) -> str:
    """The parts that all names begin with: ``features.`` of ``features.3`` and ``features.4``."""
    parts = [name.split(".")[:-1] for name in names]
    same = [a for a, *rest in zip(*parts, strict=False) if all(b == a for b in rest)]
    return "".join(f"{part}." for part in same)
