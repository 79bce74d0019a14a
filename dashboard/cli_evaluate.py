"""The command ``evaluate``: what a network answers to labelled pictures, counted."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.errors import UserError
from cache.location import cache_dir
from dashboard import cli_output as out
from dashboard.tables import records_as_csv

if TYPE_CHECKING:
    from analysis.models import Classifier
    from dashboard.answered import Answered

SHOWN = 12  # lines of a table


def evaluate(given: argparse.Namespace, classifier: "Classifier") -> tuple[Any, Iterable[str]]:
    """Answers every picture once (what is known already is not run again), and counts. Raises
    UserError: no pictures, none that can be read, none with a label of this network."""
    from analysis.evaluation import Evaluation
    from dashboard.answered import Answered
    from dashboard.answered_tables import answers, told

    path = None if given.output is None else out.target(given.output, (".csv",))
    pictures = _pictures(given)
    _refuse_unlabelled(classifier, pictures)
    run = Evaluation(classifier, pictures, cache_dir(given.cache))
    show = out.progress("pictures")
    for step in run.run():
        show(step.done, step.total)
    found = Answered(classifier, tuple(pictures), run.result())
    if not found.judged.labelled.any():
        raise UserError("none of the pictures that have a label can be read; name another folder")
    document = told(found)
    if path is not None:
        out.save(path, records_as_csv(answers(found)).encode())
        document["table"] = path
    return document, [*out.mark(trained=classifier.trained), *_lines(document, found, path)]


def _pictures(given: argparse.Namespace) -> list[Any]:
    from analysis.photos import folder, samples

    if given.images is None:
        if given.labels is not None:
            raise UserError("--labels says what the pictures of a folder show: name it by --images")
        return list(samples())
    return list(folder(given.images, labels=given.labels))


def _refuse_unlabelled(classifier: "Classifier", pictures: Sequence[Any]) -> None:
    """UserError, before any picture is run, where no label can be counted by."""
    labels = [picture.label for picture in pictures if picture.label is not None]
    if not labels:
        raise UserError(
            "none of the pictures has a label: name a table with --labels CSV, or put them into "
            "folders that are named by their class"
        )
    if all(classifier.categories.index_of_label(label) is None for label in labels):
        raise UserError(
            f"none of the {len(labels)} labels names a class of {classifier.name}: give "
            "them as class_index or class_name of this network"
        )


def _lines(document: dict[str, Any], found: "Answered", path: Path | None) -> list[str]:
    d = document
    lines = [
        f"{d['images']:,} pictures, {d['labelled']:,} labelled: "
        f"top-1 {d['top1']:.1%}, top-5 {d['top5']:.1%}",
        f"confidence {d['confidence']:.1%} on average, off by {d['calibration_error']:.1%} "
        "(calibration error)",
    ]
    if d["unknown_labels"]:
        lines.append(f"{d['unknown_labels']:,} labels name no class of this network")
    if d["unread"]:
        lines.append(f"{len(d['unread']):,} cannot be read: {d['unread'][0]}")
    lines += ["", *_confusions(d)]
    if d["check_the_label"]:
        rows = [(r["file"], r["label"], r["predicted"]) for r in d["check_the_label"][:SHOWN]]
        lines += ["", f"check the label of {len(d['check_the_label'])}:"]
        lines += out.table(("file", "label", "predicted"), rows)
    if d["near_duplicates"]:
        lines += ["", f"{len(d['near_duplicates'])} are there twice: "
                  + "; ".join(" = ".join(pair) for pair in d["near_duplicates"][:3])]  # fmt: skip
    return lines if path is None else [*lines, "", f"table: {out.named(path)}"]


def _confusions(d: dict[str, Any]) -> list[str]:
    if not d["confusions"]:
        return ["every labelled picture is answered right"]
    rows = [(c["count"], c["true"], c["predicted"], c["files"][0]) for c in d["confusions"][:SHOWN]]
    more = len(d["confusions"]) - len(rows)
    table = out.table(("pictures", "true", "predicted", "the surest"), rows)
    return [*table, f"and {more:,} rarer confusions (--json, or -o TABLE.csv)"] if more else table
