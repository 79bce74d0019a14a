"""Values to bytes and back, for an allow-list of kinds. Nothing here can run code: no pickle.

==========  ==========================================  ==========================
kind        value                                       bytes
==========  ==========================================  ==========================
``arrays``  dict of names to numpy arrays (numbers)     safetensors
``webp``    uint8 array (H, W, 3), nearly as it was     WebP, quality 90
``png``     uint8 array (H, W, 3), exactly as it was    PNG
``json``    what JSON can say; tuples return as lists   JSON, UTF-8
``raw``     ``Raw``: any bytes with their mime type     the bytes
==========  ==========================================  ==========================
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

WEBP_QUALITY = 90

# What a browser may be told that raw bytes are. No text/html and no SVG: an upload that is served
# again must not be able to run a script in the page.
RAW_MIMES = frozenset(
    {
        "application/octet-stream",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
        "video/mp4",
    }
)


class CodecError(ValueError):
    """The value does not fit its kind, or the bytes do not hold a value of it."""


@dataclass(frozen=True)
class Raw:
    """Bytes kept as they are, and what they are (one of ``RAW_MIMES``)."""

    data: bytes
    mime: str = "application/octet-stream"


def encode(kind: str, value: Any) -> tuple[bytes, str]:
    """The bytes of ``value`` and their mime type. CodecError: unknown kind or unfit value."""
    if kind == "raw":
        if not isinstance(value, Raw) or not allowed(kind, value.mime):
            raise CodecError(f"raw needs Raw(bytes, mime) with one of {sorted(RAW_MIMES)}")
        return bytes(value.data), value.mime
    codec = _codec(kind)
    return codec.encode(value), codec.mime


def decode(kind: str, data: bytes, mime: str) -> Any:
    """The value that ``data`` holds. CodecError: unknown kind, or bytes of something else."""
    if kind == "raw":
        return Raw(data, mime)
    return _codec(kind).decode(data)


def allowed(kind: object, mime: object) -> bool:
    """Whether bytes of this kind may be kept, and served under this mime type."""
    if kind == "raw":
        return mime in RAW_MIMES
    return kind in _CODECS and _CODECS[str(kind)].mime == mime


def _encode_arrays(value: Any) -> bytes:
    if not isinstance(value, dict) or "__metadata__" in value:
        raise CodecError("arrays needs a dict of names to numpy arrays")
    for name, array in value.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray):
            raise CodecError("arrays needs a dict of names to numpy arrays")
    try:
        # Contiguous little-endian copies: the library writes an array's memory as it lies.
        return bytes(save_arrays({name: _in_order(array) for name, array in value.items()}))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CodecError(f"these arrays cannot be kept: {error}") from error


def _in_order(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _decode_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(load_arrays(data))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CodecError(f"no arrays: {error}") from error


def _encode_picture(value: Any, file_format: str, **options: Any) -> bytes:
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 3:
        raise CodecError("a picture is a uint8 array (H, W, 3)")
    if value.shape[2] != 3 or 0 in value.shape:
        raise CodecError(f"a picture is a uint8 array (H, W, 3), not {value.shape}")
    file = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(value)).save(file, file_format, **options)
    except (OSError, ValueError) as error:  # WebP ends at 16383 pixels a side
        raise CodecError(f"no {file_format} of {value.shape}: {error}") from error
    return file.getvalue()


def _decode_picture(data: bytes, file_format: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(data), formats=[file_format]) as image:
            return np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CodecError(f"no {file_format}: {error}") from error


def _encode_json(value: Any) -> bytes:
    _check_names(value)
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"JSON cannot say this: {error}") from error


def _check_names(value: Any) -> None:
    """JSON would turn the key 3 into "3" without a word; the value must return as it went in."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise CodecError("JSON objects have strings for keys")
        for item in value.values():
            _check_names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_names(item)


def _decode_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"no JSON: {error}") from error


@dataclass(frozen=True)
class _Codec:
    mime: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


_CODECS = {
    "arrays": _Codec("application/octet-stream", _encode_arrays, _decode_arrays),
    "webp": _Codec(
        "image/webp",
        lambda value: _encode_picture(value, "WEBP", quality=WEBP_QUALITY),
        lambda data: _decode_picture(data, "WEBP"),
    ),
    "png": _Codec(
        "image/png",
        lambda value: _encode_picture(value, "PNG"),
        lambda data: _decode_picture(data, "PNG"),
    ),
    "json": _Codec("application/json", _encode_json, _decode_json),
}


def _codec(kind: str) -> _Codec:
    if kind not in _CODECS:
        raise CodecError(f"no kind {kind!r}: one of {', '.join([*_CODECS, 'raw'])}")
    return _CODECS[kind]
