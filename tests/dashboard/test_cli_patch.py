"""The commands ``patch``, ``fade`` and ``explain --pair``, where every number can be worked out by
hand: a red square over a quarter of a picture (.6, .8, .1) leaves it (.7, .6, .075)."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.pasting import Patch
from cache.store import Store
from dashboard import tasks
from dashboard.cli import main
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.selection import Selection
from dashboard.service import Service
from dashboard.views.context import Context
from dashboard.views.errors_bench_commands import of_faders, of_pair, of_patch, of_work
from tests.dashboard.colours import bench, model, started, with_colours
from tests.dashboard.desk import Desk, one_line
from tests.dashboard.steps import result

RED_SQUARE = "flat:ff0000:0.5,0.5,0.5,1"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return with_colours(tmp_path_factory.mktemp("patch"))


def run(heard: Any, desk: Desk, *args: object, network: bool = True) -> tuple[int, str, str]:
    own = ["--model", model(desk.folder)] if network else []
    heard.readouterr()
    code = main([str(a) for a in (*args, *own, "--cache", desk.folder / "c")])
    return code, *heard.readouterr()


def document(heard: Any, desk: Desk, *args: object, **more: Any) -> Any:
    code, said, errors = run(heard, desk, *args, "--json", **more)
    assert code == 0, errors
    return json.loads(said)


def folder(desk: Desk) -> list[object]:
    pics = desk.folder / "pics"
    return ["--images", pics, "--labels", pics / "labels.csv"]


def test_a_patch_on_a_picture_by_hand(capsys: Any, desk: Desk) -> None:
    taken = desk.folder / "pics" / "taken0.png"
    out = desk.folder / "composed.png"
    found = document(capsys, desk, "patch", taken, "--patch", RED_SQUARE, "-o", out)
    assert found["classes"]["said"]["class"] == "green"
    assert found["classes"]["rather_than"]["class"] == "red"
    assert found["before"]["margin"] == pytest.approx(2.0, abs=0.1)
    assert found["now"]["margin"] == pytest.approx(-1.0, abs=0.1)
    assert (found["before"]["answer"], found["now"]["answer"]) == ("green", "red")
    assert found["noise"]["margin"][0] == pytest.approx(1.5, abs=0.3)
    assert found["beyond"]
    assert (np.array(Image.open(out))[4:12, 4:12] == (255, 0, 0)).all()
    code, said, _ = run(capsys, desk, "patch", taken, "--patch", RED_SQUARE, "--curve")
    assert code == 0
    assert "with noise" in said
    assert "0.500  red" in said


def test_the_curve_as_a_table_and_a_crop_out_of_a_file(capsys: Any, desk: Desk) -> None:
    pics, out = desk.folder / "pics", desk.folder / "curve.csv"
    word = f"crop:{pics / 'red0.png'}:0,0,1,1:0.5,0.5,1,1"
    found = document(capsys, desk, "patch", pics / "taken1.png", "--patch", word, "--curve", "-o",
                     out)  # fmt: skip
    assert found["now"]["margin"] == pytest.approx(10 * (0.3 - 0.9), abs=0.1)  # it is red0 now
    rows = list(csv.DictReader(out.open()))
    assert [float(row["size"]) for row in rows] == [one["size"] for one in found["curve"]]
    assert float(rows[4]["margin_now"]) == pytest.approx(0.75 * 2 - 0.25 * 6, abs=0.2)


def test_on_all_of_a_pair(capsys: Any, desk: Desk) -> None:
    out = desk.folder / "all.csv"
    asked = ["patch", "--patch", RED_SQUARE, "--pair", "red,green", *folder(desk), "-o", out]
    found = document(capsys, desk, *asked)
    whole = found["summary"]
    assert (whole["towards"], whole["changed"], whole["could"]) == ("red", 3, 3)
    assert whole["margin"][:2] == pytest.approx([2.0, -1.0], abs=0.1)
    assert sorted(row["picture"] for row in found["pictures"]) == [
        "taken0.png", "taken1.png", "taken2.png",
    ]  # fmt: skip
    assert len(list(csv.DictReader(out.open()))) == 3
    code, said, _ = run(capsys, desk, *asked)
    assert code == 0
    assert said.startswith("3 of 3 pictures changed to red")


def test_on_all_of_a_list_with_its_filters(capsys: Any, desk: Desk) -> None:
    asked = ["patch", "--patch", RED_SQUARE, "--class", "red", "--rather-than", "green",
             *folder(desk)]  # fmt: skip
    wrong = document(capsys, desk, *asked, "--list", "wrong")
    assert wrong["summary"]["pictures"] == 4
    only = document(capsys, desk, *asked, "--list", "wrong", "--among", "blue")
    assert [row["picture"] for row in only["pictures"]] == ["sky0.png"]
    sure = document(capsys, desk, *asked, "--list", "right", "--sure", "99-100")
    assert {row["said_before"] for row in sure["pictures"]} == {"red", "green"}
    assert "no picture is in this list" in one_line(
        *run(capsys, desk, *asked, "--list", "wrong", "--sure", "99-100")
    )


def test_a_pair_together_is_the_pages(capsys: Any, desk: Desk) -> None:
    asked = ["explain", "--pair", "red,green", "--layer", "relu", *folder(desk)]
    found = document(capsys, desk, *asked)
    assert (found["pictures"], found["channels"]) == (3, [10, 7, 4, 1])
    assert found["before"] == pytest.approx(2.0, abs=0.02)
    assert found["without"] == pytest.approx(-6.0, abs=0.02)
    assert found["flips"]["claimed"] == 3
    less = document(capsys, desk, *asked, "--leave-out", "10,7")
    assert less["channels"] == [4, 1]
    code, said, _ = run(capsys, desk, *asked)
    assert code == 0
    assert "Of 3 pictures together: green rather than red by 2.00" in said


def test_faders_by_hand(capsys: Any, desk: Desk) -> None:
    taken = desk.folder / "pics" / "taken0.png"
    found = document(capsys, desk, "fade", taken, "--layer", "relu", "--times", "10:0")
    assert found["before"]["margin"] == pytest.approx(2.0, abs=0.1)
    assert found["now"]["margin"] == pytest.approx(2.0 - 3.2, abs=0.1)  # 4 of green's 10 parts
    cost = document(capsys, desk, "fade", "--layer", "relu", "--times", "10:0", "--class", "green",
                    "--rather-than", "red", *folder(desk))  # fmt: skip
    assert cost["right"] == [7, 7 + 3]
    groups = document(capsys, desk, "fade", taken, "--cost", "--layer", "relu", "--times", "g0:0",
                      *folder(desk))  # fmt: skip
    assert groups["right"][0] == 7
    nobody = run(capsys, desk, "fade", "--layer", "relu", "--times", "g0:0", "--class", "green",
                 "--rather-than", "red", *folder(desk))  # fmt: skip
    assert "a neuron group is one of a picture" in one_line(*nobody)
    assert "green" in one_line(*run(capsys, desk, "fade", "--layer", "relu", "--times", "green"))


def test_suggestions_turn_the_answer(capsys: Any, desk: Desk) -> None:
    found = document(capsys, desk, "patch", desk.folder / "pics" / "taken0.png", "--suggest",
                     *folder(desk))  # fmt: skip
    assert found["towards"] == "red"
    best = found["patches"][0]
    assert best["turned"]
    assert best["said_now"] == "red"


@pytest.mark.parametrize(("words", "said"), [
    (["patch"], "name one of --patch"),
    (["patch", "--patch", "soup", "--pair", "red,green"], "no patch"),
    (["patch", "--patch", RED_SQUARE, "--pair", "red"], "TRUE,SAID"),
    (["patch", "--patch", RED_SQUARE, "--list", "soup"], "there is no list 'soup'"),
    (["patch", "--patch", RED_SQUARE], "name both classes"),
    (["patch", "--patch", RED_SQUARE, "--pair", "red,green", "--towards", "blue"], "one of"),
    (["patch", "--patch", RED_SQUARE, "--pair", "red,green", "--sure", "much"], "range in percent"),
    (["patch", "--patch", RED_SQUARE, "--pair", "red,green", "-o", "x.png"], "must end in"),
    (["patch", "--suggest"], "name the IMAGE"),
    (["patch", "--recipe", "pan"], "does not know the classes"),
    (["patch", "nowhere.png", "--patch", RED_SQUARE], "no file"),
    (["explain"], "name the IMAGE, or a --pair"),
    (["explain", "--pair", "red,red"], "two classes"),
    (["explain", "x.png", "--pair", "red,green"], "does not take an IMAGE"),
    (["explain", "x.png", "--sure", "1-2"], "goes with --pair"),
])  # fmt: skip
def test_one_plain_line(capsys: Any, desk: Desk, words: list[str], said: str) -> None:
    assert said in one_line(*run(capsys, desk, *words))


def test_what_the_page_copies_runs_and_says_the_same(capsys: Any, desk: Desk) -> None:
    """Every "copy as command" of the bench, run as it stands."""
    there, store = bench(desk.folder), Store(desk.folder / "c")
    own = started(desk.folder)
    config = Config(model=own["model"], cache=str(desk.folder / "c"), images=Path(own["images"]))
    key = next(p.key for p in there.library.main.pictures if p.name == "taken0.png")
    asked = {"model": own["model"], "picture": key, "a": 1, "b": 0}
    with Jobs(own) as jobs:
        service = Service(config, jobs, store, open_library(own, store))
        here = Context(Selection(view="errors", layer="relu", fade="10:0", **asked), service)
        trial = document(capsys, desk, *of_patch(here, Patch.parse(RED_SQUARE)), network=False)
        page = tasks.TASKS["bench_trial"](there, **asked, patch=RED_SQUARE)
        assert trial["now"]["logits"] == pytest.approx(page["now"]["logits"], abs=1e-4)
        assert trial["noise"]["margin"] == pytest.approx(page["noise"]["margin"], abs=1e-4)
        faded = document(capsys, desk, *of_faders(here), network=False)
        assert faded["now"]["margin"] == pytest.approx(2.0 - 3.2, abs=0.1)
        pair = document(capsys, desk, *of_pair(here, (0, 1), [10]), network=False)
        assert pair["channels"] == [7, 4, 1]
        work = {"task": "bench_all", "model": own["model"], "a": 1, "b": 0, "patch": RED_SQUARE,
                "wall": "0,1", "towards": "b"}  # fmt: skip
        every = document(capsys, desk, *of_work(service, work), network=False)
        given = {name: value for name, value in work.items() if name != "task"}
        whole = result(tasks.TASKS["bench_all"](there, **given))["summary"]
        assert every["summary"]["margin"] == pytest.approx(whole["margin"], abs=1e-4)
        assert every["summary"]["changed"] == whole["changed"] == 3
