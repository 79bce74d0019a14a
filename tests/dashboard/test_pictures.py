"""Which pictures the page opens with."""

from pathlib import Path

import pytest
from PIL import Image

from analysis import planted
from cache.store import Store
from dashboard.pictures import open_library


@pytest.mark.parametrize("name", planted.NAMES)
def test_a_planted_bug_brings_its_pictures(name: str, tmp_path: Path) -> None:
    library = open_library({"model": name, "images": None}, Store(tmp_path))
    assert [c.name for c in library.collections] == [planted.COLLECTION, "sample photographs"]
    assert library.main.labelled == len(library.main) == planted.SHOWN
    assert library.first() == library.main.pictures[0]
    assert library.find(library.first().key) is library.first()


def test_the_users_folder_goes_first(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "mine.png")
    given = {"model": planted.SQUARE, "images": str(tmp_path), "labels": None}
    names = [c.name for c in open_library(given, Store(tmp_path / "cache")).collections]
    assert names == [tmp_path.name, planted.COLLECTION, "sample photographs"]


def test_another_network_brings_none(tmp_path: Path) -> None:
    for given in ({"model": "squeezenet1_1"}, {}):
        library = open_library(given, Store(tmp_path))
        assert [c.name for c in library.collections] == ["sample photographs"]
