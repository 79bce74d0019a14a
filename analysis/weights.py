"""The weights into a neuron from the neurons of an earlier layer, and out of it to the classes.

Next to each other, two layers are joined by a kernel. Further apart, "expanded weights" (Voss et
al., "Visualizing Weights", Distill 2021) multiply the kernels on the way as if nothing lay between
them: here, the derivative of the neuron at the middle of its grid with respect to the earlier
layer, with activation functions taken as linear and maximum pooling as the mean. So it holds for
any architecture that autograd can follow: batch norm is folded in, branches and skip connections
are added up, and for a plain convolution the result is its kernel. What is not linear otherwise
(response and layer norms, attention, gates) counts as its derivative at the pictures given.

It says how the network is wired, not what it does with a picture: that is ``analysis.feeds``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from analysis.activations import checked_channel
from analysis.between import before, pulled, pushed
from analysis.featurevis.objectives import field
from analysis.layers import Layer, find_layer, from_positions, list_layers, split_name, to_positions
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

Array = NDArray[np.float32]

PICTURE = ""
"""The name of the picture where it stands for a source."""

_LINEAR = {"relu", "relu_", "relu6", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "prelu"}
_LINEAR |= {"elu", "elu_", "celu", "selu", "selu_", "gelu", "silu", "hardswish", "mish", "softplus"}
_CLAMP = {"clamp", "clamp_", "clamp_min", "clamp_min_"}
_WINDOW = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


@dataclass(frozen=True, eq=False)
class Inputs:
    """The weights into one neuron.

    ``source``: the layer they come from, None for the picture. ``kernel`` (C, kh, kw): one weight
    for each neuron and place of the source, without the places that do not count; ``corner``: the
    (row, column) of the source's grid where it begins. ``place``: where in its own grid the neuron
    stands. ``weights`` (C,): the kernel summed over places, what a neuron that fires everywhere
    adds.
    """

    layer: str
    unit: int
    place: tuple[int, int]
    source: str | None
    kernel: Array
    corner: tuple[int, int]

    @property
    def weights(self) -> Array:
        """(C,), signed."""
        total: Array = self.kernel.sum((1, 2))
        return total

    @property
    def sizes(self) -> Array:
        """(C,): the length of each neuron's part of the kernel; large too where it cancels out."""
        length: Array = np.sqrt(np.square(self.kernel).sum((1, 2)))
        return length

    def top(self, k: int) -> list[int]:
        """The ``k`` source neurons with the largest weights, whatever the sign."""
        return [int(c) for c in np.argsort(-np.abs(self.weights), kind="stable")[:k]]


class _Linear(TorchFunctionMode):
    """While open and switched on, activation functions pass on what they get, and maxima over
    windows are means."""

    on = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if self.on and args and isinstance(args[0], Tensor):
            if name in _LINEAR or (name in _CLAMP and _from_zero(args, kwargs)):
                return args[0].clone()
            if name == "max_pool2d":
                return _mean_pool(func, args, kwargs)
            if name == "adaptive_max_pool2d" and not kwargs.get("return_indices"):
                size = args[1] if len(args) > 1 else kwargs["output_size"]
                return functional.adaptive_avg_pool2d(args[0], size)
        return func(*args, **kwargs)


def _from_zero(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a clamp is a ReLU; one that guards against division by zero is not."""
    low = args[1] if len(args) > 1 else kwargs.get("min")
    return isinstance(low, int | float) and low == 0


def _mean_pool(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given = {**dict(zip(_WINDOW, args[1:], strict=False)), **kwargs}
    if given.get("return_indices") or given.get("dilation", 1) not in (1, (1, 1), [1, 1]):
        return func(*args, **kwargs)  # torch has no mean over such windows
    return functional.avg_pool2d(
        args[0], given["kernel_size"], given.get("stride"), given.get("padding", 0),
        given.get("ceil_mode", False), count_include_pad=False,
    )  # fmt: skip


def into(
    classifier: "Classifier",
    layer_name: str,
    unit: int,
    source_name: str | None = None,
    *,
    x: Tensor | None = None,
) -> Inputs:
    """The weights into a neuron of ``layer_name`` from ``source_name``, by default the layer of the
    ladder before it, or the picture where there is none (or where it is PICTURE).

    ``x`` (B, C, H, W): pictures at which what cannot be taken as linear is derived, averaged; by
    default one of noise. Paths that bypass the source are not in it. UserError where the source
    does not lead to the layer.
    """
    layer = find_layer(classifier, layer_name)
    checked_channel(layer, unit)
    source = before(classifier, layer) if source_name is None else None
    if source_name:
        source = find_layer(classifier, source_name)
    mode = _Linear()

    def here(output: Tensor) -> Tensor:
        mode.on = True  # from here on; up to here the network ran as it is
        return output

    def middle(raw: Tensor) -> Tensor:
        values = field(raw, layer)
        return values[:, unit, values.shape[2] // 2, values.shape[3] // 2] / len(values)

    x = classifier.probe() if x is None else x
    with mode:
        name = None if source is None else source.name
        _, raw, grad = pulled(classifier.module, name, layer.name, x, middle, change=here)
    if grad is None:
        raise UserError(f"layer {name} does not feed {layer.name}: name one that comes before it")
    rows, cols = field(raw, layer).shape[2:]
    found = (grad if source is None else field(grad, source)).sum(0).float().cpu().numpy()
    kernel, corner = _cut_out(found)
    return Inputs(layer.name, unit, (rows // 2, cols // 2), name, kernel, corner)


def _cut_out(weights: Array) -> tuple[Array, tuple[int, int]]:
    """(C, h, w) without the rows and columns that are zero at the edges, and where the rest
    begins."""
    filled = np.abs(weights).max(0)
    rows, cols = (np.flatnonzero(filled.max(axis)) for axis in (1, 0))
    if not len(rows):
        return weights[:, :1, :1], (0, 0)
    part = weights[:, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return np.ascontiguousarray(part), (int(rows[0]), int(cols[0]))


def speaks_for(
    classifier: "Classifier", layer_name: str, unit: int, *, x: Tensor | None = None
) -> Array:
    """(classes,): by how much each logit rises, to first order, for one more of this neuron at
    every place.

    Where a single linear map lies between the layer and the logits (a linear or a 1x1 classifier
    before or behind the mean over places), this is the neuron's column of its matrix, whatever the
    picture. From further away it is the average over the pictures ``x`` (B, C, H, W), as the
    network runs on them; UserError without any.
    """
    layer = find_layer(classifier, layer_name)
    checked_channel(layer, unit)
    near = maps_behind(classifier, layer) <= 1
    if x is None and not near:
        raise UserError(f"from {layer.name} to the classes is no single map: hand in some pictures")
    mode = _Linear()

    def one_more(output: Tensor) -> Tensor:
        mode.on = near
        values = to_positions(output, layer).new_zeros(len(output), layer.channels, layer.positions)
        values[:, unit, layer.extras if layer.grid else 0 :] = 1
        return from_positions(values, layer, like=output)

    x = classifier.probe() if x is None else x
    with mode:
        _, change = pushed(classifier.module, layer.name, None, x, one_more)
    votes: Array = change.mean(0).float().cpu().numpy()
    return votes


def maps_behind(classifier: "Classifier", layer: Layer) -> int:
    """How many calls of modules with a matrix or a kernel of their own come after the layer."""

    def is_map(part: nn.Module) -> bool:
        return any(p.dim() > 1 for p in part.parameters(recurse=False))

    later = [x for x in list_layers(classifier) if x.order > layer.order]
    return sum(is_map(classifier.module.get_submodule(split_name(x.name)[0])) for x in later)
