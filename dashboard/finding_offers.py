"""What a view offers to be kept: its sentence with the measured numbers, and the command that
measures it again. Every number is measured (or remembered) here; none comes from the page."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from analysis.reportparts import LOGITS
from analysis.reportparts import number as signed
from cache.errors import UserError
from cache.finding import LONG, WORDS, Finding, Number
from dashboard import selection
from dashboard.components import share
from dashboard.error_desk import ErrorDesk
from dashboard.service import Service
from dashboard.views import errors_case
from dashboard.views.context import Context

NAMED = 6  # neurons that a sentence names by number
Claim = dict[str, Any]


def at(service: Service, href: str) -> Context:
    """What an address of the page speaks of."""
    try:
        parts = urlsplit(href)
    except ValueError as error:
        raise UserError("this is no address of a view") from error
    return Context(selection.parse(parts.path, parts.query), service)


def claim_of(here: Context, desk: ErrorDesk) -> Claim | None:
    """What the view claims, as measured: of Errors' one picture and of Explore's check. None where
    the view claims nothing."""
    chosen = here.chosen
    if chosen.view == "errors" and chosen.stage == "picture":
        return errors_case.claim_of(here, desk)
    if chosen.view != "explore":
        return None
    place = list(chosen.place) if chosen.place else None
    answer: Claim = here.service.ask(
        "check", **here.at_layer, at=place, channels=None, take=chosen.take
    )
    return answer


def offer(here: Context, claim: Claim | None, *, more: Sequence[Number] = ()) -> Finding:
    """The draft of a finding: the sentence, filled in with the numbers of the ``claim``.

    ``claim``: as the worker's tasks "claim" and "check" give it (channels, before, without, equal,
    random, verdict; and any of layer, flip, reversal, shifts, answer_without, places, evidence);
    None: the view is kept with the margin and both classes. ``more``: rows of what else was
    measured. The address names also what is chosen by default.
    """
    draft = Finding(
        sentence="", href=address(here), model=here.model, network=here.network["fingerprint"],
        trained=bool(here.network["trained"]),
    )  # fmt: skip
    if not of_picture(here):
        return replace(draft, numbers=tuple(more))
    found = here.service.library.find(here.picture)
    draft = replace(draft, shows=found.name[:WORDS] if found else "")
    if claim is None or not claim["channels"]:
        numbers = (Number("margin", here.margin, unit=LOGITS), *_classes(here), *more)
        one = (here.unit,) if here.chosen.view == "neuron" else ()
        layer = here.layer if one else ""
        text = _repeat(here, layer, one)
        return replace(draft, sentence=says(here), numbers=numbers, repeat=text, layer=layer,
                       neurons=one)  # fmt: skip
    layer = claim.get("layer", here.layer)
    return replace(
        draft, sentence=f"{says(here)} {tested(here, claim)}", verdict=claim["verdict"],
        numbers=(*_margins(claim), *_classes(here), *_beyond(here, claim), *_fired(claim), *more),
        repeat=_repeat(here, layer, claim["channels"]), layer=layer,
        neurons=tuple(claim["channels"][:64]),
    )  # fmt: skip


def of_picture(here: Context) -> bool:
    """Whether the view speaks of one picture."""
    return here.chosen.view != "errors" or here.chosen.stage == "picture"


def address(here: Context) -> str:
    """The view's address with what is by default written out: it means the same in another run."""
    chosen = replace(here.chosen, model=here.model)
    if of_picture(here):
        chosen = replace(chosen, picture=here.picture, a=here.a, b=here.b)
    if chosen.view in ("explore", "neuron") or chosen.stage in ("picture", "together"):
        chosen = replace(chosen, layer=here.layer)
    return replace(chosen, unit=here.unit).href() if chosen.view == "neuron" else chosen.href()


# ---- the sentence ----


def says(here: Context) -> str:
    """ "Says convertible rather than jeep by 2.5."; with the truth, where it is a third class."""
    start = f"Says {here.name(here.a)}" if _said(here) else f"For {here.name(here.a)}"
    much = signed(here.margin)
    margin = f"by {much[1:]}" if here.margin > 0 else f"with a margin of {much}"
    return f"{start} rather than {here.name(here.b)} {margin}."


def _said(here: Context) -> bool:
    """Whether the margin is that of the network's answer."""
    return bool(here.a == here.answers["top"][0]["index"])


def tested(here: Context, claim: Claim) -> str:
    """What the removal does to the margin, against others, and the verdict."""
    layer = claim.get("layer", here.layer)
    text = (
        f"Without {_these(claim['channels'])} of {layer} the margin is {signed(claim['without'])}"
    )
    control, kind = claim["equal"], "equally active"
    if control is None:
        control, kind = claim["random"], "random"
    if control is not None:
        count = len(claim["channels"])
        mean = f"{signed(control['mean'])} \u00b1 {control['sd']:.1f}"
        others = f"another {kind} one" if count == 1 else f"{count} {kind} others"
        text += f", without {others} {mean}"
    text = f"{text}: {claim['verdict']}."
    flip = claim.get("flip")
    if flip is None:
        return text
    count = "1 neuron" if flip["count"] == 1 else f"{flip['count']} neurons"
    return (
        f"{text} The smallest set that flips the answer: {count}, to {here.name(flip['answer'])}."
    )


def _these(channels: Sequence[int]) -> str:
    if len(channels) > NAMED:
        return f"{len(channels)} neurons"
    *first, last = map(str, channels)
    return f"neurons {', '.join(first)} and {last}" if first else f"neuron {last}"


# ---- the numbers ----


def _margins(claim: Claim) -> list[Number]:
    count = len(claim["channels"])
    rows = [
        Number("as it is", claim["before"], unit=LOGITS),
        Number(f"without {'this neuron' if count == 1 else f'these {count}'}", claim["without"],
               unit=LOGITS),
    ]  # fmt: skip
    for kind, words in (("equal", "equally active"), ("random", "random")):
        if control := claim[kind]:
            label = f"without {count} {words} {'other' if count == 1 else 'others'}"
            rows.append(Number(label, control["mean"], control["sd"], LOGITS))
    return [*rows, *_places(claim)]


def _places(claim: Claim) -> list[Number]:
    """The margin without the places that carry it, and without others."""
    found = claim.get("places")
    if not found:
        return []
    count = len(found["at"])
    which = "the leading place" if count == 1 else f"the {count} leading places"
    rows = [Number(f"without {which}", found["without"], unit=LOGITS)]
    if control := found["equal"]:
        label = "without as many equally active other places"
        rows.append(Number(label, control["mean"], control["sd"], LOGITS))
    return [*rows, Number("verdict on the places", found["verdict"])]


def _fired(claim: Claim) -> list[Number]:
    """How strongly its neurons fire, against the norm."""
    if "evidence" not in claim or claim["evidence"]["norm"]["which"] == "none":
        return []
    norm = claim["evidence"]["norm"]
    against = f"on {norm['pictures']} pictures ({norm['which']}) that are answered right"
    return [
        Number(f"neuron {row['channel']} fires",
               f"{row['times']:.1f} times as strongly as {against}" if row["times"] is not None
               else f"only here: it is silent {against}")
        for row in claim["evidence"]["rows"] if row["channel"] in claim["channels"]
    ]  # fmt: skip


def _classes(here: Context) -> list[Number]:
    """Both classes with their probabilities, and the true one where it is known."""
    chances, truth = here.answers["probabilities"], here.answers["label"]
    rows = [
        Number(label, f"{here.name(c)} ({c}), {share(chances[c])}")
        for label, c in (("says" if _said(here) else "for", here.a), ("rather than", here.b))
    ]
    return rows if truth is None else [*rows, Number("true class", f"{here.name(truth)} ({truth})")]


def _beyond(here: Context, claim: Claim) -> list[Number]:
    """What else the removal does."""
    rows, flip = [], claim.get("flip")
    if claim.get("answer_without") is not None:
        rows.append(Number("answer without them", here.name(claim["answer_without"])))
    if flip is not None:
        fewest = f"{flip['count']}, to {here.name(flip['answer'])}"
        rows.append(Number("smallest set that flips the answer", fewest))
    if turn := claim.get("reversal"):
        rows.append(Number("smallest set that turns the margin round", str(turn["count"])))
    if moved := claim.get("shifts"):
        also = ", ".join(
            f"{here.name(s['index'])} {share(s['before'])} to {share(s['without'])}" for s in moved
        )
        rows.append(Number("also changed", also[:WORDS]))
    return rows


def _repeat(here: Context, layer: str, channels: Sequence[int]) -> str:
    """The command that measures the same again."""
    chosen = here.chosen
    if chosen.view == "neuron":
        words = here.command("neuron", "--layer", layer, "--channel", str(channels[0]))
    elif channels:
        place = ["--at", f"{chosen.row},{chosen.col}"] if chosen.place else []
        listed = ",".join(map(str, channels))
        words = here.command("explain", *here.versus, "--layer", layer, "--without", listed, *place)
    else:
        words = here.command("explain", *here.versus)
    return shlex.join(["neuronscope", *words])[:LONG]
