"""The command ``evaluate``: what it counts, what it writes, what it refuses."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis import evaluation
from dashboard.cli import main
from tests.dashboard.colours import model, with_colours
from tests.dashboard.desk import Desk, one_line

RED, GREEN, BLUE = "red", "green", "blue"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return with_colours(tmp_path_factory.mktemp("evaluate"))


def words(desk: Desk, *more: object) -> list[str]:
    usual = ["evaluate", "--model", model(desk.folder), "--cache", desk.folder / "c"]
    return [str(word) for word in (*usual, *more)]


def said(capsys: pytest.CaptureFixture[str], desk: Desk, *more: object) -> str:
    capsys.readouterr()
    assert main(words(desk, *more)) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], desk: Desk, *more: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(capsys, desk, *more, "--json"))
    return found


def refused(capsys: pytest.CaptureFixture[str], desk: Desk, *more: object) -> str:
    capsys.readouterr()
    code = main(words(desk, *more))
    found = capsys.readouterr()
    return one_line(code, found.out, found.err)


# ---- what it says ----


def test_the_contract(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    pics = desk.folder / "pics"
    found = document(capsys, desk, "--images", pics, "--labels", pics / "labels.csv")
    assert (found["images"], found["labelled"], found["unknown_labels"]) == (13, 11, 1)
    assert found["top1"] == pytest.approx(7 / 11)
    assert found["top5"] == 1.0
    assert [(c["true"], c["predicted"], c["count"]) for c in found["confusions"]] == [
        (RED, GREEN, 3), (BLUE, RED, 1),
    ]  # fmt: skip
    assert sorted(found["confusions"][0]["files"]) == [f"taken{i}.png" for i in range(3)]
    assert len(found["unread"]) == 1
    assert "broken.png" in found["unread"][0]
    rows = {row["class"]: row for row in found["classes"]}
    assert rows[RED]["recall"] == pytest.approx(4 / 7)
    assert rows[RED]["precision"] == pytest.approx(4 / 5)
    assert rows[GREEN]["precision"] == pytest.approx(1 / 2)
    assert (rows[BLUE]["precision"], rows[BLUE]["recall"]) == (None, 0.0)
    total = sum(b["count"] * abs(b["confidence"] - b["accuracy"]) for b in found["calibration"])
    assert found["calibration_error"] == pytest.approx(total / 11)
    assert found["check_the_label"] == found["near_duplicates"] == []
    assert found == document(capsys, desk, "--images", pics)  # the table that lies beside them


def test_a_person_reads_a_table(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    text = said(capsys, desk, "--images", desk.folder / "pics")
    for part in ("13 pictures, 11 labelled: top-1 63.6%, top-5 100.0%", "calibration error",
                 "1 labels name no class", "1 cannot be read", "broken.png"):  # fmt: skip
        assert part in text
    table = [line.split() for line in text.splitlines()]
    assert ["pictures", "true", "predicted", "the", "surest"] in table
    assert any(row[:3] == ["3", RED, GREEN] for row in table)
    assert any(row == ["1", BLUE, RED, "sky0.png"] for row in table)


def test_one_row_a_picture_as_csv(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    file = desk.folder / "out.csv"
    found = document(capsys, desk, "--images", desk.folder / "pics", "-o", file)
    assert found["table"] == str(file)
    rows = {row["file"]: row for row in csv.DictReader(file.open(newline="", encoding="utf-8"))}
    assert len(rows) == 13
    sky, plain, red = (rows[f"{name}0.png"] for name in ("sky", "plain", "red"))
    assert (sky["true"], sky["predicted"], sky["right"], sky["check"]) == (BLUE, RED, "no", "")
    assert float(sky["p_true"]) < float(sky["p_predicted"]) < 1
    assert (plain["true"], plain["p_true"], plain["right"]) == ("", "", "")
    assert (red["true"], red["predicted"], red["right"]) == (RED, RED, "yes")
    assert float(red["p_true"]) == pytest.approx(float(red["p_predicted"]))


def test_copies_are_listed_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    desk = with_colours(tmp_path, only=("red",))
    for name in ("x.png", "y.png"):
        shutil.copy(tmp_path / "pics" / "red0.png", tmp_path / "pics" / name)
    found = document(capsys, desk, "--images", tmp_path / "pics")
    assert (found["images"], found["labelled"]) == (6, 4)
    assert all({"red0.png", "x.png", "y.png"} >= set(pair) for pair in found["near_duplicates"])
    assert {f for pair in found["near_duplicates"] for f in pair} == {"red0.png", "x.png", "y.png"}
    assert len(found["near_duplicates"]) == 2
    assert "every labelled picture is answered right" in said(
        capsys, desk, "--images", tmp_path / "pics"
    )


def test_folders_named_by_their_class_are_labels(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    desk = with_colours(tmp_path, labels=False)
    for name in (RED, GREEN):
        (tmp_path / "pics" / name).mkdir()
    (tmp_path / "pics" / "taken0.png").rename(tmp_path / "pics" / RED / "a.png")
    (tmp_path / "pics" / "green0.png").rename(tmp_path / "pics" / GREEN / "a.png")
    found = document(capsys, desk, "--images", tmp_path / "pics")
    assert (found["labelled"], found["top1"]) == (2, 0.5)
    assert found["confusions"][0]["files"] == ["red/a.png"]


def test_as_a_command_of_its_own_it_prints_one_document(desk: Desk) -> None:
    code, out, err = desk.run(*words(desk, "--images", "pics", "--json"))
    assert (code, err) == (0, "")
    assert json.loads(out)["images"] == 13


def test_what_is_known_is_not_run_again(
    capsys: pytest.CaptureFixture[str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = document(capsys, desk, "--images", desk.folder / "pics")

    def never(*_: object) -> None:
        raise AssertionError("this picture was answered before")

    monkeypatch.setattr(evaluation.Evaluation, "measured", never)
    assert document(capsys, desk, "--images", desk.folder / "pics") == first


# ---- what it refuses ----


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return with_colours(tmp_path_factory.mktemp("bare"), labels=False)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture may be run before a refusal that needs none."""

    def never(*_: object) -> None:
        raise AssertionError("a picture was run for nothing")

    monkeypatch.setattr(evaluation.Evaluation, "run", never)


TABLES = {
    "violet": (
        "file,class_name\nred0.png,violet\ngreen0.png,mauve\n",
        "none of the 2 labels names",
    ),
    "far": ("file,class_index\nred0.png,17\n", "none of the 1 labels names a class"),
    "two": ("file,class_name\nred0.png,red\nred0.png,blue\n", "line 3"),
    "odd": ("file,class_index\nred0.png,first\n", "no whole number"),
    "head": ("name,what\nred0.png,red\n", "needs a header"),
    "strange": ("file,class_name\nelsewhere.png,red\n", "none of the files"),
    "empty": ("file,class_name\nred0.png,\n", "none of the pictures has a label"),
}


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("name", TABLES)
def test_labels_that_cannot_be_meant(
    capsys: pytest.CaptureFixture[str], bare: Desk, name: str
) -> None:
    text, words_of_it = TABLES[name]
    table = bare.folder / f"{name}.csv"
    table.write_text(text)
    line = refused(capsys, bare, "--images", bare.folder / "pics", "--labels", table)
    assert words_of_it in line


@pytest.mark.usefixtures("unasked")
def test_other_refusals_before_any_work(capsys: pytest.CaptureFixture[str], bare: Desk) -> None:
    pics = bare.folder / "pics"
    assert "none of the pictures has a label" in refused(capsys, bare, "--images", pics)
    assert "name it by --images" in refused(capsys, bare, "--labels", "x.csv")
    assert "cannot be read" in refused(capsys, bare, "--images", pics, "--labels", "absent.csv")
    assert "does not exist" in refused(capsys, bare, "--images", "absent")
    (bare.folder / "none").mkdir(exist_ok=True)
    assert "no pictures" in refused(capsys, bare, "--images", bare.folder / "none")
    for target, words_of_it in (("no/out.csv", "there is no folder"), ("out.txt", "must end in"),
                                (str(pics) + "/..", "must end in")):  # fmt: skip
        assert words_of_it in refused(capsys, bare, "--images", pics, "-o", target)


def test_pictures_of_which_none_can_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    desk = with_colours(tmp_path, only=("red",))
    for picture in (tmp_path / "pics").glob("*.png"):
        picture.write_text("a letter")
    assert "none of these pictures can be read" in refused(
        capsys, desk, "--images", tmp_path / "pics"
    )


def test_a_table_that_cannot_be_written(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    (desk.folder / "dir.csv").mkdir()
    line = refused(capsys, desk, "--images", desk.folder / "pics", "-o", desk.folder / "dir.csv")
    assert "is a folder" in line
