"""The options of the command ``dream``."""

import argparse
from collections.abc import Callable
from pathlib import Path

from cache.errors import UserError
from dashboard.cli_values import whole, wholes
from dashboard.dream_settings import ALL, OF_MODE, Setting, Value


def dream_options(sub: argparse.ArgumentParser) -> None:
    """Beside the network and the folder of pictures."""
    sub.add_argument("image", nargs="?", metavar="IMAGE|noise", type=Path)
    sub.add_argument(
        "--mode", choices=list(OF_MODE),
        help="where the other options do not say it: --class dreams of a class, --guide guided, "
        "--second in two networks, --frames or a film a stream",
    )  # fmt: skip
    sub.add_argument("--layer", metavar="L", help="what becomes stronger: all that this layer sees")
    sub.add_argument(
        "--channel", action="extend", type=wholes, metavar="N,N", help="these neurons of it alone"
    )
    sub.add_argument("--group", type=whole(1, 1000), metavar="N", help="or a neuron group of IMAGE")
    sub.add_argument("--class", dest="said", metavar="C", help="a class in place of a layer")
    sub.add_argument(
        "--guide", metavar="IMAGE|class:C",
        help="the picture that guides, or gives its style; or the photographs of a class",
    )  # fmt: skip
    sub.add_argument("--second", metavar="M", help="dream the same in this network as well")
    sub.add_argument("--second-layer", metavar="L", help="its layer (the counterpart of --layer)")
    sub.add_argument(
        "--then", action="append", metavar="FRAME:WHAT[:STRENGTH]",
        help="a stream changes after so many frames: to another layer (30:features.10), neurons of "
        "it (30:features.10/402/17) or a class (30:class:banana), at so many times the step "
        "(30:features.10:2), which is reached there evenly; 90:again begins the changes anew. "
        "Repeat it for each change",
    )  # fmt: skip
    for one in ALL.values():
        if one.name != "seed":  # every command has it
            sub.add_argument(
                f"--{one.name}", type=_value(one), help=_told(one),
                metavar="|".join(one.options) or "N",
            )  # fmt: skip
    sub.add_argument(
        "--preview", action=argparse.BooleanOptionalAction, help="small, and soon there"
    )
    sub.add_argument(
        "--settings", type=Path, metavar="RESULT", help="as this picture or film was made"
    )
    sub.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT.png|.jpg|.webp|.gif|.mp4"
    )


def _told(one: Setting) -> str:
    usual = f"{one.label} ({one.written(one.usual)})" if one.options or one.usual else ""
    ends = "; 0: for ever, until Ctrl-C" if one.name == "frames" else ""
    return ((usual or f"{one.label}. {one.tip}") + ends).replace("%", "%%")


def _value(one: Setting) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        try:
            return one.read(text)
        except UserError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
