"""What a file that is no readable picture is instead, in the words of the person who opened it."""

import codecs
import unicodedata

from PIL import UnidentifiedImageError

ASK = "give a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF file"
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
CONTROLS = bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))


def printable(name: str) -> str:
    """A file's name on one line: control characters escaped, bytes that are no UTF-8 marked."""
    clean = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in ("Cc", "Zl", "Zp")
        else char
        for char in clean
    )


def advice(head: bytes, error: Exception) -> str:
    """What follows the file's name: what its first bytes (up to 4096) are, and what to do."""
    text = _as_text(head)
    if text is not None:
        return _text_advice(text.lstrip().lower())
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return "is a HEIC photograph, which cannot be read here: save it as JPEG first"
    if head.startswith(b"%PDF"):
        return f"is a PDF document, not a picture: {ASK}"
    if head[4:8] == b"ftyp" and not head[8:12].startswith(b"avi"):
        return f"is a film, not a picture: {ASK}"
    if isinstance(error, UnidentifiedImageError) and not _starts_like_a_picture(head):
        return f"is no picture that can be read: {ASK}"
    unknown = isinstance(error, UnidentifiedImageError)  # its text names a Python object
    reason = "no picture in it" if unknown else " ".join(str(error).split())[:100]
    return f"is damaged or cut off ({reason}): export or download it again"


def _starts_like_a_picture(head: bytes) -> bool:
    inner = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return inner or head[4:10] == b"ftypav" or head.startswith(PICTURE_STARTS)


def _as_text(head: bytes) -> str | None:
    """The bytes as text, None where they hold what no text holds (or are a text form of PPM)."""
    if head[:2] in (b"P1", b"P2", b"P3") or any(byte in CONTROLS for byte in head):
        return None
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return None


def _text_advice(text: str) -> str:
    if "<svg" in text:
        return "is an SVG drawing, not a photograph: save it as PNG first"
    if text.startswith(("<!doctype html", "<html")):
        return f"is a web page, not a picture: {ASK}"
    return f"is text, not a picture: {ASK}"
