"""How many pictures to draw at once: as many as fit into a stated memory.

A step's memory is what the way back to the picture needs: the outputs that the layers keep, and for
a moment some copies of the largest one. Both are counted on one real pass of one picture, so they
hold for any network; the network itself and torch are not in it. On bvlc_googlenet at 224 pixels up
to inception4d it says 42 MiB a picture, and a process grew by 36 to 41.
"""

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from analysis.featurevis.icons import IconRequest, check, objective_of
from analysis.featurevis.optimize import Observer

if TYPE_CHECKING:
    from analysis.models import Classifier

BUDGET = 1 << 29  # 512 MiB
MOST = 32  # larger batches are hardly faster, and one has to wait longer for the first picture
_COPIES, _STATE = 12, 8  # of the largest output at a time; of the parameters, with Adam's memory


_KNOWN: "WeakKeyDictionary[nn.Module, dict[tuple[object, ...], int]]" = WeakKeyDictionary()


def bytes_a_picture(classifier: "Classifier", request: IconRequest) -> int:
    """What one more picture in a batch of ``request`` takes, at its peak; counted once a network,
    layer and size."""
    check(classifier, request)
    known = _KNOWN.setdefault(classifier.module, {})
    place = (request.layer, request.objective, request.input_size, request.size)
    if place not in known:
        known[place] = _counted(classifier, request)
    return known[place]


def _counted(classifier: "Classifier", request: IconRequest) -> int:
    one = replace(
        request, units=request.units[:1], directions=request.directions[:1],
        near=request.near[:1], weights=request.weights[:1], diversity=1,
    )  # fmt: skip
    observer = Observer(classifier, objective_of(classifier, one), request.input_size)
    fixed = {p.untyped_storage().data_ptr() for p in observer.light.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in fixed:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    channels = classifier.input_size[0]
    grey = torch.full((1, channels, observer.size, observer.size), 0.5, device=classifier.device)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        score = observer.objective.score(
            observer.fields(grey.requires_grad_(), observer.light)
        ).sum()  # the graph, and with it every kept output, lives until here
    del score
    pixels = grey.nbytes + 4 * channels * request.size**2 * _STATE
    return sum(kept.values()) + _COPIES * max(kept.values(), default=0) + pixels


def in_batches(
    classifier: "Classifier", request: IconRequest, *, memory: int = BUDGET
) -> list[IconRequest]:
    """The request in batches that keep to ``memory`` bytes (one picture each at the least), the
    diverse pictures of a unit together. One request stays what it is unless it names units."""
    if not request.units or request.objective == "sum":
        return [request]
    each = bytes_a_picture(classifier, request) * request.diversity
    many = max(1, min(MOST // request.diversity, memory // each))
    starts = range(0, len(request.units), many)
    return [replace(request, units=request.units[i : i + many]) for i in starts]
