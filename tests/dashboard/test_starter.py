"""The starter pack behind the page's addresses: where it fits it answers, and where there is none,
or a damaged one, everything is as before."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from cache.starter import CLASSES
from dashboard import starter_routes
from dashboard.starter import Starter, class_url, icons_of, picture_url
from tests.cache.test_starter import files, written

NETWORK = "f" * 64


@pytest.fixture
def whole(tmp_path: Path) -> Starter:
    return Starter(written(tmp_path))


def served(source: Starter) -> Any:
    """The pack's addresses on a server of their own; every network is the pack's."""
    server = Flask(__name__)
    pack = source.pack
    starter_routes.register(server, SimpleNamespace(starter=source, pack=lambda _: pack))  # type: ignore[arg-type]
    return server.test_client()


def test_it_fits_its_own_network_and_seed_only(whole: Starter) -> None:
    assert whole.fitting(NETWORK, 0) is whole.pack
    assert whole.fitting("e" * 64, 0) is None
    assert whole.fitting(NETWORK, 1) is None


def test_plain_neurons_are_answered_and_nothing_else(whole: Starter) -> None:
    base = f"/starter/{whole.pack.digest}" if whole.pack else ""
    tokens = ["0", "1", "0!", "g0@" + "a" * 64, "99999999999", "\u00b2", "", "-1"]
    assert icons_of(whole.pack, "a.1", tokens) == {
        "0": {"url": f"{base}/a.1/0.webp", "state": "dead"}
    }
    assert icons_of(whole.pack, "b", tokens) == {}
    assert icons_of(None, "a.1", tokens) == {}
    assert picture_url(whole.pack, "a.1", 1) is None
    assert class_url(whole.pack, 0) == f"{base}/{CLASSES}/0.webp"
    assert class_url(None, 0) is None


def test_pictures_come_by_an_address_that_never_changes(whole: Starter) -> None:
    client = served(whole)
    offer = client.get("/api/starter?model=x").get_json()
    assert offer["layers"] == {"a.1": [[0, 0]], CLASSES: [[0, 0]]}
    found = client.get(f"{offer['base']}/a.1/0.webp")
    assert (found.data, found.mimetype) == (b"RIFF-one", "image/webp")
    assert "immutable" in found.headers["Cache-Control"]
    for path in ("a.1/1.webp", "a.1/-1.webp", "b/0.webp", "../pack.json", "a.1/0.png"):
        assert client.get(f"{offer['base']}/{path}").status_code == 404, path
    assert client.get("/starter/00000000000000000000/a.1/0.webp").status_code == 404


@pytest.mark.parametrize("harm", ["none", "damaged"])
def test_without_a_sound_pack_one_line_is_said(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if harm == "damaged":
        (written(tmp_path) / "a.1.pictures").write_bytes(b"RIFF-onf")
        assert files()["a.1.pictures"] == b"RIFF-one"
    source = Starter(tmp_path)
    with caplog.at_level(logging.WARNING):
        client = served(source)
        assert client.get("/api/starter?model=x").get_json() == {"base": None, "layers": {}}
        assert client.get("/starter/0/a.1/0.webp").status_code == 404
        assert source.fitting(NETWORK, 0) is None
    assert len(caplog.records) == 1
    assert "\n" not in caplog.text.strip()


def test_runs_of_units() -> None:
    assert starter_routes._runs([0, 1, 2, 5, 7, 8]) == [[0, 2], [5, 5], [7, 8]]
    assert starter_routes._runs([]) == []
