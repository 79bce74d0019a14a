"""Which answers a little change turns: by hand on a network of brightness, and on photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from analysis.models import load
from analysis.photos import Picture, samples
from analysis.stability import CHANGES, Stability, cropped, dimmed, noised, turned
from cache.codecs import encode
from tests.toys import classifier, linear

SIDE = 32


class Bright(nn.Module):
    """(B, 1, h, w) -> the mean, through a ReLU -> logits (mean, 0.4): bright above 0.4."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)
        nn.init.ones_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)
        self.relu = nn.ReLU()
        self.fc = linear([[1.0], [0.0]], [0.0, 0.4])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc(self.relu(self.conv(x)).mean((2, 3)))
        return out


def grey(value: int, *, edge: int | None = None) -> Picture:
    """A plain picture; with an ``edge`` of a tenth of the side in another grey all around."""
    pixels = np.full((SIDE, SIDE), value if edge is None else edge, np.uint8)
    pixels[4:-4, 4:-4] = value
    return Picture(f"{value}", encode("png", np.repeat(pixels[:, :, None], 3, 2))[0])


def test_only_what_halves_the_light_turns_a_bright_picture(tmp_path: Path) -> None:
    pictures = [grey(180), grey(20), grey(20, edge=255)]
    run = Stability(classifier(Bright(), (1, SIDE, SIDE)), pictures, tmp_path)
    steps = list(run.run())
    assert steps[-1].done == 3
    found, names = run.result(), list(CHANGES)
    # 180 / 255 = .71, half of it .35; 20 / 255 is dark whatever is done; the third one's edge is
    # (32 ^ 2 - 24 ^ 2) / 32 ^ 2 = .44 of it and makes it .48, and lies mostly outside of the crop
    assert found.norm.tolist() == [0, 1, 0]
    turns = [{names[k] for k in np.flatnonzero(row)} for row in found.turns]
    assert turns[0] == {"dimmed"}
    assert turns[1] == set()
    assert {"dimmed", "cropped"} <= turns[2]


def test_what_was_asked_once_is_not_asked_again(tmp_path: Path) -> None:
    network = classifier(Bright(), (1, SIDE, SIDE))
    first = Stability(network, [grey(180)], tmp_path)
    list(first.run())
    again = Stability(network, [grey(180), grey(20)], tmp_path)
    assert [step.done for step in again.run()] == [1, 2]
    assert again.result().number.tolist() == [0, 1]


def test_the_changes_by_themselves() -> None:
    image = Image.fromarray(np.full((40, 40, 3), 100, np.uint8))
    assert np.asarray(dimmed(image)).mean() == pytest.approx(50, abs=1)
    for change in CHANGES.values():
        assert change(image).size == image.size
    assert np.asarray(turned(image)).min() == 100  # no empty corner
    assert np.asarray(noised(image)).std() == pytest.approx(10, abs=1)
    half = np.zeros((40, 40, 3), np.uint8)
    half[4:-4, 4:-4] = 255
    assert np.asarray(cropped(Image.fromarray(half))).min() == 255
    np.testing.assert_array_equal(np.asarray(noised(image)), np.asarray(noised(image)))


def test_the_norm_is_the_answer_to_the_untouched_photograph(tmp_path: Path) -> None:
    network, pictures = load("squeezenet1_1"), samples().pictures[:3]
    run = Stability(network, pictures, tmp_path)
    list(run.run())
    found = run.result()
    for number, picture in enumerate(pictures):
        x = network.tensor(network.pixels(picture.decode(min_side=network.resize)))
        with torch.no_grad():
            assert found.norm[number] == int(network.module(x).argmax())
    assert found.said.shape == (3, len(CHANGES))
