"""How the neurons of a layer answer to the reference photographs, in few bytes.

A neuron's *response* to a photograph is its activation at its strongest place. The photographs
themselves are nowhere in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reference:
    """Of the C neurons of one layer, over ``pictures`` photographs.

    ``counts`` (C, bins): how many photographs gave a response in each even step from ``low`` (C,)
    to ``high`` (C,). ``maximum``, ``mean``, ``sd`` (C,): of the responses; ``strongest`` (C,): the
    number of the photograph with the highest, in the order they were taken. ``widest`` (C,): the
    highest activation as a mean over all places, which is what an icon is drawn for. ``classes``
    and ``class_means`` (C, K): the classes, as the network answered, with the highest mean
    response, and that mean, highest first; ``class_pictures`` (C, K): of how many photographs.
    ``selectivity`` (C,): from 0, all classes alike, to 1, one class alone. ``names``: the automatic
    name of each, empty where a neuron has none.
    """

    pictures: int
    counts: NDArray[np.uint16]
    low: Array
    high: Array
    maximum: Array
    mean: Array
    sd: Array
    strongest: NDArray[np.uint16]
    widest: Array
    classes: NDArray[np.uint16]
    class_means: NDArray[np.float16]
    class_pictures: NDArray[np.uint16]
    selectivity: NDArray[np.float16]
    names: tuple[str, ...]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays, with ``names`` as the bytes of lines."""
        plain = {name: getattr(self, name) for name in _ARRAYS}
        text = "\n".join(self.names).encode()
        return {**plain, "names": np.frombuffer(text, np.uint8)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], *, pictures: int) -> "Reference":
        """Back from ``arrays``; ValueError or KeyError where they do not fit together."""
        plain: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        names = tuple(arrays["names"].tobytes().decode().split("\n"))
        count = len(names)
        if any(len(array) != count for array in plain.values()):
            raise ValueError("the reference numbers do not fit together")
        return cls(pictures=pictures, names=names, **plain)

    def histogram(self, channel: int) -> tuple[Array, NDArray[np.uint16]]:
        """Edges (n + 1,) and counts (n,), without the empty steps at both ends."""
        counts, bins = self.counts[channel], self.counts.shape[1]
        edges = np.linspace(self.low[channel], self.high[channel], bins + 1, dtype=np.float32)
        filled = np.flatnonzero(counts)
        if not len(filled):
            return edges[:1], counts[:0]
        return edges[filled[0] : filled[-1] + 2], counts[filled[0] : filled[-1] + 1]


_ARRAYS = [f.name for f in fields(Reference) if f.name not in ("pictures", "names")]
