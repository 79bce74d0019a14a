"""Patches laid on pictures by hand, what a toy says of them, and SqueezeNet on photographs."""

import numpy as np
import pytest
import torch
from torch import nn

from analysis import photos
from analysis.atlas.cellview import pushing_cells
from analysis.atlas.shown import shipped_grid
from analysis.attribution import Target, attribute
from analysis.counterfactual import (
    Control,
    Reading,
    Trial,
    curve,
    logits_on,
    on_all,
    readings,
    summary,
    trial,
)
from analysis.faders import cost, counted, faded, keep_of
from analysis.layers import find_layer
from analysis.models import Classifier, load
from analysis.pasting import Patch, composed, cut, extent, noise_like
from analysis.suggestions import Candidate, pushed, pushing_channels, suggest
from analysis.tail import Tail
from cache.errors import UserError
from cache.maps import read_maps, shipped_maps
from tests.toys import Residual, Sum, Votes, classifier, linear

AB = Target(0, 1)
BLACK = np.zeros((4, 4, 1), np.uint8)
WHITE = Patch("flat", ("ffffff",), size=0.5)


# ---- what a patch is ----


@pytest.mark.parametrize("word", [
    "noise:0.5,0.5,0.4,1", "noise:0.5,0.5,0.4,1,7", "flat:ff8000:0,1,0.25,0.5",
    "blur:0.04:0.5,0.5,1,1", "icon:features.12:3:0.125,0.5,0.4,1",
    "cell:starter-features.12:40,280:0.5,0.5,0.4,1",
    "crop:" + "ab" * 32 + ":0.1,0.2,0.5,0.6:0.5,0.5,0.4,1",
])  # fmt: skip
def test_a_word_comes_back_as_it_was(word: str) -> None:
    assert Patch.parse(word).word == word


@pytest.mark.parametrize("word", [
    "", "noise", "noise:", "noise:1,2,3", "noise:a,b,c,d", "noise:nan,0,1,1", "paint:0,0,1,1",
    "flat:red:0.5,0.5,0.4,1", "flat:0.5,0.5,0.4,1", "icon:features.12:0.5,0.5,0.4,1",
    "crop:key:0.5,0.5,0.5,0.6:0.5,0.5,0.4,1", "blur:much:0.5,0.5,1,1",
    "flat:ffff:0.5,0.5,0.4,1", "noise:0.5,0.5,inf,1",
])  # fmt: skip
def test_what_is_no_patch_is_told_in_one_line(word: str) -> None:
    with pytest.raises(UserError) as told:
        Patch.parse(word)
    assert "\n" not in str(told.value)


def test_a_patch_is_kept_within_what_makes_sense() -> None:
    found = Patch.parse("noise:-3,9,0,2")
    assert (found.x, found.y, found.size, found.opacity) == (0, 1, 0.04, 1)


# ---- how it is laid on ----


def test_a_white_patch_in_the_middle_and_at_a_corner() -> None:
    middle = composed(BLACK, WHITE)[..., 0]
    assert middle.tolist() == [[0] * 4, [0, 255, 255, 0], [0, 255, 255, 0], [0] * 4]
    corner = composed(BLACK, WHITE.at(1, 0))[..., 0]
    assert corner.tolist() == [[0, 0, 0, 255], *[[0] * 4] * 3]
    assert BLACK.max() == 0  # the picture itself stays


def test_half_opacity_is_the_mean_of_both() -> None:
    grey = np.full((4, 4, 1), 100, np.uint8)
    assert composed(grey, WHITE.at(0.5, 0.5, opacity=0.5))[1, 1, 0] == 178  # 177.5, to even
    assert (composed(grey, WHITE.at(0.5, 0.5, opacity=0)) == grey).all()


def test_a_texture_keeps_its_proportions_and_gives_them_to_its_noise() -> None:
    wide = np.full((2, 8, 3), 9, np.uint8)
    icon = Patch("icon", ("l", "0"), size=1.0)
    picture = np.zeros((16, 16, 3), np.uint8)
    assert extent(icon, picture.shape, wide) == (4, 16)
    assert (composed(picture, icon, wide).any(2)).sum() == 64
    changed = (composed(picture, noise_like(icon, 3), wide) != 0).any(2)
    assert changed.any(1).tolist() == [False] * 6 + [True] * 4 + [False] * 6


def test_a_texture_of_another_depth_fits() -> None:
    colour = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    icon = Patch("icon", ("l", "0"), size=0.5)
    assert composed(BLACK, icon, colour).max() == 76  # ITU-R 601
    grey = np.full((2, 2, 1), 7, np.uint8)
    assert composed(np.zeros((4, 4, 3), np.uint8), icon, grey)[1, 1].tolist() == [7, 7, 7]


def test_noise_is_its_seeds_and_blur_leaves_an_even_picture_alone() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    one, same, other = (composed(picture, Patch("noise", seed=s)) for s in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    even = np.full((32, 32, 3), 50, np.uint8)
    assert (composed(even, Patch("blur", ("0.1",))) == even).all()
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:, 16:] = 200
    soft = composed(edge, Patch("blur", ("0.1",), size=0.5))
    assert 0 < soft[16, 15, 0] < 200
    assert (soft[:8] == edge[:8]).all()


def test_a_cut_is_a_part_of_the_picture() -> None:
    picture = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    assert cut(picture, (0.25, 0.5, 0.75, 1.0))[..., 0].tolist() == [[6, 7], [10, 11]]
    assert cut(picture, (0.99, 0.99, 1.0, 1.0)).shape == (1, 1, 1)


# ---- what a toy says, worked out: the margin is 5.5 times the sum of the pixels ----


@pytest.fixture
def votes() -> Classifier:
    return classifier(Votes(), (1, 4, 4))


def test_a_trial_by_hand(votes: Classifier) -> None:
    found = trial(votes, BLACK, WHITE, AB, draws=3)
    assert found.before.logits == (0, 0)
    assert found.before.probabilities == pytest.approx((0.5, 0.5))
    assert found.now.logits == pytest.approx((38.0, 16.0))
    assert found.change == pytest.approx(22.0)
    sums = [float(composed(BLACK, noise_like(WHITE, k)).sum()) / 255 for k in (1, 2, 3)]
    mean, sd = found.by_noise
    assert mean == pytest.approx(5.5 * np.mean(sums), rel=1e-5)
    assert sd == pytest.approx(5.5 * np.std(sums, ddof=1), rel=1e-5)
    assert found.noise.logits[0][0] == pytest.approx(9.5 * np.mean(sums), rel=1e-5)


def test_beyond_means_two_spreads_away_from_noise() -> None:
    def said(margin: float) -> Reading:
        return Reading((margin, 0.0), (0.5, 0.5), 0, 0.5)

    noise = Control((said(0.0), said(1.0), said(2.0)))  # mean 1, sd 1
    assert Trial(said(0), said(3.5), noise, 0.4).beyond
    assert not Trial(said(0), said(2.5), noise, 0.4).beyond
    assert not Trial(said(0), said(9.0), Control((said(0.0),)), 0.4).beyond


def test_the_curve_grows_with_the_patch(votes: Classifier) -> None:
    found = list(curve(votes, BLACK, WHITE, AB, sizes=(0.25, 0.5, 1.0)))
    assert [t.now.margin for t in found] == pytest.approx([5.5, 22.0, 88.0])
    assert [t.size for t in found] == [0.25, 0.5, 1.0]


def test_on_all_counts_what_changed(votes: Classifier) -> None:
    """With the bias turned round, a black picture is answered with class 1, a bright one with 0."""
    votes.module.fc.bias.data = torch.tensor([0.0, 20.0])
    bright = np.full((4, 4, 1), 255, np.uint8)
    shots = iter([("dark", BLACK), ("bright", bright)])
    rows = list(on_all(votes, shots, WHITE, AB))
    assert [(r.picture, r.trial.before.answer, r.trial.now.answer) for r in rows] == [
        ("dark", 1, 0), ("bright", 0, 0),
    ]  # fmt: skip
    both = summary(rows, 0)
    assert (both.pictures, both.could, both.changed) == (2, 1, 1)
    assert both.by_noise == rows[0].trial.noise.answered(0)
    assert both.margin[:2] == pytest.approx((24.0, 35.0))  # (-20 + 68) / 2, (2 + 68) / 2
    assert summary(rows, 1).changed == 0


def test_two_classes_are_needed_and_numbers_must_be_finite(votes: Classifier) -> None:
    with pytest.raises(UserError, match="other one"):
        trial(votes, BLACK, WHITE, Target(0))
    with pytest.raises(UserError, match="out of range"):
        trial(votes, BLACK, WHITE, Target(0, 7))
    with pytest.raises(UserError, match="finite"):
        readings(np.array([[np.nan, 0.0]], np.float32), AB)


# ---- faders ----


def test_a_fader_by_hand(votes: Classifier) -> None:
    tail = Tail(votes.module, "relu", torch.ones(1, 1, 4, 4) / 16)
    layer = find_layer(votes, "relu")
    before, now = faded(tail, layer, {0: 0.5, 1: 2.0}, AB)
    assert before.logits == pytest.approx((9.5, 4.0))
    assert now.logits == pytest.approx((7.0, 8.0))
    assert (before.answer, now.answer) == (0, 1)


def test_a_fader_is_exact_behind_a_skip_connection() -> None:
    net = classifier(Residual(), (1, 1, 1))
    layer = find_layer(net, "relu")
    _, now = faded(Tail(net.module, "relu", torch.full((1, 1, 1, 1), 3.0)), layer, {0: 2.0}, AB)
    assert now.logits[0] == pytest.approx(2 * 5 - 3 + 6)  # a = 6, b = 5, c = 2 b - 3 + a
    found = list(cost(net, layer, {0: 0.0}, [(np.full((1, 1, 1), 255, np.uint8), 1)], AB))
    assert found[-1].pictures == 1


def test_faders_that_make_no_sense_are_refused() -> None:
    layer = find_layer(classifier(Votes(), (1, 1, 1)), "relu")
    for wrong in ({9: 1.0}, {0: 2.5}, dict.fromkeys(range(17), 1.0)):
        with pytest.raises(UserError):
            keep_of(layer, wrong)


def test_the_cost_is_counted() -> None:
    found = counted([(0, 0, 1), (1, 0, 1), (1, 1, 1), (2, 1, 1)], AB)
    assert (found.pictures, found.right, found.gained, found.lost) == (4, (2, 2), 1, 1)
    assert (found.of_a, found.of_b) == ((1, 0, 1), (1, 2, 2))


def test_the_cost_over_pictures(votes: Classifier) -> None:
    """Without the voters for class 0, bright pictures are answered with class 1."""
    bright = np.full((4, 4, 1), 255, np.uint8)
    shots = [(bright, 0)] * 9 + [(bright, 1)]
    steps = list(cost(votes, find_layer(votes, "relu"), {0: 0, 2: 0, 4: 0}, shots, AB))
    assert [s.pictures for s in steps] == [8, 10]
    assert (steps[-1].right, steps[-1].gained, steps[-1].lost) == ((9, 1), 1, 9)


# ---- suggestions ----


def test_cells_that_push_and_no_two_neighbours() -> None:
    push = np.array([5, 4, 3, -1, 2], np.float32)
    col, row = np.array([0, 1, 2, 9, 5]), np.array([0, 0, 0, 9, 5])
    assert pushing_cells(col, row, push, count=9) == [0, 2, 4]
    assert pushing_cells(col, row, -push, count=9) == [3]
    drawn = np.array([False, True, True, True, True])
    assert pushing_cells(col, row, push, count=1, drawn=drawn) == [1]


def test_neurons_that_would_push(votes: Classifier) -> None:
    one = attribute(votes, torch.ones(1, 1, 4, 4), ["relu"], AB).layers["relu"]
    usual = np.array([5.0, 4.0, 3.0, 2.0, 1.5, 0.0], np.float32)
    assert pushing_channels(one, usual, count=9, towards="a") == [0, 2, 4]
    assert pushing_channels(one, usual, count=9) == [1]


def test_the_measured_change_ranks_suggestions(votes: Classifier) -> None:
    grey = np.full((4, 4, 1), 128, np.uint8)
    candidates = [Candidate(Patch("flat", (c,), size=0.5), None) for c in ("808080", "ffffff")]
    *_, found = suggest(votes, grey, candidates, AB, towards="a", draws=4)
    assert [s.patch.source for s in found] == [("ffffff",), ("808080",)]
    assert found[0].push == pytest.approx(5.5 * 4 * 127 / 255, rel=1e-4)
    assert (found[0].patch.x, found[0].patch.y) == (0.5, 0.5)
    assert found[0].by_noise == found[1].by_noise
    assert found[0].lead == pytest.approx(found[0].push - found[0].by_noise[0])
    *_, other = suggest(votes, grey, candidates, AB, towards="b", draws=4)
    assert [s.patch.source for s in other] == [("808080",), ("ffffff",)]


def test_what_turns_the_answer_comes_first_however_far_others_push(votes: Classifier) -> None:
    """Three classes: a white patch pushes class 0 over 1, but makes the network name class 2."""
    net = classifier(ThreeVotes(), (1, 4, 4))
    candidates = [Candidate(Patch("flat", (c,), size=0.5), None) for c in ("ffffff", "808080")]
    *_, found = suggest(net, BLACK, candidates, AB, towards="a", draws=2)
    assert [(s.patch.source[0], s.now.answer, s.turned) for s in found] == [
        ("808080", 0, True), ("ffffff", 2, False),
    ]  # fmt: skip
    assert found[0].push < found[1].push


class ThreeVotes(nn.Module):
    """Logits of s, the sum of the pixels: (s, 1, 10 s - 24)."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Sum()
        self.fc = linear([[1.0], [0.0], [10.0]], [0.0, 1.0, -24.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.pool(x))
        return logits


# ---- SqueezeNet ----


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load("squeezenet1_1")


def test_a_trial_is_what_the_network_says_of_the_composition(squeezenet: Classifier) -> None:
    picture = squeezenet.pixels(photos.samples().pictures[0].decode(min_side=256))
    patch = Patch.parse("flat:808080:0.4,0.8,0.5,1")
    found = trial(squeezenet, picture, patch, Target(457, 652), draws=2)
    plain = squeezenet.tensor(composed(picture, patch))
    with torch.no_grad():
        logits = squeezenet.module(plain)[0]
    assert found.now.logits == pytest.approx((float(logits[457]), float(logits[652])), abs=1e-3)
    chances = logits.softmax(0)
    assert found.now.probabilities[0] == pytest.approx(float(chances[457]), abs=1e-4)
    assert found.now.answer == int(logits.argmax())


def test_cells_of_the_atlas_move_the_margin_beyond_noise(squeezenet: Classifier) -> None:
    picture = squeezenet.pixels(photos.samples().pictures[0].decode(min_side=256))
    shipped = read_maps(shipped_maps())["features.12"]
    side = max(shipped.grids)
    grid, icons = shipped_grid(shipped, side), shipped.images(side)
    push = grid.on_class(652) - grid.on_class(457)
    cells = pushing_cells(grid.col, grid.row, push, count=3, drawn=grid.drawn)
    candidates = [Candidate(Patch("cell", ("m", f"{side},{c}")), icons[c]) for c in cells]
    *_, found = suggest(squeezenet, picture, candidates, Target(457, 652))
    assert found[0].beyond
    assert found[0].push > 3
    best = found[0]
    texture = icons[int(best.patch.source[1].split(",")[1])]
    shown = composed(picture, best.patch, texture)
    again = readings(logits_on(squeezenet, [picture, shown]), Target(457, 652))
    assert pushed(again[0], again[1], "b") == pytest.approx(best.push, abs=1e-2)
