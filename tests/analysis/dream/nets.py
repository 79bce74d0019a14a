"""Tiny networks to dream with: answers worked out by hand."""

import torch
from torch import Tensor, nn

from analysis.models import Classifier
from tests import toys


class Local(nn.Module):
    """(B, 1, h, w) -> two 3x3 convolutions with ReLUs, a pool of 2 in between -> sums. A place
    answers to 8 pixels; what a pixel's gradient depends on lies within 16."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.pool = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2, ceil_mode=True)
        self.second, self.relu = nn.Conv2d(4, 3, 3, padding=1), nn.ReLU()
        self.sum = toys.Sum()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sum(self.relu(self.second(self.pool(self.first(x)))))
        return out


def local(size: int = 16) -> Classifier:
    return toys.classifier(Local(), (1, size, size))
