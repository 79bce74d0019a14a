"""The benchmark ``errors`` in tables: one row a layer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.errors_one import Record
from dashboard import cli_output as out

AIMS = "random 8, equally active 4, rank .9 (first layer .5), curves above 0"
NOTES = """\
in turn: of the pictures, those whose neurons were chosen in turn. effect: as attributed; loss: what
the margin really loses, in its direction; medians, in logits.
x random, x equal: the loss, over how far as many random (equally active) others move the margin
either way: the median of the pictures, then the ratio of the means. equal lose: what the margin
loses without the equally active; below 0: they speak against it. fair: pictures with a fair
control, and the median of those. seconds: to attribute, and to check; medians.
rank: Spearman of effects and single removals, median (quarter, three quarters).
deletion: the mean margin while neurons go at random, less that while they go in order of effect, in
logits; insertion: the other way round, while they come. beats: of the pictures, those above 0.
spread: sd of the random orders, median."""


def tables(layers: Mapping[str, Mapping[str, Record]], keys: Sequence[str]) -> list[str]:
    """Lines: the top neurons' removal, then ranks and curves, of these pictures."""
    removals = {name: _of(found, keys, "removal") for name, found in layers.items()}
    ranks = {name: _of(found, keys, "ranked") for name, found in layers.items()}
    return [
        "", "without the 5 % of the neurons that speak most for the margin",
        *_table(removals, removed),
        "", "in order of effect", *_table(ranks, ordered), "",
        NOTES,
        f"aims: {AIMS}",
    ]  # fmt: skip


def _of(found: Mapping[str, Record], keys: Iterable[str], part: str) -> list[Record]:
    return [found[key][part] for key in keys if part in found.get(key, {})]


def _table(layers: Mapping[str, list[Record]], row: Any) -> list[str]:
    rows = [{"layer": name, **row(found)} for name, found in layers.items() if found]
    if not rows:
        return ["(nothing measured)"]
    return out.table(list(rows[0]), [list(r.values()) for r in rows])


def removed(found: Sequence[Record]) -> dict[str, Any]:
    """A row of the first table."""
    fair = [r for r in found if r["fair"]]
    signed = [r["signed"] for r in found if r["signed"] is not None]
    equal, means = ratios(found, "equal")
    return {
        "errors": len(found), "neurons": found[0]["neurons"],
        "in turn": f"{np.mean([r.get('turns', False) for r in found]):.0%}",
        "margin": _two(np.median([r["before"] for r in found])),
        "effect": _two(np.median([abs(r["effect"]) for r in found])),
        "loss": _two(np.median([r["measured"] for r in found])),
        "x random": _two(ratios(found, "random")[0]),
        "of means": _two(ratios(found, "random")[1]),
        "x equal": _two(equal), "of means ": _two(means),
        "equal lose": _two(np.median(signed)) if signed else "-",
        "fair": len(fair), "x equal, fair": _two(ratios(fair, "equal")[0]),
        "confirmed": _share(found, "confirmed"),
        "no fair control": _share(found, "no fair control"),
        "not confirmed": _share(found, "not confirmed"),
        "attributed s": _two(np.median([r["attributed"] for r in found])),
        "checked s": _two(np.median([r["seconds"] for r in found])),
    }  # fmt: skip


def ratios(found: Sequence[Record], control: str) -> tuple[float, float]:
    """The loss over what a control moves: the median of the pictures' ratios, and the ratio of the
    means; pictures without that control left out."""
    pairs = [(r["measured"], r[control]) for r in found if r[control] is not None]
    if not pairs:
        return float("nan"), float("nan")
    lost, moved = np.array(pairs).T
    each = lost / np.maximum(moved, 1e-9)
    return float(np.median(each)), float(lost.mean() / max(moved.mean(), 1e-9))


def ordered(found: Sequence[Record]) -> dict[str, Any]:
    """A row of the second table."""
    random = np.array([np.mean(r["random"]) for r in found])
    deletion = random - [r["deletion"] for r in found]
    insertion = np.array([r["insertion"] for r in found]) - random
    ranks = [r["rank"] for r in found if r["rank"] is not None]
    spread = [np.std(r["random"], ddof=1) if len(r["random"]) > 1 else 0.0 for r in found]
    return {
        "errors": len(found), "singles": int(np.median([r["singles"] for r in found])),
        "rank": _quarters(ranks), "deletion": _quarters(deletion),
        "beats": f"{(deletion > 0).mean():.0%}", "insertion": _quarters(insertion),
        "beats ": f"{(insertion > 0).mean():.0%}", "spread": _two(np.median(spread)),
    }  # fmt: skip


def _share(found: Sequence[Record], verdict: str) -> str:
    return f"{np.mean([r['verdict'] == verdict for r in found]):.0%}"


def _quarters(values: Any) -> str:
    if not len(values):
        return "-"
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f}, {high:.2f})"


def _two(value: Any) -> str:
    return f"{float(value):.2f}"
