"""An explanation for a terminal."""

from typing import Any

from analysis.explain import sentence
from dashboard.cli_names import with_origin
from dashboard.cli_output import signed, table

NEURONS = 5


def explained(found: dict[str, Any]) -> list[str]:
    """The claim, what carries it layer by layer, and how the checks came out."""
    lines = [sentence(found)]
    if not found["network"]["trained"]:
        lines.append("(an untrained network: its weights are random)")
    lines += ["", "Neurons with the largest effect on the margin"]
    lines += table(("layer", "neuron: effect", "strongest place", "group: measured"), [
        (one["layer"], _neurons(one), _place(one), _group(one)) for one in found["layers"]
    ])  # fmt: skip
    lines += _called(found)
    checks = [c for c in found["checks"] if c["removed"] == "neurons"]
    lines += ["", "Check: the margin without the neurons that carry it, and without others"]
    head = ("layer", "removed", "as it is", "without", "equally active", "random", "flips", "")
    lines += table(head, [_check(c) for c in checks])
    return lines


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


def _control(found: dict[str, Any] | None) -> str:
    return f"{signed(found['mean'])} ± {signed(found['sd'])[1:]}" if found else "-"
