"""Films of frames that come one by one: written as they come, so that memory holds a single one.

A film that ends early, by whatever cause, is a whole film of the frames so far: what was finished
is kept, and where the disk is full one line says how many frames those are.
"""

import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.dream import boxes, gifs
from analysis.dream.stamp import Stamp
from cache.errors import UserError
from cache.files import Draft, reason_of

Picture = NDArray[np.uint8]
SUFFIXES = (".gif", ".mp4")
FPS = 12.0
_CODEC = "libx264"
_EXTRA = "films as MP4 need the extra: pip install 'neuronscope[video]', or write a .gif"


def ready(path: Path) -> None:
    """UserError, before any frame is made, where this kind of film cannot be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{str(path)!r} must end in one of {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".mp4":
        _encoder()


def recorded(
    frames: Iterable[Picture], path: Path, stamp: Stamp, *, fps: float = FPS
) -> Iterator[Picture]:
    """The same frames (h, w, 3), each handed on once it is in the film at ``path``. A generator:
    closed early, or ended by an error of the frames', it leaves the film of what came so far."""
    with Film(path, stamp, fps=fps) as film:
        for frame in frames:
            film.add(frame)
            yield frame


class Film:
    """A film's file in the making; it appears when the ``with`` block is left, however that is,
    if there is at least one frame."""

    def __init__(self, path: Path, stamp: Stamp, *, fps: float = FPS) -> None:
        ready(path)
        if not 0.1 <= fps <= 60:
            raise UserError(f"frames a second go from 0.1 to 60, not {fps:g}")
        self.path, self.count = path, 0
        self._tape: _Tape | None = None
        self._stamp, self._fps = stamp, fps

    def __enter__(self) -> "Film":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tape, self._tape = self._tape, None
        if tape is not None:
            self._close(tape, None)

    def add(self, pixels: Picture) -> None:
        """One more frame, uint8 (h, w, 3), all of one size. UserError where the disk refuses it:
        the film then holds the frames before."""
        try:
            if self._tape is None:
                self._tape = self._opened((pixels.shape[1], pixels.shape[0]))
            if self._tape.size != (pixels.shape[1], pixels.shape[0]):
                raise ValueError("the frames of a film have one size")
            self._tape.add(pixels)
        except OSError as error:
            tape, self._tape = self._tape, None
            if tape is None:
                raise UserError(f"{str(self.path)!r} {_unwritten(error)}") from error
            self._close(tape, error)
        self.count += 1

    def _opened(self, size: tuple[int, int]) -> "_Tape":
        if self.count:
            raise ValueError("this film has ended")
        kind = _Gif if self.path.suffix.lower() == ".gif" else _Mp4
        return kind(self.path, size, self._fps, self._stamp.text())

    def _close(self, tape: "_Tape", refused: OSError | None) -> None:
        """Puts the film in its place; UserError where the disk has refused a part of it."""
        with tape.draft:
            try:
                kept = tape.end() if refused is None else tape.rescue()
            except OSError as error:
                refused, kept = error, tape.rescue()
            if kept:
                tape.draft.publish(used=time.time_ns())
        self.count = kept
        if refused is not None:
            rest = f"the film there has the first {kept} frames" if kept else "there is no film"
            raise UserError(f"{str(self.path)!r} {_unwritten(refused)}; {rest}") from refused


def _unwritten(error: OSError) -> str:
    return f"cannot be written: {reason_of(error)}"


class _Tape(ABC):
    """The bytes of a film, in a draft."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self.size, self.frames = size, 0
        self.draft = Draft(path.absolute())

    @abstractmethod
    def add(self, pixels: Picture) -> None:
        """Writes a frame; OSError."""

    @abstractmethod
    def end(self) -> int:
        """Ends the film as it shall be; how many frames it has. OSError."""

    @abstractmethod
    def rescue(self) -> int:
        """Makes a whole film of what the disk took; how many frames that has."""


class _Gif(_Tape):
    def __init__(self, path: Path, size: tuple[int, int], fps: float, note: str) -> None:
        if max(size) > gifs.MOST:
            raise UserError(f"a GIF has at most {gifs.MOST} pixels a side")
        super().__init__(path, size)
        self._time, self._good = gifs.hundredths(fps), 0
        self._head = gifs.opening(size, note)

    def add(self, pixels: Picture) -> None:
        """The frame and the trailer behind it, in the place of the last one: the draft is a whole
        film at any time."""
        frame = gifs.frame_bytes(pixels, self._time)
        data = frame if self.frames else self._head + frame
        self.draft.write(data + gifs.TRAILER, durable=False, at=self._good)
        self._good += len(data)
        self.frames += 1

    def end(self) -> int:
        return self.frames

    def rescue(self) -> int:
        if self.frames:
            self.draft.write(gifs.TRAILER, durable=False, at=self._good)
            self.draft.cut(self._good + 1)
        return self.frames


class _Mp4(_Tape):
    """H.264, about a second a fragment, so that a film cut off is one; a film that ends well is
    put in order as an ordinary MP4, which every player takes."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, note: str) -> None:
        av = _encoder()
        super().__init__(path, size)
        self._sink, self._av = _Sink(self.draft), av
        options = {"movflags": "hybrid_fragmented+frag_keyframe+empty_moov"}
        self._film = av.open(self._sink, "w", format="mp4", options=options)
        self._film.metadata["comment"] = note
        self._stream = self._film.add_stream(_CODEC, rate=Fraction(fps).limit_denominator(1000))
        self._stream.width, self._stream.height = (s + s % 2 for s in size)
        self._stream.pix_fmt = "yuv420p"
        # One thread, few frames looked ahead, and no weighing of macroblocks by them, whose numbers
        # vary where a row is no multiple of 16 pixels: little memory, and always the same bytes.
        self._stream.options = {
            "crf": "18",
            "threads": "1",
            "rc-lookahead": "8",
            "x264-params": "mbtree=0",
            "g": str(max(1, round(fps))),
        }

    def add(self, pixels: Picture) -> None:
        w, h = self.size
        even = np.pad(pixels, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(even, format="rgb24")
        self._put(self._stream.encode(frame))
        self.frames += 1

    def _put(self, packets: Any) -> None:
        for packet in packets:
            self._film.mux(packet)
        if self._sink.refused is not None:
            raise self._sink.refused

    def end(self) -> int:
        self._put(self._stream.encode(None))
        self._film.close()
        self._put(())
        return self.frames

    def rescue(self) -> int:
        """What there is of whole fragments; what the encoder still held is lost."""
        self._sink.refused = self._sink.refused or OSError()
        self._film.close()
        length, frames = boxes.fragments(self.draft.path)
        self.draft.cut(length)
        return frames


class _Sink:
    """Where the muxer writes. Once the disk has refused something, nothing more is written: the
    muxer's own clearing up would spoil what is there."""

    def __init__(self, draft: Draft) -> None:
        self._draft, self._place, self._end = draft, 0, 0
        self.refused: OSError | None = None

    def write(self, data: Any) -> int:
        if self.refused is None:
            try:
                self._draft.write(bytes(data), durable=False, at=self._place)
            except OSError as error:
                self.refused = error
        self._place += len(data)
        self._end = max(self._end, self._place)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._end)[whence]
        return self._place

    def tell(self) -> int:
        return self._place


def _encoder() -> Any:
    """PyAV with its encoder; UserError where it is not installed, or built without one."""
    try:
        av = importlib.import_module("av")
    except ImportError as error:
        raise UserError(_EXTRA) from error
    try:
        av.codec.Codec(_CODEC, "w")
    except Exception as error:  # each build of FFmpeg names what it lacks in its own way
        raise UserError(f"this PyAV was built without the encoder {_CODEC}; {_EXTRA}") from error
    return av
