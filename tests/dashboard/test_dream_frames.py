"""Frames of a stream as they are kept: what they depend on, what is dropped, what is resumed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.dream import schedule
from analysis.dream.settings import Dream
from cache.errors import UserError
from cache.store import Store
from dashboard import dream_frames
from dashboard.dream_frames import Frames


def frames(folder: Path, then: str | None = None, *, endless: bool = False) -> Frames:
    stream, dream = schedule.read(then), Dream(layer="a")
    return Frames(
        Store(folder), "0" * 64, lambda n: replace(schedule.at(stream, dream, n), frame=0),
        endless=endless,
    )  # fmt: skip


def frame(number: int) -> np.ndarray:
    return np.full((4, 4, 3), number, np.uint8)


def test_what_changes_later_leaves_the_frames_before(tmp_path: Path) -> None:
    plain = frames(tmp_path)
    for number in range(6):
        plain.keep(number, frame(number))
    assert plain.known() == 6
    later = frames(tmp_path, "3:b", endless=True)
    assert (later.known(), int(later.get(2)[0, 0, 0])) == (3, 2)
    assert frames(tmp_path, "3:b").known() == 3
    assert frames(tmp_path, "5:a:2").known() == 1, "the strength grows from the first on"
    assert frames(tmp_path, "0:b").known() == 0
    later.keep(3, frame(33))
    assert (plain.known(), int(plain.get(3)[0, 0, 0])) == (6, 3), "the other stays"


def test_without_end_the_first_and_the_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dream_frames, "LEAST", 3)
    monkeypatch.setattr(dream_frames, "ROOM", 6 * 48)
    endless = frames(tmp_path, endless=True)
    for number in range(20):
        endless.keep(number, frame(number))
    held = endless.held()
    assert held.spans == ((0, 2), (17, 19))
    assert held.bytes > 0
    again = frames(tmp_path, endless=True)
    assert (again.known(), int(again.get(19)[0, 0, 0])) == (20, 19)
    assert frames(tmp_path).known() == 3, "one with an end needs all of them"
    with pytest.raises(UserError, match="frame 9 of this stream is gone"):
        again.get(9)
    frames(tmp_path).keep(3, frame(3))
    assert again.known() == 20, "one with an end does not set it back"
    later = frames(tmp_path, "19:b", endless=True)
    assert later.known() == 19, "changed near its end it goes on there"
    assert frames(tmp_path, "10:b", endless=True).known() == 4, "what is before was dropped"
    again.clear()
    assert (again.known(), again.held().spans) == (0, ())
