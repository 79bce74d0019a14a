"""The rows of numbers of a finding: margins, classes, and what else a removal does."""

from typing import Any

from analysis.reportparts import LOGITS
from cache.finding import WORDS, Number
from dashboard.components import share
from dashboard.views.context import Context

Claim = dict[str, Any]


def removed(claim: Claim) -> list[int]:
    """The neurons, or the groups, that the claim takes away."""
    taken: list[int] = claim["groups"] if "groups" in claim else claim["channels"]
    return taken


def margins(claim: Claim) -> list[Number]:
    count, grouped = len(removed(claim)), "groups" in claim
    one = "this group" if grouped else "this neuron"
    rows = [
        Number("as it is", claim["before"], unit=LOGITS),
        Number(f"without {one if count == 1 else f'these {count}'}", claim["without"],
               unit=LOGITS),
    ]  # fmt: skip
    for kind, words in (("equal", "equally active"), ("random", "random")):
        if control := claim[kind]:
            label = f"without {count} {words} {'other' if count == 1 else 'others'}"
            if grouped:
                label = ("without as much activation of the other groups" if kind == "equal"
                         else "without the same parts of random neurons")  # fmt: skip
            rows.append(Number(label, control["mean"], control["sd"], LOGITS))
    return rows


def places(claim: Claim) -> list[Number]:
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


def fired(claim: Claim) -> list[Number]:
    """How strongly its neurons fire, against the norm."""
    if "evidence" not in claim or "groups" in claim:
        return []
    if claim["evidence"]["norm"]["which"] == "none":
        return []
    norm = claim["evidence"]["norm"]
    of = " of the true class" if norm["which"] == "true class" else ""
    against = f"on {norm['pictures']} pictures{of} that are answered right"
    return [
        Number(f"neuron {row['channel']} fires",
               f"{row['times']:.1f} times as strongly as {against}" if row["times"] is not None
               else f"only here: it is silent {against}")
        for row in claim["evidence"]["rows"] if row["channel"] in claim["channels"]
    ]  # fmt: skip


def classes(here: Context) -> list[Number]:
    """Both classes with their probabilities, and the true one where it is known."""
    chances, truth = here.answers["probabilities"], here.answers["label"]
    rows = [
        Number(label, f"{here.name(c)} ({c}), {share(chances[c])}")
        for label, c in (("says" if said(here) else "for", here.a), ("rather than", here.b))
    ]
    return rows if truth is None else [*rows, Number("true class", f"{here.name(truth)} ({truth})")]


def beyond(here: Context, claim: Claim) -> list[Number]:
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


def said(here: Context) -> bool:
    """Whether the margin is that of the network's answer."""
    return bool(here.a == here.answers["top"][0]["index"])


def of_many(here: Context, claim: Claim, pair: tuple[int, int]) -> list[Number]:
    """What the removal does to all pictures of a pair (true, said) together."""
    flips, count = claim["flips"], len(claim["channels"])
    rows = [
        Number("says", f"{here.name(pair[1])} ({pair[1]})"),
        Number("rather than, the true class", f"{here.name(pair[0])} ({pair[0]})"),
        Number("pictures", claim["pictures"]),
        Number("answers that change without them", flips["claimed"]),
    ]
    for kind, words in (("equal", "equally active"), ("random", "random")):
        if flips[kind] is not None:
            label = f"answers that change without {count} {words} others, mean of the draws"
            rows.append(Number(label, flips[kind]))
    return rows
