"""What feeds a neuron on the opened picture, and what it feeds in turn.

Attribution from layer to layer ("The Building Blocks of Interpretability", Olah et al., Distill
2018): gradient x activation, backwards from one neuron to all of an earlier layer, forwards from
one neuron to all of a later one, one pass each. Estimates, to first order: so each stands beside
what was measured when the source was really taken away and the network rerun from there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.ablation import without
from analysis.activations import checked_channel
from analysis.attribution import Array, LayerEffect, as_array, batch_size, position
from analysis.between import after, before, pulled, pushed, run_between
from analysis.layers import Layer, find_layer, from_positions, to_positions
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

TOP = 8
Place = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """One neuron and what it does, in the unit of the activation that it changes.

    ``effect``: the estimate; ``measured``: what really goes when the source is taken away.
    ``activation``: of this row's neuron, summed over places; ``place``: where its effect is
    largest, None without a grid.
    """

    channel: int
    activation: float
    effect: float
    measured: float
    place: Place | None


@dataclass(frozen=True)
class Check:
    """Sources taken away together: what the estimates add up to, and what really went."""

    channels: tuple[int, ...]
    expected: float
    measured: float


@dataclass(frozen=True, eq=False)
class Feeds:
    """What feeds one neuron of ``layer`` at ``place`` (all places summed for None).

    ``activation``: the neuron's; ``source``: activation, gradient and effect of the earlier layer,
    (C, P) each, with ``per_place`` and ``at``. ``rows``: the neurons with the largest effects,
    whatever the sign, largest first; ``together``: these taken away at once; ``everything``: the
    whole layer.
    """

    layer: str
    unit: int
    place: Place | None
    activation: float
    source: LayerEffect
    rows: tuple[Row, ...]
    together: Check
    everything: Check


@dataclass(frozen=True, eq=False)
class Drives:
    """What one neuron of ``layer``, at ``place`` or everywhere, does to the neurons of ``later``
    (None: to the logits).

    ``effects`` and ``measured`` (C, P): of every later neuron at every place. ``rows``: the neurons
    that change most in sum over places, largest estimate first.
    """

    layer: str
    unit: int
    place: Place | None
    activation: float
    later: str | None
    effects: Array
    measured: Array
    rows: tuple[Row, ...]


def feeds(
    classifier: "Classifier",
    x: Tensor,
    layer_name: str,
    unit: int,
    *,
    place: Place | None = None,
    source_name: str | None = None,
    at: Place | None = None,
    top: int = TOP,
) -> Feeds:
    """Which neurons of an earlier layer make this one fire on the picture ``x`` (1, C, H, W).

    ``source_name``: by default the layer of the ladder before. ``at``: only what the source does at
    one of its own places. Raises UserError for what is not there, and where no layer comes before.
    """
    layer = find_layer(classifier, layer_name)
    checked_channel(layer, unit)
    source = find_layer(classifier, source_name) if source_name else before(classifier, layer)
    if source is None:
        raise UserError(f"no layer comes before {layer.name}; see the pixels' map instead")
    columns = _columns(layer, place)

    def own(raw: Tensor) -> Tensor:
        return to_positions(raw, layer)[:, unit, columns].sum(1)

    h, raw, grad = pulled(classifier.module, source.name, layer.name, x, own)
    if grad is None:
        grad = torch.zeros_like(h)
    effect = LayerEffect(source, as_array(h, source), as_array(grad, source))
    column = None if at is None else position(source, at)
    chosen = [int(c) for c in np.argsort(-np.abs(effect.at(at)), kind="stable")[:top]]
    chosen = [c for c in chosen if effect.at(at)[c]]
    removed = [[c] for c in chosen] + [chosen, list(range(source.channels))]
    keeps = [without(source, channels, column) for channels in removed]
    left = _rerun(classifier, source, layer.name, x, h, keeps)
    activation = float(own(raw))
    gone = [activation - float(own(part)) for part in left]
    rows = [_row(effect, c, measured, at) for c, measured in zip(chosen, gone, strict=False)]
    checks = [
        Check(tuple(channels), float(effect.at(at)[channels].sum()), measured)
        for channels, measured in zip(removed[-2:], gone[-2:], strict=True)
    ]
    return Feeds(layer.name, unit, place, activation, effect, tuple(rows), *checks)


def drives(
    classifier: "Classifier",
    x: Tensor,
    layer_name: str,
    unit: int,
    *,
    place: Place | None = None,
    later_name: str | None = None,
    top: int = TOP,
) -> Drives:
    """Which neurons of a later layer this one makes fire (or keeps from it) on the picture ``x``.

    ``later_name``: by default the layer of the ladder behind, or the logits where there is none.
    """
    layer = find_layer(classifier, layer_name)
    checked_channel(layer, unit)
    later = find_layer(classifier, later_name) if later_name else after(classifier, layer)
    name = None if later is None else later.name
    if later is not None and later.order <= layer.order:
        raise UserError(f"{layer.name} does not feed {name}: name a layer that comes after it")
    column = None if place is None else position(layer, place)
    keep = without(layer, [unit], column)
    start: list[Tensor] = []

    def own_part(output: Tensor) -> Tensor:
        start.append(output)
        away = torch.from_numpy(1 - np.broadcast_to(keep, (layer.channels, layer.positions)))
        values = to_positions(output, layer) * away.to(output)
        return from_positions(values, layer, like=output)

    raw, change = pushed(classifier.module, layer.name, name, x, own_part)
    left = _rerun(classifier, layer, name, x, start[0], [keep])[0]
    values, effects, measured = (_as_table(t, later) for t in (raw, change, raw - left))
    activation = as_array(own_part(start[0]), layer)[unit].sum()
    return Drives(
        layer.name, unit, place, float(activation), name, effects, measured,
        _rows(values, effects, measured, later, top),
    )  # fmt: skip


def _as_table(raw: Tensor, layer: Layer | None) -> Array:
    """(C, P) of a raw output (1, ...); logits have one place."""
    if layer is not None:
        return as_array(raw, layer)
    logits: Array = raw.detach().float().cpu().numpy().T.copy()
    return logits


def _rows(
    values: Array, effects: Array, measured: Array, layer: Layer | None, top: int
) -> tuple[Row, ...]:
    total = effects.sum(1)
    order = [int(c) for c in np.argsort(-np.abs(total), kind="stable")[:top] if total[c]]
    return tuple(
        Row(c, float(values[c].sum()), float(total[c]), float(measured[c].sum()),
            _largest(effects[c], layer))
        for c in order
    )  # fmt: skip


def _row(effect: LayerEffect, channel: int, measured: float, at: Place | None) -> Row:
    where = at if at is not None else _largest(effect.effect[channel], effect.layer)
    part = slice(None) if at is None else position(effect.layer, at)
    activation = float(np.sum(effect.activation[channel, part]))
    return Row(channel, activation, float(effect.at(at)[channel]), measured, where)


def _largest(effects: Array, layer: Layer | None) -> Place | None:
    """The place of the largest effect of one neuron (P,)."""
    if layer is None or layer.grid is None:
        return None
    row, col = divmod(int(np.abs(effects[layer.extras :]).argmax()), layer.grid[1])
    return row, col


def _columns(layer: Layer, place: Place | None) -> slice:
    """The positions that count: one place, or the whole grid without extra tokens."""
    if place is None:
        return slice(layer.extras if layer.grid else 0, None)
    start = position(layer, place)
    return slice(start, start + 1)


@torch.no_grad()
def _rerun(
    classifier: "Classifier",
    source: Layer,
    layer: str | None,
    x: Tensor,
    h: Tensor,
    keeps: Sequence[NDArray[np.float32]],
) -> list[Tensor]:
    """What the layer puts out (1, ...) with each of the keeps applied to the source's ``h``."""
    size, found = batch_size(h), list[Tensor]()
    for start in range(0, len(keeps), size):
        masks = torch.from_numpy(np.stack(keeps[start : start + size])).to(h)
        changed = from_positions(to_positions(h, source) * masks, source, like=h)
        many = x.repeat(len(changed), 1, 1, 1)
        raw = run_between(classifier.module, source.name, layer, many, _giving(changed))
        found += [raw[i : i + 1] for i in range(len(raw))]
    return found


def _giving(answer: Tensor) -> Callable[[Tensor], Tensor]:
    """Gives a copy, which a following in-place operation may overwrite."""
    return lambda _: answer.clone()
