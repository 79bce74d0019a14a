"""The command as a person and as a program meet it: real processes, real networks, real files."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboard.cli import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = """
import torch
from torch import nn
print("a network that talks")
def make(classes=3):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(inplace=True), nn.Conv2d(8, 6, 3),
                         nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes))
    return {"module": body, "input_size": (3, 32, 32), "categories": ["ant", "bee", "cow"]}
"""


class Desk:
    """A folder of its own to stand in, with a small network, a picture and a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net.py").write_text(SMALL)
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(noise).save(folder / "noise.png")

    def start(self, *args: object, **given: Any) -> "subprocess.Popen[str]":
        env = {**os.environ, "PYTHONPATH": str(ROOT), "NEURONSCOPE_CACHE": str(self.folder / "c")}
        env |= given.pop("env", {})
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "dashboard.cli", *map(str, args)], cwd=self.folder,
            env=env, text=True, stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **given},
        )  # fmt: skip

    def run(self, *args: object, **given: Any) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        with self.start(*args, **given) as process:
            out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def small(self, *args: object, **given: Any) -> tuple[int, str, str]:
        """The same on the small network."""
        return self.run(*args, "--model", "net.py:make", **given)

    def document(self, *args: object) -> Any:
        """What ``--json`` prints, which is one document and nothing else."""
        code, out, err = self.small(*args, "--json")
        assert code == 0, err
        return json.loads(out)

    def refused(self, *args: object, **given: Any) -> str:
        """The one line of a refusal."""
        code, out, err = self.small(*args, **given)
        return one_line(code, out, err)


def one_line(code: int, out: str, err: str) -> str:
    lines = [line for line in err.splitlines() if line != "a network that talks"]
    assert code == 2, (code, out, err)
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("neuronscope: ")
    assert "Traceback" not in err
    return lines[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# ---- the answers ----


def test_help_comes_at_once_and_without_torch(desk: Desk) -> None:
    took = []
    for args in (["--help"], ["visualize", "--help"], ["--version"]):
        started = time.perf_counter()
        code, out, err = desk.run(*args)
        took.append(time.perf_counter() - started)
        assert (code, err) == (0, "")
        assert "neuronscope" in out
    assert min(took) < 0.5, took
    probe = (
        "import sys; from dashboard.cli_parser import parse\n"
        "parse(['predict', 'x.png'])\n"
        "sys.exit(bool({'torch', 'numpy', 'dash', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0


def test_models(desk: Desk) -> None:
    code, out, _ = desk.run("models")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["squeezenet1_1", "embedded", "yes"]
    rows = json.loads(desk.run("models", "--json")[1])
    assert rows[0] == {
        "name": "squeezenet1_1", "source": "embedded", "available_offline": True, "classes": 1000,
    }  # fmt: skip


def test_layers(desk: Desk) -> None:
    rows = desk.document("layers")
    assert rows[0] == {"layer": "0", "kind": "Conv2d", "channels": 8, "grid": [15, 15]}
    assert [r["layer"] for r in rows] == ["0", "1", "2", "3", "4", "6"]
    assert rows[-1]["grid"] is None
    code, out, _ = desk.small("layers")
    assert code == 0
    assert "15 x 15" in out.splitlines()[1]


def test_predict(desk: Desk) -> None:
    rows = desk.document("predict", "noise.png", "noise.png", "--top", "2")
    assert [r["file"] for r in rows] == ["noise.png"] * 2
    assert rows[0]["top"] == rows[1]["top"]
    first, second = rows[0]["top"]
    assert set(first) == {"class", "index", "logit", "probability"}
    assert first["logit"] >= second["logit"]
    ratio = first["probability"] / second["probability"]
    assert ratio == pytest.approx(np.exp(first["logit"] - second["logit"]), rel=1e-6)
    every = desk.document("predict", "noise.png")[0]["top"]
    assert sum(t["probability"] for t in every) == pytest.approx(1)


def test_predict_names_what_it_cannot_read_and_answers_the_rest(desk: Desk) -> None:
    code, out, err = desk.small("predict", "net.py", "noise.png", "absent.png", "--json")
    assert code == 2
    assert [r["file"] for r in json.loads(out)] == ["noise.png"]
    assert "net.py" in err
    assert "1 more" in err


def test_fires(desk: Desk) -> None:
    whole = desk.document("fires", "noise.png", "--layer", "3", "--top", "99", "--class", "bee",
                          "--rather-than", "ant")  # fmt: skip
    assert (whole["grid"], whole["at"]) == ([13, 13], None)
    assert whole["classes"]["said"]["class"] == "bee"
    assert whole["margin"] == pytest.approx(
        whole["classes"]["said"]["logit"] - whole["classes"]["rather_than"]["logit"], abs=1e-5
    )
    assert all(set(n) == {"channel", "activation", "attribution"} for n in whole["neurons"])
    back = desk.document("fires", "noise.png", "--layer", "3", "--top", "99", "--class", "0",
                         "--rather-than", "1")  # fmt: skip
    assert back["margin"] == -whole["margin"]
    assert {n["channel"]: -n["attribution"] for n in back["neurons"]} == pytest.approx(
        {n["channel"]: n["attribution"] for n in whole["neurons"]}
    )
    # mean pooling and a linear map lie behind layer 3: its effects add up to the margin less bias
    here = desk.document("fires", "noise.png", "--layer", "3", "--at", "0,12", "--top", "2")
    assert here["at"] == [0, 12]
    assert len(here["neurons"]) <= 2


def test_visualize_is_kept_and_answers_at_once(desk: Desk) -> None:
    args = ["visualize", "--layer", "2", "--channel", "1", "--steps", "6", "--size", "24"]
    one = desk.document(*args, "-o", "a.png")
    two = desk.document(*args, "-o", "b.png")
    assert one["files"] == ["a.png"]
    assert (one["from_cache"], two["from_cache"]) == (False, True)
    assert one["key"] == two["key"]
    assert one["activation"] == two["activation"]
    assert (one["steps"], one["recipe"]) == (6, "lucid")
    pictures = [np.asarray(Image.open(desk.folder / f)) for f in ("a.png", "b.png")]
    assert pictures[0].shape == (24, 24, 3)
    assert pictures[0].std() > 5, "no grey square"
    assert np.array_equal(*pictures)
    other = desk.document(*args, "--seed", "1", "-o", "a.png")
    assert other["key"] != one["key"]


def test_visualize_every_objective(desk: Desk) -> None:
    np.save(desk.folder / "d.npy", np.arange(6.0))
    ways = [
        ["--layer", "2", "--neuron", "1"], ["--layer", "2", "--direction", "d.npy"],
        ["--class", "cow"], ["--layer", "2", "--channel", "1", "--negative"],
    ]  # fmt: skip
    keys = set()
    for way in ways:
        found = desk.document(
            "visualize", *way, "--steps", "4", "--size", "16", "-o", "x.webp", "--recipe", "lucid"
        )
        assert found["files"] == ["x.webp"]
        assert Image.open(desk.folder / "x.webp").size == (16, 16)
        keys.add(found["key"])
    assert len(keys) == 4
    several = desk.document("visualize", "--layer", "2", "--channel", "1", "--diversity", "3",
                            "--steps", "4", "--size", "16", "-o", "x.jpg")  # fmt: skip
    assert several["files"] == ["x-1.jpg", "x-2.jpg", "x-3.jpg"]
    assert len(several["activation"]) == 3
    assert all((desk.folder / f).is_file() for f in several["files"])


def test_the_cache(desk: Desk) -> None:
    desk.document("visualize", "--layer", "2", "--channel", "1", "--steps", "2", "-o", "a.png")
    assert desk.document("cache", "info")["entries"] == 1
    assert desk.document("cache", "verify")["checked"] == 1
    assert desk.document("cache", "export", "c.zip")["entries"] == 1
    assert desk.document("cache", "clear")["removed"] == 1
    assert desk.document("cache", "import", "c.zip")["new"] == 1
    code, out, _ = desk.small("cache", "info", "--cache", desk.folder / "other")
    assert code == 0
    assert "entries: 0" in out


def test_options_may_stand_before_the_command(desk: Desk) -> None:
    code, out, _ = desk.run("--json", "--model", "net.py:make", "--seed=3", "layers")
    assert code == 0
    assert json.loads(out)[0]["channels"] == 8


# ---- everything that a person can mend ----

MENDED: list[tuple[list[str], str]] = [
    (["modles"], "nearest: models"),
    (["frobnicate"], "there are: serve, models"),
    (["layers", "--lables", "x"], "layers does not know '--lables'"),
    (["fires", "noise.png", "--layer", "2", "--chanel", "3"], "does not know '--chanel'"),
    (["layers", "noise.png"], "layers does not know 'noise.png'"),
    (["predict"], "required: IMAGE"),
    (["predict", "noise.png", "--top", "many"], "'many' is no whole number"),
    (["predict", "noise.png", "--top", "0"], "out of range"),
    (["predict", "noise.png", "--seed", "-1"], "out of range"),
    (["predict", "noise.png", "--fit", "stretch"], "invalid choice: 'stretch'"),
    (["predict", "noise.png", "--device", "cuda:7"], "invalid choice"),
    (["predict", "absent.png"], "there is no file absent.png"),
    (["predict", "net.py"], "is text, not a picture"),
    (["predict", "."], "is a folder"),
    (["fires", "noise.png", "--layer", "33"], "no layer '33'"),
    (["fires", "noise.png", "--layer", "2", "--at", "13,0"], "outside the 13 x 13 grid"),
    (["fires", "noise.png", "--layer", "2", "--at", "1;2"], "is no place"),
    (["fires", "noise.png", "--layer", "6", "--at", "0,0"], "has no grid"),
    (["fires", "noise.png", "--layer", "2", "--class", "wasp"], "no class 'wasp'"),
    (["fires", "noise.png", "--layer", "2", "--class", "7"], "out of range"),
    (["fires", "noise.png", "--layer", "2", "--class", "1", "--rather-than", "bee"], "itself"),
    (["visualize", "--layer", "2", "-o", "x.png"], "--channel --neuron --direction --class"),
    (["visualize", "--layer", "2", "--channel", "6", "-o", "x.png"], "out of range"),
    (["visualize", "--layer", "22", "--channel", "1", "-o", "x.png"], "no layer '22'"),
    (["visualize", "--channel", "1", "-o", "x.png"], "name the layer with --layer"),
    (["visualize", "--layer", "2", "--channel", "1"], "required: -o/--output"),
    (["visualize", "--layer", "2", "--channel", "1", "-o", "no/x.png"], "there is no folder 'no'"),
    (["visualize", "--layer", "2", "--channel", "1", "-o", "x.txt"], "must end in one of .png"),
    (["visualize", "--layer", "2", "--channel", "1", "-o", "c.png"], "is a folder"),
    (["visualize", "--layer", "2", "--direction", "no.npy", "-o", "x.png"], "no file 'no.npy'"),
    (["visualize", "--layer", "2", "--direction", "net.py", "-o", "x.png"], "is no .npy file"),
    (["visualize", "--layer", "2", "--direction", "bad.npy", "-o", "x.png"], "is no .npy file"),
    (["visualize", "--layer", "2", "--direction", "long.npy", "-o", "x.png"], "has 6 numbers"),
    (["visualize", "--layer", "2", "--direction", "zero.npy", "-o", "x.png"], "only zeros"),
    (["visualize", "--class", "4", "-o", "x.png"], "out of range"),
    (["visualize", "--class", "1", "--layer", "2", "-o", "x.png"], "leave --layer out"),
    (["visualize", "--class", "1", "--channel", "2", "-o", "x.png"], "not allowed with"),
    (["cache"], "required: action"),
    (["cache", "empty"], "invalid choice: 'empty'"),
    (["cache", "export"], "needs a file"),
    (["cache", "info", "x"], "takes no file"),
    (["cache", "import", "absent.zip"], "absent.zip"),
    (["cache", "import", "noise.png"], "noise.png"),
    (["cache", "export", "no/such/c.zip"], "no/such"),
    (["cache", "info", "--cache", "noise.png"], "cannot be used"),
    (["serve", "--host", "0.0.0.0"], "is refused"),
    (["--host", "example.org", "--no-browser"], "is refused"),
    (["--port", "99999"], "out of range"),
    (["--images", "absent"], "there is no folder 'absent'"),
    (["--images", ".", "--labels", "absent.csv"], "there is no labels file"),
]


@pytest.mark.parametrize(("args", "words"), MENDED, ids=[" ".join(a) for a, _ in MENDED])
def test_one_plain_line(
    desk: Desk, args: list[str], words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In this process, which is quicker; that a process of its own ends so is tested below."""
    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("NEURONSCOPE_CACHE", str(desk.folder / "c"))
    (desk.folder / "c.png").mkdir()
    np.save(desk.folder / "bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(desk.folder / "long.npy", np.ones(7))
    np.save(desk.folder / "zero.npy", np.zeros(6))
    code = main([*args, "--model", "net.py:make"])
    assert words in one_line(code, *capsys.readouterr())
    assert not (desk.folder / "x.png").exists()


def test_one_plain_line_of_a_process(desk: Desk) -> None:
    assert "nearest: models" in desk.refused("modles")
    assert "no layer '33'" in desk.refused("fires", "noise.png", "--layer", "33")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resnet19", "no network 'resnet19'"),
        ("absent.py:make", "there is no file 'absent.py'"),
        ("net.py:absent", "no function 'absent'"),
        ("timm:no_such_net", "timm has no network"),
    ],
)
def test_networks_that_are_not_there(desk: Desk, model: str, words: str) -> None:
    assert words in one_line(*desk.run("layers", "--model", model))


def test_weights_that_are_none(desk: Desk) -> None:
    assert "no weights file 'w.pth'" in desk.refused("layers", "--weights", "w.pth")
    assert "no weights that can be read" in desk.refused("layers", "--weights", "noise.png")


def test_no_network_connection(desk: Desk) -> None:
    env = {"TORCH_HOME": str(desk.folder), "http_proxy": "http://127.0.0.1:9",
           "https_proxy": "http://127.0.0.1:9"}  # fmt: skip
    line = one_line(*desk.run("layers", "--model", "alexnet", env=env))
    assert "could not be downloaded" in line


def test_a_missing_extra(desk: Desk) -> None:
    (desk.folder / "without").mkdir()
    (desk.folder / "without" / "timm.py").write_text("raise ImportError('not installed')")
    env = {"PYTHONPATH": f"{desk.folder / 'without'}{os.pathsep}{ROOT}"}
    line = one_line(*desk.run("layers", "--model", "efficientnet_lite0", env=env))
    assert "pip install 'neuronscope[timm]'" in line


@pytest.mark.parametrize("name", ["cache", "analysis"])
def test_a_package_that_shadows_ours_is_named(desk: Desk, name: str) -> None:
    (desk.folder / name).mkdir()
    (desk.folder / name / "__init__.py").write_text("raise SystemExit('not ours')")
    env = {"PYTHONPATH": f"{desk.folder}{os.pathsep}{ROOT}"}
    line = one_line(*desk.run("models", env=env))
    assert str(desk.folder / name / "__init__.py") in line
    assert "shadows" in line


def test_a_folder_named_cache_beside_us_is_no_hindrance(desk: Desk) -> None:
    (desk.folder / "cache").mkdir()
    (desk.folder / "cache.py").write_text("raise SystemExit('not ours')")
    (desk.folder / "analysis").mkdir()
    assert desk.small("layers", "--json")[0] == 0


# ---- how it ends ----


def test_a_full_disk(desk: Desk) -> None:
    with Path("/dev/full").open("w") as full:
        code, _, err = desk.small("layers", stdout=full)
    assert code == 2
    assert err.splitlines()[-1] == "neuronscope: the disk is full; free some space and try again"

    def small_files_only() -> None:  # a disk on which no more than 2 KB fit
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    line = desk.refused("visualize", "--layer", "2", "--channel", "1", "--steps", "2", "-o",
                        "x.png", preexec_fn=small_files_only)  # fmt: skip
    assert "the disk is full" in line
    assert not (desk.folder / "x.png").exists()


def test_a_reader_that_has_gone(desk: Desk) -> None:
    with desk.start("models", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert process.returncode == 141
    assert err == ""


def test_ctrl_c(desk: Desk) -> None:
    args = ["visualize", "--layer", "2", "--channel", "1", "--steps", "100000", "-o", "x.png"]
    with desk.start(*args, "--model", "net.py:make") as process:
        time.sleep(6)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err.replace("a network that talks\n", "")) == ("", "")
    assert not (desk.folder / "x.png").exists()


# ---- serve ----


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield s.getsockname()[1]


def test_a_port_in_use(desk: Desk, taken: int) -> None:
    line = one_line(*desk.run("--port", taken, "--no-browser"))
    assert f"port {taken} is in use" in line
    assert "--port" in line
