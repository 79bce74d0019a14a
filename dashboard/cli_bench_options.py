"""The options of the commands that test an answer: ``patch``, ``fade``, and ``explain --pair``."""

import argparse
from pathlib import Path

from dashboard.bench_recipes import RECIPES
from dashboard.cli_values import share, wholes

PATCH_HELP = (
    "KIND:SOURCE:X,Y,SIZE,OPACITY, as in the page's address: crop:FILE:TOP,LEFT,BOTTOM,RIGHT, "
    "icon:LAYER:NEURON, cell:ATLAS:SIDE,NUMBER, blur:SD, flat:RRGGBB, or noise; for example "
    "flat:ff0000:0.5,0.5,0.4,1"
)


def patch_options(sub: argparse.ArgumentParser) -> None:
    """Beside the network, the pictures and the two classes."""
    sub.add_argument(
        "image", nargs="?", metavar="IMAGE", type=Path,
        help="one picture; without it all of a list of --images",
    )  # fmt: skip
    sub.add_argument("--patch", metavar="WORD", help=PATCH_HELP)
    sub.add_argument("--curve", action="store_true", help="the same patch in eight sizes as well")
    sub.add_argument("--suggest", action="store_true", help="look for patches that change IMAGE")
    sub.add_argument(
        "--recipe", choices=[r.name for r in RECIPES], help="a case of the Activation Atlas article"
    )
    sub.add_argument("--towards", metavar="C", help="the one of the two classes that is counted")
    sub.add_argument("--layer", metavar="L", help="where --suggest looks")
    sub.add_argument("--size", type=share, default=0.4, metavar="S", help="of --suggest (.4)")
    list_options(sub)
    sub.add_argument(
        "-o", "--output", type=Path, metavar="OUT.png|TABLE.csv",
        help="the picture with its patch; or the table of a curve, a list, a search",
    )  # fmt: skip


def list_options(sub: argparse.ArgumentParser) -> None:
    """Which of the labelled pictures."""
    sub.add_argument("--pair", metavar="TRUE,SAID", help="pictures of one class, said another")
    sub.add_argument("--list", metavar="NAME", help="wrong, right, unsure, check, twice or changes")
    filter_options(sub)


def filter_options(sub: argparse.ArgumentParser) -> None:
    """Filters of a list, as on the page."""
    sub.add_argument("--sure", metavar="LOW-HIGH", help="how sure the network is, percent: 70-100")
    sub.add_argument("--among", metavar="C", help="only pictures of this class")


def pair_options(sub: argparse.ArgumentParser) -> None:
    """``explain`` of all pictures of a pair together."""
    sub.add_argument(
        "--pair", metavar="TRUE,SAID", help="in place of IMAGE: all these pictures of --images"
    )
    filter_options(sub)
    sub.add_argument(
        "--leave-out", type=wholes, metavar="N,N", help="take these neurons out of the pair's claim"
    )


def fade_options(sub: argparse.ArgumentParser) -> None:
    """Beside the network, the pictures and the two classes."""
    sub.add_argument(
        "image", nargs="?", metavar="IMAGE", type=Path,
        help="one picture; without it what it costs over the labelled pictures",
    )  # fmt: skip
    sub.add_argument("--layer", required=True, metavar="L")
    sub.add_argument(
        "--times", required=True, metavar="N:F,N:F",
        help="neurons and factors: 3:0,17:1.5; g0:0.5 is a group of IMAGE",
    )  # fmt: skip
    sub.add_argument(
        "--cost", action="store_true", help="over the labelled pictures, with the groups of IMAGE"
    )
