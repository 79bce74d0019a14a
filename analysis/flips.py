"""The smallest set, taken away in order of effect, that changes the answer or turns the margin."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from analysis.ablation import logits_of
from analysis.attribution import Array, Target
from analysis.layers import Layer
from analysis.tail import Tail

Rule = Callable[[Array], bool]
"""Tells from logits (classes,) whether what was to happen has happened."""
DENSE = 8


@dataclass(frozen=True)
class Flip:
    """A smallest set: its size, its neurons (or groups), and margin and answer without it."""

    count: int
    channels: tuple[int, ...]
    margin: float
    answer: int


def leading(before: float, target: Target) -> int:
    """1 when class ``a`` is ahead, -1 when the class that it is compared with is."""
    return -1 if target.rather_than is not None and before < 0 else 1


def margins_of(target: Target, logits: Array) -> Array:
    """(N,) from logits (N, classes)."""
    margins: Array = target.margin(torch.from_numpy(logits)).numpy()
    return margins


def turning_points(
    tail: Tail,
    layer: Layer,
    target: Target,
    order: Sequence[int],
    keep: Callable[[Sequence[int]], Array],
) -> tuple[Flip | None, Flip | None]:
    """The smallest sets off the front of ``order`` that change the answer, and the margin's sign.

    ``keep`` makes the mask without some of them. The first is None where the leading class of the
    two is not the network's answer, the second for the logit of a single class.
    """
    ladder = Removals(tail, layer, order, keep)
    before = float(target.margin(tail.logits)[0])
    answer = int(tail.logits[0].argmax())
    leader = target.a if leading(before, target) > 0 else target.rather_than
    found = ladder.smallest(lambda row: int(row.argmax()) != answer) if leader == answer else None
    turned = None
    if target.rather_than is not None:
        turned = ladder.smallest(lambda row: float(margins_of(target, row[None])[0]) * before <= 0)
    return ladder.flip(found, target), ladder.flip(turned, target)


class Removals:
    """Logits without the first k of an order; each k runs at most once."""

    def __init__(
        self,
        tail: Tail,
        layer: Layer,
        order: Sequence[int],
        keep: Callable[[Sequence[int]], Array],
    ) -> None:
        self.tail, self.layer, self.order, self.keep = tail, layer, order, keep
        self.known: dict[int, Array] = {}

    def smallest(self, rule: Rule) -> int | None:
        """The smallest count for which the rule holds, or None.

        Every count up to 8 is tried, then steps of about a fifth, and the gap before the first that
        holds is searched. The margin need not fall steadily, so behind 8 a smaller set may be
        missed: what is returned always holds.
        """
        below = 0
        for counts in _steps(len(self.order)):
            hit = self._first(rule, counts)
            if hit is not None:
                below = max([k for k in counts if k < hit], default=below)
                return self._between(rule, below, hit)
            below = counts[-1]
        return None

    def _between(self, rule: Rule, below: int, hit: int) -> int:
        while hit - below > 1:
            stride = -(-(hit - below - 1) // DENSE)
            counts = list(range(below + stride, hit, stride))
            nearer = self._first(rule, counts)
            below = max([k for k in counts if nearer is None or k < nearer], default=below)
            hit = nearer or hit
        return hit

    def _first(self, rule: Rule, counts: Sequence[int]) -> int | None:
        missing = [k for k in counts if k not in self.known]
        rows = logits_of(self.tail, self.layer, (self.keep(self.order[:k]) for k in missing))
        self.known.update(zip(missing, rows, strict=True))
        return next((k for k in counts if rule(self.known[k])), None)

    def flip(self, count: int | None, target: Target) -> Flip | None:
        """What is left without the first ``count``."""
        if count is None:
            return None
        row = self.known[count]
        margin = float(margins_of(target, row[None])[0])
        return Flip(count, tuple(int(c) for c in self.order[:count]), margin, int(row.argmax()))


def _steps(most: int) -> Iterator[list[int]]:
    """Counts in eights: 1 to 8, then each about a fifth larger, the last one ``most``."""
    counts = list(range(1, min(DENSE, most) + 1))
    while counts and counts[-1] < most:
        counts.append(min(most, round(counts[-1] * 1.2)))
    for start in range(0, len(counts), DENSE):
        yield counts[start : start + DENSE]
