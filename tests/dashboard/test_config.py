"""How the page may be started."""

from pathlib import Path

import pytest

from cache.errors import UserError
from dashboard.config import Config


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "localhost", "::1"])
def test_this_machine_alone(host: str) -> None:
    assert Config(host=host).host == host


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.2", "10.0.0.1", "example.org", "", "128.0.0.1", "127.1",
     "::ffff:127.0.0.1", "localhost.example.org", "fe80::1", "*", "127.0.0.1 0.0.0.0"],
)  # fmt: skip
def test_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(UserError, match="is refused"):
        Config(host=host)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports(port: int) -> None:
    assert Config(port=65535).port == 65535
    with pytest.raises(UserError, match="port"):
        Config(port=port)


def test_folders_and_files(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file,class_index\n")
    assert Config(images=tmp_path, labels=labels).images == tmp_path
    with pytest.raises(UserError, match="no folder"):
        Config(images=tmp_path / "absent")
    with pytest.raises(UserError, match="no folder"):
        Config(images=labels)
    with pytest.raises(UserError, match="no labels file"):
        Config(images=tmp_path, labels=tmp_path / "absent.csv")
    with pytest.raises(UserError, match="name that folder"):
        Config(labels=labels)


@pytest.mark.parametrize("given", [{"fit": "stretch"}, {"device": "tpu"}, {"seed": -1}])
def test_other_values(given: dict[str, object]) -> None:
    with pytest.raises(UserError):
        Config(**given)  # type: ignore[arg-type]
