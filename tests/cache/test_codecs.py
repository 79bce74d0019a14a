from typing import Any

import numpy as np
import pytest

from cache.codecs import RAW_MIMES, CodecError, Raw, allowed, decode, encode

PICTURE = np.random.default_rng(0).integers(0, 256, (17, 31, 3), dtype=np.uint8)


def round_trip(kind: str, value: Any) -> Any:
    data, mime = encode(kind, value)
    assert allowed(kind, mime)
    return decode(kind, data, mime)


def test_arrays_return_with_type_shape_and_every_bit() -> None:
    arrays = {
        "single": np.array(3.5),
        "empty": np.zeros((0, 4), np.float32),
        "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
        "strided": np.arange(20, dtype=np.float16)[::3],
        "big endian": np.arange(5, dtype=">i4"),
        "flags": np.array([True, False]),
        "special": np.array([np.nan, np.inf, -0.0]),
    }
    back = round_trip("arrays", arrays)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].shape == array.shape
        assert back[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(back[name], array)
    assert round_trip("arrays", {}) == {}


def test_png_is_exact_and_webp_nearly() -> None:
    np.testing.assert_array_equal(round_trip("png", PICTURE), PICTURE)
    ramp = np.arange(96, dtype=np.uint8)
    smooth = np.stack([*np.meshgrid(ramp, 2 * ramp), np.full((96, 96), 90, np.uint8)], axis=-1)
    back = round_trip("webp", smooth)
    assert back.shape == smooth.shape
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - smooth).mean() < 2
    assert len(encode("webp", smooth)[0]) < smooth.size / 10
    np.testing.assert_array_equal(round_trip("png", PICTURE[:, ::-2]), PICTURE[:, ::-2])


def test_json_and_raw() -> None:
    value = {"a": [1, 2.5, None, True, "ä"], "b": {"c": []}}
    assert round_trip("json", value) == value
    assert round_trip("json", (1, 2)) == [1, 2]
    assert round_trip("raw", Raw(b"\xff\xd8", "image/jpeg")) == Raw(b"\xff\xd8", "image/jpeg")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("pickle", b""),
        ("arrays", [np.zeros(2)]),
        ("arrays", {"a": [1, 2]}),
        ("arrays", {3: np.zeros(2)}),
        ("arrays", {"a": np.array([object()])}),
        ("arrays", {"a": np.array(["text"])}),
        ("arrays", {"__metadata__": np.zeros(2)}),
        ("png", PICTURE[..., 0]),
        ("png", PICTURE[..., :2]),
        ("png", PICTURE[:0]),
        ("webp", PICTURE.astype(np.float32)),
        ("webp", np.zeros((1, 16384, 3), np.uint8)),
        ("json", {3: 1}),
        ("json", {"deep": [{"deeper": {3: 1}}]}),
        ("json", float("nan")),
        ("json", np.float32(1)),
        ("json", {1, 2}),
        ("raw", b"bare"),
        ("raw", Raw(b"<script>", "text/html")),
        ("raw", Raw(b"<svg>", "image/svg+xml")),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(CodecError):
        encode(kind, value)


@pytest.mark.parametrize("kind", ["arrays", "webp", "png", "json", "pickle"])
@pytest.mark.parametrize("data", [b"", b"junk" * 20, b"\x80\x04K\x01.", b"[" * 200_000])
def test_bytes_of_something_else_are_refused(kind: str, data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(kind, data, "application/octet-stream")


def test_a_png_is_no_webp() -> None:
    with pytest.raises(CodecError):
        decode("webp", encode("png", PICTURE)[0], "image/webp")


def test_no_mime_lets_a_browser_run_anything() -> None:
    assert not any("html" in mime or "svg" in mime or "script" in mime for mime in RAW_MIMES)
    assert not allowed("webp", "text/html")
    assert not allowed("pickle", "application/octet-stream")
