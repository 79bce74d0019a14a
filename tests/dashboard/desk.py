"""A place to try the command at: a folder with a small network, a picture and a cache."""

import json
import os
import subprocess
import sys
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

# two networks that fail once a picture is wider than 50 pixels
LATE = """
import torch
from torch import nn

class Late(nn.Module):
    def __init__(self, fails):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.relu, self.fc = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2)
        self.fails = fails

    def forward(self, x):
        x = self.relu(self.fails(self.conv(x)))
        return self.fc(x.mean((2, 3)))

def infinite():
    fails = lambda x: x / 0 if x.shape[3] > 50 else x
    return {"module": Late(fails), "input_size": (3, 32, 32)}

def large():
    fails = lambda x: torch.empty(1 << 55) if x.shape[3] > 50 else x
    return {"module": Late(fails), "input_size": (3, 32, 32)}
"""


def settings(
    cache: Path, *, model: str = "squeezenet1_1", images: Path | None = None
) -> dict[str, Any]:
    """What a worker is started with."""
    return {
        "model": model, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(cache), "images": None if images is None else str(images), "labels": None,
    }  # fmt: skip


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


class InProcess(Desk):
    """The command in this process, which knows torch already; ``heard`` is what it prints."""

    def __init__(self, folder: Path, heard: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder)
        self.heard = heard

    def run(self, *args: object, **_: Any) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        self.heard.readouterr()
        code = main([*map(str, args), "--cache", str(self.folder / "c")])
        return code, *self.heard.readouterr()


def one_line(code: int, out: str, err: str) -> str:
    lines = [line for line in err.splitlines() if line != "a network that talks"]
    assert code == 2, (code, out, err)
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("neuronscope: ")
    assert "Traceback" not in err
    return lines[0]
