"""Streams without end and dreams in two networks, on the embedded one."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from analysis.dream.stamp import read_settings
from cache.dreams import Dreams
from cache.errors import UserError
from dashboard import dream_wish, tasks
from dashboard.bench import Bench
from dashboard.dream_pictures import OfBench
from dashboard.dream_reopen import reopened
from tests.dashboard.desk import settings
from tests.dashboard.test_tasks_dream import LAYER, MODEL, dreamed, film, picture, wish


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


def test_two_networks_at_a_layer_of_choice_of_a_class_and_towards_a_guide(bench: Bench) -> None:
    tiny, both = "octaves:1,iterations:1,size:64", {"mode": "two", "second": MODEL}
    chosen = dreamed(bench, wish(bench, **both, second_layer="features.10", how=tiny))
    assert [p["name"] for p in chosen["parts"]] == [f"{MODEL}, {LAYER}", f"{MODEL}, features.10"]
    alone = dreamed(bench, wish(bench, layer="features.10", how=tiny))
    store = bench.store
    ours, theirs = (store.read(url.removeprefix("/blob/"))
                    for url in (chosen["parts"][1]["url"], alone["url"]))  # fmt: skip
    assert ours is not None
    assert theirs is not None
    assert np.array_equal(picture(ours[0]), picture(theirs[0])), "each is that network's own dream"
    guide = bench.library.main.pictures[2].key
    guided = dreamed(bench, wish(bench, **both, guide=guide, how=tiny))
    assert guided["parts"][1]["choice"]["guide"] == guide
    assert guided["parts"][1]["choice"]["mode"] == "guided"
    goal = {"layer": "", "goal": 954, "picture": None, "how": f"{tiny},seed:1"}
    of_class = dreamed(bench, wish(bench, **both, **goal))
    assert [p["name"] for p in of_class["parts"]] == [f"{MODEL}, banana"] * 2
    assert of_class["parts"][0]["choice"]["goal"] == 954
    assert 0 <= of_class["parts"][0]["after"]["goal"] <= 1
    with pytest.raises(UserError, match="planted_square has no class 'banana'"):
        dreamed(bench, wish(bench, **{**both, "second": "planted_square"}, **goal))
    label = next(p.label for p in bench.library.pictures() if p.label)
    index = bench.classifier(MODEL).categories.index_of_label(label)
    elsewhere = {**both, "second": "planted_square", "picture": None}
    photographs = wish(bench, **elsewhere, guide=f"class:{index}")
    with pytest.raises(UserError, match="planted_square has no class"):  # nor is it of that number
        dreamed(bench, photographs)
    kept = store.read(of_class["id"])
    assert kept is not None
    again = reopened(read_settings(kept[0]), [MODEL], "other")
    assert again == wish(bench, **both, **goal)
    assert dream_wish.changes(again)["both"] == "class"


def test_a_stream_without_end_goes_on_and_its_frames_are_films(bench: Bench) -> None:
    how, then = "octaves:1,iterations:1,size:64,seed:9,frames:", "2:features.4:2,4:class:954"
    endless = wish(bench, mode="stream", how=f"{how}0", then=then)

    def run(many: int) -> list[str]:
        steps, seen = tasks.TASKS["dream"](bench, wish=endless.plain()), list[str]()
        while len(seen) < many:
            words = next(steps).partial["words"]
            seen += [words] * (":" in words and words not in seen[-1:])  # of finished frames
        steps.close()
        return seen

    assert run(2) == ["frame 1: features.7", "frame 2: features.7 \u00d7 1.50"]
    assert run(3)[0] == "frame 3: features.4 \u00d7 2.00", "where it was"
    held = tasks.TASKS["dream_held"](bench, wish=endless.plain())
    assert held["spans"] == ((0, 4),)
    for end, part, first in (("first", "frames:2", 0), ("last", "skip:3", 3)):
        given = {"wish": endless.plain(), "kind": "gif", "end": end, "many": 2}
        made = base64.b64decode(tasks.TASKS["dream_film"](bench, **given))
        with Image.open(io.BytesIO(made)) as shown:
            assert shown.n_frames == 2
        asked = reopened(read_settings(made), [MODEL], "other")
        assert asked.then == then
        assert part in (asked.how or "")
        assert asked.settings["skip"] == first
    finite = dreamed(bench, replace(endless, how=f"{how}6"))
    assert film(bench, finite).n_frames == 6
    assert tasks.TASKS["dream_held"](bench, wish=endless.plain(), clear=True)["spans"] == ()
    assert run(1) == ["frame 1: features.7"]
    whole = replace(endless, preview=False)
    steps = tasks.TASKS["dream"](bench, wish=whole.plain())
    for _ in range(3):
        next(steps)
    steps.close()
    kept = Dreams(bench.store.root).find(whole.key(OfBench(bench).fingerprint(whole)))
    assert kept is not None
    assert (kept.stopped, kept.kind, "without end" in kept.words) == (True, "gif", True)
    for wrong in ("3:a:99", "3"):
        with pytest.raises(UserError, match=r"strength|FRAME"):
            dream_wish.read({**endless.plain(), "then": wrong})
