"""How a picture is cut into tiles."""

from itertools import pairwise

import pytest
import torch

from analysis.dream.aims import Aim, aim_of
from analysis.dream.settings import Dream
from analysis.dream.tiles import GRID, HALO, Feed, Span, cut, rounds, runs
from analysis.featurevis.objectives import Objective
from tests.analysis.dream.nets import local
from tests.analysis.featurevis.nets import OneSizeOnly, places
from tests.toys import classifier


@pytest.mark.parametrize("length", [257, 300, 511, 1000, 4000])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_spans_keep_every_pixel_once_within_the_tile(length: int, place: float) -> None:
    spans = cut(length, 256, place)
    assert (spans[0].keep_from, spans[-1].keep_to) == (0, length)
    assert all(a.keep_to == b.keep_from for a, b in pairwise(spans))
    for span in spans:
        assert span.stop - span.start <= 256
        assert span.start % GRID == 0
        assert span.keep_from < span.keep_to
        assert span.start <= max(0, span.keep_from - HALO)
        assert span.stop >= min(length, span.keep_to + HALO)


@pytest.mark.parametrize("halo", [32, 96, 256])
@pytest.mark.parametrize("length", [1025, 1026, 1366, 2048, 3001, 4096])
def test_spans_have_as_much_context_as_is_asked_for(length: int, halo: int) -> None:
    for place in (0.0, 0.25, 0.5, 0.75, 0.999):
        spans = cut(length, 1024, place, halo=halo)
        assert (spans[0].keep_from, spans[-1].keep_to) == (0, length)
        assert all(a.keep_to == b.keep_from for a, b in pairwise(spans))
        for span in spans:
            assert span.stop - span.start <= 1024
            assert span.start % GRID == 0
            assert span.keep_from % GRID == 0
            assert span.keep_from < span.keep_to
            assert span.start <= max(0, span.keep_from - halo)
            assert span.stop >= min(length, span.keep_to + halo)


@pytest.mark.parametrize("length", [257, 390, 1000, 4000, 16384])
def test_a_picture_is_fed_in_few_sizes(length: int) -> None:
    spans = [span for n in range(40) for span in cut(length, 256, n / 40)]
    assert len({span.stop - span.start for span in spans}) <= 2
    assert len({span.keep_to for span in spans if span.keep_from == 0}) >= 3  # yet the cuts move


def test_the_cuts_move() -> None:
    assert cut(1000, 256, 0.1) != cut(1000, 256, 0.9)
    assert cut(256, 256, 0.1) == cut(256, 256, 0.9) == [Span(0, 256, 0, 256)]


@pytest.mark.parametrize("length", [10, 224, 225, 500])
def test_windows_of_one_size_go_round(length: int) -> None:
    spans = rounds(length, 224, 0.4)
    assert {s.stop - s.start for s in spans} == {224}
    kept = [i % length for s in spans for i in range(s.keep_from, s.keep_to)]
    assert sorted(kept) == list(range(length))
    assert all(s.start <= s.keep_from < s.keep_to <= s.stop for s in spans)


def test_runs_go_round_the_border() -> None:
    line = torch.arange(5)
    rolled = torch.roll(line, 2)  # 3 4 0 1 2
    got = torch.empty(9, dtype=torch.long)
    for to, where in runs(-1, 8, 2, 5):
        got[to] = line[where]
    assert got.tolist() == [rolled[i % 5].item() for i in range(-1, 8)]


def test_the_gradient_lies_where_the_picture_does_however_it_is_rolled() -> None:
    net = places([2.0], [0.0])
    feed = Feed(net, aim_of(net, Dream(layer="act")), 256)
    picture = torch.rand(1, 1, 300, 20)
    still, rolled = torch.empty_like(picture), torch.empty_like(picture)
    *_, share = feed.gradient(picture, still, (0, 0), (0.2, 0.2))
    assert share == 1
    *_, share = feed.gradient(picture, rolled, (-9, 13), (0.8, 0.1))
    assert share == 1
    ratio = still / picture  # the square's gradient, in places of one pixel: 8 v over the channels
    assert torch.allclose(ratio, ratio.mean(), rtol=0.02)
    assert torch.allclose(still, rolled, rtol=0.02)


def test_what_does_not_add_up_counts_by_its_share() -> None:
    """A mean's gradient is the same in every tile as in the whole picture."""
    net = places([2.0], [0.0])
    mean = Objective("mean", ("act",), lambda f: f["act"].mean(dim=(1, 2, 3)))
    picture = torch.rand(1, 1, 300, 260)
    found = [torch.empty_like(picture) for _ in range(2)]
    for grad, tile in zip(found, (256, 512), strict=True):
        feed = Feed(net, Aim(mean, additive=False), tile)
        *_, share = feed.gradient(picture, grad, (0, 0), (0.5, 0.5))
        assert share == 1
    assert torch.allclose(*found, rtol=0.02)


def test_what_a_network_can_be_fed() -> None:
    torch.manual_seed(0)
    net = classifier(OneSizeOnly(), (1, 16, 16))
    assert Feed(net, aim_of(net, Dream(layer="mix")), 256).window == (16, 16)
    free = local()
    assert Feed(free, aim_of(free, Dream(layer="relu")), 256).window is None


def test_a_network_of_squares_only_is_fed_its_own_size() -> None:
    def squares(x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2] == x.shape[3]
        return x

    net = places([1.0], [0.0], squares)
    feed = Feed(net, aim_of(net, Dream(layer="act")), 256)
    assert feed.window == (16, 16)
    picture, into = torch.rand(1, 1, 20, 33), torch.empty(1, 1, 20, 33)
    assert [*feed.gradient(picture, into, (3, 5), (0.2, 0.6))][-1] == 1
    assert torch.allclose(into, 2 * picture, atol=1e-2)
