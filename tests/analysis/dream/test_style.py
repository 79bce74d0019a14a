"""Style and content: the numbers by hand, the pictures with the real network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from analysis.dream.canvas import Canvas, shape_within, tensor_of
from analysis.dream.parts import Sums
from analysis.dream.pursuit import Chase, Course, upright
from analysis.dream.style import (
    PREVIEW_SIZE,
    Style,
    Towards,
    checked,
    difference,
    previewed,
    products,
    styled,
    suited,
)
from analysis.featurevis import transforms
from analysis.featurevis.objectives import Fields
from analysis.featurevis.parameters import generator
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.analysis.dream.nets import local
from tests.analysis.featurevis.nets import OneSizeOnly, places
from tests.toys import classifier


def photo(name: str = "china.jpg") -> Image.Image:
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image(name))


def test_a_gram_matrix_by_hand() -> None:
    """Channels (1, 2) and (3, 4) over two places: 1 + 4, 3 + 8 and 9 + 16, halved."""
    field = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert products(field).tolist() == [[[5, 11], [11, 25]]]
    towards = Towards(Style(style_layers=("x",)))
    (found,) = towards.grams_of(towards.sums({"x": field}, {})).values()
    assert found.tolist() == [[[2.5, 5.5], [5.5, 12.5]]]
    turned = field.flip(3)
    assert torch.equal(products(turned), products(field)), "a style does not know where things are"


def test_how_far_it_is_by_hand() -> None:
    """The Gram matrix 2 in place of 1 is as far off as zero, 1; the field (2, 0) in place of (2, 2)
    is off by 4 of 8."""
    style = Style(style_layers=("x",), content_layers=("x",), style_weight=3.0, content_weight=5.0)
    towards = Towards(style)
    seen, wanted = torch.tensor([[[[2.0, 0.0]]]]), torch.tensor([[[[2.0, 2.0]]]])
    towards.grams = {"x": torch.tensor([[[1.0]]])}
    assert float(towards.score(towards.sums({"x": seen}, {"x": wanted}))) == -(3 * 1 + 5 * 0.5)
    assert towards.last == {"style": 1.0, "content": 0.5}


def test_a_difference_is_in_units_of_what_is_wanted() -> None:
    assert float(difference(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))) == 2.0
    assert float(difference(torch.zeros(3), torch.tensor([5.0, 1.0, 2.0]))) == 1.0


@pytest.mark.parametrize("shape", [(24, 24), (17, 30), (31, 20)])
def test_a_canvas_begins_with_the_picture(shape: tuple[int, int]) -> None:
    pixels = torch.rand((1, 3, *shape), generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
    canvas = Canvas.of(pixels)
    assert torch.allclose(canvas.pixels(), pixels, atol=1e-4)
    assert canvas.image().shape == (*shape, 3)
    smooth = torch.linspace(0.2, 0.8, shape[1]).expand(1, 3, *shape)
    grown = Canvas.of(smooth).grown((shape[0] * 2, shape[1] * 2))
    assert torch.allclose(grown.pixels()[..., ::2, ::2], smooth, atol=0.03)


def test_one_step_goes_down_the_gradient() -> None:
    """One neuron of v alone: the canvas is to become as bright as .75 and begins at .5; Adam's
    first step moves the constant's coefficient by the rate, .05 times the weight (.25 * 16, over
    16 as the ortho norm has it) of the logit."""
    net = places([1.0], [0.0])
    wanted = torch.full((1, 1, 16, 16), 0.75)

    class Near:
        by_one = True

        def sums(self, seen: Fields, wanted: Fields) -> dict[str, Tensor]:
            return {"away": (seen["act"] - wanted["act"]).square().sum()}

        def score(self, sums: Sums) -> Tensor:
            return -sums["away"]

    canvas = Canvas.of(torch.full((1, 1, 16, 16), 0.5))
    still = transforms.Views(False, 0.0, 0.0, (1.0,), (0.0,))
    (score,) = Chase(net, ("act",), Near(), wanted).run(canvas, Course(1, still, 2.0, generator(0)))
    assert score == pytest.approx(-256 * 0.0625)
    rate = 0.05 * 2.0 * (1 - 0.95 * 0.0)  # a plan of one step goes as far as it may
    expected = torch.sigmoid(torch.tensor(rate * 4.0 * 4**0.4 / 16))  # weights
    assert float(canvas.pixels().detach().mean()) == pytest.approx(float(expected), abs=2e-3)


def test_views_of_long_pictures_are_turned_and_not_sheared() -> None:
    """A quarter turn of a picture twice as wide as high: the half of its width becomes its whole
    height twice over."""
    quarter = torch.tensor([[0.0, -1.0, 0.1], [1.0, 0.0, 0.1]])
    assert torch.allclose(
        upright(quarter, (10, 20)), torch.tensor([[0.0, -0.5, 0.1], [2.0, 0.0, 0.2]])
    )
    assert torch.equal(upright(quarter, (7, 7)), quarter)


def test_the_layers_that_suit(squeezenet: Classifier) -> None:
    assert suited(squeezenet) == tuple(f"features.{n}" for n in (1, 3, 4, 6, 7))
    whole = checked(Style(), squeezenet)
    assert (whole.style_layers, whole.content_layers) == (suited(squeezenet), ("features.7",))


def test_the_literatures_network_has_layers_that_suit(shared: object) -> None:
    net = load(f"{shared}/models/bvlc_googlenet.py:load", device="cpu")
    assert suited(net) == ("conv1", "conv3", "inception3a", "inception3b")


def test_a_picture_comes_nearer_to_the_style(squeezenet: Classifier) -> None:
    style = Style(size=96, steps=24)
    stages = [
        (s.step, s.measured, s.pixels())
        for s in styled(squeezenet, style, photo(), photo("flower.jpg"))
    ]
    assert [step for step, _, _ in stages] == list(range(1, 25))
    first, last = stages[0][1], stages[-1][1]
    assert last["style"] < first["style"] * 0.6
    assert stages[-1][2].shape == (64, 96, 3)
    again = [s.pixels() for s in styled(squeezenet, style, photo(), photo("flower.jpg"))]
    assert np.array_equal(again[-1], stages[-1][2])


def test_content_alone_stays_the_picture(squeezenet: Classifier) -> None:
    style = Style(size=96, steps=6, style_weight=0.0)
    *_, last = styled(squeezenet, style, photo(), photo("flower.jpg"))
    own = tensor_of(squeezenet, photo(), (64, 96))
    assert float((last.canvas.pixels().detach() - own).abs().mean()) < 0.03


def test_it_may_be_closed_after_any_step_and_grows_on_the_way(squeezenet: Classifier) -> None:
    run = styled(squeezenet, Style(size=PREVIEW_SIZE + 32, steps=4), photo(), photo("flower.jpg"))
    assert next(run).pixels().shape[1] == (PREVIEW_SIZE + 32) // 2
    assert next(run).step == 2
    assert next(run).pixels().shape[1] == PREVIEW_SIZE + 32
    run.close()


def test_a_preview_is_small() -> None:
    small = previewed(Style(size=1024, steps=500))
    assert (small.size, small.steps) == (PREVIEW_SIZE, 40)
    assert previewed(Style(size=64, steps=3)) == Style(size=64, steps=3)


def test_grey_networks_and_networks_of_one_size() -> None:
    for net, layer in ((local(), "relu"), (classifier(OneSizeOnly(), (1, 16, 16)), "mix")):
        style = Style(size=48, steps=2, style_layers=(layer,), start="noise")
        *_, last = styled(net, style, photo(), photo("flower.jpg"))
        assert last.pixels().shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"style_layers": ("features.77",)}, "nearest"),
        ({"content_layers": ("classifier.9",)}, "no layer"),
        ({"size": 8}, "from 32"),
        ({"steps": 0}, "from 1"),
        ({"style_weight": -1.0}, "style weight goes from 0"),
        ({"style_weight": float("nan")}, "style weight goes from 0"),
        ({"style_weight": 0.0, "content_weight": 0.0}, "both be 0"),
        ({"start": "middle"}, "content or noise"),
    ],
)
def test_what_cannot_be_is_one_line(
    squeezenet: Classifier, change: dict[str, object], word: str
) -> None:
    style = replace(Style(), **change)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=word) as refused:
        next(styled(squeezenet, style, photo(), photo()))
    assert "\n" not in str(refused.value)


def test_a_strip_is_too_narrow() -> None:
    with pytest.raises(UserError, match="short side has 10"):
        shape_within(Image.new("RGB", (1000, 50)), 200)
