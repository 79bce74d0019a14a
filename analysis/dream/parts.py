"""Sums over a network's places, of pictures of any size, from parts that it sees one at a time.

A difference to what is wanted, or a Gram matrix, is a function of sums over places. So a first pass
adds them up part by part, without gradients; what the objective gains by each sum is then known,
and a second pass carries that back to the picture, again part by part. Each part is seen with a rim
as wide as the network's places reach, so that what comes out is what the whole picture gives; of
places that reach farther than ``WIDEST`` what lies beyond is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import torch
from torch import Tensor, nn

from analysis.dream.tiles import GRID, Span, cut
from analysis.featurevis.objectives import Fields
from analysis.featurevis.optimize import Observer
from analysis.featurevis.parameters import generator
from cache.errors import UserError

SIDE = 1024  # pixels: a picture of more than so many squared is seen in parts that are at most that
WIDEST = 256  # pixels of a rim
Sums = Mapping[str, Tensor]
Adding = Callable[[Fields, Fields], dict[str, Tensor]]  # of what is seen and what is wanted
Part = tuple[Span, Span]  # rows and columns
_LINE = 2 * WIDEST  # pixels of the noise by which the reach is found
_AS_A_WHOLE = (
    "this network sees pictures as a whole only, which is too much at so many pixels: choose a "
    "size of at most 1024"
)


class Aim(Protocol):
    """What a picture is to become, by sums over places. ``by_one``: but one number of the sums
    depends on the picture, which makes one pass of it enough."""

    by_one: bool

    def sums(self, seen: Fields, wanted: Fields) -> dict[str, Tensor]:
        """Of what the network puts out for the same places of the picture and of what is wanted."""

    def score(self, sums: Sums) -> Tensor:
        """() or (1,): what is to become large; sums are all that it knows of the pictures."""


@dataclass(frozen=True)
class Reach:
    """How far a place of the layers sees, in pixels on each side; and each layer's pixels from
    place to place."""

    rim: int
    strides: Mapping[str, int]


def large(shape: tuple[int, int]) -> bool:
    """Whether a picture of h x w pixels is seen in parts."""
    return shape[0] * shape[1] > SIDE**2


class Parts:
    """An observer of a network, for pictures that are too large to be seen at once. ``places``
    (0..1): where the cuts lie; ``network``: the network, or the observer's copy of it."""

    def __init__(self, observer: Observer, side: int | None = None) -> None:
        self.observer, self.side = observer, side or SIDE
        self.reach = reach(observer)

    @torch.no_grad()
    def sums(
        self, adding: Adding, seen: Tensor, wanted: Tensor | None = None,
        *, network: nn.Module | None = None, places: Sequence[float] = (0.5, 0.5),
    ) -> dict[str, Tensor]:  # fmt: skip
        """Of a picture (1, C, H, W) and what is wanted, itself if nothing else."""
        total: dict[str, Tensor] = {}
        for part in self._cut(seen, places):
            fields = self._fields(seen, part, network)
            asked = fields if wanted is None else self._fields(wanted, part, network)
            _add(total, adding(fields, asked))
        return total

    def gradient(
        self, aim: Aim, seen: Tensor, wanted: Tensor,
        *, network: nn.Module | None = None, places: Sequence[float] = (0.5, 0.5),
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """By the picture's colours (1, C, H, W), of its score; and the score ()."""
        gains: Sums | None = None
        total: dict[str, Tensor] = {}
        if not aim.by_one:
            total = self.sums(aim.sums, seen, wanted, network=network, places=places)
            score, gains = _gains(aim, total)
        whole = torch.zeros_like(seen)
        for part in self._cut(seen, places):
            with torch.no_grad():
                asked = self._fields(wanted, part, network)
            leaf = _window(seen, part).clone().requires_grad_()
            with torch.enable_grad():
                fields = self.observer.fields(leaf, network)
                made = aim.sums(self._own(fields, part, seen.shape), asked)
                by = [name for name, value in made.items() if value.requires_grad]
                along = None if gains is None else [gains[name] for name in by]
                (grad,) = torch.autograd.grad([made[name] for name in by], leaf, along)
            _window(whole, part).add_(grad)
            if gains is None:
                _add(total, {name: value.detach() for name, value in made.items()})
        if gains is None:  # what that number counts is known in the end only
            score, found = _gains(aim, total)
            whole *= found[by[0]]
        return whole, score

    def _cut(self, picture: Tensor, places: Sequence[float]) -> Iterator[Part]:
        rows, columns = (
            cut(length, self.side, place, halo=self.reach.rim)
            for length, place in zip(picture.shape[2:], places, strict=True)
        )
        yield from product(rows, columns)

    def _fields(self, picture: Tensor, part: Part, network: nn.Module | None) -> dict[str, Tensor]:
        """Of what the network sees in a part of a picture, the places that belong to it."""
        window = _window(picture, part)
        return self._own(self.observer.fields(window, network), part, picture.shape)

    def _own(self, fields: Fields, part: Part, shape: Sequence[int]) -> dict[str, Tensor]:
        """The places of a part of a picture of ``shape``; the last part's go on to the end."""
        own = {}
        for name, values in fields.items():
            stride = self.reach.strides[name]
            rows, columns = (
                slice(
                    (span.keep_from - span.start) // stride,
                    None if span.keep_to == length else (span.keep_to - span.start) // stride,
                )
                for span, length in zip(part, shape[2:], strict=True)
            )
            own[name] = values[:, :, rows, columns]
        return own


def _add(total: dict[str, Tensor], more: Sums) -> None:
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def _gains(aim: Aim, total: Sums) -> tuple[Tensor, dict[str, Tensor]]:
    """The score (), and its gradient by each sum."""
    leaves = {name: value.detach().requires_grad_() for name, value in total.items()}
    with torch.enable_grad():
        score = aim.score(leaves).sum()
        found = torch.autograd.grad(score, list(leaves.values()), materialize_grads=True)
    return score.detach(), dict(zip(leaves, found, strict=True))


def _window(picture: Tensor, part: Part) -> Tensor:
    rows, columns = part
    return picture[:, :, rows.start : rows.stop, columns.start : columns.stop]


def reach(observer: Observer) -> Reach:
    """Found by trying: which places of a picture of noise change when a half of it does. UserError:
    in pictures of other sizes places do not lie alike."""
    strides: dict[str, int] = {}
    far, half = 0, _LINE // 2
    for axis in (2, 3):
        noise, longer = _noise(observer, _LINE, axis), _noise(observer, _LINE + GRID, axis)
        own, other = (x.narrow(axis, 0, _LINE).chunk(2, axis) for x in (noise, longer))
        seen = _fields(observer, noise)
        strides |= _strides(seen, _fields(observer, longer), axis)
        after = _fields(observer, torch.cat([own[0], other[1]], dim=axis))
        before = _fields(observer, torch.cat([other[0], own[1]], dim=axis))
        for name, values in seen.items():
            first, _ = _changed(values, after[name], axis)
            _, last = _changed(values, before[name], axis)
            far = max(far, half - first * strides[name], (last + 1) * strides[name] - half)
    return Reach(min(WIDEST, max(1, -(-far // GRID)) * GRID), strides)


def _noise(observer: Observer, length: int, axis: int) -> Tensor:
    """As high or wide as the network's own pictures, and so long along ``axis``."""
    shape = [1, *observer.classifier.input_size]
    shape[axis] = length
    random = generator(0, "reach", length)
    return torch.rand(shape, generator=random).to(observer.classifier.device)


def _fields(observer: Observer, picture: Tensor) -> dict[str, Tensor]:
    try:
        with torch.no_grad():
            return observer.fields(picture)
    except Exception as error:  # networks refuse a size each in its own way
        raise UserError(_AS_A_WHOLE) from error


def _strides(seen: Fields, longer: Fields, axis: int) -> dict[str, int]:
    """Pixels from place to place: of a picture that is longer by ``GRID``, the places more."""
    more = {name: longer[name].shape[axis] - values.shape[axis] for name, values in seen.items()}
    if not all(n > 0 and GRID % n == 0 for n in more.values()):
        raise UserError(_AS_A_WHOLE)
    return {name: GRID // n for name, n in more.items()}


def _changed(values: Tensor, others: Tensor, axis: int) -> tuple[int, int]:
    """The first and the last place along ``axis`` where two fields differ."""
    lines = (values != others).movedim(axis, 0).flatten(1).any(dim=1).nonzero()
    return (int(lines[0]), int(lines[-1])) if len(lines) else (values.shape[axis], -1)
