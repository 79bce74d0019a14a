"""What a case of the atlas article came to: the best of all patches that were tried, with noise
beside it, and each patch at its best."""

from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, share

Found = dict[str, Any]


def said_of(names: list[str], found: Found, *, done: bool) -> list[Component]:
    """The sentence and the controls, as far as the search is."""
    best = found["suggestions"][0]
    lines = [_sentence(names, found, best, done=done), *_before(names, found, best)]
    if best["noise"] is not None:
        lines.append(_controls(names, found, best))
    return lines


def _sentence(names: list[str], found: Found, best: Found, *, done: bool) -> Component:
    """What the best of them did, and among how many."""
    target, said = html.B(names[found["b"]]), names[best["now"]["answer"]]
    change = html.Span(
        f"{share(best['before']['probabilities'][1])} \u2192 "
        f"{share(best['now']['probabilities'][1])}", className="num",
    )  # fmt: skip
    many = "a photograph" if found["pictures"] == 1 else f"{found['pictures']} photographs"
    tried = f"{found['tried']:,} tried on {many if found['pictured'] else 'the drawn picture'}"
    if best["turned"]:
        return html.P([f"Best of {tried}: now says ", target, ", ", change, "."],
                      className="conclusion", id="bench-recipe-best")  # fmt: skip
    start = "None" if done else "So far none"
    return html.P([f"{start} of {tried} makes it say ", target, "; the nearest: ", change,
                   f", and it says {said}."],
                  className="conclusion", id="bench-recipe-best")  # fmt: skip


def _before(names: list[str], found: Found, best: Found) -> list[Component]:
    """A picture that was not taken for what it shows to begin with is another case."""
    said = best["before"]["answer"]
    if said == found["a"]:
        return []
    text = f"Before anything is laid on it, it says {names[said]}, not {names[found['a']]}."
    return [html.P(text, className="caption")]


def _controls(names: list[str], found: Found, best: Found) -> Component:
    """Noise laid where the patch lies, and noise that had the same choice."""
    mean, sd = best["noise"]["probabilities"][1]
    there = f"Noise of its size at its place: {share(mean)}"
    there += f" \u00b1 {100 * sd:.0f}" if sd >= 0.005 else ""
    most = found["noise"]["best"]
    choice = (
        f". Noise with the same sizes and places to choose from, {found['noise']['tried']} tried: "
        f"{share(most['probabilities'][1])} at best, and it says {names[most['answer']]}."
    )
    return html.P([there, choice], className="caption", id="bench-recipe-noise")


def row_of(names: list[str], asked: Found, found: Found, row: Found) -> Component:
    """A patch at its best; a click lays it on its picture."""
    query = urlencode({"model": asked["model"], "patch": row["patch"]})
    said = names[row["now"]["answer"]]
    noise = "" if row["noise"] is None else f"noise {share(row['noise']['probabilities'][1][0])}"
    do = {"patch": row["patch"], "view": "errors", "stage": "picture", "picture": row["picture"],
          "a": found["a"], "b": found["b"]}  # fmt: skip
    says = html.B(f"now says {said}") if row["turned"] else f"says {said}"
    return action(
        [html.Img(src=f"/bench/texture.png?{query}", alt="", width=56, height=56),
         html.Span([html.Span(row["told"], className="what"),
                    html.Span(says, className="caption")]),
         html.Span([html.B(share(row["now"]["probabilities"][1]), className="num"),
                    html.Span(noise, className="caption num")], className="numbers")],
        do, label=f"Put this patch on the picture: {row['told']}",
        className="bench-row", **{"data-turned": str(row["turned"]).lower()},
    )  # fmt: skip
