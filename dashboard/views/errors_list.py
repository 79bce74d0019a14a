"""The first stage of Errors: how often the network is right, and what it takes for what."""

from typing import Any
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from dashboard.components import action, class_field, copy_command, further, note, share, term
from dashboard.error_desk import ErrorDesk, known_of
from dashboard.protocol import JobStatus
from dashboard.views import errors_wall
from dashboard.views.context import Context

SURES = ((None, "all"), ("70-100", "sure"), ("40-70", "between"), ("0-40", "unsure"))
FIRST = 40  # pairs that are shown at once
GLANCE = 12  # pictures that are shown at once where nothing is labelled
MANY = 0.25  # of the errors doubted: more speak against the network


def content(here: Context, desk: ErrorDesk) -> list[Component]:
    """The summary on the left, the pairs or the matrix on the right."""
    status = desk.wait(here.model)
    going = status.state in ("waiting", "running")
    if going and not known_of(status):
        return [_progress(status)]
    if status.state == "failed":
        return [note(status.error or "the pictures could not be answered", kind="error")]
    found = desk.ask("mistakes", here.chosen, here.model)
    right = _matrix(here, found) if here.chosen.wall == "matrix" else _pairs(here, found)
    return [
        html.Aside([_progress(status) if going else None, *_summary(here, found)],
                   className="err-summary"),
        html.Section(right if found["labelled"] else _unlabelled(here, desk, found),
                     className="err-pairs"),
    ]  # fmt: skip


def _progress(status: JobStatus) -> Component:
    left = status.seconds_left
    about = f", about {max(1, round(left))} s left" if left else ""
    text = f"Asking the network: {status.done:,} of {status.total:,} pictures{about}."
    return html.P(text if status.total else "Asking the network\u2026", className="note busy")


# ---- the summary ----


def _summary(here: Context, found: dict[str, Any]) -> list[Component | None]:
    head = html.H1([found["collection"], html.Span(f" {found['answered']:,} pictures",
                                                   className="label")])  # fmt: skip
    if not found["labelled"]:
        return [head, *_faults(found)]
    return [
        head,
        html.Div([
            _figure(found["top1"], "right", term("top-1")),
            _figure(found["top5"], "among the first five", term("top-5")),
        ], className="err-figures"),
        _calibration(found), *_faults(found), _filters(here), _lists(here, found),
    ]  # fmt: skip


def _figure(part: float, text: str, name: Component) -> Component:
    return html.Div([html.B(f"{100 * part:.1f} %", className="num"),
                     html.Span([text, " (", name, ")"], className="label")])  # fmt: skip


def _calibration(found: dict[str, Any]) -> Component:
    """Of the pictures that it is about as sure of, how many are right: bars beside the marks that
    they should reach."""
    columns = [
        html.Div(
            [html.I(style={"height": f"{100 * b['accuracy']:.0f}%"}),
             html.U(style={"bottom": f"{100 * b['confidence']:.0f}%"})],
            title=f"{b['count']} pictures that it is {share(b['confidence'])} sure of: "
                  f"{share(b['accuracy'])} right",
            style={"flexGrow": "1"},
        ) for b in found["bins"]
    ]  # fmt: skip
    gap = 100 * found["calibration"]
    text = ["Bars: how many are right; marks: how sure it is. ", term("calibration"),
            f" off by {gap:.1f} points on average."]  # fmt: skip
    return html.Figure([
        html.Div(columns, className="calibration", role="img",
                 **{"aria-label": f"Calibration: off by {gap:.1f} points on average"}),
        html.Figcaption(text, className="caption"),
    ])  # fmt: skip


def _faults(found: dict[str, Any]) -> list[Component]:
    """What could not be counted, and why."""
    lines = []
    if found["strange"]:
        lines.append(f"{found['strange']:,} labels name no class of this network; these pictures "
                     "count as not labelled.")  # fmt: skip
    if found["unread"]:
        lines.append(f"{found['unread']:,} pictures cannot be read.")
    missing = found["answered"] - found["labelled"] - found["strange"]
    if missing and found["labelled"]:
        lines.append(f"{missing:,} pictures have no label.")
    return [html.P(line, className="caption") for line in lines]


def _filters(here: Context) -> Component:
    """Which pictures the pairs are counted among."""
    chosen = here.chosen
    sures = [
        action(text, {"sure": value}, label=f"The network is {text}" if value else "All pictures",
               **({"aria-current": "true"} if chosen.sure == value else {}))
        for value, text in SURES
    ]  # fmt: skip
    known = chosen.among is not None and chosen.among < len(here.network["classes"])
    name = here.name(chosen.among) if known else ""
    field = class_field("err-among", "among", here.model, label="Only of this class", value=name,
                        hint="all classes", **{"data-empty": True})  # fmt: skip
    return html.Div([
        html.H2("Only"),
        html.Nav(sures, className="segments", **{"aria-label": "How sure the network is"}),
        html.Label([html.Span("class", className="label"), field], className="class-field"),
    ], className="err-filters")  # fmt: skip


def _lists(here: Context, found: dict[str, Any]) -> Component:
    """Other ways in than the pairs."""
    rows = [
        _list("wrong", "All wrong ones", found["wrong_chosen"]),
        _list("right", "All right ones", found["right_chosen"]),
    ]
    if found["check"]:
        rows.append(_list("check", "Check the label", found["check"]))
    if found["twice"]:
        rows.append(_list("twice", "There twice", found["twice"]))
    rows += [_list("unsure", "Least sure", None), _list("changes", "Changes its answer", None)]
    many = found["check"] > MANY * max(1, found["wrong_chosen"])
    text = (
        "So many doubts speak against the network rather than the labels: it may be led by "
        "something that they share. Look at the reasons."
    )
    caution = html.P(text, className="caption")
    return html.Div([html.H2("Pictures"), *rows, *([caution] if many else [])],
                    className="err-lists")  # fmt: skip


def _list(wall: str, text: str, count: int | None) -> Component:
    said = html.Span(f"{count:,}" if count is not None else "", className="label num")
    return action([html.Span(text), said], {"wall": wall, "stage": "wall"}, label=text,
                  className="err-listed")  # fmt: skip


# ---- pairs ----


def _pairs(here: Context, found: dict[str, Any]) -> list[Component]:
    tabs = html.Nav([_tab("pairs", None, True), _tab("matrix", "matrix", False)],
                    className="segments", **{"aria-label": "Pairs or matrix"})  # fmt: skip
    head = html.Header([html.H2(_title(found)), tabs])
    if not found["pairs"]:
        return [head, html.P(_nothing(found), className="note")]
    rows = [_pair(here, pair) for pair in found["pairs"][:FIRST]]
    rest = [_pair(here, pair) for pair in found["pairs"][FIRST:]]
    more = html.Button(f"{len(rest)} more", type="button", className="more pill",
                       **{"data-local": "all"})  # fmt: skip
    pages = further(f"/api/errors/pairs?{_asked(here)}", first=len(found["pairs"]),
                    total=found["all_pairs"])  # fmt: skip
    says = html.P("Open a pair: its pictures, and the neurons behind the answer.",
                  className="caption")  # fmt: skip
    return [head, says, html.Div([*rows, *([more] if rest else []), *rest], className="pair-rows"),
            pages, _files(here)]  # fmt: skip


def next_pairs(here: Context, desk: ErrorDesk, first: int) -> list[Component]:
    """The pairs from the ``first`` on, a page of them."""
    found = desk.ask("pairs", here.chosen, here.model, first=first)
    return [_pair(here, pair) for pair in found]


def _files(here: Context) -> Component:
    """Everything as files, and the command that gives the same."""
    query = urlencode({"model": here.model})
    links = [
        html.A(kind.upper(), href=f"/errors.{kind}?{query}", download="", className="quiet-button")
        for kind in ("csv", "json")
    ]  # fmt: skip
    words = here.command_on_all("evaluate")
    return html.P(["All answers as ", links[0], " or ", links[1], ". ", copy_command(words)],
                  className="caption err-files")  # fmt: skip


def _title(found: dict[str, Any]) -> str:
    count = found["all_pairs"]
    return "Taken for another" if not count else f"Taken for another: {count:,} pairs, worst first"


def _nothing(found: dict[str, Any]) -> str:
    if not found["wrong"]:
        return ("Every labelled picture is answered right: there is no error to explain. The "
                "pictures that it is least sure of are the next best place to look.")  # fmt: skip
    return "None of the wrong pictures is among those chosen on the left."


def _tab(text: str, wall: str | None, current: bool) -> Component:
    more = {"aria-current": "true"} if current else {}
    return action(text, {"wall": wall}, label=f"As {text}", **more)


def _pair(here: Context, pair: dict[str, Any]) -> Component:
    """true -> said, how many, and the first pictures; one alone is opened at once."""
    wall = f"{pair['true']},{pair['said']}"
    alone = pair["count"] == 1
    goal = {"stage": "picture", "picture": pair["keys"][0]} if alone else {"stage": "wall"}
    thumbs = [html.Img(src=f"/thumb/{key}", alt="", width=44, height=44) for key in pair["keys"]]
    true, said = here.name(pair["true"]), here.name(pair["said"])
    mark = [html.Span("check the label", className="doubt")] if pair["check"] else []
    verb = html.Span(" said ", className="label")
    text = html.Span([html.B(true), verb, html.B(said, className="pos"), " ", *mark],
                     className="pair-name")  # fmt: skip
    return action(
        [html.Span(thumbs, className="pair-thumbs"), text,
         html.Span(f"{share(pair['sure'])} sure", className="label num",
                   title="how sure it is, on average"),
         html.B(str(pair["count"]), className="num pair-count", title="pictures")],
        {"wall": wall, **goal}, label=f"{true} said {said}: {pair['count']}", className="pair-row",
    )  # fmt: skip


def _asked(here: Context) -> str:
    """The query of the matrix: the network and the filters."""
    given = {"model": here.model, "sure": here.chosen.sure, "among": here.chosen.among}
    return urlencode({name: value for name, value in given.items() if value is not None})


def _matrix(here: Context, found: dict[str, Any]) -> list[Component]:
    tabs = html.Nav([_tab("pairs", None, False), _tab("matrix", "matrix", True)],
                    className="segments", **{"aria-label": "Pairs or matrix"})  # fmt: skip
    sheet = html.Canvas(
        id="err-matrix", tabIndex="0", role="application",
        **{"data-known": str(found["answered"]), "data-asked": _asked(here),
           "aria-label": "Confusion matrix: rows are true classes, columns answers"},
    )  # fmt: skip
    text = ("Rows: what it is; columns: what it says; grey: right. Classes that are confused lie "
            "together. The wheel or two fingers zoom; a click opens the pictures.")  # fmt: skip
    said = html.P(text, id="err-matrix-said", className="caption", **{"aria-live": "polite"})
    return [html.Header([html.H2("What is taken for what"), tabs]), sheet, said]


def _unlabelled(here: Context, desk: ErrorDesk, found: dict[str, Any]) -> list[Component]:
    """Without labels nothing is known to be wrong; but there are ways in, and pictures at once."""
    ways = [
        ("unsure", "Least sure", "First where the two strongest answers are nearly alike."),
        ("changes", "Changes its answer", "When the picture is blurred, turned, dimmed, noised or "
         "cropped, a little."),
    ]  # fmt: skip
    if found["twice"]:
        ways.append(("twice", f"There twice ({found['twice']})", "Nearly the same picture again."))
    rows = [
        action([html.B(text), html.Span(says, className="caption")],
               {"wall": wall, "stage": "wall"}, label=text, className="err-way-in")
        for wall, text, says in ways
    ]  # fmt: skip
    unsure = desk.ask("wall_pictures", here.chosen, here.model, wall="unsure")["pictures"][:GLANCE]
    cards = [errors_wall.card(here, one, wall="unsure") for one in unsure]
    return [
        html.H2("No labels: where to look"),
        html.P("Nothing says what these pictures show, so no answer is known to be wrong. Begin "
               "below; or give them labels: --labels labels.csv, or one folder a class.",
               className="caption"),
        html.Div(rows, className="err-ways-in"),
        html.H2("What it is least sure of"), html.Div(cards, className="err-cards"),
    ]  # fmt: skip
