"""The whole explanation: numbers by hand on a toy, the famous first picture, and its page."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.explain import explain, look, ranking, resolve, sentence
from analysis.models import Classifier, load
from analysis.report import render_report
from cache.errors import UserError
from tests.toys import ChannelsLast, Residual, Tokens, TwoNeurons, classifier

WHITE = Image.new("L", (2, 2), 255)


@pytest.fixture
def toy() -> Classifier:
    return classifier(TwoNeurons(), (1, 2, 2), categories=("left", "right"))


# ---- by hand: four places, each with neurons (0.75, 0); sums (3, 0); logits (6, 0) ----


def test_the_two_classes_compared(toy: Classifier) -> None:
    logits = np.array([6.0, 0.0])
    assert resolve(toy, logits).rather_than == 1
    assert (resolve(toy, logits, "right").a, resolve(toy, logits, "right").rather_than) == (1, 0)
    assert resolve(toy, logits, true=1).rather_than == 1
    assert resolve(toy, logits, true=0).rather_than == 1
    with pytest.raises(UserError, match="itself"):
        resolve(toy, logits, "left", 0)
    with pytest.raises(UserError, match="no class"):
        resolve(toy, logits, "middle")


def test_the_true_class_is_the_other_side_where_it_is_known() -> None:
    net = classifier(TwoNeurons(), (1, 2, 2))
    assert resolve(net, np.array([3.0, 1.0, 2.0])[:2], true=1).rather_than == 1
    wide = np.array([3.0, 1.0, 2.0])
    assert resolve(net, wide).rather_than == 2
    assert resolve(net, wide, true=1).rather_than == 1


def test_a_toy_explained_by_hand(toy: Classifier) -> None:
    found = explain(toy, look(toy, WHITE), layer="relu")
    assert found["margin"] == pytest.approx(6)
    assert found["classes"]["said"]["class"] == "left"
    assert found["classes"]["said"]["probability"] == pytest.approx(1 / (1 + np.exp(-6)))
    (one,) = found["layers"]
    assert one["channels"] == [{"channel": 0, "activation": 3.0, "effect": 6.0}]
    assert [p["effect"] for p in one["positions"]] == [1.5] * 4
    assert {tuple(p["at"]) for p in one["positions"]} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert one["map"] == [[1.5, 1.5], [1.5, 1.5]]
    (group,) = one["groups"]
    assert (group["channels"], group["effect"], group["measured"]) == (
        [0], pytest.approx(6, rel=1e-3), pytest.approx(6, rel=1e-3),
    )  # fmt: skip
    assert one["group_map"] == [[0, 0], [0, 0]]
    neurons = next(c for c in found["checks"] if c["removed"] == "neurons")
    assert neurons["channels"] == (0,)
    assert (neurons["margin"], neurons["without"], neurons["measured"]) == (6, 0, 6)
    assert neurons["random"]["mean"] == 6  # the other neuron is silent
    assert (neurons["verdict"], neurons["confirmed"]) == ("no fair control", False)


def test_the_other_way_round(toy: Classifier) -> None:
    found = explain(toy, look(toy, WHITE), said="right", layer="relu")
    assert found["margin"] == pytest.approx(-6)
    assert found["layers"][0]["channels"][0]["effect"] == -6
    assert sentence(found).startswith("Says left; for right")


def test_a_layer_without_places(toy: Classifier) -> None:
    found = explain(toy, look(toy, WHITE), layer="pool")
    (one,) = found["layers"]
    assert (one["grid"], one["positions"], one["groups"], one["map"]) == (None, [], [], None)
    assert one["channels"] == [{"channel": 0, "activation": 3.0, "effect": 6.0}]
    page = render_report(found, look(toy, WHITE).pixels, {}, name="x.png")
    assert "no grid of places" in page


def test_an_unknown_layer(toy: Classifier) -> None:
    with pytest.raises(UserError, match="nearest: relu"):
        explain(toy, look(toy, WHITE), layer="relo")


@pytest.mark.parametrize(
    ("module", "size"),
    [(Residual(), (1, 4, 4)), (Tokens(), (1, 8, 8)), (ChannelsLast(), (1, 4, 6))],
)
def test_every_layout(module: torch.nn.Module, size: tuple[int, int, int]) -> None:
    net = classifier(module, size)
    noise = np.random.default_rng(0).integers(0, 256, size[1:], np.uint8)
    seen = look(net, Image.fromarray(noise))
    done: list[tuple[int, int]] = []
    found = explain(net, seen, progress=lambda i, n: done.append((i, n)))
    count = len(found["layers"])
    assert done == [(i, count) for i in range(count + 1)]
    json.dumps(found)
    assert render_report(found, seen.pixels, {}, name="x.png").endswith("</html>\n")


def test_numbers_that_are_none() -> None:
    module = TwoNeurons()
    with torch.no_grad():
        module.fc.bias[0] = float("nan")
    with pytest.raises(UserError, match="not finite"):
        look(classifier(module, (1, 2, 2)), WHITE)


def test_one_class_only() -> None:
    """A network with a single output has nothing to be compared with: its logit is explained."""
    module = TwoNeurons()
    module.fc = torch.nn.Linear(2, 1)
    net = classifier(module, (1, 2, 2))
    found = explain(net, look(net, WHITE), layer="relu")
    assert found["classes"]["rather_than"] is None
    assert found["margin"] == pytest.approx(found["classes"]["said"]["logit"], abs=1e-6)
    assert "logit" in sentence(found)


# ---- the first picture of all ----


@pytest.fixture(scope="module")
def squeezenet() -> Classifier:
    return load(device="cpu")


@pytest.fixture(scope="module")
def hopper() -> Path:
    data = pytest.importorskip("matplotlib.cbook")
    return Path(data.get_sample_data("grace_hopper.jpg", asfileobj=False))


@pytest.fixture(scope="module")
def found(squeezenet: Classifier, hopper: Path) -> dict[str, Any]:
    return explain_hopper(squeezenet, hopper)


def explain_hopper(net: Classifier, path: Path) -> dict[str, Any]:
    """Its label, military uniform, is known; the second answer would be suit."""
    return explain(net, look(net, path), true=net.categories.find("military"), layer="features.12")


def test_grace_hopper(found: dict[str, Any]) -> None:
    """The first trial of the design: margin about 6; without 25 of the 512 neurons of features.12
    about -6.6 and the answer is military uniform; without equally active others it stays."""
    sides = found["classes"]
    assert sides["said"]["class"] == "bow tie"
    assert sides["rather_than"]["class"] == "military uniform"
    assert found["margin"] == pytest.approx(6, abs=0.6)
    check = next(c for c in found["checks"] if c["removed"] == "neurons")
    assert len(check["channels"]) == 26
    assert check["without"] == pytest.approx(-6.6, abs=1.5)
    assert check["answer_without"] == "military uniform"
    assert check["equally_active"]["mean"] - 2 * check["equally_active"]["sd"] > 2.5
    assert check["confirmed"]
    assert 1 <= check["smallest_flip"]["count"] <= 25


def test_the_same_question_has_the_same_numbers(
    found: dict[str, Any], squeezenet: Classifier, hopper: Path
) -> None:
    again = explain_hopper(squeezenet, hopper)
    assert json.dumps(again) == json.dumps(found)


def test_effects_of_neurons_places_and_map_agree(found: dict[str, Any]) -> None:
    (one,) = found["layers"]
    assert one["grid"] == (13, 13)
    cells = np.asarray(one["map"])
    assert cells.shape == (13, 13)
    for place in one["positions"]:
        assert cells[tuple(place["at"])] == pytest.approx(place["effect"], rel=1e-4)
    sizes = [abs(n["effect"]) for n in one["channels"]]
    assert sizes == sorted(sizes, reverse=True)


def test_ranking_is_the_softmax(squeezenet: Classifier, hopper: Path) -> None:
    logits = look(squeezenet, hopper).logits
    every = ranking(squeezenet, logits, 1000)
    assert sum(e["probability"] for e in every) == pytest.approx(1)
    assert every[0]["index"] == int(logits.argmax())


# ---- its page ----


class Links(HTMLParser):
    """What a page refers to, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href") and v]
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Links:
    links = Links()
    links.feed(page)
    assert links.open == []
    return links


def test_the_page_needs_nothing_beside_it(
    found: dict[str, Any], squeezenet: Classifier, hopper: Path
) -> None:
    seen = look(squeezenet, hopper)
    first = found["layers"][0]["channels"][0]["channel"]
    icons = {("features.12", first): b"\x89PNG not really"}
    page = render_report(found, seen.pixels, icons, name="hopper.jpg")
    links = read(page)
    assert all(link.startswith("data:image/") or link == "#seen" for link in links.links)
    assert links.tags.count("img") == 1
    assert not {"script", "link", "iframe"} & set(links.tags)
    assert "url(" not in page
    assert "@import" not in page
    assert sentence(found) in page
    assert f"neuron {first}" in page
    assert "prefers-color-scheme: dark" in page


def test_hostile_names_stay_words() -> None:
    net = classifier(TwoNeurons(), (1, 2, 2), categories=("<script>a()</script>", '"><img src=x>'))
    seen = look(net, WHITE)
    page = render_report(explain(net, seen, layer="relu"), seen.pixels, {}, name="</title><b>.png")
    links = read(page)
    assert "script" not in links.tags
    assert "x" not in links.links
    assert "&lt;script&gt;" in page


def test_a_small_margin_is_not_said_to_be_none(toy: Classifier) -> None:
    found = explain(toy, look(toy, WHITE), layer="relu")
    assert sentence(found).endswith("margin +6.0")
    assert sentence({**found, "margin": 3.9e-6}).endswith("margin +3.9e-06")
    assert sentence({**found, "margin": 0.0}).endswith("margin +0.0")


def test_an_untrained_network_is_marked(toy: Classifier) -> None:
    from dataclasses import replace

    seen = look(toy, WHITE)
    trained = render_report(explain(toy, seen, layer="relu"), seen.pixels, {}, name="x")
    assert "Untrained" not in trained
    random = replace(toy, trained=False)
    assert "Untrained" in render_report(
        explain(random, seen, layer="relu"), seen.pixels, {}, name="x"
    )
