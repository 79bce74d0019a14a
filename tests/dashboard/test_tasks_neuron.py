"""The Neuron page's tasks on the embedded network, beside plain torch."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dashboard import tasks
from dashboard.bench import Bench
from dashboard.tasks_icons import Subject, icon_key

UNIT, LAYER, MODEL = 402, "features.12", "squeezenet1_1"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    cache = tmp_path_factory.mktemp("cache")
    return tasks.make_state({
        "model": MODEL, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(cache), "images": None, "labels": None,
    })  # fmt: skip


def result(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


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


def test_trust_is_measured_on_the_icon_that_the_page_shows(bench: Bench) -> None:
    found = result(tasks.TASKS["trusted"](bench, model=MODEL, layer=LAYER, unit=UNIT))
    shown = icon_key(bench, MODEL, LAYER, Subject(UNIT, full=True))
    assert found["seeds"][0] == f"/blob/{shown}"
    assert len(set(found["seeds"])) == 3
    assert found["sentence"] == "few pictures to compare with"
    assert found["pictures"] == len(bench.library.pictures()) < 30
    assert found["rank"] <= 5  # by z-score against few pictures: a place or two may change
    assert found["units"] == 512
    assert found["activation"] > 3 * found["maximum"]
    again = result(tasks.TASKS["trusted"](bench, model=MODEL, layer=LAYER, unit=UNIT))
    assert again == found
