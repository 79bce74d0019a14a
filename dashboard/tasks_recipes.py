"""The task that tries the cases of the atlas article (Carter et al., "Activation Atlas", Distill
2019) with the pictures that are open: every photograph of both classes, several sizes and
places."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analysis.atlas.cellview import pushing_cells
from analysis.attribution import Target
from analysis.counterfactual import spread
from analysis.pasting import Patch
from analysis.patch_search import Laid, Search, Searched, nearness
from analysis.suggestions import Candidate, pushed
from cache.errors import UserError
from cache.starter import CLASSES
from dashboard.bench import Bench
from dashboard.bench_recipes import RECIPES, Recipe
from dashboard.bench_textures import map_of, texture
from dashboard.bench_told import control, read
from dashboard.protocol import Progress, Task

CROPS = {"all": "0,0,1,1", "the middle": "0.2,0.2,0.8,0.8"}
PHOTOGRAPHS, PICTURES = 5, 3  # to cut patches from, and to lay them on, at most
CELLS = 2
LOOKED_AT = 30  # photographs of a class that are answered, to take those that are answered right
Sourced = list[tuple[Candidate, str]]


@dataclass(frozen=True)
class _Tried:
    """A picture, and what was found on it."""

    picture: str
    found: Searched


def bench_recipe(
    bench: Bench, *, model: str, recipe: str, atlas: str | None = None
) -> Iterator[Progress]:
    """A case of the article tried with what is open: {picture: where it went best, pictured:
    whether a photograph of what it shows is open, pictures, a, b, sources: kinds of patches, tried,
    noise: {tried, best, named}, suggestions: each patch at its best, the best first}."""
    case = next((r for r in RECIPES if r.name == recipe), None)
    names = bench.classifier(model).categories
    if case is None or not names.is_imagenet:
        raise UserError("this network does not know the classes of this recipe")
    shown, pictured = _showing(bench, model, case.shows)
    found = _laid(bench, model, case.laid, atlas)
    if not found:
        raise UserError(
            f"no picture of a {names.names[case.laid]} is open, and none is drawn for this "
            "network: open a folder with one"
        )
    about = {"pictured": pictured, "a": case.shows, "b": case.becomes, "pictures": len(shown),
             "sources": sorted({one.patch.kind for one, _ in found})}  # fmt: skip
    tried: list[_Tried] = []
    told: dict[str, Any] = {}
    for number, picture in enumerate(shown):
        for step in _search(bench, model, picture, case, found).run():
            told = {**about, **_told([*tried, _Tried(picture, step)], found)}
            yield Progress(number * step.total + step.done, len(shown) * step.total, told)
        tried.append(_Tried(picture, step))
    return told


def _search(bench: Bench, model: str, picture: str, case: Recipe, found: Sourced) -> Search:
    return Search(
        bench.classifier(model), bench.open(model, picture).pixels, [one for one, _ in found],
        Target(case.shows, case.becomes),
    )  # fmt: skip


# ---- what was found ----


def _told(tried: list[_Tried], sources: Sourced) -> dict[str, Any]:
    """Of all pictures together, as plain data."""
    rows = [(one, laid, k) for one in tried for k, laid in enumerate(one.found.best)]
    rows.sort(key=lambda row: row[1].rank("b"))
    noise = [one.found.noise_best for one in tried if one.found.noise_best is not None]
    most = max(noise, key=lambda r: nearness(r, "b")) if noise else None
    return {
        "picture": rows[0][0].picture, "tried": sum(one.found.tried for one in tried),
        "noise": {
            "tried": sum(one.found.noise_tried for one in tried),
            "best": None if most is None else read(most),
        },
        "suggestions": [_row(one, laid, k, sources[laid.number][1]) for one, laid, k in rows],
    }  # fmt: skip


def _row(one: _Tried, laid: Laid, place: int, text: str) -> dict[str, Any]:
    """``by_noise`` and ``noise``: of this size, at this place; None until they are measured."""
    before, there = one.found.before, one.found.there
    row = {
        "picture": one.picture, "patch": laid.patch.word, "told": text, "before": read(before),
        "now": read(laid.now), "push": pushed(before, laid.now, "b"),
        "turned": nearness(laid.now, "b") == 0 > nearness(before, "b"),
        "by_noise": None, "noise": None, "beyond": None,
    }  # fmt: skip
    if there is not None:
        mean, sd = spread([pushed(before, r, "b") for r in there[place].draws])
        row |= {"by_noise": (mean, sd), "noise": control(there[place]),
                "beyond": row["push"] - mean > 2 * sd}  # fmt: skip
    return row


# ---- what is open ----


def _photographs(bench: Bench, model: str, index: int, most: int) -> list[str]:
    """Open pictures whose label is a class: those first that are answered so, the surest first."""
    categories = bench.classifier(model).categories
    mine = [p.key for p in bench.library.pictures() if categories.index_of_label(p.label) == index]

    def lead(key: str) -> float:
        logits = bench.open(model, key).logits
        others = max(float(v) for i, v in enumerate(logits) if i != index)
        return float(logits[index]) - others

    if len(mine) <= 1:
        return mine
    return sorted(mine[:LOOKED_AT], key=lead, reverse=True)[:most]


def _showing(bench: Bench, model: str, index: int) -> tuple[list[str], bool]:
    """Open pictures of a class; without any the class's own picture, drawn by the program, is
    opened."""
    keys = _photographs(bench, model, index, PICTURES)
    if keys:
        return keys, True
    name = bench.classifier(model).categories.names[index]
    pack = bench.starter.fitting(bench.classifier(model).fingerprint, bench.config["seed"])
    drawn = None if pack is None else pack.picture(CLASSES, index)
    if drawn is None:
        raise UserError(f"no picture of a {name} is open: open a folder with one")
    return [bench.library.add(drawn.data, name=f"{name}, drawn by the program").key], False


def _laid(bench: Bench, model: str, index: int, atlas: str | None) -> Sourced:
    """Patches of a class: parts of open pictures of it, its drawn picture, and the atlas cells that
    speak for it most."""
    sources: list[tuple[str, tuple[str, ...], str]] = []
    name = bench.classifier(model).categories.names[index]
    for key in _photographs(bench, model, index, PHOTOGRAPHS):
        found = bench.library.find(key)
        whose = found.name if found else name
        sources += [("crop", (key, box), f"{part} of {whose}") for part, box in CROPS.items()]
    sources += _drawn(bench, model, index, name, atlas)
    patches = [(Patch(kind, source), text) for kind, source, text in sources]
    return [(Candidate(patch, texture(bench, model, patch)), text) for patch, text in patches]


def _drawn(
    bench: Bench, model: str, index: int, name: str, atlas: str | None
) -> list[tuple[str, tuple[str, ...], str]]:
    """Where drawn pictures of a class are."""
    sources: list[tuple[str, tuple[str, ...], str]] = []
    pack = bench.starter.fitting(bench.classifier(model).fingerprint, bench.config["seed"])
    if pack is not None and pack.picture(CLASSES, index) is not None:
        sources.append(("icon", (CLASSES, str(index)), f"the drawn picture of {name}"))
    if atlas is not None:
        grid = (found := map_of(bench, model, atlas)).grid(max(found.sides))
        on = grid.on_class(index)
        cells = pushing_cells(grid.col, grid.row, on, count=CELLS, drawn=grid.drawn)
        sources += [("cell", (atlas, f"{grid.side},{c}"), f"an atlas cell that speaks for {name}")
                    for c in cells]  # fmt: skip
    return sources


RECIPE_TASKS: dict[str, Task] = {"bench_recipe": bench_recipe}
