"""Settings in a file and back, and files of anybody's."""

import json
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from analysis.dream import boxes
from analysis.dream.stamp import KEYWORD, LONGEST, Origin, Stamp, encoded, read_settings, stamp_of
from cache.errors import UserError
from tests.analysis.dream.nets import local

_DOWN, _RIGHT = np.mgrid[0:24, 0:40]
PIXELS = np.stack([_DOWN * 10, _RIGHT * 6, 255 - _RIGHT * 5], axis=2).astype(np.uint8)
STAMP = Stamp(
    "dream",
    "squeezenet1_1",
    "0123456789abcdef" * 4,
    {"layer": "features.7", "blur": [0.0, 1.5], "guides": [], "class_index": None},
    {"picture": Origin("Käfer (1).jpg", "ab" * 32)},
)


def with_text(text: str) -> bytes:
    buffer, notes = BytesIO(), PngInfo()
    notes.add_text(KEYWORD, text)
    Image.fromarray(PIXELS).save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_a_picture_carries_its_settings(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"made{suffix}"
    file.write_bytes(encoded(PIXELS, suffix, STAMP))
    assert read_settings(file) == STAMP
    assert read_settings(file.read_bytes()) == STAMP
    assert encoded(PIXELS, suffix, STAMP) == file.read_bytes(), "the same work, the same bytes"
    with Image.open(file) as image:
        near = np.abs(np.asarray(image.convert("RGB")).astype(int) - PIXELS).mean()
    assert near < (3 if suffix != ".png" else 0.01)


def test_a_stamp_of_work() -> None:
    @dataclass(frozen=True)
    class Settings:
        layer: str = "relu"
        places: tuple[int, ...] = (1, 2)

    net = local()
    stamp = stamp_of(net, "dream", Settings(), {"picture": Origin.of(b"x", "/home/me/x.jpg")})
    assert stamp.settings == {"layer": "relu", "places": [1, 2]}
    assert (stamp.network, stamp.fingerprint) == ("toy", net.fingerprint)
    assert stamp.sources["picture"].name == "x.jpg", "no folder of anybody's leaves the machine"
    assert read_settings(encoded(PIXELS, ".png", stamp)) == stamp
    assert stamp.program


def document(**changes: Any) -> str:
    whole = json.loads(STAMP.text().removeprefix(KEYWORD + " "))
    return f"{KEYWORD} {json.dumps({**whole, **changes})}"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("something else", "carries no settings"),
        (f"{KEYWORD} {{", "cannot be used"),
        (f"{KEYWORD} []", "another version"),
        (f"{KEYWORD} " + "[" * 50_000, "cannot be used"),
        (f'{KEYWORD} {{"format": 1}}', "kind is no short text"),
        (document(format=2), "another version"),
        (document(kind=7), "kind is no short text"),
        (document(kind="a\nb"), "kind is no short text"),
        (document(network="x" * 400), "network is no short text"),
        (document(fingerprint="../../etc"), "fingerprint is none"),
        (document(settings=[1]), "settings or sources"),
        (document(sources=None), "settings or sources"),
        (document(sources={"picture": 3}), "a source is no picture"),
        (document(sources={"picture": {"name": "x", "digest": "y"}}), "digest is none"),
        (document(settings={"step": float("nan")}), "NaN is no number"),
        (document(settings={"a": [{"b": 1}]}).replace("1}]", "1e999}]"), "inf is no number"),
        (document(settings={"a": 1}).replace(": 1}", ": " + "9" * 9000 + "}"), "cannot be used"),
        (document(settings={"a": "x" * LONGEST}), "too long"),
    ],
)
def test_settings_of_anybody_are_refused_in_one_line(text: str, word: str) -> None:
    with pytest.raises(UserError, match=word) as refused:
        read_settings(with_text(text), name="theirs.png")
    assert str(refused.value).startswith("theirs.png ")
    assert len(str(refused.value).splitlines()) == 1


def test_a_name_with_folders_loses_them() -> None:
    sources = {"picture": {"name": "../../.ssh/id", "digest": "ab" * 32}}
    assert read_settings(with_text(document(sources=sources))).sources["picture"].name == "id"


def test_pictures_without_settings() -> None:
    for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        buffer = BytesIO()
        Image.fromarray(PIXELS).save(buffer, form)
        with pytest.raises(UserError, match="carries no settings"):
            read_settings(buffer.getvalue())


def told(data: bytes) -> int:
    """How many lines say that the settings cannot be read; 0 where they can. Nothing else may
    happen."""
    try:
        read_settings(data)
    except UserError as refused:
        return len(str(refused).splitlines())
    return 0


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_that_are_damaged(tmp_path: Path) -> None:
    whole = {suffix: encoded(PIXELS, suffix, STAMP) for suffix in (".png", ".jpg", ".webp")}
    random = np.random.default_rng(1)
    for data in whole.values():
        for length in (0, 1, 9, 24):
            with pytest.raises(UserError):
                read_settings(data[:length])
        for _ in range(60):
            torn = bytearray(data)
            for place in random.integers(0, min(400, len(data)), 6):
                torn[place] = random.integers(0, 256)
            assert told(bytes(torn)) <= 1
    with pytest.raises(UserError, match="no file"):
        read_settings(tmp_path / "absent.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(UserError, match=r"text\.png"):
        read_settings(tmp_path / "text.png")


def test_settings_too_long_are_not_written() -> None:
    long = Stamp("dream", "x", "0" * 64, {"channels": list(range(20_000))})
    with pytest.raises(UserError, match="fit into a file"):
        encoded(PIXELS, ".jpg", long)
    with pytest.raises(UserError, match="endings"):
        encoded(PIXELS, ".tiff", STAMP)


# ---- the boxes of a film ----


def box(kind: bytes, inner: bytes) -> bytes:
    return struct.pack(">I", 8 + len(inner)) + kind + inner


def film(text: bytes) -> bytes:
    """ftyp, then the comment where iTunes has it."""
    note = box(b"\xa9cmt", box(b"data", bytes(8) + text))
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(20)) + box(b"ilst", note))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + box(b"udta", meta))
    return box(b"ftyp", b"isom" + bytes(8)) + moov


def test_the_comment_of_a_film_by_hand() -> None:
    assert boxes.comment(film("für dich".encode())) == "für dich"
    assert boxes.comment(box(b"ftyp", b"isom")) is None
    assert read_settings(film(STAMP.text().encode())) == STAMP


def test_boxes_that_lie_about_their_size() -> None:
    whole = film(STAMP.text().encode())
    for place in range(0, 300, 4):
        for size in (0, 1, 7, 9, 2**31, 2**32 - 1):
            torn = whole[:place] + struct.pack(">I", size) + whole[place + 4 :]
            assert told(torn) <= 1
    assert list(boxes.boxes(struct.pack(">I4sQ", 1, b"mdat", 2**63))) == []
