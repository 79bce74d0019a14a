"""How a process of this program treats the processor's cores and memory. Nothing heavy here: the
cores' part must be read before torch is."""

import ctypes
import os

# Threads that wait for each other by spinning, torch's usual way, keep each other from running
# where page, worker and browser share two cores: measured 0.02 s a pass against 2 s. Sleeping at
# once costs a wake-up in each of a network's hundred layers instead. Spinning for a moment loses a
# tenth of the time when the cores are shared and gains a fifth when they are not.
SPIN = "1000"
_TRIM, _TOP_PAD, _MMAP = -1, -2, -3  # malloc.h
_MIB = 1 << 20


def settle() -> None:
    """To be called once, before torch is imported."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT=SPIN)
    # Pillow's memory for a large picture in one piece: the system has that back when it is freed
    os.environ.setdefault("PILLOW_BLOCK_SIZE", "256m")
    keep_memory()


def keep_memory() -> None:
    """Freed memory, up to 512 MiB, stays with the process: every pass of a network asks for the
    same again, and to get it from the system, page by page, is a tenth of a batch's time."""
    for option, value in ((_TRIM, 512 * _MIB), (_TOP_PAD, 64 * _MIB), (_MMAP, 32 * _MIB)):
        _glibc("mallopt", option, value)


def return_memory() -> None:
    """Gives back what is kept, where work of another kind follows."""
    _glibc("malloc_trim", 0)


def short_of_memory(error: BaseException) -> bool:
    """Whether this is what Python, or torch on the processor or a GPU, says when memory is used up;
    torch's is a RuntimeError like any other."""
    told = str(error).lower()
    words = ("can't allocate memory", "out of memory", "cannot allocate memory")
    return isinstance(error, MemoryError) or any(word in told for word in words)


def _glibc(name: str, *values: int) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # not glibc
        return
    function(*values)
