"""Films written for real and read back: as they should be, cut short, and on a full disk."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from analysis.dream import film as films
from analysis.dream.film import Film, ready, recorded
from analysis.dream.stamp import Stamp, read_settings
from cache.errors import UserError
from tests.cache.test_full_disk import can_mount, in_small_disk

ROOT = Path(__file__).resolve().parents[3]
STAMP = Stamp("stream", "toy", "0" * 64, {"zoom": 0.05, "changes": [[3, "relu", 1.5]]})
KINDS = [".gif", ".mp4"]


def needs(kind: str) -> None:
    if kind == ".mp4":
        pytest.importorskip("av", reason="films as MP4 need the extra [video]")


def frames(count: int, h: int = 60, w: int = 81) -> Iterator[NDArray[np.uint8]]:
    """A photograph that moves to the right; its sides may be odd."""
    from sklearn.datasets import load_sample_image

    whole = Image.fromarray(load_sample_image("flower.jpg")).resize((w, h))
    for i in range(count):
        yield np.roll(np.asarray(whole), 2 * i, axis=1)


def read(path: Path) -> list[NDArray[np.uint8]]:
    if path.suffix == ".mp4":
        import av

        with av.open(str(path)) as container:
            return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    with Image.open(path) as image:
        found = []
        for i in range(getattr(image, "n_frames", 1)):
            image.seek(i)
            found.append(np.asarray(image.convert("RGB")))
        return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_and_its_settings_come_back(tmp_path: Path, kind: str) -> None:
    needs(kind)
    path, wanted = tmp_path / f"film{kind}", list(frames(15))
    with Film(path, STAMP, fps=10) as film:
        for frame in wanted:
            film.add(frame)
        assert not path.exists(), "a film appears whole"
    assert film.count == 15
    found = read(path)
    assert len(found) == 15
    for a, b in zip(found, wanted, strict=True):
        assert np.abs(a[:60, :81].astype(int) - b).mean() < 6
    assert read_settings(path) == STAMP
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    before = path.read_bytes()
    assert len(list(recorded(iter(wanted), path, STAMP, fps=10))) == 15
    assert path.read_bytes() == before, "the same frames, the same bytes"


def test_how_a_gif_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    list(recorded(frames(3), path, STAMP, fps=12.5))
    with Image.open(path) as image:
        assert (image.info["duration"], image.info["loop"]) == (80, 0)


def test_how_an_mp4_is_made(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    list(recorded(frames(24), path, STAMP, fps=12))
    with av.open(str(path)) as container:
        (video,) = container.streams
        assert (video.codec.name, video.pix_fmt, video.frames) == ("h264", "yuv420p", 24)
        assert container.duration == 2_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_that_ends_early_is_a_film(tmp_path: Path, kind: str) -> None:
    needs(kind)
    path = tmp_path / f"film{kind}"
    running = recorded(frames(50), path, STAMP)
    for _ in range(4):
        next(running)
    running.close()
    assert len(read(path)) == 4

    def failing() -> Iterator[NDArray[np.uint8]]:
        yield from frames(3)
        raise UserError("the network has gone")

    with pytest.raises(UserError, match="gone"):
        list(recorded(failing(), path, STAMP))
    assert len(read(path)) == 3


def test_a_film_of_no_frames_leaves_nothing(tmp_path: Path) -> None:
    with Film(tmp_path / "film.gif", STAMP):
        pass
    assert not [*tmp_path.iterdir()]


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from analysis.dream.film import Film
from cache.errors import UserError
from tests.analysis.dream.test_film import STAMP
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
random = np.random.default_rng(0)
film = Film(Path(sys.argv[1]), STAMP, fps=4)
try:
    with film:
        for _ in range(400):
            film.add(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))
except UserError as error:
    print(error)
    print(film.count)
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [100, 200_000])
def test_a_full_disk_keeps_what_was_finished(tmp_path: Path, kind: str, limit: int) -> None:
    needs(kind)
    path = tmp_path / f"film{kind}"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(limit)],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line, count = done.stdout.splitlines()
    assert "cannot be written: the disk is full" in line
    if limit == 100:
        assert line.endswith("there is no film")
        assert not [*tmp_path.iterdir()]
        return
    assert line.endswith(f"the film there has the first {count} frames")
    assert int(count) > 3
    assert len(read(path)) == int(count)
    assert read_settings(path) == STAMP
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    path = disk / "film.gif"
    show = f"{LIMITED}\ndata = Path(sys.argv[1]).read_bytes()\nprint(len(data), data[-1:])"
    actor = [sys.executable, "-c", show, str(path), str(2**30)]
    done = subprocess.run(
        in_small_disk(disk, *actor), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    line, count, about = done.stdout.splitlines()
    assert line.endswith(f"the disk is full; the film there has the first {count} frames")
    length, last = about.split(" ", 1)
    assert int(count) > 100
    assert int(length) > 1_000_000
    assert last == "b';'"


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)  # as Python itself has it after a failed import
    with pytest.raises(UserError, match=r"pip install 'neuronscope\[video\]'"):
        ready(tmp_path / "film.mp4")
    with pytest.raises(UserError, match="extra"):
        Film(tmp_path / "film.mp4", STAMP)
    ready(tmp_path / "film.GIF")


def test_without_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(films, "_CODEC", "an_encoder_that_no_build_has")
    with pytest.raises(UserError, match="without the encoder an_encoder_that_no_build_has"):
        ready(tmp_path / "film.mp4")


def test_what_cannot_be_a_film(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.gif, \.mp4"):
        ready(tmp_path / "film.avi")
    with pytest.raises(UserError, match=r"0\.1 to 60"):
        Film(tmp_path / "film.gif", STAMP, fps=1000)
    with Film(tmp_path / "film.gif", STAMP) as film:
        film.add(np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(ValueError, match="one size"):
            film.add(np.zeros((8, 9, 3), np.uint8))


@pytest.mark.parametrize("kind", KINDS)
def test_memory_holds_a_frame_and_not_the_film(tmp_path: Path, kind: str) -> None:
    needs(kind)
    for _ in recorded(frames(4, 240, 320), tmp_path / f"warm{kind}", STAMP):
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in recorded(frames(90, 240, 320), tmp_path / f"film{kind}", STAMP):
        pass
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 12_000, f"{grown} kB: 90 frames have 20,000 kB"
