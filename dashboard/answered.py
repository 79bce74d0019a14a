"""What the worker knows of the open pictures' answers: counted, doubted, and chosen from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.doubt import Doubts, doubts
from analysis.evaluation import Answers, Evaluation
from analysis.library import Uploaded
from analysis.mistakes import NONE, Judged
from analysis.models import Classifier
from analysis.photos import Picture
from cache.errors import UserError
from cache.location import cache_dir
from dashboard.bench import Bench

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answered:
    """The pictures that were answered so far, beside their labels."""

    classifier: Classifier
    pictures: tuple[Picture | Uploaded, ...]
    answers: Answers

    @cached_property
    def judged(self) -> Judged:
        """Their answers and labels."""
        given = [self.pictures[i].label for i in self.answers.number]
        index_of = self.classifier.categories.index_of_label
        known = {label: index_of(label) for label in set(given)}  # names are looked up slowly
        labels = [NONE if (index := known[label]) is None else index for label in given]
        return Judged(self.answers.logits, np.array(labels, np.int64))

    @cached_property
    def doubts(self) -> Doubts:
        """Whose labels to look at, and which pictures are there twice."""
        return doubts(self.judged, self.answers.vectors, self.answers.thumbs)

    @cached_property
    def rows(self) -> dict[str, int]:
        """{content key: row}."""
        return {self.picture(row).key: row for row in range(len(self.answers))}

    def picture(self, row: int) -> Picture | Uploaded:
        """The picture of a row."""
        return self.pictures[int(self.answers.number[row])]

    @cached_property
    def strange(self) -> int:
        """How many pictures have a label that names no class of this network."""
        labels = [self.picture(row).label for row in range(len(self.answers))]
        return sum(label is not None for label in labels) - int(self.judged.labelled.sum())

    def within(self, sure: str | None, among: int | None) -> Rows:
        """The rows of pictures that the network is so sure of ("50-100", percent) and whose class
        is ``among``."""
        judged, keep = self.judged, np.ones(len(self.judged), bool)
        if sure:
            low, high = (int(v) / 100 for v in sure.split("-"))
            keep &= (judged.confidence >= low) & (judged.confidence <= high)
        if among is not None:
            keep &= judged.labels == among
        return np.flatnonzero(keep)

    def wall(self, wall: str, sure: str | None, among: int | None) -> Rows:
        """The rows of a wall, those that matter most first. UserError: there is no such wall."""
        mine, judged = self.within(sure, among), self.judged
        if "," in wall:
            true, said = (None if v == "any" else int(v) for v in wall.split(","))
            keep = judged.wrong if true is None or true != said else judged.labelled
            keep = keep & (judged.labels == true if true is not None else True)
            keep = keep & (judged.said == said if said is not None else True)
            return self.surest(mine[keep[mine]])
        if wall in ("wrong", "right"):
            return self.surest(mine[getattr(judged, wall)[mine]])
        if wall == "unsure":
            two = np.sort(judged.logits[mine], axis=1)[:, -2:]
            return mine[np.argsort(two[:, 1] - two[:, 0], kind="stable")]
        if wall == "check":
            return self.surest(mine[self.doubts.check[mine]])
        if wall == "twice":
            return mine[self.doubts.twins[mine] >= 0]
        raise UserError(f"there is no list of pictures called {wall!r}; choose one of the page's")

    def ordered(self, rows: Rows, order: str) -> Rows:
        """These rows in another order: the surest answers first, the least sure, those whose label
        is nearest to being answered, or by name; ``usual``: as they are."""
        judged = self.judged
        if order in ("sure", "unsure"):
            return self.surest(rows)[:: 1 if order == "sure" else -1]
        if order == "near":
            return rows[np.argsort(-np.nan_to_num(judged.own[rows], nan=-1), kind="stable")]
        if order == "name":
            return np.array(sorted(rows, key=lambda row: self.picture(int(row)).name), np.int64)
        return rows

    def surest(self, rows: Rows) -> Rows:
        """These rows, the pictures first of whose answers the network is surest."""
        return rows[np.argsort(-self.judged.confidence[rows], kind="stable")]


def answered(bench: Bench, model: str) -> Answered:
    """What is known of the open pictures: kept until more of them are answered (and no longer:
    of many pictures it is large). UserError: nothing is known yet."""
    run, name = evaluation(bench, model), ("answered", model)
    now = len(run.kept.rows()), len(run.unread)
    kept: tuple[tuple[int, int], Answered] | None = bench.kept.peek(name)
    if kept is None or kept[0] != now:
        bench.kept.drop(name)
        kept = now, Answered(run.classifier, tuple(run.pictures), run.result())
    bench.kept.get(name, lambda: kept)
    return kept[1]


def evaluation(bench: Bench, model: str) -> Evaluation:
    """The pass over the open pictures."""
    root, pictures = cache_dir(bench.config["cache"]), bench.library.main.pictures

    def make() -> Evaluation:
        return Evaluation(bench.classifier(model), pictures, root)

    found: Evaluation = bench.kept.get(("evaluation", model), make)
    return found


def of_picture(found: Answered, row: int) -> dict[str, Any]:
    """One picture as the page lists it."""
    judged, doubts = found.judged, found.doubts
    true = int(judged.labels[row])
    twin = int(doubts.twins[row])
    return {
        "key": found.picture(row).key, "name": found.picture(row).name,
        "true": None if true == NONE else true, "said": int(judged.said[row]),
        "p_true": None if true == NONE else float(judged.own[row]),
        "p_said": float(judged.confidence[row]), "check": bool(doubts.check[row]),
        "twin": None if twin < 0 else found.picture(twin).key,
    }  # fmt: skip
