"""Tasks of the claim of Errors: which neurons, or groups of them, carry one picture's margin, and
the same of every layer of the ladder.

``known`` is part of the question as in ``tasks_errors``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from analysis.attribution import LayerEffect, Target
from analysis.claim import check_claim, check_places, claimed, leading_places, smallest
from analysis.doubt import right_twin
from analysis.faithfulness import Check
from analysis.flips import leading
from analysis.groupchecks import GroupCheck, check_groups, claimed_groups
from analysis.layers import ladder
from analysis.tail import Tail
from analysis.turns import InTurn
from cache.errors import UserError
from dashboard.answered import answered, of_picture
from dashboard.bench import Bench
from dashboard.grids import numbers
from dashboard.norms import against_norm
from dashboard.protocol import Progress, Task
from dashboard.tasks_check import find_picture_groups, told_control, told_group, told_measured


@dataclass(frozen=True, eq=False)
class Asked:
    """One layer of one picture, and the margin that is explained."""

    bench: Bench
    model: str
    picture: str
    one: LayerEffect
    target: Target
    tail: Tail

    @property
    def seed(self) -> int:
        """Draws the controls."""
        return int(self.bench.config["seed"])

    def kept(self, what: str, make: Any) -> Any:
        """What was measured of this before, or is now."""
        key = (what, self.model, self.picture, self.one.layer.name, self.target)
        return self.bench.kept.get(key, make)

    def claimed(self) -> InTurn:
        """The neurons of the claim."""
        found: InTurn = self.kept("claimed", lambda: claimed(self.tail, self.one, self.target))
        return found

    def checked(self) -> Check:
        """The claim measured, without the smallest sets."""
        found: Check = self.kept("checked", lambda: self.check(self.claimed()))
        return found

    def check(self, claim: InTurn) -> Check:
        """A part of the claim measured."""
        return check_claim(self.tail, self.one, self.target, claim, seed=self.seed)


def claim(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    drop: list[int], known: int,
) -> dict[str, Any]:  # fmt: skip
    """Which neurons and places gave ``a`` the lead over ``b``, measured: the claim of Errors.

    ``drop``: neurons that are left out of the removal. ``rows`` hold all of the evidence, also what
    was left out; ``gradients``: more than one where the neurons were chosen in turn.
    """
    asked = _asked(bench, model, picture, layer, a, b)
    tail, one, target, whole = asked.tail, asked.one, asked.target, asked.claimed()
    channels = [c for c in whole.channels if c not in drop]
    found = asked.check(whole.only(channels)) if drop else asked.checked()
    # the smallest sets do not depend on what is dropped, and take long
    flip, turned = asked.kept("smallest", lambda: smallest(tail, one, target, whole))
    rows = [{"channel": c, "effect": e} for c, e in zip(whole.channels, whole.effects, strict=True)]
    here = one.activation.mean(1)
    return {
        "layer": layer, "channels": channels, "gradients": whole.gradients,
        **told_measured(replace(found, flip=flip, reversal=turned)),
        **asked.kept("places", lambda: _places(asked)),
        "evidence": against_norm(bench, model, one.layer, target, here, rows),
        "twin": _twin(bench, model, picture, target),
    }  # fmt: skip


def claim_groups(
    bench: Bench, *, model: str, picture: str, layer: str, a: int | None, b: int | None,
    drop: list[int], known: int,
) -> dict[str, Any]:  # fmt: skip
    """The same of the picture's neuron groups, all of which are ``rows``: {group, effect, map,
    channels}, those that speak most for the leader first. ``drop``: those whose tick is turned, so
    that a claimed one is left out and another one taken in."""
    asked = _asked(bench, model, picture, layer, a, b)
    tail, one, target = asked.tail, asked.one, asked.target
    groups, _ = find_picture_groups(bench, model, picture, layer, a, b)
    side = leading(float(target.margin(tail.logits)[0]), target)
    whole = asked.kept("groups claimed", lambda: claimed_groups(tail, groups, one, target))
    effects = groups.effects(one)
    order = sorted(range(len(groups)), key=lambda g: -effects[g] * side)
    chosen = [g for g in order if (g in whole) != (g in drop)]
    found = asked.kept(f"groups {chosen}", lambda: check_groups(
        tail, groups, one, target, chosen, seed=asked.seed
    ))  # fmt: skip
    rows, cols = groups.layer.grid or (1, 1)
    return {
        "layer": layer, "groups": chosen, "channels": [], "rows": rows, "cols": cols,
        **told_measured(found), "explained": groups.explained,
        "evidence": [{**told_group(groups, g), "effect": float(effects[g])} for g in order],
        "twin": _twin(bench, model, picture, target),
    }  # fmt: skip


def claim_ladder(
    bench: Bench, *, model: str, picture: str, a: int | None, b: int | None, tab: str,
    layer: str | None = None,
) -> Iterator[Progress]:  # fmt: skip
    """Each layer's own claim, of neurons or (``tab``) groups: {layer: {count, before, without,
    times: the random control, verdict}}, None where nothing there can be claimed. ``layer``: one
    more, that is not on the ladder."""
    names = [step.name for step in ladder(bench.classifier(model))]
    names += [layer] if layer is not None and layer not in names else []
    found: dict[str, Any] = {}
    for name in names:
        asked = _asked(bench, model, picture, name, a, b, aside=True)
        yield Progress(len(found), len(names), dict(found))
        if tab == "groups":
            told = _step_of_groups(asked)
        else:
            asked.claimed()
            yield Progress(len(found), len(names), dict(found))
            checked = asked.checked()
            told = _step(checked, len(checked.channels))
        found[name] = told
    return found


def _step_of_groups(asked: Asked) -> dict[str, Any]:
    groups, one = find_picture_groups(
        asked.bench, asked.model, asked.picture, asked.one.layer.name,
        asked.target.a, asked.target.rather_than,
    )  # fmt: skip
    tail, target = asked.tail, asked.target
    whole = asked.kept("groups claimed", lambda: claimed_groups(tail, groups, one, target))
    found = asked.kept(f"groups {whole}", lambda: check_groups(
        tail, groups, one, target, whole, seed=asked.seed
    ))  # fmt: skip
    return _step(found, len(whole))


def _step(found: Check | GroupCheck, count: int) -> dict[str, Any]:
    random, way = found.random, 1 if found.effect >= 0 else -1
    fair = random is not None and random.moved > 0
    moved = way * found.measured / random.moved if fair and random is not None else None
    return {
        "count": count, "before": found.before, "without": found.without, "times": moved,
        "verdict": found.verdict,
    }  # fmt: skip


def _asked(
    bench: Bench, model: str, picture: str, layer: str, a: int | None, b: int | None, *,
    aside: bool = False,
) -> Asked:  # fmt: skip
    """``aside``: another layer's tail, made for this once, drives none out that is looked at."""
    attributed = bench.attribution(model, picture, layer, a, b)
    name = bench.layer(model, layer).name
    tail = bench.tails.peek((model, picture, name)) if aside else None
    if aside and tail is None:
        tail = Tail(bench.classifier(model).module, name, bench.open(model, picture).x)
    return Asked(bench, model, picture, attributed.layers[name], attributed.target,
                 tail or bench.tail(model, picture, layer))  # fmt: skip


def _places(asked: Asked) -> dict[str, Any]:
    """The map of the effect, and the removal of the places that speak most for the leader."""
    one, target = asked.one, asked.target
    rows, cols = one.per_place.shape
    shown = {"map": {"rows": rows, "cols": cols, "values": numbers(one.per_place)}}
    places = leading_places(one, asked.checked().before, target)
    if not places:
        return {**shown, "places": None}
    found = check_places(asked.tail, one, target, places, seed=asked.seed)
    return {**shown, "places": {
        "at": [list(p) for p in found.places], "effect": found.effect, "before": found.before,
        "without": found.without, "random": told_control(found.random),
        "equal": told_control(found.equal), "verdict": found.verdict,
    }}  # fmt: skip


def _twin(bench: Bench, model: str, picture: str, target: Target) -> dict[str, Any] | None:
    """The nearest picture of the class instead of which that is answered right; none where that is
    a copy of this one under another label, or was deleted."""
    try:
        found = answered(bench, model)
    except UserError:
        return None
    row = found.rows.get(picture)
    if row is None or target.rather_than is None:
        return None
    wanted = target.rather_than
    twin = right_twin(found.judged, found.answers.vectors, row, wanted)
    if twin is None or found.picture(twin).key == picture:
        return None
    try:
        found.picture(twin).read()
    except UserError:
        return None
    return of_picture(found, twin)


CLAIM_TASKS: dict[str, Task] = {
    "claim": claim, "claim_groups": claim_groups, "claim_ladder": claim_ladder,
}  # fmt: skip
