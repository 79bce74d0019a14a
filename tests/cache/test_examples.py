"""The folder of networks that ship as examples: what is written is read, what is damaged is not."""

import json
from pathlib import Path

import numpy as np
import pytest

from cache.errors import UserError
from cache.examples import MANIFEST, examples_bytes, read_example

WEIGHTS = {"conv.weight": np.array([[0.1, -2.5]], np.float32), "conv.bias": np.zeros(1, np.float32)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in examples_bytes({"toy": ({"seed": 3}, WEIGHTS)}).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_there_and_back_in_half_precision(folder: Path) -> None:
    found = read_example(folder, "toy")
    assert found.about["seed"] == 3
    assert {k: v.dtype for k, v in found.weights.items()} == dict.fromkeys(WEIGHTS, np.float32)
    np.testing.assert_array_equal(
        found.weights["conv.weight"], np.array([[0.1, -2.5]], np.float16).astype(np.float32)
    )


def test_the_bytes_are_the_same_every_time() -> None:
    one, two = (examples_bytes({"toy": ({"seed": 3}, WEIGHTS)}) for _ in range(2))
    assert one == two
    assert list(one)[-1] == MANIFEST


def test_what_is_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="damaged"):
        read_example(folder, "another")
    with pytest.raises(UserError, match=r"there is no toy .* `make planted` makes it"):
        read_example(tmp_path / "nowhere", "toy")
    (folder / "toy.safetensors").unlink()
    with pytest.raises(UserError, match="there is no toy"):
        read_example(folder, "toy")


def test_what_is_damaged(folder: Path) -> None:
    data = bytearray((folder / "toy.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "toy.safetensors").write_bytes(data)
    with pytest.raises(UserError, match=r"not as it was made.*install neuronscope again"):
        read_example(folder, "toy")


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "another", "version": 1}', "{}"])
def test_a_manifest_that_is_none(text: str, folder: Path) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(UserError) as caught:
        read_example(folder, "toy")
    assert "\n" not in str(caught.value)


def test_another_version(folder: Path) -> None:
    whole = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**whole, "version": 2}))
    with pytest.raises(UserError, match="another version"):
        read_example(folder, "toy")
