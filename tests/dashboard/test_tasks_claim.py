"""The claim in groups, and that of every layer, on the network of colours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cache.errors import UserError
from cache.store import Store
from dashboard import tasks
from dashboard.app import create_app
from dashboard.bench import Bench
from dashboard.config import Config
from dashboard.error_desk import ErrorDesk
from dashboard.finding_offers import draft_of
from dashboard.jobs import Jobs
from dashboard.pictures import open_library
from dashboard.selection import Selection
from dashboard.service import Service
from dashboard.views.context import Context
from tests.dashboard import colours
from tests.dashboard.browser import wait_until
from tests.dashboard.colours import LAYER, with_colours
from tests.dashboard.steps import result


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return colours.bench(with_colours(tmp_path_factory.mktemp("colours")).folder)


def ask(bench: Bench, task: str, **given: Any) -> Any:
    taken = next(p.key for p in bench.library.main.pictures if p.name == "taken0.png")
    usual = {"model": bench.config["model"], "picture": taken, "a": None, "b": None}
    return tasks.TASKS[task](bench, **{**usual, **given})


def in_groups(bench: Bench, drop: list[int] | None = None) -> Any:
    return ask(bench, "claim_groups", layer=LAYER, drop=drop or [], known=0)


def test_the_groups_of_a_claim_are_measured(bench: Bench) -> None:
    found = in_groups(bench)
    effects = {row["group"]: row["effect"] for row in found["evidence"]}
    assert list(effects.values()) == sorted(effects.values(), reverse=True)
    assert sum(effects.values()) == pytest.approx(2.0, abs=0.05)  # they divide the margin
    assert 1 <= len(found["groups"]) <= 3
    assert found["groups"] == list(effects)[: len(found["groups"])]
    assert found["effect"] == pytest.approx(sum(effects[g] for g in found["groups"]), abs=1e-3)
    assert found["without"] == pytest.approx(found["before"] - found["effect"], abs=0.01)  # linear
    for row in found["evidence"]:
        assert len(row["map"]) == found["rows"] * found["cols"] == 256
        assert row["channels"]


def test_a_turned_tick_leaves_a_group_out_or_takes_one_in(bench: Bench) -> None:
    whole = in_groups(bench)
    first, last = whole["groups"][0], whole["evidence"][-1]["group"]
    less = in_groups(bench, [first])
    assert less["groups"] == [g for g in whole["groups"] if g != first]
    more = in_groups(bench, [last])
    assert set(more["groups"]) == set(whole["groups"]) ^ {last}
    assert less["evidence"] == more["evidence"] == whole["evidence"]
    nothing = in_groups(bench, whole["groups"])
    assert (nothing["groups"], nothing["without"]) == ([], pytest.approx(nothing["before"]))
    assert nothing["verdict"] == "not confirmed"


def test_a_group_is_measured_as_explore_measures_it(bench: Bench) -> None:
    found = in_groups(bench)
    explored = ask(bench, "without_groups", layer=LAYER, off=found["groups"])
    for part in ("before", "without", "effect", "random", "equal", "verdict"):
        assert found[part] == explored[part]


def test_every_layer_says_what_its_own_claim_does(bench: Bench) -> None:
    held = set(bench.tails.kept)
    steps = list(ask(bench, "claim_ladder", tab="neurons", layer=LAYER))
    assert steps[0].done == 0
    found = result(ask(bench, "claim_ladder", tab="neurons", layer=LAYER))
    assert LAYER in found
    for layer, step in found.items():
        own = ask(bench, "claim", layer=layer, drop=[], known=0)
        assert (step["before"], step["without"]) == (own["before"], own["without"])
        assert (step["count"], step["verdict"]) == (len(own["channels"]), own["verdict"])
        moved = own["random"]["moved"]
        assert step["times"] == pytest.approx((own["before"] - own["without"]) / moved)
    groups = result(ask(bench, "claim_ladder", tab="groups", layer=LAYER))
    own = in_groups(bench)
    assert groups[LAYER]["without"] == own["without"]
    assert groups[LAYER]["count"] == len(own["groups"])
    assert held <= set(bench.tails.kept)  # what is looked at is not driven out


def test_the_ladders_steps_can_be_overtaken(bench: Bench) -> None:
    steps = list(ask(bench, "claim_ladder", tab="neurons"))
    assert {len(step.partial) for step in steps} == set(range(max(s.total for s in steps)))
    with pytest.raises(UserError, match="no layer"):
        result(ask(bench, "claim_ladder", tab="neurons", layer="nonsense"))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    settings = colours.started(with_colours(tmp_path).folder)
    store = Store(Path(settings["cache"]))
    with Jobs(settings, in_thread=True) as jobs:
        config = Config(model=settings["model"], cache=settings["cache"])
        yield Service(config, jobs, store, open_library(settings, store))


def test_a_finding_of_groups_names_groups(service: Service) -> None:
    taken = next(p.key for p in service.library.main.pictures if p.name == "taken0.png")
    chosen = Selection(view="errors", stage="picture", picture=taken, layer=LAYER, tab="groups",
                       fade="g0:0.5")  # fmt: skip
    draft = draft_of(Context(chosen, service), ErrorDesk(service))
    assert "Without group" in draft.sentence
    assert "of relu the margin is" in draft.sentence
    assert "group 1 times 0.5" in draft.sentence
    assert "tab=groups" in draft.href
    assert draft.neurons == ()
    assert any("random neurons" in number.label for number in draft.numbers)


def test_the_layers_of_a_claim_come_as_they_are_measured(service: Service) -> None:
    client = create_app(service).server.test_client()
    taken = next(p.key for p in service.library.main.pictures if p.name == "taken0.png")
    asked = {"model": service.config.model, "picture": taken, "a": 1, "b": 0, "tab": "neurons"}

    def looked() -> dict[str, Any]:
        return dict(client.get("http://127.0.0.1/api/claim/layers", query_string=asked).json)

    found = wait_until(lambda: (now := looked())["state"] == "done" and now, "it is measured")
    assert "without 3, " in found["layers"][LAYER]
    assert "step-bar" in found["layers"][LAYER]
    asked["picture"] = "gone"
    assert "not open here any more" in looked()["error"]
