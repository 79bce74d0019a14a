"""How a stream changes: from which frame on what is dreamt, and how strongly; to and from one word
of text, which an address, a command and a file's notes hold.

The text: moments with commas between them, each ``FRAME:WHAT`` or ``FRAME:WHAT:STRENGTH``. WHAT is
a layer, neurons of it (``features.10/402/17``) or a class (``class:954``); ``FRAME:again``, at the
end, begins anew there, and so on for ever.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from cache.errors import UserError

if TYPE_CHECKING:
    from analysis.dream.settings import Dream

MOST, STRONGEST, LAST = 60, 20.0, 999_999  # moments, strength, frame
_WHAT = r"(?:class:\d{1,6}|(?!class:)[A-Za-z0-9_.#-]{1,100}(?:/\d{1,6}){0,32})"
_ONE = rf"\d{{1,6}}:{_WHAT}(?::\d{{1,3}}(?:\.\d{{1,6}})?)?"
AGAIN = "again"
FORM = rf"{_ONE}(?:,{_ONE}){{0,{MOST}}}(?:,\d{{1,6}}:{AGAIN})?"
_HELP = "write FRAME:LAYER or FRAME:LAYER:STRENGTH, such as 30:features.10:2"


@dataclass(frozen=True)
class Change:
    """From ``frame`` on ``layer`` (and of it the ``channels``, if any), or the class, is what is
    dreamt; the ``strength``, a factor of the dream's step, is reached there and goes evenly from
    one change to the next."""

    frame: int
    layer: str = ""
    strength: float = 1.0
    channels: tuple[int, ...] = ()
    class_index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """``zoom``: the part of each side that is gone after a frame; ``turn``: degrees a frame,
    anticlockwise; ``changes``: in the order of their frames, none where all stays as the dream
    has it; ``again``: at this frame the changes begin anew, and so on for ever; 0: they do not."""

    zoom: float = 0.05
    turn: float = 0.0
    changes: tuple[Change, ...] = ()
    again: int = 0


def at(stream: Stream, dream: "Dream", number: int) -> Change:
    """What holds at a frame: the last change's layer, and the strength on the way to the next."""
    place = number % stream.again if stream.again else number
    moments = list(stream.changes)
    if not moments or moments[0].frame:
        own = Change(0, dream.layer, channels=dream.channels, class_index=dream.class_index)
        moments.insert(0, own)
    if stream.again:
        moments.append(replace(moments[0], frame=stream.again))
    last = [c for c in moments if c.frame <= place][-1]
    following = next((c for c in moments if c.frame > place), last)
    span = max(1, following.frame - last.frame)
    strength = last.strength + (place - last.frame) / span * (following.strength - last.strength)
    # rounded, so that a ramp that is cut in two stays the same
    return replace(last, frame=number, strength=round(strength, 4))


def checked_order(stream: Stream) -> None:
    """UserError where the changes do not come in order, or go too far."""
    if len(stream.changes) > MOST:
        raise UserError(f"a stream changes at most {MOST} times")
    if any(a.frame >= b.frame for a, b in pairwise(stream.changes)):
        raise UserError("the changes of a stream come in the order of their frames, each once")
    for change in stream.changes:
        if not 0 <= change.frame <= LAST or not 0 <= change.strength <= STRONGEST:
            raise UserError(
                f"a change has a frame from 0 on and a strength from 0 to {STRONGEST:g}"
            )
    if stream.again and stream.changes and stream.again <= stream.changes[-1].frame:
        raise UserError("a stream begins again after its last change, not before")


def there_and_back(layers: Sequence[str], every: int) -> Stream:
    """Through all ``layers`` and back to the first, which the dream itself has, over and over; each
    for ``every`` frames."""
    way = [*layers[1:], *layers[-2:0:-1]]
    changes = tuple(Change(every * n, layer) for n, layer in enumerate(way, start=1))
    return Stream(changes=changes, again=every * (len(way) + 1))


# ---- text ----


def read(text: str | None) -> Stream:
    """The changes in ``text``, in the order of their frames. UserError: it is none."""
    moments, again = list[Change](), 0
    for part in text.split(",") if text else ():
        if part.endswith(f":{AGAIN}"):
            again = _frame(part.removesuffix(f":{AGAIN}"), part)
        else:
            moments.append(moment(part))
    found = Stream(changes=tuple(sorted(moments, key=lambda m: m.frame)), again=again)
    checked_order(found)
    return found


def read_each(texts: Sequence[str], class_of: Callable[[str], int] = int) -> Stream:
    """The changes in several texts, a class by whatever name ``class_of`` knows. UserError."""
    found, again = list[Change](), 0
    for text in texts:
        whole = re.fullmatch(FORM, text) is not None or text.endswith(f":{AGAIN}")
        part = read(text) if whole else Stream(changes=(moment(text, class_of),))
        found += part.changes
        again = part.again or again
    stream = Stream(changes=tuple(sorted(found, key=lambda m: m.frame)), again=again)
    checked_order(stream)
    return stream


def moment(text: str, class_of: Callable[[str], int] = int) -> Change:
    """A single change. UserError."""
    frame, _, rest = text.partition(":")
    what, _, strength = rest.rpartition(":")
    try:
        factor = float(strength)
        # "30:class:954": the last number is no strength
        if not what or what == "class":
            raise ValueError
    except ValueError:
        what, factor = rest, 1.0
    known = Change(_frame(frame, text), strength=factor)
    if what.startswith("class:"):
        try:
            return replace(known, class_index=class_of(what.removeprefix("class:")))
        except ValueError:
            raise UserError(f"{text!r} names no class by its number") from None
    layer, *channels = what.split("/")
    if not re.fullmatch(_WHAT, what):
        raise UserError(f"{text!r} is no change of a stream: {_HELP}")
    return replace(known, layer=layer, channels=tuple(sorted({int(c) for c in channels})))


def _frame(text: str, whole: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise UserError(f"{whole!r} is no change of a stream: {_HELP}")
    return int(text)


def written(stream: Stream) -> str | None:
    """The text that ``read`` reads; None where nothing changes."""
    parts = [f"{m.frame}:{what(m)}{_factor(m.strength)}" for m in stream.changes]
    if stream.again:
        parts.append(f"{stream.again}:{AGAIN}")
    return ",".join(parts) or None


def what(change: Change) -> str:
    """What is dreamt there, as the text has it."""
    if change.class_index is not None:
        return f"class:{change.class_index}"
    return "/".join([change.layer, *map(str, change.channels)])


def _factor(strength: float) -> str:
    return "" if strength == 1 else f":{strength:.6f}".rstrip("0").rstrip(".")
