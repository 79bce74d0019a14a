"""The pack's form: what is written is read back, and what is damaged is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cache.errors import UserError
from cache.reference import Reference
from cache.starter import CLASSES, MANIFEST, Pack, pack_bytes, read_pack

REFERENCE = Reference(
    pictures=5,
    counts=np.array([[0, 2, 3, 0], [5, 0, 0, 0]], np.uint16),
    low=np.zeros(2, np.float32),
    high=np.array([8, 1], np.float32),
    maximum=np.array([5.5, 0], np.float32),
    mean=np.array([3, 0], np.float32),
    sd=np.array([1, 0], np.float32),
    strongest=np.array([4, 0], np.uint16),
    widest=np.array([2, 0], np.float32),
    classes=np.array([[7, 1], [1, 7]], np.uint16),
    class_means=np.array([[4, 1], [0, 0]], np.float16),
    class_pictures=np.array([[4, 1], [1, 4]], np.uint16),
    selectivity=np.array([0.6, 0], np.float16),
    names=("mostly bee, ant lion", ""),
)


def files() -> dict[str, bytes]:
    """Two neurons, of which the second was not drawn, and one class."""
    manifest = {"fingerprint": "f" * 64, "seed": 0, "reference": {"pictures": 5}}
    numbers = {
        "reached": np.array([2.5, 0], np.float32),
        "peak": np.array([7, 0], np.float32),
        "dead": np.array([1, 0], np.uint8),
        "steps": np.array([96, 0], np.uint16),
    }
    one = {name: numbers[name][:1] for name in ("reached", "dead", "steps")}
    layers = {
        "a.1": ({"reference": True}, [b"RIFF-one", b""], {**numbers, **REFERENCE.arrays()}),
        CLASSES: ({"reference": False}, [b"RIFF-class"], one),
    }
    return pack_bytes(manifest, layers)


def written(folder: Path, **changed: bytes) -> Path:
    for name, data in {**files(), **changed}.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return read_pack(written(tmp_path))


def test_pictures_and_their_numbers_come_back(pack: Pack) -> None:
    found = pack.picture("a.1", 0)
    assert found is not None
    assert (found.data, found.reached, found.peak) == (b"RIFF-one", 2.5, 7.0)
    assert (found.dead, found.steps) == (True, 96)
    shown = pack.picture(CLASSES, 0)
    assert shown is not None
    assert (shown.data, shown.peak) == (b"RIFF-class", None)
    assert pack.parts["a.1"].drawn == [0]
    assert pack.parts["a.1"].dead == [0]


@pytest.mark.parametrize(("layer", "unit"), [("a.1", 1), ("a.1", 2), ("a.1", -1), ("b", 0)])
def test_what_was_not_drawn_is_none(pack: Pack, layer: str, unit: int) -> None:
    assert pack.picture(layer, unit) is None


def test_reference_numbers_come_back(pack: Pack) -> None:
    found = pack.reference("a.1")
    assert found is not None
    assert (found.pictures, found.names) == (5, REFERENCE.names)
    for name, array in REFERENCE.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)
    edges, counts = found.histogram(0)
    assert edges.tolist() == [2, 4, 6]
    assert counts.tolist() == [2, 3]
    assert found.histogram(1)[1].tolist() == [5]
    assert pack.reference(CLASSES) is None
    assert pack.reference("b") is None


def test_the_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = read_pack(written(tmp_path / "a"))
    other = pack_bytes({**first.manifest, "seed": 1}, {})
    for name, data in other.items():
        (tmp_path / "b" / name).write_bytes(data)
    assert len(first.digest) == 20
    assert first.digest != read_pack(tmp_path / "b").digest


def _manifest(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        document = json.loads((folder / MANIFEST).read_text())
        change(document)
        (folder / MANIFEST).write_text(json.dumps(document))

    return damage


def _flip(folder: Path) -> None:
    data = bytearray((folder / "a.1.pictures").read_bytes())
    data[3] ^= 1
    (folder / "a.1.pictures").write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": _flip,
    "cut off": lambda f: (f / "a.1.safetensors").write_bytes(files()["a.1.safetensors"][:-9]),
    "a file gone": lambda f: (f / "a.1.pictures").unlink(),
    "no JSON": lambda f: (f / MANIFEST).write_text("{"),
    "another JSON": lambda f: (f / MANIFEST).write_text("[1, 2]"),
    "a folder in its place": lambda f: (
        (f / "a.1.pictures").unlink(),
        (f / "a.1.pictures").mkdir(),
    ),
    "another version": _manifest(lambda d: d.update(version=99)),
    "no files": _manifest(lambda d: d.pop("files")),
    "a path out of it": _manifest(
        lambda d: d["files"].update({"../x": {"bytes": 1, "sha256": "0"}})  # type: ignore[attr-defined]
    ),
    "fewer units": _manifest(lambda d: d["layers"]["a.1"].update(units=1)),  # type: ignore[index]
    "no reference": _manifest(lambda d: d.pop("reference")),
    "numbers wanted of a class": _manifest(
        lambda d: d["layers"][CLASSES].update(reference=True)  # type: ignore[index]
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_pack_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    DAMAGES[name](written(tmp_path))
    with pytest.raises(UserError) as refused:
        read_pack(tmp_path)
    assert "\n" not in str(refused.value)
    assert "make starter" in str(refused.value)


def test_an_absent_pack_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no starter pack"):
        read_pack(tmp_path / "none")
