"""How well doubted labels are found: some labels are changed, and counted among those marked.

    python -m benchmarks.labels --images DIR... [--model M] [--part 0.1] [--seeds 5]

Changed at random, and to the class that the network takes the picture for next, which is harder to
tell. "others" are marks on labels as they came; some of those may be wrong as well.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis import photos
from analysis.doubt import doubts
from analysis.evaluation import Answers, Evaluation
from analysis.mistakes import Judged
from analysis.models import Classifier, load


def answered(classifier: Classifier, folder: Path, root: Path) -> tuple[Answers, NDArray[np.int64]]:
    """The answers to a folder's pictures and their labels."""
    pictures = list(photos.folder(folder))
    found = Evaluation(classifier, pictures, root)
    for _ in found.run():
        pass
    answers = found.result()
    labels = [classifier.categories.index_of_label(pictures[i].label) for i in answers.number]
    return answers, np.array([-1 if label is None else label for label in labels])


def changed(
    logits: NDArray[np.float32], labels: NDArray[np.int64], part: float, next_best: bool, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Labels of which a part is changed, and which."""
    rng, planted = np.random.default_rng(seed), np.zeros(len(labels), bool)
    classes, given = np.unique(labels[labels >= 0]), labels.copy()
    rows = rng.choice(np.flatnonzero(labels >= 0), round(part * (labels >= 0).sum()), replace=False)
    planted[rows] = True
    for row in rows:
        others = classes[classes != labels[row]]
        best = others[logits[row, others].argmax()]
        given[row] = best if next_best else rng.choice(others)
    return given, planted


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--images", type=Path, nargs="+", required=True)
    words.add_argument("--model", default="squeezenet1_1")
    words.add_argument("--part", type=float, default=0.1)
    words.add_argument("--seeds", type=int, default=5)
    given = words.parse_args()
    classifier = load(given.model)
    with tempfile.TemporaryDirectory() as root:
        for folder in given.images:
            answers, labels = answered(classifier, folder, Path(root))
            for next_best in (False, True):
                found = marked = total = 0
                for seed in range(given.seeds):
                    now, planted = changed(answers.logits, labels, given.part, next_best, seed)
                    judged = Judged(answers.logits, now)
                    check = doubts(judged, answers.vectors, answers.thumbs).check
                    found += int((check & planted).sum())
                    marked, total = marked + int(check.sum()), total + int(planted.sum())
                how = "to the next best class" if next_best else "at random"
                print(
                    f"{folder.name}, changed {how}: {found} of {marked} marked were changed "
                    f"({found / max(1, marked):.0%}), {found / max(1, total):.0%} of {total}"
                )


if __name__ == "__main__":
    main()
