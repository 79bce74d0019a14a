"""The tasks of the real patches: one pass for the whole ladder, shared and resumed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cache.errors import UserError
from dashboard import tasks_patches
from dashboard.bench import Bench
from dashboard.tasks_patches import examples, patches, reach, responses
from tests.dashboard.desk import Desk

PICTURES = 14


def bench_in(folder: Path) -> Bench:
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    for i in range(PICTURES):
        noise = np.random.default_rng(i).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(noise).save(pictures / f"{i:02}.png")
    (pictures / "05.png").write_bytes(b"no picture at all")
    config = {
        "cache": str(folder / "cache"), "model": str(folder / "net.py") + ":make",
        "weights": None, "device": "cpu", "fit": "crop", "images": str(pictures), "labels": None,
    }  # fmt: skip
    bench = Bench(config)
    bench.library.collections = bench.library.collections[:1]  # without the samples
    return bench


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Desk(tmp_path)
    return tmp_path


def run(bench: Bench, layer: str) -> tuple[dict[str, Any], int]:
    """The answer, and after how many steps it came."""
    steps, count = examples(bench, model=bench.config["model"], layer=layer), 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as end:
            return end.value, count


def layers(bench: Bench) -> list[str]:
    from analysis.layers import ladder

    return [step.name for step in ladder(bench.classifier(bench.config["model"]))]


def test_one_pass_serves_the_whole_ladder(folder: Path) -> None:
    bench = bench_in(folder)
    first, second = layers(bench)[:2]
    answer, steps = run(bench, first)
    assert steps > 1
    assert answer["pictures"] == PICTURES - 1
    assert len(answer["skipped"]) == 1
    assert "05.png" in answer["skipped"][0]
    assert run(bench, second)[1] == 0  # known from the same pass
    assert not bench.kept.kept.get(("pass", bench.config["model"], tuple(layers(bench))))


def test_two_jobs_move_one_pass_on(folder: Path) -> None:
    bench = bench_in(folder)
    first, second = layers(bench)[:2]
    model = bench.config["model"]
    one, other = (
        examples(bench, model=model, layer=first),
        examples(bench, model=model, layer=second),
    )
    assert next(one).done < next(other).done < next(one).done


def test_a_killed_pass_goes_on_from_its_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench_in(folder)
    layer = layers(whole)[0]
    run(whole, layer)
    model = whole.config["model"]
    wanted = [patches(whole, model=model, layer=layer, channel=c) for c in range(6)]
    whole.store.clear()

    monkeypatch.setattr(tasks_patches, "SAVED_EVERY", 0.0)
    killed = bench_in(folder)
    steps = examples(killed, model=model, layer=layer)
    next(steps)
    reached = next(steps).done
    again = bench_in(folder)
    steps = examples(again, model=model, layer=layer)
    assert next(steps).done > reached
    answer, _ = run(again, layer)
    assert answer["pictures"] == PICTURES - 1
    assert [patches(again, model=model, layer=layer, channel=c) for c in range(6)] == wanted
    assert again.store.info()["entries"] == len(layers(again))  # the checkpoint is gone


def test_patches_and_responses_of_one_neuron(folder: Path) -> None:
    bench = bench_in(folder)
    layer, given = layers(bench)[0], {"model": bench.config["model"], "channel": 2}
    with pytest.raises(UserError, match="still being looked for"):
        patches(bench, layer=layer, **given)
    run(bench, layer)
    strong = patches(bench, layer=layer, **given)
    weak = patches(bench, layer=layer, which="weakest", **given)
    values = [row["value"] for row in strong]
    assert values == sorted(values, reverse=True)
    assert weak[0]["value"] <= weak[-1]["value"] <= values[0]
    assert patches(bench, layer=layer, which="middle", **given)
    about = responses(bench, layer=layer, **given)
    assert about["pictures"] == sum(about["counts"]) == PICTURES - 1
    assert about["maximum"] == values[0]
    assert {row["class"] for row in about["classes"]} <= {"ant", "bee", "cow"}
    assert sum(row["pictures"] for row in about["classes"]) == PICTURES - 1
    with pytest.raises(UserError, match="strongest, middle or weakest"):
        patches(bench, layer=layer, which="best", **given)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="out of range"):
        responses(bench, model=bench.config["model"], layer=layer, channel=99)
    height, width = reach(bench, model=bench.config["model"], layer=layer)
    assert 0 < height <= 1
    assert 0 < width <= 1
