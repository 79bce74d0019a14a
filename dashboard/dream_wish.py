"""What a person wants dreamt, with every gap filled: plain data that the page sends to the worker,
that the command makes of its options, and that every result carries along."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from analysis.dream import schedule
from cache.errors import UserError
from cache.keys import content_key
from dashboard import dream_settings
from dashboard.selection import MODES, Selection

GUIDES = 6  # photographs of a class that guide at once
MAKING = 3  # raise when the same wish would make another picture


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``picture``: its key; None begins with noise. ``units``: neurons of the layer; none: all of
    it, or ``group``. ``goal``: a class. ``guide``: the key of a picture, or "class:7": the
    photographs of a class. ``second``: the other network, with its ``second_layer``, None: the
    counterpart. ``then``: how a stream changes (``analysis.dream.schedule``). ``how``: the settings
    that are not as usual. ``preview``: small."""

    mode: str
    model: str
    layer: str
    picture: str | None = None
    units: tuple[int, ...] = ()
    group: int | None = None
    goal: int | None = None
    guide: str | None = None
    second: str | None = None
    second_layer: str | None = None
    then: str | None = None
    how: str | None = None
    preview: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting of the mode. UserError: a value that cannot be."""
        return dream_settings.read(self.way, self.how)

    @property
    def way(self) -> str:
        """The mode whose usual settings hold."""
        return dream_settings.way(self.mode, self.goal)

    @property
    def unlayered(self) -> bool:
        """Whether it has no layer of its own."""
        return self.mode in UNLAYERED or (self.mode == "two" and self.goal is not None)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it; ``read`` reads it."""
        return {**asdict(self), "units": list(self.units)}

    def key(self, fingerprint: str) -> str:
        """What its result is kept under; ``fingerprint``: of the network, or of both."""
        return content_key(self, fingerprint=fingerprint, recipe=MAKING)


# as a file tells them
PLAIN = ("layer", "units", "group", "goal", "guide", "second", "second_layer", "then")
UNLAYERED = ("class", "layers", "style")  # modes without a layer of their own
_KINDS: dict[str, tuple[type, ...]] = {
    "mode": (str,), "model": (str,), "layer": (str,), "picture": (str, type(None)),
    "units": (list, tuple), "group": (int, type(None)), "goal": (int, type(None)),
    "guide": (str, type(None)), "second": (str, type(None)), "how": (str, type(None)),
    "second_layer": (str, type(None)), "then": (str, type(None)), "preview": (bool,),
}  # fmt: skip


def read(given: Any) -> Wish:
    """The wish that is written there; UserError where it is none."""
    wrong = UserError("there is no such dream")
    if not isinstance(given, dict) or given.keys() - {f.name for f in fields(Wish)}:
        raise wrong
    if not all(isinstance(value, _KINDS[name]) for name, value in given.items()):
        raise wrong
    if not {"mode", "model", "layer"} <= given.keys() or given["mode"] not in MODES:
        raise wrong
    units = given.get("units", ())
    if not all(type(unit) is int and unit >= 0 for unit in units):
        raise wrong
    wish = Wish(**{**given, "units": tuple(sorted(set(units)))})
    if not wish.unlayered and not wish.layer:
        raise wrong
    _ = wish.settings, schedule.read(wish.then)  # a value that cannot be is said now
    return wish


def alone(wish: Wish) -> tuple[Wish, Wish]:
    """Of a dream in two networks, what each of them dreams as a dream of its own; the classes and
    layers of the second are still the first one's. UserError: there is no second one."""
    if wish.second is None:
        raise UserError("choose a second network")
    mode = "class" if wish.goal is not None else "guided" if wish.guide is not None else "dream"
    how = dream_settings.written(mode, wish.settings)
    one = replace(wish, mode=mode, how=how, second=None, second_layer=None)
    return one, replace(one, model=wish.second)


def looked_for(chosen: Selection) -> tuple[tuple[int, ...], int | None]:
    """The neurons or the group that a selection looks for: (units, group)."""
    if chosen.look is None:
        return (() if chosen.unit is None else (chosen.unit,)), None
    if chosen.look == "all":
        return (), None
    if chosen.look.startswith("g"):
        return (), int(chosen.look[1:])
    return tuple(sorted({int(unit) for unit in chosen.look.split(",")})), None


def changes(wish: Wish) -> dict[str, Any]:
    """The choice, on the page, that this wish is."""
    look = f"g{wish.group}" if wish.group is not None else ",".join(map(str, wish.units)) or "all"
    start = {"start": "picture", "picture": wish.picture} if wish.picture else {"start": "noise"}
    layer = {"layer": wish.layer} if wish.layer else {}
    both = "class" if wish.goal is not None else "guide" if wish.guide is not None else "layer"
    two = {"both": both, "second_layer": wish.second_layer} if wish.mode == "two" else {}
    return {
        "view": "dream", "mode": wish.mode, "model": wish.model, **layer, **start,
        "look": look, "goal": wish.goal, "guide": wish.guide, "second": wish.second,
        "how": wish.how, "quality": "preview" if wish.preview else "full", "then": wish.then, **two,
    }  # fmt: skip
