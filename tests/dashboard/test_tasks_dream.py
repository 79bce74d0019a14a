"""Dreams on the embedded network: wishes, the task that dreams them, and what is kept of them."""

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from analysis.dream import settings as engine
from analysis.dream.engine import dreamt
from analysis.dream.stamp import read_settings
from cache.dreams import Dream, Dreams
from cache.errors import UserError
from dashboard import dream_settings, dream_wish, tasks
from dashboard.bench import Bench
from dashboard.dream_command import words
from dashboard.dream_pictures import OfBench
from dashboard.dream_reopen import reopened
from dashboard.dream_wish import Wish, looked_for
from dashboard.selection import MODES, Selection, change
from tests.dashboard.desk import LATE, settings
from tests.dashboard.steps import result

MODEL, LAYER = "squeezenet1_1", "features.7"
QUICK = "octaves:2,iterations:2,size:96"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state({
        "model": MODEL, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(tmp_path_factory.mktemp("cache")), "images": None, "labels": None,
    })  # fmt: skip


def wish(bench: Bench, **given: Any) -> Wish:
    usual = {"mode": "dream", "model": MODEL, "layer": LAYER, "how": QUICK}
    return Wish(**{**usual, "picture": bench.library.first().key, **given})


def dreamed(bench: Bench, wanted: Wish) -> dict[str, Any]:
    return dict(result(tasks.TASKS["dream"](bench, wish=wanted.plain())))


def picture(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_usual_settings_are_the_originals() -> None:
    own = engine.Dream()
    assert engine.PREVIEW == dream_settings.PREVIEW
    for name in ("octaves", "scale", "iterations", "step", "jitter"):
        assert dream_settings.usual("dream", name) == getattr(own, name)
        low, high = engine.RANGES[name]
        one = dream_settings.ALL[name]
        assert low <= one.least <= one.usual <= one.most <= high
    assert set(dream_settings.OF_MODE) == set(MODES)


def test_settings_are_written_as_they_are_read() -> None:
    assert dream_settings.written("dream", dream_settings.read("dream", None)) is None
    text = "octaves:6,step:2.5,seed:3"
    assert dream_settings.written("dream", dream_settings.read("dream", text)) == text
    for wrong in ("octaves:0", "octaves:2.5", "step:x", "step:nan", "scale:9"):
        with pytest.raises(UserError, match="from"):
            dream_settings.read("dream", wrong)


def test_a_wish_travels_as_plain_data_and_back_to_the_page(bench: Bench) -> None:
    wanted = wish(bench, units=(3, 17))
    assert dream_wish.read(wanted.plain()) == wanted
    chosen = change(Selection(), **dream_wish.changes(wanted))
    assert looked_for(chosen) == ((3, 17), None)
    assert (chosen.view, chosen.mode, chosen.layer, chosen.how) == ("dream", "dream", LAYER, QUICK)
    for wrong in (None, [], {}, {"mode": "dream"}, {**wanted.plain(), "mode": "x"},
                  {**wanted.plain(), "units": [-1]}, {**wanted.plain(), "x": 1},
                  {**wanted.plain(), "how": "octaves:99"}):  # fmt: skip
        with pytest.raises(UserError):
            dream_wish.read(wrong)


def test_the_command_says_the_same(bench: Bench) -> None:
    wanted = wish(bench, units=(3, 17), preview=False)
    told = "dream cat.jpg --layer features.7 --channel 3 --channel 17 --octaves 2 --iterations 2"
    assert words(wanted, "cat.jpg") == [*told.split(), "--size", "96", "-o", "dream.png"]
    stream = wish(bench, mode="stream", picture=None, how=None, group=1)
    told = "dream noise --layer features.7 --group 2 --preview -o dream.gif"
    assert words(stream, "noise") == told.split()


def test_what_is_looked_for() -> None:
    assert looked_for(Selection()) == ((), None)
    assert looked_for(Selection(unit=4)) == ((4,), None), "carried from the other views"
    assert looked_for(Selection(unit=4, look="all")) == ((), None)
    assert looked_for(Selection(look="17,3,3")) == ((3, 17), None)
    assert looked_for(Selection(look="g2")) == ((), 2)


def test_a_preview_is_the_engines_own_dream(bench: Bench) -> None:
    wanted = wish(bench, units=(12,))
    found = dreamed(bench, wanted)
    kept = bench.store.read(found["id"])
    assert kept is not None
    settings = engine.Dream(layer=LAYER, channels=(12,), octaves=2, iterations=2, size=96)
    image = bench.library.first()
    start = Image.open(io.BytesIO(image.read())).convert("RGB")
    start.thumbnail((96, 96), Image.Resampling.LANCZOS)
    *_, last = dreamt(bench.classifier(MODEL), settings, np.asarray(start))
    assert np.array_equal(picture(kept[0]), last.pixels())
    numbers = found["numbers"]
    assert numbers["after"]["activation"] > numbers["before"]["activation"]
    assert dreamed(bench, wanted) == found, "made once"
    assert Dreams(bench.store.root).all() == []


def test_the_whole_is_kept_for_ever_and_a_stopped_one_too(bench: Bench) -> None:
    kept = Dreams(bench.store.root)
    whole = wish(bench, preview=False)
    found = dreamed(bench, whole)
    one = kept.find(whole.key(OfBench(bench).fingerprint(whole)))
    assert one is not None
    assert (one.id, one.stopped, dream_wish.read(one.asked)) == (found["id"], False, whole)
    assert picture(kept.read(one)).shape[:2] == (96, 82)
    steps = tasks.TASKS["dream"](bench, wish=replace(whole, how=QUICK + ",seed:5").plain())
    seen = [next(steps) for _ in range(2)]
    steps.close()
    assert seen[0].partial["url"].startswith("/blob/")
    assert 0 < seen[0].done < seen[1].done < seen[1].total
    stopped, first = kept.all()
    assert (stopped.stopped, first.id) == (True, one.id)
    assert kept.thumb(stopped.id, "before") == kept.thumb(one.id, "before") != None  # noqa: E711
    finished = dreamed(bench, replace(whole, how=QUICK + ",seed:5"))
    assert (finished["id"], finished["stopped"]) == (stopped.id, False), "dreamt on, it gives way"
    kept.remove(stopped.id)
    assert [d.id for d in kept.all()] == [one.id]
    with pytest.raises(UserError, match="not kept"):
        kept.remove(stopped.id)


def test_from_noise_by_its_seed(bench: Bench) -> None:
    one = dreamed(bench, wish(bench, picture=None))
    two = dreamed(bench, wish(bench, picture=None, how=QUICK + ",seed:1"))
    assert "before" not in one["numbers"]
    assert one["id"] != two["id"]
    assert one["size"] == [96, 96]


def test_a_small_picture_is_enlarged_where_that_is_asked_for(bench: Bench) -> None:
    image = bench.library.find(wish(bench).picture or "")
    assert image is not None
    width, height = Image.open(io.BytesIO(image.read())).size
    side = max(width, height) + 40
    large = wish(bench, how=f"octaves:1,iterations:1,size:{side}", preview=False)
    assert max(dreamed(bench, large)["size"]) == side
    own = wish(bench, how="octaves:1,iterations:1", preview=False)
    assert dreamed(bench, own)["size"] == [width, height], "else it stays as large as it is"


def test_a_guide_leads_elsewhere_than_the_layer_alone(bench: Bench) -> None:
    other = bench.library.main.pictures[2].key
    guided = dreamed(bench, wish(bench, mode="guided", guide=other))
    assert guided["id"] != dreamed(bench, wish(bench))["id"]
    before, after = guided["numbers"]["before"], guided["numbers"]["after"]
    assert after["activation"] > before["activation"] + 0.02, "it agrees more with the guide"
    asked = tasks.TASKS["predict"](bench, model=MODEL, picture=other)
    assert after["towards"] == asked["top"][0]["class"], "the network's answer to the guide"
    assert 0 < before["goal"] < 1
    assert before["goal"] != after["goal"]
    with pytest.raises(UserError, match="labelled"):
        dreamed(bench, wish(bench, mode="guided", guide="class:0"))
    with pytest.raises(UserError, match="guides"):
        dreamed(bench, wish(bench, mode="guided"))


def test_a_class_out_of_noise_is_what_the_network_says(bench: Bench) -> None:
    starfish = bench.classifier(MODEL).categories.find("starfish")
    given = {"goal": starfish, "picture": None, "how": "octaves:1,size:224"}
    found = dreamed(bench, wish(bench, mode="class", layer="", **given))
    assert found["numbers"]["after"]["said"] == "starfish"
    with pytest.raises(UserError, match="class"):
        dreamed(bench, wish(bench, mode="class", layer=""))


def test_every_layer_on_one_sheet_and_two_networks_side_by_side(bench: Bench) -> None:
    tiny = "octaves:1,iterations:1,size:64"
    sheet = dreamed(bench, wish(bench, mode="layers", layer="", how=tiny))
    ladder = tasks.TASKS["network"](bench, model=MODEL)["ladder"]
    assert [part["choice"]["layer"] for part in sheet["parts"]] == [s["layer"] for s in ladder]
    assert "after" not in sheet["numbers"], "one number would be of none of them"
    small = wish(bench, mode="two", second="planted_square", how=tiny)
    two = dreamed(bench, small)
    assert [part["choice"]["model"] for part in two["parts"]] == [MODEL, "planted_square"]
    one = two["parts"][0]
    assert (one["network"], one["name"]) == (MODEL, f"{MODEL}, {LAYER}")
    assert one["after"]["activation"] > one["before"]["activation"]
    assert {"said", "share"} <= one["other"].keys(), "what the other network says of it"
    with pytest.raises(UserError, match="second"):
        dreamed(bench, wish(bench, mode="two"))


@pytest.mark.parametrize(("mode", "number"), [("style", "style"), ("kept", "cosine")])
def test_style_and_what_a_layer_keeps_are_measured(bench: Bench, mode: str, number: str) -> None:
    given = {"style": {"layer": "", "guide": bench.library.main.pictures[2].key}, "kept": {}}[mode]
    found = dreamed(bench, wish(bench, mode=mode, how="steps:8,size:64", **given))
    assert found["numbers"]["measured"][number] > 0
    assert max(found["size"]) == 64


def film(bench: Bench, found: dict[str, Any]) -> Image.Image:
    kept = bench.store.read(found["id"])
    assert kept is not None
    return Image.open(io.BytesIO(kept[0]))


def test_a_stream_goes_on_where_it_was_ended(bench: Bench) -> None:
    how = "octaves:1,iterations:1,size:64,frames:"
    whole = dreamed(bench, wish(bench, mode="stream", how=f"{how}4,seed:2"))
    steps = tasks.TASKS["dream"](
        bench, wish=wish(bench, mode="stream", how=f"{how}4,seed:3").plain()
    )
    seen = [next(steps).done for _ in range(4)]
    steps.close()
    assert seen == [0, 1, 1, 2], "after every step, and after every frame"
    more = dreamed(bench, wish(bench, mode="stream", how=f"{how}3,seed:3"))
    assert (film(bench, whole).n_frames, film(bench, more).n_frames) == (4, 3)
    asked = {"wish": wish(bench, mode="stream", how=f"{how}4,seed:2").plain(), "kind": "gif"}
    assert base64.b64decode(tasks.TASKS["dream_film"](bench, **asked))[:6] == b"GIF89a"


def test_a_results_file_reopens_as_its_wish(bench: Bench) -> None:
    guide = bench.library.main.pictures[2].key
    for wanted in (
        wish(bench, units=(3, 9)),
        wish(bench, mode="guided", guide=guide, how="octaves:2,iterations:2,step:0.7,size:96"),
        wish(bench, mode="stream", how="frames:2,octaves:1,iterations:1,size:64"),
        wish(
            bench,
            mode="stream",
            how="frames:2,octaves:1,iterations:1,size:64",
            then="1:features.4/5:2,2:again",
        ),
        wish(bench, mode="two", second=MODEL, second_layer="features.4", guide=guide, how=QUICK),
    ):
        kept = bench.store.read(dreamed(bench, wanted)["id"])
        assert kept is not None
        stamp = read_settings(kept[0])
        assert reopened(stamp, [MODEL], "other") == wanted
        assert stamp.sources["picture"].digest == wanted.picture
        assert reopened(stamp, [], "other").model == "other"


def test_what_cannot_be_dreamt_is_said_in_one_line(bench: Bench) -> None:
    for given, said in (
        ({"layer": "features.99"}, "features"), ({"units": (512,)}, "512"),
        ({"picture": "0" * 64}, "not open"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said):
            dreamed(bench, wish(bench, **given))


def test_what_was_made_before_a_fault_is_kept(tmp_path: Path) -> None:
    net = tmp_path / "late.py"
    net.write_text(LATE)
    bench = tasks.make_state(settings(tmp_path / "cache", model=f"{net}:infinite"))
    asked = {"preview": False, "how": "octaves:2,iterations:2,size:64"}
    wanted = Wish(mode="dream", model=f"{net}:infinite", layer="relu", **asked)
    with pytest.raises(UserError, match="not a finite number"):
        dreamed(bench, wanted)
    (kept,) = Dreams(bench.store.root).all()
    assert (kept.stopped, kept.found["size"]) == (True, [46, 46])


def test_the_list_holds_what_was_made(tmp_path: Path) -> None:
    made = Dreams(tmp_path)
    assert made.all() == []
    assert made.size() == 0
    one = Dream(id="a" * 64, asked={"mode": "dream"}, words="eyes")
    kept = made.keep(one, b"file", {"after": b"small"})
    assert made.find("a" * 64) == kept
    assert made.thumb(one.id, "after") == b"small"
    assert made.thumb(one.id, "before") is None
    assert made.find("../" * 20) is None
    made.keep(replace(one, kind="gif"), b"moving", {"after": b"small"})
    assert [f.name for f in made.folder.iterdir()] == ["a" * 64 + ".gif"], "the other gave way"
    with pytest.raises(ValueError, match="content key"):
        made.keep(replace(one, id="../x"), b"", {"after": b""})
