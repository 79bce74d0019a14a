"""What a finding keeps of the patch bench: the patch or the faders that the address names, measured
once more, with noise of the same size beside the patch.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from analysis.pasting import Patch
from analysis.reportparts import LOGITS
from analysis.reportparts import number as signed
from cache.errors import UserError
from cache.finding import Number
from dashboard.components import share
from dashboard.selection import fade_of
from dashboard.views.context import Context

DRAWS = 8  # of noise, as on the bench
KINDS = {
    "crop": "a part of another picture", "icon": "an icon", "cell": "an atlas cell",
    "noise": "noise", "blur": "a blur", "flat": "a colour",
}  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """A sentence of what was tried, and its numbers."""

    sentence: str
    numbers: list[Number] = field(default_factory=list)


def tried_on(here: Context) -> list[Tried]:
    """What lies on the bench, measured; where it cannot be, the line that says why."""
    found = []
    for word, measure in ((here.chosen.patch, _patched), (here.chosen.fade, _faded)):
        if word is not None and here.chosen.view == "errors":
            try:
                found.append(measure(here, word))
            except UserError as error:
                found.append(Tried("", [Number("on the bench", str(error))]))
    return found


def patched(here: Context) -> bytes | None:
    """The picture with its patch (PNG); None where none lies on it, or it cannot be laid."""
    if here.chosen.patch is None or here.chosen.view != "errors":
        return None
    given = {"model": here.model, "picture": here.picture, "patch": here.chosen.patch}
    try:
        return base64.b64decode(here.service.jobs.call("bench_picture", **given))
    except UserError:
        return None  # its numbers say why (``tried_on``)


def _patched(here: Context, word: str) -> Tried:
    patch = Patch.parse(word)
    found = here.service.ask("bench_trial", **here.question, patch=word, draws=DRAWS)
    now, (mean, sd) = found["now"], found["noise"]["margin"]
    what, answer = KINDS[patch.kind], here.name(now["answer"])
    sentence = (
        f"With {what} laid on it the margin is {signed(now['margin'])} (it says {answer}), "
        f"with noise of the same size {signed(mean)} \u00b1 {sd:.1f}."
    )
    return Tried(sentence, [
        Number("with the patch", now["margin"], unit=LOGITS),
        Number("with noise of the same size", mean, sd, LOGITS),
        Number("the patch", f"{what}, size {patch.size:.0%}, opacity {patch.opacity:.0%}"),
        Number("answer with the patch", f"{answer}, {share(now['share'])}"),
        *_chances(here, now, found["noise"]["probabilities"]),
    ])  # fmt: skip


def _chances(here: Context, now: dict[str, Any], noise: list[list[float]]) -> list[Number]:
    """Both classes with the patch, and with noise."""
    return [
        Number(f"{here.name(c)} with the patch",
               f"{share(now['probabilities'][i])}, with noise {share(noise[i][0])}")
        for i, c in enumerate((here.a, here.b))
    ]  # fmt: skip


def _faded(here: Context, word: str) -> Tried:
    neurons, groups = fade_of(word)
    found = here.service.ask("bench_fade", **here.at_layer, fade=word)
    now = found["now"]
    factors = [*((f"neuron {unit}", f) for unit, f in neurons.items()),
               *((f"group {group + 1}", f) for group, f in groups.items())]  # fmt: skip
    turned = ", ".join(f"{name} times {factor:g}" for name, factor in factors)
    answer = here.name(now["answer"])
    sentence = f"With {turned} the margin is {signed(now['margin'])} (it says {answer})."
    return Tried(sentence, [
        Number("with the faders", now["margin"], unit=LOGITS), Number("the faders", turned[:300]),
        Number("answer with the faders", f"{answer}, {share(now['share'])}"),
    ])  # fmt: skip
