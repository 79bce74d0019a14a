"""Tasks of the live maps: every neuron of a layer on the opened picture, or on a camera's frame.

A frame is seen and forgotten: it is no picture of the library, and nothing that is made of it is
kept or written anywhere.
"""

import base64
import time
from typing import Any

import numpy as np
from torch import Tensor

from analysis.maps import channel_maps, packed
from cache.errors import UserError
from dashboard.bench import Bench
from dashboard.protocol import Task, streamed

TOP = 5


def maps(bench: Bench, *, model: str, picture: str, layer: str) -> dict[str, Any]:
    """The opened picture's maps; see ``_answer``."""
    return _answer(bench, model, layer, bench.open(model, picture).x)


@streamed
def frame(bench: Bench, *, model: str, layer: str, pixels: str) -> dict[str, Any]:
    """The maps of one frame: ``pixels`` are uint8 (H, W, C) of the network's input size, row by
    row, in base64."""
    classifier = bench.classifier(model)
    c, h, w = classifier.input_size
    data = np.frombuffer(bytearray(base64.b64decode(pixels)), np.uint8)
    if data.size != h * w * c:
        raise UserError(f"a frame for {model} has {h} x {w} x {c} bytes, not {data.size}")
    return _answer(bench, model, layer, classifier.tensor(data.reshape(h, w, c)))


def _answer(bench: Bench, model: str, layer: str, x: Tensor) -> dict[str, Any]:
    """{layer, channels, rows, cols, signed, reach (C,), maps: base64 of uint8 (C, rows, cols),
    top: [{index, class, probability}], seconds: {network, packing}}."""
    began = time.perf_counter()
    classifier = bench.classifier(model)
    found = channel_maps(classifier, layer, x)
    ran = time.perf_counter()
    small = packed(found)
    logits = found.logits.astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    order = np.argsort(-logits, kind="stable")[:TOP]
    names = classifier.categories.names
    channels, rows, cols = small.codes.shape
    return {
        "layer": found.layer.name, "channels": channels, "rows": rows, "cols": cols,
        "signed": small.signed, "reach": [float(f"{v:.4g}") for v in small.reach],
        "maps": base64.b64encode(small.codes.tobytes()).decode("ascii"),
        "top": [
            {"index": int(i), "class": names[i], "probability": float(shares[i])} for i in order
        ],
        "seconds": {"network": ran - began, "packing": time.perf_counter() - ran},
    }  # fmt: skip


LIVE_TASKS: dict[str, Task] = {"maps": maps, "frame": frame}
