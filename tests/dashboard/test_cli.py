"""The command as a person and as a program meet it: real processes, real networks, real files."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.dashboard.desk import ROOT, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# ---- the answers ----


def test_help_comes_at_once_and_without_torch(desk: Desk) -> None:
    took = []
    for args in (["--help"], ["visualize", "--help"], ["--version"]):
        started = time.perf_counter()
        code, out, err = desk.run(*args)
        took.append(time.perf_counter() - started)
        assert (code, err) == (0, "")
        assert "neuronscope" in out
    assert min(took) < 0.5, took
    probe = (
        "import sys; from dashboard.cli_parser import parse\n"
        "parse(['predict', 'x.png'])\n"
        "sys.exit(bool({'torch', 'numpy', 'dash', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0


def test_models(desk: Desk) -> None:
    code, out, _ = desk.run("models")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["squeezenet1_1", "embedded", "yes"]
    rows = json.loads(desk.run("models", "--json")[1])
    assert rows[0] == {
        "name": "squeezenet1_1", "source": "embedded", "available_offline": True, "classes": 1000,
    }  # fmt: skip


def test_layers(desk: Desk) -> None:
    rows = desk.document("layers")
    assert rows[0] == {"layer": "0", "kind": "Conv2d", "channels": 8, "grid": [15, 15]}
    assert [r["layer"] for r in rows] == ["0", "1", "2", "3", "4", "6"]
    assert rows[-1]["grid"] is None
    code, out, _ = desk.small("layers")
    assert code == 0
    assert "15 x 15" in out.splitlines()[1]


def test_predict(desk: Desk) -> None:
    rows = desk.document("predict", "noise.png", "noise.png", "--top", "2")
    assert [r["file"] for r in rows] == ["noise.png"] * 2
    assert rows[0]["top"] == rows[1]["top"]
    first, second = rows[0]["top"]
    assert set(first) == {"class", "index", "logit", "probability"}
    assert first["logit"] >= second["logit"]
    ratio = first["probability"] / second["probability"]
    assert ratio == pytest.approx(np.exp(first["logit"] - second["logit"]), rel=1e-6)
    every = desk.document("predict", "noise.png")[0]["top"]
    assert sum(t["probability"] for t in every) == pytest.approx(1)


def test_predict_names_what_it_cannot_read_and_answers_the_rest(desk: Desk) -> None:
    code, out, err = desk.small("predict", "net.py", "noise.png", "absent.png", "--json")
    assert code == 2
    assert [r["file"] for r in json.loads(out)] == ["noise.png"]
    assert "net.py" in err
    assert "1 more" in err


def test_fires(desk: Desk) -> None:
    whole = desk.document("fires", "noise.png", "--layer", "3", "--top", "99", "--class", "bee",
                          "--rather-than", "ant")  # fmt: skip
    assert (whole["grid"], whole["at"]) == ([13, 13], None)
    assert whole["classes"]["said"]["class"] == "bee"
    assert whole["margin"] == pytest.approx(
        whole["classes"]["said"]["logit"] - whole["classes"]["rather_than"]["logit"], abs=1e-5
    )
    fields = {"channel", "activation", "attribution", "name", "named_by"}
    assert all(set(n) == fields for n in whole["neurons"])
    back = desk.document("fires", "noise.png", "--layer", "3", "--top", "99", "--class", "0",
                         "--rather-than", "1")  # fmt: skip
    assert back["margin"] == -whole["margin"]
    assert {n["channel"]: -n["attribution"] for n in back["neurons"]} == pytest.approx(
        {n["channel"]: n["attribution"] for n in whole["neurons"]}
    )
    # mean pooling and a linear map lie behind layer 3: its effects add up to the margin less bias
    here = desk.document("fires", "noise.png", "--layer", "3", "--at", "0,12", "--top", "2")
    assert here["at"] == [0, 12]
    assert len(here["neurons"]) <= 2


def test_visualize_is_kept_and_answers_at_once(desk: Desk) -> None:
    args = ["visualize", "--layer", "2", "--channel", "1", "--steps", "6", "--size", "24"]
    one = desk.document(*args, "-o", "a.png")
    two = desk.document(*args, "-o", "b.png")
    assert one["files"] == ["a.png"]
    assert (one["from_cache"], two["from_cache"]) == (False, True)
    assert one["key"] == two["key"]
    assert one["activation"] == two["activation"]
    assert (one["steps"], one["recipe"]) == (6, "lucid")
    pictures = [np.asarray(Image.open(desk.folder / f)) for f in ("a.png", "b.png")]
    assert pictures[0].shape == (24, 24, 3)
    assert pictures[0].std() > 5, "no grey square"
    assert np.array_equal(*pictures)
    other = desk.document(*args, "--seed", "1", "-o", "a.png")
    assert other["key"] != one["key"]


def test_visualize_every_objective(desk: Desk) -> None:
    np.save(desk.folder / "d.npy", np.arange(6.0))
    ways = [
        ["--layer", "2", "--neuron", "1"], ["--layer", "2", "--direction", "d.npy"],
        ["--class", "cow"], ["--layer", "2", "--channel", "1", "--negative"],
    ]  # fmt: skip
    keys = set()
    for way in ways:
        found = desk.document(
            "visualize", *way, "--steps", "4", "--size", "16", "-o", "x.webp", "--recipe", "lucid"
        )
        assert found["files"] == ["x.webp"]
        assert Image.open(desk.folder / "x.webp").size == (16, 16)
        keys.add(found["key"])
    assert len(keys) == 4
    several = desk.document("visualize", "--layer", "2", "--channel", "1", "--diversity", "3",
                            "--steps", "4", "--size", "16", "-o", "x.jpg")  # fmt: skip
    assert several["files"] == ["x-1.jpg", "x-2.jpg", "x-3.jpg"]
    assert len(several["activation"]) == 3
    assert all((desk.folder / f).is_file() for f in several["files"])


def test_visualize_may_end_early_or_grow(desk: Desk) -> None:
    args = ["visualize", "--layer", "2", "--channel", "1", "--steps", "320", "--size", "24"]
    whole = desk.document(*args, "-o", "a.png")
    early = desk.document(*args, "--settled", ".2", "-o", "b.png")
    grown = desk.document(*args, "--grow", "-o", "c.png")
    assert (whole["steps"], grown["steps"]) == (320, 320)
    assert early["steps"] < 320
    assert 0 < early["activation"] < 1.01 * whole["activation"]
    assert len({whole["key"], early["key"], grown["key"]}) == 3


def test_the_cache(desk: Desk) -> None:
    desk.document("visualize", "--layer", "2", "--channel", "1", "--steps", "2", "-o", "a.png")
    assert desk.document("cache", "info")["entries"] == 1
    assert desk.document("cache", "verify")["checked"] == 1
    assert desk.document("cache", "export", "c.zip")["entries"] == 1
    assert desk.document("cache", "clear")["removed"] == 1
    assert desk.document("cache", "import", "c.zip")["new"] == 1
    code, out, _ = desk.small("cache", "info", "--cache", desk.folder / "other")
    assert code == 0
    assert "entries: 0" in out


def test_options_may_stand_before_the_command(desk: Desk) -> None:
    code, out, _ = desk.run("--json", "--model", "net.py:make", "--seed=3", "layers")
    assert code == 0
    assert json.loads(out)[0]["channels"] == 8


# ---- explain ----


def test_explain(desk: Desk) -> None:
    found = desk.document("explain", "noise.png", "-o", "report.html")
    assert set(found) == {"file", "network", "classes", "margin", "layers", "checks", "report"}
    said, other = found["classes"]["said"], found["classes"]["rather_than"]
    assert found["margin"] == pytest.approx(said["logit"] - other["logit"], abs=1e-5)
    for layer in found["layers"]:
        assert {"layer", "channels", "positions", "groups"} <= set(layer)
    assert {c["layer"] for c in found["checks"]} == {x["layer"] for x in found["layers"]}
    page = (desk.folder / "report.html").read_text("utf-8")
    assert said["class"] in page
    assert page.count("<img") >= 3, "icons are drawn where the cache has none"
    kept = desk.document("cache", "info")["entries"]
    assert kept == page.count("<img")
    desk.document("explain", "noise.png", "-o", "report.html")
    assert desk.document("cache", "info")["entries"] == kept, "and taken from it the second time"


def test_explain_for_a_person(desk: Desk) -> None:
    code, out, err = desk.small("explain", "noise.png", "--class", "cow", "--layer", "2")
    assert code == 0, err
    assert "cow" in out.splitlines()[0]
    assert "margin" in out.splitlines()[0]
    assert "confirmed" in out


def test_explain_agrees_with_fires(desk: Desk) -> None:
    one = desk.document("explain", "noise.png", "--layer", "3", "--class", "1")
    two = desk.document("fires", "noise.png", "--layer", "3", "--class", "1", "--sort", "effect")
    assert one["margin"] == two["margin"]
    assert [(n["channel"], n["effect"]) for n in one["layers"][0]["channels"]] == [
        (n["channel"], n["attribution"]) for n in two["neurons"]
    ]
