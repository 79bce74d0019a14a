"""What other processes do to a store in the tests; started for real, and killed for real."""

import errno
import hashlib
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

from cache.codecs import Raw
from cache.errors import UserError
from cache.keyed import Keyed
from cache.store import Store


def key_of(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def value_of(key: str, version: int = 0) -> dict[str, np.ndarray]:
    """Arrays that tell from themselves whether they belong to ``key`` and are whole."""
    seed = int(key[:8], 16) + version
    size = 10 + seed % 50_000
    numbers = np.random.default_rng(seed).integers(0, 1 << 31, size, dtype=np.int64)
    return {"numbers": numbers, "version": np.array([version])}


def is_right(key: str, value: dict[str, np.ndarray]) -> bool:
    right = value_of(key, int(value["version"][0]))
    return np.array_equal(right["numbers"], value["numbers"])


def write_for_ever(root: Path, seed: int, started: object) -> None:
    """Puts new entries and overwrites old ones until it is killed."""
    store = Store(root)
    version = seed
    while True:
        for number in range(12):
            key = key_of(number)
            store.put(key, "arrays", value_of(key, version))
            started.set()
            version += 1


def churn(root: Path, seed: int, seconds: float, max_bytes: int) -> None:
    """Puts, reads, removes, and dies with an exit status if it ever reads a wrong value."""
    dice = random.Random(seed)
    store = Store(root, max_bytes=max_bytes)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        key = key_of(dice.randrange(60))
        action = dice.random()
        if action < 0.4:
            store.put(key, "arrays", value_of(key, dice.randrange(5)))
        elif action < 0.95:
            entry = store.get(key)
            if entry is not None and not is_right(key, entry.value):
                os._exit(3)
        else:
            store.remove(key)


def half_a_draft(root: Path, key: str, started: object) -> None:
    store = Store(root)
    store.info()
    draft = store._objects.draft(key)
    draft.write(b"half of")
    started.set()
    time.sleep(60)


def die_before_commit(root: Path, key: str) -> None:
    """Puts the file in its place, and is killed before its row is committed."""
    store = Store(root)
    evict = store._evict

    def die(connection: object, *, keep: str = "") -> None:
        if keep:
            os.kill(os.getpid(), signal.SIGKILL)
        evict(connection, keep=keep)

    store._evict = die
    store.put(key, "arrays", value_of(key))


def read_all(root: Path, keys: list[str]) -> None:
    store = Store(root)
    missing = sum(store.read(key) is None for key in keys)
    sys.exit(missing)


def fill(root: Path, how: str) -> None:
    """Fills a disk that is too small with entries of one size, or, ``limited``, with growing ones
    up to a limit of file size; says what happened, line by line."""
    limited = how == "limited"
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
    store = Store(root)
    kept: list[str] = []
    try:
        for number in range(10_000):
            key = key_of(number)
            size = (number + 1) << 20 if limited else int(how)
            store.put(key, "raw", Raw(os.urandom(size)))
            kept.append(key)
    except UserError as error:
        print(f"refused: {error}")
        print(f"cause: {errno.errorcode.get(getattr(error.__cause__, 'errno', 0), 'sqlite')}")
    print(f"kept: {len(kept)}")
    print(f"readable: {sum(Store(root).get(key) is not None for key in kept)}")
    print(f"drafts: {len(list(root.rglob('*.draft')))}")
    print(f"removed: {Store(root).clear()['removed']}")
    store.put(key_of("after"), "raw", Raw(b"fits again"))
    print(f"after: {store.get(key_of('after')).value.data.decode()}")


PARTS = ("vector", "mark")


def keyed(folder: Path) -> Keyed:
    return Keyed(folder, PARTS)


def keyed_row(key: str, version: int = 0) -> dict[str, np.ndarray]:
    """A row that tells from itself whether it belongs to ``key``."""
    dice = np.random.default_rng(int(key[:8], 16) + version)
    return {"vector": dice.random(5, np.float32), "mark": dice.integers(0, 256, 3, np.uint8)}


def add_rows(folder: Path, first: int, count: int) -> None:
    """Adds so many rows, three at a time."""
    kept = keyed(folder)
    for begin in range(first, first + count, 3):
        keys = [key_of(number) for number in range(begin, begin + 3)]
        rows = [keyed_row(key) for key in keys]
        kept.add(keys, {part: np.stack([row[part] for row in rows]) for part in PARTS})


def add_for_ever(folder: Path, first: int, begun: object) -> None:
    """Adds rows until it is killed."""
    while True:
        add_rows(folder, first, 3)
        begun.set()
        first += 3


if __name__ == "__main__":
    fill(Path(sys.argv[1]), sys.argv[2])
