"""The commands ``neuron`` and ``visualize --with | --blend-to``, beside the page's tasks and plain
torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from analysis.featurevis.icons import PRESETS, Preset
from analysis.images import decode
from analysis.models import load
from analysis.photos import samples
from cache.names import Names
from dashboard import tasks
from dashboard.bench import Bench
from dashboard.cli import main
from dashboard.tasks_icons import Subject, icon_key
from tests.dashboard.desk import Desk, one_line
from tests.dashboard.steps import result

LAYER, UNIT, AT = "features.10", 39, (6, 4)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cache, and a picture that is none of the samples."""
    folder = tmp_path_factory.mktemp("neuron")
    whole = decode(samples().pictures[0].read(), name="sample", min_side=256)
    whole.crop((40, 60, 460, 500)).save(folder / "mine.png")
    return folder


def said(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    assert main([str(a) for a in args]) == 0
    return capsys.readouterr().out


def asked(place: Path, *more: object) -> list[object]:
    return ["neuron", *more, "--layer", LAYER, "--channel", UNIT, "--cache", place / "c"]


def opened(place: Path) -> Bench:
    return tasks.make_state({
        "model": "squeezenet1_1", "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(place / "c"), "images": None, "labels": None,
    })  # fmt: skip


def seen(place: Path, name: str) -> Tensor:
    """The network's input (1, 3, 224, 224) of a file."""
    classifier = load("squeezenet1_1")
    image = decode((place / name).read_bytes(), name=name, min_side=classifier.resize)
    return classifier.tensor(classifier.pixels(image))


def test_the_numbers_are_the_networks_own(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, *asked(place), "--no-trust", "--json"))
    assert (found["layer"], found["channel"], found["trust"]) == (LAYER, UNIT, None)
    assert "feeds" not in found
    classifier = load("squeezenet1_1")
    maps: dict[str, Tensor] = {}
    with torch.no_grad():
        for one in samples().pictures:
            x = classifier.tensor(classifier.pixels(one.decode(min_side=classifier.resize)))
            maps[one.name] = classifier.module.features[:11](x)[0, UNIT]
    order = sorted(maps, key=lambda name: -float(maps[name].max()))
    strongest = found["patches"]["strongest"]
    assert [row["picture"] for row in strongest] == order[: len(strongest)]
    for row in strongest:
        assert row["value"] == pytest.approx(float(maps[row["picture"]].max()), rel=1e-3)
        at = np.unravel_index(int(maps[row["picture"]].argmax()), (13, 13))
        assert tuple(row["place"]) == at
    assert found["patches"]["weakest"][0]["picture"] == order[-1]
    assert found["responses"]["pictures"] == len(maps)
    assert found["responses"]["maximum"] == pytest.approx(strongest[0]["value"])
    assert found["weights"]["source"] == "features.9"
    assert len(found["weights"]["rows"]) == 12


def test_the_weights_to_the_classes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["neuron", "--layer", "features.12", "--channel", 397, "--cache", place / "c"]
    found = json.loads(said(capsys, *words, "--no-trust", "--json"))["weights"]["classes"]
    column = load("squeezenet1_1").module.get_submodule("classifier.1").weight[:, 397, 0, 0]
    ends = [*column.topk(4).indices.tolist(), *(-column).topk(4).indices.tolist()]
    assert sorted(row["index"] for row in found) == sorted(ends)
    for row in found:
        assert row["weight"] == pytest.approx(float(column[row["index"]]), rel=1e-4)


def test_what_feeds_it_was_really_removed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*asked(place, place / "mine.png"), "--at", "6,4", "--no-trust"]
    found = json.loads(said(capsys, *words, "--json"))
    module, x = load("squeezenet1_1").module, seen(place, "mine.png")
    assert (found["feeds"]["layer"], found["drives"]["layer"]) == ("features.9", "features.11")
    assert found["at"] == list(AT)
    with torch.no_grad():
        before = module.features[:10](x)
        whole = float(module.features[10](before)[0, UNIT][AT])
        assert found["activation"] == pytest.approx(whole, rel=1e-3)
        for row in found["feeds"]["rows"]:
            assert set(row) == {"channel", "place", "effect", "measured"}
            gone = before.clone()
            gone[:, row["channel"]] = 0
            left = float(module.features[10](gone)[0, UNIT][AT])
            assert row["measured"] == pytest.approx(whole - left, rel=1e-2, abs=1e-2)
    lines = said(capsys, *words)
    assert f"What makes it fire, in {found['feeds']['layer']}" in lines
    assert "at 6,4" in lines


def test_the_picture_is_not_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, *asked(place, place / "mine.png"), "--no-trust")
    raw = (place / "mine.png").read_bytes()
    bench = opened(place)
    key = bench.library.lend(raw, name="mine.png").key
    assert len(bench.library.pictures()) == len(samples().pictures)
    assert not bench.store.has(key)
    assert opened(place).library.find(key) is None


def test_trust_is_the_pages(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "full", Preset(4, 64, 64))
    found = json.loads(said(capsys, *asked(place), "--json"))["trust"]
    bench = opened(place)
    assert found["seeds"][0] == icon_key(bench, "squeezenet1_1", LAYER, Subject(UNIT, full=True))
    steps = tasks.TASKS["trusted"](bench, model="squeezenet1_1", layer=LAYER, unit=UNIT)
    page = json.loads(json.dumps(result(steps)))
    assert found == {**page, "seeds": [url.removeprefix("/blob/") for url in page["seeds"]]}
    kept = bench.store.get(found["seeds"][0])
    assert kept is not None
    x = torch.from_numpy(np.array(kept.value)).permute(2, 0, 1).float()[None] / 255
    classifier = bench.classifier("squeezenet1_1")
    with torch.no_grad():
        reached = classifier.module.features[:11](classifier.normalise(x))[0, UNIT].max()
    assert found["activation"] == pytest.approx(float(reached), rel=1e-3)
    lines = said(capsys, *asked(place))
    assert f"How far to trust its icon: {found['sentence']}" in lines


def test_your_own_name_comes_first(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Names(place / "c").set(load("squeezenet1_1").fingerprint, LAYER, UNIT, "round things")
    lines = said(capsys, *asked(place), "--no-trust").splitlines()
    assert lines[0] == f"{LAYER}, neuron {UNIT}: round things"


# ---- everything that a person can mend ----

OF = ["neuron", "--layer", "2", "--channel", "1"]
DRAW = ["visualize", "--layer", "2", "--channel", "1", "-o", "x.png"]
MENDED: list[tuple[list[str], str]] = [
    (["neuron", "--channel", "1"], "required: --layer"),
    (["neuron", "--layer", "2"], "required: --channel"),
    (["neuron", "--layer", "22", "--channel", "1"], "nearest: 2"),
    (["neuron", "--layer", "6", "--channel", "1"], "has no grid"),
    (["neuron", "--layer", "2", "--channel", "6"], "numbered 0 to 5"),
    (["neuron", "--layer", "2", "--channel", "one"], "is no whole number"),
    ([*OF, "noise.png", "--at", "13,0"], "outside the 13 x 13 grid"),
    ([*OF, "--at", "1,1"], "name the IMAGE as well"),
    ([*OF, "absent.png"], "there is no file absent.png"),
    ([*OF, "net.py"], "is text, not a picture"),
    ([*OF, "."], "is a folder"),
    ([*OF, "--images", "absent"], "there is no folder 'absent'"),
    ([*OF, "--labels", "l.csv"], "name that folder as well"),
    ([*OF, "--no-trsut"], "nearest: --no-trust"),
    ([*DRAW, "--with", "1"], "another channel than 1"),
    ([*DRAW, "--with", "6"], "out of range"),
    ([*DRAW, "--with", "2", "--blend-to", "3"], "choose one"),
    ([*DRAW, "--count", "3"], "--blend-to draws"),
    ([*DRAW, "--blend-to", "1"], "another channel than 1"),
    ([*DRAW, "--blend-to", "6"], "out of range"),
    ([*DRAW, "--blend-to", "3", "--count", "1"], "a row has 2 to 17 pictures"),
    ([*DRAW, "--blend-to", "3", "--recipe", "lucid"], "does not take --recipe"),
    ([*DRAW, "--blend-to", "3", "--transforms=none"], "does not take --transforms"),
    ([*DRAW, "--blend-to", "3", "--steps", "144"], "does not take --steps"),
    ([*DRAW, "--blend-to", "3", "--negative"], "does not take --negative"),
    (["visualize", "--class", "1", "--with", "2", "-o", "x.png"], "first with --channel"),
    (["visualize", "--channel", "1", "--blend-to", "2", "-o", "x.png"], "name the layer"),
]


@pytest.mark.parametrize(("args", "words"), MENDED, ids=[" ".join(a) for a, _ in MENDED])
def test_one_plain_line(
    tmp_path: Path, args: list[str], words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    desk = Desk(tmp_path)
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("NEURONSCOPE_CACHE", str(desk.folder / "c"))
    code = main([*args, "--model", "net.py:make"])
    assert words in one_line(code, *capsys.readouterr())
    assert not (desk.folder / "x.png").exists()


# ---- two neurons ----


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench of the small network, over the cache of the commands run here."""
    Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEURONSCOPE_CACHE", str(tmp_path / "c"))
    return tasks.make_state({
        "model": "net.py:make", "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(tmp_path / "c"), "images": None, "labels": None,
    })  # fmt: skip


def both(bench: Bench, pixels: Any) -> list[float]:
    """Means of channels 1 and 3 of layer 2 over all places, by plain torch."""
    classifier = bench.classifier("net.py:make")
    x = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float()[None] / 255
    x = nn.functional.interpolate(x, (32, 32), mode="bilinear", antialias=True)
    with torch.no_grad():
        out = classifier.module[:3](classifier.normalise(x))[0].mean((1, 2))
    return [float(out[1]), float(out[3])]


def test_two_at_once(small: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*DRAW, "--with", "3", "--model", "net.py:make", "--json"]
    found = json.loads(said(capsys, *words))
    page = icon_key(small, "net.py:make", "2", Subject(1, full=True, also=3))
    assert (found["key"], found["files"]) == (page, ["x.png"])
    own = ["--size", "32"]  # the network's own, so that nothing is scaled
    reached = json.loads(said(capsys, *words, *own))["activation"]
    together = both(small, Image.open("x.png"))
    assert reached == pytest.approx(sum(together), rel=1e-3)
    alone = json.loads(said(capsys, *DRAW, *own, "--model", "net.py:make", "--json"))
    assert together[1] > 3 * both(small, Image.open("x.png"))[1]
    assert alone["key"] != page


def test_a_row_is_the_pages(small: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*DRAW, "--blend-to", "3", "--model", "net.py:make", "--json"]
    found = json.loads(said(capsys, *words, "--count", "3"))
    row = np.asarray(Image.open("x.png"))
    assert (row.shape, found["count"], found["from_cache"]) == ((128, 384, 3), 3, False)
    kept = small.store.get(found["key"])
    assert kept is not None
    assert np.array_equal(np.concatenate(np.split(row, 3, axis=1)), kept.value)
    # the file is enlarged and lossy: what the ends answer to it is near what they answered
    ends = [both(small, row[:, at : at + 128]) for at in (0, 128, 256)]
    assert found["first"] == pytest.approx([one for one, _ in ends], rel=0.1, abs=0.02)
    assert found["last"] == pytest.approx([other for _, other in ends], rel=0.1, abs=0.02)
    assert found["first"][0] > found["first"][2]
    assert found["last"][2] > found["last"][0]
    again = json.loads(said(capsys, *words, "--count", "3"))
    assert (again["key"], again["from_cache"]) == (found["key"], True)


def test_a_row_of_the_usual_length_is_kept_for_the_page(
    small: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, *DRAW, "--blend-to", "3", "--model", "net.py:make").splitlines()
    assert lines[0].split()[0] == "picture"
    assert len(lines) == 1 + 7 + 1
    steps = tasks.TASKS["blending"](small, model="net.py:make", layer="2", unit=1, other=3)
    with pytest.raises(StopIteration) as end:
        next(steps)  # nothing is left to draw
    assert small.store.has(end.value.value["url"].removeprefix("/blob/"))
