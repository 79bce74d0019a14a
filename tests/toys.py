"""Tiny networks whose answers can be worked out by hand; their weights are written out."""

import torch
from torch import Tensor, nn

from analysis.models import Classifier, prepare
from analysis.sources import Source


def classifier(
    module: nn.Module, size: tuple[int, int, int], *, categories: tuple[str, ...] = ()
) -> Classifier:
    """A toy as the program knows it: pictures in 0..1 reach it as they are (mean 0, sd 1)."""
    c = size[0]
    source = Source(
        module, "toy", True, size, min(size[1:]), (0.0,) * c, (1.0,) * c, categories=categories
    )
    return prepare(source, "toy", device="cpu")


def one_by_one(weight: list[list[float]], bias: list[float] | None = None) -> nn.Conv2d:
    """A 1x1 convolution with the given matrix (out, in)."""
    matrix = torch.tensor(weight)
    conv = nn.Conv2d(matrix.shape[1], matrix.shape[0], 1)
    with torch.no_grad():
        conv.weight.copy_(matrix[:, :, None, None])
        conv.bias.copy_(torch.tensor(bias or [0.0] * len(matrix)))
    return conv


def linear(weight: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    """A linear map with the given matrix (out, in)."""
    matrix = torch.tensor(weight)
    layer = nn.Linear(matrix.shape[1], matrix.shape[0])
    with torch.no_grad():
        layer.weight.copy_(matrix)
        layer.bias.copy_(torch.tensor(bias or [0.0] * len(matrix)))
    return layer


class Sum(nn.Module):
    """Sums every channel over all places."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


class Counted(nn.Module):
    """Passes its input on and counts how often it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return x


class TwoNeurons(nn.Module):
    """(B, 1, h, w) -> neurons (v - 0.25, 0.75 - v), in-place ReLU -> sums s -> logits (2 s0 - s1,
    s1).

    With one place v = 1: neurons (0.75, -0.25), after the ReLU (0.75, 0), logits (1.5, 0).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = one_by_one([[1.0], [-1.0]], [-0.25, 0.75])
        self.relu = nn.ReLU(inplace=True)
        self.pool = Sum()
        self.behind = Counted()
        self.fc = linear([[2.0, -1.0], [0.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.behind(self.pool(self.relu(self.conv(x)))))
        return out


class Residual(nn.Module):
    """One in-place ReLU called three times round an in-place sum, as in a ResNet.

    a = relu(x);  b = relu(a - 1);  c = relu(2 b - 3 + a)  (in place);  logits = (sum c, -sum c).
    With one place x = 3: a = 3, b = 2, c = 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.less = one_by_one([[1.0]], [-1.0])
        self.twice = one_by_one([[2.0]], [-3.0])
        self.pool = Sum()
        self.fc = linear([[1.0], [-1.0]])

    def forward(self, x: Tensor) -> Tensor:
        a = self.relu(x.clone())
        out = self.twice(self.relu(self.less(a)))
        out += a
        logits: Tensor = self.fc(self.pool(self.relu(out)))
        return logits


class Branches(nn.Module):
    """Two branches, put side by side: logits (sum of relu(x) + sum of relu(1 - x), their
    difference)."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Sequential(one_by_one([[1.0]]), nn.ReLU(inplace=True))
        self.right = nn.Sequential(one_by_one([[-1.0]], [1.0]), nn.ReLU(inplace=True))
        self.pool = Sum()
        self.fc = linear([[1.0, 1.0], [1.0, -1.0]])

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([self.left(x), self.right(x)], 1)
        logits: Tensor = self.fc(self.pool(both))
        return logits


class Tokens(nn.Module):
    """A transformer's form: patches, a class token before them, one residual map, the class token
    read out.

    Patches of 2x2 are summed into channel 0 and counted in channel 1; every token is given the mean
    of all (class token 0), doubled by ``block``. Logits: (mean channel 0, mean channel 1) * 3.
    """

    def __init__(self, grid: int = 2) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, 2, 2, stride=2)
        with torch.no_grad():
            self.patch.weight.copy_(torch.stack([torch.ones(1, 2, 2), torch.zeros(1, 2, 2)]))
            self.patch.bias.copy_(torch.tensor([0.0, 1.0]))
        self.token = nn.Parameter(torch.zeros(1, 1, 2))
        self.mix = Mix()
        self.block = linear([[2.0, 0.0], [0.0, 2.0]])
        self.fc = linear([[1.0, 0.0], [0.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), patches], 1)
        mixed = self.mix(tokens)
        logits: Tensor = self.fc((mixed + self.block(mixed))[:, 0])
        return logits


class Mix(nn.Module):
    """Every token becomes the mean of all."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True).expand_as(x).clone()


class ChannelsLast(nn.Module):
    """A convolution, then (B, h, w, C) as Swin and ConvNeXt have it, on a grid that is not
    square."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = one_by_one([[1.0], [-1.0], [2.0]])
        self.map = linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
        self.act = nn.ReLU(inplace=True)
        self.fc = linear([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.act(self.map(self.conv(x).permute(0, 2, 3, 1))).mean((1, 2)))
        return logits


class Votes(nn.Module):
    """Six neurons of (5, 4, 3, 2, 1.5, 0) times the pixel, each with a vote.

    For class 0 vote neurons 0, 2 and 4, for class 1 neuron 1; neurons 3 and 5 vote for none. At a
    single pixel of 1 the logits are (9.5, 4), the effects on the margin (5, -4, 3, 0, 1.5, 0).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = one_by_one([[5.0], [4.0], [3.0], [2.0], [1.5], [0.0]])
        self.relu = nn.ReLU()
        self.pool = Sum()
        self.fc = linear([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]])

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.pool(self.relu(self.conv(x))))
        return logits


class Patterns(nn.Module):
    """Two colours, two neurons each: (B, 2, h, w) -> neurons (2 r, r, g, -3 g), no ReLU, signed.

    Logits: (sum of neurons 0 and 1, sum of neurons 2 and 3).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = one_by_one([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -3.0]])
        self.pool = Sum()
        self.fc = linear([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.pool(self.conv(x)))
        return logits
