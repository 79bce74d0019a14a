"""One process, one store: what is kept, what is noticed, what goes first."""

import logging
import os
import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cache.codecs import CodecError, Raw
from cache.entries import HEADER_LIMIT, pack
from cache.errors import UserError
from cache.store import Entry, Store
from tests.cache.actors import key_of

KEY = key_of("one")
PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def file_of(store: Store, key: str) -> Path:
    return Path(store._objects.path(key))


def index_of(store: Store) -> Path:
    (index,) = store.root.glob("index-*.sqlite")
    return index


def fill(store: Store, count: int, size: int = 1000, **options: Any) -> list[str]:
    keys = [key_of(number) for number in range(count)]
    for key in keys:
        store.put(key, "raw", Raw(bytes(size)), **options)
    return keys


def test_what_was_put_is_got(store: Store) -> None:
    assert store.get(KEY) is None
    assert not store.has(KEY)
    store.put(KEY, "png", PICTURE, meta={"activation": 1.5, "names": ["ä"]})
    assert store.has(KEY)
    entry = store.get(KEY)
    assert isinstance(entry, Entry)
    np.testing.assert_array_equal(entry.value, PICTURE)
    assert (entry.key, entry.kind) == (KEY, "png")
    assert entry.meta == {"activation": 1.5, "names": ["ä"]}
    data, mime = store.read(KEY) or (b"", "")
    assert data.startswith(b"\x89PNG")
    assert mime == "image/png"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("arrays", {"a": np.arange(5.0)}),
        ("webp", PICTURE),
        ("json", {"a": [1, None]}),
        ("json", None),
        ("raw", Raw(b"", "image/gif")),
    ],
)
def test_every_kind_is_there_for_the_next_process(store: Store, kind: str, value: Any) -> None:
    store.put(KEY, kind, value)
    entry = Store(store.root).get(KEY)
    assert entry is not None
    assert entry.kind == kind
    if kind in ("json", "raw"):
        assert entry.value == value


def test_the_last_put_counts_and_is_counted_once(store: Store) -> None:
    store.put(KEY, "json", 1, pinned=True)
    store.put(KEY, "json", [2] * 100)
    assert store.get(KEY) == Entry(KEY, "json", [2] * 100, {})
    info = store.info()
    assert (info["entries"], info["pinned"], info["pinned_bytes"]) == (1, 0, 0)
    assert info["bytes"] == file_of(store, KEY).stat().st_size


def test_remove_and_clear(store: Store) -> None:
    keys = fill(store, 4, pinned=True)
    assert store.remove(keys[0])
    assert not store.remove(keys[0])
    assert store.get(keys[0]) is None
    assert store.info()["entries"] == 3
    assert store.clear() == {"removed": 3}
    assert store.info()["entries"] == store.info()["bytes"] == 0
    assert not any(store.has(key) for key in keys)


def test_info(store: Store) -> None:
    fill(store, 3)
    store.put(KEY, "png", PICTURE, pinned=True)
    info = store.info()
    files = [path for path in (store.root / "objects").rglob("*") if path.is_file()]
    assert info["bytes"] == sum(path.stat().st_size for path in files)
    assert info["entries"] == 4
    assert info["pinned"] == 1
    assert info["pinned_bytes"] == file_of(store, KEY).stat().st_size
    assert {kind: row["entries"] for kind, row in info["kinds"].items()} == {"raw": 3, "png": 1}
    assert info["folder"] == str(store.root)


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\0"])
def test_what_is_no_key_is_not_there_and_is_never_written(store: Store, key: str) -> None:
    assert store.get(key) is None
    assert store.read(key) is None
    assert not store.has(key)
    assert not store.remove(key)
    with pytest.raises(ValueError, match="not a cache key"):
        store.put(key, "json", 1)


def test_what_does_not_fit_leaves_what_was_there(store: Store) -> None:
    store.put(KEY, "json", 1)
    with pytest.raises(CodecError):
        store.put(KEY, "json", {1, 2})
    with pytest.raises(ValueError, match="1 MiB"):
        store.put(KEY, "json", 2, meta={"much": "x" * HEADER_LIMIT})
    assert store.get(KEY) == Entry(KEY, "json", 1, {})
    assert not list(store.root.rglob("*.draft"))


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--cache DIR"):
        Store(tmp_path / "file")


# Wrong bytes


def test_any_changed_byte_is_noticed_dropped_and_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(KEY, "json", {"a": "value"}, meta={"m": 1})
    file = file_of(store, KEY)
    sound = file.read_bytes()
    for place in range(len(sound)):  # magic, version, digest, length, header and payload
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 0x40]) + sound[place + 1 :])
        caplog.clear()
        assert store.get(KEY) is None, place
        assert not file.exists(), place
        assert KEY in caplog.text
    file.write_bytes(sound)
    assert store.get(KEY) is not None


def test_any_truncation_or_addition_is_noticed(store: Store) -> None:
    store.put(KEY, "json", {"a": "value"})
    file = file_of(store, KEY)
    sound = file.read_bytes()
    for wrong in [*(sound[:length] for length in range(len(sound))), sound + b"\0", b"\0" * 500]:
        file.write_bytes(wrong)
        assert store.read(KEY) is None
        assert not file.exists()
    store.put(KEY, "json", "again")
    assert store.get(KEY) == Entry(KEY, "json", "again", {})


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_format_version_is_rendered_again(store: Store, version: int) -> None:
    store.put(KEY, "json", 1)
    file = file_of(store, KEY)
    data = bytearray(file.read_bytes())
    data[3] = version
    file.write_bytes(data)
    assert not store.has(KEY)
    assert store.get(KEY) is None
    assert not file.exists()


def test_a_file_under_another_name_is_not_served(store: Store) -> None:
    store.put(KEY, "json", 1)
    other = key_of("other")
    file_of(store, other).parent.mkdir()
    file_of(store, other).write_bytes(file_of(store, KEY).read_bytes())
    assert store.get(other) is None
    assert store.get(KEY) is not None


def test_verify_drops_the_wrong_ones_and_says_which(store: Store) -> None:
    keys = fill(store, 30)
    flipped, cut, gone = keys[3], keys[4], keys[5]
    data = bytearray(file_of(store, flipped).read_bytes())
    data[-1] ^= 1
    file_of(store, flipped).write_bytes(data)
    os.truncate(file_of(store, cut), 20)
    file_of(store, gone).unlink()
    steps: list[tuple[int, int]] = []
    report = store.verify(progress=lambda done, total: steps.append((done, total)))
    assert report["checked"] == 29
    assert {item["key"]: item["reason"] for item in report["dropped"]} == {
        flipped: "its bytes differ from their digest",
        cut: "it is cut off",
    }
    assert report["forgotten"] == 1
    assert report["index"] == "sound"
    assert steps == [(number, 29) for number in range(1, 30)]
    assert store.info()["entries"] == 27
    clean = store.verify()
    assert (clean["checked"], clean["dropped"], clean["forgotten"]) == (27, [], 0)


# The bound


def test_the_least_recently_used_go_first(store: Store) -> None:
    keys = fill(store, 6)
    size = file_of(store, keys[0]).stat().st_size
    reader = Store(store.root)  # another process, as far as the index can tell
    assert reader.read(keys[0]) is not None
    assert store.get(keys[2]) is not None
    assert store.has(keys[1])  # only looking is no use
    small = Store(store.root, max_bytes=6 * size)
    for number, expected in [(10, {1}), (11, {1, 3}), (12, {1, 3, 4}), (13, {1, 3, 4, 5})]:
        small.put(key_of(number), "raw", Raw(bytes(1000 - len(str(number)) + 1)))
        gone = {place for place, key in enumerate(keys) if not store.has(key)}
        assert gone == expected
    small.put(key_of(14), "raw", Raw(bytes(999)))
    assert not store.has(keys[0])
    assert store.has(keys[2])


def test_eviction_keeps_exactly_the_order_of_use(store: Store) -> None:
    """Against a plain list as the model, over a random run of reads and writes."""
    fill(store, 1)
    size = file_of(store, key_of(0)).stat().st_size
    store.clear()
    dice = random.Random(7)
    bounded = Store(store.root, max_bytes=8 * size)
    order: list[str] = []
    for _ in range(300):
        key = key_of(dice.randrange(20))
        if dice.random() < 0.5:
            assert (bounded.get(key) is not None) == (key in order)
            order = [*(other for other in order if other != key), key] if key in order else order
        else:
            bounded.put(key, "raw", Raw(bytes(1000)))
            order = [*(other for other in order if other != key), key][-8:]
        assert {key_of(n) for n in range(20) if bounded.has(key_of(n))} == set(order)


def test_the_order_outlives_the_index(store: Store) -> None:
    keys = fill(store, 4)
    store.get(keys[0])
    store.close()
    index_of(store).unlink()
    bound = sum(file_of(store, key).stat().st_size for key in keys)
    Store(store.root, max_bytes=bound).put(key_of(9), "raw", Raw(bytes(900)))
    assert [store.has(key) for key in keys] == [True, False, True, True]


def test_pinned_entries_are_never_evicted(store: Store) -> None:
    bounded = Store(store.root, max_bytes=10_000)
    bounded.put(KEY, "raw", Raw(bytes(3000), "image/png"), pinned=True)
    fill(bounded, 50)
    assert bounded.has(KEY)
    info = bounded.info()
    assert info["bytes"] <= 10_000
    assert info["entries"] == 6
    bounded.close()
    index_of(store).unlink()  # that it is pinned is in the file, too
    fill(bounded, 60)
    assert bounded.has(KEY)


def test_what_can_never_fit_is_told_and_harms_nothing(store: Store) -> None:
    bounded = Store(store.root, max_bytes=10_000)
    keys = fill(bounded, 3)
    with pytest.raises(UserError, match="no room for"):
        bounded.put(KEY, "raw", Raw(bytes(10_000)))
    assert all(bounded.has(key) for key in keys)
    bounded.put(KEY, "raw", Raw(bytes(8_000)), pinned=True)
    with pytest.raises(UserError, match="uploads take 8"):
        bounded.put(key_of(7), "raw", Raw(bytes(3_000)))
    assert not bounded.has(key_of(7))
    assert not list(store.root.rglob("*.draft"))
    bounded.put(KEY, "raw", Raw(bytes(9_000)), pinned=True)  # replacing itself, it fits


def test_a_smaller_bound_is_kept_from_the_start(store: Store) -> None:
    keys = fill(store, 20)
    info = Store(store.root, max_bytes=6_000).info()
    assert info["bytes"] <= 6_000
    assert [store.has(key) for key in keys] == [False] * 15 + [True] * 5


# The index


def assert_whole(store: Store, count: int) -> None:
    report = store.verify()
    assert report["dropped"] == []
    assert (report["adopted"], report["forgotten"]) == (0, 0)
    info = store.info()
    assert info["entries"] == count
    files = (store.root / "objects").rglob("*")
    assert info["bytes"] == sum(path.stat().st_size for path in files if path.is_file())


@pytest.mark.parametrize("harm", ["garbage", "empty", "cut", "middle", "gone", "foreign", "old"])
def test_a_broken_index_is_made_anew(store: Store, harm: str) -> None:
    keys = fill(store, 200)
    store.put(KEY, "png", PICTURE, pinned=True)
    before = store.info()
    store.close()
    index = index_of(store)
    data = index.read_bytes()
    harmed = {
        "garbage": b"not a database " * 1000,
        "empty": b"",
        "cut": data[: len(data) // 2],
        "middle": data[:4096] + os.urandom(len(data) - 4096),
        "gone": None,
        "foreign": None,
        "old": None,
    }[harm]
    index.unlink()
    if harmed is not None:
        index.write_bytes(harmed)
    elif harm != "gone":
        with sqlite3.connect(index) as other:
            other.execute("CREATE TABLE entries (name TEXT)")
            other.execute(f"PRAGMA user_version = {0 if harm == 'foreign' else 99}")
        other.close()
    again = Store(store.root)
    assert again.get(keys[0]) is not None
    again.put(key_of("new"), "json", 1)
    assert again.remove(key_of("new"))
    again.verify()
    assert again.info() == before
    assert_whole(again, 201)


@pytest.mark.parametrize("harm", ["garbage", "gone"])
def test_an_index_that_breaks_in_use_is_made_anew(
    store: Store, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = fill(store, 50)
    with sqlite3.connect(index_of(store)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    index = index_of(store)
    if harm == "gone":
        index.unlink()
    else:
        with index.open("r+b") as file:
            file.write(os.urandom(index.stat().st_size))
    with caplog.at_level(logging.INFO):
        store.put(KEY, "json", 1)
    assert "cache" in caplog.text
    assert_whole(store, 51)
    assert all(store.get(key) is not None for key in keys)


def test_files_without_rows_and_rows_without_files(store: Store, tmp_path: Path) -> None:
    keys = fill(store, 20)
    elsewhere = Store(tmp_path / "elsewhere")
    elsewhere.put(KEY, "json", "from elsewhere")
    file_of(store, KEY).parent.mkdir(exist_ok=True)
    os.replace(file_of(elsewhere, KEY), file_of(store, KEY))
    file_of(store, key_of("no entry")).parent.mkdir(exist_ok=True)
    file_of(store, key_of("no entry")).write_bytes(b"something else")
    for key in keys[:5]:
        file_of(store, key).unlink()
    assert store.get(KEY) is not None
    info = store.info()
    assert info["entries"] == 17
    assert info["kinds"]["unreadable"]["entries"] == 1
    dropped = store.verify()["dropped"]
    assert dropped == [{"key": key_of("no entry"), "reason": "it is cut off"}]
    assert not file_of(store, key_of("no entry")).exists()
    assert_whole(store, 16)


def test_files_that_are_not_ours_stay(store: Store) -> None:
    strangers = [store.root / "letter.txt", store.root / "objects" / "ab" / "notes"]
    for stranger in strangers:
        stranger.parent.mkdir(parents=True, exist_ok=True)
        stranger.write_text("mine")
    fill(store, 5)
    store.verify()
    store.clear()
    assert all(stranger.read_text() == "mine" for stranger in strangers)


def test_the_folder_vanishes_in_use(store: Store, tmp_path: Path) -> None:
    fill(store, 5)
    store.root.rename(tmp_path / "moved away")
    assert store.get(key_of(0)) is None
    store.put(KEY, "json", 1)
    assert store.get(KEY) is not None
    assert store.info()["entries"] == 1


# Speed


def test_reads_are_fast_and_leave_the_index_alone(store: Store) -> None:
    keys = [key_of(number) for number in range(2000)]
    icon = PICTURE.repeat(4, 0).repeat(3, 1)[:64, :64]
    store.put(keys[0], "webp", icon)
    packed = store._objects.load(keys[0])
    assert packed is not None
    for key in keys[1:]:
        entry = replace(packed, key=key)
        store._write(entry, pack(entry), durable=False)
    index = [*store.root.glob("index-*")]
    assert {file.name.partition(".")[2] for file in index} >= {"sqlite", "sqlite-wal"}
    before = [file.stat() for file in index]
    started = time.perf_counter()
    assert all(store.read(key) is not None for key in keys)
    each = (time.perf_counter() - started) / len(keys)
    assert each < 0.5e-3
    after = [file.stat() for file in index]
    assert [s.st_mtime_ns for s in before] == [s.st_mtime_ns for s in after]
    assert file_of(store, keys[0]).stat().st_mtime_ns > max(s.st_mtime_ns for s in before)
