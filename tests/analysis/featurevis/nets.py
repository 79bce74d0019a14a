"""Tiny networks for feature visualization: one grey channel in, answers worked out by hand."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from analysis.models import Classifier
from tests import toys


class Places(nn.Module):
    """(B, 1, h, w) of brightness v -> channels ``gain * v + bias`` after ``relu`` -> sums."""

    def __init__(
        self,
        gains: list[float],
        biases: list[float],
        relu: nn.Module | Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.conv = toys.one_by_one([[g] for g in gains], biases)
        self.act = relu if isinstance(relu, nn.Module) else Call(relu or functional.relu)
        self.pool = toys.Sum()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pool(self.act(self.conv(x)))
        return out


class Call(nn.Module):
    """A plain function as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class OneSizeOnly(nn.Module):
    """Tokens of 4 x 4 patches with an extra one in front and learnt positions: 16 pixels only."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(1, 6, 4, stride=4)
        self.place = nn.Parameter(torch.zeros(1, 17, 6))
        self.mix = nn.Linear(6, 6)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1) + self.place
        out: Tensor = self.fc(self.mix(tokens)[:, 0])
        return out


class Branches(nn.Module):
    """Convolution, ReLU, then two convolutions with ReLUs of their own side by side, like a fire
    module."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.squeeze = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(inplace=True))
        self.wide, self.narrow = nn.Conv2d(4, 3, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        return torch.cat([self.relu(self.wide(x)), functional.relu(self.narrow(x))], 1)


class Fire(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Branches()
        self.pool = toys.Sum()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pool(self.block(x))
        return out


def places(
    gains: list[float],
    biases: list[float],
    relu: nn.Module | Callable[[Tensor], Tensor] | None = None,
    size: int = 16,
) -> Classifier:
    return toys.classifier(Places(gains, biases, relu), (1, size, size))
