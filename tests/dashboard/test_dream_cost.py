"""What the time of a dream in full size is reckoned with."""

import pytest

from dashboard import tasks
from dashboard.bench import Bench
from dashboard.dream_cost import full_size, seconds
from dashboard.dream_pictures import OfBench
from tests.dashboard.desk import settings
from tests.dashboard.steps import result
from tests.dashboard.test_tasks_dream import wish


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return tasks.make_state(settings(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("side", [96, 1200])
def test_it_is_reckoned_for_the_size_of_the_result(bench: Bench, side: int) -> None:
    given = OfBench(bench)
    one = wish(bench, how=f"octaves:1,iterations:1,size:{side}", preview=False)
    assert max(full_size(given, one)) == side
    own = wish(bench, how=None, preview=False)
    assert max(full_size(given, own)) == min(1024, max(given.picture(own.picture or "").size))
    noise = wish(bench, how=f"size:{side}", picture=None, preview=False)
    assert full_size(given, noise) == (side, side)


def test_a_stream_without_end_takes_no_time_that_could_be_said(bench: Bench) -> None:
    how = "octaves:1,iterations:1,size:64,frames:"
    endless, few = (wish(bench, mode="stream", how=f"{how}{n}", preview=False) for n in (0, 3))
    assert result(seconds(OfBench(bench), endless)) == 0
    assert result(seconds(OfBench(bench), few)) > 0
