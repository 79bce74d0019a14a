"""The addresses of the atlas, as the page's scripts ask them: the whole application on a worker in
a thread."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.atlas.reading import Atlas, drawing_order, opened
from analysis.atlas.shown import filled
from cache.mosaics import columns
from cache.store import Store
from dashboard.app import create_app
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.service import Service
from tests.dashboard import made_up
from tests.dashboard.browser import wait_until
from tests.dashboard.made_up import LAYER, built, with_pictures

HEADER = {"X-Neuronscope": "atlas"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_pictures(tmp_path_factory.mktemp("atlas")).folder


@pytest.fixture(scope="module")
def atlas(folder: Path) -> Atlas:
    return opened(folder / "c", built(made_up.bench(folder)))


@pytest.fixture(scope="module")
def client(folder: Path, atlas: Atlas) -> Iterator[Any]:
    given = made_up.started(folder)
    config = Config(model=given["model"], cache=given["cache"], images=Path(given["images"]))
    store = Store(folder / "c")
    with Jobs(given, in_thread=True) as jobs:
        service = Service(config, jobs, store, open_library(given, store))
        yield create_app(service).server.test_client()


@pytest.fixture(scope="module")
def base(client: Any, atlas: Atlas) -> str:
    """Where the pictures of the map are at present."""
    (head,) = [one for one in offered(client) if one["key"] == atlas.folder.key]
    return f"/atlas/{head['key']}/{head['version']}"


def offered(client: Any) -> list[dict[str, Any]]:
    found = client.get("/api/atlases")
    assert found.status_code == 200
    listed: list[dict[str, Any]] = found.get_json()
    return listed


def icon(atlas: Atlas, side: int, number: int) -> np.ndarray:
    """As it was drawn, as far as icons of this atlas have shapes in them."""
    begin, end = filled(atlas.icons(atlas.grids()[0]).part(0, "images"))
    for batch, chosen in enumerate(drawing_order(atlas.cells(side))):
        if number in chosen:
            at = int(np.flatnonzero(chosen == number)[0])
            return np.asarray(atlas.icons(side).part(batch, "images")[at, begin:end, begin:end])
    raise AssertionError(number)


def test_a_map_is_told_in_one_document(client: Any, atlas: Atlas, base: str) -> None:
    found = client.get(f"{base}/map.json")
    assert "immutable" in found.headers["Cache-Control"]
    told = found.get_json()
    assert (told["layer"], told["points"], told["pictures"]) == (LAYER, 1000, 50)
    assert told["quality"] == atlas.manifest["quality"]
    assert [grid["side"] for grid in told["grids"]] == [5, 10]
    for grid in told["grids"]:
        cells = atlas.cells(grid["side"])
        assert grid["col"] == cells.col.tolist()
        assert grid["count"] == cells.count.tolist()
        assert [line[0] for line in grid["top"]] == cells.effects.argmax(axis=1).tolist()
        assert all(grid["drawn"])
        assert grid["mosaic"] == f"{base}/{grid['side']}.webp"
        assert grid["tiles"] is None


def test_the_icons_one_by_one_together_and_in_tiles(client: Any, atlas: Atlas, base: str) -> None:
    side, cells = 10, atlas.cells(10)
    whole = picture(client.get(f"{base}/{side}.webp"))
    for number in (0, 3, len(cells) - 1):
        own = icon(atlas, side, number)
        alone = picture(client.get(f"{base}/icon/{side}/{number}.png"))
        assert np.array_equal(alone, own)
        size = len(own)
        y, x = (size * v for v in divmod(number, columns(len(cells))))
        assert np.abs(whole[y : y + size, x : x + size].astype(float) - own).mean() < 20
    tile = client.get(f"{base}/tiles/{side}/0/0/0.webp")
    assert (tile.status_code, tile.mimetype) == (200, "image/webp")
    assert Image.open(io.BytesIO(tile.data)).size == (256, 256)


def picture(answer: Any) -> np.ndarray:
    assert answer.status_code == 200
    return np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGB"))


def test_the_effects_on_a_class_are_the_cells_own(client: Any, atlas: Atlas, base: str) -> None:
    for index in range(3):
        found = client.get(f"{base}/class/10/{index}")
        assert "immutable" in found.headers["Cache-Control"]
        assert np.frombuffer(found.data, np.float32) == pytest.approx(
            atlas.cells(10).effects[:, index]
        )
    names = client.get("/api/names-of-classes").get_json()
    assert names == {"classes": ["ant", "bee", "cow"], "groups": []}


def test_no_regions_are_named_where_the_classes_are_not_imagenets(client: Any, base: str) -> None:
    assert "regions" not in client.get(f"{base}/map.json").get_json()
    assert client.get(f"{base}/map.json?words=1").get_json()["regions"] == []


def test_what_is_not_there_is_not_found(client: Any, base: str) -> None:
    for path in (
        "7.webp", "icon/10/99999.png", "icon/7/0.png", "class/10/3", "class/7/0",
        "tiles/10/0/1/0.webp", "tiles/10/13/0/0.webp", "tiles/7/0/0/0.webp",
    ):  # fmt: skip
        assert client.get(f"{base}/{path}").status_code == 404, path
    for key in ("0" * 64, "..", "starter-nothing", "starter-", "x"):
        answer = client.get(f"/atlas/{key}/1-1/map.json")
        assert answer.status_code == 404, key
    gone = client.get(f"/atlas/{'0' * 64}/1-1/map.json").get_json()
    assert gone == {"error": "this atlas is not here any more; build it again"}


def test_an_address_of_an_earlier_state_is_answered_and_not_kept(
    client: Any, atlas: Atlas, base: str
) -> None:
    told = client.get(f"/atlas/{atlas.folder.key}/1-0/map.json")
    assert told.status_code == 200
    assert told.headers["Cache-Control"] == "no-store"
    assert told.get_json()["grids"][0]["mosaic"].startswith(base)


def test_a_finer_grid_is_another_version(client: Any, folder: Path, atlas: Atlas) -> None:
    before = offered(client)[0]
    built(made_up.bench(folder), points=500)
    assert [one["key"] == atlas.folder.key for one in offered(client)] == [False, True]
    built(made_up.bench(folder), points=500, grids=[5, 10, 12])
    newer = offered(client)[0]
    assert newer["points"] == 500
    assert newer["version"].split("-")[0] == "3"
    assert before == offered(client)[1], "the other stays as it was"
    document = client.get(f"/atlas/{newer['key']}/{newer['version']}/map.json").get_json()
    assert [grid["side"] for grid in document["grids"]] == [5, 10, 12]


def test_more_atlases_than_are_kept_open_are_all_there(client: Any, folder: Path) -> None:
    keys = {built(made_up.bench(folder), points=100 * n, grids=[3]) for n in range(2, 6)}
    listed = {one["key"]: one for one in offered(client)}
    assert keys <= set(listed)
    for key in keys:
        address = f"/atlas/{key}/{listed[key]['version']}/map.json"
        assert client.get(address).get_json()["key"] == key


def begun(client: Any, **asked: str) -> Any:
    words = "&".join(f"{name}={value}" for name, value in asked.items())
    return client.post(f"/api/atlas?{words}", headers=HEADER)


def ended(client: Any, job: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get(f"/api/atlas?job={job}").get_json()
        return told if told["state"] not in ("waiting", "running") else None

    found: dict[str, Any] = wait_until(look, "the build ends", seconds=170)
    return found


def test_what_cannot_be_built_says_why(client: Any, folder: Path) -> None:
    own = made_up.model(folder)
    for asked, words in (
        ({"layer": "22"}, "nearest: 2"), ({"layer": "6"}, "has no grid"),
        ({"layer": LAYER, "classes": "7"}, "out of range"),
        ({"layer": LAYER, "classes": "1,1"}, "two classes needs two"),
    ):  # fmt: skip
        told = ended(client, begun(client, model=own, **asked).get_json()["job"])
        assert (told["state"], told["map"]) == ("failed", None)
        assert words in told["error"]


def test_only_the_page_itself_may_build(client: Any, folder: Path) -> None:
    address = f"/api/atlas?model={made_up.model(folder)}&layer={LAYER}"
    assert client.post(address).status_code == 403
    assert client.post(address, headers={**HEADER, "Origin": "http://a.b"}).status_code == 403
    assert client.get("/api/atlas?job=nothing").get_json()["state"] == "unknown"


@pytest.mark.slow
def test_a_build_can_be_followed_to_its_end(client: Any, folder: Path) -> None:
    asked = {"model": made_up.model(folder), "layer": "3", "classes": "2"}
    job = begun(client, **asked).get_json()["job"]
    assert begun(client, **asked).get_json()["job"] == job, "a second click finds the same"
    told = ended(client, job)
    assert (told["state"], told["error"]) == ("done", None)
    document = json.loads(client.get(told["map"]).data)
    assert (document["layer"], document["classes"]) == ("3", [2])
    assert all(all(grid["drawn"]) for grid in document["grids"])
