"""Which icons are drawn first: what the reader looks at, before the wall, in small helpings."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cache.store import Store
from dashboard.config import Config
from dashboard.icon_desk import BATCH, IN_HAND, IconDesk
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.protocol import BEHIND, VISIBLE
from dashboard.service import Service
from dashboard.starter import Starter

MODEL, WALL, PANEL = "squeezenet1_1", "features.12", "features.11"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[IconDesk]:
    store = Store(tmp_path)
    settings = {
        "model": MODEL, "weights": None, "fit": "crop", "device": "cpu", "seed": 0,
        "cache": str(tmp_path), "images": None, "labels": None,
    }  # fmt: skip
    with Jobs(settings) as jobs:
        # without a starter pack, which has all of these icons already
        service = Service(
            Config(cache=str(tmp_path)), jobs, store, open_library({}, store), Starter(tmp_path)
        )
        yield IconDesk(service)


def drawn(desk: IconDesk) -> list[tuple[str, list[str]]]:
    """Layer and tokens of the batches in hand, in the order in which they get their steps."""
    jobs = desk.service.jobs
    with jobs._lock:
        live = jobs._ledger.unfinished()
        return [(j.kwargs["layer"], j.kwargs["tokens"]) for j in live if j.task == "icons"]


def test_a_panel_goes_before_the_wall_that_was_asked_for_first(desk: IconDesk) -> None:
    wall = [str(n) for n in range(60)]
    answer = desk.icons(MODEL, WALL, wall, behind=True)
    assert all(icon["state"] in ("waiting", "forming") for icon in answer.values())
    assert [tokens for _, tokens in drawn(desk)] == [wall[:4], wall[4:8]]
    assert len(drawn(desk)) == IN_HAND[BEHIND]
    panel = [str(n) for n in (300, 7, 41, 2, 99)]
    desk.icons(MODEL, PANEL, [*panel, "300!"])
    order = drawn(desk)
    assert order[:2] == [(PANEL, panel[:BATCH]), (PANEL, panel[BATCH:])]
    assert (PANEL, ["300!"]) not in order  # two helpings behind are in hand already
    assert len(order) <= IN_HAND[BEHIND] + IN_HAND[VISIBLE]


def test_what_comes_into_sight_is_begun_when_a_helping_is_done(desk: IconDesk) -> None:
    desk.icons(MODEL, PANEL, [str(n) for n in range(12)], behind=True)
    later = [str(n) for n in range(100, 104)]  # the wall was scrolled: nobody asks for the first
    end = time.monotonic() + 60
    states: dict[str, Any] = {}
    while time.monotonic() < end and set(states.values()) != {"done"}:
        states = {t: i["state"] for t, i in desk.icons(MODEL, PANEL, later, behind=True).items()}
        time.sleep(0.2)
    assert states == dict.fromkeys(later, "done")
