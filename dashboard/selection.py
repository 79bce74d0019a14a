"""What is selected, as the address says it: pure functions between a frozen selection and a URL.

Everything that a link must reopen is here and nowhere else; a choice in one view is a new
selection, and a new selection is a new address.
"""

from dataclasses import dataclass, fields, replace
from re import fullmatch
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from analysis.dream.schedule import FORM as THEN

VIEWS = ("explore", "neuron", "atlas", "errors", "dream")
MAPS = ("off", "activation", "effect", "pixels", "groups")
SORTS = ("effect", "activation")
TABS = ("neurons", "groups")
PANES = ("neuron", "recipe", "blend", "live")
TAKE = (1, 5, 25)
TINTS = ("off", "a", "ab")
STRENGTHS = (1, 2, 3)
STAGES = ("list", "wall", "together", "picture")
ORDERS = ("usual", "sure", "unsure", "near", "name")
MODES = ("dream", "class", "guided", "stream", "layers", "style", "kept", "two")
STARTS = ("picture", "noise")
QUALITIES = ("preview", "full")
BOTH = ("layer", "class", "guide")
WORD = r"[a-z0-9._-]{1,60}"  # a recipe's short words
KEY = r"[a-z0-9._-]{1,80}"
SPOT = r"-?\d{1,3}(\.\d{1,5})?,-?\d{1,3}(\.\d{1,5})?,\d{1,4}(\.\d{1,3})?"
CELL = r"\d{1,3}:-?\d{1,5},-?\d{1,5}"
WALL = r"(\d{1,6}|any),(\d{1,6}|any)|[a-z]{3,12}"
SURE = r"\d{1,3}-\d{1,3}"
NUMBERS = r"\d{1,6}(,\d{1,6}){0,31}"
MANY = r"g?\d{1,6}(,g?\d{1,6}){0,31}"
PATCH = r"[a-z]{3,8}(:[A-Za-z0-9@!._,-]{1,120}){0,4}"
FADE = r"g?\d{1,6}:\d(\.\d{1,2})?(,g?\d{1,6}:\d(\.\d{1,2})?){0,15}"
LOOK = rf"all|g\d{{1,2}}|{NUMBERS}"
GUIDE = r"[0-9a-f]{64}|class:\d{1,6}"
HOW = r"[a-z_]{2,16}:[a-z0-9.+-]{1,24}(,[a-z_]{2,16}:[a-z0-9.+-]{1,24}){0,15}"


@dataclass(frozen=True)
class Selection:
    """One state of the page. ``a`` is the class it said, ``b`` the class instead of which; None =
    by default. ``pane`` is the part of the Neuron page that is shown; ``left`` and ``right`` are
    its two recipes as short words, ``other`` is the neuron that it is blended with. Of the Atlas:
    ``atlas`` is the map's key, ``beside`` another layer's, ``spot`` where one looks ("x,y,zoom"),
    ``cell`` the chosen cell ("side:column,row"), ``tint`` which classes colour the map, and how
    much (``strength``). Of Errors: ``stage`` how far one has come from the list of pairs, ``wall``
    which pictures ("true,said", "any" for either, or a list's name), ``sure`` how sure of them the
    network is ("50-100", percent), ``among`` of which true class, in what ``order``, ``drop`` the
    rows of the claim whose tick is turned ("3,17": neurons; "g2": a group, counted from 0),
    ``patch`` what the bench puts where, ``fade`` by how much it turns neurons or groups up or down
    ("3:0.5,g0:2"); ``tab``: whether neurons or groups are listed, there and in Explore. Of Dream:
    ``mode`` what is done, ``start`` with the picture or with noise (None: as usual there), ``look``
    what of the layer is made strong ("all", neurons "3,17", group "g2"; None: ``unit``, else all),
    ``goal`` the class that is dreamt of, ``guide`` the picture that guides ("class:7": the
    photographs of a class), ``how`` the settings that are not the usual ones ("octaves:6,seed:3"),
    ``then`` how a stream changes, ``quality`` small or full size, ``second`` the other network,
    ``second_layer`` its layer (None: the counterpart), ``both`` what both networks dream of,
    ``made`` one that is kept."""

    view: str = "explore"
    model: str | None = None
    picture: str | None = None
    layer: str | None = None
    row: int | None = None
    col: int | None = None
    unit: int | None = None
    a: int | None = None
    b: int | None = None
    map: str = "effect"
    sort: str = "effect"
    tab: str = "neurons"
    take: int = 5
    off: tuple[int, ...] = ()
    pane: str = "neuron"
    left: str | None = None
    right: str | None = None
    other: int | None = None
    atlas: str | None = None
    beside: str | None = None
    spot: str | None = None
    cell: str | None = None
    tint: str = "off"
    strength: int = 1
    stage: str = "list"
    wall: str | None = None
    sure: str | None = None
    among: int | None = None
    order: str = "usual"
    drop: str | None = None
    patch: str | None = None
    fade: str | None = None
    mode: str = "dream"
    start: str | None = None
    look: str | None = None
    goal: int | None = None
    guide: str | None = None
    how: str | None = None
    then: str | None = None
    quality: str = "preview"
    second: str | None = None
    second_layer: str | None = None
    both: str = "layer"
    made: str | None = None

    @property
    def place(self) -> tuple[int, int] | None:
        """(row, column) of the layer's grid, or None for the whole picture."""
        return None if self.row is None or self.col is None else (self.row, self.col)

    def href(self) -> str:
        """The address of this selection; what is as by default is left out."""
        parts: dict[str, str] = {}
        for name in ("model", "picture", "layer"):
            if getattr(self, name) is not None:
                parts[name] = str(getattr(self, name))
        if self.place is not None:
            parts["at"] = f"{self.row},{self.col}"
        for name in (
            "unit",
            "a",
            "b",
            "left",
            "right",
            "other",
            *_OF_ATLAS,
            *_OF_ERRORS,
            *_OF_DREAM,
        ):
            if getattr(self, name) is not None:
                parts[name] = str(getattr(self, name))
        for name in _CHOICES:
            if getattr(self, name) != _DEFAULTS[name]:
                parts[name] = str(getattr(self, name))
        if self.off:
            parts["off"] = ",".join(map(str, self.off))
        query = urlencode(parts, safe=",:/@", quote_via=quote)
        return f"/{self.view}" + (f"?{query}" if query else "")


_ELSEWHERE = {"atlas": None, "beside": None, "cell": None, "spot": None}
_OF_ATLAS = ("atlas", "beside", "cell", "spot")
_TRIED = {"drop": None, "patch": None, "fade": None}
_OF_ERRORS = ("wall", "sure", "among", *_TRIED)
_OF_DREAM = ("start", "look", "goal", "guide", "how", "then", "second", "second_layer", "made")
_CHOICES = (
    "map", "sort", "tab", "take", "pane", "tint", "strength", "stage", "order", "mode",
    "quality", "both",
)  # fmt: skip
_DREAMT = {
    "mode", "model", "picture", "layer", "start", "look", "goal", "guide", "how", "second",
    "second_layer", "both",
}  # fmt: skip
_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Selection)}


def parse(path: str | None, query: str | None) -> Selection:
    """The selection that an address means; whatever does not make sense in it is as by default."""
    view = (path or "").strip("/").split("/")[0]
    given = {k: v[-1] for k, v in parse_qs((query or "").lstrip("?")).items()}
    row, col = _place(given.get("at"))
    return Selection(
        view=view if view in VIEWS else "explore",
        model=given.get("model") or None,
        picture=given.get("picture") or None,
        layer=given.get("layer") or None,
        row=row,
        col=col,
        unit=_whole(given.get("unit")),
        a=_whole(given.get("a")),
        b=_whole(given.get("b")),
        map=_one_of(given.get("map"), MAPS, "effect"),
        sort=_one_of(given.get("sort"), SORTS, "effect"),
        tab=_one_of(given.get("tab"), TABS, "neurons"),
        take=int(_one_of(given.get("take"), tuple(map(str, TAKE)), "5")),
        off=tuple(n for t in given.get("off", "").split(",") if (n := _whole(t)) is not None),
        pane=_one_of(given.get("pane"), PANES, "neuron"),
        left=_matching(given.get("left"), WORD),
        right=_matching(given.get("right"), WORD),
        other=_whole(given.get("other")),
        atlas=_matching(given.get("atlas"), KEY),
        beside=_matching(given.get("beside"), KEY),
        spot=_matching(given.get("spot"), SPOT),
        cell=_matching(given.get("cell"), CELL),
        tint=_one_of(given.get("tint"), TINTS, "off"),
        strength=int(_one_of(given.get("strength"), tuple(map(str, STRENGTHS)), "1")),
        stage=_one_of(given.get("stage"), STAGES, "list"),
        wall=_matching(given.get("wall"), WALL),
        sure=_matching(given.get("sure"), SURE),
        among=_whole(given.get("among")),
        order=_one_of(given.get("order"), ORDERS, "usual"),
        drop=_matching(given.get("drop"), MANY),
        patch=_matching(given.get("patch"), PATCH),
        fade=_matching(given.get("fade"), FADE),
        mode=_one_of(given.get("mode"), MODES, "dream"),
        start=_one_of(given.get("start"), STARTS, "") or None,
        look=_matching(given.get("look"), LOOK),
        goal=_whole(given.get("goal")),
        guide=_matching(given.get("guide"), GUIDE),
        how=_matching(given.get("how"), HOW),
        then=_matching(given.get("then"), THEN),
        quality=_one_of(given.get("quality"), QUALITIES, "preview"),
        second=given.get("second") or None,
        second_layer=given.get("second_layer") or None,
        both=_one_of(given.get("both"), BOTH, "layer"),
        made=_matching(given.get("made"), KEY),
    )


def turned_of(text: str | None) -> tuple[list[int], list[int]]:
    """Neurons and groups of a ``drop``, whose form is checked."""
    names = (_matching(text, MANY) or "").split(",") if text else []
    neurons = [int(name) for name in names if name.isdecimal()]
    return neurons, [int(name[1:]) for name in names if name.startswith("g")]


def fade_of(text: str | None) -> tuple[dict[int, float], dict[int, float]]:
    """{neuron: factor} and {group: factor} of a ``fade``, whose form is checked."""
    pairs = [part.split(":") for part in (_matching(text, FADE) or "").split(",") if part]
    neurons = {int(name): float(factor) for name, factor in pairs if name.isdecimal()}
    groups = {int(name[1:]): float(factor) for name, factor in pairs if name.startswith("g")}
    return neurons, groups


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 8 else None


def _matching(text: str | None, form: str) -> str | None:
    """A text of this form; what else stands there is left out."""
    return text if text and fullmatch(form, text) else None


def _place(text: str | None) -> tuple[int | None, int | None]:
    parts = [_whole(part) for part in (text or "").split(",")]
    return (parts[0], parts[1]) if len(parts) == 2 and None not in parts else (None, None)


def _one_of(text: str | None, allowed: tuple[str, ...], default: str) -> str:
    return text if text in allowed else default


def change(selection: Selection, **given: Any) -> Selection:
    """The selection after a choice; what the choice makes meaningless is let go.

    Another network lets go of layer, place, neuron, classes, map and errors; another picture of
    place, groups, classes and what was tried on it; another layer of place, neurons, groups and
    map; another map of the spot on it; another dream begins small.
    """
    gone: dict[str, Any] = {}
    if "model" in given and given["model"] != selection.model:
        gone |= {"layer": None, "row": None, "col": None, "unit": None, "a": None, "b": None}
        gone |= {"other": None, "wall": None, "among": None, **_ELSEWHERE, **_TRIED}
        gone |= {"look": None, "goal": None, "then": None}
    if "second" in given and given["second"] != selection.second:
        gone |= {"second_layer": None}
    if "picture" in given and given["picture"] != selection.picture:
        gone |= {"row": None, "col": None, "a": None, "b": None, "off": (), **_TRIED}
    if "layer" in given and given["layer"] != selection.layer:
        gone |= {"row": None, "col": None, "unit": None, "off": (), "other": None, **_ELSEWHERE}
        gone |= {"drop": None, "fade": None, "look": None}
    if any(given[name] != getattr(selection, name) for name in _DREAMT & given.keys()):
        gone |= {"quality": "preview", "made": None}
    if "then" in given:  # a stream goes on, in the size that it has
        gone |= {"made": None}
    if "atlas" in given and given["atlas"] != selection.atlas:
        gone |= {"cell": None, "spot": None}
    if "at" in given:
        at = given.pop("at")
        row, col = at if at is not None else (None, None)
        given |= {"row": row, "col": col}
    return replace(selection, **{**gone, **given})
