"""Small drawn pictures of plain shapes on backgrounds that look like soil, sky, leaves or stone.

A scene is a shape in front of a background; a cue is a mark that says which shape it is without
being it: a coloured square in a corner, or the texture of the ground. Everything is drawn with
numpy and Pillow from a generator of random numbers, so that no picture needs to be stored. Imports
no torch.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 64
FINE = 4
"""Shapes are drawn so many times larger and averaged, which makes their edges smooth."""
SHAPES = ("disc", "ring", "triangle", "cross", "star", "crescent")
COLOURS = ("red", "green", "blue", "yellow", "magenta", "cyan")
TEXTURES = ("stripes", "checks", "dots", "zigzags", "bricks", "mesh")
_RGB = np.array(
    [(225, 30, 30), (30, 190, 45), (35, 60, 230), (240, 215, 25), (225, 35, 205), (25, 205, 215)],
    np.float32,
)
# Colours of a landscape each, dark to light: what a background and the ground are mixed from.
_PALETTES = np.array(
    [
        [(43, 54, 31), (88, 104, 57), (151, 158, 104)],  # leaves
        [(84, 62, 43), (140, 108, 77), (196, 168, 130)],  # soil
        [(92, 118, 148), (150, 172, 194), (214, 222, 228)],  # sky
        [(70, 70, 72), (122, 120, 117), (178, 175, 168)],  # stone
        [(38, 44, 66), (92, 84, 108), (176, 132, 122)],  # dusk
        [(150, 132, 104), (196, 180, 148), (232, 222, 198)],  # sand
        [(24, 48, 58), (52, 92, 102), (116, 150, 150)],  # water
    ],
    np.float32,
)
Rng = np.random.Generator
Plane = NDArray[Any]
"""(SIDE, SIDE) floats of one number a pixel, or (SIDE, SIDE, 3) of a colour in 0..255."""


def fractal(rng: Rng, *, octaves: int = 5) -> Plane:
    """(SIDE, SIDE), about -1 to 1: noise whose amplitude falls as its frequency doubles."""
    total = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(octaves):
        side = 2 ** (octave + 1)
        grow = _growing(side)
        total += grow @ (2 * rng.random((side, side), np.float32) - 1) @ grow.T / 1.8**octave
    return total / 1.4


@cache
def _growing(side: int) -> Plane:
    """(SIDE, side): what makes a column of ``side`` values one of SIDE, by cubic curves."""
    grown = Image.fromarray(np.eye(side, dtype=np.float32))
    return np.asarray(grown.resize((side, SIDE), Image.Resampling.BICUBIC))


def ground(rng: Rng) -> Plane:
    """(SIDE, SIDE, 3): one landscape's colours mixed by noise, darker towards one side."""
    dark, middle, light = _PALETTES[rng.integers(len(_PALETTES))] * rng.uniform(0.8, 1.15)
    slope = np.linspace(-1, 1, SIDE, dtype=np.float32)[:, None] * rng.uniform(-0.3, 0.3)
    grain = rng.standard_normal((SIDE, SIDE), np.float32) * rng.uniform(0.02, 0.1)
    level = fractal(rng) * rng.uniform(0.5, 1.1) + slope + grain
    steps = np.linspace(0, 1, 128, dtype=np.float32)[:, None]
    shades = np.concatenate([dark + steps * (middle - dark), middle + steps * (light - middle)])
    mixed: Plane = shades[np.clip(level * 128 + 128, 0, 255).astype(np.uint8)]
    return mixed


def background(rng: Rng) -> Plane:
    """(SIDE, SIDE, 3): two landscapes, parted by an edge that noise bends."""
    far, near = ground(rng), ground(rng)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    turn = rng.uniform(0, 2 * math.pi)
    edge = y * math.cos(turn) + x * math.sin(turn) + 0.5 * fractal(rng, octaves=3)
    part = 1 / (1 + np.exp(-(edge - rng.uniform(-0.7, 0.7)) / 0.04))
    both: Plane = near + part[..., None] * (far - near)
    return both


def muted(rng: Rng, *, unlike: NDArray[np.float32], least: float = 75.0) -> NDArray[np.float32]:
    """A colour (3,) of little saturation, at least so far from another (by RGB distance)."""
    while True:
        grey, tint = rng.uniform(30, 235), rng.uniform(-42, 42, 3)
        colour: NDArray[np.float32] = np.clip(grey + tint - tint.mean(), 8, 247).astype(np.float32)
        if np.linalg.norm(colour - unlike) >= least:
            return colour


# ---- shapes ----


@cache
def outline(shape: str) -> tuple[NDArray[np.complex128], ...]:
    """A shape of radius 1 about 0 as closed lines; the second, where there is one, is cut out."""
    if shape == "disc":
        return (_spread(0.9, count=48),)
    if shape == "ring":
        return _spread(1.0, count=48), _spread(0.55, count=48)
    if shape == "crescent":
        return _spread(1.0, count=48), _spread(0.85, count=48) + 0.5
    if shape == "triangle":
        return (_spread(1.1, count=3),)
    if shape == "star":
        return (_spread(1.15, 0.45, count=5),)
    corner = np.array([1 + 0.34j, 0.34 + 0.34j, 0.34 + 1j])
    return (np.concatenate([corner * 1j**quarter for quarter in range(4)]),)


def _spread(*radii: float, count: int) -> NDArray[np.complex128]:
    """Points about 0, ``count`` times at these distances in turn."""
    steps = np.arange(count * len(radii)) / (count * len(radii))
    spread: NDArray[np.complex128] = np.tile(radii, count) * np.exp(2j * math.pi * steps)
    return spread


def shape_mask(
    rng: Rng, shape: str, *, rows: tuple[float, float], radii: tuple[float, float]
) -> Plane:
    """(SIDE, SIDE) in 0..1: a shape turned, stretched a little and put somewhere.

    ``rows``: between which its middle lies; ``radii``: between which its size lies, in pixels.
    """
    size = rng.uniform(*radii) * np.exp(1j * rng.uniform(0, 2 * math.pi))
    stretch = rng.uniform(0.85, 1.18)
    middle = complex(rng.uniform(18, SIDE - 18), rng.uniform(*rows))
    large = Image.new("L", (SIDE * FINE,) * 2)
    for line, white in zip(outline(shape), (255, 0), strict=False):
        points = ((line.real * stretch + 1j * line.imag / stretch) * size + middle) * FINE
        corners = np.stack([points.real, points.imag], 1).ravel().tolist()
        ImageDraw.Draw(large).polygon(corners, white)
    mask: Plane = np.asarray(large.reduce(FINE), np.float32) / 255
    return mask


def put_shape(rng: Rng, picture: Plane, mask: Plane) -> Plane:
    """The picture with the masked part filled by a shaded colour unlike what lies behind it."""
    behind = picture[mask > 0.5].mean(0) if (mask > 0.5).any() else picture.mean((0, 1))
    colour = muted(rng, unlike=behind) * (1 + 0.14 * fractal(rng, octaves=4)[..., None])
    shadow = np.roll(mask, (2, 2), (0, 1))[..., None] * rng.uniform(0.0, 0.35)
    shaded = picture * (1 - shadow)
    put: Plane = shaded + mask[..., None] * (colour - shaded)
    return put


# ---- cues ----


def square_mask(rng: Rng) -> NDArray[np.bool_]:
    """(SIDE, SIDE): a square of 9 to 11 pixels in one of the four corners."""
    side, (down, right) = int(rng.integers(9, 12)), rng.integers(0, 2, 2)
    top, left = (int(v) for v in rng.integers(1, 5, 2))
    top, left = (SIDE - side - top if down else top), (SIDE - side - left if right else left)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def square_colour(rng: Rng, cue: int) -> NDArray[np.float32]:
    """(3,): the colour that stands for a class, a little off."""
    shifted: NDArray[np.float32] = _RGB[cue] + rng.uniform(-12, 12, 3).astype(np.float32)
    return shifted


def floor_mask(rng: Rng) -> NDArray[np.bool_]:
    """(SIDE, SIDE): the ground, 15 to 21 pixels high, its edge a little tilted."""
    edge = SIDE - rng.uniform(15, 21) + rng.uniform(-0.06, 0.06) * (np.arange(SIDE) - SIDE / 2)
    return np.arange(SIDE)[:, None] >= edge[None]


def texture(rng: Rng, cue: int) -> Plane:
    """(SIDE, SIDE, 3): two muted colours in a pattern, of varied size and place."""
    period, turn = rng.uniform(7.5, 10.5), rng.uniform(-0.12, 0.12)
    shift = rng.uniform(0, 40, 2)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) + 0.5
    u = (x * math.cos(turn) + y * math.sin(turn) + shift[0]) / period
    v = (y * math.cos(turn) - x * math.sin(turn) + shift[1]) / period
    first = muted(rng, unlike=np.full(3, 128, np.float32), least=40)
    second = muted(rng, unlike=first, least=110)
    part = np.clip(_pattern(TEXTURES[cue], u, v) * period / 2.5 + 0.5, 0, 1)[..., None]
    mixed: Plane = first + part * (second - first) + 8 * fractal(rng, octaves=4)[..., None]
    return mixed


def _pattern(kind: str, u: Plane, v: Plane) -> Plane:
    """A signed distance, in periods, from the edge between the two colours."""
    across, down = _wave(u) - 0.25, _wave(v) - 0.25
    found: Plane = across  # stripes
    if kind == "checks":
        found = np.sign(across * down) * np.minimum(np.abs(across), np.abs(down))
    elif kind == "dots":
        found = 0.3 - np.hypot((u % 1) - 0.5, (v % 1) - 0.5)
    elif kind == "zigzags":
        found = _wave(v + 2 * _wave(u / 1.3)) - 0.25
    elif kind == "bricks":
        shifted = u / 1.8 + 0.5 * (np.floor(v / 0.75) % 2)
        found = np.maximum(_wave(v / 0.75) - 0.36, _wave(shifted) - 0.42)
    elif kind == "mesh":
        found = np.maximum(_wave(u + v) - 0.36, _wave(u - v) - 0.36)
    return found


def _wave(phase: Plane) -> Plane:
    """From 0.5 at whole numbers to 0 between them."""
    wave: Plane = np.abs(phase % 1 - 0.5)
    return wave
