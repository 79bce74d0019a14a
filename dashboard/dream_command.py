"""The words that make the same dream in the terminal."""

from dashboard import dream_settings
from dashboard.dream_wish import Wish

ENDING = {"stream": ".gif"}


def words(wish: Wish, start: str, guide: str | None = None) -> list[str]:
    """``dream`` with its options; ``start`` and ``guide`` are files, or "noise"."""
    found = ["dream", start]
    if wish.mode not in ("dream", "class"):
        found += ["--mode", wish.mode]
    if wish.layer:
        found += ["--layer", wish.layer]
    for unit in wish.units:
        found += ["--channel", str(unit)]
    if wish.group is not None:
        found += ["--group", str(wish.group + 1)]
    if wish.goal is not None:
        found += ["--class", str(wish.goal)]
    if guide is not None:
        found += ["--guide", guide]
    if wish.second is not None:
        found += ["--second", wish.second]
    for name, value in wish.settings.items():
        if value != dream_settings.usual(wish.mode, name):
            found += [f"--{name}", dream_settings.ALL[name].written(value)]
    if wish.preview:
        found += ["--preview"]
    return [*found, "-o", f"dream{ENDING.get(wish.mode, '.png')}"]
