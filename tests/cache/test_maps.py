"""The maps that ship: what is packed comes back, and what was spoiled is not taken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache import maps
from cache.errors import UserError
from cache.maps import (
    PLAIN,
    STEPS,
    ShippedMap,
    available_maps,
    maps_bytes,
    packed,
    read_maps,
    unpacked,
)
from cache.mosaics import mosaic, webp


def grid(count: int = 5, channels: int = 7, classes: int = 11) -> dict[str, Any]:
    draws = np.random.default_rng(0)
    plain = {name: np.arange(count, dtype=np.float32) for name in PLAIN}
    plain |= {"col": np.arange(count, dtype=np.int32), "row": np.zeros(count, np.int32)}
    return {
        **plain, "effects": draws.normal(size=(count, classes)).astype(np.float32),
        "means": draws.random((count, channels)).astype(np.float32),
    }  # fmt: skip


def icons(count: int = 5, side: int = 16) -> np.ndarray[Any, Any]:
    images = np.zeros((count, side, side, 3), np.uint8)
    images[:] = (np.arange(count) * 50)[:, None, None, None]
    return images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    about = {"channels": 7, "class_count": 11, "grid": [4, 4]}
    layer = (about, {3: grid()}, {3: webp(mosaic(icons()), quality=90)})
    for name, data in maps_bytes({"model": "net", "fingerprint": "f"}, {"a.b": layer}).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_rows_come_back_in_steps_of_their_largest() -> None:
    values = np.array([[0, 1, -2], [0.5, 0.25, 0], [0, 0, 0]], np.float32)
    kept = packed(values)
    back = unpacked(kept["steps"], kept["largest"], 3)
    assert np.abs(back - values).max(axis=1) == pytest.approx([0.5 * 2 / STEPS] * 3, abs=2 / STEPS)
    assert back[0, 2] == -2
    assert back[1, 0] == 0.5
    assert not back[2].any()


def test_a_map_comes_back(folder: Path) -> None:
    found = read_maps(folder)["a.b"]
    assert found.about["layer"] == "a.b"
    assert found.about["fingerprint"] == "f"
    given = grid()
    np.testing.assert_array_equal(found.grids[3]["count"], given["count"])
    for part in ("effects", "means"):
        step = np.abs(given[part]).max(axis=1, keepdims=True) / STEPS
        assert (np.abs(found.grids[3][part] - given[part]) <= 0.5 * step + 1e-6).all()
    assert np.abs(found.images(3).astype(int) - icons()).max() < 6
    assert len(found.images(3)) == 5


def test_its_name_is_its_content(folder: Path) -> None:
    digest = read_maps(folder)["a.b"].digest
    assert digest == read_maps(folder)["a.b"].digest
    assert isinstance(read_maps(folder)["a.b"], ShippedMap)


def _no_bytes(folder: Path) -> None:
    (folder / "a.b.safetensors").write_bytes(b"")


def _gone(folder: Path) -> None:
    (folder / "a.b-3.webp").unlink()


def _other_version(folder: Path) -> None:
    text = json.loads((folder / maps.MANIFEST).read_text())
    (folder / maps.MANIFEST).write_text(json.dumps({**text, "version": 99}))


def _climbs_out(folder: Path) -> None:
    text = json.loads((folder / maps.MANIFEST).read_text())
    text["files"]["../../etc/passwd"] = {"bytes": 1, "sha256": ""}
    (folder / maps.MANIFEST).write_text(json.dumps(text))


@pytest.mark.parametrize("spoil", [_no_bytes, _gone, _other_version, _climbs_out])
def test_what_is_spoiled_is_told_and_not_taken(folder: Path, spoil: Any) -> None:
    spoil(folder)
    with pytest.raises(UserError, match=r"make starter|install neuronscope"):
        read_maps(folder)
    assert available_maps(folder) == {}


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert available_maps(tmp_path / "nothing") == {}
