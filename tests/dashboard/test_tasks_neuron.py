"""The Neuron page's tasks on the embedded network, beside plain torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dashboard import tasks
from dashboard.bench import Bench
from dashboard.starter import Starter
from dashboard.tasks_icons import Subject, icon_key
from tests.dashboard.steps import result

UNIT, LAYER, MODEL = 402, "features.12", "squeezenet1_1"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    cache = tmp_path_factory.mktemp("cache")
    return tasks.make_state({
        "model": MODEL, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(cache), "images": None, "labels": None,
    })  # fmt: skip


def test_the_weights_to_the_classes_are_the_classifiers_own(bench: Bench) -> None:
    found = tasks.TASKS["wiring"](bench, model=MODEL, layer=LAYER, unit=UNIT)
    kernel = bench.classifier(MODEL).module.get_submodule("classifier.1").weight
    column = kernel[:, UNIT, 0, 0].detach()
    shown = {row["index"]: row["weight"] for row in found["classes"]}
    ends = [*column.topk(4).indices.tolist(), *(-column).topk(4).indices.tolist()]
    assert sorted(shown) == sorted(ends)
    for index, weight in shown.items():
        assert weight == pytest.approx(float(column[index]), rel=1e-4)
    assert found["source"] == "features.11"
    assert len(found["rows"]) == 12


def test_links_are_measured_by_real_removals(bench: Bench) -> None:
    picture = bench.library.pictures()[0].key
    asked = {"model": MODEL, "picture": picture, "layer": LAYER, "unit": UNIT, "at": None}
    found = tasks.TASKS["links"](bench, **asked)
    module, x = bench.classifier(MODEL).module, bench.open(MODEL, picture).x
    first = found["feeds"]["rows"][0]

    def response(gone: int | None) -> float:
        def drop(_module: Any, _given: Any, out: torch.Tensor) -> torch.Tensor:
            keep = torch.ones(out.shape[1])
            if gone is not None:
                keep[gone] = 0
            return out * keep.view(1, -1, 1, 1)

        handle = module.get_submodule("features.11").register_forward_hook(drop)
        try:
            with torch.no_grad():
                return float(module.features(x)[0, UNIT].sum())
        finally:
            handle.remove()

    measured = response(None) - response(first["channel"])
    assert first["measured"] == pytest.approx(measured, rel=1e-3, abs=1e-2)
    assert found["drives"]["layer"] is None
    assert found["drives"]["rows"][0]["class"] in bench.classifier(MODEL).categories.names


def test_links_say_where_in_the_other_layer_the_effect_lies(bench: Bench) -> None:
    picture = bench.library.pictures()[0].key
    asked = {"model": MODEL, "picture": picture, "layer": "features.10", "unit": 20, "at": [0, 5]}
    found = tasks.TASKS["links"](bench, **asked)
    assert (found["feeds"]["layer"], found["drives"]["layer"]) == ("features.9", "features.11")
    assert len(found["feeds"]["rows"]) == len(found["drives"]["rows"]) == 8
    for row in [*found["feeds"]["rows"], *found["drives"]["rows"]]:
        cells = np.array(row["map"]["values"]).reshape(row["map"]["rows"], row["map"]["cols"])
        assert cells.sum() == pytest.approx(row["effect"], rel=1e-2, abs=1e-2)
        assert np.unravel_index(np.abs(cells).argmax(), cells.shape) == tuple(row["place"])
    top = found["feeds"]["rows"][0]["place"]
    assert top[0] <= 2  # a place on the upper edge is fed by what lies there
    assert abs(top[1] - 5) <= 2


def test_profiles_are_those_of_the_pass_over_the_pictures(bench: Bench) -> None:
    result(tasks.TASKS["examples"](bench, model=MODEL, layer=LAYER))
    found = tasks.TASKS["profiles"](bench, model=MODEL, layer=LAYER)
    said = tasks.TASKS["responses"](bench, model=MODEL, layer=LAYER, channel=UNIT)
    assert found["measure"] == "lifetime sparseness"  # one picture a class
    assert len(found["selectivity"]) == len(found["holds"]) == 512
    mean, square = said["mean"], said["sd"] ** 2 + said["mean"] ** 2
    n = found["pictures"]
    by_hand = (1 - mean**2 / square) / (1 - 1 / n)
    assert found["selectivity"][UNIT] == pytest.approx(by_hand, abs=2e-3)
    best = [found["classes"][str(i)] for i in found["holds"][UNIT]]
    assert best[0] == said["classes"][0]["class"]
    assert best == [c["class"] for c in said["classes"]][: len(best)]


def test_trust_is_measured_on_the_icon_that_the_page_shows(bench: Bench) -> None:
    found = result(tasks.TASKS["trusted"](bench, model=MODEL, layer=LAYER, unit=UNIT))
    shown = icon_key(bench, MODEL, LAYER, Subject(UNIT, full=True))
    assert found["seeds"][0] == f"/blob/{shown}"
    assert len(set(found["seeds"])) == 3
    assert len(bench.library.pictures()) < 30  # too few: the reference photographs say more
    assert (found["reference"], found["pictures"]) == (True, 4407)
    assert found["sentence"] == "strong and selective"
    assert found["rank"] <= 5
    assert found["units"] == 512
    assert found["activation"] > 2 * found["maximum"]
    again = result(tasks.TASKS["trusted"](bench, model=MODEL, layer=LAYER, unit=UNIT))
    assert again == found


def test_without_the_pack_few_pictures_are_said_to_be_few(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "starter", Starter(tmp_path))
    found = result(tasks.TASKS["trusted"](bench, model=MODEL, layer=LAYER, unit=UNIT))
    assert (found["reference"], found["pictures"]) == (False, len(bench.library.pictures()))
    assert found["sentence"] == "few pictures to compare with"
