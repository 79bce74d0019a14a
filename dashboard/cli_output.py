"""What a command prints: one JSON document, or a table for a person; and where its files go."""

import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cache.errors import UserError
from cache.files import Draft, reason_of

SELDOM = 15.0  # seconds between two lines of progress where nobody watches
UNTRAINED = "(an untrained network: its weights are random)"
FORMATS = {".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG", ".jpeg": "JPEG"}


def emit(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """Prints the document as JSON, or the lines that say the same to a person."""
    if as_json:
        print(json.dumps(plain(document), indent=2, allow_nan=False))
        return
    for line in lines:
        print(line)


def plain(value: Any) -> Any:
    """The same in JSON's own kinds; numbers that JSON does not have become null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value


def mark(*, trained: bool) -> list[str]:
    """What must be said wherever an untrained network is shown."""
    return [] if trained else [UNTRAINED]


def named(path: Path) -> str:
    """A file's name on one line."""
    from analysis.filekinds import printable

    return printable(str(path))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Columns of equal width under their heads; numbers to the right."""
    cells = [list(head), *[[_shown(v) for v in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    right = [bool(rows) and isinstance(rows[0][i], int | float) for i in range(len(head))]
    return [
        "  ".join(
            cell.rjust(w) if r else cell.ljust(w)
            for cell, w, r in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3e}"
    return str(value)


def signed(value: float, digits: int = 2) -> str:
    """A number that always carries its sign; small ones keep two figures."""
    return f"{value:+.1e}" if 0 < abs(value) < 10**-digits else f"{value:+.{digits}f}"


def target(path: Path, suffixes: Iterable[str] = ()) -> Path:
    """Where a result may be written, with any ending where no ``suffixes`` are named; UserError
    before any work is done for nothing."""
    allowed = list(suffixes)
    if allowed and path.suffix.lower() not in allowed:
        raise UserError(f"{str(path)!r} must end in one of {', '.join(allowed)}")
    try:
        if path.is_dir():
            raise UserError(f"{str(path)!r} is a folder; name a file in it")
        if not path.absolute().parent.is_dir():
            raise UserError(f"there is no folder {str(path.parent)!r}; make it first")
        Draft(path.absolute()).drop()
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be written: {reason_of(error)}") from error
    return path


def folder(path: Path) -> Path:
    """A folder that results may be written into, made where there is none; UserError."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{str(path)!r} is a file; name a folder")
    if not path.absolute().parent.is_dir():
        raise UserError(f"there is no folder {str(path.parent)!r}; make it first")
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the folder {str(path)!r} cannot be made: {reason}") from error
    return path


def save(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all; UserError where it cannot be written."""
    try:
        with Draft(path.absolute()) as draft:
            draft.write(data)
            draft.publish(used=time.time_ns())
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be written: {reason_of(error)}") from error


def picture_bytes(pixels: NDArray[np.uint8], path: Path) -> bytes:
    """Pixels (H, W, 3) in the format that the file's name says."""
    buffer = io.BytesIO()
    options = {"quality": 95} if FORMATS[path.suffix.lower()] != "PNG" else {}
    Image.fromarray(pixels).save(buffer, FORMATS[path.suffix.lower()], **options)
    return buffer.getvalue()


def progress(what: str) -> Callable[[int, int], None]:
    """A line on stderr that is written over, where somebody watches: how far, and how long yet."""
    watched, start = sys.stderr.isatty(), time.monotonic()

    def show(done: int, total: int) -> None:
        if watched:
            end = "\n" if done >= total else ""
            left = _left(time.monotonic() - start, done, total)
            print(f"\r{what}: {done} of {total}{left}\033[K", end=end, file=sys.stderr, flush=True)

    return show


def phases() -> Callable[[Mapping[str, Any] | None], None]:
    """The same for work in phases, each step a {phase, done, total, left}; None ends it. Where
    nobody watches, a line now and then."""
    watched, told = sys.stderr.isatty(), {"phase": None, "at": time.monotonic()}

    def show(step: Mapping[str, Any] | None) -> None:
        if watched and told["phase"] not in (None, step and step["phase"]):
            print(file=sys.stderr)
        told["phase"] = step and step["phase"]
        if step is None or (not watched and time.monotonic() - told["at"] < SELDOM):
            return
        told["at"] = time.monotonic()
        line = f"{step['phase']}: {step['done']:,} of {step['total']:,}{_about(step['left'])}"
        start, end = ("\r", "\033[K") if watched else ("", "\n")
        print(f"{start}{line}", end=end, file=sys.stderr, flush=True)

    return show


def glances() -> Callable[[str | None, int, int], None]:
    """The same for work that says in words how far it is; None ends it."""
    watched, start, told = sys.stderr.isatty(), time.monotonic(), {"at": time.monotonic()}

    def show(words: str | None, done: int, total: int) -> None:
        now = time.monotonic()
        if words is None and watched:
            print(file=sys.stderr)
        if words is None or (not watched and now - told["at"] < SELDOM):
            return
        told["at"] = now
        begin, end = ("\r", "\033[K") if watched else ("", "\n")
        print(f"{begin}{words}{_left(now - start, done, total)}", end=end, file=sys.stderr,
              flush=True)  # fmt: skip

    return show


def _about(seconds: float | None) -> str:
    """An estimate in words; none where there is nothing to wait for, or nothing to go by."""
    if seconds is None or seconds < 2:
        return ""
    long = seconds >= 90
    return f", about {seconds / 60:.0f} min left" if long else f", about {seconds:.0f} s left"


def _left(seconds: float, done: int, total: int) -> str:
    """The estimate, once there is something to go by and something to wait for."""
    return _about(seconds * (total - done) / done if done else None)
