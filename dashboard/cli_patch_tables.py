"""What patches do, for a terminal and for ``--json``: names in place of numbers, and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.cli_output import signed, table

Found = dict[str, Any]
SHOWN = 12  # lines of a table


@dataclass(frozen=True)
class Names:
    """The names of a network's classes (``all``), and the indices of the two that are compared."""

    all: Sequence[str]
    a: int
    b: int

    @property
    def told(self) -> Found:
        """Both classes, as other commands tell them."""
        return {"said": {"class": self.all[self.a], "index": self.a},
                "rather_than": {"class": self.all[self.b], "index": self.b}}  # fmt: skip

    @property
    def two(self) -> tuple[str, str]:
        """The names of both."""
        return self.all[self.a], self.all[self.b]

    def spoken(self, found: Found) -> Found:
        """A trial with the answers' names."""
        before, now = ({**found[k], "answer": self.all[found[k]["answer"]]}
                       for k in ("before", "now"))  # fmt: skip
        return {**found, "before": before, "now": now}

    def summed(self, whole: Found) -> Found:
        """A summary with the name of the class that is counted."""
        return {**whole, "towards": self.all[whole["towards"]]}


def trial_lines(found: Found, names: Names) -> list[str]:
    """Both classes as they are, with the patch, and with noise of its size."""
    before, now, noise = found["before"], found["now"], found["noise"]
    rows = []
    for side, name in enumerate(names.two):
        mean, sd = noise["probabilities"][side]
        level, spread = noise["logits"][side]
        shares = (_share(x["probabilities"][side]) for x in (before, now))
        rows.append((name, "probability", *shares, f"{_share(mean)} ± {_share(sd)}"))
        rows.append(
            (
                "",
                "logit",
                *(f"{x['logits'][side]:.2f}" for x in (before, now)),
                f"{level:.2f} ± {spread:.2f}",
            )
        )
    mean, sd = noise["margin"]
    rows.append(
        (
            "margin",
            "",
            signed(before["margin"]),
            signed(now["margin"]),
            f"{signed(mean)} ± {sd:.2f}",
        )
    )
    rows.append(("it says", "", names.all[before["answer"]], names.all[now["answer"]], ""))
    lines = table(("", "", "as it is", "with the patch", "with noise"), rows)
    if not found["beyond"]:
        lines.append("Noise of this size moves the margin as far: the patch shows nothing.")
    return lines


def curve_lines(rows: Sequence[Found]) -> list[str]:
    """The records of a curve."""
    shown = [
        (row["size"], row["said_now"], signed(row["margin_now"]),
         f"{signed(row['margin_noise'])} ± {row['margin_noise_sd']:.2f}")
        for row in rows
    ]  # fmt: skip
    return table(("size", "it says", "margin", "with noise"), shown)


def pushed_lines(rows: Sequence[Found]) -> list[str]:
    """The first of the patches that were suggested."""
    shown = [
        (row["what"], row["said_now"], signed(row["push"]),
         f"{signed(row['push_by_noise'])} ± {row['push_by_noise_sd']:.2f}", row["patch"])
        for row in rows[:SHOWN]
    ]  # fmt: skip
    return [*table(("what", "it says", "push", "by noise", "patch"), shown), *_more(len(rows))]


def all_lines(found: Found, names: Names, rows: Sequence[Found]) -> list[str]:
    """How many changed, the means, and the first pictures."""
    whole = found["summary"]
    target = names.all[whole["towards"]]
    lines = [f"{whole['changed']} of {whole['could']} pictures changed to {target}; with noise of "
             f"the same size {whole['by_noise']:.1f}"]  # fmt: skip
    if already := whole["pictures"] - whole["could"]:
        lines.append(f"{already} said {target} before")
    if found["unread"]:
        lines.append(f"{len(found['unread'])} cannot be read: {found['unread'][0]}")
    means = [(name, *(_share(p[side]) for p in whole["probabilities"]))
             for side, name in enumerate(names.two)]  # fmt: skip
    means.append(("margin", *(signed(v) for v in whole["margin"])))
    lines += ["", *table(("mean probability", "before", "now", "noise"), means), ""]
    letter = "b" if whole["towards"] == names.b else "a"
    shown = [
        (row["picture"], row["said_before"], row["said_now"],
         *(_share(row[f"probability_{letter}_{when}"]) for when in ("before", "now", "noise")))
        for row in sorted(rows, key=lambda r: not r["changed"])[:SHOWN]
    ]  # fmt: skip
    head = ("picture", "said", "says", f"{target}, before", "now", "noise")
    return [*lines, *table(head, shown), *_more(len(rows))]


def recipe_lines(found: Found, names: Names, rows: Sequence[Found]) -> list[str]:
    """The best of all that were tried, noise beside it, and each patch at its best."""
    best, target = rows[0], names.all[names.b]
    on = f"{found['pictures']} photographs" if found["pictured"] else "the drawn picture"
    on = "a photograph" if on.startswith("1 ") else on
    change = f"{_share(best['probability_b_before'])} -> {_share(best['probability_b_now'])}"
    if best["turned"]:
        first = f"Best of {found['tried']} tried on {on}: now says {target}, {change}"
    else:
        first = (f"None of {found['tried']} tried on {on} makes it say {target}; the nearest: "
                 f"{change}, and it says {best['said_now']}")  # fmt: skip
    noise = found["noise"]["best"]
    mean, sd = best["probability_b_noise"], best["probability_b_noise_sd"]
    lines = [
        first,
        f"noise of its size at its place: {_share(mean)} ± {_share(sd)}",
        f"noise with the same sizes and places to choose from, {found['noise']['tried']} tried: "
        f"{_share(noise['probabilities'][1])} at best, and it says {names.all[noise['answer']]}",
    ]
    shown = [
        (row["what"], row["said_now"], _share(row["probability_b_now"]),
         _share(row["probability_b_noise"]), row["patch"])
        for row in rows[:SHOWN]
    ]  # fmt: skip
    head = ("what", "it says", target, "noise there", "patch")
    return [*lines, "", *table(head, shown), *_more(len(rows))]


def cost_lines(found: Found, names: Names) -> list[str]:
    """What faders cost over labelled pictures."""
    before, now = found["right"]
    lines = [f"Right over {found['pictures']} labelled pictures: {before} -> {now} "
             f"({found['gained']} gained, {found['lost']} lost)"]  # fmt: skip
    for letter, name in zip("ab", names.two, strict=True):
        was, becomes, count = found[f"of_{letter}"]
        if count:
            lines.append(f"of {count} pictures of {name}: {was} -> {becomes}")
    return lines + ([f"{len(found['unread'])} cannot be read"] if found["unread"] else [])


def _more(count: int) -> list[str]:
    return [f"and {count - SHOWN:,} more (--json, or -o TABLE.csv)"] if count > SHOWN else []


def _share(probability: float) -> str:
    return f"{probability:.1%}"
