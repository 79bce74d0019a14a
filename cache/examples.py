"""The small networks that ship as examples: a folder of weights in half precision, and of what was
measured when they were made.

``examples.json`` says of each network how it was made and what it reaches, with the size and
SHA-256 of its ``NAME.safetensors``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.codecs import decode, encode
from cache.errors import UserError
from cache.starter import checked

FORMAT, VERSION, MANIFEST = "neuronscope examples", 1, "examples.json"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """A network that ships: what the manifest says of it, and its weights by name, float32."""

    about: Mapping[str, Any]
    weights: Arrays


def shipped_examples() -> Path:
    """Where the networks lie that came with the program."""
    return Path(str(files("cache"))) / "examples"


def examples_bytes(networks: Mapping[str, tuple[Mapping[str, Any], Arrays]]) -> dict[str, bytes]:
    """The files of the folder, ``examples.json`` last. ``networks``: of each what is known of it
    and its weights, which are rounded to half precision."""
    content = {
        f"{name}.safetensors": encode("arrays", {k: half(v) for k, v in weights.items()})[0]
        for name, (_, weights) in networks.items()
    }
    abouts = {}
    for name, (about, _) in networks.items():
        data = content[f"{name}.safetensors"]
        size = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        abouts[name] = {**about, **size}
    whole = {"format": FORMAT, "version": VERSION, "networks": abouts}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    return {**content, MANIFEST: f"{text}\n".encode()}


def half(values: NDArray[Any]) -> NDArray[np.float16]:
    """Rounded as it ships."""
    return values.astype(np.float16)


def read_example(folder: Path, name: str) -> Example:
    """One network of ``folder``, every byte checked. UserError: it is not there, or not as it was
    made."""
    wrong = "install neuronscope again, or run `make planted`"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
            raise UserError(f"the examples in {folder} are of another version: {wrong}")
        about = manifest["networks"][name]
        stored = decode("arrays", checked(folder, f"{name}.safetensors", about), "")
    except FileNotFoundError as error:
        raise UserError(f"there is no {name} in {folder}; `make planted` makes it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"the examples in {folder} are damaged ({error}): {wrong}") from error
    return Example(about, {key: value.astype(np.float32) for key, value in stored.items()})
