"""Pictures to compare, on the embedded network: recipes, rows between two neurons, unlike ones."""

import io
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from analysis.featurevis.icons import PRESETS, RECIPE, Preset
from analysis.featurevis.memory import in_batches
from analysis.recipes import Recipe
from cache.errors import UserError
from cache.keys import content_key
from dashboard import tasks, tasks_icons
from dashboard.bench import Bench
from dashboard.cli_icons import draw
from dashboard.cli_parser import parse
from dashboard.tasks_icons import Subject, icon_key
from tests.dashboard.steps import result

UNIT, OTHER, LAYER, MODEL = 402, 17, "features.12", "squeezenet1_1"
QUICK = replace(Recipe(), steps=16, input_size=64)
DEAD = """from torch import nn

def make():
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 2))
    nn.init.zeros_(body[0].weight)
    nn.init.zeros_(body[0].bias)
    return {"module": body, "input_size": (3, 32, 32), "categories": ["ant", "bee"]}
"""


def made(folder: Path, model: str = MODEL) -> Bench:
    return tasks.make_state({
        "model": model, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(folder), "images": None, "labels": None,
    })  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return made(tmp_path_factory.mktemp("cache"))


def drawn(bench: Bench, recipe: Recipe) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    asked = {"model": MODEL, "layer": LAYER, "unit": UNIT, "recipe": recipe.word}
    found = result(tasks.TASKS["rendering"](bench, **asked))
    return found, picture(bench, found["url"])


def picture(bench: Bench, url: str) -> NDArray[np.uint8]:
    kept = bench.store.read(url.removeprefix("/blob/"))
    assert kept is not None
    return np.asarray(Image.open(io.BytesIO(kept[0])).convert("RGB"))


def answer(bench: Bench, pixels: NDArray[np.uint8], unit: int, size: int) -> float:
    """The channel's mean over all places, by plain torch."""
    classifier, caught = bench.classifier(MODEL), []
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()[None] / 255
    if x.shape[-1] != size:
        x = nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    handle = classifier.module.get_submodule(LAYER).register_forward_hook(
        lambda _module, _given, out: caught.append(out[0, unit].mean().item())
    )
    try:
        with torch.no_grad():
            classifier.module(classifier.normalise(x))
    finally:
        handle.remove()
    return float(caught[0])


def test_the_programs_own_recipe_is_the_large_icon(bench: Bench) -> None:
    request = Recipe().request(bench.classifier(MODEL), LAYER, UNIT)
    key = content_key(request, fingerprint=bench.classifier(MODEL).fingerprint, recipe=RECIPE)
    assert key == icon_key(bench, MODEL, LAYER, Subject(UNIT, full=True))


def test_a_rendering_is_judged_as_plain_torch_does(bench: Bench) -> None:
    found, pixels = drawn(bench, QUICK)
    assert found["plain"] == pytest.approx(answer(bench, pixels, UNIT, 224), rel=1e-3)
    assert (found["step"], found["steps"], found["size"]) == (16, 16, 224)
    assert found["seconds"] > 0
    again, _ = drawn(bench, QUICK)
    assert again == found
    bare, _ = drawn(bench, replace(QUICK, transforms=()))
    assert bare["url"] != found["url"]
    assert bare["own"] > found["own"], "seen as it is, it answers more than shifted and turned"


def test_partial_pictures_can_be_looked_at(bench: Bench) -> None:
    steps = tasks.TASKS["rendering"](
        bench, model=MODEL, layer=LAYER, unit=UNIT, recipe=replace(QUICK, seed=5).word
    )
    seen = [next(steps) for _ in range(9)]
    steps.close()
    assert [p.done for p in seen] == list(range(1, 10))
    assert seen[0].partial["url"] is None
    assert picture(bench, seen[8].partial["url"]).shape == (128, 128, 3)


def test_maco_takes_the_spectrum_of_the_open_pictures(bench: Bench) -> None:
    found, pixels = drawn(bench, replace(QUICK, kind="maco", transforms=("pad", "crop")))
    assert found["plain"] == pytest.approx(answer(bench, pixels, UNIT, 224), rel=1e-3)
    spectrum = bench.kept.kept["spectrum", MODEL, True].magnitudes
    photographs = [
        bench.pixels(bench.classifier(MODEL), p.key) for p in bench.library.pictures()
    ]  # fmt: skip
    bright = np.mean([np.log(p.mean() / (255 - p.mean())) for p in photographs])
    assert np.sign(spectrum[0, 0, 0]) == np.sign(bright)
    assert spectrum.shape == (3, 128, 65)


@pytest.mark.parametrize("change", [
    {"kind": "pixel", "decorrelated": False}, {"transforms": ("jitter",)}, {"seed": 3},
    {"kind": "maco", "transforms": ("pad", "crop")},
])  # fmt: skip
def test_the_command_draws_the_same_picture(bench: Bench, change: dict[str, Any]) -> None:
    recipe = replace(QUICK, **change)
    _, pixels = drawn(bench, recipe)
    words = ["visualize", "--layer", LAYER, "--channel", str(UNIT), *recipe.options(),
             "--seed", str(recipe.seed), "-o", "icon.png"]  # fmt: skip
    there = draw(parse(words), bench.classifier(MODEL), bench.store, lambda *_: None)
    assert np.array_equal(there.images[0], pixels)


def test_a_row_leads_from_one_neuron_to_the_other(bench: Bench) -> None:
    asked = {"model": MODEL, "layer": LAYER, "unit": UNIT, "other": OTHER}
    found = result(tasks.TASKS["blending"](bench, **asked))
    assert len(found["first"]) == len(found["last"]) == 7
    assert picture(bench, found["url"]).shape == (7 * 128, 128, 3)
    assert found["first"][0] > found["first"][-1]
    assert found["last"][-1] > found["last"][0]
    assert result(tasks.TASKS["blending"](bench, **asked)) == found
    with pytest.raises(UserError, match="another neuron"):
        result(tasks.TASKS["blending"](bench, **{**asked, "other": UNIT}))
    with pytest.raises(UserError, match="out of range"):
        result(tasks.TASKS["blending"](bench, **{**asked, "other": 512}))


def test_subjects_are_read() -> None:
    assert Subject.parse("402") == Subject(402)
    assert Subject.parse("402!") == Subject(402, full=True)
    assert Subject.parse("402-") == Subject(402, full=True, kin="-")
    assert Subject.parse("402d") == Subject(402, full=True, kin="d")
    assert Subject.parse("402+17") == Subject(402, also=17)
    assert Subject.parse("402+17!") == Subject(402, full=True, also=17)
    for wrong in ("", "-", "402-d", "402+", "+4", "402d!", "g1", "402-!", "g2@12"):
        with pytest.raises(UserError):
            Subject.parse(wrong)


def test_unlike_ones_opposite_and_sum(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Preset(24, 64, 96)
    monkeypatch.setitem(PRESETS, "full", quick)
    monkeypatch.setitem(PRESETS, "preview", quick)
    reached = {}
    for token in (f"{UNIT}!", f"{UNIT}d", f"{UNIT}-", f"{UNIT}+{OTHER}"):
        asked = {"model": MODEL, "layer": LAYER, "tokens": [token]}
        found = result(tasks.TASKS["icons"](bench, **asked))[token]
        assert found["state"] == "done"
        known = tasks.TASKS["icons_known"](bench, **asked)[token]
        assert known == found
        kept = bench.store.get(found["url"].removeprefix("/blob/"))
        assert kept is not None
        assert kept.value.shape == (256 if token.endswith("d") else 64, 64, 3)
        reached[token[3:]] = found["activation"]
    assert len(reached["d"]) == 4
    assert reached["-"] < 0 < reached["!"]
    assert reached[f"+{OTHER}"] > 0


def test_an_opposite_that_nothing_changes_is_dead(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(DEAD)
    bench = made(tmp_path / "c", f"{tmp_path / 'net.py'}:make")
    asked = {"model": f"{tmp_path / 'net.py'}:make", "layer": "1", "tokens": ["0-"]}
    assert result(tasks.TASKS["icons"](bench, **asked))["0-"]["state"] == "dead"


def test_icons_that_do_not_fit_into_memory_are_drawn_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_icons, "in_batches", partial(in_batches, memory=1))
    monkeypatch.setitem(PRESETS, "preview", Preset(4, 32, 32))
    bench = made(tmp_path)
    steps = list(tasks_icons.icons(bench, model=MODEL, layer="features.4", tokens=["3", "5", "9"]))
    assert [(p.done, p.total) for p in steps] == [(n, 12) for n in range(1, 13)]
    known = tasks_icons.icons_known(bench, model=MODEL, layer="features.4", tokens=["3", "5", "9"])
    assert known == steps[-1].partial
    assert len({icon["url"] for icon in known.values()}) == 3
