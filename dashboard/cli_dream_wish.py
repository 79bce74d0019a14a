"""What the command ``dream`` was asked for, as the wish that the page would send."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis import images
from analysis.dream import schedule
from analysis.dream.stamp import Stamp, read_settings
from analysis.filekinds import printable
from analysis.layers import find_layer
from analysis.models import Classifier, available
from cache.errors import UserError
from cache.keys import is_key
from dashboard import cli_output as out
from dashboard import dream_settings, dream_wish
from dashboard.dream_command import FILMS, STILLS, meant
from dashboard.dream_pictures import OfBench
from dashboard.dream_reopen import reopened
from dashboard.dream_wish import Wish

# what of a picture or network each way to dream takes, beside its settings
TAKES = {
    "dream": ("layer", "channel", "group"), "class": ("class",), "guided": ("layer", "guide"),
    "stream": ("layer", "channel", "group", "then"), "layers": (), "style": ("guide",),
    "kept": ("layer",), "two": ("layer", "class", "guide", "second", "second-layer"),
}  # fmt: skip
_NEEDS = {
    "guided": ("guide", "name the picture that guides with --guide"),
    "style": ("guide", "name the picture whose style it is with --guide"),
    "two": ("second", "name the second network with --second"),
    "class": ("goal", "name the class with --class"),
}
_KINDS = ("layer", "channel", "group", "class", "guide", "second", "second-layer", "then")


class OfFiles(OfBench):
    """Networks as the page has them, pictures by their files' content; a film has all frames from
    the first on, so all are kept."""

    endless = False

    def opened(self, path: Path) -> str:
        """The key of a picture's file. UserError."""
        data = images.read_bytes(path)
        return self.bench.library.lend(data, name=printable(path.name)).key


def plan(given: argparse.Namespace) -> tuple[Wish, Stamp | None]:
    """What can be told without a network or a picture; the notes of the file that ``--settings``
    names. UserError."""
    path = out.target(given.output, (*STILLS, *FILMS))
    _spare(given)
    suffix, stamp = path.suffix.lower(), None
    if given.settings is None:
        mode = given.mode or meant(_named(given), suffix)
        base = Wish(mode=mode, model=given.model, layer="", preview=False)
    else:
        stamp = read_settings(given.settings)
        base = _reopened(given, stamp)
    _check(given, base.mode, suffix)
    return replace(base, how=_how(given, base)), stamp


def _spare(given: argparse.Namespace) -> None:
    """UserError where the result would take the place of a picture that it is made of."""
    for source in (given.image, given.guide):
        try:
            own = source is not None and given.output.samefile(source)
        except OSError:  # there is no such file: said where it is opened
            continue
        if own:
            name = printable(given.output.name)
            raise UserError(
                f"{name!r} is a picture that this is made of: name another file with -o"
            )


def _named(given: argparse.Namespace) -> set[str]:
    return {word.removeprefix("--") for word in given.named}


def _reopened(given: argparse.Namespace, stamp: Stamp) -> Wish:
    # a file of anybody's does not choose which code of this machine is run
    models = [str(row["name"]) for row in available()]
    if "--model" not in given.named and stamp.network not in models:
        raise UserError(f"name the network that it was made with: --model {stamp.network}")
    wish = reopened(stamp, models, given.model)
    if wish.mode == "two" and given.second is None and wish.second not in (None, *models):
        second = printable(str(wish.second))
        raise UserError(f"name the second network that it was made with: --second {second}")
    if given.mode not in (None, wish.mode):
        raise UserError(f"--settings names a result of --mode {wish.mode}: leave --mode out")
    return replace(wish, model=given.model) if "--model" in given.named else wish


def _check(given: argparse.Namespace, mode: str, suffix: str) -> None:
    """UserError where the file, or an option, is of another way to dream."""
    if mode == "stream" and suffix not in FILMS:
        raise UserError(f"a stream is a film: name a file that ends in {' or '.join(FILMS)}")
    if mode != "stream" and suffix in FILMS:
        raise UserError(f"only a stream is a film; --mode {mode} makes a picture, such as OUT.png")
    taken = {*TAKES[mode], *dream_settings.OF_MODE[mode]}
    foreign = sorted(_named(given) & ({*_KINDS, *dream_settings.ALL} - taken - {"seed"}))
    if foreign:
        raise UserError(f"--mode {mode} does not take --{foreign[0]}")
    if mode == "two" and given.said and (given.layer or given.second_layer or given.guide):
        raise UserError("a class has no layer and no guide: leave --class out, or these")
    if given.channel and given.group:
        raise UserError("--channel and --group both say what becomes stronger: choose one")


def _how(given: argparse.Namespace, base: Wish) -> str | None:
    """The settings that are not as usual. UserError."""
    way = dream_settings.way(base.mode, given.said or (None if given.layer else base.goal))
    values = dream_settings.read(way, base.how)
    for name in values:
        if f"--{name}" in given.named:
            value = getattr(given, name)
            values[name] = dream_settings.ALL["seed"].read(str(value)) if name == "seed" else value
    return dream_settings.written(way, values)


def completed(
    given: argparse.Namespace, planned: Wish, stamp: Stamp | None, files: OfFiles
) -> Wish:
    """The wish with its pictures, its layer and its class. UserError for what there is not."""
    changed: dict[str, Any] = {"picture": _start(given, planned, stamp, files)}
    classifier = files.network(planned.model)
    if given.channel:
        changed |= {"units": tuple(sorted(set(given.channel))), "group": None}
    if given.group:
        changed |= {"units": (), "group": given.group - 1}
    if given.then:
        changed["then"] = _then(given.then, classifier)
    if given.preview is not None:
        changed["preview"] = given.preview
    if planned.mode == "two":
        changed |= _second(given, planned, files)
    if given.said is not None:
        changed |= {"goal": classifier.categories.find(given.said), "layer": "", "guide": None}
    wish = replace(planned, **changed)
    if not wish.unlayered:
        if not (given.layer or wish.layer):
            raise UserError("name the layer with --layer; see: neuronscope layers")
        wish = replace(wish, layer=find_layer(classifier, given.layer or wish.layer).name)
    if "guide" in TAKES[wish.mode] and (wish.mode != "two" or wish.goal is None):
        wish = replace(wish, guide=_guide(given, planned, stamp, files))
    name, missing = _NEEDS.get(wish.mode, ("mode", ""))
    if getattr(wish, name) is None:
        raise UserError(missing)
    _compare(wish, stamp, files)
    return dream_wish.read(wish.plain())


def _then(texts: list[str], classifier: Classifier) -> str | None:
    """How a stream changes, as the page has it: layers by their whole names, classes by number."""
    stream = schedule.read_each(texts, classifier.categories.find)
    changes = tuple(
        replace(change, layer=find_layer(classifier, change.layer).name) if change.layer else change
        for change in stream.changes
    )
    return schedule.written(replace(stream, changes=changes))


def _second(given: argparse.Namespace, planned: Wish, files: OfFiles) -> dict[str, Any]:
    """The other network and its layer; a layer in place of the class that ``--settings`` names."""
    name, found = given.second or planned.second, dict[str, Any]()
    if name is None:
        raise UserError(_NEEDS["two"][1])
    found["second"] = name
    if given.layer or given.guide:
        found["goal"] = None
    if given.second_layer:
        found["second_layer"] = find_layer(files.network(name), given.second_layer).name
    elif given.second or given.said:
        found["second_layer"] = None
    return found


def _start(
    given: argparse.Namespace, planned: Wish, stamp: Stamp | None, files: OfFiles
) -> str | None:
    """The key of the picture, None for noise."""
    if given.image is not None:
        return None if str(given.image) == "noise" else files.opened(given.image)
    if stamp is None:
        raise UserError("name the picture to begin with, or noise; see: neuronscope dream --help")
    if planned.picture is not None and files.bench.library.find(planned.picture) is None:
        raise UserError(f"name the picture that it was made of: {stamp.sources['picture'].name}")
    return planned.picture


def _guide(
    given: argparse.Namespace, planned: Wish, stamp: Stamp | None, files: OfFiles
) -> str | None:
    """The key of the guide, or the class whose photographs are."""
    if given.guide is None:
        kept = planned.guide
        if stamp and kept and is_key(kept) and files.bench.library.find(kept) is None:
            origin = stamp.sources.get("guide 1")
            raise UserError(f"name its guide with --guide: {origin.name if origin else kept}")
        return kept
    if not given.guide.startswith("class:"):
        return files.opened(Path(given.guide))
    found = files.network(planned.model).categories.find(given.guide.removeprefix("class:"))
    return f"class:{found}"


def _compare(wish: Wish, stamp: Stamp | None, files: OfFiles) -> None:
    """Says what is not as it was when the file of ``--settings`` was made."""
    if stamp is None:
        return
    if files.network(wish.model).fingerprint != stamp.fingerprint:
        _note(f"that was made with another network, {stamp.network}")
    source = stamp.sources.get("picture")
    if source is not None and wish.picture not in (None, source.digest):
        _note(f"that was made of another picture, {source.name}")


def _note(text: str) -> None:
    print(f"neuronscope: {text}", file=sys.stderr)
