"""How an ascent goes, step by step: what the network is fed, how far a step goes, what is seen.

"steady": Lucid's way, every step alike. "settling": the fastest way found to a picture that excites
its unit at the scale it is shown and at the network's own. The first third of the steps, and every
sixth later on, is fed ``first_size`` (small is cheap, and makes the large shapes); steps are up to
twice as large, grow over the first eighth and shrink over the second half; and the random views
come to rest. 112 such steps excite a unit of bvlc_googlenet about as much as Lucent's 512, 144 more
than that, as ``benchmarks/featurevis_reached.py`` measures. Steps four times as large excite it a
few per cent more, but burn the colours out, most in SqueezeNet.

"growing": settling, and the picture itself grows: the first third is fed 64 and then 96 pixels, and
only frequencies that such a picture has are moved. Larger and simpler shapes in a sixth less time,
but .8 (judged at 128) to .9 (at 224) of the activation over 12 units of inception4a and 4d: a
style, not a gain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Schedule = Literal["steady", "settling", "growing"]
LARGEST, _WARM, _HELD, _LAST = 2.0, 1 / 8, 1 / 2, 0.05
AGAIN = 6  # every so many steps the picture is seen small again, so that it stays good there
GROWN = (64, 96)  # the sizes before a growing picture's own, a sixth of the steps each


@dataclass(frozen=True)
class Plan:
    """``maps``: (steps, B, 2, 3) the views; ``sizes``: the input size of each step; ``factors``:
    how many times the parameterisation's rate each goes; ``pad``: grey lies beyond a picture;
    ``small``: the pixels that a picture still growing would have in each step, None where it has
    all."""

    maps: Tensor
    sizes: tuple[int, ...]
    factors: tuple[float, ...]
    pad: bool = True
    small: tuple[int | None, ...] = ()

    def steps(self) -> Iterator[tuple[Tensor, int, float, int | None]]:
        small = self.small or (None,) * len(self.sizes)
        return zip(self.maps, self.sizes, self.factors, small, strict=True)


def planned(
    maps: Tensor,
    size: int,
    *,
    schedule: Schedule,
    first: int | None = None,
    pad: bool = True,
    largest: float = LARGEST,
) -> Plan:
    """A plan for all ``maps``, at input ``size`` and, if given, partly at ``first``; a settling
    one with steps up to ``largest`` times the rate."""
    steps = len(maps)
    coarse = steps // 3
    sizes = tuple(
        first if first is not None and (i < coarse or i % AGAIN == 0) else size
        for i in range(steps)
    )
    if schedule == "steady":
        return Plan(maps, sizes, (1.0,) * steps, pad)
    factors = tuple(largest * _factor((i + 0.5) / steps) for i in range(steps))
    small: tuple[int | None, ...] = ()
    if schedule == "growing":
        small = tuple(_grown(i / steps) for i in range(steps))
        sizes = tuple(min(s, g or s) for s, g in zip(sizes, small, strict=True))
    return Plan(_resting(maps), sizes, factors, pad, small)


def _grown(time: float) -> int | None:
    """The size of a growing picture at a time 0..1; None once it has its own."""
    stage = int(time * 3 * len(GROWN))
    return GROWN[stage] if stage < len(GROWN) else None


def _factor(time: float) -> float:
    """How large a step is at a time 0..1, beside the largest."""
    late = max(0.0, (time - _HELD) / (1 - _HELD))
    return min(1.0, time / _WARM) * (1 - (1 - _LAST) * late)


def _resting(maps: Tensor) -> Tensor:
    """The same views, coming closer and closer to the untransformed one."""
    still = torch.eye(2, 3).to(maps)
    left = 1 - torch.linspace(0, 1, len(maps), device=maps.device).view(-1, 1, 1, 1)
    return still + (maps - still) * left
