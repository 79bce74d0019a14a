"""The command ``atlas``: on the embedded network with the sample photographs, and, where it is
about mistakes and endings, on a small network with made-up pictures."""

import contextlib
import csv
import io
import json
import os
import pty
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from analysis import layout_process
from analysis.atlas.cells import owners
from analysis.atlas.reading import Atlas, opened
from analysis.atlas.usual import evened, usual_effects
from analysis.models import load
from analysis.photos import samples
from analysis.projection import LayoutRequest
from cache.atlas import Folder, atlases
from cache.errors import UserError
from dashboard.cli import main
from tests.cache.test_full_disk import only_small_files
from tests.dashboard.browser import wait_until
from tests.dashboard.desk import Desk, one_line
from tests.dashboard.made_up import with_pictures

LAYER, POINTS, SIDES = "features.12", 300, [5, 10]
EACH = -(-POINTS // len(samples().pictures))  # places of each sample photograph
SMALL = ("--model", "net.py:make", "--layer", "2", "--images", "pics", "--layout", "pca")


def printed(*words: object) -> str:
    """What the command prints when all is well."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([str(w) for w in words]) == 0
    return out.getvalue()


def document(*words: object) -> Any:
    return json.loads(printed(*words, "--json"))


# ---- on the sample photographs ----


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("atlas") / "c"


@pytest.fixture(scope="module")
def built(cache: Path) -> Any:
    """What a build says of itself: laid flat, which takes no time."""
    grids = ",".join(map(str, SIDES))
    words = ["--points", POINTS, "--grids", grids, "--layout", "pca", "--cache", cache]
    return document("atlas", "build", "--layer", LAYER, *words)


@pytest.fixture(scope="module")
def atlas(cache: Path, built: Any) -> Atlas:
    return opened(cache, built["key"])


def test_the_figures_are_measured(built: Any, atlas: Atlas) -> None:
    assert (built["layer"], built["model"]) == (LAYER, "squeezenet1_1")
    assert (built["pictures"], built["skipped"]) == (len(samples().pictures), [])
    assert built["points"] == EACH * built["pictures"] == len(atlas.points)
    vectors = atlas.vectors.all(np.float32)
    flat = PCA(2).fit_transform(vectors)
    for name, points in (("trust", atlas.points), ("pca", flat)):
        expected = trustworthiness(vectors, points, n_neighbors=15, metric="cosine")
        # which ranks those that are equally near by chance
        assert built["quality"][name] == pytest.approx(expected, abs=0.01)
    assert [grid["side"] for grid in built["grids"]] == SIDES
    for grid in built["grids"]:
        own = cosines(atlas, grid["side"], vectors)
        assert grid["cells"] == grid["icons"] == len(own)
        assert grid["alike"] == pytest.approx(np.mean(own), abs=1e-3)
        assert 0 < grid["at_random"] < grid["alike"] < 1
        assert -1 <= grid["icon_cosine"] <= 1
        assert 0 <= grid["icons_at_home"] <= 1
    assert built["bytes"] == sum(p.stat().st_size for p in files(Path(built["folder"])))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def cosines(atlas: Atlas, side: int, vectors: np.ndarray) -> list[float]:
    """Of every cell the mean cosine of its samples to their mean, from the points alone."""
    col, row = owners(atlas.points, atlas.box, side)
    found = []
    for place in sorted({*zip(row.tolist(), col.tolist(), strict=True)}):
        mine = vectors[(row == place[0]) & (col == place[1])]
        if len(mine) >= 6 or min(place) < 0 or max(place) >= side:
            mean = mine.mean(axis=0)
            length = np.linalg.norm(mine, axis=1) * np.linalg.norm(mean)
            found.append(float((mine @ mean / length).mean()))
    return found


def test_it_is_found_again_by_key_and_by_layer(cache: Path, built: Any) -> None:
    figures = {name: value for name, value in built.items() if name != "seconds"}
    asked = ("atlas", "info", "--cache", cache)
    assert document(*asked, built["key"][:6]) == figures  # the key may stand behind the options
    assert document(*asked, "--layer", LAYER) == figures
    assert figures in document(*asked)
    lines = printed(*asked, built["key"])
    for number in (built["quality"]["trust"], built["grids"][0]["icon_cosine"]):
        assert f"{number:.3f}" in lines
    assert f"{built['points']} places of {built['pictures']} pictures" in lines
    row = next(r for r in printed(*asked).splitlines() if r.startswith(built["key"][:12]))
    assert LAYER in row
    assert "all classes" in row


def test_a_finished_build_is_not_made_again(cache: Path, built: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in files(cache)}
    words = ["--points", POINTS, "--grids", "5,10", "--layout", "pca", "--cache", cache]
    again = document("atlas", "build", "--layer", LAYER, *words)
    assert {path: path.stat().st_mtime_ns for path in files(cache)} == before
    assert again["key"] == built["key"]


def test_an_export_has_every_cell_and_every_sample(
    cache: Path, built: Any, atlas: Atlas, tmp_path: Path
) -> None:
    asked = ("atlas", "export", "--cache", cache, "--layer", LAYER, "-o", tmp_path / "out")
    written = document(*asked)
    assert sorted(Path(f).name for f in written["files"]) == [
        "cells.json", "mosaic-10.webp", "mosaic-5.webp", "samples.csv",
    ]  # fmt: skip
    whole = json.loads((tmp_path / "out" / "cells.json").read_text("utf-8"))
    assert (whole["key"], whole["layer"]) == (built["key"], LAYER)
    names = load("squeezenet1_1").categories.names
    for grid in whole["grids"]:
        side, size = grid["side"], grid["icon"]
        cells = atlas.cells(side)
        mosaic = np.asarray(Image.open(tmp_path / "out" / f"mosaic-{side}.webp"))
        assert mosaic.shape[1] == side * size
        for i, cell in enumerate(grid["cells"]):
            assert (cell["col"], cell["row"]) == (cells.col[i], cells.row[i])
            first = cell["classes"][0]
            assert first["index"] == int(cells.effects[i].argmax())
            assert first["class"] == names[first["index"]]
            assert first["effect"] == pytest.approx(cells.effects[i].max(), abs=1e-3)
            shows_the_icon(mosaic, cell, size, atlas, side, i)


def shows_the_icon(
    mosaic: np.ndarray, cell: Any, size: int, atlas: Atlas, side: int, number: int
) -> None:
    x, y = cell["at"]
    if max(cell["col"], cell["row"]) < side and min(cell["col"], cell["row"]) >= 0:
        assert (x, y) == (cell["col"] * size, cell["row"] * size)
    order = np.argsort(-atlas.cells(side).count, kind="stable")
    batch, at = divmod(int(np.flatnonzero(order == number)[0]), 16)
    icon = atlas.icons(side).part(batch, "images")[at].astype(float)
    shown = mosaic[y : y + size, x : x + size].astype(float)
    assert np.abs(shown - icon).mean() < 12  # a lossy picture of it


def test_the_samples_are_where_the_network_was_looked_at(
    cache: Path, built: Any, atlas: Atlas, tmp_path: Path
) -> None:
    printed("atlas", "export", built["key"], "-o", tmp_path / "out", "--cache", cache)
    with (tmp_path / "out" / "samples.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:7] == ["picture", "row", "col", "label", "said", "x", "y"]
    assert len(rows) == built["points"]
    first = [row for row in rows if row["picture"] == "Grace Hopper"]
    assert len(first) == EACH
    assert {(row["label"], row["said"]) for row in first} == {("military uniform", "bow tie")}
    classifier = load("squeezenet1_1")
    picture = samples().pictures[0].decode(min_side=classifier.resize)
    seen = classifier.module.features[:13](classifier.tensor(classifier.pixels(picture)))[0]
    for row, vector in zip(first, atlas.vectors[range(EACH)], strict=True):
        place = int(row["row"]), int(row["col"])
        assert 1 <= min(place) <= max(place) <= 11  # never on the border
        expected = seen[:, place[0], place[1]].detach().numpy()
        assert vector == pytest.approx(expected, rel=2e-2, abs=2e-2)


def test_the_atlas_of_a_class_and_of_two(cache: Path, built: Any) -> None:
    words = ["--points", POINTS, "--grids", 4, "--layout", "pca", "--cache", cache]
    of = ["atlas", "build", "--layer", LAYER, *words, "--class"]
    one, two = document(*of, "bow tie"), document(*of, 457, "--rather-than", 652)
    assert (one["classes"], two["classes"]) == ([457], [457, 652])
    assert len({one["key"], two["key"], built["key"]}) == 3
    assert len(list((cache / "sweeps").iterdir())) == 1, "all are made of the same samples"
    single, pair = opened(cache, one["key"]), opened(cache, two["key"])
    columns = (single.shards.column(name) for name in ("vectors", "effects"))
    usual = usual_effects(*columns, [457, 652])
    assert single.rows.tolist() == np.flatnonzero(usual[:, 0] > 0).tolist()
    assert one["points"] < built["points"]
    assert pair.rows.tolist() == np.flatnonzero((usual > 0).any(axis=1)).tolist()
    rather = evened(usual[pair.rows] @ [1, -1])
    assert pair.points[:, 0] == pytest.approx(rather, abs=1e-5)
    asked = ("atlas", "info", "--cache", cache, "--layer", LAYER)
    assert document(*asked)["key"] == built["key"]
    assert document(*asked, "--class", 457)["key"] == one["key"]
    assert document(*asked, "--class", 457, "--rather-than", 652)["key"] == two["key"]
    assert "class 457 rather than class 652" in printed("atlas", "info", "--cache", cache)


def test_only_its_own_network_can_name_its_classes(
    cache: Path, built: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    desk = Desk(tmp_path)
    monkeypatch.chdir(desk.folder)
    words = ["atlas", "export", built["key"], "-o", "out", "--cache", str(cache)]
    code = main([*words, "--model", "net.py:make"])
    assert "this atlas is of squeezenet1_1" in one_line(code, *capsys.readouterr())
    assert not (desk.folder / "out").exists()


@pytest.mark.slow
def test_laid_out_by_neighbours_it_is_truer_than_flat(cache: Path) -> None:
    words = ["--points", 1000, "--grids", 5, "--cache", cache]
    found = document("atlas", "build", "--layer", LAYER, *words)
    assert found["layout"]["method"] == "umap"
    assert found["quality"]["trust"] > found["quality"]["pca"]
    assert "laid out by umap (cosine, 50 neighbours, seed 0" in printed(
        "atlas", "info", found["key"], "--cache", cache
    )


# ---- on a small network ----


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the small network, 50 pictures and an atlas of them in the cache ``c``."""
    desk = with_pictures(tmp_path_factory.mktemp("small"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk.folder)
        printed("atlas", "build", *SMALL, "--points", 1000, "--grids", "5", "--cache", "c")
    return desk.folder


@pytest.fixture
def here(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to stand in."""
    shutil.copytree(small, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NEURONSCOPE_CACHE", str(tmp_path / "here" / "c"))
    return tmp_path / "here"


def only(here: Path) -> Folder:
    (folder,) = atlases(here / "c")
    return folder


def test_fifty_pictures_will_do_and_broken_ones_are_listed(here: Path) -> None:
    found = document("atlas", "info")[0]
    assert (found["pictures"], found["points"]) == (50, 1000)
    assert found["skipped"] == ["broken.png", "empty.jpg"]
    lines = printed("atlas", "info", found["key"]).splitlines()
    assert lines[-5:-2] == ["Cannot be read and left out: 2", "broken.png", "empty.jpg"]
    assert found["title"] == "pics", "the samples are no part of it"


def test_an_ended_build_says_so_and_goes_on(small: Path, tmp_path: Path) -> None:
    desk = with_pictures(tmp_path)
    words = ["atlas", "build", *SMALL, "--points", "2000", "--grids", "20", "--cache", "k"]
    drawn = desk.folder / "k" / "atlases"
    with desk.start(*words) as process:
        wait_until(lambda: list(drawn.glob("*/icons-20.*/*.judged.npy")), "icons", seconds=120)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "ended; what stands is kept, and the same command goes on"
    kept = {path: path.stat().st_mtime_ns for path in files(drawn) if ".draft" not in path.name}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk.folder)
        found = document(*words)
    (grid,) = found["grids"]
    assert grid["icons"] == grid["cells"] > 16
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(files(drawn)) > len(kept)


def test_somebody_who_watches_sees_the_phases(small: Path, tmp_path: Path) -> None:
    desk = with_pictures(tmp_path, 20)
    watched, screen = pty.openpty()
    words = ["atlas", "build", *SMALL, "--points", "400", "--grids", "4"]
    with desk.start(*words, stderr=screen) as process:
        os.close(screen)
        seen = everything(watched)
    assert process.returncode == 0
    for phase in ("looking at pictures: 21 of 21", "laying the map out: ", "drawing icons, 4 x 4"):
        assert phase in seen
    assert seen.count("\n") < 12, "a phase is one line that is written over"


def everything(descriptor: int) -> str:
    found = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            part = b""
        if not part:
            os.close(descriptor)
            return found.decode("utf-8", "replace")
        found += part


def test_a_full_disk(small: Path, tmp_path: Path) -> None:
    desk = with_pictures(tmp_path)

    def small_files_only() -> None:  # a disk on which no more than 4 KB fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))

    line = one_line(*desk.run("atlas", "build", *SMALL, "--points", 1000, "--grids", 5,
                              preexec_fn=small_files_only))  # fmt: skip
    assert "the disk is full, nothing more fits into" in line
    assert "name another folder with --cache DIR" in line
    assert not [path for path in files(desk.folder / "c") if ".draft" in path.name]


def test_no_room_to_lay_it_out() -> None:
    refused = pytest.raises(UserError, match=r"the disk is full.*name another folder with TMPDIR")
    with only_small_files(4_000), refused:
        next(layout_process.steps(np.ones((1000, 4)), LayoutRequest(method="pca")))


def test_a_damaged_atlas_does_not_hide_the_others(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = only(here)
    printed("atlas", "build", *SMALL, "--points", 500, "--grids", 4)
    whole = folder.path("layout", "arrays").read_bytes()
    folder.path("layout", "arrays").write_bytes(whole[:-100])
    listed = document("atlas", "info")
    assert len(listed) == 2
    (damaged,) = [one for one in listed if "damaged" in one]
    assert damaged["key"] == folder.key
    assert "is damaged" in printed("atlas", "info").splitlines()[-1]
    code = main(["atlas", "info", folder.key])
    assert "build the atlas again" in one_line(code, *capsys.readouterr())


def test_samples_that_are_gone_are_taken_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = only(here).key
    shutil.rmtree(here / "c" / "sweeps")
    assert document("atlas", "info", key)["points"] == 1000, "its figures stand"
    words = ["atlas", "export", key, "-o", "out", "--model", "net.py:make"]
    assert "build it again" in one_line(main(words), *capsys.readouterr())
    layout = only(here).read("layout", "arrays")
    printed("atlas", "build", *SMALL, "--points", 1000, "--grids", 5)
    assert only(here).read("layout", "arrays") == layout
    printed(*words)
    assert (here / "out" / "samples.csv").is_file()


def test_the_cache_knows_of_them(here: Path) -> None:
    before = document("cache", "info")
    atlas_bytes = sum(path.stat().st_size for path in files(here / "c" / "atlases"))
    sweep_bytes = sum(path.stat().st_size for path in files(here / "c" / "sweeps"))
    assert (before["atlases"], before["atlas_bytes"]) == (1, atlas_bytes)
    assert (before["sweeps"], before["sweep_bytes"]) == (1, sweep_bytes)
    assert document("cache", "export", "c.zip")["atlases_left_out"] == 1
    gone = document("cache", "clear")
    assert (gone["removed_atlases"], gone["removed_sweep_bytes"]) == (1, sweep_bytes)
    after = document("cache", "info")
    assert (after["atlases"], after["atlas_bytes"], after["sweeps"]) == (0, 0, 0)
    assert document("atlas", "info") == []
    assert "no atlas yet" in printed("atlas", "info")


OF = ["atlas", "build", "--layer", "2", "--images", "pics"]
MENDED: list[tuple[list[str], str]] = [
    (["atlas"], "required: action"),
    (["atlas", "draw"], "invalid choice: 'draw'"),
    (["atlas", "build"], "name the layer with --layer"),
    (["atlas", "build", "abc", "--layer", "2"], "takes no KEY"),
    (["atlas", "build", "--layer", "22"], "nearest: 2"),
    (["atlas", "build", "--layer", "6"], "has no grid"),
    (["atlas", "build", "--layer", "4"], "is all border"),
    ([*OF, "--grids", "200"], "a grid of 200 is out of range: 2 to 160"),
    ([*OF, "--grids", "1"], "a grid of 1 is out of range"),
    ([*OF, "--grids", "20;40"], "'20;40' is no whole number"),
    ([*OF, "--points", "0"], "out of range"),
    ([*OF, "--layout", "tsne"], "invalid choice: 'tsne'"),
    ([*OF, "--class", "3"], "out of range"),
    ([*OF, "--class", "wasp"], "no class 'wasp'"),
    ([*OF, "--class", "bee", "--rather-than", "1"], "the same class"),
    ([*OF, "--rather-than", "1"], "--rather-than goes with --class"),
    ([*OF, "-o", "x"], "atlas build does not take -o"),
    (["atlas", "build", "--layer", "2", "--images", "none"], "there are no pictures in none"),
    (["atlas", "build", "--layer", "2", "--images", "hollow"], "no picture of hollow can be read"),
    (["atlas", "build", "--layer", "2", "--images", "bad"], "none of these pictures can be read"),
    (["atlas", "build", "--layer", "2", "--images", "one", "--points", "1"], "too few for a map"),
    (["atlas", "build", "--layer", "2", "--labels", "l.csv"], "name that folder as well"),
    (["atlas", "info", "0123"], "no atlas has the key '0123'"),
    (["atlas", "info", "--layer", "3"], "there is no atlas of 3 yet"),
    (["atlas", "info", "--layer", "2", "--class", "1"], "no atlas of 2 of these classes yet"),
    (["atlas", "info", "0123", "--layer", "2"], "leave --layer out"),
    (["atlas", "info", "--class", "1"], "name the layer with --layer"),
    (["atlas", "info", "--points", "9"], "atlas info does not take --points"),
    (["atlas", "export"], "with -o DIR"),
    (["atlas", "export", "0123", "-o", "x"], "no atlas has the key"),
    (["atlas", "export", "-o", "net.py"], "'net.py' is a file"),
    (["atlas", "export", "-o", "no/x"], "there is no folder 'no'"),
    (["atlas", "export", "-o", "x", "--cache", "empty"], "there is no atlas yet"),
    (["atlas", "info", "a", "b"], "atlas does not know 'b'"),
]


@pytest.mark.parametrize(("args", "words"), MENDED, ids=[" ".join(a) for a, _ in MENDED])
def test_one_plain_line(
    here: Path, args: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("none", "hollow", "bad", "one"):
        (here / name).mkdir()
    (here / "hollow" / "a.png").write_bytes(b"")
    (here / "bad" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    shutil.copy(here / "pics" / "00.png", here / "one")
    code = main([*args, "--model", "net.py:make"])
    assert words in one_line(code, *capsys.readouterr())
    assert not (here / "x").exists()
