"""The one exception that reaches a person: one plain line that says how to mend it."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something that the user can mend: a file that is no picture, an unknown layer, a full disk.

    The command prints it as one line on stderr and exits with 2; the page shows it in place.
    """


def ended(work: Callable[[], None]) -> int:
    """The exit status of a maker of what ships: 0, or 2 with one plain line for what can be
    mended, 130 after Ctrl-C."""
    try:
        work()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("ended; run it again to go on", file=sys.stderr)
        return 130
    return 0
