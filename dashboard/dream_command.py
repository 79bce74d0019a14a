"""The words that make the same dream in the terminal, and which way to dream they mean."""

from collections.abc import Collection

from dashboard import dream_settings
from dashboard.dream_wish import Wish

ENDING = {"stream": ".gif"}
FILMS, STILLS = (".gif", ".mp4"), (".png", ".jpg", ".jpeg", ".webp")
# options that one way to dream alone takes, or takes first
_MEANT = {
    "frames": "stream", "zoom": "stream", "turn": "stream", "skip": "stream", "then": "stream",
    "second": "two", "second-layer": "two", "class": "class", "as": "kept",
    "weight": "style", "guide": "guided",
}  # fmt: skip


def meant(options: Collection[str], suffix: str) -> str:
    """The way to dream where ``--mode`` does not say it: by the other options, named without their
    dashes, and by the ending of the result's file."""
    if suffix in FILMS:
        return "stream"
    return next((mode for name, mode in _MEANT.items() if name in options), "dream")


def words(wish: Wish, start: str, guide: str | None = None) -> list[str]:
    """``dream`` with its options; ``start`` and ``guide`` are files, or "noise"."""
    found: list[str] = []
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
    if wish.second_layer is not None:
        found += ["--second-layer", wish.second_layer]
    if wish.then is not None:
        found += ["--then", wish.then]
    for name, value in wish.settings.items():
        if value != dream_settings.usual(wish.way, name):
            found += [f"--{name}", dream_settings.ALL[name].written(value)]
    if wish.preview:
        found += ["--preview"]
    ending = ENDING.get(wish.mode, ".png")
    named = {word.removeprefix("--") for word in found if word.startswith("--")}
    mode = [] if meant(named, ending) == wish.mode else ["--mode", wish.mode]
    return ["dream", start, *mode, *found, "-o", f"dream{ending}"]
