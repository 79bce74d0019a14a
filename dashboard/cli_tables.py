"""An explanation, and one neuron, for a terminal."""

from collections.abc import Sequence
from typing import Any

from analysis.explain import sentence
from dashboard.cli_names import with_origin
from dashboard.cli_output import mark, named, signed, table

NEURONS = 5


def explained(found: dict[str, Any]) -> list[str]:
    """The claim, what carries it layer by layer, and how the checks came out."""
    lines = [sentence(found), *mark(trained=found["network"]["trained"])]
    lines += ["", "Neurons with the largest effect on the margin"]
    lines += table(("layer", "neuron: effect", "strongest place", "group: measured"), [
        (one["layer"], _neurons(one), _place(one), _group(one)) for one in found["layers"]
    ])  # fmt: skip
    lines += _called(found)
    checks = [c for c in found["checks"] if c["removed"] == "neurons"]
    lines += ["", "Check: the margin without the neurons that carry it, and without others"]
    head = ("layer", "removed", "as it is", "without", "equally active", "random", "flips", "")
    lines += table(head, [_check(c) for c in checks])
    return lines + _also(checks)


def _neurons(one: dict[str, Any]) -> str:
    return "  ".join(f"{n['channel']}: {signed(n['effect'])}" for n in one["channels"][:NEURONS])


def _called(found: dict[str, Any]) -> list[str]:
    """What those neurons are called, layer by layer, as far as they have names."""
    rows = [
        (one["layer"], row["channel"], with_origin(row))
        for one in reversed(found["layers"]) for row in one["channels"][:NEURONS]
        if row.get("name")
    ]  # fmt: skip
    return ["", "What they are called", *table(("layer", "neuron", "name"), rows)] if rows else []


def _place(one: dict[str, Any]) -> str:
    if not one["positions"]:
        return "-"
    first = one["positions"][0]
    return f"{first['at'][0]},{first['at'][1]}: {signed(first['effect'])}"


def _group(one: dict[str, Any]) -> str:
    if not one["groups"]:
        return "-"
    first = max(one["groups"], key=lambda g: abs(g["measured"]))
    return f"{first['group']}: {signed(first['measured'])}"


def _check(check: dict[str, Any]) -> tuple[Any, ...]:
    flip = check["smallest_flip"]
    return (
        check["layer"], len(check["channels"]), signed(check["margin"]), signed(check["without"]),
        _control(check["equally_active"]), _control(check["random"]),
        f"{flip['count']}: {flip['answer']}" if flip else "no set",
        check["verdict"],
    )  # fmt: skip


def _also(checks: list[dict[str, Any]]) -> list[str]:
    """What the removals do to other classes."""
    rows = [
        (c["layer"], s["class"], f"{s['before']:.1%}", f"{s['without']:.1%}")
        for c in checks for s in c["also_changed"]
    ]  # fmt: skip
    head = ("layer", "class", "as it is", "without")
    return ["", "Also changed by it", *table(head, rows)] if rows else []


def _control(found: dict[str, Any] | None) -> str:
    return f"{signed(found['mean'])} ± {signed(found['sd'])[1:]}" if found else "-"


# ---- one neuron ----


def neuron_lines(found: dict[str, Any], *, trained: bool) -> list[str]:
    """What is known of a neuron, one short table after the other."""
    name = f": {with_origin(found)}" if found["name"] else ""
    lines = [f"{found['layer']}, neuron {found['channel']}{name}", *mark(trained=trained)]
    lines += _responses(found["responses"]) + _patches(found["patches"])
    lines += _weights(found["weights"])
    if found["trust"]:
        lines += _trust(found["trust"])
    return lines + (_links(found) if "drives" in found else [])


def _responses(found: dict[str, Any]) -> list[str]:
    head = f"Strongest response {found['maximum']:.2f} on {found['pictures']} pictures"
    left_out = [f"cannot be read: {text}" for text in found["skipped"]]
    rows = [(c["mean"], c["pictures"], c["class"]) for c in found["classes"][:NEURONS]]
    return [head, *left_out, "", "Classes that it answers most",
            *table(("mean", "pictures", "class"), rows)]  # fmt: skip


def _patches(found: dict[str, Any]) -> list[str]:
    rows = [
        (kind, row["value"], _at(row["place"]), row["picture"])
        for kind, rows in found.items() for row in rows[:NEURONS]
    ]  # fmt: skip
    return ["", "Real patches", *table(("", "response", "place", "picture"), rows)]


def _weights(found: dict[str, Any]) -> list[str]:
    lines = [""]
    if found["source"]:
        rows = [(r["channel"], signed(r["weight"])) for r in found["rows"]]
        lines.append(f"Weights into it, from {found['source']}: {len(rows)} of {found['all']}")
        lines += table(("neuron", "weight"), rows)
    else:
        lines.append("Its weights come from the picture itself")
    if found["classes"]:
        lines += ["", "Weights out of it, to the classes: the most and the least"]
        rows = [(signed(r["weight"]), r["class"]) for r in found["classes"]]
        lines += table(("weight", "class"), rows)
    return lines


def _trust(found: dict[str, Any]) -> list[str]:
    kind = "reference photographs" if found["reference"] else "pictures"
    reached = f"{found['ratio']:.1f} times" if found["ratio"] else "no picture excites it, and not"
    facts = [
        f"the icon excites it {reached} the strongest of {found['pictures']} {kind}",
        f"pictures below the icon: {found['percentile']:.0f} of 100",
        f"its rank among all neurons on this icon: {found['rank']} of {found['units']}",
    ]
    if found["agreement"] is not None:
        facts.append(f"how alike the seeds' pictures are to the layer: {found['agreement']:.2f}")
    if found["spread"] is not None:
        facts.append(f"spread of their activation: ± {100 * found['spread']:.0f} %")
    return ["", f"How far to trust its icon: {found['sentence']}", *facts]


def _links(found: dict[str, Any]) -> list[str]:
    at = found["at"]
    where = f"on {named(found['file'])}" + (f" at {_at(at)}" if at else "")
    if not found["activation"]:
        return ["", f"It does not fire {where}: nothing to trace"]
    lines = ["", f"It fires {where}: {found['activation']:.2f}"]
    feeds, drives = found["feeds"], found["drives"]
    if feeds is not None:
        both = feeds["together"]
        lines += ["", f"What makes it fire, in {feeds['layer']}", *_effects(feeds["rows"])]
        lines.append(f"these {both['count']} together: estimated {signed(both['expected'])}, "
                     f"measured {signed(both['measured'])}")  # fmt: skip
    target = drives["layer"] or "the logits"
    return [*lines, "", f"What it makes fire, in {target}", *_effects(drives["rows"])]


def _effects(rows: list[dict[str, Any]]) -> list[str]:
    """Neurons with the place where they act, or classes, which have none."""
    shown = [
        (row["channel"], signed(row["effect"]), signed(row["measured"]),
         row.get("class") or _at(row["place"])) for row in rows
    ]  # fmt: skip
    last = "class" if rows and "class" in rows[0] else "place"
    return table(("class" if last == "class" else "neuron", "estimated", "measured", last), shown)


def _at(place: Sequence[int] | None) -> str:
    return "-" if place is None else f"{place[0]},{place[1]}"
