"""An atlas from beginning to end, and what it says where there is too little to make it of."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import projection
from analysis.atlas.build import AtlasRequest, Build, Step, requested
from analysis.atlas.icons import seen
from analysis.atlas.reading import PICTURE, PLACE, Atlas, drawing_order
from analysis.atlas.sweep import POINTS, Sweep
from analysis.atlas.usual import usual_effects
from analysis.classes import Label
from analysis.models import Classifier
from analysis.photos import Picture
from cache.errors import UserError
from cache.vectors import Column, unit
from tests.analysis.atlas.actors import SIDES, contents, toy
from tests.analysis.atlas.nets import LAYER, network, pictures


def run(build: Build, sides: Sequence[int] = SIDES) -> list[Step]:
    return list(build.run(sides))


def atlas_of(build: Build) -> Atlas:
    return Atlas(build.folder, build.shards)


@pytest.fixture(autouse=True)
def shards_of_few(small_shards: None) -> None:
    """In every test."""


@pytest.fixture
def atlas(root: Path) -> Atlas:
    return atlas_of(toy(root))


# ---- what is built ----


def test_what_an_atlas_is_made_from_is_kept(atlas: Atlas) -> None:
    made = atlas.manifest
    assert (made["layer"], made["grid"], made["channels"]) == (LAYER, [10, 10], 12)
    assert (made["points"], made["places"], made["skipped"]) == (240, 20, [])
    assert [p["name"] for p in made["pictures"]] == [f"{i}.png" for i in range(12)]
    assert [p["key"] for p in made["pictures"]] == [p.key for p in pictures(12)]
    assert (made["layout"]["method"], made["layout"]["seed"]) == ("pca", 0)
    assert "umap-learn" in made["layout"]["versions"]
    assert made["fingerprint"] == network().fingerprint


def test_the_layout_is_that_of_the_samples(atlas: Atlas) -> None:
    vectors = atlas.vectors.all(np.float32)
    assert atlas.rows.tolist() == list(range(240))
    np.testing.assert_array_equal(atlas.points, projection.flattened(vectors))
    _, trust = projection.trustworthiness(vectors, atlas.points)
    np.testing.assert_array_equal(atlas.trust, trust)
    quality = atlas.manifest["quality"]
    assert quality == {"trust": pytest.approx(trust.mean()), "pca": quality["trust"], "k": 15}


def test_every_cell_has_its_icon(atlas: Atlas) -> None:
    assert atlas.grids() == list(SIDES)
    net = network()
    for side in SIDES:
        cells, store = atlas.cells(side), atlas.icons(side)
        order = np.concatenate(drawing_order(cells))
        images, centres, judged = (store.column(n).all() for n in store.columns)
        assert sorted(order.tolist()) == list(range(len(cells)))
        assert len(images) == len(cells) > 2
        np.testing.assert_allclose(seen(net, LAYER, images, 20), centres, rtol=1e-3, atol=1e-3)
        cosine = (unit(centres) * unit(cells.means[order])).sum(axis=1)
        np.testing.assert_allclose(judged[:, 0], cosine, atol=1e-3)
        assert np.median(cosine) > 0.6
        samples = np.concatenate([cells.of(i) for i in range(len(cells))])
        assert len(set(samples.tolist())) == len(samples) == cells.count.sum()


def test_progress_tells_the_phase_and_what_is_left(tmp_path: Path) -> None:
    steps = run(toy(tmp_path))
    phases = list(dict.fromkeys(step.phase for step in steps))
    assert phases == [
        "looking at pictures", "laying the map out", "cells of 2 x 2", "cells of 3 x 3",
        "drawing icons, 2 x 2", "drawing icons, 3 x 3", "drawing icons",
    ]  # fmt: skip
    for phase in phases:
        done = [step.done for step in steps if step.phase == phase]
        assert done == sorted(done)
    assert all(0 <= step.done <= step.total for step in steps)
    assert all(step.left is None or step.left >= 0 for step in steps)
    assert (steps[-1].done, steps[-1].left) == (steps[-1].total, 0)


def test_what_stands_is_never_made_again(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    steps = run(toy(root))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert [step.phase for step in steps] == ["looking at pictures"]


def test_a_further_grid_is_added(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "more")
    run(toy(tmp_path / "more"), (4,))
    more, before = contents(tmp_path / "more"), contents(root)
    assert before.items() < more.items()
    assert all("cells-4" in name or "icons-4" in name for name in more.keys() - before.keys())


def test_two_atlases_share_their_samples(tmp_path: Path) -> None:
    first = toy(tmp_path)
    second = Build(first.classifier, replace(first.request, classes=(1,)), first.pictures, tmp_path)
    assert first.folder.key != second.folder.key
    assert first.shards.folder == second.shards.folder
    other = replace(first.request, samples=replace(first.request.samples, places=3))
    third = Build(first.classifier, other, first.pictures, tmp_path)
    assert third.shards.folder != first.shards.folder


def test_names_and_labels_are_those_of_the_last_build(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "later")
    build = toy(tmp_path / "later")
    labelled = [
        replace(p, name=f"new {p.name}", label=Label("name", "cow") if i % 2 else None)
        for i, p in enumerate(build.pictures)
    ]
    layout = (build.folder.root / "layout.safetensors").read_bytes()
    again = Build(
        build.classifier, build.request, labelled, tmp_path / "later", title="t", unread=["x.jpg"]
    )  # fmt: skip
    run(again)
    atlas = atlas_of(again)
    assert (atlas.manifest["title"], atlas.manifest["unread"]) == ("t", ["x.jpg"])
    assert atlas.manifest["pictures"][3]["name"] == "new 3.png"
    samples = atlas.samples.all()
    right = np.where(samples[:, PICTURE] % 2, 2, -1)
    np.testing.assert_array_equal(atlas.labels(samples), right)
    assert (build.folder.root / "layout.safetensors").read_bytes() == layout


def broken_one(root: Path) -> tuple[Build, Picture]:
    """A build in which the second picture cannot be read, and that picture."""
    file = root / "second.png"
    file.write_bytes(bytes(pictures(2)[1].source))
    second = Picture("second.png", file)
    first, *rest = pictures(8, first=2)
    request, kept = asked([first, second, *rest], points=240)
    file.unlink()
    return Build(network(), replace(request, classes=(1,)), kept, root), second


def test_a_map_finds_its_samples_in_a_sweep_that_was_made_again(tmp_path: Path) -> None:
    """With a picture more the numbers of the rows are others."""
    build, second = broken_one(tmp_path)
    run(build, (2,))
    atlas = atlas_of(build)
    vectors, samples, rows = atlas.vectors.all(), atlas.samples.all(), atlas.rows
    shutil.rmtree(build.shards.folder)
    assert isinstance(second.source, Path)
    second.source.write_bytes(bytes(pictures(2)[1].source))
    run(build, (2,))
    after = atlas_of(build)
    assert after.rows.tolist() != rows.tolist()
    np.testing.assert_allclose(after.vectors.all(), vectors, rtol=1e-3)
    np.testing.assert_array_equal(after.samples.all()[:, :2], samples[:, :2])


def test_a_map_whose_samples_are_gone_says_so(tmp_path: Path) -> None:
    build, second = broken_one(tmp_path)
    assert isinstance(second.source, Path)
    second.source.write_bytes(bytes(pictures(2)[1].source))
    run(build, (2,))
    assert 1 in atlas_of(build).samples.all()[:, PICTURE]
    shutil.rmtree(build.shards.folder)
    with pytest.raises(UserError, match="not there any more: build it again"):
        _ = atlas_of(build).vectors
    second.source.unlink()
    list(Sweep(build.classifier, build.request.samples, build.pictures, build.shards).run())
    with pytest.raises(UserError, match=r"remove .* before"):
        _ = atlas_of(build).vectors


# ---- atlases of classes ----


def of_classes(root: Path, work: Path, classes: tuple[int, ...]) -> Atlas:
    """An atlas of classes from the same samples, in a folder of its own: the others look at
    ``root`` as it is."""
    shutil.copytree(root, work / "classes")
    plain, root = toy(root), work / "classes"
    build = Build(
        plain.classifier, replace(plain.request, classes=classes), plain.pictures, root
    )  # fmt: skip
    run(build, (2,))
    return atlas_of(build)


def columns_of(root: Path) -> tuple[Column, Column]:
    shards = toy(root).shards
    return shards.column("vectors"), shards.column("effects")


def test_an_atlas_of_one_class_holds_the_samples_that_speak_for_it(
    root: Path, tmp_path: Path
) -> None:
    whole = toy(root).shards.column("effects").all()
    index = int(np.argmax((whole > 0).sum(axis=0)))
    found = of_classes(root, tmp_path, (index,))
    assert found.manifest["classes"] == [index]
    usual = usual_effects(*columns_of(root), [index])[:, 0]
    assert found.rows.tolist() == np.flatnonzero(usual > 0).tolist()
    np.testing.assert_array_equal(found.effects.all(), whole[found.rows])
    assert found.cells(2).count.sum() <= len(found.rows)


def test_an_atlas_of_two_classes_has_them_left_and_right(root: Path, tmp_path: Path) -> None:
    whole = toy(root).shards.column("effects").all(np.float32)
    a, b = np.argsort(-(whole > 0).sum(axis=0))[:2].tolist()
    found = of_classes(root, tmp_path, (a, b))
    usual = usual_effects(*columns_of(root), [a, b])
    assert found.rows.tolist() == np.flatnonzero((usual > 0).any(axis=1)).tolist()
    rather, x = usual[found.rows] @ [1, -1], found.points[:, 0]
    assert (np.sign(x) == np.sign(rather)).all()
    assert (np.diff(x[np.argsort(rather)]) > 0).all()
    columns = np.bincount(found.cells(2).col, found.cells(2).count)
    assert columns.min() > 0


# ---- too little, or wrong ----


def asked(given: Sequence[Picture], net: Classifier | None = None, **more: Any) -> Any:
    return requested(net or network(), LAYER, given, method="pca", **more)


def test_a_picture_counts_once() -> None:
    one, two = pictures(2)
    again = Picture("copy.png", one.source)
    request, kept = asked([one, two, again])
    assert request.samples.pictures == (one.key, two.key)
    assert [p.key for p in kept] == [one.key, two.key]


def test_files_that_are_gone_are_left_out(tmp_path: Path) -> None:
    request, kept = asked([Picture("gone", tmp_path / "gone.png"), *pictures(1)])
    assert len(request.samples.pictures) == len(kept) == 1
    with pytest.raises(UserError, match="no picture that can be read") as error:
        asked([Picture("gone", tmp_path / "gone.png")])
    assert "\n" not in str(error.value)


def test_broken_pictures_are_listed(tmp_path: Path) -> None:
    broken = [Picture(f"broken{i}.png", b"broken %d" % i) for i in range(2)]
    request, kept = asked([broken[0], *pictures(5), broken[1]], points=350)
    build = Build(network(), request, kept, tmp_path)
    run(build, (2,))
    made = atlas_of(build).manifest
    assert [made["pictures"][i]["name"] for i in made["skipped"]] == ["broken0.png", "broken1.png"]
    assert made["points"] == 5 * 50


def test_a_folder_in_which_nothing_can_be_read(tmp_path: Path) -> None:
    request, kept = asked([Picture(f"{i}", b"broken %d" % i) for i in range(70)])
    with pytest.raises(UserError, match="none of these pictures can be read") as error:
        run(Build(network(), request, kept, tmp_path))
    assert "\n" not in str(error.value)


def test_pictures_deleted_before_the_sweep(tmp_path: Path) -> None:
    files = []
    for i, one in enumerate(pictures(6)):
        files.append(tmp_path / f"{i}.png")
        assert isinstance(one.source, bytes)
        files[-1].write_bytes(one.source)
    request, kept = asked([Picture(file.name, file) for file in files], points=300)
    for gone in (0, 3):
        files[gone].unlink()
    build = Build(network(), request, kept, tmp_path / "cache")
    run(build, (2,))
    atlas = atlas_of(build)
    assert atlas.manifest["skipped"] == [0, 3]
    assert set(atlas.samples.all()[:, PICTURE].tolist()) == {1, 2, 4, 5}


def test_fifty_pictures_are_enough(tmp_path: Path) -> None:
    """Each is looked at in as many places as it has, up to 64."""
    request, kept = asked(pictures(50))
    assert request.samples.places == 64 < POINTS / 50
    build = Build(network(), request, kept, tmp_path)
    run(build, (5,))
    atlas = atlas_of(build)
    assert atlas.manifest["points"] == 50 * 64
    assert len(atlas.cells(5)) > 8
    assert len(atlas.icons(5).column("images")) == len(atlas.cells(5))
    places = atlas.samples.all()[:, PLACE]
    assert ((places // 10 > 0) & (places // 10 < 9) & (places % 10 > 0) & (places % 10 < 9)).all()


def test_too_few_samples_are_told(tmp_path: Path) -> None:
    request, kept = asked(pictures(2), points=10)
    with pytest.raises(UserError, match="10 samples are too few") as error:
        run(Build(network(), request, kept, tmp_path))
    assert "\n" not in str(error.value)


def test_a_map_thinner_than_its_grid_is_an_empty_one(tmp_path: Path) -> None:
    request, kept = asked(pictures(4), points=20)
    build = Build(network(), request, kept, tmp_path)
    assert run(build, (160,))[-1].phase == "cells of 160 x 160"
    atlas = atlas_of(build)
    assert len(atlas.cells(160)) == 0
    assert np.isnan(atlas.folder.get("cells-160")["random"]).all()


@pytest.mark.parametrize("sides", [(1,), (20, 161), (0,)])
def test_grids_out_of_range_are_refused(tmp_path: Path, sides: tuple[int, ...]) -> None:
    with pytest.raises(UserError) as error:
        run(toy(tmp_path), sides)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_has_no_map_is_refused() -> None:
    with pytest.raises(UserError, match="no grid of places"):
        requested(network(), "fc", pictures(1))
    with pytest.raises(UserError, match="no layer"):
        requested(network(), "features.12", pictures(1))


def test_the_request_is_all_that_its_key_depends_on(tmp_path: Path) -> None:
    def key(request: AtlasRequest) -> str:
        return Build(network(), request, [], tmp_path).folder.key

    request, _ = asked(pictures(3))
    renamed, _ = asked([replace(p, name="other") for p in pictures(3)])
    assert key(request) == key(renamed)
    others = [
        asked(pictures(4))[0], asked(pictures(3), seed=1)[0], asked(pictures(3), points=9)[0],
        asked(pictures(3), classes=(1,))[0], requested(network(), LAYER, pictures(3))[0],
    ]  # fmt: skip
    assert len({key(request), *map(key, others)}) == 6
