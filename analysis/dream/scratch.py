"""Pictures too large for memory: tensors that lie in a file without a name, and are worked on in
bands of rows.

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

import torch
from torch import Tensor

from cache.files import disk_errors

BAND = 2**18  # pixels that are worked on at a time; a multiple of 16, as noise is made of so many
IN_MEMORY = 2**24  # bytes of a tensor that are not worth a file: 1.4 megapixels in three colours
_ZEROS = bytes(2**20)
_files: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()


def empty(shape: tuple[int, ...]) -> Tensor:
    """float32 of that shape, to be filled; the file of a large one goes when the tensor does.
    UserError: the disk has no room for it."""
    size = 4 * prod(shape)
    if size <= IN_MEMORY:
        return torch.empty(shape)
    place = folder()
    with disk_errors(place, named_by="TMPDIR"), tempfile.TemporaryFile(dir=place) as file:
        _reserve(file, size)
        pages = mmap.mmap(file.fileno(), size)
    _files.add(pages)
    return torch.frombuffer(pages, dtype=torch.float32).view(shape)


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


def rest() -> None:
    """Gives back the memory of all pages; what is in them stays."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for pages in list(_files):
            pages.madvise(mmap.MADV_DONTNEED)
