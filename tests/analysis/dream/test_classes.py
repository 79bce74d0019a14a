"""Pictures of classes out of nothing: their aim, and that the network knows them again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from analysis.dream.aims import RIVALS, set_apart
from analysis.dream.engine import dreamt
from analysis.dream.settings import PREVIEW, Dream, class_picture, sketched
from analysis.models import Classifier


def test_a_class_is_set_apart_from_its_rivals() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0]])[:, :, None, None]
    rivals = float(torch.tensor([1.0, 2.0]).exp().sum().log())
    score = set_apart(1).score({"": logits})
    assert float(score) == pytest.approx(3 - RIVALS * rivals)


def test_the_only_class_has_no_rivals() -> None:
    assert float(set_apart(0).score({"": torch.full((1, 1, 1, 1), 2.0)})) == 2.0


def test_a_sketch_has_fewer_steps_and_one_octave() -> None:
    whole = class_picture(3)
    small = sketched(whole)
    assert (small.octaves, small.class_index, small.blur) == (1, 3, whole.blur)
    assert (small.fourier, small.iterations) < (whole.fourier, whole.iterations)
    few = replace(whole, fourier=5, iterations=2)
    assert sketched(few) == replace(few, octaves=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["banana", "dumbbell", "ant", "starfish", "measuring cup"])
def test_a_preview_is_named_right(squeezenet: Classifier, name: str) -> None:
    index = squeezenet.categories.find(name)
    shown = last(squeezenet, replace(sketched(class_picture(index)), size=PREVIEW))
    pixels = torch.from_numpy(shown.copy()).permute(2, 0, 1)[None] / 255
    side = squeezenet.input_size[1]
    seen = functional.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
    with torch.no_grad():
        logits = squeezenet.module(squeezenet.normalise(seen))[0]
    assert int(logits.argmax()) == index
    assert np.mean((shown == 0) | (shown == 255)) < 0.01


def last(classifier: Classifier, dream: Dream) -> np.ndarray:
    *_, frame = dreamt(classifier, dream)
    return frame.pixels()
