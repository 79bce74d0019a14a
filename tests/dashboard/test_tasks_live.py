"""Live maps: a frame's maps are the network's own, and nothing of a frame stays behind."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from analysis.layers import capture
from cache.errors import UserError
from cache.store import Store
from dashboard import tasks
from dashboard.app import create_app
from dashboard.bench import Bench
from dashboard.config import Config
from dashboard.jobs import Jobs
from dashboard.live import IN_MEMORY
from dashboard.pictures import open_library
from dashboard.service import Service
from tests.dashboard.desk import settings

MODEL, LAYER = "squeezenet1_1", "features.12"
OURS = {"X-Neuronscope": "live"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application on a worker of its own: (client, its cache folder, its service)."""
    folder = tmp_path_factory.mktemp("served")
    store = Store(folder)
    with Jobs(settings(folder)) as jobs:
        service = Service(Config(cache=str(folder)), jobs, store, open_library({}, store))
        yield create_app(service).server.test_client(), folder, service


def frame(seed: int) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, (224, 224, 3), np.uint8).tobytes()


def read(body: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """Head and maps (channels, rows, cols) of an answer."""
    (length,) = struct.unpack_from("<I", body)
    head = json.loads(body[4 : 4 + length])
    codes = np.frombuffer(body, np.uint8, offset=4 + length)
    return head, codes.reshape(head["channels"], head["rows"], head["cols"])


def sent(client: FlaskClient, body: bytes, layer: str = LAYER, **headers: str) -> Any:
    address = f"http://127.0.0.1/api/live?model={MODEL}&layer={layer}"
    return client.post(address, data=body, headers=headers or OURS)


def test_a_frames_maps_are_what_the_hooks_catch_on_the_same_pixels(page: Any, bench: Bench) -> None:
    body = frame(1)
    answer = sent(page[0], body)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    head, codes = read(answer.data)
    classifier = bench.classifier(MODEL)
    x = classifier.tensor(np.frombuffer(bytearray(body), np.uint8).reshape(224, 224, 3))
    caught, logits = capture(classifier.module, [LAYER], x, full=True)
    expected = caught[LAYER][0].numpy()
    reach = np.array(head["reach"])[:, None, None]
    np.testing.assert_allclose(reach[:, 0, 0], expected.max(axis=(1, 2)), rtol=1e-3)
    assert (np.abs(codes / 255 * reach - expected) <= reach * 0.003).all()
    assert logits is not None
    shares = logits[0].softmax(0)
    assert [t["index"] for t in head["top"]] == shares.topk(5).indices.tolist()
    assert head["top"][0]["probability"] == pytest.approx(float(shares.max()), rel=1e-3)


def test_nothing_of_a_frame_is_kept(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    client, folder, service = page
    sent(client, frame(0))

    def written() -> list[tuple[str, int, int]]:
        files = (p for p in sorted(folder.rglob("*")) if p.is_file())
        return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files]

    before, kept = written(), len(service._answers)
    for seed in range(5):
        assert sent(client, frame(seed)).status_code == 200
    assert sent(client, b"too short").status_code == 422
    assert written() == before
    assert len(service._answers) == kept
    assert not [job for job in service.jobs.running() if job.task == "frame"]
    assert not caplog.records


def test_only_the_page_may_send_frames(page: Any) -> None:
    client = page[0]
    bare = client.post(f"http://127.0.0.1/api/live?model={MODEL}&layer={LAYER}", data=frame(0))
    assert bare.status_code == 403
    strange = sent(client, frame(0), Origin="http://elsewhere.example", **OURS)
    assert strange.status_code == 403


def test_what_is_no_frame_is_said_in_one_line(page: Any, bench: Bench) -> None:
    wrong = sent(page[0], b"x" * 100)
    assert (wrong.status_code, wrong.json["error"]) == (
        422, "a frame for this network has 224 x 224 x 3 bytes",
    )  # fmt: skip
    unknown = sent(page[0], frame(0), layer="features.99")
    assert unknown.status_code == 422
    assert "no layer" in unknown.json["error"]
    pixels = base64.b64encode(b"abc").decode()
    with pytest.raises(UserError, match="bytes"):
        tasks.TASKS["frame"](bench, model=MODEL, layer=LAYER, pixels=pixels)


def test_the_largest_frame_and_answer_stay_in_memory() -> None:
    assert IN_MEMORY > 3 * 1024 * 1024  # a frame of 1024 x 1024, twice the largest input there is
    assert IN_MEMORY > 4096 * 56 * 56


def test_the_opened_pictures_maps_are_the_same_numbers_as_elsewhere(page: Any) -> None:
    client, _, service = page
    picture = service.picture_key(None)
    answer = client.get(f"http://127.0.0.1/api/maps?model={MODEL}&layer={LAYER}&picture={picture}")
    head, codes = read(answer.data)
    asked = {"model": MODEL, "picture": picture, "layer": LAYER, "a": None, "b": None}
    one = service.ask("channel_map", **asked, channel=402, kind="activation")
    values = codes[402] / 255 * head["reach"][402]
    np.testing.assert_allclose(values.ravel(), one["values"], atol=head["reach"][402] * 0.003)
