"""Lists of labelled pictures on the command line: which one is meant, and that it is known."""

import argparse
import re
from dataclasses import dataclass
from typing import Any

from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.answered import answered
from dashboard.atlas_desk import AtlasDesk
from dashboard.bench import Bench
from dashboard.cli_bench import finished
from dashboard.config import Config
from dashboard.picture_lists import LISTS, UNSTEADY
from dashboard.selection import SURE
from dashboard.tasks_errors import evaluate, unsteady

Pair = tuple[int, int]
ANY = "any"


def class_of(bench: Bench, given: argparse.Namespace, text: str) -> int:
    """A class by its index, its name or a unique part of it. UserError."""
    return bench.classifier(given.model).categories.find(text)


def chosen_list(given: argparse.Namespace, bench: Bench) -> tuple[str | None, int | None]:
    """The list that is meant, as the page's address has it, and the class among which; None where
    none is named. UserError."""
    if given.pair is not None and given.list is not None:
        raise UserError("--pair and --list both name a list: name one of them")
    if given.list is not None and given.list not in LISTS:
        raise UserError(f"there is no list {given.list!r}; there are: {', '.join(LISTS)}")
    wall = given.list if given.pair is None else named_pair(given, bench, given.pair)
    return wall, among_of(given, bench)


def among_of(given: argparse.Namespace, bench: Bench) -> int | None:
    """The class that the pictures are to be of, where one is named; both filters are checked.
    UserError."""
    if given.sure is not None and not re.fullmatch(SURE, given.sure):
        raise UserError(f"--sure is a range in percent, such as 70-100, not {given.sure!r}")
    return None if given.among is None else class_of(bench, given, given.among)


def named_pair(given: argparse.Namespace, bench: Bench, text: str) -> str:
    """``TRUE,SAID`` with indices in place of names. UserError."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise UserError(
            f"a pair is what the pictures are and what was said: TRUE,SAID, not {text!r}"
        )
    return ",".join(p if p == ANY else str(class_of(bench, given, p)) for p in parts)


def pair_of(wall: str | None) -> Pair | None:
    """(true, said) of a list that is a pair of two classes."""
    parts = (wall or "").split(",")
    if len(parts) != 2 or ANY in parts:
        return None
    return int(parts[0]), int(parts[1])


def answer_all(given: argparse.Namespace, bench: Bench, wall: str | None) -> int:
    """Answers every open picture, as the page does before it lists them; how many are known.
    UserError: none can be read."""
    finished(evaluate(bench, model=given.model), out.progress("pictures"))
    if wall == UNSTEADY:
        finished(unsteady(bench, model=given.model), out.progress("pictures, changed in five ways"))
    return len(answered(bench, given.model).answers)


@dataclass(frozen=True)
class _Known:
    """What a desk asks of the page's process, in this one."""

    config: Config
    bench: Bench

    def model(self, name: str | None) -> dict[str, Any]:
        """What is known of a network, as far as atlases need it."""
        return {"fingerprint": self.bench.classifier(name or self.config.model).fingerprint}


def atlas_of(given: argparse.Namespace, bench: Bench, layer: str | None) -> str | None:
    """The key of the atlas that the page would take; None where the network has none."""
    config = Config(model=given.model, cache=given.cache)
    return AtlasDesk(_Known(config, bench)).usual(given.model, layer)
