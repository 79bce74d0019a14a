"""Rows that are known by content: added by several real processes, some of them killed."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache.errors import UserError
from cache.keyed import Keyed
from tests.cache import actors
from tests.cache.actors import key_of, keyed_row

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.cache.actors"])


@pytest.fixture
def kept(tmp_path: Path) -> Keyed:
    return actors.keyed(tmp_path / "rows")


@pytest.fixture
def start() -> Iterator[Any]:
    """Starts one of ``actors``; whatever still runs at the end is killed."""
    running: list[BaseProcess] = []

    def begin(target: Any, *args: Any) -> BaseProcess:
        running.append(CONTEXT.Process(target=target, args=args))
        running[-1].start()
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.join()


def put(kept: Keyed, *names: object, version: int = 0) -> None:
    rows = [keyed_row(key_of(name), version) for name in names]
    arrays = {part: np.stack([row[part] for row in rows]) for part in actors.PARTS}
    kept.add([key_of(name) for name in names], arrays)


def row(kept: Keyed, name: object) -> dict[str, np.ndarray]:
    number = kept.rows()[key_of(name)]
    return {part: kept.column(part)[[number]][0] for part in actors.PARTS}


def assert_all_right(kept: Keyed) -> int:
    """Every row belongs to its key; how many there are."""
    found = kept.rows()
    columns = {part: kept.column(part).all() for part in actors.PARTS}
    for key, number in found.items():
        for part, expected in keyed_row(key, 0).items():
            np.testing.assert_array_equal(columns[part][number], expected)
    return len(found)


def test_nothing_is_known_of_a_folder_that_is_not_there(kept: Keyed) -> None:
    assert kept.rows() == {}
    assert len(kept.column("vector")) == 0


def test_each_key_finds_its_own_row_whatever_the_order(kept: Keyed) -> None:
    names = list(range(40))
    random.Random(1).shuffle(names)
    for begin in (0, 7, 20):
        put(kept, *names[begin : {0: 7, 7: 20, 20: 40}[begin]])
    assert list(kept.rows()) == [key_of(name) for name in names]  # as they came
    assert list(kept.rows().values()) == list(range(40))
    assert assert_all_right(kept) == 40
    picked = [kept.rows()[key_of(name)] for name in (31, 4, 4, 17)]
    found = kept.column("vector")[picked]
    for name, vector in zip((31, 4, 4, 17), found, strict=True):
        np.testing.assert_array_equal(vector, keyed_row(key_of(name))["vector"])


def test_of_two_rows_of_a_key_the_first_counts(kept: Keyed) -> None:
    put(kept, "a", "b")
    put(kept, "b", "c", version=1)
    assert list(kept.rows().values()) == [0, 1, 3]
    for name, version in (("b", 0), ("c", 1)):
        expected = keyed_row(key_of(name), version)["vector"]
        np.testing.assert_array_equal(row(kept, name)["vector"], expected)


def test_rows_need_every_column_and_as_many_of_each(kept: Keyed) -> None:
    one = keyed_row(key_of("a"))
    with pytest.raises(ValueError, match="as many rows"):
        kept.add([key_of("a")], {"vector": one["vector"][None]})
    with pytest.raises(ValueError, match="as many rows"):
        kept.add([key_of("a"), key_of("b")], {part: one[part][None] for part in actors.PARTS})
    assert kept.rows() == {}


def test_two_processes_that_add_at_once_lose_nothing(tmp_path: Path, start: Any) -> None:
    folder = tmp_path / "rows"
    writers = [start(actors.add_rows, folder, first, 30) for first in (0, 15, 30)]
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    kept = actors.keyed(folder)
    assert assert_all_right(kept) == 60
    assert len(kept.column("vector")) == 90  # what two have added is there twice
    assert len(list(folder.glob("*.key.npy"))) == 30  # a shard of three each time


def test_killed_writers_leave_whole_rows_and_the_next_one_goes_on(
    tmp_path: Path, start: Any
) -> None:
    folder, dice = tmp_path / "rows", random.Random(5)
    for attempt in range(8):
        begun = CONTEXT.Event()
        writer = start(actors.add_for_ever, folder, 1000 * attempt, begun)
        assert begun.wait(30)
        time.sleep(dice.random() * 0.05)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert assert_all_right(actors.keyed(folder)) >= attempt + 1
    kept = actors.keyed(folder)
    put(kept, "after")
    assert key_of("after") in kept.rows()
    assert not list(folder.glob("*.draft"))


def test_a_shard_without_its_keys_is_not_there_and_is_written_over(kept: Keyed) -> None:
    put(kept, "a")
    put(kept, "b", "c")
    (kept.shards.folder / "00001.key.npy").unlink()  # killed before the last column
    assert list(kept.rows()) == [key_of("a")]
    assert len(kept.column("vector")) == 1
    put(kept, "d")
    assert list(kept.rows()) == [key_of("a"), key_of("d")]
    assert assert_all_right(kept) == 2


@pytest.mark.parametrize("left", [0, 60, 140])
@pytest.mark.parametrize("part", ["key", "vector"])
def test_a_damaged_file_is_named_with_what_to_do(kept: Keyed, part: str, left: int) -> None:
    put(kept, "a", "b")
    file = kept.shards.folder / f"00000.{part}.npy"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(UserError, match="is damaged") as found:
        kept.rows() if part == "key" else kept.column(part)
    assert str(kept.shards.folder) in str(found.value)
    assert "remove the folder" in str(found.value)
    assert "\n" not in str(found.value)


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be used"):
        put(actors.keyed(tmp_path / "file" / "rows"), "a")
