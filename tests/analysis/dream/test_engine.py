"""The arithmetic of a dream, step by step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis.dream import pyramid
from analysis.dream.aims import aim_of
from analysis.dream.engine import Dreamer, dreamt
from analysis.dream.settings import Dream
from analysis.featurevis.parameters import generator
from analysis.models import Classifier, load
from cache.errors import UserError
from tests.analysis.dream.nets import local
from tests.analysis.featurevis.nets import OneSizeOnly, places
from tests.toys import classifier

PLAIN = Dream(layer="act", octaves=1, iterations=1, jitter=0)


def photo(h: int = 96, w: int = 128) -> NDArray[np.uint8]:
    from sklearn.datasets import load_sample_image

    whole: NDArray[np.uint8] = load_sample_image("china.jpg")
    return whole[100 : 100 + h, 100 : 100 + w].copy()


def dreamer(net: Classifier, dream: Dream) -> Dreamer:
    return Dreamer(net, aim_of(net, dream), dream)


def once(net: Classifier, dream: Dream, picture: torch.Tensor) -> torch.Tensor:
    moved = picture.clone()
    shares = list(dreamer(net, dream).step(moved, torch.empty_like(moved), generator(0)))
    assert shares[-1] == 1
    return moved


def test_one_step_is_the_originals_arithmetic() -> None:
    """h = 2 v, so the gradient of the squares' sum is 8 v: .8 and 2.4 at v = .1 and .3, half of
    the pixels each; mean 1.6; so the steps are a half and one and a half times 1.5 / 255."""
    net = places([2.0], [0.0])
    picture = torch.full((1, 1, 16, 16), 0.1)
    picture[..., 8:] = 0.3
    moved = once(net, PLAIN, picture) - picture
    assert torch.allclose(moved[..., :8], torch.tensor(0.75 / 255), rtol=0.01)
    assert torch.allclose(moved[..., 8:], torch.tensor(2.25 / 255), rtol=0.01)


def test_colours_stay_within_their_range() -> None:
    moved = once(places([2.0], [0.0]), PLAIN, torch.full((1, 1, 16, 16), 0.999))
    assert 0.999 < float(moved.max()) <= 1.0


def test_the_roll_is_undone() -> None:
    """Where a place answers to its own pixel only, it does not matter how the picture is rolled."""
    net, picture = places([2.0], [0.0]), torch.rand(1, 1, 16, 24)
    still = once(net, PLAIN, picture)
    assert torch.allclose(once(net, replace(PLAIN, jitter=7), picture), still, atol=1e-6)


def test_detail_is_carried_over_octaves() -> None:
    """A channel's gradient is the same everywhere, so every octave adds a step to the whole
    picture, and what was added before is not lost."""
    dream = Dream(layer="act", channels=(0,), octaves=3, iterations=2, step=2.0)
    net = places([2.0], [0.5], size=32)
    *_, last = dreamt(net, dream, np.full((80, 100, 3), 100, np.uint8))
    assert last.octaves == 3
    assert last.finished
    assert last.done == last.total
    assert last.pixels().shape == (80, 100, 3)
    assert np.abs(last.pixels().astype(int) - 112).max() <= 1  # 3 octaves of 2 steps of 2 levels


def test_negative_weakens() -> None:
    dream = Dream(layer="act", channels=(0,), negative=True, octaves=1, iterations=1, jitter=0)
    picture = torch.full((1, 1, 16, 16), 0.5)
    assert torch.allclose(picture - once(places([2.0], [0.0]), dream, picture),
                          torch.tensor(1.5 / 255), rtol=0.01)  # fmt: skip


def test_a_silent_channel_gets_redirected_gradients() -> None:
    dream = Dream(layer="act", channels=(0,), octaves=1, iterations=1, jitter=0)
    picture = torch.full((1, 1, 16, 16), 0.5)
    moved = once(places([2.0], [-5.0]), dream, picture)
    assert torch.allclose(moved - picture, torch.tensor(1.5 / 255), rtol=0.01)


@pytest.mark.parametrize("tile", [256, 320])
def test_tiles_give_what_the_whole_picture_gives(tile: int) -> None:
    net, picture = local(), torch.rand(1, 1, 500, 333, generator=torch.Generator().manual_seed(1))
    dream = Dream(layer="relu", octaves=1, iterations=1)
    whole = once(net, replace(dream, tile=2048), picture) - picture
    tiled = once(net, replace(dream, tile=tile), picture) - picture
    assert torch.allclose(whole, tiled, atol=0.02 * float(whole.abs().mean()))


def test_a_network_of_one_size_is_fed_that_size() -> None:
    torch.manual_seed(0)
    net = classifier(OneSizeOnly(), (1, 16, 16))
    dream = Dream(layer="mix", octaves=2, iterations=2)
    *_, last = dreamt(net, dream, photo(40, 56))
    assert last.pixels().shape == (40, 56, 3)
    assert np.abs(last.pixels() - photo(40, 56).mean(axis=2, keepdims=True)).mean() > 1


def test_the_same_settings_give_the_same_bytes(squeezenet: Classifier) -> None:
    dream = Dream(layer="features.7", octaves=2, iterations=2)
    first, again = ([*dreamt(squeezenet, dream, photo())][-1].pixels() for _ in range(2))
    assert first.tobytes() == again.tobytes()
    other = [*dreamt(squeezenet, replace(dream, seed=1), photo())][-1].pixels()
    assert first.tobytes() != other.tobytes()


def test_a_dream_raises_what_the_layer_puts_out(squeezenet: Classifier) -> None:
    dream = Dream(layer="features.7", octaves=2, iterations=4)
    frames = dreamt(squeezenet, dream, photo())
    first = next(frames)
    assert (first.octave, first.step, first.octaves) == (1, 1, 2)
    *_, last = frames

    def strength(pixels: NDArray[np.uint8]) -> float:
        x = pyramid.to_tensor(pixels, 3, torch.device("cpu"))
        feed = dreamer(squeezenet, dream).feed
        with torch.no_grad():
            return float(feed.observer.objective.score(feed.observer.fields(x))[0])

    assert strength(last.pixels()) > 1.4 * strength(photo())


def test_it_ends_at_any_tile(squeezenet: Classifier) -> None:
    frames = dreamt(squeezenet, Dream(layer="features.3", octaves=1, tile=256), photo(300, 400))
    first = next(frames)
    assert not first.stepped
    assert 0 < first.done < first.total
    frames.close()  # type: ignore[attr-defined]
    assert first.pixels().tobytes() == photo(300, 400).tobytes()
    assert not [h for m in squeezenet.module.modules() for h in m._forward_hooks]


def test_a_photograph_in_tiles_looks_as_in_one_piece(squeezenet: Classifier) -> None:
    dream = Dream(layer="features.6", octaves=1, iterations=3)
    before, changes = photo(300, 400).astype(float), []
    for tile in (256, 512):
        *_, last = dreamt(squeezenet, replace(dream, tile=tile), photo(300, 400))
        changes.append((last.pixels() - before).ravel())
    assert np.corrcoef(*changes)[0, 1] > 0.98
    assert np.abs(changes[0]).mean() == pytest.approx(np.abs(changes[1]).mean(), rel=0.02)


def test_noise_has_a_seed() -> None:
    dream = Dream(layer="act", start="noise", size=40, octaves=1, iterations=1)
    one, two, three = (
        [*dreamt(places([2.0], [0.0]), replace(dream, seed=s))][-1].pixels() for s in (0, 0, 1)
    )
    assert one.shape == (40, 40, 3)
    assert one.tobytes() == two.tobytes() != three.tobytes()


def test_what_is_lacking_is_said_before_the_first_step(squeezenet: Classifier) -> None:
    wrong = [
        (Dream(layer="features.77"), "nearest: features.7"),
        (Dream(layer="features.7", channels=(999,)), "out of range"),
        (Dream(class_index=5000), "out of range"),
        (Dream(), "name the layer"),
        (Dream(layer="features.7", guides=("0" * 64,)), "guides"),
    ]
    for dream, said in wrong:
        with pytest.raises(UserError, match=said):
            next(dreamt(squeezenet, dream, photo()))
    with pytest.raises(UserError, match="open a picture"):
        next(dreamt(squeezenet, Dream(layer="features.7")))


def test_towards_a_class(squeezenet: Classifier) -> None:
    dream = Dream(class_index=340, octaves=2, iterations=4)
    *_, last = dreamt(squeezenet, dream, photo(160, 160))

    def logit(pixels: NDArray[np.uint8]) -> float:
        with torch.no_grad():
            return float(squeezenet.module(squeezenet.tensor(pixels))[0, 340])

    assert logit(last.pixels()) > logit(photo(160, 160)) + 3


@pytest.mark.slow
def test_inception_on_a_photograph(shared: Path) -> None:
    net = load(f"{shared / 'models' / 'bvlc_googlenet.py'}:load", device="cpu")
    *_, last = dreamt(net, Dream(layer="inception4c", size=160), photo(120, 160))
    change = np.abs(last.pixels().astype(float) - photo(120, 160))
    assert 8 < change.mean() < 60  # visible, and not burnt out
    assert (last.pixels() == 255).mean() < 0.25
