"""Tables as CSV, as a spreadsheet reads them without running anything."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ACTIVE = ("=", "+", "-", "@", "\t", "\r")  # a text that begins so is run as a formula


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The rows below their head; None is an empty cell."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(head)
    table.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def records_as_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """The same, of records that have the fields of the first one."""
    head = list(records[0]) if records else []
    return as_csv(head, ([record.get(name) for name in head] for record in records))


def cell(value: Any) -> Any:
    """A value as a cell has it: a text that a spreadsheet would run is quoted."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_ACTIVE) else value
