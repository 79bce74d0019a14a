import multiprocessing
import os
from pathlib import Path

import platformdirs
import pytest

from cache.errors import UserError
from cache.location import VARIABLE, cache_dir


def test_option_before_variable_before_the_platforms_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "variable"))
    assert cache_dir(str(tmp_path / "a" / "option")) == tmp_path / "a" / "option"
    assert cache_dir(None) == tmp_path / "variable"
    monkeypatch.setenv(VARIABLE, "")
    own = cache_dir(None)
    assert own == Path(platformdirs.user_cache_dir("neuronscope", appauthor=False))
    assert own.is_dir()
    assert not list(own.iterdir())


def test_a_relative_folder_and_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir("near") == tmp_path / "near"
    assert cache_dir("~/far") == tmp_path / "far"


def test_what_is_no_folder_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    for name in (file, file / "below", "~no-such-person/x", "a\0b"):
        with pytest.raises(UserError, match="--cache DIR") as told:
            cache_dir(str(name))
        assert "\n" not in str(told.value)


def _as_nobody(folder: str) -> None:
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        cache_dir(folder)
    except UserError as error:
        os._exit(7 if "--cache DIR" in str(error) and "denied" in str(error) else 8)
    os._exit(0)


def test_a_folder_of_somebody_elses(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    process = multiprocessing.get_context("fork").Process(target=_as_nobody, args=(str(tmp_path),))
    process.start()
    process.join(20)
    tmp_path.chmod(0o755)
    assert process.exitcode == 7
