"""One pass over many pictures: what it answers, and that nothing is ever answered twice."""

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from analysis import images, passes
from analysis.evaluation import Answers, Evaluation, Step, alike_layer, grey_thumb
from analysis.models import Classifier, load
from analysis.passes import AHEAD, BATCH
from analysis.photos import Picture, samples
from cache.errors import UserError
from tests.toys import Counted, Sum, classifier, linear, one_by_one

SIDE = 8
CONTEXT = multiprocessing.get_context("spawn")


class Colours(nn.Module):
    """(B, 3, h, w) -> neurons (red, green), ReLU -> sums -> logits (red, green, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = Counted()
        self.conv = one_by_one([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        self.relu = nn.ReLU()
        self.pool = Sum()
        self.fc = linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [0.0, 0.0, 1.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc(self.pool(self.relu(self.conv(self.runs(x)))))
        return out


class OneByOne(nn.Module):
    """`Colours`, slow enough to be killed on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Colours()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.03)
        out: torch.Tensor = self.body(x)
        return out


@dataclass(frozen=True)
class Told(Picture):
    """A picture that tells when it is read."""

    reads: ClassVar[list[str]] = []

    def read(self) -> bytes:
        Told.reads.append(self.name)
        return super().read()


@pytest.fixture
def colours() -> Classifier:
    made = classifier(Colours(), (3, SIDE, SIDE))
    alike_layer(made)  # its layers are listed by running it
    made.module.runs.runs = 0
    return made


def make(folder: Path, count: int) -> list[Picture]:
    """Flat pictures: number i has i red, 255 - i green."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        colour = (i % 256, 255 - i % 256, i // 256)
        Image.new("RGB", (SIDE, SIDE), colour).save(folder / f"{i:03}.png")
    return listed(folder)


def listed(folder: Path) -> list[Picture]:
    return [Picture(path.name, path) for path in sorted(folder.glob("*.png"))]


def answers(net: Classifier, pictures: Sequence[Picture], root: Path) -> Answers:
    found = Evaluation(net, pictures, root)
    list(found.run())
    return found.result()


# ---- what is answered ----


def test_the_answers_by_hand(colours: Classifier, tmp_path: Path) -> None:
    found = answers(colours, make(tmp_path / "p", 20), tmp_path)
    red = np.arange(20) / 255
    np.testing.assert_array_equal(found.number, np.arange(20))
    expected = np.stack([64 * red, 64 * (1 - red), np.ones(20)], axis=1)
    np.testing.assert_allclose(found.logits, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.vectors, np.stack([red, 1 - red], axis=1), atol=1e-6)
    assert found.thumbs.shape == (20, 256)
    assert found.unread == ()


def test_a_thumbnail_is_the_picture_in_grey_sixteen_by_sixteen() -> None:
    left = np.zeros((32, 32, 3), np.uint8)
    left[:, 16:] = 200
    grid = grey_thumb(left).reshape(16, 16)
    assert (grid[:, :8] == 0).all()
    assert (grid[:, 8:] == 200).all()
    assert grey_thumb(left[:, :, :1]).tolist() == grid.reshape(-1).tolist()


def test_the_network_one_by_one_gives_the_same(tmp_path: Path) -> None:
    net, pictures = load("squeezenet1_1"), list(samples())
    found = answers(net, pictures, tmp_path)
    assert len(found) == len(pictures) >= 20
    layer = alike_layer(net).name
    assert layer == "features.12"
    for row, picture in enumerate(pictures):
        kept: list[torch.Tensor] = []
        hook = net.module.get_submodule(layer).register_forward_hook(
            lambda _m, _i, out, kept=kept: kept.append(out.clone())
        )
        x = net.tensor(net.pixels(picture.decode(min_side=net.resize)))
        with torch.no_grad():
            alone = net.module(x)[0].numpy()
        hook.remove()
        np.testing.assert_allclose(found.logits[row], alone, rtol=1e-4, atol=1e-4)
        mean = kept[0][0].mean((1, 2)).numpy()
        np.testing.assert_allclose(found.vectors[row], mean, rtol=1e-4, atol=1e-4)


def test_a_network_without_any_grid_is_answered_as_well(tmp_path: Path) -> None:
    body = nn.Sequential(nn.Flatten(), linear([[1.0] * 192]), nn.ReLU(), linear([[1.0], [-1.0]]))
    net = classifier(body, (3, SIDE, SIDE))
    found = answers(net, make(tmp_path / "p", 3), tmp_path)
    np.testing.assert_allclose(found.logits, [[64, -64]] * 3, rtol=1e-5)
    assert found.vectors.shape == (3, 1)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    body = nn.Sequential(one_by_one([[float("inf"), 0.0, 0.0]]), nn.ReLU(), Sum())
    with pytest.raises(UserError, match="not finite"):
        answers(classifier(body, (3, SIDE, SIDE)), make(tmp_path / "p", 2), tmp_path)


# ---- nothing twice ----


def test_a_copy_in_another_folder_is_not_run_again(colours: Classifier, tmp_path: Path) -> None:
    first = answers(colours, make(tmp_path / "p", 20), tmp_path)
    runs = colours.module.runs.runs
    assert runs == 3  # 8 + 8 + 4
    shutil.copytree(tmp_path / "p", tmp_path / "q")
    (tmp_path / "q" / "000.png").rename(tmp_path / "q" / "zzz.png")
    again = answers(colours, listed(tmp_path / "q"), tmp_path)
    assert colours.module.runs.runs == runs
    np.testing.assert_array_equal(again.logits, np.roll(first.logits, -1, axis=0))
    more = [*listed(tmp_path / "q"), *make(tmp_path / "r", 21)[20:]]
    assert len(answers(colours, more, tmp_path)) == 21
    assert colours.module.runs.runs == runs + 1  # one picture more costs one picture


def test_the_same_content_twice_in_a_set_is_run_once(colours: Classifier, tmp_path: Path) -> None:
    pictures = make(tmp_path / "p", 5)
    shutil.copy(tmp_path / "p" / "001.png", tmp_path / "p" / "copy.png")
    run = Evaluation(colours, listed(tmp_path / "p"), tmp_path)
    steps = list(run.run())
    assert steps[0] == Step(0, 6, None, 0)
    assert (steps[-1].done, steps[-1].kept) == (6, 6)
    assert colours.module.runs.runs == 1
    found = run.result()
    assert len(found) == len(pictures) + 1
    np.testing.assert_array_equal(found.logits[1], found.logits[5])
    assert len(run.kept.column("logits")) == 5


def test_other_ways_of_cutting_are_other_answers(colours: Classifier, tmp_path: Path) -> None:
    pictures = make(tmp_path / "p", 2)
    answers(colours, pictures, tmp_path)
    squeezed = Evaluation(replace(colours, fit="squeeze"), pictures, tmp_path)
    assert squeezed.kept.rows() == {}


# ---- on the way ----


def test_what_a_step_tells_is_on_the_disk(
    colours: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "OFTEN", 1e9)
    run = Evaluation(colours, make(tmp_path / "p", 150), tmp_path)
    steps = []
    for step in run.run():
        steps.append(step)
        assert len(run.kept.rows()) == step.kept
        if step.kept:
            assert len(run.result()) == step.kept
    assert [s.done for s in steps] == [*range(0, 151, 8), 150]
    assert {s.kept for s in steps} == {0, 64, 128, 150}
    assert all(s.total == 150 for s in steps)
    assert steps[-1].left == 0


def test_a_slow_network_saves_every_few_seconds(
    colours: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "OFTEN", 0.0)
    steps = list(Evaluation(colours, make(tmp_path / "p", 30), tmp_path).run())
    assert [s.kept for s in steps] == [s.done for s in steps] == [0, 8, 16, 24, 30]


def test_decoding_goes_on_beside_the_network_but_not_far_ahead() -> None:
    seen: list[int] = []

    def decode(number: int) -> int:
        seen.append(number)
        return -number

    batches = passes.ahead(list(range(100)), decode)
    assert next(batches) == [(n, -n) for n in range(BATCH)]
    ahead = BATCH * (AHEAD + 1)
    wait_until(lambda: len(seen) == ahead)  # nobody has asked for them yet
    time.sleep(0.05)
    assert len(seen) == ahead
    rest = [pair for batch in batches for pair in batch]
    assert rest == [(n, -n) for n in range(BATCH, 100)]


def test_a_pass_that_is_closed_ends_its_decoders(colours: Classifier, tmp_path: Path) -> None:
    run = Evaluation(colours, make(tmp_path / "p", 60), tmp_path).run()
    next(run)
    next(run)
    run.close()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("decode")])


def wait_until(ask: object) -> None:
    end = time.monotonic() + 30
    while not ask():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def slowly(folder: Path, root: Path) -> None:
    """A pass of a process of its own."""
    net = classifier(OneByOne(), (3, SIDE, SIDE))
    for _ in Evaluation(net, listed(folder), root).run():
        pass


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The cache of a pass that was killed behind its first shard."""
    root, folder = tmp_path / "killed", tmp_path / "p"
    make(folder, 200)
    process = CONTEXT.Process(target=slowly, args=(folder, root))
    process.start()
    try:
        wait_until(lambda: list(root.rglob("*.key.npy")))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.join()
    return root


@pytest.mark.slow
def test_a_killed_pass_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, killed: Path) -> None:
    net = classifier(OneByOne(), (3, SIDE, SIDE))
    counted = net.module.body.runs
    pictures = [Told(p.name, p.source) for p in listed(tmp_path / "p")]
    run = Evaluation(net, pictures, killed)
    known = len(run.kept.rows())
    assert 0 < known < 200
    counted.runs = 0
    Told.reads.clear()
    steps = list(run.run())
    assert (steps[0].done, steps[0].kept) == (known, known)
    assert counted.runs == -(-(200 - known) // BATCH)
    read = [name for name in Told.reads if Told.reads.count(name) == 2]  # for its key, then decoded
    assert len(set(read)) == 200 - known
    whole = answers(net, pictures, tmp_path / "whole")
    for name in ("number", "logits", "vectors", "thumbs"):
        np.testing.assert_array_equal(getattr(run.result(), name), getattr(whole, name))


# ---- pictures that cannot be read ----


def test_pictures_that_cannot_be_read_are_named_and_the_rest_goes_on(
    colours: Classifier, tmp_path: Path
) -> None:
    make(tmp_path / "p", 12)
    (tmp_path / "p" / "003b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (tmp_path / "p" / "007b.png").write_text("a letter")
    pictures = listed(tmp_path / "p")
    (tmp_path / "p" / "005.png").unlink()
    run = Evaluation(colours, pictures, tmp_path)
    for attempt in range(2):  # what is wrong once is wrong again, and is counted the same
        steps = list(run.run())
        assert (steps[-1].done, steps[-1].total, steps[-1].kept) == (14, 14, 11), attempt
        assert steps[0].done == (1 if attempt == 0 else 12)
    found = run.result()
    names = [pictures[i].name for i in found.number]
    assert names == [f"{i:03}.png" for i in range(12) if i != 5]
    np.testing.assert_allclose(
        found.logits[:, 0], [64 * int(n[:3]) / 255 for n in names], rtol=1e-4
    )
    assert len(found.unread) == 3
    for name in ("003b.png", "005.png", "007b.png"):
        assert sum(name in line for line in found.unread) == 1
    assert all("\n" not in line for line in found.unread)


def test_a_picture_that_is_deleted_while_the_pass_runs_is_left_out(
    colours: Classifier, tmp_path: Path
) -> None:
    pictures = make(tmp_path / "p", 60)
    run = Evaluation(colours, pictures, tmp_path)
    steps = run.run()
    next(steps)
    (tmp_path / "p" / "059.png").unlink()
    *_, last = steps
    assert (last.done, last.kept) == (60, 59)
    assert "059.png" in run.result().unread[0]


def test_a_picture_that_is_changed_while_the_pass_runs_is_not_taken_for_what_it_was(
    colours: Classifier, tmp_path: Path
) -> None:
    pictures = make(tmp_path / "p", 60)
    run, key = Evaluation(colours, pictures, tmp_path), pictures[59].key
    steps = run.run()
    next(steps)
    Image.new("RGB", (SIDE, SIDE), (255, 0, 0)).save(tmp_path / "p" / "059.png")
    list(steps)
    assert key not in run.kept.rows()
    assert "changed" in run.result().unread[0]
    now = listed(tmp_path / "p")
    assert now[59].key == images.digest((tmp_path / "p" / "059.png").read_bytes()) != key
    assert answers(colours, now, tmp_path).logits[59, 0] == pytest.approx(64)


def test_what_was_answered_stays_answered_when_its_file_is_gone(
    colours: Classifier, tmp_path: Path
) -> None:
    pictures = make(tmp_path / "p", 4)
    run = Evaluation(colours, pictures, tmp_path)
    list(run.run())
    (tmp_path / "p" / "002.png").unlink()
    assert len(run.result()) == 4
    found = answers(colours, [Picture(p.name, p.source) for p in pictures], tmp_path)  # next time
    assert found.number.tolist() == [0, 1, 3]
    assert "002.png" in found.unread[0]


def test_a_set_of_which_nothing_can_be_read_says_so(colours: Classifier, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_text("a letter")
    with pytest.raises(UserError, match="none of these pictures can be read"):
        answers(colours, listed(tmp_path / "p"), tmp_path)


def test_before_a_pass_nothing_is_answered(colours: Classifier, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="answered yet"):
        Evaluation(colours, make(tmp_path / "p", 2), tmp_path).result()
