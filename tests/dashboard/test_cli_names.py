"""Names of neurons in the terminal: the same as on the page, in lists, explanations and reports."""

import json
from pathlib import Path

import pytest

from analysis.models import load
from cache.names import Names
from cache.starter import MANIFEST, read_pack, shipped
from tests.dashboard.desk import Desk, InProcess


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.chdir(tmp_path)
    return InProcess(tmp_path, capsys)


@pytest.fixture
def network(desk: Desk) -> str:
    """The small network's fingerprint, with two names given to its neurons."""
    mark = load(f"{desk.folder / 'net.py'}:make").fingerprint
    kept = Names(desk.folder / "c")
    kept.set(mark, "1", 2, "floppy <ear>")
    kept.set(mark, "3", 0, "edge")
    return mark


def test_names_are_listed_written_and_read(desk: Desk, network: str) -> None:
    assert desk.document("names") == [
        {"layer": "1", "channel": 2, "name": "floppy <ear>"},
        {"layer": "3", "channel": 0, "name": "edge"},
    ]
    code, out, err = desk.small("names")
    assert code == 0, err
    assert out.splitlines()[1].split(maxsplit=2) == ["1", "2", "floppy <ear>"]
    assert desk.document("names", "export", "n.json")["names"] == 2
    document = json.loads((desk.folder / "n.json").read_text())
    assert document["network"] == network
    assert document["names"] == {"1": {"2": "floppy <ear>"}, "3": {"0": "edge"}}
    document["names"] = {"1": {"2": "", "5": "wing"}}
    (desk.folder / "n.json").write_text(json.dumps(document))
    assert desk.document("names", "import", "n.json")["names"] == 2
    names = [(row["layer"], row["channel"], row["name"]) for row in desk.document("names")]
    assert names == [("1", 5, "wing"), ("3", 0, "edge")]


def test_before_any_name_is_given(desk: Desk) -> None:
    assert desk.document("names") == []
    assert "no neuron" in desk.small("names")[1]


def test_what_is_no_file_of_names_is_refused(desk: Desk) -> None:
    (desk.folder / "bad.json").write_text('{"names": 1}')
    (desk.folder / "text.json").write_text("hello")
    (desk.folder / "large.json").write_bytes(b" " * (5 * 2**20 + 1))
    assert "no file of names" in desk.refused("names", "import", "bad.json")
    assert "no JSON" in desk.refused("names", "import", "text.json")
    assert "too large" in desk.refused("names", "import", "large.json")
    assert "there is no file" in desk.refused("names", "import", "none.json")
    assert "needs a file" in desk.refused("names", "export")
    assert "takes no file" in desk.refused("names", "list", "n.json")
    assert "must end in" in desk.refused("names", "export", "n.txt")
    assert "no folder" in desk.refused("names", "export", "none/n.json")


@pytest.mark.usefixtures("network")
def test_own_names_stand_beside_the_numbers(desk: Desk) -> None:
    rows = desk.document("fires", "noise.png", "--layer", "1")["neurons"]
    named = {row["channel"]: (row["name"], row["named_by"]) for row in rows}
    assert named.pop(2) == ("floppy <ear>", "you")
    assert set(named.values()) == {(None, None)}
    code, out, err = desk.small("fires", "noise.png", "--layer", "1")
    assert code == 0, err
    (line,) = [line for line in out.splitlines() if "floppy" in line]
    assert line.split()[0] == "2"
    found = desk.document("explain", "noise.png", "--layer", "1", "-o", "r.html")
    channels = {row["channel"]: row["name"] for row in found["layers"][0]["channels"]}
    assert channels[2] == "floppy <ear>"
    page = (desk.folder / "r.html").read_text()
    assert "<b>floppy &lt;ear&gt;</b>" in page
    assert "italics" not in page  # nothing automatic in it
    _, out, _ = desk.small("explain", "noise.png", "--layer", "1")
    assert "floppy <ear>" in out


def test_automatic_names_say_where_they_are_from(desk: Desk) -> None:
    if not (shipped() / MANIFEST).is_file():
        pytest.skip("the repository holds no starter pack yet: make starter")
    known = read_pack(shipped()).reference("features.12")
    assert known is not None
    code, out, err = desk.run("fires", "noise.png", "--layer", "features.12", "--json")
    assert code == 0, err
    for row in json.loads(out)["neurons"]:
        assert row["name"] == known.names[row["channel"]]
        assert row["named_by"] == "reference photographs"
    _, out, _ = desk.run("explain", "noise.png", "--layer", "features.12", "-o", "r.html")
    assert "(reference photographs)" in out
    page = (desk.folder / "r.html").read_text()
    assert "Names in italics are automatic, from reference photographs." in page
    assert "<em>mostly " in page
