"""What the longer works of the patch bench found, as markup: patches to choose, a patch on many
pictures, what faders cost."""

from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, copy_command, share, signed
from dashboard.service import Service
from dashboard.views.errors_bench_commands import of_work
from dashboard.views.errors_bench_recipes import row_of, said_of

Found = dict[str, Any]
LACKING = {
    "cells": "atlas cells (there is no atlas of this network)",
    "patches": "real patches (the open pictures are not looked through yet)",
}  # fmt: skip
FEW, PLAIN = 5, 60  # rows before one asks for more, and at most; the table has them all


def rendered(service: Service, asked: Found, found: Found, job: str | None) -> list[Component]:
    """The markup of what a work has found so far; ``job`` once it is done, for the tables."""
    names = service.model(asked["model"])["classes"]
    ends = [] if job is None else [_taken_out(job, of_work(service, asked))]
    if asked["task"] == "bench_all":
        return [*_on_all(names, asked, found), *ends]
    if asked["task"] == "bench_cost":
        return [*_cost(names, asked, found), *ends]
    if asked["task"] == "bench_recipe":
        rows = [row_of(names, asked, found, row) for row in found["suggestions"]]
        return [*said_of(names, found, done=job is not None), _few(rows), *ends]
    return [*_patches(names, {**asked, **found}, found, done=job is not None), *ends]


def _taken_out(job: str, words: list[str]) -> Component:
    """Links to the tables of a finished work, and the command that gives the same."""
    links = [html.A(kind.upper(), href=f"/bench/table.{kind}?{urlencode({'job': job})}",
                    className="quiet-button") for kind in ("csv", "json")]  # fmt: skip
    return html.P(["This table as ", links[0], " or ", links[1], ". ", copy_command(words)],
                  className="caption")  # fmt: skip


# ---- patches to choose ----


def _patches(names: list[str], asked: Found, found: Found, *, done: bool) -> list[Component]:
    towards = asked.get("towards", "b")
    pushed, over = (names[asked[k]] for k in (towards, "a" if towards == "b" else "b"))
    lacking = [text for kind, text in LACKING.items() if kind not in found["sources"]]
    looked = f" Without {' and without '.join(lacking)}." if lacking else ""
    head = html.P([
        "How far each pushes ", html.B(pushed), f" over {over}, in logits, at the best of "
        f"{found['places']} places; beside it noise of the same size at its best of them.{looked}",
    ], className="caption")  # fmt: skip
    rows = [_patch(names, asked, row) for row in found["suggestions"]]
    turned = sum(row["turned"] for row in found["suggestions"])
    none = html.P(
        f"None of those tried makes the network say {pushed}; this is as far as they push.",
        className="note",
    )  # fmt: skip
    return [head, *([none] if done and not turned else []), _few(rows)]


def _few(rows: list[Component]) -> Component:
    """The first, and the rest after a click."""
    if len(rows) <= FEW:
        return html.Div(rows, className="bench-found few")
    text = f"{len(rows) - FEW} more"
    more = html.Button(text, type="button", className="quiet-button bench-more",
                       **{"data-local": "all"})  # fmt: skip
    return html.Div([*rows[:FEW], more, *rows[FEW:]], className="bench-found few")


def _patch(names: list[str], asked: Found, row: Found) -> Component:
    query = urlencode({"model": asked["model"], "patch": row["patch"]})
    mean, sd = row["by_noise"]
    said = names[row["now"]["answer"]]
    verdict = "" if row["beyond"] else "not beyond noise; "
    turned = [html.B(f"now says {said}")] if row["turned"] else [f"{verdict}says {said}"]
    do = {"patch": row["patch"], "view": "errors", "stage": "picture"}
    do |= {k: asked[k] for k in ("picture", "a", "b")}
    return action(
        [html.Img(src=f"/bench/texture.png?{query}", alt="", width=56, height=56),
         html.Span([html.Span(row["told"], className="what"),
                    html.Span(turned, className="caption")]),
         html.Span([html.B(signed(row["push"]), className="num"),
                    html.Span(f"noise {signed(mean)} \u00b1 {sd:.1f}", className="caption num")],
                   className="numbers")],
        do, label=f"Put this patch on the picture: {row['told']}",
        className="bench-row" + ("" if row["beyond"] else " grey"),
        **{"data-turned": str(row["turned"]).lower(), "data-push": f"{row['push']:.3f}"},
    )  # fmt: skip


# ---- on many pictures ----


def _on_all(names: list[str], asked: Found, found: Found) -> list[Component]:
    whole = found["summary"]
    if whole is None:
        return []
    target = names[whole["towards"]]
    count = html.P([
        html.B(f"{whole['changed']} of {whole['could']}", id="bench-changed"),
        " pictures changed to ", html.B(target), "; with noise of the same size ",
        html.Span(f"{whole['by_noise']:.1f}", className="num"), ".",
    ])  # fmt: skip
    already = whole["pictures"] - whole["could"]
    more = [html.P(f"{already} said {target} before.", className="caption")] if already else []
    unread = found["unread"]
    lost = [html.P(f"{len(unread)} could not be read: {line}", className="note")
            for line in unread[:1]]  # fmt: skip
    order = sorted(found["rows"], key=lambda row: not row["changed"])
    rows = [_picture(names, asked, row) for row in order[:PLAIN]]
    rest = len(order) - len(rows)
    note = [html.P(f"and {rest} more, in the table", className="caption")] * (rest > 0)
    return [count, *more, *lost, _means(names, asked, whole),
            html.Table([_head(["", target, "before", "now", "noise"]),
                        html.Tbody(rows)], className="bench-table few"),
            *_shown_more(len(rows)), *note]  # fmt: skip


def _shown_more(count: int) -> list[Component]:
    if count <= FEW:
        return []
    return [html.Button(f"{count - FEW} more", type="button", className="quiet-button",
                        **{"data-bench-more": ""})]  # fmt: skip


def _head(words: list[str]) -> Component:
    return html.Thead(html.Tr([html.Th(word) for word in words]))


def _means(names: list[str], asked: Found, whole: Found) -> Component:
    lines = []
    for side, (letter, tone) in enumerate((("a", "pos"), ("b", "neg"))):
        shares = [html.Td(share(p[side]), className="num") for p in whole["probabilities"]]
        lines.append(html.Tr([html.Td(names[asked[letter]], className=tone), *shares]))
    margins = [html.Td(signed(v), className="num") for v in whole["margin"]]
    lines.append(html.Tr([html.Td("margin"), *margins]))
    return html.Table(
        [_head(["mean probability", "before", "now", "noise"]), html.Tbody(lines)],
        className="bench-table means",
    )  # fmt: skip


def _picture(names: list[str], asked: Found, row: Found) -> Component:
    side = 0 if asked.get("towards") == "a" else 1
    values = [row["before"]["probabilities"][side], row["now"]["probabilities"][side],
              row["noise"]["probabilities"][side][0]]  # fmt: skip
    said = [names[row[when]["answer"]] for when in ("before", "now")]
    words = said[0] if said[0] == said[1] else f"{said[0]} \u2192 {said[1]}"
    link = action(
        html.Img(src=f"/thumb/{row['picture']}", alt=row["name"], width=36, height=36),
        {"picture": row["picture"], "a": asked["a"], "b": asked["b"], "patch": asked["patch"],
         "stage": "picture", "view": "errors"},
        label=f"Open {row['name']} with this patch",
    )  # fmt: skip
    cells = [html.Td(share(v), className="num") for v in values]
    return html.Tr([html.Td(link), html.Td(words), *cells],
                   className="changed" if row["changed"] else "")  # fmt: skip


# ---- faders ----


def _cost(names: list[str], asked: Found, found: Found) -> list[Component]:
    before, now = found["right"]
    change = now - before
    lines = [html.P([
        "Right over ", html.B(f"{found['pictures']}"), " labelled pictures: ",
        html.B(f"{before} \u2192 {now}", className="num", id="bench-cost"),
        f" ({signed(change, 0)}; {found['gained']} gained, {found['lost']} lost).",
    ])]  # fmt: skip
    for letter in "ab":
        was, becomes, count = found[f"of_{letter}"]
        if count:
            lines.append(html.P(
                f"Of {count} pictures of {names[asked[letter]]}: {was} \u2192 {becomes}.",
                className="caption",
            ))  # fmt: skip
    if found["unread"]:
        lines.append(html.P(f"{len(found['unread'])} could not be read.", className="note"))
    return lines
