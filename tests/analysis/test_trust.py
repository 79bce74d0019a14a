"""How far to trust an icon: the rule with made-up numbers, numbers by hand, a real network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis import images, trust
from analysis.examples import Shot, Sweep, sweep
from analysis.featurevis.icons import IconRequest, render
from analysis.models import Classifier, load
from analysis.tally import Examples
from analysis.trust import Answers, Trust, answers, weigh
from cache.errors import UserError
from tests import toys

GOOD = Trust(
    activation=9.0, activations=(9.0, 8.0, 10.0), maximum=6.0, percentile=100.0, pictures=1000,
    rank=1, units=512, z=7.0, spread=0.09, agreement=0.9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "strong and selective"),
        ({"rank": 5, "spread": 0.5, "agreement": 0.6, "percentile": 99.0}, "strong and selective"),
        ({"spread": None, "agreement": None, "activations": (9.0,)}, "strong and selective"),
        (
            {"dead": True, "activations": (0.0, 0.0), "maximum": 0.0, "rank": 500},
            "nothing excites it",
        ),
        (
            {"dead": True, "activations": (-1.0,), "maximum": -1.0, "pictures": 3},
            "nothing excites it",
        ),
        ({"pictures": 29}, "few pictures to compare with"),
        ({"pictures": 29, "rank": 80}, "few pictures to compare with"),
        ({"percentile": 98.9}, "real pictures excite it more than this icon"),
        (
            {"activation": 0.0, "percentile": 0.0, "maximum": 0.0, "activations": (0.0, 2.0)},
            "real pictures excite it more than this icon",
        ),
        ({"rank": 6}, "other units answer to this icon more than this one"),
        ({"rank": 6, "agreement": 0.1}, "other units answer to this icon more than this one"),
        ({"agreement": 0.59}, "seeds disagree: it may look for more than one thing"),
        ({"spread": 0.51}, "seeds disagree: it may look for more than one thing"),
    ],
)
def test_the_sentence_follows_from_the_numbers(changed: dict[str, float], sentence: str) -> None:
    assert replace(GOOD, **changed).sentence == sentence  # type: ignore[arg-type]


def votes() -> tuple[Classifier, Examples]:
    """Neurons (5, 4, 3, 2, 1.5, 0) times the pixel over 51 even levels of grey up to 100 of 255."""
    net = toys.classifier(toys.Votes(), (1, 1, 1))
    run = Sweep(net, ["relu"])
    shots = (Shot(i, np.full((1, 1, 1), 2 * i, np.uint8)) for i in range(51))
    for _ in sweep(run, shots):
        pass
    return net, run.result("relu")


def test_numbers_of_a_grey_icon_by_hand() -> None:
    net, found = votes()
    icons = np.array([255, 51], np.uint8)[:, None, None, None].repeat(3, 3)
    got = trust.trust(net, "relu", 0, icons, found)
    assert got.activation == pytest.approx(5)
    assert got.activations == pytest.approx((5, 1))
    assert got.maximum == pytest.approx(500 / 255)
    assert got.ratio == pytest.approx(2.55)
    assert got.percentile == 100
    assert got.spread == pytest.approx(2 / 3)
    assert got.agreement == pytest.approx(1)
    assert got.units == 6
    assert got.z == pytest.approx((255 - 50) / np.std(np.arange(0, 101, 2)), rel=1e-4)
    assert got.sentence == trust.SEEDS
    assert trust.trust(net, "relu", 5, icons, found).sentence == trust.DEAD


def test_dead_is_what_never_moves_and_not_what_is_negative() -> None:
    _, found = votes()
    silent = np.zeros((2, 6), np.float32)
    assert weigh(Answers(silent, silent), 5, found).dead
    excited = np.full((2, 6), 0.5, np.float32)
    got = weigh(Answers(excited, excited), 5, found)  # no picture reaches it, the icon does
    assert (got.dead, got.percentile, got.ratio) == (False, 100, None)
    assert not weigh(Answers(-excited, -excited), 0, found).dead


def test_rank_goes_by_z_and_not_by_activation() -> None:
    _, found = votes()
    strongest = np.array([[5.0, 4.0, 9.0, 2.0, 1.5, 0.0]], np.float32)
    got = weigh(Answers(strongest, strongest), 3, found)  # 2 of 2 a pixel; neuron 2 is at 9 of 3
    assert weigh(Answers(strongest, strongest), 2, found).rank == 1
    assert got.rank in (2, 3, 4, 5)  # equals share a place
    assert got.agreement is None
    assert got.spread is None


def test_opposite_answers_do_not_agree() -> None:
    _, found = votes()
    mean = np.array([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]], np.float32)
    strongest = np.full((3, 6), 9, np.float32)
    assert weigh(Answers(strongest, mean), 0, found).agreement == pytest.approx(2 * 0.5**0.5 / 3)


def test_what_cannot_be_compared_is_refused() -> None:
    net, found = votes()
    icon = np.zeros((1, 1, 1, 3), np.uint8)
    with pytest.raises(UserError, match="out of range"):
        trust.trust(net, "relu", 6, icon, found)
    with pytest.raises(UserError, match="at least one icon"):
        trust.trust(net, "relu", 0, icon[:0], found)
    with pytest.raises(UserError, match="open a folder"):
        trust.trust(net, "relu", 0, icon, Sweep(net, ["relu"]).result("relu"))


def test_a_picture_is_measured_at_the_size_it_was_made_for() -> None:
    net = toys.classifier(toys.TwoNeurons(), (1, 8, 8))
    icon = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    exact = answers(net, "relu", icon).strongest
    np.testing.assert_allclose(exact[0, 0], max(0, icon.mean(3).max() / 255 - 0.25), atol=1e-5)
    assert not np.allclose(answers(net, "relu", icon, input_size=16).strongest, exact)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["features.9", "features.12"])
def test_icons_of_squeezenet_are_strong(layer: str, shared: Path) -> None:
    net = load("squeezenet1_1", device="cpu")
    files = sorted((shared / "photos" / "imagenet-sample").rglob("*.jp*g"))[::16]
    run = Sweep(net, [layer])
    shots = (
        Shot(i, net.pixels(images.decode(file, min_side=net.resize)))
        for i, file in enumerate(files)
    )
    for _ in sweep(run, shots):
        pass
    found = run.result(layer)
    units = [int(u) for u in np.flatnonzero(found.strongest.value[:, 0] > 0)[[20, 120]]]
    icons = []
    for seed in range(2):
        request = IconRequest(layer=layer, units=tuple(units), steps=48, seed=seed)
        *_, frame = render(net, request, every=48)
        icons.append(frame.images)
    for i, unit in enumerate(units):
        own = np.stack([seed[i] for seed in icons])
        got = trust.trust(net, layer, unit, own, found)
        assert got.percentile == 100, got
        assert got.rank <= trust.FIRST, got
        assert got.agreement is not None
        assert got.agreement > 0.5, got
        assert got.activation == pytest.approx(max(got.activations), rel=0.6)
        noise = np.random.default_rng(0).integers(0, 256, own.shape, np.uint8)
        assert trust.trust(net, layer, unit, noise, found).sentence in (trust.SHORT, trust.OTHERS)
    swapped = np.stack([icons[0][1], icons[1][0]])  # one of the other neuron, one of its own
    mixed = trust.trust(net, layer, units[0], swapped, found)
    assert mixed.agreement is not None
    assert mixed.agreement < trust.ALIKE, mixed
