"""Where the cache lies: never in the source tree."""

import os
import tempfile
from pathlib import Path

import platformdirs

from cache.errors import UserError

VARIABLE = "NEURONSCOPE_CACHE"


def cache_path(option: str | None) -> Path:
    """Where the cache is, or will be: ``option``, else $NEURONSCOPE_CACHE, else the platform's own
    cache folder."""
    named = option or os.environ.get(VARIABLE)
    return Path(named or platformdirs.user_cache_dir("neuronscope", appauthor=False))


def cache_dir(option: str | None) -> Path:
    """The cache's folder (``cache_path``), made if need be. UserError: it cannot be made, or
    nothing can be written into it."""
    folder = cache_path(option)
    try:
        folder = folder.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # only a real file shows whether one can be made
    except (OSError, RuntimeError, ValueError) as error:  # "~nobody" has no home; a NUL in a name
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"the cache folder {folder} cannot be used ({reason}): "
            f"name one that can be written with --cache DIR or {VARIABLE}"
        ) from error
    return folder
