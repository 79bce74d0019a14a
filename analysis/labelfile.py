"""labels.csv: what the pictures of a folder are, by class index, class name or WordNet id."""

import csv
import os
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.classes import Label
from analysis.filekinds import printable
from cache.errors import UserError

# A WordNet id means one class of ImageNet and nothing elsewhere, so it is asked first; an index
# is believed before a name, which other lists of the same classes may spell differently.
COLUMNS = ("synset", "class_index", "class_name")
SYNSET = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Row:
    """One labelled file: its line in the table, its name as `same_name` gives it, its label."""

    line: int
    file: str
    label: Label | None


def same_name(name: str) -> str:
    """A relative file name as it is compared: forward slashes, no ``./``, Unicode composed."""
    return unicodedata.normalize("NFC", posixpath.normpath(name.replace("\\", "/")))


def folder_label(name: str) -> Label:
    """The label of the pictures in a folder of this name."""
    return Label("synset" if SYNSET.fullmatch(name) else "name", name)


def read_labels(table: Path, root: Path) -> dict[str, Row]:
    """The rows of a labels.csv by file, with files given relative to ``root``.

    The header has ``file`` and one or more of ``class_index``, ``class_name``, ``synset``; empty
    cells mean no label. Raises UserError, with the line, for a table that cannot be meant.
    """
    rows: dict[str, Row] = {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            for row in _rows(csv.DictReader(stream), table, root):
                before = rows.setdefault(row.file, row)
                if before.label != row.label:
                    raise _wrong(table, row.line, f"labels {row.file} unlike line {before.line}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no table in UTF-8"
        raise UserError(f"{printable(str(table))} cannot be read: {reason}") from error
    return rows


def _rows(reader: "csv.DictReader[str]", table: Path, root: Path) -> Iterator[Row]:
    columns = [column for column in COLUMNS if column in (reader.fieldnames or ())]
    if "file" not in (reader.fieldnames or ()) or not columns:
        raise UserError(
            f"{printable(str(table))} needs a header with file and one of class_index, class_name "
            "or synset, separated by commas"
        )
    for cells in reader:
        file = (cells["file"] or "").strip(" ")
        if not file:
            raise _wrong(table, reader.line_num, "names no file")
        if os.path.isabs(file):
            file = os.path.relpath(file, root.absolute())
        yield Row(reader.line_num, same_name(file), _label(cells, columns, table, reader.line_num))


def _label(
    cells: dict[str, str | None], columns: list[str], table: Path, line: int
) -> Label | None:
    for column in columns:
        text = (cells[column] or "").strip()
        if not text:
            continue
        if column == "class_name":
            return Label("name", text)
        if column == "synset":
            return Label("synset", text)
        if not (text.isascii() and text.isdecimal()):
            raise _wrong(table, line, f"has class_index {text!r}, which is no whole number")
        return Label("index", int(text))
    return None


def _wrong(table: Path, line: int, what: str) -> UserError:
    return UserError(f"line {line} of {printable(str(table))} {printable(what)}")
