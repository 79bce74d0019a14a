"""The one exception that reaches a person: one plain line that says how to mend it."""


class UserError(Exception):
    """Something that the user can mend: a file that is no picture, an unknown layer, a full disk.

    The command prints it as one line on stderr and exits with 2; the page shows it in place.
    """
