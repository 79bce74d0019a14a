"""The command ``dream`` where something goes wrong on the way, or another command is at work."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from analysis.dream.stamp import read_settings
from dashboard import cli_dream
from dashboard.cli_dream_wish import OfFiles
from dashboard.dream_modes import looks
from dashboard.dream_wish import Wish
from dashboard.dream_works import Look
from tests.dashboard.desk import LATE, Desk, InProcess, one_line

QUICK = ["--octaves", "1", "--iterations", "2", "--size", "64"]
FILM = ["noise", "--layer", "features.7", "--octaves", "1", "--iterations", "1", "--size", "64"]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> InProcess:
    return InProcess(tmp_path, capsys)


def test_a_full_disk(tmp_path: Path) -> None:
    desk, room = Desk(tmp_path), 12_000

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    def said(*args: object) -> str:
        return one_line(*desk.run("dream", *FILM, *args, preexec_fn=small_files_only))

    assert "the disk is full" in said("--frames", "9", "-o", "x.gif")
    with Image.open(tmp_path / "x.gif") as film:
        kept = film.n_frames  # type: ignore[attr-defined]
    assert 0 < kept < 9
    assert read_settings(tmp_path / "x.gif").kind == "stream"
    assert "the disk is full" in said("--size", "128", "-o", "x.png")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("made", [2, 4])
def test_frames_that_another_command_makes_meanwhile_are_in_the_film(
    desk: InProcess, monkeypatch: pytest.MonkeyPatch, made: int
) -> None:
    alone, beside = desk.folder / "alone.gif", desk.folder / "beside.gif"

    def after_the_other(given: OfFiles, wish: Wish) -> Iterator[Look]:
        frames = given.frames(wish)
        for look in looks(given, wish):
            if look.frame is not None and look.frame < made:
                frames.keep(look.frame, look.pixels(0))
        yield from looks(given, wish)

    with monkeypatch.context() as patch:
        patch.setattr(cli_dream, "looks", after_the_other)
        assert desk.run("dream", *FILM, "--frames", "4", "-o", beside)[0] == 0
    assert desk.run("dream", *FILM, "--frames", "4", "-o", alone)[0] == 0
    assert beside.read_bytes() == alone.read_bytes()


def test_a_file_does_not_choose_which_code_is_run(desk: InProcess) -> None:
    """A network of one's own is code; a picture that came from anywhere may name any."""
    own, out = f"{desk.folder / 'net.py'}:make", desk.folder / "o.png"
    code, _, _ = desk.run("dream", "noise", "--model", own, "--layer", "3", *QUICK, "-o", out)
    assert code == 0
    asked = ["dream", "--settings", out, "-o", desk.folder / "x.png"]
    assert one_line(*desk.run(*asked)).endswith(f"that it was made with: --model {own}")
    both = ["--model", own, "--second", own]
    code, _, _ = desk.run("dream", "noise", *both, "--class", "ant", *QUICK, "-o", out)
    assert code == 0
    line = one_line(*desk.run(*asked, "--model", own))
    assert line.endswith(f"that it was made with: --second {own}")
    code, _, _ = desk.run(*asked, *both)
    assert (code, (desk.folder / "x.png").read_bytes()) == (0, out.read_bytes())


@pytest.mark.parametrize(
    ("name", "said"), [("infinite", "is not a finite number"), ("large", "no more memory")]
)
def test_what_was_made_before_a_fault_is_kept(desk: InProcess, name: str, said: str) -> None:
    net, out = desk.folder / "late.py", desk.folder / "x.png"
    net.write_text(LATE)
    asked = ["dream", desk.folder / "noise.png", "--model", f"{net}:{name}", "--layer", "relu",
             "--iterations", "2", "--size", "64", "-o", out]  # fmt: skip
    assert said in one_line(*desk.run(*asked, "--octaves", "1"))
    assert not out.exists(), "there was no step"
    line = one_line(*desk.run(*asked, "--octaves", "2"))
    assert said in line
    assert line.endswith(f"what was made until then is in {out}")
    assert Image.open(out).size == (46, 34)
    assert read_settings(out).settings["octaves"] == 2
