"""Names that a person gave."""

import json
import threading
from pathlib import Path

import pytest

from cache.errors import UserError
from cache.names import FILE, LONGEST, LONGEST_FILE, Names, read_names


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path)


def test_a_name_is_kept_for_its_network_layer_and_neuron(names: Names, tmp_path: Path) -> None:
    assert names.of("a", "conv") == {}
    assert not names.path.exists()  # looking leaves nothing behind
    assert names.set("a", "conv", 7, "  floppy\near ") == "floppy ear"
    assert Names(tmp_path).of("a", "conv") == {7: "floppy ear"}
    assert names.of("b", "conv") == {}
    assert names.of("a", "relu") == {}
    names.set("a", "conv", 7, "snout")
    assert names.of("a", "conv") == {7: "snout"}
    names.set("a", "conv", 7, " ")
    assert names.of("a", "conv") == {}


def test_a_name_is_one_short_line(names: Names) -> None:
    assert names.set("a", "conv", 1, "x" * 500) == "x" * LONGEST
    assert names.set("a", "conv", 1, "a\x00\u202eb\u200b") == "a b"


def test_names_travel_as_json(names: Names, tmp_path: Path) -> None:
    names.set("a", "conv", 7, "ear")
    names.set("a", "conv2", 10, "caf\u00e9")
    names.set("b", "conv", 1, "other")
    document = json.loads(json.dumps(names.export("a")))
    assert document["names"] == {"conv": {"7": "ear"}, "conv2": {"10": "caf\u00e9"}}
    other = Names(tmp_path / "other")
    other.set("c", "conv", 7, "mine")
    other.set("c", "conv", 8, "stays")
    assert other.import_("c", document) == 2
    assert other.of("c", "conv") == {7: "ear", 8: "stays"}


@pytest.mark.parametrize(
    "document",
    [
        [], {}, {"format": "x"}, {"format": "neuronscope names", "names": {"conv": 3}},
        {"format": "neuronscope names", "names": {"conv": {"1": "a", "x": "b"}}},
        {"format": "neuronscope names", "names": {"conv": {"1": 2}}},
    ],
)  # fmt: skip
def test_what_is_no_list_of_names_changes_nothing(names: Names, document: object) -> None:
    names.set("a", "conv", 1, "mine")
    with pytest.raises(UserError, match="no file of names"):
        names.import_("a", document)
    assert names.of("a", "conv") == {1: "mine"}


def test_files_that_cannot_be_used_say_so(names: Names, tmp_path: Path) -> None:
    deep, large = b"[" * 100_000, b" " * (LONGEST_FILE + 1)
    for data, said in (
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (deep, "no JSON"),
        (large, "large"),
    ):
        with pytest.raises(UserError, match=said):
            read_names(data)
    document = names.export("a")
    assert read_names(json.dumps(document).encode()) == document
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match=r"names\.sqlite"):
        names.of("a", "conv")


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    def write(first: int) -> None:
        mine = Names(tmp_path)
        for unit in range(first, first + 20):
            mine.set("a", "conv", unit, str(unit))

    threads = [threading.Thread(target=write, args=(20 * i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert Names(tmp_path).of("a", "conv") == {i: str(i) for i in range(80)}
