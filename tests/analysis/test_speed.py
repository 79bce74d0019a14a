"""Faster forms that compute the same, and torchvision beside a CPU build of torch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from analysis.speed import BandedResponseNorm


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize(("beta", "k"), [(0.75, 1.0), (0.5, 2.0)])
def test_banded_response_norm_equals_torchs(size: int, beta: float, k: float) -> None:
    norm = nn.LocalResponseNorm(size, alpha=0.7, beta=beta, k=k)
    x = torch.randn(2, 6, 3, 5, generator=torch.Generator().manual_seed(size))
    assert torch.allclose(BandedResponseNorm(norm)(x), norm(x), rtol=1e-5, atol=1e-6)
    x = x.requires_grad_()
    ours = torch.autograd.grad(BandedResponseNorm(norm)(x).square().sum(), x)[0]
    theirs = torch.autograd.grad(norm(x).square().sum(), x)[0]
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# ---- torchvision beside a CPU build of torch ----


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_every_derivative_of_the_banded_norm_is_right(beta: float) -> None:
    """First and second, backward and forward, also many at once, against differences and torch."""
    torch.manual_seed(0)
    norm = nn.LocalResponseNorm(3, 0.1, beta, 1.5)
    banded = BandedResponseNorm(norm)
    x = torch.randn(2, 5, 2, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(banded, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(banded, x)
    tangents = torch.randn(3, 2, 5, 2, 2, dtype=torch.double)

    def along(which: nn.Module) -> torch.Tensor:
        one = lambda t: torch.func.jvp(which, (x.detach(),), (t,))[1]  # noqa: E731
        return torch.func.vmap(one)(tangents)

    assert torch.allclose(along(banded), along(norm))


def test_the_shim_survives_a_torchvision_without_its_operators() -> None:
    """In a process of its own: both `torchvision` and a second import of the shim work, and a
    classifier of it runs."""
    code = (
        "from analysis.torchvision_shim import torchvision\n"
        "import torch, torchvision as again, torchvision.transforms, torchvision.ops\n"
        "assert again is torchvision\n"
        "net = torchvision.models.resnet18(weights=None).eval()\n"
        "print(tuple(net(torch.zeros(1, 3, 64, 64)).shape))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 1000)", done.stderr


def test_the_shim_passes_other_errors_on(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('disk on fire')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import analysis.torchvision_shim"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "disk on fire" in done.stderr
    assert done.returncode == 1


def test_the_shim_declares_missing_operators_once(tmp_path: Path) -> None:
    """A stand-in that fails as the CUDA build does beside a CPU torch, until nms is declared."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "import torch\n"
        "@torch.library.register_fake('torchvision::nms')\n"
        "def nms(dets, scores, iou): return scores\n"
        "sound = True\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from analysis.torchvision_shim import torchvision\n"
        "print(torchvision.sound)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr
