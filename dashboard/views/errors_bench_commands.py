"""What the patch bench shows, as words of the command line ("copy as command")."""

from pathlib import Path
from typing import Any

from analysis.pasting import Patch
from dashboard.selection import Selection, fade_of
from dashboard.service import Service
from dashboard.views.context import Context

Asked = dict[str, Any]


def of_patch(here: Context, patch: Patch) -> list[str]:
    """The patch on the open picture, with its curve over size."""
    words = ["--patch", named(here, patch.word), *here.versus]
    return here.command("patch", *words, "--curve")


def of_faders(here: Context) -> list[str]:
    """The faders on the open picture."""
    return here.command("fade", "--layer", here.layer, "--times", here.chosen.fade or "",
                        *here.versus)  # fmt: skip


def of_pair(here: Context, pair: tuple[int, int], drop: list[int]) -> list[str]:
    """All pictures of a pair together; ``pair``: (true, said)."""
    out = ["--leave-out", ",".join(map(str, drop))] if drop else []
    return [*here.command_on_all("explain"), "--pair", f"{pair[0]},{pair[1]}",
            "--layer", here.layer, *filters(here.chosen.sure, here.chosen.among), *out]  # fmt: skip


def of_work(service: Service, asked: Asked) -> list[str]:
    """A longer work that was asked for (see ``BenchDesk``)."""
    here = Context(Selection(model=asked["model"], picture=asked.get("picture")), service)
    if asked["task"] == "bench_recipe":
        return [*here.command_on_all("patch"), "--recipe", asked["recipe"]]
    versus = ["--class", str(asked["a"]), "--rather-than", str(asked["b"])]
    towards = ["--towards", str(asked["a"])] if asked.get("towards") == "a" else []
    if asked["task"] == "bench_cost":
        turned = ["--layer", asked["layer"], "--times", asked["fade"], *versus]
        if fade_of(asked["fade"])[1]:  # groups are those of the picture
            return [*here.command("fade", "--cost", *turned), *here.folder]
        return [*here.command_on_all("fade"), *turned]
    if asked["task"] == "bench_suggest":
        size = ["--size", f"{asked['size']:g}"] if "size" in asked else []
        return [*here.command("patch", "--suggest", "--layer", asked["layer"], *size, *versus),
                *towards, *here.folder]  # fmt: skip
    given = filters(asked.get("sure"), asked.get("among"))
    return [*here.command_on_all("patch"), "--patch", named(here, asked["patch"]), *versus,
            *_list(asked.get("wall")), *given, *towards]  # fmt: skip


def filters(sure: str | None, among: int | None) -> list[str]:
    """The filters of a list."""
    words = ["--sure", sure] if sure else []
    return words + (["--among", str(among)] if among is not None else [])


def named(here: Context, word: str) -> str:
    """A patch with the file that it is cut from in place of a content key."""
    patch = Patch.parse(word)
    if patch.kind != "crop":
        return word
    found = here.service.library.find(patch.source[0])
    source = getattr(found, "source", None)
    path = str(source) if isinstance(source, Path) else found.name if found else patch.source[0]
    return word.replace(patch.source[0], path)


def _list(wall: str | None) -> list[str]:
    if wall is None:
        return []
    return ["--pair" if "," in wall else "--list", wall]
