"""What tells one network from another, and weights out of files that are not trusted."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from analysis import embedded
from analysis.models import fingerprint, load, prepare
from analysis.sources import Source, find_source
from analysis.speed import BandedResponseNorm
from cache.errors import UserError
from tests.analysis.test_models import Calls
from tests.toys import TwoNeurons

# ---- fingerprint ----


def mark(module: nn.Module, **given: object) -> str:
    source = Source(module, "toy", True, (1, 4, 4), mean=(0.0,), std=(1.0,))
    for name, value in given.items():
        setattr(source, name, value)
    return fingerprint(module.eval(), source)


def test_the_fingerprint_is_of_the_weights_not_of_the_name() -> None:
    squeezenet = load(device="cpu")
    again = prepare(Source(embedded.squeezenet1_1(), "elsewhere", True, resize=256), "other name")
    assert again.fingerprint == squeezenet.fingerprint
    assert load(device="cpu", weights="random").fingerprint != squeezenet.fingerprint


def test_one_changed_weight_is_another_network() -> None:
    one, two = TwoNeurons(), TwoNeurons()
    assert mark(one) == mark(two)
    with torch.no_grad():
        two.fc.weight[1, 1] += 1e-6
    assert mark(one) != mark(two)


def test_other_preprocessing_is_another_network() -> None:
    assert mark(TwoNeurons()) != mark(TwoNeurons(), std=(2.0,))


class Base(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


class Doubled(Base):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Tripled(Base):
    def forward(self, x: Tensor) -> Tensor:
        return 3 * super().forward(x)


def named(kind: type, base: type | None = None) -> nn.Module:
    """The same name and no weights, so that only code tells one from another."""
    bases = (base or kind,)
    made = type("Same", bases, {} if base is None else {"forward": kind.forward})  # type: ignore[attr-defined]
    module: nn.Module = made()
    return module


def test_another_forward_is_another_network() -> None:
    assert mark(named(Doubled)) != mark(named(Tripled)), "inherited code counts"
    assert mark(named(Doubled)) == mark(named(Doubled))


def test_code_typed_into_a_prompt_counts_too() -> None:
    def typed(factor: int) -> nn.Module:
        space: dict[str, type] = {"Base": Base}  # no file holds its source
        exec(f"class T(Base):\n def forward(self, x): return x.sum((2, 3)) * {factor}", space)
        module: nn.Module = space["T"]()
        return module

    assert mark(typed(2)) == mark(typed(2))
    assert mark(typed(2)) != mark(typed(3))


def test_a_network_that_was_loaded_before_keeps_its_fingerprint() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 1), nn.LocalResponseNorm(3), nn.Flatten())
    source = Source(module, "toy", True, (1, 2, 2), mean=(0.0,), std=(1.0,))
    first = prepare(source, "a").fingerprint
    assert isinstance(module[1], BandedResponseNorm)
    assert prepare(source, "b").fingerprint == first
    module[1].alpha *= 2
    assert prepare(source, "b").fingerprint != first


# ---- weights files ----

WEIGHTED = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(5)
    module = find_source(WEIGHTED, trained=False).module
    return {k: torch.randn_like(v) if v.is_floating_point() else v
            for k, v in module.state_dict().items()}  # fmt: skip


WAYS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "plain.pth": torch.save,
    "plain.safetensors": lambda s, p: save_file({k: v.contiguous() for k, v in s.items()}, p),
    "parallel.pth": lambda s, p: torch.save({f"module.{k}": v for k, v in s.items()}, p),
    "wrapped.pt": lambda s, p: torch.save({"epoch": 3, "state_dict": s}, p),
    "half.pth": lambda s, p: torch.save({k: v.clone() for k, v in s.items()}, p),
    "old.pth": lambda s, p: torch.save({k: v for k, v in s.items() if "tracked" not in k}, p),
}


@pytest.mark.parametrize("name", WAYS)
def test_weights_files(name: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    WAYS[name](state, tmp_path / name)
    net = load(WEIGHTED, weights=str(tmp_path / name))
    assert net.trained
    own = net.module.state_dict()
    assert all(torch.equal(own[k], state[k]) for k in state if "tracked" not in k)


def test_a_network_with_a_child_named_module(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1))\n"
        "    def forward(self, x): return self.module(x).flatten(1)\n"
    )
    name = f"{tmp_path / 'net.py'}:Net"
    state = {k: v + 1 for k, v in load(name).module.state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    got = load(name, weights=str(tmp_path / "w.pth")).module.state_dict()
    assert all(torch.equal(got[k], state[k]) for k in state)


def test_networks_whose_state_has_a_version(tmp_path: Path) -> None:
    """mnasnet raises where a state dict does not say its version, and safetensors cannot."""
    state = find_source("mnasnet0_5", trained=False).module.state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "w.safetensors")
    assert load("mnasnet0_5", weights=str(tmp_path / "w.safetensors")).trained


def bad_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"conv1.0.weight": Calls(path.with_name("ran"))}))


def bad_archive(path: Path) -> None:
    torch.save({"conv1.0.weight": Calls(path.with_name("ran"))}, path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent.pth": (lambda p: None, "there is no weights file"),
    "folder.pth": (lambda p: p.mkdir(), "there is no weights file"),
    "empty.pth": (lambda p: p.write_bytes(b""), "no weights that can be read safely"),
    "text.pth": (lambda p: p.write_text("hello"), "no weights that can be read safely"),
    "text.safetensors": (lambda p: p.write_text("hello"), "no weights that can be read safely"),
    "code.pth": (bad_pickle, "no weights that can be read safely"),
    "code2.pth": (bad_archive, "no weights that can be read safely"),
    "tensor.pth": (lambda p: torch.save(torch.ones(2), p), "holds a Tensor, not a state dict"),
    "list.pth": (lambda p: torch.save([1], p), "holds a list, not a state dict"),
    "none.pth": (lambda p: torch.save({}, p), "no weights for conv1.0.weight and "),
    "other.pth": (lambda p: torch.save({"a": torch.ones(1)}, p), "does not fit this network"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_weights_files_say_so_in_one_line(name: str, tmp_path: Path) -> None:
    make, words = BAD[name]
    make(tmp_path / name)
    with pytest.raises(UserError) as caught:
        load(WEIGHTED, weights=str(tmp_path / name))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists(), "the file's code has run"


def test_wrong_shapes_and_too_much(state: dict[str, Tensor], tmp_path: Path) -> None:
    wrong = {**state, "fc.weight": torch.ones(7, 1024), "fc.bias": torch.ones(7)}
    torch.save(wrong, tmp_path / "wrong.pth")
    with pytest.raises(UserError, match=r"wrong\.pth does not fit this network: .*fc\.weight"):
        load(WEIGHTED, weights=str(tmp_path / "wrong.pth"))
    torch.save({**state, "gate.weight": torch.ones(1)}, tmp_path / "more.pth")
    with pytest.raises(UserError, match=r"no place for gate\.weight"):
        load(WEIGHTED, weights=str(tmp_path / "more.pth"))
