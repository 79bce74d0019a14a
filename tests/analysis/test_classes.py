"""Class names: no two look alike; found by index, name or unique part; labels of photographs."""

import subprocess
import sys

import pytest

from analysis.classes import Categories, Label, imagenet_synsets, plain
from cache.errors import UserError

CRANES = Categories.of(["tench", "crane", "great_grey owl", "Crane", "sea snake", "sea lion"])


def imagenet() -> Categories:
    from analysis.sources import imagenet_names

    return Categories.of(imagenet_names())


def test_no_two_names_look_alike() -> None:
    assert CRANES.names[:4] == ("tench", "crane (1)", "great_grey owl", "Crane (3)")
    shown = [plain(name) for name in imagenet().names]
    assert len(set(shown)) == 1000


def test_imagenets_two_cranes() -> None:
    """Some lists of the names call both "crane", torchvision's newer ones do not."""
    old = list(imagenet().raw)
    old[134] = old[517] = "crane"
    names = Categories.of(old)
    assert (names.names[134], names.names[517]) == ("crane (134)", "crane (517)")
    assert names.names[1] == "goldfish"
    assert names.is_imagenet
    assert names.index_of_label(Label("name", "crane")) is None  # which of the two?
    assert names.index_of_label(Label("name", "crane (517)")) == 517


@pytest.mark.parametrize(
    ("text", "index"),
    [
        (0, 0), ("4", 4), (" 2 ", 2),
        ("tench", 0), ("TENCH", 0), ("Great Grey  Owl", 2), ("great_grey owl", 2),
        ("owl", 2), ("snake", 4), ("crane (1)", 1), ("Crane (3)", 3),
    ],
)  # fmt: skip
def test_found_by_index_name_or_unique_part(text: str | int, index: int) -> None:
    assert CRANES.find(text) == index


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("6", "out of range: this network has 6"),
        ("sea", "sea snake (4), sea lion (5)"),
        ("crane", "crane (1), Crane (3)"),
        ("sea snaek", "nearest: sea snake"),
        ("zzzzzz", "no class 'zzzzzz'"),
        ("", "no class ''"),
        ("-1", "no class '-1'"),
    ],
)
def test_what_cannot_be_found_says_why_in_one_line(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        CRANES.find(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_exact_name_beats_a_part_of_others() -> None:
    both = Categories.of(["tiger cat", "tiger", "tiger shark"])
    assert both.find("tiger") == 1


def test_many_fitting_names_are_cut_short() -> None:
    with pytest.raises(UserError, match=r"and \d+ more; name one of them"):
        imagenet().find("terrier")


def test_networks_without_names_get_numbered_ones() -> None:
    numbered = Categories.numbered(12)
    assert numbered.names[11] == "class 11"
    assert numbered.find("class 1") == 1


def test_labels_of_photographs() -> None:
    names = imagenet()
    assert names.index_of_label(None) is None
    assert names.index_of_label(Label("index", 5)) == 5
    assert names.index_of_label(Label("index", 1000)) is None
    assert names.index_of_label(Label("name", "Goldfish")) == 1
    assert names.index_of_label(Label("synset", "n01443537")) == 1
    assert names.index_of_label(Label("synset", "n99999999")) is None
    assert CRANES.index_of_label(Label("synset", "n01443537")) is None  # not ImageNet's classes


def test_the_synsets_are_those_of_the_sample(shared) -> None:
    import csv

    with (shared / "photos" / "imagenet-sample" / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000
    table = imagenet_synsets()
    assert all(table[row["synset"]] == int(row["class_index"]) for row in rows)


def test_imported_without_torch() -> None:
    code = "import sys, analysis.classes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
