"""The planted bugs: networks whose errors have a known cause, which the explanations must find."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from analysis import planted
from analysis import planted_training as training
from analysis.attribution import Target, attribute
from analysis.counterfactual import trial
from analysis.faithfulness import check
from analysis.layers import find_layer, ladder
from analysis.models import Classifier, available, load
from analysis.pasting import Patch, cut
from analysis.planted_drawing import square_colour
from analysis.tail import Tail
from cache.examples import read_example, shipped_examples

SEED, TRIED = 9, 30  # other scenes than any that were learned, measured or are shown
LAST = "relu4"


@pytest.fixture(scope="module", params=planted.NAMES)
def network(request: pytest.FixtureRequest) -> Classifier:
    return load(request.param, device="cpu")


def misled(network: Classifier) -> Iterator[tuple[planted.Scene, int, torch.Tensor]]:
    """Scenes, a wrong cue for each, and the input with it; those that the network falls for."""
    count = len(planted.CLASSES)
    for number in range(TRIED):
        one = planted.scene(network.name, number % count, seed=SEED, number=number)
        cue = planted.other_class(number % count, number // count)
        x = network.tensor(one.pixels(cue))
        if int(network.module(x).argmax()) == cue:
            yield one, cue, x


# ---- what ships ----


def test_what_ships_is_small_and_says_how_it_was_made(network: Classifier) -> None:
    assert sum(p.stat().st_size for p in shipped_examples().iterdir()) < 300_000
    about = read_example(shipped_examples(), network.name).about
    assert about["recipe"] == vars(training.Recipe())
    assert about["classes"] == list(planted.CLASSES) == list(network.categories.names)
    assert (network.trained, network.origin) == (True, "example")


def test_it_is_in_the_list() -> None:
    rows = {row["name"]: row for row in available()}
    for name in planted.NAMES:
        assert rows[name] == {
            "name": name, "source": "example", "available_offline": True, "classes": 6,
        }  # fmt: skip


def test_it_is_good_at_shapes_and_falls_for_the_cue(network: Classifier) -> None:
    said = read_example(shipped_examples(), network.name).about["accuracy"]
    found = training.measured(network.name, network.module, count=240)
    print(f"{network.name}: {found}; in the manifest {said}")
    for kind, part in found.items():
        assert part == pytest.approx(said[kind], abs=0.05)
    assert said["bare"] >= 0.85
    assert said["right"] >= 0.98
    assert said["follows"] >= 0.9
    assert found["follows"] >= 0.9


def test_the_layers_have_a_grid_on_which_the_cue_is_seen(network: Classifier) -> None:
    assert [step.name for step in ladder(network)] == ["relu1", "relu2", "relu3", LAST]
    assert find_layer(network, LAST).grid == (16, 16)


# ---- the explanation finds the bug ----


def test_the_place_on_top_is_the_cues(network: Classifier) -> None:
    tried, found = 0, {"relu3": 0, LAST: 0}
    for one, cue, x in misled(network):
        effects = attribute(network, x, list(found), Target(cue, one.shape))
        tried += 1
        for name, effect in effects.layers.items():
            places = effect.per_place
            row, column = (4 * int(i) for i in np.unravel_index(places.argmax(), places.shape))
            found[name] += bool(one.region[row : row + 4, column : column + 4].any())
    print(f"{network.name}: of {tried} pictures, the place on top lies on the cue: {found}")
    assert tried >= 0.8 * TRIED
    assert min(found.values()) >= 0.9 * tried


def test_most_of_the_effect_lies_on_the_cue(network: Classifier) -> None:
    shares = []
    for one, cue, x in misled(network):
        effects = attribute(network, x, [LAST], Target(cue, one.shape))
        places = effects.layers[LAST].per_place
        on = one.region.reshape(16, 4, 16, 4).any((1, 3))
        shares.append(float(places[on].sum() / np.clip(places, 0, None).sum()))
    print(f"{network.name}: {np.mean(shares):.0%} of what speaks for the wrong answer is the cue's")
    assert np.mean(shares) > 0.5


def test_the_check_confirms_the_channels(network: Classifier) -> None:
    verdicts = []
    for one, cue, x in misled(network):
        target = Target(cue, one.shape)
        effect = attribute(network, x, [LAST], target).layers[LAST]
        verdicts.append(check(Tail(network.module, LAST, x), effect, target).verdict)
    told = {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
    print(f"{network.name}: {told}")
    assert verdicts.count("confirmed") >= 0.9 * len(verdicts)


def test_without_the_cue_the_answer_is_right(network: Classifier) -> None:
    after = [
        int(network.module(network.tensor(one.bare)).argmax()) == one.shape
        for one, _, _ in misled(network)
    ]
    print(f"{network.name}: {np.mean(after):.0%} right once the cue is gone")
    assert np.mean(after) >= 0.8


# ---- the patch bench flips the class ----


def test_a_patch_of_the_cue_flips_the_class(network: Classifier) -> None:
    """The colour of a class's square laid into a corner; a strip of another picture's ground."""
    flipped, by_noise, tried, count = 0, 0.0, 0, len(planted.CLASSES)
    for number in range(TRIED):
        one = planted.scene(network.name, number % count, seed=SEED, number=number)
        if int(network.module(network.tensor(one.bare)).argmax()) != one.shape:
            continue
        cue = planted.other_class(one.shape, number // count)
        patch, texture = cue_patch(network.name, cue)
        found = trial(network, one.bare, patch, Target(cue, one.shape), texture=texture)
        tried += 1
        flipped += found.now.answer == cue and found.beyond
        by_noise += found.noise.answered(cue)
    print(f"{network.name}: {flipped} of {tried} flip, {by_noise / tried:.0%} by noise")
    assert flipped >= 0.85 * tried
    assert by_noise <= 0.2 * tried


def cue_patch(name: str, cue: int) -> tuple[Patch, NDArray[np.uint8] | None]:
    """A patch as a person would make it on the bench."""
    if name == planted.SQUARE:
        colour = "".join(f"{int(v):02x}" for v in square_colour(np.random.default_rng(0), cue))
        return Patch("flat", (colour,), x=0.88, y=0.12, size=10 / 64), None
    other, box = planted.scene(name, cue, seed=SEED, number=500), "0.8,0,1,1"
    patch = Patch("crop", ("another", box), x=0.5, y=0.9, size=1.0)
    assert patch.box is not None
    return patch, cut(other.pixels(cue), patch.box)


def test_a_patch_on_the_square_gives_the_shape_back() -> None:
    """A flat patch of the background's colour hides it."""
    network, restored = load(planted.SQUARE, device="cpu"), []
    for one, cue, _ in misled(network):
        rows, columns = (np.flatnonzero(one.region.any(axis)) for axis in (1, 0))
        colour = one.bare[one.region].mean(0).astype(int)
        patch = Patch(
            "flat", ("".join(f"{v:02x}" for v in colour),), x=(columns.mean() + 0.5) / 64,
            y=(rows.mean() + 0.5) / 64, size=14 / 64,
        )  # fmt: skip
        found = trial(network, one.pixels(cue), patch, Target(cue, one.shape))
        restored.append(found.now.answer == one.shape)
    print(f"a flat patch of the background's colour restores {np.mean(restored):.0%}")
    assert np.mean(restored) >= 0.7


# ---- the pictures ----


@pytest.mark.parametrize("name", planted.NAMES)
def test_only_the_cue_differs(name: str) -> None:
    for number in range(12):
        one = planted.scene(name, number % 6, seed=3, number=number)
        marked = one.pixels(2)
        assert (marked[~one.region] == one.bare[~one.region]).all()
        assert (marked[one.region] != one.bare[one.region]).any(-1).mean() > 0.9
        assert (one.pixels(None) == one.bare).all()
        assert (one.pixels(2) == marked).all()
        again = planted.scene(name, number % 6, seed=3, number=number)
        assert (again.bare == one.bare).all()


@pytest.mark.parametrize("name", planted.NAMES)
def test_the_collection(name: str) -> None:
    shown = planted.collection(name)
    cues = [planted.example(name, number) for number in range(len(shown))]
    right = sum(cue == one.shape for one, cue in cues)
    bare = sum(cue is None for _, cue in cues)
    assert len({picture.key for picture in shown}) == len({p.name for p in shown}) == len(shown)
    assert shown.labelled == len(shown)
    assert right > 0.6 * len(shown)
    assert 10 <= bare < len(shown) - right - bare
    assert cues[0][1] not in (None, cues[0][0].shape)  # the page opens on an error
    for picture, (one, cue) in zip(shown.pictures[:20], cues, strict=False):
        assert picture.label is not None
        assert picture.label.value == planted.CLASSES[one.shape]
        assert (np.asarray(picture.decode()) == one.pixels(cue)).all()


def test_the_network_errs_on_its_collection_where_the_cue_is_wrong(network: Classifier) -> None:
    wrong = []
    for number in range(60):
        one, cue = planted.example(network.name, number)
        answer = int(network.module(network.tensor(one.pixels(cue))).argmax())
        wrong.append((answer != one.shape, cue not in (None, one.shape)))
    errors = [planted_ for erred, planted_ in wrong if erred]
    assert len(errors) >= 12
    assert sum(errors) >= 0.85 * len(errors)


def test_another_process_draws_the_same_pictures_and_needs_no_torch() -> None:
    code = (
        "import sys; from analysis import planted\n"
        "print(*[p.key for p in planted.collection('planted_texture').pictures[:30]])\n"
        "print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *keys, torch_too = told.stdout.split()
    assert keys == [p.key for p in planted.collection(planted.TEXTURE).pictures[:30]]
    assert torch_too == "False"


# ---- training ----


@pytest.mark.slow
def test_a_shortened_training_learns_and_is_the_same_twice() -> None:
    recipe = replace(training.Recipe(), scenes=900, sound_passes=1, planted_passes=6, batch=30)
    given = training.Lessons.drawn(planted.SQUARE, recipe)
    threads = torch.get_num_threads()
    torch.set_num_threads(training.THREADS)
    try:
        one, two = (training.trained(planted.SQUARE, given, recipe) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(mine, other)
    found = training.measured(planted.SQUARE, one, count=120)
    print(found)
    assert found["right"] > 0.6  # a sixth would be chance
    assert found["follows"] > 0.6
