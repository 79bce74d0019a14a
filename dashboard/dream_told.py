"""What a dream is, in words: for its heading and for the list of those that are kept."""

from typing import Any

from analysis.dream import schedule
from cache.dreams import Dream
from dashboard import dream_settings
from dashboard.dream_wish import Wish


def sought(wish: Wish) -> str:
    """What was made stronger: "neuron 402 of features.12"."""
    if wish.units:
        many = "neuron" if len(wish.units) == 1 else "neurons"
        return f"{many} {', '.join(map(str, wish.units))} of {wish.layer}"
    if wish.group is not None:
        return f"group {wish.group + 1} of {wish.layer}"
    return wish.layer


def told_in_words(wish: Wish, start: str, goal: str = "", guide: str = "") -> str:
    """One line: "features.12 on astronaut, 6 octaves"."""
    what = {
        "dream": f"{sought(wish)} on {start}",
        "class": f"{goal} from {start}",
        "guided": f"{start} towards {guide} at {wish.layer}",
        "stream": f"stream of {sought(wish)} from {start}",
        "layers": f"{start} at all layers",
        "style": f"{start} in the style of {guide}",
        "kept": f"what {wish.layer} keeps of {start}",
        "two": f"{goal or start} in two networks" + (f", towards {guide}" if guide else ""),
    }[wish.mode]
    return ", ".join([what, *changing(wish), *unusual(wish)])


def changing(wish: Wish) -> list[str]:
    """How often a stream changes, in words: ["14 changes"]; none where it does not."""
    many = len(schedule.read(wish.then).changes)
    return [f"{many} change{'s' if many > 1 else ''}"] if many else []


_SAID = {
    "octaves": "{} octaves", "scale": "scale {}", "iterations": "{} steps an octave",
    "step": "steps of {}", "jitter": "jitter {} px", "size": "{} px", "seed": "seed {}",
    "zoom": "zoom {} %", "turn": "turn {}\u00b0", "frames": "{} frames",
    "skip": "the first {} left out", "weight": "style x {}", "steps": "{} steps", "as": "{}",
}  # fmt: skip


_ONE = {"octaves": "1 octave", "iterations": "1 step an octave", "frames": "1 frame"}


def unusual(wish: Wish) -> list[str]:
    """The settings that somebody changed, in words."""
    known = dream_settings.ALL
    words = [
        _ONE[name]
        if value == 1 and name in _ONE
        else _SAID[name].format(known[name].options.get(str(value)) or known[name].written(value))
        for name, value in wish.settings.items()
        if value != dream_settings.usual(wish.way, name)
    ]
    return ["without end" if word == "0 frames" else word for word in words]


def address(kept: Dream) -> str:
    """Where the page finds a kept result; one that was made anew is at another address."""
    return f"/dreams/{kept.id}.{kept.kind}?at={kept.when}"


def told(kept: Dream) -> dict[str, Any]:
    """A kept dream as the page shows it."""
    return {**kept.found, "url": address(kept), "id": kept.id, "kind": kept.kind,
            "stopped": kept.stopped, "saved": True}  # fmt: skip
