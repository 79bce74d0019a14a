"""Photographs: the samples that installed packages bring along, and folders of the user's own.

Nothing is decoded here, and none of the packages is imported: their sample photographs are read as
data files from where they lie.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from analysis import images
from analysis.classes import Label, imagenet_synsets
from analysis.filekinds import printable
from analysis.labelfile import Row, folder_label, read_labels, same_name
from cache.errors import UserError

SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".jp2",
        ".ppm",
        ".pgm",
        ".heic",
    ]
)
FOOLBOX_NAME = re.compile(r"imagenet_\d+_(\d+)\.jpg")  # its number in the set, its ImageNet index


@dataclass(frozen=True)
class Picture:
    """A photograph that has not been read yet.

    ``name`` is one printable line, in a folder the path from there; ``source`` a file, or the
    bytes of an upload; ``label`` what the collection says it shows, to be looked up in a
    network's classes.
    """

    name: str
    source: Path | bytes
    label: Label | None = None

    @cached_property
    def key(self) -> str:
        """SHA-256 of the content, as it was when first asked for. Raises UserError as `read`."""
        return images.digest(self.read())

    def read(self) -> bytes:
        """The file's bytes; UserError where there is no such file any more."""
        if isinstance(self.source, bytes):
            return self.source
        return images.read_bytes(self.source, name=self.name)

    def decode(self, *, min_side: int | None = None) -> Image.Image:
        """The picture as `images.decode` gives it, with this name in its errors."""
        return images.decode(self.source, name=self.name, min_side=min_side)


@dataclass(frozen=True)
class Collection:
    """Photographs that belong together; ``note`` is what the page says of them, in one line."""

    name: str
    pictures: tuple[Picture, ...]
    note: str = ""

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self.pictures)

    @property
    def labelled(self) -> int:
        """How many pictures have a label."""
        return sum(picture.label is not None for picture in self.pictures)


# Package, file in it, name, and the ImageNet class that it really shows, if there is one. Foolbox's
# files carry their class in their names. The rest are our own judgement: no class is a space suit,
# a rocket that is no weapon, a motorcycle (moped and scooter are), a pagoda or a dahlia.
_SAMPLES: tuple[tuple[str, str, str, int | None], ...] = (
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "Grace Hopper", 652),
    ("foolbox", "data/imagenet_16_251.jpg", "dog with spots", None),
    ("skimage", "data/chelsea.png", "Chelsea the cat", 281),
    ("foolbox", "data/imagenet_06_609.jpg", "car in the desert", None),
    ("skimage", "data/coffee.png", "coffee", 967),
    ("foolbox", "data/imagenet_17_22.jpg", "eagle", None),
    ("foolbox", "data/imagenet_00_243.jpg", "dog on a lawn", None),
    ("foolbox", "data/imagenet_04_949.jpg", "red fruit", None),
    ("foolbox", "data/imagenet_10_541.jpg", "drum", None),
    ("foolbox", "data/imagenet_18_317.jpg", "insect on a leaf", None),
    ("foolbox", "data/imagenet_13_471.jpg", "old gun on wheels", None),
    ("foolbox", "data/imagenet_07_609.jpg", "car on rocks", None),
    ("foolbox", "data/imagenet_01_559.jpg", "red chairs", None),
    ("foolbox", "data/imagenet_14_129.jpg", "birds on a wire", None),
    ("foolbox", "data/imagenet_15_99.jpg", "birds on a lawn", None),
    ("foolbox", "data/imagenet_02_438.jpg", "laboratory", None),
    ("foolbox", "data/imagenet_03_990.jpg", "prickly fruit", None),
    ("foolbox", "data/imagenet_05_853.jpg", "village", None),
    ("foolbox", "data/imagenet_08_915.jpg", "round tents", None),
    ("foolbox", "data/imagenet_09_455.jpg", "red cap", None),
    ("foolbox", "data/imagenet_11_630.jpg", "black shoe", None),
    ("foolbox", "data/imagenet_12_741.jpg", "coloured windows", None),
    ("foolbox", "data/imagenet_19_305.jpg", "beetle", None),
    ("skimage", "data/astronaut.png", "astronaut", None),
    ("skimage", "data/camera.png", "cameraman", 872),
    ("skimage", "data/motorcycle_left.png", "motorcycle", None),
    ("skimage", "data/rocket.jpg", "rocket", None),
    ("sklearn", "datasets/images/china.jpg", "tower in China", None),
    ("sklearn", "datasets/images/flower.jpg", "flower", None),
)


def samples(labels: bool = True) -> Collection:
    """The photographs of the installed packages; Grace Hopper first where matplotlib is.

    Labels are WordNet ids, so that they say nothing about a network with other classes.
    """
    synsets = {index: synset for synset, index in imagenet_synsets().items()}
    found: list[Picture] = []
    missing: Counter[str] = Counter()
    for package, file, name, own in _SAMPLES:
        path = _package_file(package, file)
        if path is None:
            missing[package] += 1
            continue
        named = FOOLBOX_NAME.fullmatch(path.name)
        index = int(named.group(1)) if named else own
        label = None if index is None or not labels else Label("synset", synsets[index])
        found.append(Picture(name, path, label))
    return Collection("sample photographs", tuple(found), _samples_note(missing))


def _package_file(package: str, file: str) -> Path | None:
    """A data file of a package, found without importing the package."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder, file)
        if path.is_file():
            return path
    return None


def _samples_note(missing: Counter[str]) -> str:
    note = "photographs out of installed packages"
    if not missing:
        return note
    return f"{note}; {missing.total()} more come with the extra [samples]"


def folder(path: Path, *, labels: Path | None = None) -> Collection:
    """The pictures in a folder and below it, by name; none is opened until it is read.

    Labels come from the table ``labels``, or ``labels.csv`` in the folder, or else from the names
    of the folders that hold the pictures. Raises UserError for no such folder, no pictures, or a
    table that fits none of them.
    """
    files = _picture_files(path)
    if not files:
        raise UserError(f"there are no pictures in {printable(str(path))}: name another folder")
    pictures = tuple(Picture(_shown(file, path), file) for file in files)
    beside = path / "labels.csv"
    table = labels or (beside if beside.is_file() else None)
    name = printable(path.absolute().name or str(path))
    if table is not None:
        return _labelled_by_table(name, path, pictures, table)
    labelled = tuple(
        replace(picture, label=_label_by_folder(file, path))
        for picture, file in zip(pictures, files, strict=True)
    )
    return Collection(name, labelled, _note(labelled, "by their folders' names"))


def _picture_files(root: Path) -> list[Path]:
    """Ordinary files with a picture's suffix, sorted; nothing hidden; each folder once."""
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(f"{printable(str(root))} {what}: name a folder of pictures")
    found: list[Path] = []
    entered = {os.path.realpath(root)}
    for here, folders, files in os.walk(root, followlinks=True, onerror=_refuse):
        folders[:] = [f for f in folders if _enter(os.path.join(here, f), f, entered)]
        paths = [Path(here, file) for file in files if not file.startswith(".")]
        found += [p for p in paths if p.suffix.lower() in SUFFIXES and p.is_file()]
    return sorted(found, key=lambda file: file.relative_to(root).parts)


def _enter(path: str, name: str, entered: set[str]) -> bool:
    """Whether to look into a folder: hidden ones and those seen already (links) are left out."""
    real = os.path.realpath(path)
    if name.startswith((".", "__MACOSX")) or real in entered:
        return False
    entered.add(real)
    return True


def _refuse(error: OSError) -> None:
    raise UserError(f"{printable(str(error.filename))} cannot be opened: {error.strerror}")


def _shown(file: Path, root: Path) -> str:
    return printable(file.relative_to(root).as_posix())


def _label_by_folder(file: Path, root: Path) -> Label | None:
    return None if file.parent == root else folder_label(printable(file.parent.name))


def _labelled_by_table(
    name: str, root: Path, pictures: tuple[Picture, ...], table: Path
) -> Collection:
    rows = read_labels(table, root)
    labelled = tuple(replace(p, label=_label_in(rows, p, root)) for p in pictures)
    known = {_table_name(p, root) for p in pictures}
    absent = sum(file not in known for file in rows)
    if rows and absent == len(rows):
        raise UserError(
            f"none of the files in {printable(str(table))} is in {printable(str(root))}: its "
            "column file must name them as seen from that folder"
        )
    note = _note(labelled, f"by {printable(table.name)}")
    more = f"; {absent} files that it names are not there" if absent else ""
    return Collection(name, labelled, note + more)


def _table_name(picture: Picture, root: Path) -> str:
    assert isinstance(picture.source, Path)
    return same_name(picture.source.relative_to(root).as_posix())


def _label_in(rows: dict[str, Row], picture: Picture, root: Path) -> Label | None:
    row = rows.get(_table_name(picture, root))
    return None if row is None else row.label


def _note(pictures: tuple[Picture, ...], how: str) -> str:
    count = sum(picture.label is not None for picture in pictures)
    label = f"{count} labelled {how}" if count else "not labelled"
    return f"{len(pictures)} pictures, {label}"
