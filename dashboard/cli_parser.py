"""The words of the command line; every complaint about them is a UserError of one line."""

import argparse
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from cache.errors import UserError
from dashboard.cli_bench_options import fade_options, pair_options, patch_options
from dashboard.cli_dream_options import dream_options
from dashboard.cli_values import place, share, whole, wholes
from dashboard.config import DEFAULT_MODEL, DEFAULT_PORT, DEVICES, FITS, SEEDS

DESCRIPTION = "Why does this image classifier get pictures wrong? See its neurons, test the answer."
COMMANDS = {
    "serve": "open the dashboard in the browser (the default)",
    "models": "the networks that --model can name",
    "layers": "the layers of a network, in the order of the forward pass",
    "predict": "what a network says of pictures",
    "fires": "the neurons that fire on a picture, or at one place of it",
    "neuron": "one neuron: real patches, classes, weights, how far to trust its icon",
    "visualize": "draw what a neuron, a direction or a class looks for",
    "dream": "a layer's, neurons' or a class's dream, on a picture or out of noise; films too",
    "explain": "why one class rather than another, and a test of the answer",
    "patch": "lay something on pictures and see what the network then says, beside noise",
    "fade": "turn neurons down or up and see what the network then says",
    "evaluate": "how often the network is right on labelled pictures, and what it confuses",
    "atlas": "a map of all that a layer sees: build it, ask what it is worth, take it away",
    "names": "the names that you gave to neurons: list them, write or read a file of them",
    "findings": "what you kept: list it, write it as a page, JSON or CSV, read or remove it",
    "cache": "look after the results kept on disk",
}
WITHOUT_VALUE = {
    "--json", "--no-browser", "--negative", "--no-decorrelation", "--no-trust", "--curve",
    "--suggest", "--cost", "--preview", "--help", "-h", "--version",
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """argparse without its page of usage: what is wrong, in one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see: {self.prog} --help")


def parse(argv: list[str]) -> argparse.Namespace:
    """The options of one command; ``words``: as they were written; ``named``: the long ones.
    Raises UserError; SystemExit(0) after --help and --version."""
    parser = build()
    given, unknown = parser.parse_known_args(_command_first(argv))
    if unknown:
        unknown = _late_words(_sub(parser, given.command), given, unknown)
    if unknown:
        known = [s for a in _sub(parser, given.command)._actions for s in a.option_strings]
        near = difflib.get_close_matches(unknown[0].split("=")[0], known, 1)
        hint = f"; nearest: {near[0]}" if near else f"; see: neuronscope {given.command} --help"
        raise UserError(f"{given.command} does not know {unknown[0]!r}{hint}")
    given.words = argv
    given.named = {word.split("=")[0] for word in argv if word.startswith("--")}
    return given


def _late_words(
    sub: argparse.ArgumentParser, given: argparse.Namespace, words: list[str]
) -> list[str]:
    """Gives the words behind the options to what may be left out (argparse looks for that in front
    of them alone); what is left of the words."""
    left = list(words)
    for action in sub._actions:
        bare = action.nargs == "?" and not action.option_strings and not action.choices
        if bare and left and not left[0].startswith("-") and getattr(given, action.dest) is None:
            word = left.pop(0)
            setattr(given, action.dest, action.type(word) if callable(action.type) else word)
    return left


def _command_first(argv: list[str]) -> list[str]:
    """Puts the command before its options, ``serve`` where none is named."""
    i = 0
    while i < len(argv):
        word = argv[i]
        if not word.startswith("-"):
            if word in COMMANDS:
                return [word, *argv[:i], *argv[i + 1 :]]
            near = difflib.get_close_matches(word, COMMANDS, 1)
            hint = f"nearest: {near[0]}" if near else f"there are: {', '.join(COMMANDS)}"
            raise UserError(f"there is no command {word!r}; {hint}")
        i += 1 if word in WITHOUT_VALUE or "=" in word else 2
    if {"-h", "--help", "--version"} & set(argv):
        return argv
    return ["serve", *argv]


def build() -> Parser:
    """The parser with all commands."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("neuronscope")
    except PackageNotFoundError:  # run from a checkout that is not installed
        number = "(not installed)"
    parser = Parser(prog="neuronscope", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"neuronscope {number}")
    subs = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, text in COMMANDS.items():
        sub = subs.add_parser(name, help=text, description=text, allow_abbrev=False)
        _OPTIONS[name](sub)
    return parser


def _sub(parser: Parser, command: str) -> argparse.ArgumentParser:
    actions = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    found: argparse.ArgumentParser = next(actions).choices[command]
    return found


# ---- options ----


def _common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print one JSON document")
    sub.add_argument("--cache", metavar="DIR", help="where results are kept")
    sub.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="M",
        help=f"a name (see: neuronscope models), timm:NAME, PATH/file.py:factory ({DEFAULT_MODEL})",
    )  # fmt: skip
    sub.add_argument("--weights", metavar="F", help="safetensors, a state dict, or random")
    sub.add_argument("--fit", choices=FITS, default="crop", help="crop the centre, or squeeze all")
    sub.add_argument("--device", choices=DEVICES, default="auto")
    sub.add_argument("--seed", type=whole(0, SEEDS - 1), default=0, metavar="N")


def _pictures(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--images", type=Path, metavar="DIR", help="a folder of your pictures")
    sub.add_argument("--labels", type=Path, metavar="CSV", help="what they show")


def _serve(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _pictures(sub)
    sub.add_argument("--host", default="127.0.0.1", help="127.0.0.1; others are refused so far")
    sub.add_argument("--port", type=whole(1, 65535), default=DEFAULT_PORT, metavar="N")
    sub.add_argument("--no-browser", action="store_true", help="only print the address")


def _predict(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("images", nargs="+", metavar="IMAGE", type=Path)
    sub.add_argument("--top", type=whole(1, 100_000), default=5, metavar="K")


def _classes(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--class", dest="said", metavar="C", help="index, name or unique part of it")
    sub.add_argument("--rather-than", metavar="D", help="the class instead of which")


def _fires(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("image", metavar="IMAGE", type=Path)
    sub.add_argument("--layer", required=True, metavar="L")
    sub.add_argument("--at", type=place, metavar="ROW,COL", help="one place of the layer's grid")
    sub.add_argument("--top", type=whole(1, 100_000), default=20, metavar="K")
    sub.add_argument("--sort", choices=("activation", "effect"), default="activation")
    _classes(sub)


def _neuron(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument(
        "image", nargs="?", metavar="IMAGE", type=Path,
        help="also what makes it fire on this picture, and what it makes fire",
    )  # fmt: skip
    sub.add_argument("--layer", required=True, metavar="L")
    sub.add_argument("--channel", required=True, type=whole(0, 10**9), metavar="N")
    sub.add_argument("--at", type=place, metavar="ROW,COL", help="one place of IMAGE, on the grid")
    _pictures(sub)
    sub.add_argument("--no-trust", action="store_true", help="draw no icons, which takes longest")


def _visualize(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    what = sub.add_mutually_exclusive_group(required=True)
    what.add_argument("--channel", type=whole(0, 10**9), metavar="N", help="at every place")
    what.add_argument("--neuron", type=whole(0, 10**9), metavar="N", help="at the middle place")
    what.add_argument("--direction", type=Path, metavar="F.npy", help="a vector over channels")
    what.add_argument("--class", dest="said", metavar="C", help="the logit of a class")
    sub.add_argument("--layer", metavar="L")
    second = {"type": whole(0, 10**9), "metavar": "M"}
    sub.add_argument("--with", dest="also", help="this channel as well, both at once", **second)
    sub.add_argument("--blend-to", help="a row of pictures from --channel to this one", **second)
    sub.add_argument(
        "--count", type=whole(1, 100_000), default=7, metavar="B", help="pictures in that row (7)"
    )
    sub.add_argument("--negative", action="store_true", help="what makes it small")
    sub.add_argument("--diversity", type=whole(1, 16), default=1, metavar="B")
    sub.add_argument("--steps", type=whole(1, 100_000), default=144, metavar="S")
    sub.add_argument(
        "--settled", type=share, default=0.0, metavar="SHARE",
        help="end earlier, once 32 steps gain less than this share (such as .01)",
    )  # fmt: skip
    sub.add_argument("--grow", action="store_true", help="large shapes first, from 64 pixels on")
    sub.add_argument("--size", type=whole(8, 2048), default=128, metavar="PX")
    sub.add_argument(
        "--input-size", type=whole(8, 2048), metavar="PX",
        help="what the network is fed, the scale that the picture is made for (224 at most)",
    )  # fmt: skip
    sub.add_argument(
        "--recipe", choices=("lucid", "pixel", "maco"), default="lucid",
        help="frequencies alike strong, plain pixels, or phases alone as strong as in photographs",
    )  # fmt: skip
    sub.add_argument("--no-decorrelation", action="store_true", help="plain red, green and blue")
    sub.add_argument(
        "--transforms", metavar="LIST", help="of pad,jitter,scale,rotate,crop; or none"
    )
    sub.add_argument(
        "--images", type=Path, metavar="DIR", help="photographs for maco (the samples)"
    )
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png")


def _explain(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("image", nargs="?", metavar="IMAGE", type=Path)
    _classes(sub)
    _pictures(sub)
    pair_options(sub)
    sub.add_argument("--layer", metavar="L", help="this layer alone, in place of the ladder")
    sub.add_argument("--without", type=wholes, metavar="N,N", help="check these neurons of it")
    sub.add_argument("--at", type=place, metavar="ROW,COL", help="remove them at this place only")
    sub.add_argument("-o", "--output", type=Path, metavar="REPORT.html")


def _patch(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _pictures(sub)
    _classes(sub)
    patch_options(sub)


def _fade(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _pictures(sub)
    _classes(sub)
    fade_options(sub)


def _dream(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _pictures(sub)
    dream_options(sub)


def _evaluate(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    _pictures(sub)
    sub.add_argument(
        "-o", "--output", type=Path, metavar="TABLE.csv", help="one row a picture as well"
    )


def _atlas(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("action", choices=("build", "info", "export"))
    sub.add_argument("key", nargs="?", metavar="KEY", help="an atlas, by the beginning of its key")
    sub.add_argument("--layer", metavar="L", help="the layer, or the newest atlas of this layer")
    _pictures(sub)
    sub.add_argument(
        "--grids", type=wholes, default=[20, 40], metavar="20,40", help="cells a side (20,40)"
    )
    sub.add_argument(
        "--points", type=whole(1, 10**7), metavar="N",
        help="about so many places in all (20000); a picture gives 1 to 64",
    )  # fmt: skip
    sub.add_argument(
        "--layout", choices=("umap", "pca"), default="umap",
        help="by neighbours, or laid flat: at once, and less true",
    )  # fmt: skip
    _classes(sub)
    sub.add_argument("-o", "--output", type=Path, metavar="DIR", help="the folder of an export")


def _names(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("action", nargs="?", choices=("list", "export", "import"), default="list")
    sub.add_argument("file", nargs="?", type=Path, metavar="F.json", help="for export and import")


def _findings(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print one JSON document")
    sub.add_argument("--cache", metavar="DIR", help="where findings are kept, beside the cache")
    actions = ("list", "export", "import", "remove")
    sub.add_argument("action", nargs="?", choices=actions, default="list")
    sub.add_argument(
        "what", nargs="?", metavar="F|ID", help="F.html, F.json or F.csv to write, F.json to read"
    )


def _cache(sub: argparse.ArgumentParser) -> None:
    _common(sub)
    sub.add_argument("action", choices=("info", "verify", "export", "import", "clear"))
    sub.add_argument("file", nargs="?", type=Path, metavar="F", help="for export and import")


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "serve": _serve, "models": _common, "layers": _common, "predict": _predict, "fires": _fires,
    "neuron": _neuron, "visualize": _visualize, "explain": _explain, "evaluate": _evaluate,
    "atlas": _atlas, "patch": _patch, "fade": _fade, "dream": _dream,
    "names": _names, "findings": _findings, "cache": _cache,
}  # fmt: skip
