"""One small atlas, made once for all tests that only look at it."""

from pathlib import Path

import pytest

from analysis.atlas import sweep
from tests.analysis.atlas.actors import BATCH, SHARD, SIDES, toy


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of a few pictures, so that a few pictures fill several."""
    monkeypatch.setattr(sweep, "SHARD", SHARD)
    monkeypatch.setattr(sweep, "BATCH", BATCH)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one whole atlas of the small network."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "SHARD", SHARD)
        patch.setattr(sweep, "BATCH", BATCH)
        for _ in toy(folder).run(SIDES):
            pass
    return folder


@pytest.fixture
def root(whole: Path, small_shards: None) -> Path:
    """The same, to be looked at with the same shards."""
    return whole
