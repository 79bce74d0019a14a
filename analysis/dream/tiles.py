"""The gradient of a picture of any size, from tiles that the network takes one at a time.

A tile is a window of the picture; of its gradient only the middle is kept, since near its rim the
network sees the border and not the picture. Where the cuts lie is drawn anew in every step, so
that what little they change never adds up to a seam. The picture's border itself is a border for
the tiles as well: far enough apart, tiles give what the whole picture would.

A network that takes one size only is fed windows of that size, which go round the picture's border
as the jitter does.

Picture and gradient stay on the host, where a large one may lie in a file (``scratch``); the
network's device holds a tile at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.dream import scratch
from analysis.dream.aims import Aim
from analysis.dream.pyramid import LEAST
from analysis.featurevis.optimize import Observer, takes, usable_size

if TYPE_CHECKING:
    from analysis.models import Classifier

HALO = 64  # pixels of context on each side of what is kept of a tile
ROOM = 128  # pixels that the cuts can move by, at the least
GRID = 32  # cuts lie on multiples of this, so that strides and pools fall as in the whole picture


@dataclass(frozen=True)
class Span:
    """Along one side: what the network is fed (``start`` to ``stop``, perhaps beyond the picture,
    which then goes round), and what is kept of it."""

    start: int
    stop: int
    keep_from: int
    keep_to: int


def runs(start: int, stop: int, shift: int, length: int) -> Iterator[tuple[slice, slice]]:
    """Pixels ``start`` to ``stop`` of a line that is rolled by ``shift`` and goes round, in runs:
    where they lie from ``start`` on, and where in the line itself."""
    at = start
    while at < stop:
        source = (at - shift) % length
        count = min(stop - at, length - source)
        yield slice(at - start, at - start + count), slice(source, source + count)
        at += count


def cut(length: int, tile: int, place: float, *, halo: int = HALO) -> list[Span]:
    """Spans of at most ``tile`` pixels that keep all of ``length`` once. ``place`` (0..1) moves
    the cuts; ``halo``, a multiple of ``GRID``: pixels of context. What the network is fed is always
    as long, but for the last: every further size would cost it time, and pieces of memory that fit
    no other."""
    if length <= tile:
        return [Span(0, length, 0, length)]
    inner, most = length - 2 * halo + ROOM, (tile - 2 * halo) // GRID
    core = -(-inner // -(-inner // (most * GRID)) // GRID) * GRID
    count = -(-inner // core)
    room = count * core + 2 * halo - length
    edge = core + halo - GRID  # so that the first and the last keep a little
    least, most = -(-max(0, room - edge) // GRID), min(room, edge) // GRID
    shift = halo - GRID * (least + int(place * (most - least + 1)))
    cuts = [0, *(shift + i * core for i in range(1, count)), length]
    side, found = core + 2 * halo, []
    for a, b in pairwise(cuts):
        start = max(0, min(a - halo, -(-(length - side) // GRID) * GRID))
        found.append(Span(start, min(length, start + side), a, b))
    return found


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
        self.aim, self.tile, self.device = aim, tile, classifier.device
        last, side = self.observer.last, min(own)
        # a transformer may take larger pictures, but square ones only
        more = ((side + 1, side + 1), (side + 1, side + side // 2 + 1))
        free = all(takes(classifier, last, size) for size in more)
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
        into: Tensor,
        shift: tuple[int, int],
        places: tuple[float, float],
        *,
        redirected: bool = False,
    ) -> Iterator[float]:
        """Puts the objective's gradient by the colours of the picture (1, C, H, W) ``into`` a
        tensor of its shape; yields after every tile how much of it is there. The picture is seen
        rolled by ``shift``, the gradient is not."""
        h, w = picture.shape[2:]
        done = 0
        for rows, columns in self.spans((h, w), places):
            window = _window(picture, rows, columns, shift).to(self.device)
            scratch.rest()
            grad = self._of(window, redirected)
            if not self.aim.additive:
                grad *= window.shape[2] * window.shape[3] / (h * w)
            _keep(grad.to(into.device), into, rows, columns, shift)
            scratch.rest()
            done += (rows.keep_to - rows.keep_from) * (columns.keep_to - columns.keep_from)
            yield done / (h * w)

    def _of(self, window: Tensor, redirected: bool) -> Tensor:
        """The objective's gradient by the colours of one window."""
        leaf = window.requires_grad_()
        stuck = torch.ones(1, dtype=torch.bool, device=leaf.device) if redirected else None
        with torch.enable_grad():
            with self.observer.open(stuck):
                fields = self.observer.fields(leaf, self.observer.light)
                loss = -self.observer.objective.score(fields).sum()
            (grad,) = torch.autograd.grad(loss, leaf)
        return grad.neg_()


def _window(picture: Tensor, rows: Span, columns: Span, shift: tuple[int, int]) -> Tensor:
    """What one tile shows of a picture (1, C, H, W) rolled by ``shift``."""
    size = rows.stop - rows.start, columns.stop - columns.start
    window = picture.new_empty(*picture.shape[:2], *size)
    for to_row, row in runs(rows.start, rows.stop, shift[0], picture.shape[2]):
        for to_column, column in runs(columns.start, columns.stop, shift[1], picture.shape[3]):
            window[:, :, to_row, to_column] = picture[:, :, row, column]
    return window


def _keep(grad: Tensor, whole: Tensor, rows: Span, columns: Span, shift: tuple[int, int]) -> None:
    """Puts what is kept of a tile's gradient to its place in the unrolled whole."""
    part = grad[
        :, :, rows.keep_from - rows.start : rows.keep_to - rows.start,
        columns.keep_from - columns.start : columns.keep_to - columns.start,
    ]  # fmt: skip
    for own_row, row in runs(rows.keep_from, rows.keep_to, shift[0], whole.shape[2]):
        for own_column, column in runs(
            columns.keep_from, columns.keep_to, shift[1], whole.shape[3]
        ):
            whole[:, :, row, column] = part[:, :, own_row, own_column]
