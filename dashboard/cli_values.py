"""Kinds of values on the command line, as argparse's ``type``."""

import argparse
from collections.abc import Callable


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds, as argparse's ``type``."""

    def read(text: str) -> int:
        if not text.lstrip("-").isascii() or not text.lstrip("-").isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is out of range: {least} to {most}")
        return int(text)

    return read


def wholes(text: str) -> list[int]:
    """Whole numbers, with commas between them."""
    return [whole(0, 10**9)(part.strip()) for part in text.split(",")]


def share(text: str) -> float:
    """A number from 0 up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 up to 1")
    return value


def place(text: str) -> tuple[int, int]:
    """``ROW,COL`` of a layer's grid."""
    parts = text.replace(" ", "").split(",")
    if len(parts) != 2 or not all(p.isascii() and p.isdecimal() for p in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no place; write ROW,COL, for example 6,4")
    return int(parts[0]), int(parts[1])
