"""What is measured on the bench as tables: a record a picture, a patch, or a size. The same for the
page and the terminal; imports no torch."""

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]


def records_of(found: Record, names: Sequence[str]) -> list[Record]:
    """The records of what a longer work found; ``names``: of the network's classes."""
    if "rows" in found:
        return [_picture(row, names) for row in found["rows"]]
    if "suggestions" in found:
        return [_patch(row, names) for row in found["suggestions"]]
    return [_cost(found)]


def curve_rows(found: Sequence[Record], names: Sequence[str]) -> list[Record]:
    """A record a size."""
    return [{"size": one["size"], **_said(one, names), **_by_noise(one)} for one in found]


def curve_document(asked: Record, found: Sequence[Record], names: Sequence[str]) -> Record:
    """{asked, classes: names of a and b, found}."""
    classes = [names[asked["a"]], names[asked["b"]]]
    return {"asked": asked, "classes": classes, "found": list(found)}


def _said(row: Record, names: Sequence[str]) -> Record:
    """Answers, probabilities of both classes and margins, before and now."""
    before, now = row["before"], row["now"]
    line = {"said_before": names[before["answer"]], "said_now": names[now["answer"]]}
    for side, letter in enumerate("ab"):
        line[f"probability_{letter}_before"] = before["probabilities"][side]
        line[f"probability_{letter}_now"] = now["probabilities"][side]
    return {**line, "margin_before": before["margin"], "margin_now": now["margin"]}


def _by_noise(one: Record) -> Record:
    """Probabilities and margin with noise of the same size and place instead."""
    line, noise = {}, one["noise"]
    for side, letter in enumerate("ab"):
        mean, sd = noise["probabilities"][side]
        line |= {f"probability_{letter}_noise": mean, f"probability_{letter}_noise_sd": sd}
    mean, sd = noise["margin"]
    return {**line, "margin_noise": mean, "margin_noise_sd": sd}


def _picture(row: Record, names: Sequence[str]) -> Record:
    about = {"picture": row["name"], "key": row["picture"]}
    return {**about, **_said(row, names), **_by_noise(row), "changed": row["changed"]}


def _patch(row: Record, names: Sequence[str]) -> Record:
    """A recipe's row also says on which picture, and has noise of its own place."""
    mean, sd = row["by_noise"]
    on = {"picture": row["picture"]} if "picture" in row else {}
    return {
        "patch": row["patch"], "what": row["told"], **on, "push": row["push"],
        "push_by_noise": mean, "push_by_noise_sd": sd, "turned": row["turned"],
        **_said(row, names), **(_by_noise(row) if row.get("noise") else {}),
    }  # fmt: skip


def _cost(found: Record) -> Record:
    before, now = found["right"]
    return {
        "pictures": found["pictures"], "right_before": before, "right_now": now,
        "gained": found["gained"], "lost": found["lost"],
    }  # fmt: skip
