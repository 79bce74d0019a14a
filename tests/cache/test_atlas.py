"""The folder of an atlas: parts that appear whole or not at all, and errors in one line."""

import os
from pathlib import Path

import numpy as np
import pytest

from cache.atlas import (
    LAYOUT,
    MANIFEST,
    Folder,
    atlas_folder,
    atlases,
    remove_all,
    sweep_folder,
    totals,
)
from cache.errors import UserError

KEYS = ["a" * 64, "b" * 64, "c" * 64]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return atlas_folder(tmp_path, KEYS[0])


def test_what_is_put_is_there(folder: Folder) -> None:
    arrays = {"points": np.arange(6, dtype=np.float32).reshape(3, 2), "none": np.zeros((0, 4))}
    assert not folder.has("layout")
    folder.put("layout", "arrays", arrays)
    folder.put(MANIFEST, "json", {"layer": "features.12", "box": [0.5, 1]})
    image = np.full((8, 6, 3), 200, np.uint8)
    folder.put("20", "webp", image)
    assert folder.has("layout")
    assert folder.has("20", "webp")
    assert not folder.has("20", "json")
    found = folder.get("layout")
    assert {name: a.tolist() for name, a in found.items()} == {
        name: a.tolist() for name, a in arrays.items()
    }
    assert found["none"].shape == (0, 4)
    assert folder.get(MANIFEST, "json") == {"layer": "features.12", "box": [0.5, 1]}
    assert np.abs(folder.get("20", "webp").astype(int) - image).max() <= 2
    assert folder.key == KEYS[0]
    assert folder.size() == sum(p.stat().st_size for p in folder.root.iterdir())


def test_parts_may_lie_deeper(folder: Folder) -> None:
    folder.put_bytes("tiles/20/0/1", "webp", b"as it is")
    assert folder.read("tiles/20/0/1", "webp") == b"as it is"


def test_a_part_that_is_missing_is_told_in_one_line(folder: Folder) -> None:
    with pytest.raises(UserError, match="has no layout: build it again") as error:
        folder.get("layout")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind"), [("layout", "arrays"), (MANIFEST, "json"), ("20", "webp")]
)
def test_a_part_that_is_damaged_is_told_in_one_line(folder: Folder, name: str, kind: str) -> None:
    folder.put_bytes(name, kind, b"\x00\x01 half of")
    with pytest.raises(UserError, match="is damaged") as error:
        folder.get(name, kind)
    assert f"remove the folder {folder.root}" in str(error.value)


def test_leftovers_of_a_dead_writer_are_removed(folder: Folder) -> None:
    folder.put_bytes("icons-20/a", "json", b"1")
    left = folder.root / "icons-20" / ".b.json.0badcafe.draft"
    left.write_bytes(b"half")
    folder.tidy()
    assert not left.exists()
    assert folder.has("icons-20/a", "json")
    Folder(folder.root / "nowhere").tidy()


def test_all_of_them_are_counted_and_taken_away(folder: Folder, tmp_path: Path) -> None:
    folder.put(MANIFEST, "json", {})
    rows = sweep_folder(tmp_path, KEYS[1])
    rows.mkdir(parents=True)
    (rows / "00000.samples.npy").write_bytes(b"0" * 70)
    found = {"atlases": 1, "atlas_bytes": 2, "sweeps": 1, "sweep_bytes": 70}
    found |= {"evaluations": 0, "evaluation_bytes": 0}
    assert totals(tmp_path) == found
    assert remove_all(tmp_path) == found
    assert not folder.root.exists()
    assert not rows.exists()
    assert set(remove_all(tmp_path).values()) == {0}


def test_a_folder_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "atlases").write_text("no folder")
    with pytest.raises(UserError, match="--cache DIR"):
        atlas_folder(tmp_path, KEYS[0]).put(MANIFEST, "json", {})


@pytest.mark.parametrize("key", ["", "..", "a" * 63, "a/" + "b" * 62, "A" * 64])
def test_only_keys_are_part_of_a_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        atlas_folder(tmp_path, key)
    with pytest.raises(ValueError, match="not a key"):
        sweep_folder(tmp_path, key)


def test_atlases_are_listed_the_newest_first(tmp_path: Path) -> None:
    assert list(atlases(tmp_path)) == []
    for age, key in ((30, KEYS[1]), (10, KEYS[0]), (20, KEYS[2])):
        folder = atlas_folder(tmp_path, key)
        folder.put(MANIFEST, "json", {})
        folder.put(LAYOUT, "arrays", {"points": np.zeros((1, 2))})
        then = folder.path(MANIFEST, "json").stat().st_mtime_ns - age * 10**9
        os.utime(folder.path(MANIFEST, "json"), ns=(then, then))
    (tmp_path / "atlases" / ("d" * 64)).mkdir()  # begun, and killed before anything was there
    atlas_folder(tmp_path, "e" * 64).put(MANIFEST, "json", {})  # killed before it was laid out
    (tmp_path / "atlases" / "notes").mkdir()
    assert [folder.key for folder in atlases(tmp_path)] == [KEYS[0], KEYS[2], KEYS[1]]
