"""The house rules, read off the source: three floors, no heavy guests, no pickle, no giants."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("cache", "analysis", "dashboard")  # from the ground up; an import only points down
WEB = {"dash", "dash_mantine_components", "dash_iconify", "plotly", "flask", "werkzeug"}
TORCH = {"torch", "torchvision", "captum", "timm", "ndf", "sklearn", "umap", "numba"}
UNWELCOME = {"cache": WEB | TORCH, "analysis": WEB, "dashboard": set[str]()}
RUNS_CODE = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
MAY_SUBCLASS_UNPICKLER = "analysis/embedded.py"
LONGEST_FUNCTION, LONGEST_FILE = 60, 320


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import, wherever it stands; also import_module("...")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level]
            above = ".".join(base) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            yield node.lineno, module
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}".lstrip(".")
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            first = node.args[0]
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield node.lineno, str(first.value)


def misuses(tree: ast.AST, file: str) -> Iterator[tuple[int, str]]:
    """Ways to let a file run code: any use of pickle, and loaders told to unpickle."""
    bases = {
        id(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner, used = node.value.id, node.attr
            subclassed = used == "UnpicklingError" or (used == "Unpickler" and id(node) in bases)
            if owner == "pickle" and not subclassed:
                yield node.lineno, f"uses pickle.{used}; {file} may only subclass Unpickler"
        if isinstance(node, ast.Call):
            yield from loads_code(node)


def loads_code(node: ast.Call) -> Iterator[tuple[int, str]]:
    given = {word.arg: ast.unparse(word.value) for word in node.keywords}
    called = ast.unparse(node.func)
    if called == "torch.load" and given.get("weights_only") != "True":
        yield node.lineno, "torch.load without weights_only=True"
    if given.get("allow_pickle", "False") != "False":
        yield node.lineno, f"{called} with allow_pickle"


def lengths(tree: ast.AST, lines: int) -> Iterator[tuple[int, str]]:
    if lines > LONGEST_FILE:
        yield 1, f"{lines} lines: split it, a file may have {LONGEST_FILE}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield node.lineno, f"{node.name} has {length} lines, the most is {LONGEST_FUNCTION}"


def faults(root: Path) -> list[str]:
    """Every broken rule in the three packages below ``root``, as ``file:line: what``."""
    found = []
    for floor in FLOORS:
        for path in sorted((root / floor).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            tree, file = ast.parse(text), path.relative_to(root).as_posix()
            package = ".".join(path.relative_to(root).parent.parts)
            wrong = [
                *wrong_imports(tree, package, file),
                *misuses(tree, file),
                *lengths(tree, len(text.splitlines())),
            ]
            found += [f"{file}:{line}: {what}" for line, what in wrong]
    return list(dict.fromkeys(found))


def wrong_imports(tree: ast.AST, package: str, file: str) -> Iterator[tuple[int, str]]:
    floor = package.split(".")[0]
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    for line, module in imports(tree, package):
        top = module.split(".")[0]
        if top in above:
            yield line, f"{floor} imports {top}: an import never points up"
        if top in UNWELCOME[floor]:
            yield line, f"{floor} imports {top}, which has no place on this floor"
        if top in RUNS_CODE and not (file == MAY_SUBCLASS_UNPICKLER and module == "pickle"):
            yield line, f"imports {top}, which can run what it reads"
        if top == "tests":
            yield line, "imports the tests"


def test_the_house_is_in_order() -> None:
    assert [*ROOT.glob("cache/*.py")], "looking in the wrong place"
    broken = faults(ROOT)
    assert not broken, "\n".join(broken)


PLANTED = [
    ("cache/a.py", "import analysis", "points up"),
    ("cache/a.py", "from analysis.models import load", "points up"),
    ("cache/a.py", "def f():\n    from dashboard import jobs", "points up"),
    ("analysis/a.py", "import dashboard.app as app", "points up"),
    ("analysis/deep/a.py", "from ... import dashboard", "points up"),
    ("analysis/a.py", "import importlib\nimportlib.import_module('dashboard.app')", "points up"),
    ("cache/a.py", "import torch.nn as nn", "no place"),
    ("cache/a.py", "from torchvision import models", "no place"),
    ("cache/a.py", "import captum", "no place"),
    ("cache/a.py", "if True:\n    import flask", "no place"),
    ("analysis/a.py", "import plotly.express", "no place"),
    ("analysis/a.py", "__import__('dash')", "no place"),
    ("analysis/a.py", "from flask import Flask", "no place"),
    ("cache/a.py", "import pickle", "can run"),
    ("analysis/a.py", "from pickle import Unpickler", "can run"),
    ("analysis/embedded.py", "from pickle import load", "can run"),
    ("analysis/embedded.py", "import pickle\npickle.load(open('a'))", "only subclass"),
    ("analysis/embedded.py", "import pickle\npickle.Unpickler(open('a')).load()", "only subclass"),
    ("dashboard/a.py", "import joblib", "can run"),
    ("dashboard/a.py", "import dill as d", "can run"),
    ("analysis/a.py", "import torch\ntorch.load('a')", "weights_only"),
    ("analysis/a.py", "import torch\ntorch.load('a', weights_only=False)", "weights_only"),
    ("analysis/a.py", "import numpy\nnumpy.load('a', allow_pickle=True)", "allow_pickle"),
    ("dashboard/a.py", "def f():\n" + "    x = 1\n" * 60, "has 61 lines"),
    ("cache/a.py", "class A:\n    async def f(self):\n" + "        x = 1\n" * 60, "has 61 lines"),
    ("cache/a.py", "x = 1\n" * 321, "321 lines"),
]


@pytest.mark.parametrize(("file", "source", "said"), PLANTED)
def test_a_planted_fault_is_found(file: str, source: str, said: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(source, encoding="utf-8")
    found = faults(tmp_path)
    assert len(found) == 1
    assert said in found[0]
    assert found[0].startswith(f"{file}:")


SOUND = [
    ("dashboard/a.py", "import dash, torch\nfrom analysis import models\nfrom cache import store"),
    ("analysis/a.py", "import torch, captum\nfrom cache.errors import UserError"),
    ("analysis/deep/a.py", "from . import b\nfrom ..models import load\nfrom cache import store"),
    ("cache/a.py", "import numpy, safetensors, PIL\nfrom . import keys\nx = 'import torch'"),
    ("cache/a.py", "def f():\n" + "    x = 1\n" * 59),
    ("cache/a.py", "x = 1\n" * 320),
    (
        "analysis/embedded.py",
        "import pickle\nclass A(pickle.Unpickler):\n"
        "    def find_class(self, m, n):\n        raise pickle.UnpicklingError(n)",
    ),
    ("analysis/a.py", "import torch\ntorch.load('a', weights_only=True)"),
]


@pytest.mark.parametrize(("file", "source"), SOUND)
def test_what_is_allowed_is_not_found(file: str, source: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(source, encoding="utf-8")
    assert faults(tmp_path) == []
