"""Shards that are whole or not there, and columns over them that read only what is asked for."""

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import vectors
from cache.errors import UserError
from cache.vectors import Column, Shards, nearest, unit

COLUMNS = ("vectors", "samples")


def rows(count: int, first: int = 0) -> dict[str, np.ndarray]:
    """Row i is (i, i + .5), sample i is 10 i."""
    numbers = np.arange(first, first + count)
    return {
        "vectors": np.stack([numbers, numbers + 0.5], axis=1).astype(np.float16),
        "samples": (10 * numbers).astype(np.int32),
    }


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Rows 0 to 8 in shards of 4, 0 and 5."""
    made = Shards(tmp_path / "rows", COLUMNS)
    made.write(0, rows(4))
    made.write(1, rows(0))
    made.write(2, rows(5, first=4))
    return made


# ---- shards ----


def test_columns_go_over_all_shards(shards: Shards) -> None:
    column = shards.column("vectors")
    assert (len(column), column.shape, column.dtype) == (9, (9, 2), np.float16)
    assert column.all().tolist() == rows(9)["vectors"].tolist()
    assert shards.column("samples").all().tolist() == [10 * i for i in range(9)]
    assert column.all(np.float32).dtype == np.float32


def test_rows_come_in_the_order_asked_for(shards: Shards) -> None:
    column = shards.column("samples")
    assert column[[8, 0, 3, 4, 3]].tolist() == [80, 0, 30, 40, 30]
    assert column[np.array([5])].tolist() == [50]
    assert shards.column("vectors")[[]].shape == (0, 2)


@pytest.mark.parametrize("wrong", [[9], [-1], [0, 100]])
def test_a_row_that_is_not_there_is_refused(shards: Shards, wrong: list[int]) -> None:
    with pytest.raises(IndexError, match="9 rows"):
        shards.column("vectors")[wrong]


def test_a_mask_is_not_taken_for_numbers(shards: Shards) -> None:
    with pytest.raises(IndexError, match="numbers"):
        shards.column("vectors")[np.ones(9, bool)]
    with pytest.raises(IndexError, match="numbers"):
        shards.column("vectors")[np.array([0.5])]


def test_blocks_say_where_they_begin(shards: Shards) -> None:
    found = [(first, block.tolist()) for first, block in shards.column("samples").blocks(3)]
    assert found == [(0, [0, 10, 20]), (3, [30]), (4, [40, 50, 60]), (7, [70, 80])]


def test_nothing_at_all_is_empty(tmp_path: Path) -> None:
    column = Shards(tmp_path / "none", COLUMNS).column("vectors")
    assert (len(column), column.shape, column.all().shape) == (0, (0,), (0,))
    assert list(column.blocks()) == []


def test_a_shard_half_written_is_not_there(shards: Shards) -> None:
    """Killed between two columns of a shard: the one that completes it is missing."""
    (shards.folder / "00002.samples.npy").unlink()
    assert not shards.has(2)
    assert len(shards.column("vectors")) == 4
    shards.write(2, rows(5, first=4))
    assert shards.column("samples").all().tolist() == [10 * i for i in range(9)]


def test_what_lies_behind_a_gap_does_not_count(shards: Shards) -> None:
    shards.write(4, rows(2))
    assert shards.has(4)
    assert len(shards.column("vectors")) == 9


def test_columns_of_a_shard_are_of_one_length(shards: Shards) -> None:
    bad = {**rows(3), "samples": np.zeros(2, np.int32)}
    for arrays in (bad, {"vectors": np.zeros((1, 2))}, {**rows(1), "more": np.zeros(1)}):
        with pytest.raises(ValueError, match="as many rows"):
            shards.write(3, arrays)
    assert not shards.has(3)


def test_leftovers_of_a_dead_writer_are_removed(shards: Shards) -> None:
    left = shards.folder / ".00003.vectors.npy.0badcafe.draft"
    left.write_bytes(b"half of")
    assert len(shards.column("vectors")) == 9
    shards.tidy()
    assert not left.exists()
    assert len(list(shards.folder.iterdir())) == 6
    Shards(shards.folder / "nowhere", COLUMNS).tidy()


@pytest.mark.parametrize("data", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00"])
def test_a_damaged_shard_is_told_in_one_line(shards: Shards, data: bytes) -> None:
    (shards.folder / "00000.vectors.npy").write_bytes(data)
    for read in (lambda: shards.column("vectors"), lambda: shards.part(0, "vectors")):
        with pytest.raises(UserError, match="is damaged") as error:
            read()
        assert "\n" not in str(error.value)
        assert "is made again" in str(error.value)


def test_a_shard_cut_short_is_told_too(shards: Shards) -> None:
    path = shards.folder / "00002.vectors.npy"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UserError, match="is damaged"):
        shards.column("vectors")


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="--cache DIR"):
        Shards(tmp_path / "file" / "rows", COLUMNS).write(0, rows(1))


def test_a_shard_of_full_precision_makes_the_column_one(shards: Shards) -> None:
    wide = {"vectors": np.array([[1e6, 0.1]], np.float32), "samples": np.zeros(1, np.int32)}
    shards.write(3, wide)
    column = shards.column("vectors")
    assert column.dtype == np.float32
    assert column[[0, 9]].tolist() == [[0, 0.5], [1e6, np.float32(0.1)]]
    assert column.all()[9, 0] == 1e6


def test_a_shard_written_anew_is_read_anew(shards: Shards) -> None:
    assert shards.column("samples")[[0]].tolist() == [0]
    shards.write(0, rows(4, first=7))
    assert shards.column("samples")[[0]].tolist() == [70]


@pytest.fixture
def few_files() -> Iterator[int]:
    """A process may have a few open files only; yields how many more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in (p.name for p in Path("/proc/self/fd").iterdir()))
    more = vectors.OPEN + 40
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + more, hard))
    yield more
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_shards_than_a_process_may_open(tmp_path: Path, few_files: int) -> None:
    """100,000 pictures, one place each, are 1,563 shards; a memory map holds its file open."""
    made = Shards(tmp_path / "many", COLUMNS)
    count = few_files + 20
    for number in range(count):
        made.write(number, rows(2, first=2 * number))
    column, samples = made.column("vectors"), made.column("samples")
    assert column.all().tolist() == rows(2 * count)["vectors"].tolist()
    assert samples.all().tolist() == rows(2 * count)["samples"].tolist()
    order = np.random.default_rng(0).permutation(2 * count)
    assert column[order].tolist() == rows(2 * count)["vectors"][order].tolist()


# ---- columns of arrays, and nearest neighbours ----


def in_parts(array: np.ndarray, sizes: list[int]) -> Column:
    return Column(np.split(array, np.cumsum(sizes)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=5), st.integers(1, 7), st.data())
def test_a_column_is_its_rows(sizes: list[int], block: int, data: st.DataObject) -> None:
    array = np.arange(2 * (sum(sizes) + 3)).reshape(-1, 2)
    column = in_parts(array, sizes)
    assert len(column) == len(array)
    joined = np.concatenate([part for _, part in column.blocks(block)])
    assert joined.tolist() == array.tolist() == column.all().tolist()
    assert all(len(part) <= block for _, part in column.blocks(block))
    wanted = data.draw(st.lists(st.integers(0, len(array) - 1)))
    assert column[wanted].tolist() == array[wanted].tolist()


def brute(all_rows: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, all_rows))
    cosine = a.astype(np.float64) @ b.astype(np.float64).T
    order = np.argsort(-cosine, axis=1)[:, :k]
    return np.take_along_axis(cosine, order, 1), order


def test_nearest_is_exact() -> None:
    draws = np.random.default_rng(0)
    every, asked = draws.normal(size=(700, 12)), draws.normal(size=(9, 12))
    right, numbers = brute(every, asked, 6)
    for given_rows in (every, in_parts(every, [1, 0, 300, 17])):
        cosine, found = nearest(given_rows, asked, 6)
        assert found.tolist() == numbers.tolist()
        np.testing.assert_allclose(cosine, right, atol=1e-6)


def test_nearest_over_more_rows_than_one_block() -> None:
    draws = np.random.default_rng(1)
    every = draws.normal(size=(2 * vectors.BLOCK + 5, 3))
    asked = np.concatenate([every[[0, vectors.BLOCK, len(every) - 1]], draws.normal(size=(2, 3))])
    cosine, found = nearest(every, asked, 3)
    assert found[:3, 0].tolist() == [0, vectors.BLOCK, len(every) - 1]
    np.testing.assert_allclose(cosine, brute(every, asked, 3)[0], atol=1e-6)


def test_nearest_leaves_itself_out() -> None:
    draws = np.random.default_rng(2)
    every = draws.normal(size=(60, 5))
    own = np.array([0, 7, 59])
    _, found = nearest(in_parts(every, [20, 30]), every[own], 4, leave_out=own)
    _, right = brute(every, every[own], 5)
    assert right[:, 0].tolist() == own.tolist()
    assert found.tolist() == right[:, 1:].tolist()


def test_nearest_of_few_rows_gives_as_many_as_there_are() -> None:
    every = np.eye(3)
    cosine, found = nearest(every, np.array([[2.0, 1.0, 0.0]]), 10)
    assert found.tolist() == [[0, 1, 2]]
    np.testing.assert_allclose(cosine, [[2 / 5**0.5, 1 / 5**0.5, 0]], atol=1e-6)
    _, others = nearest(every, every, 10, leave_out=np.arange(3))
    assert sorted(others[0].tolist()) == [1, 2]
    empty = nearest(Column([]), np.zeros((2, 3)), 4)
    assert [part.shape for part in empty] == [(2, 0), (2, 0)]


def test_equally_near_rows_come_in_their_order() -> None:
    _, found = nearest(in_parts(np.ones((6, 2)), [2, 2]), np.ones((1, 2)), 4)
    assert found.tolist() == [[0, 1, 2, 3]]


def test_unit_rows_have_length_one_and_silent_ones_stay() -> None:
    found = unit(np.array([[3, 4], [0, 0], [-2, 0]], np.float16))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [-1, 0]])
