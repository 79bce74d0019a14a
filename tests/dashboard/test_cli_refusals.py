"""Whatever a person can mend ends in one plain line and 2; how the command ends otherwise."""

import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard.cli import main
from tests.dashboard.desk import ROOT, Desk, one_line


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


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
    (
        ["visualize", "--layer", "2", "--channel", "1", "--settled", "2", "-o", "x.png"],
        "no number from 0 up to 1",
    ),
    (["visualize", "--layer", "2", "--direction", "no.npy", "-o", "x.png"], "no file 'no.npy'"),
    (["visualize", "--layer", "2", "--direction", "net.py", "-o", "x.png"], "is no .npy file"),
    (["visualize", "--layer", "2", "--direction", "bad.npy", "-o", "x.png"], "is no .npy file"),
    (["visualize", "--layer", "2", "--direction", "long.npy", "-o", "x.png"], "has 6 numbers"),
    (["visualize", "--layer", "2", "--direction", "zero.npy", "-o", "x.png"], "only zeros"),
    (["visualize", "--class", "4", "-o", "x.png"], "out of range"),
    (["visualize", "--class", "1", "--layer", "2", "-o", "x.png"], "leave --layer out"),
    (["visualize", "--class", "1", "--channel", "2", "-o", "x.png"], "not allowed with"),
    (["explain", "noise.png", "--layer", "22"], "no layer '22'"),
    (["explain", "noise.png", "--class", "wasp"], "no class 'wasp'"),
    (["explain", "noise.png", "-o", "report.pdf"], "must end in one of .html"),
    (["explain", "noise.png", "-o", "no/report.html"], "there is no folder 'no'"),
    (["explain", "absent.png"], "there is no file absent.png"),
    (["cache"], "required: action"),
    (["cache", "empty"], "invalid choice: 'empty'"),
    (["cache", "export"], "needs a file"),
    (["cache", "info", "x"], "takes no file"),
    (["cache", "import", "absent.zip"], "absent.zip"),
    (["cache", "import", "noise.png"], "noise.png"),
    (["cache", "export", "no/such/c.zip"], "there is no folder 'no/such'; make it first"),
    (["cache", "export", "c.png"], "'c.png' is a folder"),
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
        deadline = time.monotonic() + 120
        while not (desk.folder / "c").exists() and time.monotonic() < deadline:
            time.sleep(0.1)  # the cache is opened just before the drawing begins
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err.replace("a network that talks\n", "")) == ("", "")
    assert process.returncode == 130
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
