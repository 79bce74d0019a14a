"""Pictures too large for memory: they lie in a file without a name, and are worked on in bands of
rows.

The file's pages are given back after every band and every tile, so that of a picture of any size
only those that are worked on count as the program's memory; the system writes the others to the
disk when it needs the room. Where there is no ``madvise`` (Windows) it takes them back by itself.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.processor import return_memory
from cache.files import disk_errors

BAND = 2**18  # pixels that are worked on at a time; a multiple of 16, as noise is made of so many
IN_MEMORY = 2**24  # bytes that are not worth a file: a tensor of 1.4 megapixels in three colours
_ZEROS = bytes(2**20)
_files: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()


def empty(shape: tuple[int, ...]) -> Tensor:
    """float32 of that shape, to be filled; the file of a large one goes when the tensor does.
    UserError: the disk has no room for it."""
    if 4 * prod(shape) <= IN_MEMORY:
        return torch.empty(shape)
    return torch.frombuffer(_file(4 * prod(shape)), dtype=torch.float32).view(shape)


def pixels(height: int, width: int) -> NDArray[np.uint8]:
    """uint8 (height, width, 3), likewise."""
    shape = (height, width, 3)
    if prod(shape) <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    return np.frombuffer(_file(prod(shape)), np.uint8).reshape(shape)


def _file(size: int) -> mmap.mmap:
    return_memory()  # that of decoding, or of a network, which this is not added to
    place = folder()
    with disk_errors(place, named_by="TMPDIR"), tempfile.TemporaryFile(dir=place) as file:
        _reserve(file, size)
        pages = mmap.mmap(file.fileno(), size)
    _files.add(pages)
    return pages


def folder() -> Path:
    """Where the files lie: ``TMPDIR``, else what the system has for large ones, as ``/tmp`` is
    often held in memory."""
    large = Path("/var/tmp")
    if "TMPDIR" not in os.environ and large.is_dir() and os.access(large, os.W_OK):
        return large
    return Path(tempfile.gettempdir())


def _reserve(file: BinaryIO, size: int) -> None:
    """Takes the room on the disk; in a page that had none, writing would end the program."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, len(_ZEROS)):
        file.write(_ZEROS[: size - start])
    file.flush()


def bands(width: int, stop: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Rows ``start`` to ``stop`` of a picture so wide, in bands: (first, behind the last)."""
    height = max(1, BAND // width)
    for first in range(start, stop, height):
        yield first, min(stop, first + height)
        rest()


def tidy() -> None:
    """While a large picture is worked on: memory that was freed goes back to the system, as the
    pieces of an octave's tiles do not fit the next one's."""
    if _files:
        return_memory()


def rest() -> None:
    """Gives back the memory of all pages; what is in them stays."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for pages in list(_files):
            pages.madvise(mmap.MADV_DONTNEED)
