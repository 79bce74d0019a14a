"""An explanation in the terminal, and as a report that opens by itself."""

import argparse
import shlex
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cache.errors import UserError
from cache.store import Store
from dashboard import cli_output as out

if TYPE_CHECKING:
    from analysis.models import Classifier

OF_PAIR = {"--sure", "--among", "--leave-out", "--images", "--labels"}


def explanation(
    given: argparse.Namespace, network: Callable[[], "Classifier"], store: Callable[[], Store]
) -> tuple[Any, Iterable[str]]:
    """The document and its lines; the report is written where one is asked for. ``network`` and
    ``store`` are asked for once nothing can be wrong with its name. Raises UserError."""
    from analysis.explain import explain, look
    from dashboard.cli_names import Called
    from dashboard.cli_tables import explained

    _refuse(given)
    if given.output:
        out.target(given.output, (".html", ".htm"))
    classifier = network()
    seen = look(classifier, given.image)
    found = explain(
        classifier, seen, said=given.said, rather_than=given.rather_than, layer=given.layer,
        channels=given.without, place=given.at, seed=given.seed, progress=out.progress("layers"),
    )  # fmt: skip
    called = Called(given, classifier)
    for one in found["layers"]:
        for row in one["channels"]:
            row |= called(one["layer"], row["channel"])
    document: dict[str, Any] = {"file": given.image, **found}
    lines = explained(found)
    if given.output:
        _report(given, classifier, store(), found, seen.pixels)
        document["report"] = given.output
        lines = [*lines, "", f"report: {out.named(given.output)}"]
    return document, lines


def _refuse(given: argparse.Namespace) -> None:
    """UserError where there is no picture, or options that are of a pair."""
    if given.image is None:
        raise UserError("name the IMAGE, or a --pair TRUE,SAID of --images")
    foreign = sorted(OF_PAIR & given.named)
    if foreign:
        raise UserError(f"{foreign[0]} goes with --pair, not with an IMAGE")


def _report(
    given: argparse.Namespace, classifier: "Classifier", store: Store, found: dict[str, Any],
    pixels: Any,
) -> None:  # fmt: skip
    from analysis.report import render_report
    from dashboard.cli_icons import icons_for

    icons = icons_for(given, classifier, store, found, out.progress("icons"))
    page = render_report(
        found, pixels, icons, name=given.image.name,
        repeat=shlex.join(["neuronscope", *given.words]),
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip
    out.save(given.output, page.encode("utf-8", "replace"))
