"""The commands. Each asks the function that the page asks, and tells its answer twice: as a
document and as lines."""

import argparse
import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cache.atlas import remove_all, totals
from cache.errors import UserError
from cache.location import cache_dir
from cache.store import Store
from dashboard import cli_output as out

if TYPE_CHECKING:
    from analysis.models import Classifier

Answer = tuple[Any, Iterable[str]]


def run(given: argparse.Namespace) -> None:
    """Runs one command and prints its answer. Raises UserError."""
    if given.command == "serve":
        _serve(given)
        return
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # for developers; python -W default brings them back
    with contextlib.redirect_stdout(sys.stderr):  # what a user's own network prints is no answer
        document, lines = _ANSWERS[given.command](given)
    out.emit(document, lines, as_json=given.json)
    if getattr(given, "interrupted", False):
        raise KeyboardInterrupt
    missing = getattr(given, "missing", None)
    if missing:
        raise UserError(missing)


def _serve(given: argparse.Namespace) -> None:
    from dashboard.config import Config

    config = Config(
        model=given.model, weights=given.weights, fit=given.fit, device=given.device,
        seed=given.seed, cache=given.cache, images=given.images, labels=given.labels,
        host=given.host, port=given.port, browser=not given.no_browser,
    )  # fmt: skip
    from dashboard.server import serve  # dash is imported for a page that can be opened only

    serve(config)


def _network(given: argparse.Namespace) -> "Classifier":
    from analysis.models import load

    return load(given.model, weights=given.weights, device=given.device, fit=given.fit)


def _store(given: argparse.Namespace) -> Store:
    return Store(cache_dir(given.cache))


# ---- models, layers ----


def _models(_: argparse.Namespace) -> Answer:
    from analysis.models import available

    rows = available()
    shown = [(r["name"], r["source"], r["available_offline"], r["classes"]) for r in rows]
    return rows, out.table(("network", "from", "works offline", "classes"), shown)


def _layers(given: argparse.Namespace) -> Answer:
    from analysis.layers import list_layers

    rows = [
        {"layer": x.name, "kind": x.kind, "channels": x.channels, "grid": x.grid}
        for x in list_layers(_network(given))
    ]
    shown = [
        (r["layer"], r["kind"], r["channels"], "{} x {}".format(*r["grid"]) if r["grid"] else None)
        for r in rows
    ]
    return rows, out.table(("layer", "kind", "channels", "grid"), shown)


# ---- predict, fires ----


def _predict(given: argparse.Namespace) -> Answer:
    """Pictures that cannot be read are named at the end; the others are answered."""
    from analysis.explain import look, ranking

    classifier = _network(given)
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    show = out.progress("pictures")
    for done, path in enumerate(given.images, 1):
        try:
            seen = look(classifier, path)
            rows.append({"file": path, "top": ranking(classifier, seen.logits, given.top)})
        except UserError as error:
            faults.append(str(error))
        show(done, len(given.images))
    if faults:
        more = f" (and {len(faults) - 1} more pictures cannot be read)" if len(faults) > 1 else ""
        given.missing = faults[0] + more
        if not rows:
            raise UserError(given.missing)
    lines = out.mark(trained=classifier.trained)
    for row in rows:
        lines += [out.named(row["file"]), *_ranking_lines(row["top"]), ""]
    return rows, lines[:-1]


def _ranking_lines(top: list[dict[str, Any]]) -> list[str]:
    rows = [(f"{r['probability']:7.2%}", r["logit"], r["index"], r["class"]) for r in top]
    return out.table(("probability", "logit", "index", "class"), rows)


def _fires(given: argparse.Namespace) -> Answer:
    from analysis.activations import fires
    from analysis.attribution import attribute, position
    from analysis.explain import look, resolve, sides
    from analysis.layers import find_layer
    from dashboard.cli_names import Called, with_origin

    classifier = _network(given)
    layer = find_layer(classifier, given.layer)
    if given.at is not None:
        position(layer, given.at)
    seen = look(classifier, given.image)
    target = resolve(classifier, seen.logits, given.said, given.rather_than)
    found = attribute(classifier, seen.x, [layer.name], target)
    rows = fires(found.layers[layer.name], at=given.at, top=given.top, sort=given.sort)
    called = Called(given, classifier)
    neurons = [
        {"channel": r["channel"], "activation": r["activation"], "attribution": r["effect"],
         **called(layer.name, r["channel"])} for r in rows
    ]  # fmt: skip
    said, other = sides(classifier, seen.logits, found.target)
    document = {
        "layer": layer.name, "grid": layer.grid, "at": given.at,
        "classes": {"said": said, "rather_than": other}, "margin": found.margin,
        "neurons": neurons,
    }  # fmt: skip
    where = "whole picture" if given.at is None else f"place {given.at[0]},{given.at[1]}"
    head = f"{layer.name}, {where}: {_claim(said, other, found.margin)}"
    shown = [
        (n["channel"], n["activation"], out.signed(n["attribution"]), with_origin(n))
        for n in neurons
    ]
    table = out.table(("neuron", "activation", "effect", "name"), shown)
    return document, [head, *out.mark(trained=classifier.trained), *table]


def _claim(said: dict[str, Any], other: dict[str, Any] | None, margin: float) -> str:
    rather = f" rather than {other['class']}" if other else ""
    return f"{said['class']}{rather}, margin {out.signed(margin)}"


# ---- neuron, visualize ----


def _neuron(given: argparse.Namespace) -> Answer:
    from dashboard.cli_neuron import neuron

    return neuron(given)


def _visualize(given: argparse.Namespace) -> Answer:
    from dashboard.cli_blend import blend, check_second
    from dashboard.cli_icons import draw

    path = out.target(given.output, out.FORMATS)
    check_second(given)
    if given.blend_to is not None:
        return blend(given, path)
    classifier, store = _network(given), _store(given)
    started = time.perf_counter()
    drawn = draw(given, classifier, store, out.progress("steps"))
    count = len(drawn.images)
    files = [path.with_stem(f"{path.stem}-{i + 1}") if count > 1 else path for i in range(count)]
    for file, pixels in zip(files, drawn.images, strict=True):
        out.save(file, out.picture_bytes(np.asarray(pixels), file))
    seconds = round(time.perf_counter() - started, 3)
    document = {
        "files": files,
        "activation": drawn.activations[0] if count == 1 else drawn.activations,
        "steps": drawn.steps, "seconds": seconds, "recipe": given.recipe, "key": drawn.key,
        "input_size": drawn.input_size, "dead": drawn.dead, "from_cache": drawn.cached,
    }  # fmt: skip
    kept = ", from the cache" if drawn.cached else ""
    lines = [
        f"{out.named(file)}: activation {value:.4g}" + (" (nothing makes it fire)" if dead else "")
        for file, value, dead in zip(files, drawn.activations, drawn.dead, strict=True)
    ]
    made = f"{drawn.steps} steps at a network input of {drawn.input_size} px, {seconds:.1f} s{kept}"
    return document, [*lines, made]


# ---- explain ----


def _explain(given: argparse.Namespace) -> Answer:
    from dashboard.cli_explain import explanation

    if given.pair is not None:
        from dashboard.cli_pair import pair

        return pair(given)
    return explanation(given, lambda: _network(given), lambda: _store(given))


# ---- patch, fade, dream ----


def _patch(given: argparse.Namespace) -> Answer:
    from dashboard.cli_patch import patch

    return patch(given)


def _fade(given: argparse.Namespace) -> Answer:
    from dashboard.cli_fade import fade

    return fade(given)


def _dream(given: argparse.Namespace) -> Answer:
    from dashboard.cli_dream import dream

    return dream(given)


# ---- evaluate ----


def _evaluate(given: argparse.Namespace) -> Answer:
    from dashboard.cli_evaluate import evaluate

    return evaluate(given, _network(given))


# ---- names ----


def _names(given: argparse.Namespace) -> Answer:
    from dashboard.cli_names import names

    return names(given, lambda: _network(given).fingerprint)


def _findings(given: argparse.Namespace) -> Answer:
    from dashboard.cli_findings import findings

    return findings(given)


# ---- atlas ----


def _atlas(given: argparse.Namespace) -> Answer:
    from dashboard.cli_atlas import atlas

    return atlas(given)


# ---- cache ----


def _cache(given: argparse.Namespace) -> Answer:
    needs = given.action in ("export", "import")
    if needs and given.file is None:
        raise UserError(f"cache {given.action} needs a file; see: neuronscope cache --help")
    if not needs and given.file is not None:
        raise UserError(f"cache {given.action} takes no file")
    if given.action == "export":
        out.target(given.file)
    store = _store(given)
    actions: dict[str, Callable[[], dict[str, Any]]] = {
        "info": store.info,
        "verify": lambda: store.verify(progress=out.progress("entries")),
        "export": lambda: store.export(given.file),
        "import": lambda: store.import_(given.file),
        "clear": store.clear,
    }
    document = {**actions[given.action](), **_of_atlases(given.action, store.root)}
    return document, [f"{name.replace('_', ' ')}: {_said(v)}" for name, v in document.items()]


def _of_atlases(action: str, root: Path) -> dict[str, int]:
    """What the action means for atlases and their samples, which lie beside the entries."""
    if action == "info":
        return totals(root)
    if action == "clear":
        return {f"removed_{name}": value for name, value in remove_all(root).items()}
    return {"atlases_left_out": totals(root)["atlases"]} if action == "export" else {}


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_said(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


_ANSWERS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "models": _models, "layers": _layers, "predict": _predict, "fires": _fires,
    "neuron": _neuron, "visualize": _visualize, "explain": _explain, "evaluate": _evaluate,
    "atlas": _atlas, "patch": _patch, "fade": _fade, "dream": _dream,
    "names": _names, "findings": _findings, "cache": _cache,
}  # fmt: skip
