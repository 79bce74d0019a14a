"""Groups of ImageNet's classes: the table against the classes' own names, and the measures by
hand."""

import numpy as np
import pytest

from analysis.classes import Categories
from analysis.classgroups import CLASSES, SPOKEN, Group, evidence, groups, imagenet_groups, shares
from analysis.sources import imagenet_names

# Names of classes that must be in a group, and such as must not.
IN = {
    "fish": "tench puffer stingray", "birds": "cock albatross toucan", "snakes": "sidewinder",
    "dogs": "Chihuahua pug standard_poodle Mexican_hairless", "cats": "tabby Egyptian_cat",
    "wolves and foxes": "timber_wolf red_fox dingo", "big cats": "lion cheetah",
    "insects": "bee monarch mantis", "crabs and lobsters": "king_crab", "bears": "giant_panda",
    "hoofed animals": "zebra llama", "elephants": "tusker", "marsupials": "koala",
    "apes, monkeys and lemurs": "gorilla indri", "whales and seals": "sea_lion",
    "cars": "cab Model_T", "trains and trams": "streetcar", "ships and boats": "gondola yawl",
    "aircraft": "airliner wing", "bridges": "viaduct", "balls": "golf_ball",
    "churches, mosques and temples": "mosque stupa", "landscapes": "alp volcano seashore",
    "fungi": "bolete mushroom", "fruit": "banana fig", "vegetables": "broccoli",
    "dishes": "pizza burrito", "musical instruments": "oboe cello drum", "shoes": "clog",
    "hats and helmets": "sombrero", "people and clothes": "ballplayer kimono suit",
    "furniture": "desk throne", "kitchen things": "wok toaster", "guns": "rifle",
    "screens and computers": "laptop television", "clocks and dials": "wall_clock",
    "patterns and textures": "velvet honeycomb chainlink_fence", "round things": "soccer_ball",
    "buildings": "castle barn", "shops and halls": "bakery", "print and signs": "menu",
    "bags": "purse", "sports": "ski", "electronics": "modem", "tools and weapons": "hammer",
}  # fmt: skip
OUT = {
    "animals": "abacus trimaran toilet_tissue daisy", "dogs": "timber_wolf tabby dingo",
    "cats": "lion Madagascar_cat", "birds": "crane birdhouse", "fish": "killer_whale starfish",
    "ships and boats": "dock", "cars": "freight_car streetcar go-kart", "dishes": "plate cup",
    "fruit": "acorn", "insects": "spider_web tick", "bears": "teddy bearskin",
}  # fmt: skip


def of(word: str) -> Group:
    return next(group for group in imagenet_groups() if group.word == word)


@pytest.fixture(scope="module")
def names() -> list[str]:
    return imagenet_names()


def listed(text: str) -> list[str]:
    return [name.replace("_", " ").strip() for name in text.split()]


@pytest.mark.parametrize("word", IN)
def test_the_classes_of_a_group_have_its_names(word: str, names: list[str]) -> None:
    own = {names[index] for index in of(word).classes}
    assert set(listed(IN[word])) <= own


@pytest.mark.parametrize("word", OUT)
def test_others_are_not_in_it(word: str, names: list[str]) -> None:
    own = {names[index] for index in of(word).classes}
    assert not own & set(listed(OUT[word]))


def test_every_breed_is_a_dog_and_every_animal_is_one(names: list[str]) -> None:
    kinds = ("terrier", "spaniel", "retriever", "poodle", "hound", "setter", "husky", "collie")
    breeds = {i for i, name in enumerate(names) if name.split()[-1].lower() in kinds}
    assert breeds <= set(of("dogs").classes)
    assert of("animals").classes == tuple(range(398))
    assert (names[397], names[398]) == ("puffer", "abacus")


def test_the_table_is_sound() -> None:
    found = imagenet_groups()
    words = [group.word for group in found]
    assert len(set(words)) == len(words)
    for group in found:
        assert len(group.classes) >= 3
        assert (group.classes[0], group.classes[-1]) >= (0, 0)
        assert group.classes[-1] < CLASSES
        assert list(group.classes) == sorted(set(group.classes))
        if group.within:
            assert set(group.classes) < set(of(group.within).classes)
            assert of(group.within).great
    covered = set().union(*(group.classes for group in found))
    assert len(covered) > 0.94 * CLASSES, "what fits nowhere is in none"


def test_no_word_is_the_name_of_a_class(names: list[str]) -> None:
    assert not {group.word for group in imagenet_groups()} & {name.lower() for name in names}


def test_only_imagenets_classes_have_groups(names: list[str]) -> None:
    assert groups(Categories.of(names)) == imagenet_groups()
    assert groups(Categories.of(names[:10])) == ()
    assert groups(Categories.numbered(CLASSES)) == ()


def test_shares_are_of_what_sets_a_cell_apart() -> None:
    """Two cells of one sample each: the first gains on dogs and on one cat, the second on none of
    them; what both have alike does not count."""
    effects = np.zeros((2, CLASSES), np.float32)
    effects[:, 963] = 50.0  # pizza, everywhere
    effects[0, list(of("dogs").classes[:3])] = 2.0
    effects[0, of("cats").classes[0]] = 2.0
    found = shares(effects, np.array([1, 1]))
    number = {group.word: i for i, group in enumerate(imagenet_groups())}
    assert found[0, number["dogs"]] == pytest.approx(0.75)
    assert found[0, number["cats"]] == pytest.approx(0.25)
    assert found[0, number["animals"]] == pytest.approx(1)
    assert found[0, number["dishes"]] == 0
    assert found[1].max() == pytest.approx(0), "nothing sets it apart"


def test_only_the_classes_that_gain_most_are_asked() -> None:
    effects = np.zeros((2, CLASSES), np.float32)
    effects[0, : SPOKEN + 20] = 1.0
    effects[0, :SPOKEN] = 3.0
    found = shares(effects, np.array([5, 5]))
    fish = imagenet_groups().index(of("fish"))
    own = sum(index < SPOKEN for index in of("fish").classes)
    assert found[0, fish] == pytest.approx(own / SPOKEN)


def test_evidence_is_beyond_that_for_all_classes() -> None:
    effects = np.full((1, CLASSES), 1.5, np.float32)
    assert evidence(effects, of("cats")) == pytest.approx(0)
    effects[0, list(of("cats").classes)] += 2.0
    assert evidence(effects, of("cats")) == pytest.approx(2.0 * (1 - 5 / CLASSES))
