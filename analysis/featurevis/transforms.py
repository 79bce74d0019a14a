"""The random views of a picture that the network gets to see, all in one resampling.

Source: Lucid, ``optvis/transform.py``: pad 12 with grey .5, jitter 8, scale 0.9 to 1.1, rotate by
up to 10 degrees (unturned more often), jitter 4, for pictures of 128 pixels. Here the five are
composed into one affine map, so that a step costs one ``grid_sample`` and pixels are interpolated
once only; shifts scale with the picture. Each can be switched off by itself; the others draw the
same numbers as before. A random crop, MACO's only transform, is part of the same map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from cache.errors import UserError

GREY = 0.5


@dataclass(frozen=True)
class Views:
    """How far a view may differ. Shifts in pixels of a 128-pixel picture, angles in degrees.

    ``pad``: beyond the picture lies grey, not its own edge. ``crop``: the view shows a part of the
    picture, its side so much of the picture's at least and at most.
    """

    pad: bool = True
    jitter: float = 8.0
    late_jitter: float = 4.0
    scales: tuple[float, ...] = tuple(1 + (i - 5) / 50 for i in range(11))
    angles: tuple[float, ...] = (*(float(a) for a in range(-10, 11)), *[0.0] * 5)

    crop: tuple[float, float] = (1.0, 1.0)


Transform = Literal["pad", "jitter", "scale", "rotate", "crop"]
LUCID = Views()
LUCID_NAMES: tuple[Transform, ...] = ("pad", "jitter", "scale", "rotate")
MACO_NAMES: tuple[Transform, ...] = ("pad", "crop")
CROP = (0.4, 1.0)


def views(names: Sequence[str]) -> Views:
    """Lucid's views with only the named transforms, and with crops where these are named."""
    unknown = sorted(set(names) - set(get_args(Transform)))
    if unknown:
        raise UserError(
            f"{unknown[0]!r} is no transform: there are {', '.join(get_args(Transform))}"
        )
    return Views(
        pad="pad" in names,
        jitter=LUCID.jitter if "jitter" in names else 0.0,
        late_jitter=LUCID.late_jitter if "jitter" in names else 0.0,
        scales=LUCID.scales if "scale" in names else (1.0,),
        angles=LUCID.angles if "rotate" in names else (0.0,),
        crop=CROP if "crop" in names else (1.0, 1.0),
    )


def draw(views: Views, generators: Sequence[torch.Generator], steps: int) -> Tensor:
    """(steps, B, 2, 3): the affine maps of a whole optimisation, in grid_sample's coordinates.

    Every picture's maps come from its own generator, so they do not depend on the batch.
    """
    numbers = torch.stack([torch.rand((steps, 6), generator=g) for g in generators], dim=1)
    first = (numbers[..., 0:2] - 0.5) * (views.jitter / 64)
    last = (numbers[..., 2:4] - 0.5) * (views.late_jitter / 64)
    scale = _choice(views.scales, numbers[..., 4])
    angle = torch.deg2rad(_choice(views.angles, numbers[..., 5]))
    if views.crop != (1.0, 1.0):  # drawn last, so that the numbers of the others stay
        more = torch.stack([torch.rand((steps, 3), generator=g) for g in generators], dim=1)
        side = views.crop[0] + (views.crop[1] - views.crop[0]) * more[..., 0]
        first = first - (2 * more[..., 1:] - 1) * (1 - side[..., None])
        scale = scale / side
    return affine(first, scale, angle, last)


def _choice(options: tuple[float, ...], uniform: Tensor) -> Tensor:
    return torch.tensor(options)[(uniform * len(options)).long().clamp_max(len(options) - 1)]


def affine(first: Tensor, scale: Tensor, angle: Tensor, last: Tensor) -> Tensor:
    """(..., 2, 3): shift by ``first`` (..., 2), enlarge by ``scale``, turn by ``angle`` (radians),
    shift by ``last``; as the map from the view back to the picture that grid_sample wants, lengths
    in halves of the picture."""
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    turn = torch.stack([torch.stack([cosine, sine], -1), torch.stack([-sine, cosine], -1)], -2)
    shift = -(turn @ last.unsqueeze(-1)) - first.unsqueeze(-1)
    return torch.cat([turn, shift], dim=-1)


def view(pixels: Tensor, maps: Tensor, size: int | tuple[int, int], *, pad: bool = True) -> Tensor:
    """The views (B, C, size, size) of pictures (B, C, H, W) in 0..1 under ``maps`` (B, 2, 3), or
    views of (h, w); beyond the picture's border lies mid grey, or its own edge without ``pad``."""
    h, w = (size, size) if isinstance(size, int) else size
    shape = [len(pixels), pixels.shape[1], h, w]
    grid = functional.affine_grid(maps.to(pixels), shape, align_corners=False)
    beyond = "zeros" if pad else "border"
    centred = functional.grid_sample(
        pixels - GREY, grid, mode="bilinear", padding_mode=beyond, align_corners=False
    )
    return centred + GREY


def plain(pixels: Tensor, size: int) -> Tensor:
    """The untransformed picture at the network's input size."""
    if pixels.shape[-1] == size:
        return pixels
    return functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
