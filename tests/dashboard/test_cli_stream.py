"""The command's streams that change, stop and never end, and its dreams in two networks."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.dream.stamp import read_settings
from dashboard import cli_dream, tasks
from dashboard.bench import Bench
from dashboard.dream_modes import looks
from dashboard.dream_wish import Wish
from dashboard.dream_works import Look, Pictures
from tests.dashboard.desk import InProcess, settings
from tests.dashboard.test_cli_dream import (
    DREAM,
    FILM,
    LAYER,
    MODEL,
    QUICK,
    SMALL,
    document,
    of_page,
)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> InProcess:
    return InProcess(tmp_path, capsys)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


def test_a_film_that_changes_has_the_pages_bytes_and_is_made_again_by_its_file(
    desk: InProcess, bench: Bench
) -> None:
    out, again = desk.folder / "s.gif", desk.folder / "again.gif"
    then = ["--then", "1:features.4:2", "--then", "2:class:banana", "--then", "4:again"]
    found = document(desk, *FILM, *then, "--frames", "5", "--skip", "1", "--preview", "-o", out)
    wish = Wish(mode="stream", model=MODEL, layer=LAYER, then="1:features.4:2,2:class:954,4:again",
                how="frames:5,skip:1,octaves:1,iterations:1,size:64")  # fmt: skip
    assert of_page(bench, wish) == out.read_bytes()
    assert (found["frames"], found["settings"]["then"]) == (4, wish.then)
    document(desk, "noise", "--settings", out, "-o", again)
    assert again.read_bytes() == out.read_bytes()


def test_two_networks_by_layers_of_choice_and_by_a_class(desk: InProcess, bench: Bench) -> None:
    out = desk.folder / "o.png"
    found = document(desk, "noise", *DREAM, "--second", MODEL, "--second-layer", "features.10",
                     "--preview", "-o", out)  # fmt: skip
    wish = Wish(mode="two", model=MODEL, layer=LAYER, second=MODEL, second_layer="features.10",
                how=SMALL)  # fmt: skip
    assert of_page(bench, wish) == out.read_bytes()
    assert [part["name"] for part in found["parts"]] == [
        f"{MODEL}, {LAYER}", f"{MODEL}, features.10",
    ]  # fmt: skip
    code, said, _ = desk.run("dream", "--settings", out, "noise", "--class", "banana", *QUICK,
                             "-o", desk.folder / "c.png")  # fmt: skip
    assert code == 0
    assert f"{MODEL}, banana" in said
    assert "the other says" in said


def test_a_stopped_stream_goes_on_from_its_frames(
    desk: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = desk.folder / "whole.gif", desk.folder / "x.gif"
    film, taken = [*FILM, "--seed", "77", "--frames", "5"], list[int]()

    def pressed(given: Pictures, wish: Wish) -> Iterator[Look]:
        for look in looks(given, wish):
            if look.frame is not None:
                taken.append(look.done)
                if taken == [1, 2]:
                    signal.raise_signal(signal.SIGINT)
            yield look

    monkeypatch.setattr(cli_dream, "looks", pressed)
    code, said, _ = desk.run("dream", *film, "-o", out, "--json")
    assert (code, json.loads(said)["frames"]) == (130, 1)
    found = document(desk, *film, "-o", out)
    assert (found["frames"], taken) == (5, [1, 2, 2, 3, 4, 5]), "the first is not made again"
    shutil.rmtree(desk.folder / "c")
    document(desk, *film, "-o", whole)
    assert out.read_bytes() == whole.read_bytes()


def test_without_end_it_runs_until_it_is_stopped(
    desk: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(given: Pictures, wish: Wish) -> Iterator[Look]:
        for look in looks(given, wish):
            if look.frame == 3:
                signal.raise_signal(signal.SIGINT)
            yield look

    monkeypatch.setattr(cli_dream, "looks", pressed)
    out = desk.folder / "x.gif"
    code, said, errors = desk.run("dream", *FILM, "--frames", "0", "-o", out, "--json")
    assert (code, errors, json.loads(said)["frames"]) == (130, "", 3)
    assert read_settings(out).settings["frames"] == 0
