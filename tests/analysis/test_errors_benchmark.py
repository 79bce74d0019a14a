"""The arithmetic of the benchmark ``errors`` on a network that adds up, and a whole run of it on a
folder of coloured squares."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.attribution import Target, attribute
from analysis.models import load
from analysis.tail import Tail
from analysis.turns import in_turn
from benchmarks.errors import errors, main
from benchmarks.errors_one import Record, curves, rank, ranked, removal, sampled, singles, walks
from benchmarks.errors_table import ordered, ratios, removed
from cache.errors import UserError
from tests.toys import Votes, classifier

AB = Target(0, 1)
NETWORK = """
import torch
from torch import nn
def make():
    conv, fc = nn.Conv2d(3, 6, 1), nn.Linear(6, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(3).repeat(2, 1)[:, :, None, None])
        conv.bias.zero_()
        fc.weight.copy_(torch.tensor([[3.0, 1, 0, 2, 0, 0], [0, 1.0, 2, 0, 0, 3]]))
        fc.bias.zero_()
    body = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), fc)
    return {"module": body.eval(), "input_size": (3, 8, 8), "mean": (0, 0, 0), "std": (1, 1, 1),
            "categories": ["red", "blue"]}
"""


def votes():  # effects on the margin: 5, -4, 3, 0, 1.5, 0
    net, x = classifier(Votes(), (1, 1, 1)), torch.ones(1, 1, 1, 1)
    return Tail(net.module, "relu", x), attribute(net, x, ["relu"], AB).layers["relu"]


def test_single_removals_cost_what_a_sum_loses() -> None:
    tail, one = votes()
    assert singles(tail, one, AB, range(6)) == pytest.approx([5, -4, 3, 0, 1.5, 0])
    assert sorted(sampled(tail, one, 128)) == [0, 1, 2, 3, 4]  # neuron 5 does not fire
    assert sampled(tail, one, 2) == sampled(tail, one, 128)[:2]
    found = ranked(tail, one, AB, most=128, orders=2, seed=0)
    assert (found["rank"], found["singles"]) == (pytest.approx(1.0), 5)


def test_a_rank_needs_differences() -> None:
    assert rank(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert rank(np.zeros(3), np.arange(3.0)) is None
    assert rank(np.arange(2.0), np.arange(2.0)) is None


def test_a_curve_by_hand() -> None:
    tail, one = votes()
    # of six neurons there go, at the eleven points: 0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 6
    (going,) = walks(tail, one, AB, [[0, 2, 4, 3, 5, 1]])
    assert going == pytest.approx([5.5, 5.5, 0.5, 0.5, -2.5, -4, -4, -4, -4, 0, 0])
    found = curves(tail, one, AB, one.per_channel, orders=4, seed=0)
    assert found["deletion"] < min(found["random"]) <= max(found["random"]) < found["insertion"]
    assert len(found["random"]) == 4


def test_the_loss_counts_in_the_direction_of_the_effect() -> None:
    tail, one = votes()
    found = removal(tail, one, AB, draws=8, seed=0)
    assert (found["neurons"], found["effect"], found["measured"]) == (1, 5, 5)
    back = Target(1, 0)  # the other class leads: its neurons are removed, and the margin rises
    other = attribute(classifier(Votes(), (1, 1, 1)), tail.x, ["relu"], back).layers["relu"]
    turned = removal(tail, other, back, draws=8, seed=0)
    assert (turned["before"], turned["effect"], turned["measured"]) == (-5.5, 5, 5)
    turns = in_turn(tail, other.layer, back, 2)
    both = removal(tail, other, back, draws=8, seed=0, turns=turns)
    assert (both["neurons"], both["effect"], both["measured"]) == (2, 8, 8)


def record(**given: object) -> Record:
    plain = {
        "measured": 4.0, "random": 1.0, "equal": 2.0, "signed": -2.0, "fair": True,
        "verdict": "confirmed", "neurons": 1, "effect": 4.5, "before": 3.0, "attributed": 0.1,
        "seconds": 0.2, "turns": False,
    }  # fmt: skip
    return plain | given


def test_the_tables_rows() -> None:
    alone = {"equal": None, "signed": None, "fair": False}
    found = [record(), record(measured=-2.0, verdict="not confirmed", **alone),
             record(turns=True, measured=10.0, random=3.0, verdict="no fair control")]  # fmt: skip
    assert ratios(found, "random") == pytest.approx((10 / 3, 4 / (5 / 3)))
    assert ratios(found, "equal") == pytest.approx((3.5, 3.5))
    assert np.isnan(ratios([], "equal")).all()
    row = removed(found)
    assert (row["equal lose"], row["in turn"]) == ("-2.00", "33%")
    assert (row["errors"], row["fair"], row["x random"], row["confirmed"]) == (3, 2, "3.33", "33%")
    curve = {"deletion": 1.0, "insertion": 5.0, "random": [2.0, 4.0], "singles": 128, "rank": 0.9}
    row = ordered([curve, curve | {"deletion": 4.0, "rank": None}])
    assert (row["rank"], row["beats"], row["beats "]) == ("0.90 (0.90, 0.90)", "50%", "100%")
    assert row["insertion"] == "2.00 (2.00, 2.00)"
    assert row["spread"] == "1.41"


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Three red and three blue squares, each with some of the other colour; one of either lies in
    the wrong folder. And a network that tells red from blue."""
    for i in range(6):
        right, red = i % 3 > 0, i < 3
        folder = tmp_path / "pictures" / ("red" if red == right else "blue")
        folder.mkdir(parents=True, exist_ok=True)
        colour = (200 + i, 20, 60) if red else (60, 20, 200 + i)
        Image.new("RGB", (8, 8), colour).save(folder / f"{i}.png")
    (tmp_path / "net.py").write_text(NETWORK)
    return tmp_path


def test_fewer_errors_are_the_first_of_more(squares: Path) -> None:
    net = load(f"{squares / 'net.py'}:make")
    every = list(errors(net, [squares / "pictures"], squares / "cache", 9))
    assert {(e.picture.name, e.target) for e in every} == {
        ("blue/0.png", Target(0, 1)), ("red/3.png", Target(1, 0)),
    }  # fmt: skip
    twice = [squares / "pictures", squares / "pictures"]  # the same picture counts once
    assert len(list(errors(net, twice, squares / "cache", 9))) == 2
    (first,) = errors(net, [squares / "pictures"], squares / "cache", 1)
    assert first == every[0]


def test_a_run_goes_on_from_what_is_kept(
    squares: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = squares / "out.json"
    command = [
        "errors", "--images", str(squares / "pictures"), "--model", f"{squares / 'net.py'}:make",
        "--out", str(kept), "--cache", str(squares / "cache"), "--draws", "4",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [*command, "--count", "1", "--ranked", "0"])
    main()
    assert "(nothing measured)" in capsys.readouterr().out
    (layer,) = json.loads(kept.read_text())["layers"].values()
    before = next(iter(layer.values()))["removal"]
    monkeypatch.setattr(sys, "argv", [*command, "--count", "2"])
    main()
    (layer,) = json.loads(kept.read_text())["layers"].values()
    assert next(iter(layer.values()))["removal"] == before  # with its seconds: not run again
    assert [sorted(parts) for parts in layer.values()] == [["ranked", "removal"]] * 2
    assert "2 errors, by claim" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*command, "--by", "path"])
    with pytest.raises(UserError, match="measured otherwise"):
        main()
