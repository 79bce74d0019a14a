"""The starter pack: what ships with the program of the embedded network, and how it is read.

A folder of a few files. For each layer (and for the classes, under the name ``CLASSES``)
``LAYER.pictures`` holds the icons, WebP, back to back, and ``LAYER.safetensors`` the numbers of
every unit: where its picture begins, what it reached, and how the unit answers to the reference
photographs. ``pack.json`` says what all of it was made from, and the size and SHA-256 of every
file. It holds no photograph and no part of one.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.codecs import CodecError, decode, encode
from cache.errors import UserError
from cache.reference import Reference

log = logging.getLogger(__name__)
FORMAT, VERSION = "neuronscope starter pack", 1
MANIFEST = "pack.json"
CLASSES = "classes"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Stored:
    """One unit's picture: WebP bytes; ``reached``: the objective's value, the mean over all
    places; ``peak``: the activation at its strongest place, None for a class; ``steps`` drawn."""

    data: bytes
    reached: float
    peak: float | None
    dead: bool
    steps: int


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """A layer's pictures and numbers. ``about``: what the manifest says of the layer."""

    about: Mapping[str, Any]
    pictures: bytes
    numbers: Arrays

    @property
    def units(self) -> int:
        """How many units the layer has, drawn or not."""
        return len(self.numbers["reached"])

    def picture(self, unit: int) -> Stored | None:
        """A unit's picture; None where it was not drawn, or there is no such unit."""
        if not 0 <= unit < self.units:
            return None
        begin, end = (int(n) for n in self.numbers["begins"][unit : unit + 2])
        if begin == end:
            return None
        found = {name: self.numbers[name][unit].item() for name in ("reached", "dead", "steps")}
        peak = float(self.numbers["peak"][unit]) if "peak" in self.numbers else None
        return Stored(
            self.pictures[begin:end], found["reached"], peak, bool(found["dead"]), found["steps"]
        )

    @cached_property
    def drawn(self) -> list[int]:
        """The units that have a picture."""
        return [int(u) for u in np.flatnonzero(np.diff(self.numbers["begins"].astype(np.int64)))]

    @cached_property
    def dead(self) -> list[int]:
        """Those of them that nothing excites."""
        return [u for u in self.drawn if self.numbers["dead"][u]]


@dataclass(frozen=True, eq=False, repr=False)
class Pack:
    """A pack in memory. ``digest``: names its content, for an address that never changes."""

    manifest: Mapping[str, Any]
    parts: Mapping[str, Part]
    digest: str

    @property
    def fingerprint(self) -> str:
        """Of the network that it was made from."""
        return str(self.manifest["fingerprint"])

    @property
    def seed(self) -> int:
        """Of the pictures."""
        return int(self.manifest["seed"])

    def picture(self, layer: str, unit: int) -> Stored | None:
        """The picture of a neuron, or of a class where ``layer`` is ``CLASSES``."""
        part = self.parts.get(layer)
        return None if part is None else part.picture(unit)

    def reference(self, layer: str) -> Reference | None:
        """How the layer's neurons answer to the reference photographs, where that is known."""
        part, about = self.parts.get(layer), self.manifest["reference"]
        if part is None or about is None or not part.about["reference"]:
            return None
        return Reference.of(part.numbers, pictures=int(about["pictures"]))


def shipped() -> Path:
    """Where the pack lies that came with the program."""
    return Path(str(files("cache"))) / "pack"


def read_pack(folder: Path) -> Pack:
    """The pack in ``folder``, every byte of it checked. UserError, one line: there is none, or it
    is not as it was made."""
    if not (folder / MANIFEST).is_file():
        raise UserError(f"there is no starter pack in {folder}; `make starter` makes one")
    wrong = "install neuronscope again, or run `make starter`"
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = json.loads(text)
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
            raise UserError(f"the starter pack in {folder} is of another version: {wrong}")
        content = {name: checked(folder, name, size) for name, size in manifest["files"].items()}
        parts = {name: _part(name, about, content) for name, about in manifest["layers"].items()}
        pack = Pack(manifest, parts, hashlib.sha256(text).hexdigest()[:20])
        for layer in parts:
            pack.reference(layer)
        return pack
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"the starter pack in {folder} is damaged ({error}): {wrong}") from error


def available(folder: Path) -> Pack | None:
    """The pack in ``folder``; without one, or with a damaged one, one line of warning and None."""
    try:
        return read_pack(folder)
    except UserError as error:
        log.warning("icons are drawn on this machine: %s", error)
        return None


def checked(folder: Path, name: str, expected: Mapping[str, Any]) -> bytes:
    """The bytes of a file that a manifest names, if they are those that it tells (``bytes``,
    ``sha256``). ValueError: they are not, or the name leads out of the folder."""
    if Path(name).name != name:
        raise ValueError(f"{name!r} is no file of it")
    data = (folder / name).read_bytes()
    if len(data) != expected["bytes"] or hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise ValueError(f"{name} is not as it was made")
    return data


def _part(name: str, about: Mapping[str, Any], content: Mapping[str, bytes]) -> Part:
    numbers = decode("arrays", content[f"{name}.safetensors"], "")
    part = Part(about, content[f"{name}.pictures"], numbers)
    begins, count = numbers["begins"], about["units"]
    same = all(len(numbers[n]) == count for n in ("reached", "dead", "steps"))
    if not same or len(begins) != count + 1 or int(begins[-1]) != len(part.pictures):
        raise CodecError(f"the numbers of {name} do not fit its pictures")
    if (np.diff(begins.astype(np.int64)) < 0).any():
        raise CodecError(f"the pictures of {name} overlap")
    return part


def pack_bytes(
    manifest: Mapping[str, Any], layers: Mapping[str, tuple[Mapping[str, Any], list[bytes], Arrays]]
) -> dict[str, bytes]:
    """The files of a pack, ``pack.json`` last.

    ``layers``: of each layer what the manifest says of it, the encoded pictures of all its units in
    order (empty where a unit was not drawn), and its numbers.
    """
    content: dict[str, bytes] = {}
    abouts: dict[str, Any] = {}
    for name, (about, pictures, numbers) in layers.items():
        begins = np.cumsum([0, *map(len, pictures)]).astype(np.uint32)
        content[f"{name}.pictures"] = b"".join(pictures)
        content[f"{name}.safetensors"] = encode("arrays", {**numbers, "begins": begins})[0]
        abouts[name] = {**about, "units": len(pictures)}
    sizes = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in content.items()
    }
    whole = {"format": FORMAT, "version": VERSION, **manifest, "layers": abouts, "files": sizes}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    return {**content, MANIFEST: f"{text}\n".encode()}
