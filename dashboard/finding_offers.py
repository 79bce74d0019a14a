"""What a view offers to be kept: its sentence with the measured numbers, and the command that
measures it again. Every number is measured (or remembered) here; none comes from the page."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from analysis.reportparts import LOGITS
from analysis.reportparts import number as signed
from cache.errors import UserError
from cache.finding import LONG, NEURONS, NUMBERS, SENTENCE, WORDS, Finding, Number
from dashboard import selection
from dashboard.error_desk import ErrorDesk
from dashboard.finding_bench import tried_on
from dashboard.finding_numbers import (
    Claim,
    beyond,
    classes,
    fired,
    margins,
    of_many,
    places,
    removed,
    said,
)
from dashboard.service import Service
from dashboard.views import errors_case, errors_together
from dashboard.views.context import Context
from dashboard.views.errors_wall import pair_of

NAMED = 6  # neurons that a sentence names by number


def at(service: Service, href: str) -> Context:
    """What an address of the page speaks of."""
    try:
        parts = urlsplit(href)
    except ValueError as error:
        raise UserError("this is no address of a view") from error
    return Context(selection.parse(parts.path, parts.query), service)


def claim_of(here: Context, desk: ErrorDesk) -> Claim | None:
    """What the view claims, as measured: of Errors' one picture, of all of a pair, of Explore's
    check. None where the view claims nothing, or is measured still."""
    chosen = here.chosen
    if chosen.view == "errors" and chosen.stage == "picture":
        return errors_case.claim_of(here, desk)
    if chosen.view == "errors" and chosen.stage == "together" and pair_of(chosen.wall):
        found = errors_together.measured(here, desk)
        return found if isinstance(found, dict) else None
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
        pair = pair_of(here.chosen.wall)
        if claim is None or pair is None or not removed(claim):
            return replace(draft, numbers=tuple(more))
        rows = (*margins(claim), *of_many(here, claim, pair), *fired(claim), *more)
        name = f"{here.name(pair[0])} said {here.name(pair[1])}: {_pictures(claim)}"
        return _claimed(here, replace(draft, shows=name[:WORDS]), claim, rows)
    found = here.service.library.find(here.picture)
    draft = replace(draft, shows=found.name[:WORDS] if found else "")
    if claim is not None and removed(claim):
        rows = (*margins(claim), *places(claim), *classes(here), *beyond(here, claim),
                *fired(claim), *more)  # fmt: skip
        return _claimed(here, draft, claim, rows)
    one = (here.unit,) if here.chosen.view == "neuron" else ()
    layer = here.layer if one else ""
    return replace(
        draft, sentence=says(here), layer=layer, neurons=one, repeat=_repeat(here, layer, one),
        numbers=(Number("margin", here.margin, unit=LOGITS), *classes(here), *more),
    )  # fmt: skip


def _claimed(here: Context, draft: Finding, claim: Claim, numbers: tuple[Number, ...]) -> Finding:
    layer, channels = claim.get("layer", here.layer), claim["channels"]
    alone = of_picture(here)
    start = says(here) if alone else together(here, claim)
    return replace(
        draft, sentence=f"{start} {tested(here, claim)}", verdict=claim["verdict"], layer=layer,
        numbers=numbers[:NUMBERS], neurons=tuple(channels[:NEURONS]),
        repeat=_repeat(here, layer, channels) if alone else "",
    )  # fmt: skip


def draft_of(here: Context, desk: ErrorDesk) -> Finding:
    """What the view offers to be kept: its claim, and what was tried on its bench."""
    tried = tried_on(here) if of_picture(here) else []
    draft = offer(here, claim_of(here, desk), more=[n for t in tried for n in t.numbers])
    words = " ".join([draft.sentence, *(t.sentence for t in tried)])
    return replace(draft, sentence=words[:SENTENCE].rstrip())


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
    """ "Says convertible rather than jeep by 2.5." """
    start = f"Says {here.name(here.a)}" if said(here) else f"For {here.name(here.a)}"
    much = signed(here.margin)
    margin = f"by {much[1:]}" if here.margin > 0 else f"with a margin of {much}"
    return f"{start} rather than {here.name(here.b)} {margin}."


def together(here: Context, claim: Claim) -> str:
    """ "Of 12 pictures together: convertible rather than jeep by 2.5 on average." """
    true, answer = pair_of(here.chosen.wall) or (0, 0)
    return (
        f"Of {_pictures(claim)} together: {here.name(answer)} rather than "
        f"{here.name(true)} by {signed(claim['before'])[1:]} on average."
    )


def tested(here: Context, claim: Claim) -> str:
    """What the removal does to the margin, against others, and the verdict."""
    which = f"{_these(claim)} of {claim.get('layer', here.layer)}"
    word = "mean margin" if "flips" in claim else "margin"
    text = f"Without {which} the {word} is {signed(claim['without'])}"
    control, kind = claim["equal"], "equally active"
    if control is None:
        control, kind = claim["random"], "random"
    if control is not None:
        count = len(removed(claim))
        mean = f"{signed(control['mean'])} \u00b1 {control['sd']:.1f}"
        others = f"another {kind} one" if count == 1 else f"{count} {kind} others"
        if "groups" in claim:
            others = "as much activation of the others" if claim["equal"] else "random parts"
        text += f", without {others} {mean}"
    text = f"{text}: {claim['verdict']}."
    if "flips" in claim:
        changed = f"{claim['flips']['claimed']} of {claim['pictures']}"
        return f"{text} In {changed} the answer changes."
    flip = claim.get("flip")
    if flip is None:
        return text
    unit = "group" if "groups" in claim else "neuron"
    count = f"1 {unit}" if flip["count"] == 1 else f"{flip['count']} {unit}s"
    return (
        f"{text} The smallest set that flips the answer: {count}, to {here.name(flip['answer'])}."
    )


def _pictures(claim: Claim) -> str:
    return f"{claim['pictures']} picture{'s' * (claim['pictures'] != 1)}"


def _these(claim: Claim) -> str:
    kind, shown = "neuron", claim["channels"]
    if "groups" in claim:
        kind, shown = "group", [group + 1 for group in claim["groups"]]
    if len(shown) > NAMED:
        return f"{len(shown)} {kind}s"
    *first, last = map(str, shown)
    return f"{kind}s {', '.join(first)} and {last}" if first else f"{kind} {last}"


# ---- how to repeat it ----


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
        words = here.command("explain", *here.versus, *(["--layer", layer] if layer else []))
    return shlex.join(["neuronscope", *words])[:LONG]
