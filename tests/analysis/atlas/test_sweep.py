"""The pass over all pictures: what its shards hold, that a kill costs nothing but time, and what it
does with pictures that cannot be read."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from analysis.atlas import sweep
from analysis.atlas.reading import COLUMNS, LABEL, PICTURE, PLACE, SAID
from analysis.atlas.sampling import Sampler, drawn_places
from analysis.atlas.sweep import Sweep, SweepRequest, halved, places_each, skipped
from analysis.classes import Label
from analysis.models import Classifier
from analysis.photos import Picture
from cache.errors import UserError
from cache.vectors import Shards
from tests.toys import TwoNeurons, classifier


def network(*, first: float = 1.0, last: float = 1.0) -> Classifier:
    """TwoNeurons on 5 x 5 pictures; neurons times ``first``, logits times ``last`` of that."""
    module = TwoNeurons()
    with torch.no_grad():
        module.conv.weight.mul_(first)
        module.conv.bias.mul_(first)  # type: ignore[union-attr]
        module.fc.weight.mul_(last)
    return classifier(module, (1, 5, 5), categories=("ant", "bee"))


def picture(number: int, label: Label | None = None) -> Picture:
    """A grey picture of noise, 5 x 5."""
    pixels = np.random.default_rng(number).integers(0, 256, (5, 5), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Picture(f"{number}.png", file.getvalue(), label)


BROKEN = Picture("broken.png", b"\x89PNG\r\n\x1a\n half of one")


def swept(
    root: Path,
    pictures: list[Picture],
    *,
    places: int = 3,
    net: Classifier | None = None,
    layer: str = "relu",
) -> Sweep:
    request = SweepRequest(layer, tuple(p.key for p in pictures), "crop", places)
    return Sweep(net or network(), request, pictures, Shards(root, COLUMNS))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SHARD", 5)
    monkeypatch.setattr(sweep, "BATCH", 2)


def test_what_the_shards_hold(tmp_path: Path) -> None:
    labels = [Label("name", "bee"), None, Label("index", 0), Label("name", "wasp")]
    pictures = [picture(i, labels[i % 4]) for i in range(7)]
    work = swept(tmp_path, pictures)
    assert list(work.run()) == [0, 2, 4, 5, 7]
    samples = work.shards.column("samples").all()
    vectors, effects = (work.shards.column(name).all() for name in ("vectors", "effects"))
    assert samples.shape == (21, 4)
    assert samples[:, PICTURE].tolist() == [i for i in range(7) for _ in range(3)]
    known = [1, -1, 0, -1]
    assert samples[::3, LABEL].tolist() == [known[i % 4] for i in range(7)]
    sampler = Sampler(network(), "relu")
    for i, one in enumerate(pictures):
        x = work.classifier.tensor(work.classifier.pixels(one.decode()))
        own = drawn_places(one.key, (5, 5), 3, 0)
        right = sampler.take(x, [own])
        mine = slice(3 * i, 3 * i + 3)
        assert samples[mine, PLACE].tolist() == own
        assert (samples[mine, SAID] == right.logits[0].argmax()).all()
        np.testing.assert_allclose(vectors[mine], right.vectors, rtol=1e-3)
        np.testing.assert_allclose(effects[mine], right.effects, rtol=1e-3)
    assert skipped(samples, 7) == []


def test_a_pass_that_was_ended_goes_on(tmp_path: Path) -> None:
    pictures = [picture(i) for i in range(17)]
    whole = swept(tmp_path / "whole", pictures)
    assert list(whole.run())[-1] == 17
    for ends in range(1, 11):
        work = swept(tmp_path / str(ends), pictures)
        going = work.run()
        for _ in range(ends):
            next(going)
        going.close()
        before = {p: p.stat().st_mtime_ns for p in work.shards.folder.glob("*")}
        again = list(swept(tmp_path / str(ends), pictures).run())
        assert again[0] == 5 * (len(before) // 3)
        assert again[-1] == 17
        assert contents(work.shards.folder) == contents(whole.shards.folder)
        assert all(path.stat().st_mtime_ns == then for path, then in before.items())


def test_what_is_finished_is_not_looked_at_again(tmp_path: Path) -> None:
    pictures = [picture(i) for i in range(6)]
    list(swept(tmp_path, pictures).run())
    gone = [Picture(p.name, Path("/nowhere")) for p in pictures]
    request = SweepRequest("relu", tuple(p.key for p in pictures), "crop", 3)
    work = Sweep(network(), request, gone, Shards(tmp_path, COLUMNS))
    assert list(work.run()) == [6]


# ---- pictures that cannot be read ----


def test_broken_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    more = [replace(BROKEN, source=b"%d" % i) for i in range(7)]
    pictures = [picture(0), BROKEN, picture(1), *more, picture(2)]
    work = swept(tmp_path, pictures)
    assert list(work.run())[-1] == 11
    samples = work.shards.column("samples").all()
    assert sorted(set(samples[:, PICTURE].tolist())) == [0, 2, 10]
    assert skipped(samples, 11) == [1, *range(3, 10)]
    assert len(work.shards.column("vectors")) == 9  # the shard of 5 to 9 is empty, and no gap


def test_pictures_deleted_in_the_meantime_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    files = [tmp_path / "p" / f"{i}.png" for i in range(6)]
    for i, file in enumerate(files):
        source = picture(i).source
        assert isinstance(source, bytes)
        file.write_bytes(source)
    pictures = [Picture(file.name, file) for file in files]
    work = swept(tmp_path / "s", pictures)
    for gone in (1, 4, 5):
        files[gone].unlink()
    list(work.run())
    assert skipped(work.shards.column("samples").all(), 6) == [1, 4, 5]


def test_pictures_that_were_mended_come_behind_all_others(tmp_path: Path) -> None:
    """The rows that there were keep their numbers: maps are made of them."""
    (tmp_path / "p").mkdir()
    files = [tmp_path / "p" / f"{i}.png" for i in range(6)]
    sources = [picture(i).source for i in range(6)]
    for file, source in zip(files, sources, strict=True):
        assert isinstance(source, bytes)
        file.write_bytes(source)
    pictures = [Picture(file.name, file) for file in files]
    work = swept(tmp_path / "s", pictures)
    for gone in (1, 4, 5):
        files[gone].unlink()
    list(work.run())
    before = work.shards.column("vectors").all()
    assert isinstance(sources[4], bytes)
    files[4].write_bytes(sources[4])
    assert list(work.run()) == [6]
    samples = work.shards.column("samples").all()
    assert skipped(samples, 6) == [1, 5]
    assert samples[len(before) :, PICTURE].tolist() == [4, 4, 4]
    np.testing.assert_array_equal(work.shards.column("vectors").all()[: len(before)], before)
    plain = swept(tmp_path / "plain", [picture(i) for i in range(6)])
    list(plain.run())
    right = plain.shards.column("samples").all()[:, PICTURE] == 4
    for name in COLUMNS[:2]:
        found = work.shards.column(name).all()[len(before) :]
        np.testing.assert_allclose(found, plain.shards.column(name).all()[right], rtol=1e-3)
    shards = contents(work.shards.folder)
    assert list(work.run()) == [6]
    assert contents(work.shards.folder) == shards, "nothing new, nothing written"


def test_where_nothing_can_be_read_one_line_says_so(tmp_path: Path) -> None:
    work = swept(tmp_path, [BROKEN])
    with pytest.raises(UserError, match="none of these pictures can be read") as error:
        list(work.run())
    assert "\n" not in str(error.value)


# ---- numbers of every size ----


@pytest.mark.parametrize(
    ("first", "last", "vectors", "effects"),
    [
        (1, 1, np.float16, np.float16),
        (1e6, 1e-6, np.float32, np.float16),
        (1e-5, 1e5, np.float32, np.float16),
        (1, 1e6, np.float16, np.float32),
        (1, 1e-6, np.float16, np.float32),
    ],
)
def test_halves_where_the_numbers_fit(
    tmp_path: Path, first: float, last: float, vectors: type, effects: type
) -> None:
    pictures = [picture(i) for i in range(3)]
    plain, scaled = swept(tmp_path / "a", pictures), swept(
        tmp_path / "b", pictures, net=network(first=first, last=last)
    )  # fmt: skip
    for work in (plain, scaled):
        list(work.run())
    for name, kind, factor in (("vectors", vectors, first), ("effects", effects, first * last)):
        found = scaled.shards.column(name)
        assert found.dtype == kind
        right = plain.shards.column(name).all(np.float64) * factor
        np.testing.assert_allclose(found.all(np.float64), right, rtol=2e-3, atol=1e-3 * right.max())


def test_what_fits_into_halves() -> None:
    for largest, kind in ((0, np.float16), (0.011, np.float16), (65504, np.float16),
                          (0.009, np.float32), (65505, np.float32)):  # fmt: skip
        assert halved(np.array([[0, -largest]], np.float32)).dtype == kind
    assert halved(np.zeros((0, 3), np.float32)).dtype == np.float16


# ---- how many ----


@pytest.mark.parametrize(
    ("pictures", "each"), [(1, 64), (50, 64), (400, 50), (4407, 5), (20_000, 1), (100_000, 1)]
)
def test_fewer_pictures_are_looked_at_in_more_places(pictures: int, each: int) -> None:
    assert places_each(pictures) == each


def test_a_small_grid_gives_as_many_places_as_there_are(tmp_path: Path) -> None:
    work = swept(tmp_path, [picture(i) for i in range(3)], places=64)
    list(work.run())
    samples = work.shards.column("samples").all()
    inner = [6, 7, 8, 11, 12, 13, 16, 17, 18]
    assert sorted(samples[:, PLACE].tolist()) == sorted(inner * 3)


def test_the_network_is_left_as_it_was(tmp_path: Path) -> None:
    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = TwoNeurons()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.net(x)
            return out

    net = classifier(Watched(), (1, 5, 5))
    before = net.module(net.probe())
    list(swept(tmp_path, [picture(0)], net=net, layer="net.relu").run())
    assert torch.equal(net.module(net.probe()), before)
    assert not any(part._forward_hooks for part in net.module.modules())
