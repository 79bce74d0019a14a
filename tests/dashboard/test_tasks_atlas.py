"""The page's tasks of the atlas: a build step by step, and where a picture lies on a map."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.atlas.reading import PICTURE, PLACE, Atlas, opened
from analysis.atlas.ship import LAYERS
from analysis.photos import samples
from cache.errors import UserError
from cache.maps import read_maps, shipped_maps
from dashboard import tasks
from dashboard.bench import Bench
from tests.dashboard import made_up
from tests.dashboard.made_up import GRID, LAYER, building, built, with_pictures


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    desk = with_pictures(tmp_path_factory.mktemp("atlas"))
    return made_up.bench(desk.folder)


@pytest.fixture(scope="module")
def atlas(bench: Bench) -> Atlas:
    return opened(Path(bench.config["cache"]), built(bench))


def test_a_build_tells_its_phases_and_how_far_it_is(bench: Bench) -> None:
    told = list(building(bench, points=500, grids=[4]))
    phases = list(dict.fromkeys(step.partial["phase"] for step in told))
    assert phases == [
        "looking at pictures", "laying the map out", "cells of 4 x 4", "drawing icons, 4 x 4",
        "drawing icons",
    ]  # fmt: skip
    assert len({step.partial["key"] for step in told}) == 1
    for step in told:
        assert 0 <= step.done <= step.total
        assert 0 <= step.partial["done"] <= step.partial["total"]
        assert step.partial["left"] is None or step.partial["left"] >= 0
    assert told[-1].partial["left"] == 0
    seen = [s.partial["done"] for s in told if s.partial["phase"] == "looking at pictures"]
    assert seen == sorted(seen)
    assert seen[-1] == 51  # with the broken one: it was looked at, too


def test_the_open_folder_is_mapped_without_the_samples(bench: Bench, atlas: Atlas) -> None:
    assert len(bench.library.pictures()) > 51
    assert len(atlas.manifest["pictures"]) == 51
    assert [atlas.manifest["pictures"][i]["name"] for i in atlas.manifest["skipped"]] == [
        "broken.png"
    ]
    assert atlas.manifest["unread"] == bench.library.unread == ["empty.jpg"]
    assert atlas.manifest["title"] == "pics"


def test_a_cancelled_build_goes_on(bench: Bench, atlas: Atlas) -> None:
    steps = building(bench, grids=[5, 20])
    first = next(s for s in steps if s.partial["phase"].startswith("drawing icons, 20"))
    steps.close()
    folder = atlas.folder
    assert (folder.has("cells-20"), atlas.icons(20).has(0)) == (True, False)
    layout = folder.path("layout", "arrays").stat().st_mtime_ns
    assert built(bench, grids=[5, 20]) == folder.key == first.partial["key"]
    assert atlas.icons(20).has(0)
    assert folder.path("layout", "arrays").stat().st_mtime_ns == layout


def test_what_cannot_be_mapped_is_refused_before_anything_is_looked_at(bench: Bench) -> None:
    for given, words in (
        ({"layer": "22"}, "nearest: 2"), ({"layer": "6"}, "has no grid"),
        ({"layer": "4"}, "is all border"), ({"grids": [1]}, "a grid of 1 is out of range"),
        ({"classes": [3]}, "out of range"), ({"classes": [1, 1]}, "two classes needs two"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            next(building(bench, **given))


def test_too_few_samples_are_no_map(tmp_path: Path) -> None:
    desk = with_pictures(tmp_path, 4)
    with pytest.raises(UserError, match="4 samples are too few for a map"):
        list(building(made_up.bench(desk.folder), points=1))


def places(bench: Bench, atlas: Atlas, picture: str) -> dict[tuple[int, int], tuple[float, float]]:
    found = tasks.TASKS["atlas_places"](
        bench, model=bench.config["model"], picture=picture, layer=LAYER, key=atlas.folder.key
    )
    return {(one["row"], one["col"]): (one["x"], one["y"]) for one in found}


def test_a_picture_lies_where_its_own_samples_lie(bench: Bench, atlas: Atlas) -> None:
    pictures, rows = atlas.manifest["pictures"], atlas.samples.all()
    scaled = atlas.box.scaled(atlas.points)
    vectors = atlas.vectors.all(np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    away = []
    for number in (0, 7, 30):
        there = places(bench, atlas, pictures[number]["key"])
        assert len(there) == GRID[0] * GRID[1]
        for i in np.flatnonzero(rows[:, PICTURE] == number):
            place = there[divmod(int(rows[i, PLACE]), GRID[1])]
            alike = scaled[np.argsort(-(unit @ unit[i]))[:10]]  # itself among them
            assert (alike.min(axis=0) - 1e-3 <= place).all()
            assert (place <= alike.max(axis=0) + 1e-3).all()
            away.append(np.abs(np.subtract(place, scaled[i])).max())
    assert np.median(away) < 0.05


def test_silent_places_lie_nowhere(
    bench: Bench, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bench.library.main.pictures[3].key
    loud = places(bench, atlas, key)
    layer = bench.classifier(bench.config["model"]).module[2]
    mask, plain = torch.ones(GRID), layer.forward
    mask[4, 5] = 0
    monkeypatch.setattr(layer, "forward", lambda x: plain(x) * mask)
    quiet = places(bench, atlas, key)
    assert set(loud) - set(quiet) == {(4, 5)}
    assert all(quiet[place] == loud[place] for place in quiet)


@pytest.mark.parametrize("layer", LAYERS)
def test_on_a_map_without_samples_a_place_lies_in_the_cell_most_like_it(
    tmp_path: Path, layer: str
) -> None:
    shipped = read_maps(shipped_maps())[layer]
    opened = tasks.make_state({
        "model": "squeezenet1_1", "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(tmp_path), "images": None, "labels": None,
    })  # fmt: skip
    picture = samples().pictures[0].key
    found = tasks.TASKS["atlas_places"](
        opened, model="squeezenet1_1", picture=picture, layer=layer, key=f"starter-{layer}"
    )
    side = max(shipped.grids)
    grid = shipped.grids[side]
    cells = {((c + 0.5) / side, (r + 0.5) / side) for c, r in zip(
        grid["col"].tolist(), grid["row"].tolist(), strict=True)}  # fmt: skip
    rounded = {(round(x, 4), round(y, 4)) for x, y in cells}
    assert found
    assert all((one["x"], one["y"]) in rounded for one in found)


def test_an_atlas_that_was_cleared_says_what_to_do(bench: Bench, tmp_path: Path) -> None:
    copied = tmp_path / "desk"
    shutil.copytree(Path(bench.config["cache"]).parent, copied)
    other = made_up.bench(copied)
    key = built(other)
    other.kept.kept.clear()
    shutil.rmtree(copied / "c" / "sweeps")
    with pytest.raises(UserError, match="build it again"):
        tasks.TASKS["atlas_places"](
            other, model=other.config["model"], picture=other.library.main.pictures[0].key,
            layer=LAYER, key=key,
        )  # fmt: skip
