"""Dreams in full size, one after the other, in a real worker: nobody looks, somebody stops, the
program ends."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cache.dreams import Dream, Dreams
from cache.store import Store
from dashboard import dream_line
from dashboard.config import Config
from dashboard.dream_desk import DreamDesk
from dashboard.dream_wish import Wish
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.protocol import INTERACTIVE, UNSEEN
from dashboard.service import Service
from tests.dashboard.browser import wait_until
from tests.dashboard.desk import settings

MODEL = "squeezenet1_1"
SHORT, LONG = "octaves:1,iterations:3,size:96", "octaves:1,iterations:200,size:224"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    store = Store(tmp_path)
    with Jobs(settings(tmp_path)) as jobs:
        yield Service(Config(cache=str(tmp_path)), jobs, store, open_library({}, store))


@pytest.fixture
def desk(service: Service) -> DreamDesk:
    return DreamDesk(service)


def wish(how: str, **given: Any) -> Wish:
    usual = {"mode": "dream", "model": MODEL, "layer": "features.4", "preview": False}
    return Wish(**{**usual, "how": how, **given})


def states(desk: DreamDesk) -> list[str]:
    return [one["state"] for one in desk.line.making()]


def rank(desk: DreamDesk) -> int | None:
    """Of the dream that is with the worker."""
    jobs = desk.service.jobs
    with jobs._lock:
        return next((j.priority for j in jobs._ledger.unfinished() if j.task == "dream"), None)


def test_it_goes_on_when_nobody_looks(desk: DreamDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dream_line, "SEEN", 0.6)
    one = wish(LONG)
    assert desk.look(one)["state"] in ("waiting", "running")
    assert rank(desk) == INTERACTIVE
    wait_until(lambda: rank(desk) == UNSEEN, "it stands behind what is looked at")
    wait_until(lambda: desk.line.making()[0].get("url"), "the list shows it as it forms")
    (told,) = desk.line.making()
    assert told["title"].startswith("features.4 on noise")
    assert (told["do"]["quality"], told["do"]["how"]) == ("full", LONG)
    began = time.monotonic()
    desk.service.jobs.call("networks")
    preview = wish(SHORT, preview=True)
    wait_until(lambda: desk.look(preview)["state"] == "done", "a preview comes first")
    assert states(desk) == ["running"], "and the long one is not done"
    assert time.monotonic() - began < 20
    desk.look(one)
    assert rank(desk) == INTERACTIVE, "it is looked at again"
    desk.line.end(told["id"])
    assert (states(desk), desk.look(one)["state"], desk.kept.all()[0].stopped) == (
        [], "stopped", True,
    )  # fmt: skip
    late = desk.line.look(one, desk.key(one), kept=False, again=False, seen=True)
    assert (late, states(desk)) == (None, []), "who asked just before it was kept begins nothing"


def test_they_wait_in_line_and_one_may_leave_it(desk: DreamDesk) -> None:
    first, second, third = (wish(f"{SHORT},seed:{n}") for n in (1, 2, 3))
    long = wish(LONG)
    desk.look(long)
    assert [desk.look(one)["line"]["before"] for one in (first, second, third)] == [1, 2, 3]
    assert desk.look(first)["line"]["before"] == 1, "asked again it keeps its place"
    desk.stop(second)
    assert desk.look(second)["state"] == "stopped"
    assert [one.get("line", {}).get("before") for one in desk.line.making()] == [None, 1, 2]
    desk.stop(long)
    wait_until(lambda: not desk.line.making(), "the others are made, though nobody asks")
    assert [one.stopped for one in desk.kept.all()] == [False, False, True]
    assert desk.look(first)["state"] == "done"


def test_a_stream_that_takes_a_change_goes_on_as_the_new_one(desk: DreamDesk) -> None:
    plain = wish("octaves:1,iterations:1,size:64,frames:900", mode="stream")
    changed = replace(plain, then="880:features.7")
    desk.look(plain)
    wait_until(lambda: desk.look(plain).get("done", 0) > 3, "some frames")
    desk.look(changed)
    wait_until(lambda: desk.look(changed)["state"] == "running", "it does not wait for 900 frames")
    wait_until(lambda: desk.look(changed)["done"] > 3, "from the frames that are there")
    assert len(desk.line.making()) == 1
    assert desk.look(plain)["state"] == "stopped"
    desk.stop(changed)


def test_what_came_to_nothing_is_told_until_it_is_sent_away(desk: DreamDesk) -> None:
    wrong = wish(SHORT, units=(9999,))
    desk.look(wrong)
    wait_until(lambda: states(desk) == ["failed"], "it fails")
    assert "9999" in desk.look(wrong)["error"]
    desk.line.end(desk.line.making()[0]["id"])
    assert desk.line.making() == []


def test_a_class_that_is_none_is_said_in_one_line(desk: DreamDesk) -> None:
    wrong = wish(SHORT, mode="guided", guide="class:9999")
    desk.look(wrong)
    wait_until(lambda: states(desk) == ["failed"], "it fails")
    assert "9999 is out of range" in desk.look(wrong)["error"]


def test_a_note_that_goes_meanwhile_does_not_hide_the_others(tmp_path: Path) -> None:
    kept = Dreams(tmp_path)
    note = kept.begin(Dream(id="a" * 64, asked={}, words="of a program that was killed"))
    os.close(note._descriptor)
    for name in ("0", "z"):  # seen in the folder, and not there any more
        note.path.with_name(f".{name}.draft").symlink_to(tmp_path / "nothing")
    assert [dream.words for dream in kept.cut_off()] == ["of a program that was killed"]
    assert kept.cut_off() == []


def test_a_cancelled_job_is_a_stopped_dream(desk: DreamDesk) -> None:
    desk.look(wish(LONG))
    wait_until(lambda: desk.line.making()[0].get("url"), "it forms")
    (job,) = (job.id for job in desk.service.jobs.running() if job.task == "dream")
    desk.service.jobs.cancel(job)
    wait_until(lambda: not desk.line.making(), "it is over")
    assert desk.kept.all()[0].stopped


def test_when_the_program_ends_in_order_what_there_is_is_kept(service: Service) -> None:
    desk = DreamDesk(service)
    one, waiting = wish(LONG), wish(SHORT)
    desk.look(one)
    desk.look(waiting)
    wait_until(lambda: desk.line.making()[0].get("url"), "it forms")
    desk.line.close()
    kept = desk.kept.all()
    assert [k.stopped for k in kept] == [True]
    assert Image.open(io.BytesIO(desk.kept.read(kept[0]))).size == (224, 224)


ASKED = """
import json, sys, time
from pathlib import Path
from cache.dreams import Dream, Dreams
note = Dreams(Path(sys.argv[1])).begin(Dream(**json.loads(sys.argv[2])))
print("begun", flush=True)
time.sleep(60)
"""


def test_what_was_cut_off_is_told_and_may_be_dreamt_again(tmp_path: Path, service: Service) -> None:
    one = wish(SHORT)
    first = DreamDesk(service)
    asked = json.dumps({"id": first.key(one), "asked": one.plain(), "words": "features.4 on noise"})
    with ExitStack() as stack:
        other = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", ASKED, str(tmp_path), asked], stdout=subprocess.PIPE
            )
        )
        assert other.stdout is not None
        assert other.stdout.readline() == b"begun\n"
        assert DreamDesk(service).line.making() == [], "it is not ours, and under way"
        other.send_signal(signal.SIGKILL)
        other.wait()
    desk = DreamDesk(service)
    (told,) = desk.line.making()
    assert (told["cut"], told["title"]) == (True, "features.4 on noise")
    assert desk.look(one)["cut"], "it is not begun by a look"
    desk.look(one, again=True)
    wait_until(lambda: not desk.line.making(), "it is made now")
    assert DreamDesk(service).line.making() == []
    assert [k.stopped for k in desk.kept.all()] == [False]


def test_what_the_whole_takes_is_found_beforehand(desk: DreamDesk) -> None:
    one = wish("octaves:2,iterations:10,size:320", preview=True)
    wait_until(lambda: desk.cost(one)["seconds"], "the seconds")
    said = desk.cost(one)["seconds"]
    whole = wish(one.how or "")
    wait_until(lambda: desk.look(whole)["state"] == "done", "it is made")
    took = desk.look(whole)["seconds"]
    assert took / 4 < said < 4 * took, "of that order also where other work comes between"
