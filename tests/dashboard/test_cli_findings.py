"""Findings in the terminal: listed, exported, imported, removed; and the command that a finding
names measures its numbers again."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.models import load
from cache.findings import LONGEST_FILE, Findings
from cache.names import Names
from tests.cache.test_findings import DRAFT, PICTURES
from tests.dashboard.desk import Desk, InProcess


class Here(InProcess):
    """The command in this process; ``findings`` needs no network."""

    def small(self, *args: object, **given: Any) -> tuple[int, str, str]:
        return self.run(*args, **given) if args[0] == "findings" else super().small(*args, **given)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Here(tmp_path, capsys)


@pytest.fixture
def kept(desk: Desk) -> Findings:
    return Findings(desk.folder / "c")


def test_they_are_listed(desk: Desk, kept: Findings) -> None:
    assert desk.document("findings") == []
    assert "no finding was kept yet" in desk.small("findings")[1]
    assert not kept.path.exists()
    one = kept.add(DRAFT, PICTURES)
    (row,) = desk.document("findings", "list")
    assert (row["id"], row["sentence"], row["pictures"]) == (one.id, DRAFT.sentence, 2)
    assert row["numbers"][1] == {
        "label": "without 3 equally active others", "value": 2.875, "sd": 0.25, "unit": "logits",
    }  # fmt: skip
    code, out, err = desk.small("findings")
    assert code == 0, err
    head, sentence, address = out.splitlines()
    assert head.split()[0] == one.id
    assert "confirmed" in head
    assert (sentence.strip(), address.strip()) == (DRAFT.sentence, DRAFT.href)


def test_they_are_written_read_and_removed(desk: Desk, kept: Findings) -> None:
    one = kept.add(replace(DRAFT, shows="=cmd()"), PICTURES)
    Names(desk.folder / "c").set(DRAFT.network, DRAFT.layer, 17, "floppy <ear>")
    for name in ("f.html", "f.json", "f.csv"):
        assert desk.document("findings", "export", name) == {"file": name, "findings": 1}
    page = (desk.folder / "f.html").read_text()
    assert DRAFT.sentence in page
    assert "<b>floppy &lt;ear&gt;</b>" in page
    rows = list(csv.DictReader((desk.folder / "f.csv").open(newline="")))
    assert [r["value"] for r in rows] == ["2.5", "2.875", "pickup (717), 3 %"]
    assert [r["sd"] for r in rows] == ["", "0.25", ""]
    assert {r["picture"] for r in rows} == {"'=cmd()"}  # no formula for a spreadsheet
    assert desk.document("findings", "remove", one.id) == {"removed": one.id}
    assert desk.document("findings") == []
    told = desk.document("findings", "import", "f.json")
    assert (told["new"], told["here"]) == (1, 0)
    assert kept.all() == [one]
    assert desk.document("findings", "import", "f.json")["here"] == 1


def test_what_cannot_be_is_refused(desk: Desk, kept: Findings) -> None:
    (desk.folder / "bad.json").write_text('{"findings": 1}')
    (desk.folder / "text.json").write_text("hello")
    with (desk.folder / "large.json").open("wb") as large:
        large.truncate(LONGEST_FILE + 1)
    for words, said in (
        (("export",), "needs F.html, F.json or F.csv"), (("import",), "needs F.json"),
        (("remove",), "needs ID"), (("list", "x"), "takes no file"),
        (("export", "f.txt"), "must end in"), (("export", "none/f.html"), "no folder"),
        (("burn",), "invalid choice"),
        (("import", "bad.json"), "no file of findings"), (("import", "text.json"), "no JSON"),
        (("import", "large.json"), "too large"), (("import", "none.json"), "there is no file"),
        (("remove", "12345678"), "none was kept yet"), (("list", "--lables"), "does not know"),
    ):  # fmt: skip
        assert said in desk.refused("findings", *words), words
    one = kept.add(DRAFT, {})
    assert f"there are: {one.id}" in desk.refused("findings", "remove", "12345678")
    assert kept.all() == [one]


def test_the_neurons_of_a_finding_are_measured_again(desk: Desk) -> None:
    asked = ("explain", "noise.png", "--class", "ant", "--rather-than", "bee", "--layer", "1")
    found = desk.document(*asked, "--without", "2,5", "-o", "r.html")
    check = next(c for c in found["checks"] if c["removed"] == "neurons")
    assert check["channels"] == [2, 5]
    whole = desk.document(*asked, "--without", ",".join(map(str, range(8))))
    net = load(f"{desk.folder / 'net.py'}:make")
    by_hand = net.module[6](net.module[2].bias.clamp(min=0))  # only biases speak without layer 1
    without = next(c for c in whole["checks"] if c["removed"] == "neurons")["without"]
    assert without == pytest.approx(float(by_hand[0] - by_hand[1]), abs=1e-4)
    page = (desk.folder / "r.html").read_text()
    assert "these: neurons 2, 5" in page
    assert "neuronscope explain noise.png --class ant" in page
    assert "--without 2,5 -o r.html" in page
    at = desk.document(*asked, "--without", "2,5", "--at", "3,3")
    moved = [next(c for c in d["checks"] if c["removed"] == "neurons") for d in (found, at)]
    assert moved[0]["without"] != moved[1]["without"]
    for one in (*moved, *found["checks"]):
        for row in one["also_changed"]:
            assert abs(row["before"] - row["without"]) >= 0.01
    assert "name the layer" in desk.refused("explain", "noise.png", "--without", "2")
    assert "out of range" in desk.refused(*asked, "--without", "8")
    assert "is no whole number" in desk.refused(*asked, "--without", "2,x")
    assert "outside the" in desk.refused(*asked, "--at", "99,0")
