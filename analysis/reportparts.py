"""What a report that stands by itself is made of: the page, bars, numbers, pictures inside it."""

import base64
import io
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LOGITS = "logits"  # the unit of margins, which share one scale
CONFIRMED = (
    "Confirmed: taking the neurons away moves the margin as attributed, and by more than two "
    "standard deviations beyond what as many others do that are equally active on this picture."
)


def page(title: str, body: str, *, styles: Sequence[str] = ("report.css",)) -> str:
    """A whole HTML file; ``title`` is text, ``body`` is HTML. It loads nothing from anywhere:
    ``styles`` (of our own data) are written into it."""
    style = "".join((files("analysis") / "data" / name).read_text("utf-8") for name in styles)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body>{body}</body></html>\n"
    )


def network_line(name: str, *, trained: bool) -> str:
    """Which network it is about, and a warning where it is an untrained one."""
    line = f'<div class="small">network {escape(name)}</div>'
    if trained:
        return line
    return f'{line}<div class="warn">Untrained: its weights are random. It knows nothing.</div>'


# ---- bars and numbers ----


def bar(value: float, low: float, high: float, spread: float = 0.0) -> str:
    """A bar from zero to the value, to the right for, to the left against, with its spread."""
    width = max(high - low, 1e-12)
    zero, end = (-low / width), (value - low) / width
    left, right = min(zero, end), max(zero, end)
    side = "for" if value >= 0 else "against"
    whisker = ""
    if spread:
        start, stop = max(0.0, end - spread / width), min(1.0, end + spread / width)
        whisker = f'<s style="left:{start:.2%};width:{stop - start:.2%}"></s>'
    return (
        f'<span class="track"><i class="{side}" style="left:{left:.2%};width:{right - left:.2%}">'
        f'</i>{whisker}<u style="left:{zero:.2%}"></u></span>'
    )


def margin_bars(
    rows: Sequence[tuple[str, float, float]], scale: tuple[float, float] | None = None
) -> str:
    """Rows (label, margin, spread) as bars on one scale (least, largest), by default their own."""
    low, high = scale or span(rows)
    drawn = "".join(
        f'<div class="row"><span>{escape(label)}</span>{bar(value, low, high, sd)}'
        f'<span class="num">{number(value)}{spread(sd)}</span></div>'
        for label, value, sd in rows
    )
    return f'<div class="bars">{drawn}</div>'


def span(rows: Sequence[tuple[str, float, float]]) -> tuple[float, float]:
    """The least and the largest value of all rows, with their spreads, and zero."""
    values = [0.0, *(value + sign * sd for _, value, sd in rows for sign in (-1, 1))]
    return min(values), max(values)


def verdict_tag(verdict: str) -> str:
    """A verdict as a tag: coloured only where the claim is confirmed."""
    held = " yes" if verdict == "confirmed" else ""
    return f'<span class="tag{held}">{escape(verdict)}</span>'


def number(value: float, digits: int = 1) -> str:
    """With its sign, and a minus as wide as the plus."""
    tiny = 0 < abs(value) < 10**-digits
    return (f"{value:+.1e}" if tiny else f"{value:+.{digits}f}").replace("-", "−")


def spread(value: float) -> str:
    return f" ± {number(value)[1:]}" if value else ""


def share(part: float) -> str:
    return f"{part:.1%}" if part >= 0.001 else "< 0.1%"


# ---- pictures inside the page ----


def png(pixels: NDArray[np.uint8]) -> str:
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return uri(buffer.getvalue())


def uri(data: bytes) -> str:
    kind = "png" if data.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
