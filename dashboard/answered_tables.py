"""The answers to many pictures as a document and as a table: the same for the page and the
terminal."""

from typing import Any

import numpy as np

from dashboard.answered import Answered


def told(found: Answered) -> dict[str, Any]:
    """The document: counts, confidence, confusions, classes, doubted labels, near duplicates."""
    judged, names = found.judged, found.classifier.categories.names
    return {
        "images": len(found.answers), "labelled": int(judged.labelled.sum()),
        "unknown_labels": found.strange, "unread": list(found.answers.unread),
        "top1": judged.among_first(1), "top5": judged.among_first(5),
        "confidence": float(judged.confidence[judged.labelled].mean()),
        "calibration_error": judged.calibration_error(),
        "calibration": [b.__dict__ for b in judged.bins()],
        "confusions": [
            {"true": names[p.true], "predicted": names[p.said], "count": len(p.rows),
             "files": [found.picture(r).name for r in p.rows]}
            for p in judged.pairs()
        ],
        "classes": [{"class": names[row["index"]], **row} for row in judged.per_class()],
        "check_the_label": [
            {"file": found.picture(int(r)).name, "label": names[judged.labels[r]],
             "predicted": names[judged.said[r]]}
            for r in np.flatnonzero(found.doubts.check)
        ],
        "near_duplicates": _twice(found),
    }  # fmt: skip


def _twice(found: Answered) -> list[list[str]]:
    """Pairs of files, each once."""
    twins = found.doubts.twins
    pairs = {tuple(sorted((int(r), int(twins[r])))) for r in np.flatnonzero(twins >= 0)}
    return [[found.picture(a).name, found.picture(b).name] for a, b in sorted(pairs)]


def answers(found: Answered) -> list[dict[str, Any]]:
    """One record a picture: {file, true, predicted, p_predicted, p_true, right, check}."""
    judged, names = found.judged, found.classifier.categories.names
    records = []
    for row in range(len(judged)):
        true, known = int(judged.labels[row]), bool(judged.labelled[row])
        records.append({
            "file": found.picture(row).name, "true": names[true] if known else None,
            "predicted": names[judged.said[row]],
            "p_predicted": round(float(judged.confidence[row]), 6),
            "p_true": round(float(judged.own[row]), 6) if known else None,
            "right": ("yes" if judged.right[row] else "no") if known else None,
            "check": "yes" if found.doubts.check[row] else None,
        })  # fmt: skip
    return records
