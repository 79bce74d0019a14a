"""The command ``dream`` on the embedded network: the page's own bytes, what it refuses, how it is
stopped."""

import base64
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.dream.stamp import read_settings
from analysis.library import Picture
from dashboard import cli_dream, dream_wish, tasks
from dashboard.bench import Bench
from dashboard.cli_dream_wish import OfFiles, completed, plan
from dashboard.cli_parser import parse
from dashboard.dream_command import words
from dashboard.dream_modes import looks
from dashboard.dream_wish import Wish
from dashboard.dream_works import Look, Pictures
from tests.dashboard.desk import InProcess, one_line, settings
from tests.dashboard.steps import result

MODEL, LAYER = "squeezenet1_1", "features.7"
SMALL = "octaves:1,iterations:2,size:64"
QUICK = ["--octaves", "1", "--iterations", "2", "--size", "64"]
DREAM = ["--layer", LAYER, *QUICK]
FILM = ["noise", "--layer", LAYER, "--octaves", "1", "--iterations", "1", "--size", "64"]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> InProcess:
    desk = InProcess(tmp_path, capsys)
    (tmp_path / "two").mkdir()
    pixels = np.asarray(Image.open(tmp_path / "noise.png"))
    Image.fromarray(pixels[::-1]).save(tmp_path / "two" / "other.png")
    return desk


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


def lent(bench: Bench, path: Path) -> Picture:
    return bench.library.lend(path.read_bytes(), name=path.name)  # type: ignore[return-value]


def document(desk: InProcess, *args: object) -> Any:
    code, said, errors = desk.run("dream", *args, "--json")
    assert (code, errors) == (0, "")
    return json.loads(said)


def of_page(bench: Bench, wish: Wish) -> bytes:
    """The file that the page makes of the same."""
    found = result(tasks.TASKS["dream"](bench, wish=wish.plain()))
    if not wish.preview:
        return Path(bench.store.root, "dreams", f"{found['id']}.{found['kind']}").read_bytes()
    kept = bench.store.read(found["id"])
    assert kept is not None
    return bytes(kept[0])


# ---- the page's bytes ----


def test_the_command_makes_the_pages_bytes_and_makes_them_again(
    desk: InProcess, bench: Bench
) -> None:
    one, out, again = desk.folder / "noise.png", desk.folder / "o.png", desk.folder / "again.png"
    found = document(desk, one, *DREAM, "--channel", "3,17", "--seed", "5", "--preview", "-o", out)
    wish = Wish(mode="dream", model=MODEL, layer=LAYER, picture=lent(bench, one).key,
                units=(3, 17), how=f"{SMALL},seed:5")  # fmt: skip
    assert out.read_bytes() == of_page(bench, wish)
    assert (found["files"], found["layer"], found["mode"]) == ([str(out)], LAYER, "dream")
    assert (found["size"], found["stopped"]) == ([64, 48], False)
    assert found["after"]["activation"] > found["before"]["activation"]
    assert found["settings"] == read_settings(out).settings
    assert (found["settings"]["units"], found["settings"]["seed"]) == ([3, 17], 5)
    document(desk, "--settings", out, one, "-o", again)
    assert again.read_bytes() == out.read_bytes()
    other = document(desk, one, "--settings", out, "--seed", "6", "-o", again)
    assert {**other["settings"], "seed": 5} == found["settings"]
    assert again.read_bytes() != out.read_bytes()


@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_other_pictures_tell_the_same(desk: InProcess, kind: str) -> None:
    out = desk.folder / f"o.{kind}"
    found = document(desk, "noise", *DREAM, "-o", out)
    assert read_settings(out).settings == found["settings"]
    assert (found["before"], Image.open(out).size) == (None, (64, 64))


@pytest.mark.parametrize("kind", ["gif", "mp4"])
def test_a_film_has_the_pages_bytes(desk: InProcess, bench: Bench, kind: str) -> None:
    if kind == "mp4":
        pytest.importorskip("av", reason="needs the extra neuronscope[video]")
    out = desk.folder / f"s.{kind}"
    found = document(desk, *FILM, "--frames", "3", "--preview", "-o", out)
    wish = Wish(mode="stream", model=MODEL, layer=LAYER,
                how="frames:3,octaves:1,iterations:1,size:64")  # fmt: skip
    assert of_page(bench, wish)[:6] == b"GIF89a"
    page = tasks.TASKS["dream_film"](bench, wish=wish.plain(), kind=kind)
    assert out.read_bytes() == base64.b64decode(page)
    assert (found["mode"], found["frames"], found["size"]) == ("stream", 3, [64, 64])
    assert read_settings(out).settings["frames"] == 3


def test_in_full_it_has_the_pages_bytes_too(desk: InProcess, bench: Bench) -> None:
    one, other = desk.folder / "noise.png", desk.folder / "two" / "other.png"
    out = desk.folder / "o.png"
    document(desk, one, *DREAM, "--guide", other, "-o", out)
    wish = Wish(mode="guided", model=MODEL, layer=LAYER, picture=lent(bench, one).key,
                guide=lent(bench, other).key, how=SMALL, preview=False)  # fmt: skip
    assert out.read_bytes() == of_page(bench, wish)
    assert read_settings(out).sources["guide 1"].name == "other.png"


# ---- the words that the page copies ----


WISHES: list[dict[str, Any]] = [
    {"mode": "dream", "units": (3, 17), "how": "octaves:6,step:0.7,size:96,seed:3"},
    {"mode": "dream", "group": 1, "preview": False},
    {"mode": "dream", "picture": None},
    {"mode": "class", "layer": "", "goal": 954, "picture": None},
    {"mode": "guided", "guide": "picture"},
    {"mode": "guided", "guide": "class:7", "preview": False},
    {"mode": "stream", "how": "zoom:2.5,turn:-1,frames:8,seed:4"},
    {"mode": "stream", "picture": None, "units": (5,)},
    {"mode": "layers", "layer": "", "how": "iterations:3"},
    {"mode": "style", "layer": "", "guide": "picture", "how": "weight:2,steps:20"},
    {"mode": "style", "layer": "", "guide": "picture"},
    {"mode": "kept", "how": "as:distance"},
    {"mode": "kept"},
    {"mode": "two", "second": "planted_square"},
    {"mode": "two", "second": "planted_square", "second_layer": "relu2"},
    {"mode": "two", "second": "planted_square", "goal": 954, "layer": "", "picture": None},
    {"mode": "two", "second": "planted_square", "guide": "picture", "how": "size:96"},
    {"mode": "stream", "then": "30:features.10:2,60:features.12/3/17,90:class:954,120:again"},
    {"mode": "stream", "how": "frames:0"},
    {"mode": "stream", "how": "frames:400,skip:380"},
]  # fmt: skip


@pytest.mark.parametrize("changed", WISHES, ids=lambda w: "-".join(map(str, w.values())))
def test_what_the_page_copies_is_understood(
    desk: InProcess, bench: Bench, changed: dict[str, Any]
) -> None:
    one, other = desk.folder / "noise.png", desk.folder / "two" / "other.png"
    plain = {"model": MODEL, "layer": LAYER, "picture": lent(bench, one).key, **changed}
    guide = plain.get("guide")
    if guide == "picture":
        plain["guide"], guide = lent(bench, other).key, str(other)
    wish = dream_wish.read({**plain, "units": list(plain.get("units", ()))})
    said = words(wish, str(one) if wish.picture else "noise", guide)
    given = parse(said)
    planned, _ = plan(given)
    assert completed(given, planned, None, OfFiles(bench)) == wish, said


# ---- what can be mended ----


REFUSED: list[tuple[list[str], str]] = [
    (["noise", "--layer", "features.77", "-o", "x.png"], "nearest: features.7"),
    (["noise", "--layer", LAYER, "--channel", "256", "-o", "x.png"], "numbered 0 to 255"),
    (["noise", "--layer", LAYER, "--channel", "x", "-o", "x.png"], "no whole number"),
    (["noise", "--layer", LAYER, "--channel", "1", "--group", "1", "-o", "x.png"], "choose one"),
    (["noise", "--layer", LAYER, "--group", "1", "-o", "x.png"], "start from a picture"),
    (["noise.png", "--layer", LAYER, "--group", "99", "-o", "x.png"], "group"),
    (["noise", "-o", "x.png"], "name the layer with --layer"),
    (["--layer", LAYER, "-o", "x.png"], "name the picture to begin with"),
    (["absent.png", "--layer", LAYER, "-o", "x.png"], "there is no file absent.png"),
    (["net.py", "--layer", LAYER, "-o", "x.png"], "is text, not a picture"),
    (["noise", "--layer", LAYER, "--guide", "absent.png", "-o", "x.png"], "no file absent.png"),
    (["noise", "--layer", LAYER, "--guide", "net.py", "-o", "x.png"], "is text, not a picture"),
    (["noise", "--layer", LAYER, "--guide", "class:0", "-o", "x.png"], "labelled"),
    (["noise", "--mode", "guided", "--layer", LAYER, "-o", "x.png"], "with --guide"),
    (["noise", "--mode", "two", "--layer", LAYER, "-o", "x.png"], "with --second"),
    (["noise", "--mode", "class", "-o", "x.png"], "with --class"),
    (["noise", "--class", "no such thing", "-o", "x.png"], "no class"),
    (["noise", "--class", "7", "--layer", LAYER, "-o", "x.png"], "does not take --layer"),
    (["noise", "--mode", "kept", "--layer", LAYER, "-o", "x.png"], "needs a picture"),
    (["noise", "--mode", "dreem", "-o", "x.png"], "invalid choice"),
    (["noise", "--layer", LAYER], "required: -o/--output"),
    (["noise", "--layer", LAYER, "-o", "x.tiff"], "must end in one of .png"),
    (["noise", "--layer", LAYER, "-o", "no/x.png"], "there is no folder 'no'"),
    (["noise", "--layer", LAYER, "-o", f"{'x' * 300}.png"], "written: File name too long"),
    (["noise.png", "--layer", LAYER, "-o", "noise.png"], "'noise.png' is a picture that this is"),
    (["noise", "--layer", LAYER, "--guide", "noise.png", "-o", "noise.png"], "name another file"),
    (["noise", "--layer", LAYER, "--frames", "9", "-o", "x.png"], "a stream is a film"),
    (["noise", "--layer", LAYER, "--mode", "layers", "-o", "x.gif"], "only a stream is a film"),
    (["noise", "--layer", LAYER, "--then", "9", "-o", "x.gif"], "30:features.10:2"),
    (["noise", "--layer", LAYER, "--then", "9:features.77", "-o", "x.gif"], "nearest: features.7"),
    (["noise", "--layer", LAYER, "--then", "9:class:no such", "-o", "x.gif"], "no class"),
    (["noise", "--layer", LAYER, "--then", "9:features.4/999", "-o", "x.gif"], "out of range"),
    (["noise", "--layer", LAYER, "--then", "9:features.4", "-o", "x.png"], "a stream is a film"),
    (["noise", "--mode", "dream", "--layer", LAYER, "--then", "9:a", "-o", "x.png"], "--then"),
    (["noise", "--second", MODEL, "--layer", LAYER, "--second-layer", "no", "-o", "x.png"],
     "no layer"),
    (["noise", "--second", MODEL, "--layer", LAYER, "--class", "7", "-o", "x.png"], "no layer and"),
    (["noise", "--second", "planted_square", "--class", "7", "-o", "x.png"], "has no class"),
    (["noise", "--layer", LAYER, "--frames", "9", "--skip", "9", "-o", "x.gif"], "1 to 2000"),
    (["noise", "--layer", LAYER, "--frames", "2001", "-o", "x.gif"], "1 to 2000 frames, not 2001"),
    (["noise", "--layer", LAYER, "--size", "6001", "-o", "x.png"], "from 0 to 6000"),
    (["noise", "--layer", LAYER, "--size", "-1", "-o", "x.png"], "from 0 to 6000"),
    (["noise", "--layer", LAYER, "--octaves", "nan", "-o", "x.png"], "from 1 to 8"),
    (["noise", "--layer", LAYER, "--seed", "4294967295", "-o", "x.png"], "seed is a whole number"),
    (["noise", "--layer", LAYER, "--octave", "2", "-o", "x.png"], "nearest: --octaves"),
    (["--settings", "noise.png", "-o", "x.png"], "carries no settings"),
    (["--settings", "absent.png", "-o", "x.png"], "no file"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[" ".join(w) for w, _ in REFUSED])
def test_what_can_be_mended_is_one_line(
    desk: InProcess, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(desk.folder)
    assert said in one_line(*desk.run("dream", *words))
    assert not list(desk.folder.glob("x.*"))


def test_the_picture_and_the_guide_of_a_result_are_asked_for(desk: InProcess) -> None:
    one, other = desk.folder / "noise.png", desk.folder / "two" / "other.png"
    out, again = desk.folder / "o.png", desk.folder / "again.png"
    document(desk, one, *DREAM, "--guide", other, "-o", out)
    asked = ["dream", "--settings", out, "-o", again]
    assert one_line(*desk.run(*asked)).endswith("it was made of: noise.png")
    assert one_line(*desk.run(*asked, one)).endswith("with --guide: other.png")
    assert "leave --mode out" in one_line(*desk.run(*asked, one, "--mode", "kept"))
    code, _, told = desk.run(*asked, other, "--guide", other)
    assert (code, told) == (0, "neuronscope: that was made of another picture, noise.png\n")


def test_without_the_extra_a_film_is_refused_before_any_work(
    desk: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    line = one_line(*desk.run("dream", *FILM, "-o", desk.folder / "x.mp4"))
    assert "neuronscope[video]" in line
    assert not (desk.folder / "c").exists()


# ---- how it ends ----


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def ctrl_c(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Somebody presses it while the third step is taken, or the third frame of a stream; or ends
    the program by its number."""

    def pressed(given: Pictures, wish: Wish) -> Iterator[Look]:
        seen = 0
        for look in looks(given, wish):
            seen += wish.mode != "stream" or look.frame is not None
            if seen == 3:
                signal.raise_signal(request.param)
            yield look

    monkeypatch.setattr(cli_dream, "looks", pressed)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("name", "frames"), [("x.png", None), ("x.gif", 2)])
def test_what_is_there_is_kept_when_it_is_stopped(
    desk: InProcess, name: str, frames: int | None
) -> None:
    out, usual = desk.folder / name, signal.getsignal(signal.SIGINT)
    code, said, errors = desk.run("dream", *FILM, "--iterations", "50", "-o", out, "--json")
    assert (code, errors) == (130, "")
    found = json.loads(said)
    assert (found["stopped"], found["frames"]) == (True, frames)
    with Image.open(out) as made:
        assert getattr(made, "n_frames", 1) == (frames or 1)
    code, said, _ = desk.run("dream", *FILM, "--iterations", "50", "-o", out)
    assert code == 130
    assert f"{name}: stopped, what was there is kept" in said
    assert ("the same command goes on from there" in said) == (frames is not None)
    assert signal.getsignal(signal.SIGINT) is usual
