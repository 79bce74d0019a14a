"""The patch bench in the worker and its addresses: what is measured is what the network says."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.pasting import Patch, composed
from cache.errors import UserError
from cache.store import Store
from dashboard import tasks
from dashboard.app import create_app
from dashboard.bench import Bench
from dashboard.bench_textures import texture
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.selection import fade_of, turned_of
from dashboard.service import Service
from tests.dashboard.desk import ROOT, settings
from tests.dashboard.steps import result

MODEL, LAYER, A, B = "squeezenet1_1", "features.12", 457, 652
PAIR = {"a": A, "b": B}
FLAT = "flat:808080:0.4,0.8,0.5,1"
CELL = "cell:starter-features.12:40,280:0.5,0.5,0.4,1"
OURS = {"X-Neuronscope": "bench"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application on a worker of its own: (client, service)."""
    folder = tmp_path_factory.mktemp("served")
    store = Store(folder)
    with Jobs(settings(folder)) as jobs:
        service = Service(Config(cache=str(folder)), jobs, store, open_library({}, store))
        yield create_app(service).server.test_client(), service


def grace(bench: Bench) -> str:
    return bench.library.first().key


def ask(bench: Bench, task: str, **given: Any) -> Any:
    found = tasks.TASKS[task](bench, model=MODEL, **given)
    return result(found) if hasattr(found, "__next__") else found


def pixels(encoded: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(encoded))))


# ---- tasks ----


def test_what_is_shown_is_what_is_measured(bench: Bench) -> None:
    shown = pixels(ask(bench, "bench_picture", picture=grace(bench), patch=FLAT))
    found = ask(bench, "bench_trial", picture=grace(bench), patch=FLAT, draws=2, **PAIR)
    classifier = bench.classifier(MODEL)
    with torch.no_grad():
        logits = classifier.module(classifier.tensor(shown))[0].numpy()
    assert found["now"]["logits"] == pytest.approx((logits[A], logits[B]), abs=1e-3)
    assert found["before"]["margin"] == pytest.approx(5.8, abs=0.5)
    assert found["noise"]["draws"] == 2
    plain = pixels(ask(bench, "bench_picture", picture=grace(bench)))
    assert (plain == bench.open(MODEL, grace(bench)).pixels).all()


@pytest.mark.parametrize("word", [
    "icon:features.12:3:0.5,0.5,0.4,1", "icon:classes:429:0.5,0.5,0.4,1", CELL,
    "noise:0.5,0.5,0.4,1", "blur:0.04:0.5,0.5,0.4,1", FLAT,
])  # fmt: skip
def test_every_kind_of_patch_is_there_at_once(bench: Bench, word: str) -> None:
    before = pixels(ask(bench, "bench_picture", picture=grace(bench)))
    after = pixels(ask(bench, "bench_picture", picture=grace(bench), patch=word))
    changed = (before != after).any(2)
    assert changed.mean() > 0.05
    assert not changed[:20].any()
    assert pixels(ask(bench, "bench_texture", patch=word)).shape[2] == 3


def test_a_crop_is_a_part_of_the_other_picture(bench: Bench) -> None:
    other = bench.library.pictures()[1].key
    patch = Patch.parse(f"crop:{other}:0,0.5,0.5,1:0.5,0.5,0.5,1")
    found = texture(bench, MODEL, patch)
    assert found is not None
    assert (found == bench.open(MODEL, other).pixels[:112, 112:]).all()
    mine = bench.open(MODEL, grace(bench)).pixels
    shown = pixels(ask(bench, "bench_picture", picture=grace(bench), patch=patch.word))
    assert (shown == composed(mine, patch, found)).all()


@pytest.mark.parametrize(("word", "said"), [
    ("icon:features.12:9999:0.5,0.5,0.4,1", "not drawn"),
    ("icon:nowhere:3:0.5,0.5,0.4,1", "nowhere"),
    ("cell:starter-features.3:40,1:0.5,0.5,0.4,1", "not here"),
    ("cell:starter-features.12:41,1:0.5,0.5,0.4,1", "no grid of 41"),
    ("cell:starter-features.12:40,99999:0.5,0.5,0.4,1", "not drawn"),
    (f"crop:{'0' * 64}:0,0,1,1:0.5,0.5,0.4,1", "not open"),
    ("icon:features.12:-1:0.5,0.5,0.4,1", "no patch"),
])  # fmt: skip
def test_a_patch_that_is_not_there_is_told_in_one_line(bench: Bench, word: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ask(bench, "bench_trial", picture=grace(bench), patch=word, **PAIR)


def test_the_curve_has_a_point_a_size(bench: Bench) -> None:
    found = ask(bench, "bench_curve", picture=grace(bench), patch=FLAT, **PAIR)
    assert [one["size"] for one in found] == sorted(one["size"] for one in found)
    assert len(found) == 8
    one = ask(bench, "bench_trial", picture=grace(bench), patch=FLAT, draws=3, **PAIR)
    same = next(p for p in found if p["size"] == 0.5)
    assert same["now"]["margin"] == pytest.approx(one["now"]["margin"], abs=1e-3)
    assert same["noise"]["margin"] == pytest.approx(one["noise"]["margin"], abs=1e-3)


def test_on_all_is_the_trials_together(bench: Bench) -> None:
    keys = [p.key for p in bench.library.pictures()[:4]]
    found = ask(bench, "bench_all", pictures=[*keys, "0" * 64], patch=FLAT, towards="a", **PAIR)
    assert [row["picture"] for row in found["rows"]] == keys
    assert len(found["unread"]) == 1
    alone = ask(bench, "bench_trial", picture=keys[1], patch=FLAT, draws=3, **PAIR)
    row = found["rows"][1]
    assert row["now"]["logits"] == pytest.approx(alone["now"]["logits"], abs=1e-3)
    assert found["summary"]["towards"] == A
    could = [r for r in found["rows"] if r["before"]["answer"] != A]
    assert found["summary"]["could"] == len(could)
    with pytest.raises(UserError, match="none of these"):
        ask(bench, "bench_all", pictures=["0" * 64], patch=FLAT, **PAIR)


def test_suggestions_are_measured_and_can_be_laid_again(bench: Bench) -> None:
    asked = {"picture": grace(bench), "layer": LAYER, "atlas": "starter-features.12", **PAIR}
    found = ask(bench, "bench_suggest", **asked)
    assert found["sources"] == ["cells"]  # nobody has looked for real patches yet
    best = found["suggestions"][0]
    assert best["push"] > 3
    assert best["beyond"]
    again = ask(bench, "bench_trial", picture=grace(bench), patch=best["patch"], draws=1, **PAIR)
    assert -again["change"] == pytest.approx(best["push"], abs=1e-2)
    other = ask(bench, "bench_suggest", **asked, towards="a")
    assert other["suggestions"][0]["patch"] != best["patch"]
    plain = ask(bench, "bench_suggest", **{**asked, "atlas": None})
    assert plain["sources"] == []
    assert {row["patch"].split(":")[0] for row in plain["suggestions"]} == {"flat", "blur"}


def test_suggestions_take_real_patches_where_they_are_known(bench: Bench) -> None:
    ask(bench, "examples", layer=LAYER)
    found = ask(bench, "bench_suggest", picture=grace(bench), layer=LAYER, atlas=None, **PAIR)
    assert found["sources"] == ["patches"]
    kinds = {row["patch"].split(":")[0] for row in found["suggestions"]}
    assert kinds == {"crop", "flat", "blur"}
    assert all(grace(bench) not in row["patch"] for row in found["suggestions"])


def test_the_planted_square_is_found_without_an_atlas(tmp_path: Path) -> None:
    """A small network that answers by the colour of a square in a corner: of every wrong picture a
    plain colour makes it name the true class, and noise does not come near."""
    model = "planted_square"
    there = tasks.make_state({**settings(tmp_path), "model": model})
    wrong = []
    for picture in there.library.main.pictures:
        opened = there.open(model, picture.key)
        if opened.label is not None and int(opened.logits.argmax()) != opened.label:
            wrong.append((picture.key, int(opened.logits.argmax()), opened.label))
    assert len(wrong) > 20
    for key, said, true in wrong[:6]:
        asked = {"picture": key, "layer": "relu4", "a": said, "b": true, "atlas": None}
        found = result(tasks.TASKS["bench_suggest"](there, model=model, **asked))
        best = found["suggestions"][0]
        assert best["turned"]
        assert best["beyond"]
        assert best["patch"].startswith("flat:")


def test_a_recipe_says_when_no_photograph_of_it_is_open(bench: Bench) -> None:
    found = ask(bench, "bench_recipe", recipe="pan", atlas="starter-features.12")
    assert (found["a"], found["b"], found["pictured"]) == (567, 909, False)
    picture = bench.library.find(found["picture"])
    assert picture is not None
    assert picture.name == "frying pan, drawn by the program"
    assert found["sources"] == ["cell", "icon"]
    with pytest.raises(UserError, match="recipe"):
        ask(bench, "bench_recipe", recipe="soup")


@pytest.mark.slow
def test_the_whale_with_a_baseball_is_a_great_white_shark(shared: Path, tmp_path: Path) -> None:
    """The article's own case, on a GoogLeNet and two photographs: found among the tried, held
    against noise of the same place and noise with the same choice."""
    photos, whale, ball = shared / "photos", "n02066245.jpg", "n02799071_7869_baseball.jpg"
    for folder, name, of in (("imagenet-sample", whale, "147"),
                             ("imagenet-five-per-class", ball, "429")):  # fmt: skip
        (tmp_path / "p" / of).mkdir(parents=True)
        shutil.copy(photos / folder / name, tmp_path / "p" / of / name)
    rows = f"file,class_index\n147/{whale},147\n429/{ball},429\n"
    (tmp_path / "p" / "labels.csv").write_text(rows)
    model = f"{shared / 'models' / 'bvlc_googlenet.py'}:load"
    own = settings(tmp_path / "c", model=model, images=tmp_path / "p")
    there = tasks.make_state({**own, "labels": str(tmp_path / "p" / "labels.csv")})
    found = result(tasks.TASKS["bench_recipe"](there, model=model, recipe="whale"))
    best = found["suggestions"][0]
    assert (found["pictures"], found["pictured"], found["tried"]) == (1, True, 2 * 27 + 2 * 24)
    assert best["turned"]
    assert best["now"]["answer"] == 2
    assert best["now"]["probabilities"][1] > 0.8
    assert best["noise"]["probabilities"][1][0] < 0.02
    assert found["noise"]["tried"] == 81
    assert found["noise"]["best"]["answer"] != 2
    again = tasks.TASKS["bench_trial"](there, model=model, picture=best["picture"], a=147, b=2,
                                       patch=best["patch"], draws=1)  # fmt: skip
    assert again["now"]["answer"] == 2


def test_faders_and_what_they_cost(bench: Bench) -> None:
    asked = {"layer": LAYER, "fade": "3:0,17:2", **PAIR}
    found = ask(bench, "bench_fade", picture=grace(bench), **asked)
    keep = torch.ones(1, 512, 1, 1)
    keep[0, 3], keep[0, 17] = 0, 2
    module = bench.classifier(MODEL).module
    handle = module.get_submodule(LAYER).register_forward_hook(lambda _m, _i, out: out * keep)
    try:
        with torch.no_grad():
            logits = module(bench.open(MODEL, grace(bench)).x)[0].numpy()
    finally:
        handle.remove()
    assert found["now"]["logits"] == pytest.approx((logits[A], logits[B]), abs=1e-3)
    cost = ask(bench, "bench_cost", picture=grace(bench), **asked)
    assert cost["pictures"] == bench.library.main.labelled
    assert cost["right"][1] - cost["right"][0] == cost["gained"] - cost["lost"]


def test_a_groups_fader_is_its_removal(bench: Bench) -> None:
    asked = {"picture": grace(bench), "layer": LAYER, **PAIR}
    found = ask(bench, "bench_fade", fade="g1:0", **asked)
    gone = ask(bench, "without_groups", off=[1], **asked)
    assert found["now"]["margin"] == pytest.approx(gone["without"], abs=1e-3)
    assert found["before"]["margin"] == pytest.approx(gone["before"], abs=1e-3)
    twice = ask(bench, "bench_fade", fade="g1:2,3:0", **asked)
    assert twice["now"]["margin"] != found["now"]["margin"]
    with pytest.raises(UserError, match="group 7 is out of range"):
        ask(bench, "bench_fade", fade="g6:0", **asked)
    cost = ask(bench, "bench_cost", fade="g1:0", **asked)
    assert cost["pictures"] == bench.library.main.labelled
    assert cost["right"][1] - cost["right"][0] == cost["gained"] - cost["lost"]


# ---- addresses ----


def get(client: Any, address: str) -> Any:
    return client.get(f"http://127.0.0.1{address}")


def done(client: Any, service: Service, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    answer = client.post("http://127.0.0.1/api/bench/job", json=asked, headers=OURS)
    assert answer.status_code == 200, answer.data
    job = json.loads(answer.data)["job"]
    service.jobs.wait(job, timeout=120)
    return job, json.loads(get(client, f"/api/bench/job?job={job}").data)


def test_a_trial_by_its_address(page: Any) -> None:
    client, service = page
    key = service.library.first().key
    answer = get(client, f"/api/bench/trial?picture={key}&a={A}&b={B}&patch={FLAT}")
    assert json.loads(answer.data)["noise"]["draws"] == 8
    moving = get(client, f"/api/bench/trial?picture={key}&a={A}&b={B}&patch={FLAT}&moving=1")
    assert json.loads(moving.data)["noise"]["draws"] == 1
    assert get(client, f"/api/bench/trial?picture={key}&patch={FLAT}").status_code == 422
    wrong = get(client, f"/api/bench/trial?picture={key}&a={A}&b={B}&patch=soup")
    assert wrong.status_code == 422
    assert get(client, f"/bench/seen.png?picture={key}&patch={FLAT}").data[:4] == b"\x89PNG"
    assert get(client, "/bench/texture.png?patch=soup").status_code == 404


def test_the_curve_as_a_file(page: Any) -> None:
    client, service = page
    query = f"picture={service.library.first().key}&a={A}&b={B}&patch={FLAT}"
    lines = get(client, f"/bench/curve.csv?{query}").data.decode().splitlines()
    assert lines[0].startswith("size,said_before,said_now,probability_a_before")
    assert len(lines) == 1 + 8
    whole = json.loads(get(client, f"/bench/curve.json?{query}").data)
    assert whole["classes"] == ["bow tie", "military uniform"]
    assert [one["size"] for one in whole["found"]][:2] == [0.1, 0.2]
    assert get(client, f"/bench/curve.xml?{query}").status_code == 404
    assert get(client, "/bench/curve.csv?patch=soup").status_code == 404


def test_works_are_begun_looked_at_and_taken_out(page: Any) -> None:
    client, service = page
    keys = [p.key for p in service.library.pictures()[:3]]
    asked = {"task": "bench_all", "model": MODEL, "patch": FLAT, "towards": "b", **PAIR}
    job, found = done(client, service, {**asked, "pictures": keys})
    assert found["state"] == "done"
    assert "bench-changed" in found["markup"]
    lines = get(client, f"/bench/table.csv?job={job}").data.decode().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("picture,key,said_before,said_now")
    whole = json.loads(get(client, f"/bench/table.json?job={job}").data)
    assert whole["classes"] == ["bow tie", "military uniform"]
    assert len(whole["found"]["rows"]) == 3
    assert get(client, f"/bench/table.xml?job={job}").status_code == 404
    assert get(client, "/bench/table.csv?job=none").status_code == 404


def test_the_page_finds_the_atlas_itself(page: Any) -> None:
    client, service = page
    asked = {"task": "bench_suggest", "model": MODEL, "picture": service.library.first().key,
             "layer": "features.9", "towards": "b", "size": 0.4, **PAIR}  # fmt: skip
    job, found = done(client, service, asked)
    assert found["state"] == "done"
    assert "cell:starter-features.12" in found["markup"]
    assert get(client, f"/bench/table.csv?job={job}").status_code == 200


@pytest.mark.parametrize("wrong", [
    {"task": "kill"}, [], {"task": "bench_all", "model": MODEL, "pictures": "all", **PAIR},
])  # fmt: skip
def test_works_that_make_no_sense_are_refused(page: Any, wrong: Any) -> None:
    answer = page[0].post("http://127.0.0.1/api/bench/job", json=wrong, headers=OURS)
    assert answer.status_code == 422


def test_the_page_reads_patches_and_faders_without_torch() -> None:
    code = "import sys, dashboard.app; sys.exit('torch' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=env, timeout=60).returncode == 0


def test_faders_are_read_off_the_address() -> None:
    assert fade_of("3:0.5,17:2") == ({3: 0.5, 17: 2.0}, {})
    assert fade_of("3:0.5,g0:2,g5:0") == ({3: 0.5}, {0: 2.0, 5: 0.0})
    assert fade_of(None) == fade_of("soup") == fade_of("h3:1") == ({}, {})
    assert turned_of("3,17,g2") == ([3, 17], [2])
    assert turned_of(None) == turned_of("g") == turned_of("soup") == ([], [])
