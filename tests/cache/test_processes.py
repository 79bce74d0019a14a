"""Several real processes at one store, some of them killed with SIGKILL at random moments."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from cache.codecs import Raw
from cache.store import Store
from tests.cache import actors
from tests.cache.actors import is_right, key_of, value_of

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.cache.actors"])
Start = Callable[..., BaseProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts one of ``actors``; whatever still runs at the end is killed."""
    running: list[BaseProcess] = []

    def begin(target: Callable[..., None], *args: Any) -> BaseProcess:
        process = CONTEXT.Process(target=target, args=args)
        process.start()
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.join()


def kill(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


def assert_every_entry_is_right(store: Store) -> int:
    found = 0
    for number in range(12):
        entry = store.get(key_of(number))
        if entry is not None:
            assert is_right(key_of(number), entry.value)
            found += 1
    return found


def test_killed_writers_leave_whole_entries_or_none(tmp_path: Path, start: Start) -> None:
    dice = random.Random(3)
    store = Store(tmp_path)
    for _ in range(25):
        started = [CONTEXT.Event(), CONTEXT.Event()]
        writers = [
            start(actors.write_for_ever, tmp_path, seed, event)
            for seed, event in enumerate(started)
        ]
        assert all(event.wait(30) for event in started)
        time.sleep(dice.random() * 0.03)
        for writer in writers:
            kill(writer)
        assert assert_every_entry_is_right(store) >= 1
        report = Store(tmp_path).verify()
        assert report["dropped"] == []
        assert not list(tmp_path.rglob("*.draft"))
        files = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
        assert store.info()["bytes"] == sum(path.stat().st_size for path in files)


def test_a_draft_in_the_making_stays_and_a_dead_writers_goes(tmp_path: Path, start: Start) -> None:
    started = CONTEXT.Event()
    writer = start(actors.half_a_draft, tmp_path, key_of("half"), started)
    assert started.wait(30)
    store = Store(tmp_path)
    assert store.verify()["leftovers"] == 0
    assert len(list(tmp_path.rglob("*.draft"))) == 1
    assert not store.has(key_of("half"))
    kill(writer)
    assert store.verify()["leftovers"] == 1
    assert not list(tmp_path.rglob("*.draft"))
    assert store.get(key_of("half")) is None


def test_a_kill_between_the_file_and_its_row(tmp_path: Path, start: Start) -> None:
    process = start(actors.die_before_commit, tmp_path, key_of("early"))
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    store = Store(tmp_path)
    entry = store.get(key_of("early"))
    assert entry is not None
    assert is_right(key_of("early"), entry.value)
    assert store.info()["entries"] == 1  # the next one to open the index has taken it in
    store.put(key_of("next"), "json", 1)  # and the dead one's lock is free


def churn(tmp_path: Path, start: Start, max_bytes: int, during: Callable[[], None]) -> Store:
    workers = [start(actors.churn, tmp_path, seed, 3.0, max_bytes) for seed in range(4)]
    during()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = Store(tmp_path, max_bytes=max_bytes)
    report = store.verify()
    assert report["dropped"] == []
    assert report["leftovers"] == 0
    files = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert store.info()["bytes"] == sum(path.stat().st_size for path in files) <= max_bytes
    assert store.info()["entries"] == len(files) > 3
    return store


def test_writers_and_readers_at_once_with_eviction(tmp_path: Path, start: Start) -> None:
    churn(tmp_path, start, 4_000_000, lambda: None)
    report = Store(tmp_path, max_bytes=4_000_000).verify()
    assert (report["adopted"], report["forgotten"]) == (0, 0)


def test_the_index_is_harmed_while_four_processes_use_it(tmp_path: Path, start: Start) -> None:
    def harm() -> None:
        for how in ("garbage", "gone", "garbage", "gone", "garbage"):
            time.sleep(0.5)
            for index in tmp_path.glob("index-*.sqlite"):
                if how == "gone":
                    index.unlink(missing_ok=True)
                else:
                    with index.open("r+b") as file:
                        file.write(os.urandom(max(4096, index.stat().st_size)))

    churn(tmp_path, start, 1 << 30, harm)


def test_a_use_in_another_process_counts(tmp_path: Path, start: Start) -> None:
    store = Store(tmp_path)
    keys = [key_of(number) for number in range(10)]
    for key in keys:
        store.put(key, "raw", Raw(bytes(1000)))
    bound = store.info()["bytes"]
    reader = start(actors.read_all, tmp_path, keys[:8])
    reader.join(30)
    assert reader.exitcode == 0
    small = Store(tmp_path, max_bytes=bound)
    for number in (20, 21):
        small.put(key_of(number), "raw", Raw(bytes(990)))
    assert [store.has(key) for key in keys] == [True] * 8 + [False] * 2


def test_a_store_goes_on_in_a_forked_child(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(key_of(0), "arrays", value_of(key_of(0)))
    child = os.fork()
    if child == 0:
        store.put(key_of(1), "arrays", value_of(key_of(1)))
        os._exit(0 if store.get(key_of(0)) is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store.put(key_of(2), "arrays", value_of(key_of(2)))
    assert store.info()["entries"] == 3
    assert store.verify()["index"] == "sound"
