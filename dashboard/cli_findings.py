"""Findings on the command line: listed, written into a file, taken over out of one, removed."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis import images
from cache.errors import UserError
from cache.finding import Finding, written
from cache.findings import LONGEST_FILE, Findings, read_findings
from cache.location import cache_dir, cache_path
from dashboard import cli_output as out
from dashboard.cli_names import shipped_pack
from dashboard.findings_export import FORMATS, exported

Answer = tuple[Any, Iterable[str]]
NEEDS = {"export": "F.html, F.json or F.csv", "import": "F.json", "remove": "ID"}


def findings(given: argparse.Namespace) -> Answer:
    """What ``list``, ``export``, ``import`` or ``remove`` was asked for. Raises UserError."""
    if given.action == "list":
        if given.what is not None:
            raise UserError("findings list takes no file")
        return _list(Findings(cache_path(given.cache)).all())
    if given.what is None:
        needed = NEEDS[given.action]
        raise UserError(f"findings {given.action} needs {needed}; see: neuronscope findings --help")
    act = {"export": _export, "import": _import, "remove": _remove}[given.action]
    return act(given, given.what)


def _list(found: list[Finding]) -> Answer:
    rows = [{**written(one), "pictures": len(one.pictures)} for one in found]
    if not found:
        return rows, ["no finding was kept yet"]
    lines: list[str] = []
    for one in found:
        parts = (one.id, one.date, one.verdict, one.model, one.shows)
        lines += ["  ".join(filter(None, parts)), f"    {one.sentence}", f"    {one.href}", ""]
    return rows, lines[:-1]


def _export(given: argparse.Namespace, name: str) -> Answer:
    path = out.target(Path(name), FORMATS)
    kept = Findings(cache_path(given.cache))
    count = kept.count()
    data = exported(kept, path.suffix.lower(), shipped_pack)
    out.save(path, data)
    return {"file": path, "findings": count}, [f"{_counted(count)} in {out.named(path)}"]


def _import(given: argparse.Namespace, name: str) -> Answer:
    path = Path(name)
    if path.is_file() and path.stat().st_size > LONGEST_FILE:
        raise UserError("this file is too large for a list of findings")
    document = read_findings(images.read_bytes(path))
    new = Findings(cache_dir(given.cache)).import_(document)
    here = len(document["findings"]) - new
    kept = f"; {here} of the file were here already" if here else ""
    return {"file": path, "new": new, "here": here}, [f"{_counted(new)} taken over{kept}"]


def _remove(given: argparse.Namespace, id: str) -> Answer:
    kept = Findings(cache_path(given.cache))
    known = [one.id for one in kept.all()]
    if id not in known:
        there = f"there are: {', '.join(known)}" if known else "none was kept yet"
        raise UserError(f"there is no finding {id!r}; {there}")
    (gone,) = kept.remove(id)["findings"]
    return {"removed": id}, [f"removed {id}: {gone['sentence']}"]


def _counted(count: int) -> str:
    return "1 finding" if count == 1 else f"{count} findings"
