"""A small network with a grid, and pictures for it: a whole atlas in a few seconds."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from analysis.models import Classifier
from analysis.photos import Picture
from tests.toys import classifier

LAYER = "look.1"
CLASSES = ("ant", "bee", "cow", "dog", "eel")


class Small(nn.Module):
    """(B, 3, 20, 20) -> twelve neurons on a grid of 10 x 10 -> the mean of each -> five logits."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.look = nn.Sequential(nn.Conv2d(3, 12, 5, stride=2, padding=2), nn.ReLU(inplace=True))
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.look(x).mean((2, 3)))
        return logits


def network() -> Classifier:
    return classifier(Small(), (3, 20, 20), categories=CLASSES)


def pictures(count: int, first: int = 0) -> list[Picture]:
    """Coloured blots, 24 x 24."""
    found = []
    for number in range(first, first + count):
        draws = np.random.default_rng(number)
        coarse = Image.fromarray(draws.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        file = BytesIO()
        coarse.resize((24, 24), Image.Resampling.BICUBIC).save(file, "PNG")
        found.append(Picture(f"{number}.png", file.getvalue()))
    return found
