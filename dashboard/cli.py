"""The command ``neuronscope``: what it understands, and how it ends.

Nothing heavy is imported before a command runs, so that help comes at once. Exit status 0; 2 with
one plain line on stderr for anything the user can mend; 130 after Ctrl-C; 141 when the reader of a
pipe has gone.
"""

import errno
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
PACKAGES = ("analysis", "cache", "dashboard")
USER, INTERRUPTED, NO_READER = 2, 130, 141
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    try:
        shadow = shadowed()
        return _refuse(shadow) if shadow else _guarded(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return INTERRUPTED


def _guarded(argv: Sequence[str]) -> int:
    """What the user can mend becomes one line, what nobody reads becomes silence."""
    from analysis.processor import settle, short_of_memory
    from cache.errors import UserError

    settle()
    try:
        _run(list(argv))
        if sys.stdout is not None:  # closed by whoever started it
            sys.stdout.flush()
    except UserError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        _let_stdout_go()
        return NO_READER
    except (MemoryError, RuntimeError) as error:
        if not short_of_memory(error):
            raise
        return _refuse("this needs more memory than there is; close something, or ask for less")
    except OSError as error:
        if error.errno not in FULL:
            raise
        _let_stdout_go()
        return _refuse("the disk is full; free some space and try again")
    return 0


def shadowed() -> str | None:
    """What stands in the way when a foreign ``analysis``, ``cache`` or ``dashboard`` would be
    imported, in one line; None when all three are our own."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
        folders = list(spec.submodule_search_locations or []) if spec else []
        found = Path(origin or (folders[0] if folders else "nowhere")).resolve()
        if found != HOME / name / "__init__.py":
            return (
                f"{str(found)!r} shadows Neuronscope's own package {name!r}; rename it, "
                "or take its folder off PYTHONPATH and start from another directory"
            )
    return None


def _run(argv: list[str]) -> None:
    from dashboard.cli_parser import parse

    given = parse(argv)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    from dashboard import commands

    commands.run(given)


def _refuse(text: str) -> int:
    print(f"neuronscope: {' '.join(text.split())}", file=sys.stderr)
    return USER


def _let_stdout_go() -> None:
    """What is still buffered would raise again when Python flushes it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
