"""What a made picture was made with, carried in its own file and read back from it.

PNG carries it in a text chunk, JPEG, WebP and AVIF in EXIF's user comment, GIF in its comment, MP4
in its comment tag. Nothing in it tells the time or a folder, so that the same work makes the same
bytes. A file may come from anywhere: what is read back is bounded, and of the kinds it must be.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from analysis import images
from analysis.dream import boxes
from analysis.filekinds import printable
from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.models import Classifier

KEYWORD = "neuronscope"  # PNG's name for the text, and how every text begins
FORMAT = 1
LONGEST = 60_000  # characters: EXIF in a JPEG has 64 kB
_NAME = 300  # characters of a name
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
# JPEG with all of its colours' pixels: a dream's are strong, and would bleed at half the resolution
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 92},
}  # fmt: skip
_ASCII = b"ASCII\0\0\0"  # how EXIF says what its user comment is written in
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ABSENT = "carries no settings: it was not made here, or another program has saved it since"


@dataclass(frozen=True)
class Origin:
    """A picture that went into the work: its file's name, without folders, and the SHA-256 of its
    bytes."""

    name: str
    digest: str

    @classmethod
    def of(cls, data: bytes, name: str) -> "Origin":
        return cls.named(name, images.digest(data))

    @classmethod
    def named(cls, name: str, digest: str) -> "Origin":
        """Of a picture whose digest is known."""
        return cls(printable(Path(name).name)[:_NAME], digest)


@dataclass(frozen=True)
class Stamp:
    """``kind``: what was done (dream, style, ...); ``settings``: names and plain JSON values;
    ``sources``: by what each was for (picture, guide, style, ...)."""

    kind: str
    network: str
    fingerprint: str
    settings: Mapping[str, Any]
    sources: Mapping[str, Origin] = field(default_factory=dict)
    program: str = field(default_factory=lambda: program())

    def text(self) -> str:
        """One line of ASCII; UserError where it is too long for a file's notes."""
        whole = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, allow_nan=False)
        if len(whole) > LONGEST:
            raise UserError(f"the settings take {len(whole)} characters, {LONGEST} fit into a file")
        return f"{KEYWORD} {whole}"


def program() -> str:
    """The version that is running."""
    try:
        return version("neuronscope")
    except PackageNotFoundError:
        return "a checkout"


def stamp_of(
    classifier: "Classifier", kind: str, settings: Any, sources: Mapping[str, Origin] | None = None
) -> Stamp:
    """The stamp of work with this network; ``settings``: a dataclass or a mapping."""
    plain = asdict(settings) if is_dataclass(settings) else dict(settings)  # type: ignore[arg-type]
    values = json.loads(json.dumps(plain))  # tuples become lists, as they will be read
    return Stamp(kind, classifier.name, classifier.fingerprint, values, dict(sources or {}))


def encoded(pixels: NDArray[np.uint8], suffix: str, stamp: Stamp) -> bytes:
    """Pixels (h, w, 3) as a file's bytes, in the format that its ending (``.png``) says, with the
    stamp in it. UserError for another ending."""
    form = _FORMATS.get(suffix.lower())
    if form is None:
        raise UserError(f"{suffix!r} is none of the endings {', '.join(_FORMATS)}")
    buffer, text = BytesIO(), stamp.text()
    options = dict(_OPTIONS.get(form, {}))
    if form == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text(KEYWORD, text)
    else:
        notes = Image.Exif()
        notes[ExifTags.Base.Software] = f"{KEYWORD} {stamp.program}"
        notes.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _ASCII + text.encode()
        options["exif"] = notes.tobytes()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def read_settings(source: Path | bytes, *, name: str | None = None) -> Stamp:
    """The stamp in a picture's or film's file. Raises UserError, one line, where there is none or
    none that can be trusted; ``name`` stands in it in place of the path."""
    shown = printable(name or (str(source) if isinstance(source, Path) else "the picture"))
    data = source if isinstance(source, bytes) else images.read_bytes(source, name=shown)
    try:
        text = boxes.comment(data) if boxes.is_film(data) else _picture_text(data)
    except Exception as error:  # a decoder may fail in any way on bytes that are wrong
        raise UserError(f"{shown} has no notes that can be read: it is damaged") from error
    if text is None or not text.startswith(KEYWORD + " "):
        raise UserError(f"{shown} {_ABSENT}")
    try:
        return _checked(text.removeprefix(KEYWORD + " "))
    except (ValueError, RecursionError) as error:
        reason = printable(str(error))[:100]
        raise UserError(f"{shown} has settings that cannot be used ({reason})") from error


def _picture_text(data: bytes) -> str | None:
    with images.opened(BytesIO(data)) as image:
        text = image.info.get(KEYWORD) if image.format == "PNG" else image.info.get("comment")
        if text is None and image.format != "PNG":
            text = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if isinstance(text, bytes):
        text = text.removeprefix(_ASCII)[: LONGEST + len(KEYWORD) + 2].decode("ascii")
    return text if isinstance(text, str) else None


def _checked(text: str) -> Stamp:
    """The stamp in a text of anybody's; ValueError where something in it is not as it must be."""
    if len(text) > LONGEST:
        raise ValueError("they are too long")
    whole = json.loads(text, parse_constant=_refuse)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError("they are of another version of the program")
    words = {key: _word(whole, key) for key in ("kind", "network", "fingerprint", "program")}
    if not _DIGEST.fullmatch(words["fingerprint"]):
        raise ValueError("the network's fingerprint is none")
    settings, sources = whole.get("settings"), whole.get("sources")
    if not isinstance(settings, dict) or not isinstance(sources, dict):
        raise ValueError("settings or sources are missing")
    _finite(settings)
    origins = {key: _origin(value) for key, value in sources.items()}
    return Stamp(settings=settings, sources=origins, **words)


def _word(whole: Mapping[str, Any], key: str) -> str:
    word = whole.get(key)
    if not isinstance(word, str) or not 0 < len(word) <= _NAME or printable(word) != word:
        raise ValueError(f"{key} is no short text")
    return word


def _origin(value: Any) -> Origin:
    if not isinstance(value, dict):
        raise ValueError("a source is no picture")
    name, digest = _word(value, "name"), _word(value, "digest")
    if not _DIGEST.fullmatch(digest):
        raise ValueError("a source's digest is none")
    return Origin(Path(name).name, digest)


def _finite(value: Any) -> None:
    """ValueError where a number in a JSON value is too large to be one."""
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list):
            _finite(part)
        elif isinstance(part, float) and not math.isfinite(part):
            _refuse(str(part))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
