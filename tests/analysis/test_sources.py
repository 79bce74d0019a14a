"""Networks from torchvision's server, torch's hub cache and the user's own files."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from analysis.models import available, load
from analysis.sources import find_source, weights_path
from analysis.torchvision_shim import torchvision
from cache.errors import UserError

NAME = "shufflenet_v2_x0_5"


# ---- download ----


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of torch's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which a real HTTP server gives its files out."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, *args: object) -> None:
            """Nothing on the test's stderr."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def point_to(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets torchvision's own entry of a network name another address."""
    weights = torchvision.models.get_model_weights(name).DEFAULT
    monkeypatch.setattr(weights.value, "url", url)


def state_of(name: str) -> dict[str, Tensor]:
    torch.manual_seed(9)
    given: dict[str, Tensor] = find_source(name, trained=False).module.state_dict()
    return {k: torch.randn_like(v) if v.is_floating_point() else v for k, v in given.items()}


def store(state: object, folder: Path) -> str:
    """Saves weights under a name that carries the start of their hash, as torchvision's do."""
    torch.save(state, folder / "w.pth")
    mark = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()[:8]
    (folder / "w.pth").rename(folder / f"w-{mark}.pth")
    return f"w-{mark}.pth"


def test_weights_are_downloaded_once(
    hub: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder, address = served
    state = state_of(NAME)
    file = store(state, folder)
    point_to(NAME, f"{address}/{file}", monkeypatch)
    assert {r["name"]: r["available_offline"] for r in available()}[NAME] is False
    net = load(NAME)
    assert net.trained
    assert torch.equal(net.module.state_dict()["fc.weight"], state["fc.weight"])
    assert weights_path(NAME) == hub / file
    assert (hub / file).is_file()
    out, err = capfd.readouterr()
    assert out == "", "progress belongs on stderr"
    assert "100%" in err
    (folder / file).unlink()  # from now on the hub cache alone has it
    assert {r["name"]: r["available_offline"] for r in available()}[NAME] is True
    assert load(NAME).fingerprint == net.fingerprint


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.mark.parametrize("fault", ["refused", "no such host", "404", "wrong hash", "html"])
def test_no_network_is_one_plain_line(
    fault: str, hub: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    (folder / "w-00000000.pth").write_bytes(b"not these bytes")
    page = b"<html>please log in</html>"
    (folder / f"w-{hashlib.sha256(page).hexdigest()[:8]}.pth").write_bytes(page)
    urls = {
        "refused": f"http://127.0.0.1:{free_port()}/w-00000000.pth",
        "no such host": "http://weights.invalid/w-00000000.pth",
        "404": f"{address}/absent-00000000.pth",
        "wrong hash": f"{address}/w-00000000.pth",
        "html": f"{address}/w-{hashlib.sha256(page).hexdigest()[:8]}.pth",
    }
    point_to(NAME, urls[fault], monkeypatch)
    with pytest.raises(UserError) as caught:
        load(NAME)
    text = str(caught.value)
    assert "\n" not in text
    assert "could not be downloaded" in text
    assert "--weights FILE" in text
    assert socket.getdefaulttimeout() is None
    assert not list(hub.glob("*.partial"))


def test_a_broken_file_in_the_hub_cache_is_named(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_to(NAME, "http://127.0.0.1:9/w-00000000.pth", monkeypatch)
    hub.mkdir(parents=True)
    for content in (b"", b"PK\x03\x04 cut off", b"\x80\x02nonsense"):
        (hub / "w-00000000.pth").write_bytes(content)
        with pytest.raises(UserError, match=r"w-00000000\.pth' are broken; delete that file"):
            load(NAME)


def test_googlenet_scales_its_input_with_its_own_weights_only(
    hub: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    full = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=True)
    file = store(full.state_dict(), folder)
    point_to("googlenet", f"{address}/{file}", monkeypatch)
    own = load("googlenet")
    assert own.module.transform_input is True
    same = load("googlenet", weights=str(folder / file))  # torchvision's very file, given by hand
    assert same.module.transform_input is True
    x = own.probe()
    with torch.no_grad():
        assert torch.allclose(own.module(x), same.module(x))
    torch.save(full.state_dict(), folder / "mine.pth")
    (folder / "mine.pth").write_bytes((folder / "mine.pth").read_bytes() + b"\0")
    assert load("googlenet", weights="random").module.transform_input is False


def test_the_other_googlenet_weights_keep_their_scaling(tmp_path: Path) -> None:
    torch.save(state_of("googlenet"), tmp_path / "mine.pth")
    net = load("googlenet", weights=str(tmp_path / "mine.pth"))
    assert net.module.transform_input is False


# ---- the user's own ----

NET = """
import torch
from torch import nn
def net(channels=3, classes=2, side=8):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(4, classes))
"""


def own(folder: Path, body: str) -> str:
    (folder / "mine.py").write_text(NET + body)
    return f"{folder / 'mine.py'}:make"


def test_a_module_alone(tmp_path: Path) -> None:
    net = load(own(tmp_path, "def make(): return net()"))
    assert net.input_size == (3, 224, 224)
    assert net.categories.names == ("class 0", "class 1")
    assert net.trained


def test_a_class_is_a_factory(tmp_path: Path) -> None:
    body = "class make(nn.Sequential):\n    def __init__(self): super().__init__(*net())"
    assert len(load(own(tmp_path, body)).categories) == 2


def test_a_dict_with_everything(tmp_path: Path) -> None:
    body = (
        "def make(): return {'module': net(1, 3), 'input_size': (1, 32, 28), 'mean': [0.1],"
        " 'std': [0.3], 'categories': ['ant', 'bee', 'ant'], 'resize': 40, 'trained': False}"
    )
    net = load(own(tmp_path, body))
    assert (net.input_size, net.resize, net.mean, net.std) == ((1, 32, 28), 40, (0.1,), (0.3,))
    assert net.categories.names == ("ant (0)", "bee", "ant (2)")
    assert not net.trained
    assert net.fingerprint == load(own(tmp_path, body)).fingerprint


def test_categories_from_a_file_beside_it_and_imagenet(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("käfer\nbiene\n\n", "utf-8")
    body = "def make(): return {'module': net(), 'categories': 'names.txt'}"
    assert load(own(tmp_path, body)).categories.names == ("käfer", "biene")
    body = "def make(): return {'module': net(3, 1000), 'categories': 'imagenet'}"
    assert load(own(tmp_path, body)).categories.is_imagenet


def test_a_module_on_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_net.py").write_text(NET + "def make(): return net()")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(load("imported_net:make").categories) == 2


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    one = load(own(tmp_path, "def make(): return net(3, 2)"))
    two = load(own(tmp_path, "def make(): return net(3, 5)"))
    assert (len(one.categories), len(two.categories)) == (2, 5)


def test_half_precision_runs_in_single(tmp_path: Path) -> None:
    net = load(own(tmp_path, "def make(): return net().half().train()"))
    assert all(p.dtype == torch.float32 and not p.requires_grad for p in net.module.parameters())
    assert not net.module.training


BAD = [
    ("def make(): return 3", "must return an nn.Module"),
    ("def make(): return None", "must return an nn.Module"),
    ("def make(): return net", "must return an nn.Module"),
    ("def make(): return {'net': net()}", "must return an nn.Module"),
    ("def make(): return {'module': net(), 'size': 3}", "unknown keys: size"),
    ("def make(): return {'module': net(), 'input_size': 224}", "input_size is (c, h, w)"),
    ("def make(): return {'module': net(), 'input_size': (4, 8, 8)}", "1 or 3 channels"),
    ("def make(): return {'module': net(), 'mean': [0.5]}", "as many means"),
    ("def make(): return {'module': net(), 'std': [0, 1, 1]}", "positive stds"),
    ("def make(): return {'module': net(), 'categories': ['a']}", "2 outputs but 1 class names"),
    ("def make(): return {'module': net(), 'categories': 'no.txt'}", "does not exist"),
    ("def make(): return {'module': net(), 'categories': 7}", "categories"),
    ("def make(): return nn.LazyLinear(2)", "pass one picture through it in its factory"),
    ("def make(): return net(1)", "does not take an input of (3, 224, 224)"),
    ("def make(): return nn.Conv2d(3, 2, 1)", "must give logits (batch, classes)"),
    ("def make(): return nn.LSTM(224, 4)", "does not take an input"),
    ("def make(): raise KeyError('weights')", "failed: KeyError: 'weights'"),
    ("def make(size): return net()", "failed: TypeError"),
    ("def make(): import sys; sys.exit(3)", "failed: SystemExit"),
    ("make = 3", "has no function 'make'"),
    ("def other(): return net()", "has no function 'make'"),
    ("import surely_not_there", "cannot be imported: ModuleNotFoundError"),
    ("def make(:", "cannot be imported: SyntaxError"),
    ("raise SystemExit('bye')", "cannot be imported: SystemExit"),
]


@pytest.mark.parametrize(("body", "words"), BAD)
def test_bad_files_say_so_in_one_line(body: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(own(tmp_path, body))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.py:make", "there is no file 'absent.py'"),
        ("no/such/folder/net.py:make", "there is no file"),
        ("no_such_package.net:make", "cannot be imported: ModuleNotFoundError"),
        (":make", "cannot be imported"),
        ("json:", "has no function ''"),
        ("json:__name__", "has no function"),
    ],
)
def test_places_that_are_not_there(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        load(name)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_random_weights_for_the_users_own(tmp_path: Path) -> None:
    name = own(tmp_path, "def make():\n    m = net()\n    nn.init.ones_(m[0].weight)\n    return m")
    given, drawn, again = load(name), load(name, weights="random"), load(name, weights="random")
    assert given.module[0].weight.eq(1).all()
    assert not drawn.module[0].weight.eq(1).any()
    assert not drawn.trained
    assert drawn.fingerprint == again.fingerprint
