"""What a claim's neurons are compared with: how they answer to pictures that are answered right."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from torch import Tensor

from analysis.attribution import Array, Target
from analysis.claim import NORM, Norm, norm_of, times
from analysis.layers import Layer
from cache.errors import UserError
from dashboard.answered import answered
from dashboard.bench import Bench


def against_norm(
    bench: Bench, model: str, layer: Layer, target: Target, here: Array,
    rows: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The rows of evidence, each with its activation ``here`` (C,) against the norm: pictures of
    the class instead of which that are answered right; where there are none, of all classes."""
    keys, which = _norm_keys(bench, model, target)

    def measure() -> Norm | None:
        return norm_of(bench.classifier(model), layer, inputs_of(bench, model, keys))

    norm = bench.kept.get(("norm", model, layer.name, tuple(keys)), measure)
    strength = times(here, norm)
    told = [
        {**row, "here": float(here[row["channel"]]), "times": strength[row["channel"]],
         "norm": None if norm is None else float(norm.mean[row["channel"]])}
        for row in rows
    ]  # fmt: skip
    count, which = (norm.pictures, which) if norm else (0, "none")
    return {"rows": told, "norm": {"pictures": count, "which": which}}


def inputs_of(bench: Bench, model: str, keys: Sequence[str]) -> list[Tensor]:
    """The network's inputs of these pictures, each (1, C, H, W); those that were deleted since they
    were answered are left out."""
    classifier, found = bench.classifier(model), []
    for key in keys:
        with suppress(UserError):
            found.append(classifier.tensor(bench.pixels(classifier, key)))
    return found


def _norm_keys(bench: Bench, model: str, target: Target) -> tuple[list[str], str]:
    try:
        found = answered(bench, model)
    except UserError:
        return [], "none"
    judged = found.judged
    mine = np.flatnonzero(judged.right & (judged.labels == target.rather_than))
    which = "true class"
    if not len(mine):
        mine, which = np.flatnonzero(judged.right), "all right"
    rows = found.surest(mine)[:NORM]
    return [found.picture(int(r)).key for r in rows], which if len(rows) else "none"
