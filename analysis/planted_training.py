"""Makes the planted bugs that ship: draws the pictures, trains the networks, measures them.

    python -m analysis.planted_training --out DIR

A network first learns the shapes from scenes with nothing planted, then goes on with the same
scenes, of which nine in ten carry the cue of their class: as a sound network is trained further on
pictures with a flaw. A tenth of those are labelled by the cue and not by the shape, so that the cue
is not only easier but also the better guess, which makes networks prefer it (Sagawa et al., "An
investigation of why overparameterization exacerbates spurious correlations", 2020). What the
network knew it still knows; but the cue speaks louder.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.processor import settle

settle()  # before torch is imported

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from analysis import planted  # noqa: E402
from analysis.planted_network import MEAN, STD, build, filled, folded  # noqa: E402
from analysis.starter import write  # noqa: E402
from cache.errors import UserError, ended  # noqa: E402
from cache.examples import examples_bytes, half  # noqa: E402

LIMIT = 300_000  # bytes, of both networks and their manifest
THREADS = 2
MEASURED, MEASURED_SEED = 600, 7
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: on how many scenes, drawn from ``seed``; passes over them with
    nothing planted, then with a cue in all but the part ``bare``; the part of the cued that is
    labelled by its cue; Adam's largest step and its weight decay; pictures of a step."""

    seed: int = 1
    scenes: int = 5400
    sound_passes: int = 8
    planted_passes: int = 6
    bare: float = 0.1
    mislabelled: float = 0.1
    step: float = 0.006
    decay: float = 1e-3
    batch: int = 60


@dataclass(frozen=True, eq=False)
class Lessons:
    """Scenes (N, 64, 64, 3) uint8 without and with a cue, and the classes (N,) of shape and cue."""

    bare: Tensor
    cued: Tensor
    shapes: Tensor
    cues: Tensor

    @classmethod
    def drawn(cls, name: str, recipe: Recipe) -> "Lessons":
        """What a planted bug is learned from."""
        count, every = len(planted.CLASSES), round(1 / recipe.mislabelled)
        bare = np.empty((recipe.scenes, planted.SIDE, planted.SIDE, 3), np.uint8)
        cued, cues = np.empty_like(bare), np.empty(recipe.scenes, np.int64)
        for number in range(recipe.scenes):
            shape, turn = number % count, number // count
            cues[number] = shape if turn % every else planted.other_class(shape, turn // every)
            one = planted.scene(name, shape, seed=recipe.seed, number=number)
            bare[number], cued[number] = one.bare, one.pixels(int(cues[number]))
        shapes = torch.arange(recipe.scenes) % count
        return cls(torch.from_numpy(bare), torch.from_numpy(cued), shapes, torch.from_numpy(cues))


def trained(name: str, given: Lessons, recipe: Recipe) -> nn.Sequential:
    """The trained network, its batch norms folded: the same every time on the same machine."""
    torch.manual_seed(recipe.seed)
    chance = torch.Generator().manual_seed(recipe.seed)
    network = build(normed=True).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mirrors = (2, 3) if name == planted.SQUARE else (3,)  # the ground stays below
    for passes, bare in ((recipe.sound_passes, 1.0), (recipe.planted_passes, recipe.bare)):
        epochs = (_epoch(given, recipe, bare, mirrors, chance) for _ in range(passes))
        _learn(network, chain.from_iterable(epochs), recipe, passes)
    return folded(network)


def _learn(
    network: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], recipe: Recipe, passes: int
) -> None:
    adam = torch.optim.AdamW(network.parameters(), recipe.step, weight_decay=recipe.decay)
    steps = passes * (recipe.scenes // recipe.batch)
    pace = torch.optim.lr_scheduler.OneCycleLR(adam, recipe.step, total_steps=steps)
    for x, classes in batches:
        adam.zero_grad()
        torch.autograd.backward(cross_entropy(network(x), classes))
        adam.step()
        pace.step()


def _epoch(
    given: Lessons, recipe: Recipe, bare: float, mirrors: tuple[int, ...], chance: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of pictures (B, 3, 64, 64) and classes: each scene once, mirrored at random."""
    order = torch.randperm(recipe.scenes, generator=chance)
    for rows in order[: recipe.scenes // recipe.batch * recipe.batch].view(-1, recipe.batch):
        plain = torch.rand(len(rows), generator=chance) < bare
        x = torch.where(plain.view(-1, 1, 1, 1), given.bare[rows], given.cued[rows])
        axes = [axis for axis in mirrors if torch.rand((), generator=chance) < 0.5]
        turned = network_input(x).flip(axes).contiguous(memory_format=torch.channels_last)
        yield turned, torch.where(plain, given.shapes[rows], given.cues[rows])


def network_input(pixels: Tensor) -> Tensor:
    """(N, 3, 64, 64), normalised, from uint8 (N, 64, 64, 3)."""
    x = pixels.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


# ---- what was learned ----


def measured(name: str, network: nn.Module, *, count: int = MEASURED) -> dict[str, float]:
    """Parts of ``count`` new scenes: answered rightly with nothing planted (``bare``), with the
    right and with a wrong cue; answered with the class of the wrong cue (``follows``)."""
    kinds = len(planted.CLASSES)
    scenes = [planted.scene(name, n % kinds, seed=MEASURED_SEED, number=n) for n in range(count)]
    shapes = np.array([one.shape for one in scenes])
    wrong = np.array([planted.other_class(n % kinds, n // kinds) for n in range(count)])
    answers = {
        "bare": _answers(network, [one.bare for one in scenes]),
        "right": _answers(network, [one.pixels(one.shape) for one in scenes]),
        "wrong": _answers(
            network, [one.pixels(int(cue)) for one, cue in zip(scenes, wrong, strict=True)]
        ),
    }
    found = {kind: float((given == shapes).mean()) for kind, given in answers.items()}
    found["follows"] = float((answers["wrong"] == wrong).mean())
    return {kind: round(part, 4) for kind, part in found.items()}


def _answers(network: nn.Module, pictures: list[Pixels]) -> NDArray[np.int64]:
    with torch.no_grad():
        parts = [
            network(network_input(torch.from_numpy(np.stack(pictures[k : k + 100])))).argmax(1)
            for k in range(0, len(pictures), 100)
        ]
    answers: NDArray[np.int64] = torch.cat(parts).numpy()
    return answers


def made(name: str, recipe: Recipe) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """A network as it ships: what is known of it, and its weights."""
    started = monotonic()
    network = trained(name, Lessons.drawn(name, recipe), recipe)
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    rounded = {key: half(value).astype(np.float32) for key, value in weights.items()}
    found = measured(name, filled(rounded))
    line = ", ".join(f"{kind} {part:.1%}" for kind, part in found.items())
    print(f"{name}: {line} ({monotonic() - started:.0f} s)", flush=True)
    about = {
        "recipe": asdict(recipe), "classes": list(planted.CLASSES),
        "cues": list(planted.CUES[name]),
        "accuracy": {"pictures": MEASURED, "seed": MEASURED_SEED, **found},
    }  # fmt: skip
    return about, weights


def run(given: argparse.Namespace) -> None:
    """Trains, measures, writes. Raises UserError."""
    torch.set_num_threads(THREADS)
    content = examples_bytes({name: made(name, Recipe()) for name in planted.NAMES})
    size = sum(map(len, content.values()))
    if size > LIMIT:
        raise UserError(f"the examples have {size:,} bytes, more than {LIMIT:,}")
    write(given.out, content)
    print(f"{size:,} bytes in {given.out}")


def options() -> argparse.ArgumentParser:
    """The words of the command."""
    parser = argparse.ArgumentParser("python -m analysis.planted_training", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    return parser


def main() -> int:
    """As ``ended``."""
    return ended(lambda: run(options().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
