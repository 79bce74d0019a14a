"""Export and import; an archive is somebody else's file, and trusted in nothing."""

import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cache.archive import MANIFEST
from cache.codecs import Raw
from cache.entries import MAGIC, Packed, pack
from cache.errors import UserError
from cache.store import Entry, Store
from tests.cache.actors import key_of

KEYS = [key_of(number) for number in range(5)]
GOOD = json.dumps({"format": 1}).encode()


@pytest.fixture
def full(tmp_path: Path) -> Store:
    store = Store(tmp_path / "full")
    store.put(KEYS[0], "json", {"a": 1}, meta={"layer": "features.9"})
    store.put(KEYS[1], "arrays", {"a": np.arange(1000.0)})
    store.put(KEYS[2], "png", np.full((9, 8, 3), 7, np.uint8))
    store.put(KEYS[3], "raw", Raw(b"an upload", "image/jpeg"), pinned=True)
    return store


@pytest.fixture
def empty(tmp_path: Path) -> Store:
    return Store(tmp_path / "empty")


def test_a_round_trip_keeps_everything(full: Store, empty: Store, tmp_path: Path) -> None:
    path = tmp_path / "cache.zip"
    told = full.export(path)
    assert told == {"file": str(path), "entries": 4, "bytes": full.info()["bytes"]}
    assert empty.import_(path) == {"file": str(path), "entries": 4, "new": 4}
    for key in (KEYS[0], KEYS[3]):
        assert empty.get(key) == full.get(key)
    assert [empty.read(key) for key in KEYS] == [full.read(key) for key in KEYS]
    there, here = full.info(), empty.info()
    assert here["pinned"] == 1
    assert {**there, "folder": ""} == {**here, "folder": ""}
    assert empty.verify()["dropped"] == []
    again = tmp_path / "again.zip"
    empty.export(again)
    assert again.read_bytes() == path.read_bytes()


def test_what_is_here_already_stays_unless_it_is_wrong(
    full: Store, empty: Store, tmp_path: Path
) -> None:
    path = tmp_path / "cache.zip"
    full.export(path)
    empty.put(KEYS[0], "json", "mine")
    empty.put(KEYS[1], "json", "broken here")
    Path(empty._objects.path(KEYS[1])).write_bytes(b"NSC\x01 wrong")
    assert empty.import_(path)["new"] == 3
    assert empty.get(KEYS[0]) == Entry(KEYS[0], "json", "mine", {})
    assert empty.read(KEYS[1]) == full.read(KEYS[1])


def test_what_is_wrong_is_not_exported(full: Store, empty: Store, tmp_path: Path) -> None:
    Path(full._objects.path(KEYS[1])).write_bytes(b"NSC\x01 wrong")
    assert full.export(tmp_path / "a.zip")["entries"] == 3
    assert empty.import_(tmp_path / "a.zip")["entries"] == 3


def test_a_repacked_archive_is_as_good(full: Store, empty: Store, tmp_path: Path) -> None:
    full.export(tmp_path / "a.zip")
    with (
        zipfile.ZipFile(tmp_path / "a.zip") as old,
        zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in reversed(old.namelist()):
            new.writestr(name, old.read(name))
    assert empty.import_(tmp_path / "b.zip")["new"] == 4


def test_a_place_that_cannot_be_written(full: Store, tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "such" / "a.zip", tmp_path):
        with pytest.raises(UserError):
            full.export(path)
    assert not list(tmp_path.glob(".*"))


# Hostile archives


def entry(key: str, value: bytes = b"1", **other: object) -> bytes:
    fields = {"kind": "json", "mime": "application/json", "meta": {}, "pinned": False, **other}
    return pack(Packed(key=key, payload=value, **fields))  # type: ignore[arg-type]


def write(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def name(key: str) -> str:
    return f"objects/{key}"


SOUND = [(MANIFEST, GOOD), (name(KEYS[0]), entry(KEYS[0]))]
FLIPPED = bytearray(entry(KEYS[1]))
FLIPPED[-1] ^= 1
HOSTILE: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "up and out": ([*SOUND, ("../../evil", b"x")], "'../../evil'"),
    "out of objects": ([*SOUND, (f"objects/../../{KEYS[1]}", entry(KEYS[1]))], "no entry"),
    "absolute": ([*SOUND, ("/etc/evil", b"x")], "no entry"),
    "windows": ([*SOUND, (f"objects\\..\\{KEYS[1]}", b"x")], "no entry"),
    "a folder": ([*SOUND, ("objects/", b"")], "no entry"),
    "the index": ([*SOUND, ("index.sqlite", b"x")], "no entry"),
    "capitals": ([*SOUND, (name(KEYS[1].upper()), entry(KEYS[1]))], "no entry"),
    "wrong digest": ([*SOUND, (name(KEYS[1]), bytes(FLIPPED))], "differ from their digest"),
    "another's entry": ([*SOUND, (name(KEYS[1]), entry(KEYS[2]))], "another key"),
    "cut off": ([*SOUND, (name(KEYS[1]), entry(KEYS[1])[:30])], "cut off"),
    "nothing": ([*SOUND, (name(KEYS[1]), b"")], "cut off"),
    "old entry": ([*SOUND, (name(KEYS[1]), MAGIC + b"\0" + entry(KEYS[1])[4:])], "format 0"),
    "pickle": ([*SOUND, (name(KEYS[1]), entry(KEYS[1], kind="pickle"))], "not kept here"),
    "html": (
        [*SOUND, (name(KEYS[1]), entry(KEYS[1], kind="raw", mime="text/html"))],
        "not kept here",
    ),
    "html as json": ([*SOUND, (name(KEYS[1]), entry(KEYS[1], mime="text/html"))], "not kept here"),
    "kind a list": ([*SOUND, (name(KEYS[1]), entry(KEYS[1], kind=["json"]))], "header"),
    "mime a list": (
        [*SOUND, (name(KEYS[1]), entry(KEYS[1], kind="raw", mime=["image/png"]))],
        "header",
    ),
    "meta a list": ([*SOUND, (name(KEYS[1]), entry(KEYS[1], meta=[1]))], "header"),
    "no manifest": (SOUND[1:], MANIFEST),
    "manifest no json": ([(MANIFEST, b"{"), *SOUND[1:]], MANIFEST),
    "manifest a list": ([(MANIFEST, b"[]"), *SOUND[1:]], "format None"),
    "manifest deep": ([(MANIFEST, b"[" * 500_000), *SOUND[1:]], MANIFEST),
    "manifest long": ([(MANIFEST, b" " * (1 << 21)), *SOUND[1:]], "too long"),
    "another format": ([(MANIFEST, b'{"format": 9}'), *SOUND[1:]], "format 9"),
    "a bomb": ([*SOUND, (name(KEYS[1]), bytes(300 << 20))], "may only hold"),
}


@pytest.mark.parametrize("members,said", HOSTILE.values(), ids=HOSTILE.keys())  # noqa: PT006
def test_a_hostile_archive_is_refused_whole_in_one_line(
    members: list[tuple[str, bytes]], said: str, tmp_path: Path
) -> None:
    store = Store(tmp_path / "deep" / "down" / "cache", max_bytes=200 << 20)
    path = write(tmp_path / "hostile.zip", members)
    with pytest.raises(UserError) as told:
        store.import_(path)
    assert said in str(told.value)
    assert "refused" in str(told.value)
    assert "\n" not in str(told.value)
    assert store.info()["entries"] == 0
    made = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert not {file for file in made if "evil" in file}


def test_the_same_name_twice_is_refused(empty: Store, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write(tmp_path / "a.zip", [*SOUND, (name(KEYS[0]), entry(KEYS[0], b"2"))])
    with pytest.raises(UserError, match="twice"):
        empty.import_(path)


def lies(path: Path) -> None:
    """Declares a length of a few bytes for a member that unpacks to many."""
    write(path, [*SOUND, (name(KEYS[1]), bytes(1 << 20))])
    data = path.read_bytes()
    path.write_bytes(data.replace((1 << 20).to_bytes(4, "little"), (50).to_bytes(4, "little")))


def locked(path: Path) -> None:
    write(path, SOUND)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 1)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "make",
    [
        lies,
        locked,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("a renamed text file"),
        lambda path: path.mkdir(),
        lambda path: None,
        lambda path: path.write_bytes(write(path, SOUND).read_bytes()[:-30]),
    ],
    ids=["lies", "password", "empty", "text", "folder", "missing", "truncated"],
)
def test_what_is_no_archive_is_told(
    make: Callable[[Path], None], empty: Store, tmp_path: Path
) -> None:
    make(tmp_path / "a.zip")
    with pytest.raises(UserError) as told:
        empty.import_(tmp_path / "a.zip")
    assert "a.zip" in str(told.value)
    assert empty.info()["entries"] == 0


def test_an_archive_with_random_damage_is_refused_or_right(
    full: Store, empty: Store, tmp_path: Path
) -> None:
    full.export(tmp_path / "a.zip")
    sound = (tmp_path / "a.zip").read_bytes()
    dice = random.Random(5)
    refused = 0
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(dice.choice([1, 1, 3])):
            place = dice.randrange(len(data))
            if dice.random() < 0.5:  # zip's own tables are at the end
                place = dice.randrange(len(data) - 600, len(data))
            data[place] = dice.randrange(256)
        (tmp_path / "b.zip").write_bytes(data)
        try:
            empty.import_(tmp_path / "b.zip")
        except UserError:
            refused += 1
        for key in KEYS:
            assert empty.read(key) in (None, full.read(key))
    assert refused > 100
