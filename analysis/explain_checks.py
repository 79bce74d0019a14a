"""The checks of an explanation as plain data: what each layer's neurons and groups really move."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.attribution import LayerEffect, Target
from analysis.controls import Control
from analysis.faithfulness import Check, check
from analysis.flips import leading
from analysis.groupchecks import GroupCheck, check_groups
from analysis.groups import Groups
from analysis.tail import Tail

if TYPE_CHECKING:
    from analysis.models import Classifier

GROUP_DRAWS = 8


def checks_of(
    classifier: "Classifier", tail: Tail, one: LayerEffect, groups: Groups | None,
    target: Target, *, seed: int, channels: Sequence[int] | None = None,
    place: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The neurons that carry the margin (or ``channels``, or those of one ``place``), and the group
    that speaks most for the side ahead: each removed and measured, as plain data."""
    neurons = check(tail, one, target, channels=channels, place=place, seed=seed)
    rows = [{
        "layer": one.layer.name, "removed": "neurons", "channels": neurons.channels,
        **_measured(classifier, neurons),
    }]  # fmt: skip
    if groups is not None and len(groups):
        strongest = int(np.argmax(groups.effects(one) * leading(neurons.before, target)))
        group = check_groups(
            tail, groups, one, target, [strongest], draws=GROUP_DRAWS, seed=seed, flip=False
        )
        rows.append({
            "layer": one.layer.name, "removed": "group", "group": strongest,
            **_measured(classifier, group),
        })  # fmt: skip
    return rows


def _measured(classifier: "Classifier", found: Check | GroupCheck) -> dict[str, Any]:
    names = classifier.categories.names
    flip = found.flip
    return {
        "effect": found.effect, "margin": found.before, "without": found.without,
        "measured": found.measured, "answer_without": names[found.answer_without],
        "random": _control(found.random), "equally_active": _control(found.equal),
        "smallest_flip": None if flip is None else {
            "count": flip.count, "channels": flip.channels, "answer": names[flip.answer],
            "margin": flip.margin,
        },
        "confirmed": found.confirmed, "verdict": found.verdict,
        "also_changed": [
            {"class": names[s.index], "index": s.index, "before": s.probabilities[0],
             "without": s.probabilities[1]} for s in found.shifts
        ],
    }  # fmt: skip


def _control(found: Control | None) -> dict[str, Any] | None:
    """The margin without others: its mean and spread; ``match`` 1 = just as active."""
    if found is None:
        return None
    return {
        "mean": found.mean, "sd": found.sd, "draws": len(found.margins), "match": found.match,
    }  # fmt: skip
