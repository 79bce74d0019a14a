"""The tasks of Errors: on a network of colours by hand, and on the sample photographs."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from cache.errors import UserError
from cache.store import Store
from dashboard import tasks, tasks_errors
from dashboard.app import create_app
from dashboard.bench import Bench
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.service import Service
from tests.dashboard import colours
from tests.dashboard.colours import LAYER, NAMES, with_colours
from tests.dashboard.steps import result

RED, GREEN, BLUE = range(3)


@dataclass(frozen=True)
class Asked:
    """A bench, and its tasks with what they always need."""

    bench: Bench

    def __call__(self, task: str, **given: Any) -> Any:
        return tasks.TASKS[task](self.bench, model=self.bench.config["model"], **given)

    def evaluate(self) -> dict[str, Any]:
        return result(self("evaluate"))

    def key(self, name: str) -> str:
        """The content key of a picture of the folder."""
        return next(p.key for p in self.bench.library.main.pictures if p.name == name)

    def claim(self, name: str, **given: Any) -> dict[str, Any]:
        usual = {"layer": LAYER, "a": None, "b": None, "drop": [], "known": 0}
        return self("claim", picture=self.key(name), **{**usual, **given})

    def names(self, wall: str, **given: Any) -> list[str]:
        found = self("wall_pictures", known=0, wall=wall, **given)
        assert found["total"] == len(found["pictures"])
        return [one["name"].removesuffix(".png") for one in found["pictures"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_colours(tmp_path_factory.mktemp("colours")).folder


@pytest.fixture(scope="module")
def ask(folder: Path) -> Asked:
    """The folder of colours, answered."""
    asked = Asked(colours.bench(folder))
    asked.evaluate()
    return asked


@pytest.fixture
def fresh(tmp_path: Path) -> Asked:
    """The same in a folder of its own, to be spoilt."""
    asked = Asked(colours.bench(with_colours(tmp_path).folder))
    asked.evaluate()
    return asked


# ---- the pass ----


def test_the_pass_tells_what_can_be_asked_about(tmp_path: Path) -> None:
    asked = Asked(colours.bench(with_colours(tmp_path).folder))
    with pytest.raises(UserError, match="no picture has been answered yet"):
        asked("mistakes", known=0)
    steps = list(asked("evaluate"))
    assert (steps[0].done, steps[0].total, steps[0].partial) == (0, 14, {"answered": 0})
    assert (steps[-1].done, steps[-1].partial) == (14, {"answered": 13})
    again = list(asked("evaluate"))  # only what is broken is tried once more
    assert (again[0].done, again[0].partial) == (13, {"answered": 13})
    found = asked.evaluate()
    assert found["answered"] == 13
    assert len(found["unread"]) == 1
    assert "broken.png" in found["unread"][0]


def test_the_counts_by_hand(ask: Asked) -> None:
    found = ask("mistakes", known=13)
    expected = {
        "collection": "pics", "pictures": 14, "answered": 13, "labelled": 11, "strange": 1,
        "wrong": 4, "wrong_chosen": 4, "chosen": 13, "unread": 1, "all_pairs": 2, "check": 0,
        "twice": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["top1"] == pytest.approx(7 / 11)
    assert found["top5"] == 1.0
    assert sum(b["count"] for b in found["bins"]) == 11
    # sure by e^6 and e^6 (right), by e^2 and e^.5 (wrong)
    sure = [share(c) for c in ((9, 3, 1), (2, 8, 1), (6, 8, 1), (5, 2, 4.5))]
    gap = 4 * (1 - sure[0]) + 3 * (1 - sure[1]) + 3 * sure[2] + sure[3]
    assert found["calibration"] == pytest.approx(gap / 11, abs=0.01)


def share(tenths: tuple[float, ...]) -> float:
    """The largest probability where the logits are these colours times ten."""
    parts = np.exp(np.array(tenths, float))
    return float(parts.max() / parts.sum())


def test_the_pairs_worst_first(ask: Asked) -> None:
    first, second = ask("mistakes", known=13)["pairs"]
    assert (first["true"], first["said"], first["count"], first["check"]) == (RED, GREEN, 3, 0)
    assert set(first["keys"]) == {ask.key(f"taken{i}.png") for i in range(3)}
    assert first["sure"] == pytest.approx(share((6, 8, 1)), abs=0.01)
    assert (second["true"], second["said"], second["keys"]) == (BLUE, RED, [ask.key("sky0.png")])


def test_filters_choose_among_the_pictures(ask: Asked) -> None:
    blue = ask("mistakes", known=13, among=BLUE)
    assert (blue["chosen"], blue["wrong_chosen"], blue["wrong"], blue["all_pairs"]) == (1, 1, 4, 1)
    assert blue["top1"] == pytest.approx(7 / 11)  # of all, whatever is chosen
    sure = ask("mistakes", known=13, sure="95-100")
    assert (sure["chosen"], sure["wrong_chosen"], sure["pairs"]) == (8, 0, [])
    assert ask.names("wrong", sure="80-95") == ask.names(f"{RED},{GREEN}")
    assert ask.names("wrong", sure="80-95", among=BLUE) == []


# ---- walls and the matrix ----


def test_walls_show_what_matters_most_first(ask: Asked) -> None:
    assert set(ask.names("wrong")[:3]) == {"taken0", "taken1", "taken2"}
    assert ask.names("wrong")[3] == "sky0"
    assert ask.names("unsure")[0] == "plain0"
    assert len(ask.names("unsure")) == 13
    assert ask.names(f"any,{RED}") == ask.names(f"{BLUE},any") == ["sky0"]
    assert len(ask.names("any,any")) == 4
    assert set(ask.names(f"{RED},{RED}")) == {"red0", "red1", "red2", "red3"}
    assert ask.names("check") == ask.names("twice") == ask.names(f"{GREEN},{BLUE}") == []
    assert ask.names("9999,1") == []
    with pytest.raises(UserError, match="no list of pictures called 'nonsense'"):
        ask.names("nonsense")


def test_a_wall_in_another_order(ask: Asked) -> None:
    usual = ask.names("wrong")
    assert ask.names("wrong", order="sure") == usual
    assert ask.names("wrong", order="unsure") == usual[::-1]
    assert ask.names("wrong", order="name") == ["sky0", "taken0", "taken1", "taken2"]
    assert ask.names("wrong", order="near")[0] == "sky0"  # its own class has a third
    assert ask.names("right", order="name")[:4] == ["green0", "green1", "green2", "red0"]


def test_a_picture_with_both_probabilities(ask: Asked) -> None:
    (sky,) = ask("wall_pictures", known=0, wall=f"{BLUE},{RED}")["pictures"]
    parts = np.exp([5.0, 2.0, 4.5])
    assert (sky["true"], sky["said"], sky["check"], sky["twin"]) == (BLUE, RED, False, None)
    assert sky["p_said"] == pytest.approx(parts[0] / parts.sum(), abs=0.01)
    assert sky["p_true"] == pytest.approx(parts[2] / parts.sum(), abs=0.01)
    plain = ask("wall_pictures", known=0, wall="unsure")["pictures"][0]
    assert (plain["true"], plain["p_true"]) == (None, None)


def test_the_matrix_holds_every_labelled_picture(ask: Asked) -> None:
    found = ask("matrix", known=13)
    assert sorted(found["order"]) == [RED, GREEN, BLUE]
    at = found["order"]
    assert {(at[r], at[c]): n for r, c, n in found["cells"]} == {
        (RED, RED): 4, (GREEN, GREEN): 3, (RED, GREEN): 3, (BLUE, RED): 1,
    }  # fmt: skip


def test_the_matrix_of_the_chosen_pictures(ask: Asked) -> None:
    whole, blue = ask("matrix", known=13), ask("matrix", known=13, among=BLUE)
    assert blue["order"] == whole["order"]
    row, column = (whole["order"].index(c) for c in (BLUE, RED))
    assert blue["cells"] == [[row, column, 1]]
    assert sum(n for _, _, n in ask("matrix", known=13, sure="95-100")["cells"]) == 7


def test_copies_are_there_twice(fresh: Asked, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "pics" / "red0.png", tmp_path / "pics" / "zz.png")
    asked = Asked(colours.bench(tmp_path))
    asked.evaluate()
    assert asked("mistakes", known=14)["twice"] == 2
    assert set(asked.names("twice")) == {"red0", "zz"}


# ---- the claim ----


def test_the_claim_by_hand(ask: Asked) -> None:
    """Logits 6, 8, 1: green neurons 1, 4, 7, 10 give .8, 1.6, 2.4, 3.2."""
    found = ask.claim("taken0.png")
    assert found["channels"] == [10, 7, 4]  # one would do; three are shown
    assert found["before"] == pytest.approx(2.0, abs=0.02)
    assert found["without"] == pytest.approx(2.0 - 7.2, abs=0.05)
    assert found["effect"] == pytest.approx(7.2, abs=0.05)
    assert (found["answer_before"], found["answer_without"]) == (GREEN, RED)
    assert found["flip"]["count"] == 1
    assert found["evidence"]["norm"] == {"pictures": 4, "which": "true class"}
    rows = found["evidence"]["rows"]
    assert [row["channel"] for row in rows] == [10, 7, 4]
    for row, times in zip(rows, (4, 3, 2), strict=True):
        assert row["effect"] == pytest.approx(0.8 * times, abs=0.02)
        assert row["here"] == pytest.approx(0.8 * times, abs=0.02)
        assert row["norm"] == pytest.approx(0.3 * times, abs=0.02)
        assert row["times"] == pytest.approx(8 / 3, abs=0.1)
    twin = found["twin"]
    assert (twin["true"], twin["said"]) == (RED, RED)
    assert twin["name"].startswith("red")


def test_places_are_claimed_and_measured(ask: Asked) -> None:
    found = ask.claim("taken1.png")
    cells = np.array(found["map"]["values"]).reshape(16, 16)
    assert cells.sum() == pytest.approx(found["before"], abs=0.02)
    places = found["places"]
    assert len(places["at"]) == 13  # a twentieth of 256
    assert sum(cells[r, c] for r, c in places["at"]) == pytest.approx(places["effect"], abs=1e-3)
    assert places["without"] == pytest.approx(places["before"] - places["effect"], abs=1e-3)
    assert set(places) == {"at", "effect", "before", "without", "random", "equal", "verdict"}


def test_what_is_left_out_is_measured_anew(ask: Asked) -> None:
    whole = ask.claim("taken0.png")
    part = ask.claim("taken0.png", drop=[10])
    assert part["channels"] == [7, 4]
    assert part["evidence"] == whole["evidence"]
    assert part["without"] == pytest.approx(2.0 - 4.0, abs=0.05)
    assert part["flip"] == whole["flip"]
    nothing = ask.claim("taken0.png", drop=[10, 7, 4])
    assert nothing["channels"] == []
    assert nothing["without"] == nothing["before"]
    assert nothing["verdict"] == "not confirmed"
    assert ask.claim("taken0.png", drop=[3])["channels"] == [10, 7, 4]  # not among them


def test_the_other_way_round_the_same_neurons(ask: Asked) -> None:
    there, back = ask.claim("taken0.png"), ask.claim("taken0.png", a=RED, b=GREEN)
    assert back["channels"] == there["channels"]
    assert back["before"] == pytest.approx(-there["before"])
    assert back["evidence"]["norm"] == {"pictures": 3, "which": "true class"}


def test_where_no_picture_of_the_class_is_right_the_norm_is_all_that_are(ask: Asked) -> None:
    found = ask.claim("sky0.png")  # red rather than blue
    assert found["evidence"]["norm"] == {"pictures": 7, "which": "all right"}
    assert found["twin"] is None


def test_a_layer_without_places_and_unknown_ones_are_refused(ask: Asked) -> None:
    for layer, words in (("fc", "no grid"), ("fcc", "no layer")):
        with pytest.raises(UserError, match=words):
            ask.claim("taken0.png", layer=layer)


def test_before_the_pass_there_is_a_claim_without_a_norm(tmp_path: Path) -> None:
    asked = Asked(colours.bench(with_colours(tmp_path).folder))
    found = asked.claim("taken0.png")
    assert found["channels"] == [10, 7, 4]
    assert found["evidence"]["norm"] == {"pictures": 0, "which": "none"}
    assert found["twin"] is None
    assert all(row["times"] is None for row in found["evidence"]["rows"])


# ---- pictures that are gone meanwhile ----


def test_deleted_pictures_do_not_take_the_claims_of_others(fresh: Asked, tmp_path: Path) -> None:
    twin = fresh.claim("taken0.png")["twin"]["name"]
    (tmp_path / "pics" / twin).unlink()
    asked = Asked(fresh.bench)
    found = asked.claim("taken0.png", layer="conv")
    assert found["evidence"]["norm"] == {"pictures": 3, "which": "true class"}
    assert found["twin"] is None
    (tmp_path / "pics" / "taken1.png").unlink()
    together = result(asked("together", layer=LAYER, wall=f"{RED},{GREEN}", known=13, drop=[]))
    assert (together["pictures"], together["of"]) == (2, 3)
    with pytest.raises(UserError, match=r"taken1\.png"):
        asked.claim("taken1.png")
    for name in ("taken0.png", "taken2.png"):
        (tmp_path / "pics" / name).unlink()
    with pytest.raises(UserError, match="none of these pictures can be read any more"):
        result(asked("together", layer=LAYER, wall=f"{RED},{GREEN}", known=13, drop=[1]))
    assert asked("mistakes", known=13)["wrong"] == 4  # what was answered is known


def test_a_copy_under_another_label_is_no_twin(tmp_path: Path) -> None:
    desk = with_colours(tmp_path)
    shutil.copy(tmp_path / "pics" / "taken0.png", tmp_path / "pics" / "zz.png")
    with (tmp_path / "pics" / "labels.csv").open("a") as table:
        table.write("zz.png,green\n")
    asked = Asked(colours.bench(desk.folder))
    asked.evaluate()
    found = asked.claim("taken0.png", a=RED, b=GREEN)
    assert found["twin"] is None or found["twin"]["name"] not in ("zz.png", "taken0.png")


# ---- all together ----


def test_all_pictures_of_a_pair_by_hand(ask: Asked) -> None:
    asked = {"layer": LAYER, "wall": f"{RED},{GREEN}", "known": 13}
    steps, found = [], None
    going = ask("together", **asked, drop=[])
    while found is None:
        try:
            steps.append(next(going))
        except StopIteration as end:
            found = end.value
    assert [(s.done, s.total) for s in steps] == [(i, 6) for i in range(1, 7)]
    assert (found["pictures"], found["of"]) == (3, 3)
    assert found["channels"] == [10, 7, 4, 1]  # no other speaks for green
    assert found["before"] == pytest.approx(2.0, abs=0.02)
    assert found["without"] == pytest.approx(-6.0, abs=0.02)
    assert found["flips"]["claimed"] == 3
    assert found["evidence"]["norm"] == {"pictures": 4, "which": "true class"}
    assert [round(r["times"], 1) for r in found["evidence"]["rows"]] == [2.7] * 4
    less = result(ask("together", **asked, drop=[10, 7]))
    assert less["channels"] == [4, 1]
    assert less["without"] == pytest.approx(2.0 - 2.4, abs=0.02)
    assert less["evidence"] == found["evidence"]
    nothing = result(ask("together", **asked, drop=[10, 7, 4, 1]))
    assert (nothing["channels"], nothing["flips"]["claimed"]) == ([], 0)


@pytest.mark.parametrize(
    ("wall", "words"),
    [("any,1", "choose a pair"), ("unsure", "choose a pair"), ("2,1", "no picture of this pair"),
     ("0,0", "with itself"), ("0,9", "out of range")],
)  # fmt: skip
def test_what_is_no_pair_is_said_so(ask: Asked, wall: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        result(ask("together", layer=LAYER, wall=wall, known=13, drop=[]))


# ---- sets in which something is missing ----


def test_a_folder_without_labels(tmp_path: Path) -> None:
    asked = Asked(colours.bench(with_colours(tmp_path, labels=False).folder))
    asked.evaluate()
    found = asked("mistakes", known=13)
    assert (found["labelled"], found["wrong"], found["top1"], found["pairs"]) == (0, 0, None, [])
    assert asked.names("wrong") == []
    assert asked.names("unsure")[0] == "plain0"
    assert asked("matrix", known=13) == {"order": [], "cells": []}
    assert asked.claim("taken0.png")["evidence"]["norm"]["which"] == "none"


def test_a_set_without_an_error_and_of_one_class(tmp_path: Path) -> None:
    asked = Asked(colours.bench(with_colours(tmp_path, only=("red",)).folder))
    asked.evaluate()
    found = asked("mistakes", known=4)
    assert (found["top1"], found["wrong"], found["pairs"], found["unread"]) == (1.0, 0, [], 0)
    assert asked("matrix", known=4) == {"order": [RED], "cells": [[0, 0, 4]]}
    claim = asked.claim("red0.png")
    assert claim["evidence"]["norm"] == {"pictures": 4, "which": "all right"}


def test_only_the_newest_answers_are_held(fresh: Asked) -> None:
    fresh("mistakes", known=13)
    held = [key for key in fresh.bench.kept.kept if isinstance(key, tuple) and key[0] == "answered"]
    assert len(held) == 1


# ---- the addresses ----


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[FlaskClient, str, Jobs]]:
    """The application on a worker of its own, whose disk refuses the answers at first."""
    settings = colours.started(with_colours(tmp_path).folder)
    store = Store(Path(settings["cache"]))
    (tmp_path / "c" / "evaluations").write_text("in the way")
    with Jobs(settings, in_thread=True) as jobs:
        config = Config(model=settings["model"], cache=settings["cache"])
        service = Service(config, jobs, store, open_library(settings, store))
        yield create_app(service).server.test_client(), settings["model"], jobs


def test_what_failed_begins_anew_when_it_is_asked_for(
    page: tuple[FlaskClient, str, Jobs], tmp_path: Path
) -> None:
    client, model, jobs = page
    address = "http://127.0.0.1/api/evaluation"

    def standing() -> dict[str, Any]:
        for job in jobs.running():
            jobs.wait(job.id, timeout=60)
        return dict(client.get(address).json)

    client.get(address)
    failed = standing()
    assert (failed["state"], failed["known"]) == ("failed", 0)
    assert "cannot be used" in failed["error"]
    (tmp_path / "c" / "evaluations").unlink()
    assert standing()["state"] == "failed"  # not by itself
    refused = client.post(address)
    assert refused.status_code == 403
    begun = client.post(address, headers={"X-Neuronscope": "evaluate"})
    assert begun.status_code == 200
    assert (standing()["state"], standing()["known"]) == ("done", 13)
    job = client.get("http://127.0.0.1/api/job", query_string={"id": begun.json["job"]}).json
    assert (job["state"], job["error"]) == ("done", None)
    found = client.get("http://127.0.0.1/api/matrix", query_string={"model": model}).json
    assert sorted(found["names"]) == sorted(NAMES)


# ---- the sample photographs ----


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    asked = Asked(tasks.make_state({
        "model": "squeezenet1_1", "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(tmp_path_factory.mktemp("cache")), "images": None, "labels": None,
    }))  # fmt: skip
    asked.evaluate()
    return asked


def test_the_samples_can_be_tried_at_once(samples: Asked) -> None:
    found = samples("mistakes", known=29)
    assert found["labelled"] >= 20
    assert found["wrong"] == round((1 - found["top1"]) * found["labelled"])
    names = samples.bench.classifier("squeezenet1_1").categories.names
    pairs = {(names[p["true"]], names[p["said"]]) for p in found["pairs"]}
    assert {("jeep", "convertible"), ("military uniform", "bow tie")} <= pairs
    assert found["check"] == found["twice"] == 0  # one picture a class: nobody contradicts a label


def test_the_jeep_that_is_said_to_be_a_convertible(samples: Asked) -> None:
    found = samples("mistakes", known=29)
    names = samples.bench.classifier("squeezenet1_1").categories.names
    pair = next(p for p in found["pairs"] if names[p["true"]] == "jeep")
    asked = {"layer": "features.12", "a": None, "b": None, "drop": [], "known": 29}
    claim = samples("claim", picture=pair["keys"][0], **asked)
    assert 3 <= len(claim["channels"]) <= 6
    assert claim["before"] > 0
    assert claim["effect"] > 0
    assert claim["before"] - claim["without"] > 1
    assert (claim["answer_before"], claim["verdict"]) == (pair["said"], "confirmed")
    assert claim["equal"]["draws"] == 20


# ---- pages, and all of a list ----


def test_lists_come_page_by_page(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask.names("wrong")
    monkeypatch.setattr(tasks_errors, "WALL", 3)
    monkeypatch.setattr(tasks_errors, "LISTED", 1)
    first = ask("wall_pictures", known=13, wall="wrong")
    rest = ask("wall_pictures", known=13, wall="wrong", first=3)
    assert first["total"] == rest["total"] == 4
    names = [Path(one["name"]).stem for one in [*first["pictures"], *rest["pictures"]]]
    assert names == whole
    assert ask("wall_pictures", known=13, wall="wrong", first=4)["pictures"] == []
    assert ask("mistakes", known=13)["pairs"][0]["true"] == RED
    assert [p["true"] for p in ask("pairs", known=13, first=1)] == [BLUE]
    assert ask("pairs", known=13, first=2) == []


def test_all_of_a_list_is_what_its_wall_shows(ask: Asked) -> None:
    for wall in ("wrong", "right", "unsure", f"{RED},{GREEN}", f"{BLUE},any"):
        for given in ({}, {"sure": "80-95"}, {"among": BLUE}, {"sure": "80-95", "among": RED}):
            shown = ask("wall_pictures", known=13, wall=wall, **given)["pictures"]
            assert ask("list_size", known=13, wall=wall, **given) == len(shown)
            asked = {"a": GREEN, "b": RED, "patch": "flat:ff0000:0.5,0.5,0.5,1", "wall": wall}
            if shown:
                found = result(ask("bench_all", **asked, **given))
                assert [r["picture"] for r in found["rows"]] == [one["key"] for one in shown]
            else:
                with pytest.raises(UserError, match="no picture is in this list"):
                    result(ask("bench_all", **asked, **given))


def test_the_list_of_answers_that_change(ask: Asked) -> None:
    shown = result(ask("unsteady"))["pictures"]
    assert ask("list_size", known=13, wall="changes") == len(shown)
