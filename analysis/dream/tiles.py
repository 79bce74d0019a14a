"""The gradient of a picture of any size, from tiles that the network takes one at a time.

A tile is a window of the picture; of its gradient only the middle is kept, since near its rim the
network sees the border and not the picture. Where the cuts lie is drawn anew in every step, so
that what little they change never adds up to a seam. The picture's border itself is a border for
the tiles as well: far enough apart, tiles give what the whole picture would.

A network that takes one size only is fed windows of that size, which go round the picture's border
as the jitter does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.dream.aims import Aim
from analysis.dream.pyramid import LEAST
from analysis.featurevis.optimize import Observer, usable_size
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

HALO = 64  # pixels of context on each side of what is kept of a tile
GRID = 32  # cuts lie on multiples of this, so that strides and pools fall as in the whole picture


@dataclass(frozen=True)
class Span:
    """Along one side: what the network is fed (``start`` to ``stop``, perhaps beyond the picture,
    which then goes round), and what is kept of it."""

    start: int
    stop: int
    keep_from: int
    keep_to: int

    def fed(self, length: int, shift: int, device: torch.device) -> Tensor:
        """The pixels' indices in the picture when it is rolled by ``shift``."""
        return (torch.arange(self.start, self.stop, device=device) - shift) % length

    def kept(self, length: int, shift: int, device: torch.device) -> Tensor:
        return (torch.arange(self.keep_from, self.keep_to, device=device) - shift) % length


def cut(length: int, tile: int, place: float) -> list[Span]:
    """Spans of at most ``tile`` pixels that keep all of ``length`` once. ``place`` (0..1) moves
    the cuts."""
    if length <= tile:
        return [Span(0, length, 0, length)]
    core = (tile - 2 * HALO) // GRID * GRID
    first = HALO + int(place * (core // GRID)) * GRID
    cuts = [0, *range(first, length - HALO, core), length]
    return [Span(max(0, a - HALO), min(length, b + HALO), a, b) for a, b in pairwise(cuts)]


def rounds(length: int, window: int, place: float) -> list[Span]:
    """Spans of exactly ``window`` pixels, round the border, that keep all of ``length`` once."""
    if length <= window:
        start = (length - window) // 2
        return [Span(start, start + window, 0, length)]
    core = window - window // 4
    count = -(-length // core)
    shift = int(place * length / count)
    cuts = [shift + i * length // count for i in range(count + 1)]
    found = []
    for a, b in pairwise(cuts):
        start = (a + b - window) // 2
        found.append(Span(start, start + window, a, b))
    return found


class Feed:
    """A network as a source of gradients for pictures of any size."""

    def __init__(self, classifier: "Classifier", aim: Aim, tile: int) -> None:
        own = classifier.input_size[1:]
        self.observer = Observer(classifier, aim.objective, min(own), before_relu=aim.before_relu)
        self.aim, self.tile = aim, tile
        last, side = self.observer.last, min(own)
        more = (side + 1, side + side // 2 + 1)
        free = all(usable_size(classifier, last, n) == n for n in more)
        self.window = None if free else own
        self.least = usable_size(classifier, last, LEAST) if free else 1

    def spans(self, size: tuple[int, int], places: tuple[float, float]) -> list[tuple[Span, Span]]:
        """(rows, columns) of every tile of a picture of ``size``."""
        both = []
        for axis in (0, 1):
            length, place = size[axis], places[axis]
            if self.window is not None:
                both.append(rounds(length, self.window[axis], place))
            elif length < self.least:
                both.append(rounds(length, self.least, place))
            else:
                both.append(cut(length, self.tile, place))
        return [(rows, columns) for rows in both[0] for columns in both[1]]

    def gradient(
        self,
        picture: Tensor,
        shift: tuple[int, int],
        places: tuple[float, float],
        *,
        redirected: bool = False,
    ) -> Iterator[tuple[Tensor, float]]:
        """After every tile: the objective's gradient so far by the colours of the picture (1, C,
        H, W), and how much of the picture it covers. The picture is seen rolled by ``shift``, the
        gradient is not. Raises UserError when the network puts out no finite numbers."""
        h, w = picture.shape[2:]
        whole, done = torch.zeros_like(picture), 0
        for rows, columns in self.spans((h, w), places):
            at, device = (shift[0], shift[1]), picture.device
            window = picture[:, :, rows.fed(h, at[0], device)]
            window = window[:, :, :, columns.fed(w, at[1], device)]
            grad = self._of(window, redirected)
            if not self.aim.additive:
                grad *= window.shape[2] * window.shape[3] / (h * w)
            part = grad[
                :, :, rows.keep_from - rows.start : rows.keep_to - rows.start,
                columns.keep_from - columns.start : columns.keep_to - columns.start,
            ]  # fmt: skip
            own = rows.kept(h, at[0], device)[:, None], columns.kept(w, at[1], device)
            whole[:, :, own[0], own[1]] = part
            done += part.shape[2] * part.shape[3]
            yield whole, done / (h * w)

    def _of(self, window: Tensor, redirected: bool) -> Tensor:
        """The objective's gradient by the colours of one window."""
        leaf = window.requires_grad_()
        stuck = torch.ones(1, dtype=torch.bool, device=leaf.device) if redirected else None
        with torch.enable_grad():
            with self.observer.open(stuck):
                fields = self.observer.fields(leaf, self.observer.light)
                loss = -self.observer.objective.score(fields).sum()
            (grad,) = torch.autograd.grad(loss, leaf)
        if not bool(torch.isfinite(grad).all()):
            name = self.observer.objective.name
            raise UserError(f"{name} is not a finite number in this network")
        return grad.neg_()
