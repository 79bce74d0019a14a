"""An atlas on disk: one folder, whose files appear whole or not at all.

``atlas.json`` says what the atlas was made from; ``NAME.safetensors`` hold arrays, ``NAME.webp``
and ``NAME.json`` the rest. What exists is finished: a build that was killed goes on with what is
missing, and nothing that stands is ever made again behind the user's back.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Any

from numpy.typing import NDArray

from cache import codecs
from cache.errors import UserError
from cache.files import Draft, disk_errors, is_draft, sweep_draft
from cache.keys import is_key

Arrays = dict[str, NDArray[Any]]
MANIFEST, LAYOUT = "atlas", "layout"  # the layout is written last: where it is, both are
ATLASES, SWEEPS, EVALUATIONS = "atlases", "sweeps", "evaluations"
SUFFIX = {"arrays": ".safetensors", "json": ".json", "webp": ".webp"}


class Folder:
    """The files of one atlas (or of one sweep) below ``root``. UserError: the disk is full, or
    refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def key(self) -> str:
        """The content key that the folder is named by."""
        return self.root.name

    def has(self, name: str, kind: str = "arrays") -> bool:
        """Whether this part is finished."""
        return self.path(name, kind).is_file()

    def path(self, name: str, kind: str) -> Path:
        """Where a part is, or will be."""
        return self.root / f"{name}{SUFFIX[kind]}"

    def put(self, name: str, kind: str, value: Any) -> None:
        """Keeps a part: ``arrays``, ``json`` or a picture, ``webp``, as the cache's codecs."""
        self.put_bytes(name, kind, codecs.encode(kind, value)[0])

    def put_bytes(self, name: str, kind: str, data: bytes) -> None:
        """The same, of what is encoded already."""
        with disk_errors(self.root):
            self.path(name, kind).parent.mkdir(parents=True, exist_ok=True)
            with Draft(self.path(name, kind)) as draft:
                draft.write(data)
                draft.publish(used=time_ns())

    def get(self, name: str, kind: str = "arrays") -> Any:
        """A part; UserError where it is missing or damaged."""
        try:
            return codecs.decode(kind, self.read(name, kind), codecs_mime(kind))
        except codecs.CodecError as error:
            raise UserError(
                f"{self.path(name, kind)} is damaged ({error}): remove the folder {self.root}, and "
                "build the atlas again"
            ) from error

    def read(self, name: str, kind: str) -> bytes:
        """The bytes of a part; UserError where it is missing."""
        with disk_errors(self.root):
            try:
                return self.path(name, kind).read_bytes()
            except FileNotFoundError:
                raise UserError(f"the atlas in {self.root} has no {name}: build it again") from None

    def tidy(self) -> None:
        """Removes what writers that died have left."""
        with disk_errors(self.root):
            for path in [p for p in self.root.rglob("*") if is_draft(p.name)]:
                sweep_draft(str(path))

    def size(self) -> int:
        """Bytes on disk."""
        return _bytes(self.root)


def codecs_mime(kind: str) -> str:
    """The mime type that a kind has on disk."""
    return {"arrays": "application/octet-stream", "json": "application/json"}.get(
        kind, "image/webp"
    )


def atlas_folder(cache: Path, key: str) -> Folder:
    """Where the atlas of a key is, below the cache's folder. ValueError: no key."""
    if not is_key(key):
        raise ValueError(f"not a key: {key!r}")
    return Folder(cache / ATLASES / key)


def sweep_folder(cache: Path, key: str) -> Path:
    """Where the samples of a key are."""
    if not is_key(key):
        raise ValueError(f"not a key: {key!r}")
    return cache / SWEEPS / key


def atlases(cache: Path) -> Iterator[Folder]:
    """Every atlas that is laid out, the one made last first."""
    root = cache / ATLASES
    if root.is_dir():
        every = [Folder(path) for path in root.iterdir() if is_key(path.name)]
        whole = [f for f in every if f.has(LAYOUT) and f.has(MANIFEST, "json")]
        yield from sorted(whole, key=_made, reverse=True)


def totals(cache: Path) -> dict[str, int]:
    """How many atlases, sweeps and evaluations there are, finished or not, and their bytes:
    {atlases, atlas_bytes, sweeps, sweep_bytes, evaluations, evaluation_bytes}."""
    found: dict[str, int] = {}
    for name in (ATLASES, SWEEPS, EVALUATIONS):
        one = "atlas" if name == ATLASES else name[:-1]
        root = cache / name
        with disk_errors(root):
            folders = [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []
            found |= {name: len(folders), f"{one}_bytes": sum(map(_bytes, folders))}
    return found


def remove_all(cache: Path) -> dict[str, int]:
    """Takes all of them away; what there was of them, as ``totals``."""
    found = totals(cache)
    for name in (ATLASES, SWEEPS, EVALUATIONS):
        with disk_errors(cache / name):
            if (cache / name).is_dir():
                shutil.rmtree(cache / name)
    return found


def _bytes(folder: Path) -> int:
    """Bytes of the files in a folder that are still there when they are asked."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a draft that was published meanwhile
            size += path.stat().st_size if path.is_file() else 0
    return size


def _made(folder: Folder) -> tuple[int, str]:
    return folder.path(MANIFEST, "json").stat().st_mtime_ns, folder.key
