"""The command ``patch``: what a network says of pictures with something laid on them, by the page's
own tasks, for a terminal."""

import argparse
import base64
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis import images
from analysis.explain import resolve
from analysis.filekinds import printable
from analysis.pasting import Patch
from cache.errors import UserError
from dashboard import cli_output as out
from dashboard.bench import Bench
from dashboard.bench_records import curve_rows, records_of
from dashboard.cli_bench import bench_of, finished
from dashboard.cli_lists import Pair, answer_all, atlas_of, chosen_list, class_of, pair_of
from dashboard.cli_patch_tables import (
    Names,
    all_lines,
    curve_lines,
    pushed_lines,
    recipe_lines,
    trial_lines,
)
from dashboard.picture_lists import listed
from dashboard.tables import records_as_csv
from dashboard.tasks_bench import bench_all, bench_curve, bench_picture, bench_trial
from dashboard.tasks_patches import examples
from dashboard.tasks_recipes import bench_recipe
from dashboard.tasks_suggest import bench_suggest

Answer = tuple[Any, Iterable[str]]
PICTURE, TABLE = (".png",), (".csv",)
CONTENT_KEY = r"[0-9a-f]{64}"


def patch(given: argparse.Namespace) -> Answer:
    """A patch on a picture, on a list of pictures, the program's own search, or a recipe. Raises
    UserError."""
    asked = _question(given)
    if given.output is not None:
        kinds = (*PICTURE, *(TABLE if given.curve else ())) if asked is _on_picture else TABLE
        out.target(given.output, kinds)
    bench = bench_of(given)
    document, lines = asked(given, bench)
    return document, [*out.mark(trained=bench.classifier(given.model).trained), *lines]


def _question(given: argparse.Namespace) -> Any:
    """Which of the four is asked. UserError: none, or options of another."""
    wanted = [name for name in ("patch", "suggest", "recipe") if getattr(given, name)]
    if len(wanted) != 1:
        raise UserError("name one of --patch WORD, --suggest and --recipe NAME; "
                        "see: neuronscope patch --help")  # fmt: skip
    if wanted == ["recipe"]:
        return _refusing(given, _recipe, "--recipe", ("image", "pair", "list", "curve"))
    if wanted == ["suggest"]:
        if given.image is None:
            raise UserError("--suggest looks for patches for one picture: name the IMAGE")
        return _refusing(given, _suggested, "--suggest", ("pair", "list", "curve"))
    if given.image is None:
        return _refusing(given, _on_all, "a patch on many pictures", ("curve", "layer"))
    return _refusing(given, _on_picture, "a patch on one picture", ("pair", "list", "towards"))


def _refusing(given: argparse.Namespace, asked: Any, what: str, foreign: tuple[str, ...]) -> Any:
    for name in foreign:
        if getattr(given, name):
            word = "an IMAGE" if name == "image" else f"--{name}"
            raise UserError(f"{what} does not take {word}")
    return asked


# ---- one picture ----


def _on_picture(given: argparse.Namespace, bench: Bench) -> Answer:
    word, picture = read_patch(bench, given.patch), lent(bench, given)
    pair = between(given, bench, picture)
    asked = {"model": given.model, "picture": picture, "a": pair[0], "b": pair[1], "patch": word}
    found = bench_trial(bench, **asked)
    names = Names(bench.classifier(given.model).categories.names, *pair)
    document = {"file": given.image, "patch": given.patch, "classes": names.told,
                **names.spoken(found)}  # fmt: skip
    lines = [f"{out.named(given.image)}: {given.patch}", *trial_lines(found, names)]
    if given.curve:
        curve = finished(bench_curve(bench, **asked), out.progress("sizes")).answer
        document["curve"] = curve_rows(curve, names.all)
        lines += ["", "The same patch in other sizes", *curve_lines(document["curve"])]
    if given.output is not None:
        document["written"] = given.output
        if given.output.suffix.lower() == ".csv":
            out.save(given.output, records_as_csv(document["curve"]).encode())
        else:
            shown = bench_picture(bench, model=given.model, picture=picture, patch=word)
            out.save(given.output, base64.b64decode(shown))
        lines += ["", f"written: {out.named(given.output)}"]
    return document, lines


def lent(bench: Bench, given: argparse.Namespace) -> str:
    """The key of the picture that was named, opened as the network sees it."""
    picture = bench.library.lend(images.read_bytes(given.image), name=printable(str(given.image)))
    bench.open(given.model, picture.key)
    return picture.key


def between(given: argparse.Namespace, bench: Bench, picture: str) -> Pair:
    """The two classes that are compared on a picture. UserError."""
    opened, classifier = bench.open(given.model, picture), bench.classifier(given.model)
    logits = opened.logits.astype(float)
    target = resolve(classifier, logits, given.said, given.rather_than, true=opened.label)
    if target.rather_than is None:
        raise UserError("a patch is measured between two classes: this network has but one")
    return target.a, target.rather_than


def read_patch(bench: Bench, word: str) -> str:
    """The patch's word; a crop may name a file in place of a content key."""
    begin, _, rest = word.partition(":")
    parts = rest.rsplit(":", 2)
    if begin == "crop" and len(parts) == 3 and not re.fullmatch(CONTENT_KEY, parts[0]):
        found = bench.library.lend(images.read_bytes(Path(parts[0])), name=printable(parts[0]))
        word = ":".join([begin, found.key, *parts[1:]])
    return Patch.parse(word).word


# ---- many pictures ----


def _on_all(given: argparse.Namespace, bench: Bench) -> Answer:
    word = read_patch(bench, given.patch)
    wall, among = chosen_list(given, bench)
    pair = _classes(given, bench, wall)
    side = towards(given, bench, pair)
    answer_all(given, bench, wall)
    keys = listed(bench, model=given.model, wall=wall, sure=given.sure, among=among)
    steps = bench_all(bench, model=given.model, a=pair[0], b=pair[1], patch=word, towards=side,
                      pictures=keys)  # fmt: skip
    found = finished(steps, out.progress("pictures")).answer
    names = Names(bench.classifier(given.model).categories.names, *pair)
    rows = records_of(found, names.all)
    document = {"patch": given.patch, "list": wall, "classes": names.told,
                "summary": names.summed(found["summary"]), "unread": found["unread"],
                "pictures": rows}  # fmt: skip
    return document, [*all_lines(found, names, rows), *_table(given, document, rows)]


def _classes(given: argparse.Namespace, bench: Bench, wall: str | None) -> Pair:
    """Those that are named, else those of the pair: what was said rather than the truth."""
    pair = pair_of(wall)
    if given.said is None and given.rather_than is None and pair is not None:
        return pair[1], pair[0]
    return named_classes(given, bench)


def named_classes(given: argparse.Namespace, bench: Bench) -> Pair:
    """The two classes, where there is no picture that could say them. UserError."""
    if given.said is None or given.rather_than is None:
        raise UserError("name both classes, with --class and --rather-than")
    found = class_of(bench, given, given.said), class_of(bench, given, given.rather_than)
    if found[0] == found[1]:
        raise UserError("--class and --rather-than name the same class; name two")
    return found


def towards(given: argparse.Namespace, bench: Bench, pair: Pair) -> Any:
    """Which of the two is to be named: "a" or "b"."""
    if given.towards is None:
        return "b"
    index = class_of(bench, given, given.towards)
    if index not in pair:
        raise UserError("--towards names one of the two classes that are compared")
    return "ab"[pair.index(index)]


# ---- the program's own search ----


def _suggested(given: argparse.Namespace, bench: Bench) -> Answer:
    layer = bench.layer(given.model, given.layer or _usual_layer(given, bench)).name
    picture = lent(bench, given)
    pair = between(given, bench, picture)
    side = towards(given, bench, pair)
    finished(examples(bench, model=given.model, layer=layer), out.progress("pictures"))
    steps = bench_suggest(
        bench, model=given.model, picture=picture, layer=layer, a=pair[0], b=pair[1],
        towards=side, atlas=atlas_of(given, bench, layer), size=given.size,
    )  # fmt: skip
    found = finished(steps, out.progress("patches")).answer
    names = Names(bench.classifier(given.model).categories.names, *pair)
    rows = records_of(found, names.all)
    document = {"file": given.image, "layer": layer, "classes": names.told,
                "towards": names.all[pair["ab".index(side)]], "places": found["places"],
                "patches": rows}  # fmt: skip
    head = (f"How far each pushes {document['towards']}, in logits, at the best of "
            f"{found['places']} places; noise at its best of them")  # fmt: skip
    lines = [head, *pushed_lines(rows)]
    return document, [*lines, *_table(given, document, rows)]


def _usual_layer(given: argparse.Namespace, bench: Bench) -> str:
    from dashboard.tasks import network

    return str(network(bench, model=given.model)["default_layer"])


def _recipe(given: argparse.Namespace, bench: Bench) -> Answer:
    steps = bench_recipe(bench, model=given.model, recipe=given.recipe,
                         atlas=atlas_of(given, bench, None))  # fmt: skip
    found = finished(steps, out.progress("pictures with a patch")).answer
    names = Names(bench.classifier(given.model).categories.names, found["a"], found["b"])
    rows = records_of(found, names.all)
    for row in rows:
        row["picture"] = getattr(bench.library.find(row["picture"]), "name", row["picture"])
    about = {name: found[name] for name in ("pictured", "pictures", "sources", "tried", "noise")}
    document = {"recipe": given.recipe, "classes": names.told, **about, "patches": rows}
    return document, [*recipe_lines(found, names, rows), *_table(given, document, rows)]


def _table(
    given: argparse.Namespace, document: dict[str, Any], rows: list[dict[str, Any]]
) -> list[str]:
    """Writes the rows where that is asked for."""
    if given.output is None:
        return []
    out.save(given.output, records_as_csv(rows).encode())
    document["written"] = given.output
    return ["", f"written: {out.named(given.output)}"]
