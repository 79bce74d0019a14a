"""Labels to look at, and pictures that are there twice: by hand, and with errors planted into the
shared sets."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import doubt, photos
from analysis.doubt import doubts, near_duplicates, right_twin
from analysis.evaluation import Answers, Evaluation
from analysis.mistakes import NONE, Judged
from analysis.models import Classifier, load
from analysis.photos import Picture
from benchmarks.labels import answered, changed

PLAIN = np.zeros((1, 256), np.uint8)


def judged(rows: list[tuple[int, int, float, float]], classes: int = 12) -> Judged:
    """Pictures by (label, answer, its probability, the label's)."""
    logits = np.zeros((len(rows), classes))
    for row, (label, said, sure, own) in zip(logits, rows, strict=True):
        rest = 1 - sure - (own if label not in (said, NONE) else 0)
        row[:] = max(rest, 1e-9) / (classes - 2)
        if label != NONE:
            row[label] = own
        row[said] = sure
    return Judged(np.log(logits).astype(np.float32), np.array([r[0] for r in rows], np.int64))


# Two heaps in the plane: rows 0-3 are of class 0, rows 4-7 of class 1; row 8 lies in the heap of
# class 1, is labelled 0, and the network says 1.
HEAPS = np.array(
    [[1, 0.0], [1, 0.1], [1, -0.1], [1, 0.05], [-1, 0.0], [-1, 0.1], [-1, -0.1], [-1, 0.05],
     [-1, 0.02]], np.float32,
)  # fmt: skip
RIGHT = [(0, 0, 0.9, 0.9)] * 4 + [(1, 1, 0.9, 0.9)] * 4
ROW = 8


def look(last: tuple[int, int, float, float], others: int = 4) -> doubt.Doubts:
    """The doubts where row 8 is so, and so many of class 1 are there."""
    rows = [*RIGHT[: 4 + others], last]
    keep = [*range(4 + others), ROW]
    thumbs = np.random.default_rng(0).integers(0, 256, (len(rows), 256), np.uint8)
    return doubts(judged(rows), HEAPS[keep], thumbs)


def test_two_witnesses_against_a_label() -> None:
    found = look((0, 1, 0.9, 0.005))
    assert found.check.tolist() == [False] * 8 + [True]
    assert found.own[ROW] == pytest.approx(-1, abs=0.02)
    assert found.other[ROW] == pytest.approx(1, abs=0.02)
    assert np.isnan(found.own[:ROW]).all()  # nothing was asked of what is right


def test_how_alike_is_the_mean_cosine_of_the_nearest_three() -> None:
    vectors = np.array([[0, 1], [1, 0], [1, 1], [-1, 0], [3, 4]], np.float32)
    found = doubt._alike(doubt.unit(vectors), 4, np.arange(5))
    assert found == pytest.approx((0.8 + 0.6 + 7 / (5 * np.sqrt(2))) / 3)
    assert doubt._alike(doubt.unit(vectors), 4, np.array([4])) == 0.0  # itself is no witness


@pytest.mark.parametrize(
    "last",
    [
        (0, 1, 0.9, 0.02),  # the network thinks of the label, too
        (0, 1, 0.25, 0.005),  # it is not sure
        (0, 2, 0.9, 0.005),  # it says a class of which there is no picture
        (1, 1, 0.9, 0.9),  # it is answered right
        (NONE, 1, 0.9, 0.0),  # it has no label
    ],
)
def test_what_is_no_reason_to_doubt(last: tuple[int, int, float, float]) -> None:
    assert not look(last).check.any()


def test_one_picture_of_the_other_class_is_no_witness() -> None:
    assert look((0, 1, 0.9, 0.005), others=2).check[-1]
    assert not look((0, 1, 0.9, 0.005), others=1).check.any()


def test_an_error_of_the_network_amid_its_own_class_is_not_the_labels() -> None:
    rows = [*RIGHT, (0, 1, 0.9, 0.005)]
    vectors = HEAPS.copy()
    vectors[ROW] = [1, 0.02]  # it looks like its label
    found = doubts(judged(rows), vectors, np.zeros((9, 256), np.uint8))
    assert not found.check.any()
    assert found.own[ROW] > found.other[ROW]


# ---- the twin that is answered right ----


def test_the_right_twin_is_the_nearest_that_is_right() -> None:
    rows = [(0, 0, 0.9, 0.9), (0, 0, 0.9, 0.9), (0, 1, 0.9, 0.05), (1, 1, 0.9, 0.9)]
    vectors = np.array([[1, 1.0], [1, 0.2], [1, 0.1], [1, 0.0]], np.float32)
    some = judged(rows)
    assert right_twin(some, vectors, 2, 0) == 1
    assert right_twin(some, vectors, 1, 0) == 0  # never itself
    assert right_twin(some, vectors, 2, 1) == 3
    assert right_twin(some, vectors, 3, 1) is None
    assert right_twin(some, vectors, 2, 2) is None


# ---- there twice ----


def test_near_duplicates_by_hand() -> None:
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0.001]], np.float32)
    eyes = np.random.default_rng(0).integers(0, 256, (4, 256)).astype(np.uint8)
    eyes[2] = eyes[0] // 2 + 40  # darker and flatter: the same picture
    assert near_duplicates(vectors, eyes).tolist() == [2, -1, 0, -1]  # 1 and 3 look unlike
    eyes[3] = eyes[1]
    assert near_duplicates(vectors, eyes).tolist() == [2, 3, 0, 1]
    vectors[2] = [0.5, 1, 0]  # cosine .45: another thing to the network
    assert near_duplicates(vectors, eyes).tolist() == [-1, 3, -1, 1]


def test_in_blocks_the_same_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    vectors, eyes = rng.random((50, 8), np.float32), rng.integers(0, 256, (50, 256), np.uint8)
    for a, b in ((0, 49), (3, 4), (20, 31)):
        vectors[b], eyes[b] = vectors[a] * 2, eyes[a]
    whole = near_duplicates(vectors, eyes)
    assert {(i, int(t)) for i, t in enumerate(whole) if t >= 0} == {
        (0, 49), (49, 0), (3, 4), (4, 3), (20, 31), (31, 20),
    }  # fmt: skip
    monkeypatch.setattr(doubt, "ROWS", 7)
    assert near_duplicates(vectors, eyes).tolist() == whole.tolist()


def test_silent_or_blank_pictures_are_nobodys_duplicate() -> None:
    assert near_duplicates(np.zeros((3, 4), np.float32), np.zeros((3, 256), np.uint8)).max() == -1
    assert near_duplicates(np.ones((1, 4), np.float32), PLAIN).tolist() == [-1]
    assert near_duplicates(np.zeros((0, 4), np.float32), PLAIN[:0]).tolist() == []


def test_blank_pictures_are_there_twice_where_they_are_the_same() -> None:
    grey = np.repeat(np.array([[40], [40], [40], [90], [40]], np.uint8), 256, 1)
    vectors = np.array([[1, 2], [1, 2.0001], [2, 1], [1, 2], [0, 0]], np.float32)
    # 0 and 1 the same; 2 another colour as bright; 3 brighter; 4 says nothing to the network
    assert near_duplicates(vectors, grey).tolist() == [1, 0, -1, -1, -1]


# ---- in photographs ----


@dataclass(frozen=True)
class Set:
    """The embedded network's answers to a part of a shared set."""

    classifier: Classifier
    answers: Answers
    labels: np.ndarray
    root: Path


@pytest.fixture(scope="module")
def five(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Set:
    """Five pictures each of the first sixty classes."""
    root, folder = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("five")
    source = shared / "photos" / "imagenet-five-per-class"
    rows = (source / "labels.csv").read_text().splitlines()
    some = [row for row in rows[1:] if not row.startswith("#")][:300]
    (folder / "labels.csv").write_text("\n".join([rows[0], *some]))
    for row in some:
        name = row.split(",")[0]
        (folder / name).symlink_to(source / name)
    classifier = load("squeezenet1_1")
    return Set(classifier, *answered(classifier, folder, root), root)


def test_planted_label_errors_are_what_is_marked(five: Set) -> None:
    """As ``benchmarks/labels.py``, which prints 75 % and 88 % of the marks for whole sets."""
    found = marked = total = 0
    for seed in range(5):
        labels, planted = changed(five.answers.logits, five.labels, 0.1, False, seed)
        some = Judged(five.answers.logits, labels)
        check = doubts(some, five.answers.vectors, five.answers.thumbs).check
        found += int((check & planted).sum())
        marked, total = marked + int(check.sum()), total + int(planted.sum())
    assert total == 150
    assert found / marked >= 0.7, (found, marked)
    assert found / total >= 0.3, (found, total)


def test_labels_as_they_came_are_seldom_doubted(five: Set) -> None:
    some = Judged(five.answers.logits, five.labels)
    check = doubts(some, five.answers.vectors, five.answers.thumbs).check
    assert check.sum() <= 0.04 * len(some)
    assert not (check & ~some.wrong).any()


def test_a_photograph_saved_anew_is_found_and_unlike_ones_are_not(
    five: Set, shared: Path, tmp_path: Path
) -> None:
    source = shared / "photos" / "imagenet-five-per-class"
    some = list(photos.folder(source))[:60:2]
    again = []
    for i, picture in enumerate(some[:12]):
        image = picture.decode()
        if i % 3 == 0:
            image = image.resize((image.width // 2, image.height // 2))
        data = io.BytesIO()
        image.save(data, "JPEG", quality=(60, 75, 90)[i % 3])
        again.append(Picture(f"again {i}", data.getvalue()))
    run = Evaluation(five.classifier, [*some, *again], five.root)
    list(run.run())
    found = run.result()
    twins = near_duplicates(found.vectors, found.thumbs)
    pairs = {(int(i), int(t)) for i, t in enumerate(twins) if t >= 0}
    wanted = {(i, len(some) + i) for i in range(12)} | {(len(some) + i, i) for i in range(12)}
    assert pairs == wanted


def test_a_mirrored_photograph_is_not_the_same(five: Set) -> None:
    """Alike to the network, but not to the eye."""
    picture = photos.samples().pictures[0]
    data = io.BytesIO()
    picture.decode().transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(data, "PNG")
    run = Evaluation(five.classifier, [picture, Picture("mirrored", data.getvalue())], five.root)
    list(run.run())
    found = run.result()
    assert near_duplicates(found.vectors, found.thumbs).tolist() == [-1, -1]
