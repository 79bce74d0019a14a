"""Findings that a person kept."""

import base64
import json
import multiprocessing
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cache.errors import UserError
from cache.finding import SENTENCE, Finding, Number, picture_key, read, written
from cache.findings import FILE, Findings, read_findings
from cache.store import Store
from tests.cache.test_full_disk import ROOT, can_mount, in_small_disk

SEEN, ICON = b"\x89PNG the picture", b"RIFF----WEBP the icon"
PICTURES = {picture_key(SEEN): SEEN, picture_key(ICON): ICON}
DRAFT = Finding(
    sentence="Says jeep rather than pickup by 2.5.",
    href="/errors?picture=ab&layer=features.12&a=609&b=717&stage=picture",
    network="f" * 64, model="squeezenet1_1", verdict="confirmed",
    numbers=(
        Number("as it is", 2.5, unit="logits"),
        Number("without 3 equally active others", 2.875, 0.25, "logits"),
        Number("rather than", "pickup (717), 3 %"),
    ),
    repeat="neuronscope explain 'a picture.jpg'", layer="features.12", neurons=(17, 3),
    shows="jeep.jpg", seen=picture_key(SEEN), icons={17: picture_key(ICON)},
)  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Findings:
    return Findings(tmp_path)


def test_a_finding_is_kept_as_it_was_given(kept: Findings, tmp_path: Path) -> None:
    assert (kept.all(), kept.count(), kept.picture(DRAFT.seen)) == ([], 0, None)
    assert kept.export()["findings"] == []
    assert not kept.path.exists()  # looking leaves nothing behind
    one = kept.add(DRAFT, PICTURES)
    again = Findings(tmp_path)
    assert again.all() == [one]
    assert replace(one, id="", when="") == DRAFT
    assert one.date.startswith("20")
    assert one.date.endswith(" UTC")
    assert again.pictures(one.pictures) == PICTURES
    two = again.add(replace(DRAFT, sentence=" second\nline "), {})
    assert [f.id for f in kept.all()] == [two.id, one.id]  # the newest first
    assert two.sentence == "second line"
    assert kept.count() == 2


def test_a_sentence_is_edited_and_icons_come_later(kept: Findings) -> None:
    one, two = kept.add(DRAFT, PICTURES), kept.add(DRAFT, {})
    assert kept.edit(one.id, "  another\tone ").sentence == "another one"
    assert [f.sentence for f in kept.all()] == [DRAFT.sentence, "another one"]
    with pytest.raises(UserError, match="write a sentence"):
        kept.edit(one.id, " \n ")
    new = b"\x89PNG new"
    assert kept.illustrate(two.id, {3: new}).icons == {**DRAFT.icons, 3: picture_key(new)}
    assert kept.picture(picture_key(new)) == new
    for act in (lambda: kept.edit("0" * 8, "x"), lambda: kept.remove("../x")):
        with pytest.raises(UserError, match="there is no finding"):
            act()


def test_what_is_removed_is_gone_and_comes_back_by_undo(kept: Findings) -> None:
    first, one = kept.add(DRAFT, PICTURES), kept.add(replace(DRAFT, seen="", icons={}), {})
    gone = kept.remove(first.id)
    assert kept.all() == [one]
    assert kept.picture(DRAFT.seen) is None  # no other finding shows it
    assert kept.import_(json.loads(json.dumps(gone))) == 1
    assert sorted(kept.all(), key=str) == sorted([first, one], key=str)
    assert kept.pictures(first.pictures) == PICTURES
    assert kept.import_(gone) == 0


def test_a_picture_stays_as_long_as_one_finding_shows_it(kept: Findings) -> None:
    one, two = kept.add(DRAFT, PICTURES), kept.add(DRAFT, PICTURES)
    kept.remove(one.id)
    assert kept.pictures(two.pictures) == PICTURES


def test_clearing_the_cache_leaves_them(tmp_path: Path) -> None:
    store, kept = Store(tmp_path, max_bytes=1000), Findings(tmp_path)
    one = kept.add(DRAFT, PICTURES)
    store.clear()
    assert kept.all() == [one]
    assert kept.pictures(one.pictures) == PICTURES


def test_findings_travel_as_json(kept: Findings, tmp_path: Path) -> None:
    made = [kept.add(replace(DRAFT, sentence=f"caf\u00e9 {i}"), PICTURES) for i in range(3)]
    data = json.dumps(kept.export()).encode()
    other = Findings(tmp_path / "other")
    mine = other.add(DRAFT, {})
    assert other.import_(read_findings(data)) == 3
    assert {f.id for f in other.all()} == {mine.id, *(f.id for f in made)}
    assert other.pictures(DRAFT.pictures) == PICTURES
    assert [f.id for f in other.all() if f.id != mine.id] == [f.id for f in kept.all()]


# ---- hostile ----


def test_hostile_words_are_kept_as_words(kept: Findings) -> None:
    nasty = "<script>alert(1)</script>'; DROP TABLE findings; --\x00\u202e\ud800"
    one = kept.add(replace(DRAFT, sentence=nasty, shows=nasty, repeat=nasty), PICTURES)
    (found,) = kept.all()
    assert found == one
    assert found.sentence == "<script>alert(1)</script>'; DROP TABLE findings; --"
    assert found.repeat == nasty  # a command is kept to the letter
    long = kept.add(replace(DRAFT, sentence="x" * 5000), {})
    assert long.sentence == "x" * SENTENCE


@pytest.mark.parametrize(
    "href",
    [
        "https://example.org/", "//example.org/errors", "javascript:alert(1)", "/\\example.org",
        '/errors?a="onload', "/errors?<b>", "/errors/../x", "", "/errors?a b",
    ],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_is_no_view(kept: Findings, href: str) -> None:
    with pytest.raises(UserError, match="cannot be kept"):
        kept.add(replace(DRAFT, href=href), {})
    assert kept.all() == []


WRONG: list[dict[str, Any]] = [
    {"href": "//example.org"}, {"sentence": ""}, {"sentence": 3}, {"verdict": "true"},
    {"id": "../../x"}, {"id": ""}, {"when": "today"}, {"numbers": [{"label": "a"}]},
    {"numbers": [{"label": "a", "value": float("nan")}]}, {"numbers": [[1]]}, {"numbers": "x"},
    {"numbers": [{"label": "a", "value": True}]}, {"numbers": [{"label": "a", "value": 1}] * 41},
    {"neurons": [-1]}, {"neurons": [True]}, {"neurons": list(range(65))}, {"neurons": {"a": 1}},
    {"icons": {"x": "a"}}, {"icons": {"1": "a"}}, {"icons": []}, {"seen": "../../etc/passwd"},
    {"trained": "yes"}, {"more": 1}, {"repeat": "x" * 5000},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_finding_changes_nothing(kept: Findings, wrong: dict[str, Any]) -> None:
    one = kept.add(DRAFT, PICTURES)
    document = kept.export()
    row = {**document["findings"][0], "id": "0" * 8}
    with pytest.raises(UserError, match="no file of findings"):
        kept.import_({**document, "findings": [row, {**row, "id": "1" * 8, **wrong}]})
    assert kept.all() == [one]


def test_pictures_that_are_none_are_refused(kept: Findings) -> None:
    kept.add(DRAFT, PICTURES)
    document = kept.export()
    script = b"<svg onload='alert(1)'/>"
    for pictures in (
        {picture_key(script): base64.b64encode(script).decode()},
        {"0" * 64: base64.b64encode(SEEN).decode()},
        {picture_key(SEEN): "%%%"}, {picture_key(SEEN): 3}, [1],
    ):  # fmt: skip
        with pytest.raises(UserError, match="no file of findings"):
            kept.import_({**document, "pictures": pictures})
    for document in (None, [], {}, {"format": "neuronscope names"}, "x", {"format": 1}):
        with pytest.raises(UserError, match="no file of findings"):
            kept.import_(document)


def test_files_that_cannot_be_used_say_so(kept: Findings, tmp_path: Path) -> None:
    for data in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(UserError, match="no JSON"):
            read_findings(data)
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(UserError, match=r"findings\.sqlite"):
        kept.all()


def test_it_reads_back_whatever_it_writes() -> None:
    assert read(json.loads(json.dumps(written(DRAFT)))) == DRAFT


# ---- several processes, a full disk ----


def _keep_some(root: Path, who: int) -> None:
    mine = Findings(root)
    for i in range(15):
        one = mine.add(replace(DRAFT, sentence=f"{who} {i}"), PICTURES)
        if i % 3 == 0:
            mine.edit(one.id, f"edited {who} {i}")
        if i % 3 == 1:
            mine.remove(one.id)


def test_several_processes_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_keep_some, args=(tmp_path, who)) for who in range(2)]
    [w.start() for w in writers]
    [w.join(60) for w in writers]
    assert [w.exitcode for w in writers] == [0, 0]
    expected = {f"{'edited ' * (i % 3 == 0)}{who} {i}" for who in range(2) for i in range(15)
                if i % 3 != 1}  # fmt: skip
    kept = Findings(tmp_path)
    assert {f.sentence for f in kept.all()} == expected
    assert kept.pictures(DRAFT.pictures) == PICTURES


FILL = """
import os, sys
from dataclasses import replace
from pathlib import Path
from cache.errors import UserError
from cache.finding import picture_key
from cache.findings import Findings
from tests.cache.test_findings import DRAFT
kept, made = Findings(Path(sys.argv[1])), 0
try:
    while made < 1000:
        data = b"\\x89PNG" + os.urandom(40_000)
        kept.add(replace(DRAFT, seen=picture_key(data), icons={}), {picture_key(data): data})
        made += 1
except UserError as error:
    print(error)
assert kept.count() == made == len(kept.all()), "what was kept before is whole"
assert all(kept.picture(one.seen) for one in kept.all())
print(made)
"""


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine does not let a process mount a tmpfs of its own")
    command = in_small_disk(tmp_path, sys.executable, "-c", FILL, str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line, made = done.stdout.splitlines()
    assert "the disk is full" in line
    assert 3 < int(made) < 40
