"""From a request to the one name its result is kept under.

The key is the SHA-256 of a canonical JSON document that holds everything the result depends on: the
request, the network's fingerprint and the version of the recipe. Nothing of the class' module or of
the process enters, so a key is the same in every process and after a file is moved.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBERS = "biufc"  # numpy dtype kinds that are plain numbers


def content_key(request: Any, *, fingerprint: str, recipe: int) -> str:
    """The key (64 hex digits) of ``request`` on the network ``fingerprint``.

    ``request`` is a frozen dataclass of numbers, strings, None, enums, bytes, numpy arrays and
    scalars, tuples, lists, string-keyed mappings and further frozen dataclasses. Floats count to
    the last bit (0.0 is not -0.0, 1 is not 1.0); a list is the same as a tuple. Raise ``recipe``
    whenever the code would draw another result from the same request. TypeError: something in
    the request has no exact form.
    """
    if not is_dataclass(request):
        raise TypeError(f"a request is a frozen dataclass, not {type(request).__name__}")
    document = {"fingerprint": fingerprint, "recipe": recipe, "request": _canonical(request)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def is_key(text: object) -> bool:
    """Whether ``text`` can be a key at all; anything else must never become part of a path."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def _canonical(value: Any) -> Any:
    """JSON that no two different values share: every object carries a tag of its type."""
    if isinstance(value, Enum):
        return {"enum": [type(value).__qualname__, value.name]}
    if isinstance(value, np.generic):
        return _canonical(_plain(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if isinstance(value, bytes | bytearray):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    return _canonical_container(value)


def _canonical_container(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": _array(value)}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a mapping in a request must have strings for keys")
        return {"dict": {name: _canonical(item) for name, item in value.items()}}
    if is_dataclass(value) and not isinstance(value, type):
        return {"dataclass": type(value).__qualname__, "fields": _fields(value)}
    raise TypeError(f"a request cannot hold a {type(value).__name__}: it has no exact form")


def _fields(value: Any) -> dict[str, Any]:
    if not type(value).__dataclass_params__.frozen:
        raise TypeError(f"{type(value).__qualname__} must be a frozen dataclass to be a request")
    return {field.name: _canonical(getattr(value, field.name)) for field in fields(value)}


def _array(value: np.ndarray[Any, Any]) -> list[Any]:
    """Type, shape and digest; byte order and strides are not part of what an array says."""
    if value.dtype.kind not in _NUMBERS:
        raise TypeError(f"a request cannot hold an array of {value.dtype}: numbers only")
    little = value.astype(value.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(little.tobytes(order="C")).hexdigest()
    return [little.dtype.str, list(value.shape), digest]


def _plain(value: np.generic) -> Any:
    plain = value.item()
    if isinstance(plain, np.generic):  # long doubles have no Python counterpart
        raise TypeError(f"a request cannot hold a {value.dtype}: it has no exact form")
    return plain
