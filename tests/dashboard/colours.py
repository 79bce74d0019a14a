"""A network whose answers are a picture's colours, and a labelled folder that it gets partly wrong:
every number of Errors can be worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dashboard import tasks
from dashboard.bench import Bench
from tests.dashboard.desk import Desk, settings

LAYER = "relu"
NAMES = ("red", "green", "blue")
# Neuron i is 1 + i // 3 times the colour i % 3; a class has ten times its colour's mean.
NET = """
import torch
from torch import nn

class Colours(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 1)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(12, 3)
        with torch.no_grad():
            self.conv.bias.zero_(), self.conv.weight.zero_()
            self.fc.bias.zero_(), self.fc.weight.zero_()
            for i in range(12):
                self.conv.weight[i, i % 3] = 1 + i // 3
                self.fc.weight[i % 3, i] = 1

    def forward(self, x):
        return self.fc(self.relu(self.conv(x)).mean((2, 3)))

def make():
    return {"module": Colours(), "input_size": (3, 16, 16), "resize": 16, "mean": (0, 0, 0),
            "std": (1, 1, 1), "categories": ["red", "green", "blue"]}
"""
# name: how many, their colour, their label
SET: dict[str, tuple[int, tuple[float, float, float], str]] = {
    "red": (4, (0.9, 0.3, 0.1), "red"),
    "green": (3, (0.2, 0.8, 0.1), "green"),
    "taken": (3, (0.6, 0.8, 0.1), "red"),  # says green
    "sky": (1, (0.5, 0.2, 0.45), "blue"),  # says red
    "other": (1, (0.1, 0.2, 0.9), "violet"),  # no class of this network
    "plain": (1, (0.5, 0.5, 0.45), ""),  # no label
}


def with_colours(folder: Path, *, labels: bool = True, only: tuple[str, ...] = ()) -> Desk:
    """A desk with the network and its pictures, and one more that is broken."""
    desk = Desk(folder)
    (folder / "colours.py").write_text(NET)
    (folder / "pics").mkdir()
    rows, rng = ["file,class_name"], np.random.default_rng(0)
    for name, (count, colour, label) in SET.items():
        for i in range(count if not only or name in only else 0):
            noise = rng.normal(0, 0.04, (16, 16, 3))
            noise -= noise.mean((0, 1))
            pixels = np.clip(255 * (np.array(colour) + noise), 0, 255).round().astype(np.uint8)
            Image.fromarray(pixels).save(folder / "pics" / f"{name}{i}.png")
            rows.append(f"{name}{i}.png,{label}")
    if not only:
        (folder / "pics" / "z-broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    if labels:
        (folder / "pics" / "labels.csv").write_text("\n".join(rows) + "\n")
    return desk


def model(folder: Path) -> str:
    return f"{folder / 'colours.py'}:make"


def started(folder: Path) -> dict[str, Any]:
    """What its worker is started with."""
    return settings(folder / "c", model=model(folder), images=folder / "pics")


def bench(folder: Path) -> Bench:
    found: Bench = tasks.make_state(started(folder))
    return found
