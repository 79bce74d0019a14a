"""What is measured on the bench, as plain data."""

from dataclasses import asdict
from typing import Any

from analysis.counterfactual import Control, Reading, Trial


def told(found: Trial) -> dict[str, Any]:
    """{size, before, now: {logits, probabilities, margin, answer, share}, noise: {logits: [[mean,
    sd] of a, of b], probabilities, margin, draws}, change, by_noise, beyond}."""
    return {
        "size": found.size, "before": read(found.before), "now": read(found.now),
        "noise": control(found.noise), "change": found.change, "by_noise": found.by_noise,
        "beyond": found.beyond,
    }  # fmt: skip


def read(one: Reading) -> dict[str, Any]:
    """{logits, probabilities: of a and of b, answer, share, margin}."""
    return {**asdict(one), "margin": one.margin}


def control(noise: Control) -> dict[str, Any]:
    """Means and spreads of noise: {logits, probabilities, margin, draws}."""
    return {
        "logits": noise.logits, "probabilities": noise.probabilities, "margin": noise.margin,
        "draws": len(noise.draws),
    }  # fmt: skip
