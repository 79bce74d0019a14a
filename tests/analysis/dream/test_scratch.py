"""Pictures in bands over files: the same numbers as in one piece, in the memory of a band."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from analysis.dream import pyramid, scratch
from analysis.dream.engine import dreamt
from analysis.dream.prior import blurred
from analysis.dream.pyramid import Source
from analysis.dream.settings import Dream
from analysis.featurevis.parameters import generator
from cache.errors import UserError
from tests.analysis.dream.nets import local
from tests.cache.test_full_disk import only_small_files

PROC = Path("/proc/self/clear_refs")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Everything lies in files in this folder, and a band has but a few rows."""
    monkeypatch.setattr(scratch, "IN_MEMORY", 0)
    monkeypatch.setattr(scratch, "BAND", 512)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("size", [(84, 112), (61, 112), (60, 30), (9, 131), (200, 17), (60, 81)])
def test_resized_in_bands_is_resized(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, 60, 80, generator=generator(1))
    shrinks = size[0] < 60 or size[1] < 80
    plain = functional.interpolate(picture, size=size, mode="bilinear", antialias=shrinks)
    found = pyramid.resized(Source.of(picture), size)
    assert found.size == size
    for a, b in ((0, size[0]), (0, 1), (size[0] // 2, size[0])):
        assert torch.allclose(found.rows(a, b), plain[:, :, a:b], atol=1e-6)


def test_rows_are_mixed_where_they_lie() -> None:
    """1 2 3 4 at twice the size: 1 1.25 1.75 2.25 ... 4; at half of it, by a triangle that reaches
    two rows: (3 * 1 + 3 * 2 + 3) / 7 and its mirror."""
    ramp = Source.of(torch.tensor([1.0, 2, 3, 4]).view(1, 1, 4, 1))
    twice = pyramid.resized(ramp, (8, 1)).whole().flatten().tolist()
    assert twice == pytest.approx([1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4])
    half = pyramid.resized(ramp, (2, 1)).whole().flatten().tolist()
    assert half == pytest.approx([12 / 7, 23 / 7])


def test_noise_and_blur_know_no_bands(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> torch.Tensor:
        picture = pyramid.noise((70, 50), 3, 3).whole().clone()
        blurred(picture, 2.5)
        return picture

    banded = made()
    monkeypatch.undo()
    assert torch.allclose(banded, made(), atol=1e-5)


def test_a_photograph_lies_in_a_file_too(tiny: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (70, 50, 3), dtype=np.uint8)
    found = pyramid.pixels_of(Image.fromarray(colours))
    assert len(scratch._files) == 1
    assert np.array_equal(found, colours)
    del found
    assert not len(scratch._files)
    with only_small_files(4096), pytest.raises(UserError, match="the disk is full"):
        pyramid.pixels_of(Image.fromarray(colours))


def test_a_dream_in_files_is_the_dream(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dream = Dream(layer="relu", octaves=3, iterations=2, tile=256, jitter=9, blur=(0.5, 0.3))
    photo = np.random.default_rng(0).integers(0, 256, (300, 420, 3), dtype=np.uint8)
    *_, last = dreamt(local(), dream, photo)
    assert len(scratch._files) == 2  # the picture, and its gradient
    in_files, small = last.pixels().copy(), last.pixels(64).copy()
    assert not [*tiny.iterdir()]  # none of them has a name
    del last, _
    assert not len(scratch._files)
    monkeypatch.undo()
    *_, last = dreamt(local(), dream, photo)
    assert not len(scratch._files)
    assert np.abs(in_files.astype(int) - last.pixels()).max() <= 1
    assert np.abs(small.astype(int) - last.pixels(64)).max() <= 1
    assert np.abs(in_files.astype(int) - photo).mean() > 1


@pytest.mark.parametrize("reserves", [True, False])
def test_a_full_disk_is_one_line_before_the_first_step(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, reserves: bool
) -> None:
    if not reserves:  # as where there is no such call
        monkeypatch.delattr(os, "posix_fallocate")
    with only_small_files(4096), pytest.raises(UserError, match="the disk is full") as refused:
        next(dreamt(local(), Dream(layer="relu"), np.zeros((80, 80, 3), np.uint8)))
    assert str(tiny) in str(refused.value)
    assert "TMPDIR" in str(refused.value)


GROWTH = """
import sys
from pathlib import Path
import numpy as np
from analysis.dream.engine import dreamt
from analysis.dream.settings import Dream
from tests.analysis.dream.nets import local

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

dream = Dream(layer="relu", octaves=2, iterations=1, tile=512, jitter=0)
for height in (300, 1200, 2000):
    photo = np.full((height, height * 4 // 3, 3), 99, np.uint8)
    for frame in dreamt(local(), dream, photo):
        pass
    frame.pixels(300)
    print(peak())
"""


@pytest.mark.skipif(not PROC.exists(), reason="only Linux tells the peak of memory")
def test_memory_is_that_of_the_tile() -> None:
    """From 1.9 to 5.3 megapixels: the picture itself as 8 bits, 3 bytes a pixel, and the rest of a
    row of tiles; with everything in memory it was 45."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", GROWTH], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    _, middle, large = map(int, done.stdout.split())
    pixels = 2000 * 2666 - 1200 * 1600
    assert (large - middle) / pixels < 9
